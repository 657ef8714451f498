//! Where states are kept: a directory of files.
//!
//! | file | what it is |
//! |---|---|
//! | `{stack}-{environment}.json` | the snapshot: readable JSON, with a checksum over all the rest |
//! | `{stack}-{environment}.journal` | what happened since, a line each |
//! | `{stack}-{environment}.lock` | locked while somebody works, and says who |
//! | `{stack}-{environment}.backups/` | the last ten snapshots |
//!
//! The rules: a snapshot is replaced as a whole (a temporary file, fsync, rename, fsync of the
//! directory), a journal only grows. Files are for their owner's eyes alone.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::journal::{self, Damage, Entry, Header};
use super::{FORMAT, State};

/// How many old snapshots are kept.
const BACKUPS: usize = 10;

/// A directory that holds states.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
}

/// Where the files of one stack in one environment are.
#[derive(Clone, Debug)]
struct Files {
    snapshot: PathBuf,
    journal: PathBuf,
    lock: PathBuf,
    backups: PathBuf,
}

/// Who is at work on a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The machine's name.
    pub host: String,
    /// The process's number.
    pub process: u32,
    /// The user's name.
    pub user: String,
    /// Since when.
    pub since: jiff::Timestamp,
    /// With which command.
    pub command: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, process, user, since, command } = self;
        write!(formatter, "{user} on {host} (process {process}), `{command}` since {since:.0}")
    }
}

/// A state that could not be read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The disk refused.
    #[error("{action} {}", path.display())]
    Disk {
        /// What was tried: `reading`.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The snapshot is not what was written.
    #[error("the state {} is damaged: {what}", path.display())]
    DamagedSnapshot {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
        /// The newest older copy that checks.
        last_good: Option<PathBuf>,
    },
    /// The journal is not what was written.
    #[error("the journal {} is damaged", path.display())]
    DamagedJournal {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Damage,
    },
    /// The journal belongs to another snapshot.
    #[error(
        "the journal {} follows serial {found} of lineage {found_lineage}, but the state beside it \
         is serial {expected} of lineage {expected_lineage}", path.display()
    )]
    ForeignJournal {
        /// The file.
        path: PathBuf,
        /// The serial that it follows.
        found: u64,
        /// The lineage that it follows.
        found_lineage: String,
        /// The snapshot's serial.
        expected: u64,
        /// The snapshot's lineage.
        expected_lineage: String,
    },
    /// There is a journal and no snapshot.
    #[error("there is a journal {} and no state beside it", path.display())]
    MissingSnapshot {
        /// The journal.
        path: PathBuf,
        /// The newest copy that checks.
        last_good: Option<PathBuf>,
    },
    /// A newer version wrote it.
    #[error("the state {} has format {format}, and this version knows formats up to {FORMAT}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format that it has.
        format: u64,
    },
    /// It is another stack's.
    #[error("the state {} is of {found}, not of {expected}", path.display())]
    OtherStack {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// Somebody else is at work.
    #[error("somebody is at work on this stack: {}", holder.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string))]
    Held {
        /// Who, if the lock says.
        holder: Option<Holder>,
    },
}

fn disk(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Disk { action, path, source }
}

impl Store {
    /// The states of a directory, which need not exist yet.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file that holds the snapshot of a stack.
    pub fn snapshot_path(&self, stack: &str, environment: &str) -> PathBuf {
        self.files(stack, environment).snapshot
    }

    /// Reads a state, as it is between two writes; no lock is needed.
    ///
    /// # Errors
    ///
    /// When there is one and it can't be trusted. Never an empty state in place of a damaged one.
    pub fn load(&self, stack: &str, environment: &str) -> Result<Option<State>, StoreError> {
        let files = self.files(stack, environment);
        // A writer may replace the snapshot and start a new journal between the two reads: a
        // journal that follows another serial is read again before it is believed.
        for _ in 0..3 {
            match files.load(stack, environment) {
                Err(StoreError::ForeignJournal { .. }) => {}
                settled => return settled,
            }
        }
        files.load(stack, environment)
    }

    /// Takes the lock of a stack, so that nobody else changes it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Held`] when somebody has it. A holder that died has let go of it.
    pub fn lock(
        &self,
        stack: &str,
        environment: &str,
        holder: &Holder,
    ) -> Result<Lock, StoreError> {
        let files = self.files(stack, environment);
        create_directory(&self.directory)?;
        let mut file = private()
            .create(true)
            .truncate(false)
            .read(true)
            .open(&files.lock)
            .map_err(disk("opening", &files.lock))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut said = String::new();
                let _ = file.read_to_string(&mut said);
                return Err(StoreError::Held { holder: serde_json::from_str(&said).ok() });
            }
            Err(TryLockError::Error(source)) => return Err(disk("locking", &files.lock)(source)),
        }
        let said = serde_json::to_string(holder).expect("a holder is made of scalars");
        file.set_len(0)
            .and_then(|()| file.write_all(said.as_bytes()))
            .map_err(disk("writing", &files.lock))?;
        Ok(Lock { files, _file: file })
    }

    fn files(&self, stack: &str, environment: &str) -> Files {
        let file = |ending: &str| self.directory.join(format!("{stack}-{environment}.{ending}"));
        Files {
            snapshot: file("json"),
            journal: file("journal"),
            lock: file("lock"),
            backups: file("backups"),
        }
    }
}

impl Files {
    fn load(&self, stack: &str, environment: &str) -> Result<Option<State>, StoreError> {
        let journal = self.read_journal()?;
        let Some(text) = read_if_there(&self.snapshot)? else {
            return match journal {
                None => Ok(None),
                Some(_) => Err(StoreError::MissingSnapshot {
                    path: self.journal.clone(),
                    last_good: self.last_good(),
                }),
            };
        };
        let mut state = self.parse(&text)?;
        if state.stack != stack || state.environment != environment {
            return Err(StoreError::OtherStack {
                path: self.snapshot.clone(),
                found: format!("{}-{}", state.stack, state.environment),
                expected: format!("{stack}-{environment}"),
            });
        }
        let Some((header, entries)) = journal else { return Ok(Some(state)) };
        // A snapshot that is newer than the journal has taken it in: the process died between
        // writing the one and removing the other.
        if header.lineage == state.lineage && header.serial < state.serial {
            return Ok(Some(state));
        }
        if header.lineage != state.lineage || header.serial != state.serial {
            return Err(StoreError::ForeignJournal {
                path: self.journal.clone(),
                found: header.serial,
                found_lineage: header.lineage,
                expected: state.serial,
                expected_lineage: state.lineage,
            });
        }
        for entry in entries {
            state.apply(entry);
        }
        Ok(Some(state))
    }

    fn read_journal(&self) -> Result<Option<(Header, Vec<Entry>)>, StoreError> {
        let Some(text) = read_if_there(&self.journal)? else { return Ok(None) };
        journal::read(&text)
            .map_err(|source| StoreError::DamagedJournal { path: self.journal.clone(), source })
    }

    fn parse(&self, text: &[u8]) -> Result<State, StoreError> {
        parse_snapshot(text).map_err(|fault| match fault {
            SnapshotFault::Newer(format) => {
                StoreError::Newer { path: self.snapshot.clone(), format }
            }
            SnapshotFault::Damaged(what) => StoreError::DamagedSnapshot {
                path: self.snapshot.clone(),
                what,
                last_good: self.last_good(),
            },
        })
    }

    /// The newest of the kept snapshots that checks.
    fn last_good(&self) -> Option<PathBuf> {
        let mut kept = self.kept();
        kept.reverse();
        kept.into_iter().find(|path| fs::read(path).is_ok_and(|text| parse_snapshot(&text).is_ok()))
    }

    /// The kept snapshots, oldest first.
    fn kept(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.backups) else { return Vec::new() };
        let mut kept: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        kept.sort();
        kept
    }
}

/// The right to change a stack's state; given back when it is dropped, or its process dies.
#[derive(Debug)]
pub struct Lock {
    files: Files,
    _file: File,
}

impl Lock {
    /// Begins to write a state: its snapshot is on disk afterwards, and an empty journal.
    ///
    /// # Errors
    ///
    /// When the disk refuses: then AWS must not be asked for anything.
    pub fn begin(self, mut state: State) -> Result<Writer, StoreError> {
        self.files.write_snapshot(&mut state)?;
        let journal = self.files.new_journal(&state)?;
        Ok(Writer { lock: self, state, journal })
    }
}

impl Files {
    fn write_snapshot(&self, state: &mut State) -> Result<(), StoreError> {
        let directory = self.snapshot.parent().unwrap_or(Path::new("."));
        create_directory(directory)?;
        self.keep_old()?;
        state.serial += 1;
        replace(&self.snapshot, render_snapshot(state).as_bytes())
    }

    /// Keeps the snapshot that is about to be replaced, and the nine before it.
    fn keep_old(&self) -> Result<(), StoreError> {
        let Some(text) = read_if_there(&self.snapshot)? else { return Ok(()) };
        let Ok(old) = parse_snapshot(&text) else { return Ok(()) };
        create_directory(&self.backups)?;
        replace(&self.backups.join(format!("{:010}.json", old.serial)), &text)?;
        let kept = self.kept();
        for old in kept.iter().take(kept.len().saturating_sub(BACKUPS)) {
            fs::remove_file(old).map_err(disk("removing", old))?;
        }
        Ok(())
    }

    fn new_journal(&self, state: &State) -> Result<File, StoreError> {
        let header = Header { lineage: state.lineage.clone(), serial: state.serial };
        replace(&self.journal, journal::write_line(&header).as_bytes())?;
        private().append(true).open(&self.journal).map_err(disk("opening", &self.journal))
    }
}

/// Writes a state while it changes.
#[derive(Debug)]
pub struct Writer {
    lock: Lock,
    state: State,
    journal: File,
}

/// What writes down what happens, before and after it does.
pub trait Recorder: Send {
    /// The state with all that was recorded.
    fn state(&self) -> &State;

    /// Writes an entry down; it is safe on disk afterwards.
    ///
    /// # Errors
    ///
    /// When it is not: then nothing that depends on it may start.
    fn record(&mut self, entry: Entry) -> Result<(), StoreError>;
}

impl Recorder for Writer {
    fn state(&self) -> &State {
        &self.state
    }

    fn record(&mut self, entry: Entry) -> Result<(), StoreError> {
        let path = &self.lock.files.journal;
        let line = journal::write_line(&entry);
        self.journal
            .write_all(line.as_bytes())
            .and_then(|()| self.journal.sync_data())
            .map_err(disk("writing", path))?;
        self.state.apply(entry);
        Ok(())
    }
}

impl Writer {
    /// Writes the snapshot anew, with all that the journal says, and empties the journal.
    ///
    /// # Errors
    ///
    /// When the disk refuses: the old snapshot and the journal are still whole.
    pub fn finish(mut self) -> Result<State, StoreError> {
        self.lock.files.write_snapshot(&mut self.state)?;
        let journal = &self.lock.files.journal;
        fs::remove_file(journal).map_err(disk("removing", journal))?;
        Ok(self.state)
    }

    /// Writes the snapshot of a stack of which nothing is left, and removes the state from sight:
    /// the last snapshots stay among the backups.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn retire(self) -> Result<(), StoreError> {
        let files = self.lock.files.clone();
        let _lock = &self.lock;
        files.keep_old()?;
        fs::remove_file(&files.snapshot).map_err(disk("removing", &files.snapshot))?;
        fs::remove_file(&files.journal).map_err(disk("removing", &files.journal))
    }
}

enum SnapshotFault {
    Newer(u64),
    Damaged(String),
}

fn parse_snapshot(text: &[u8]) -> Result<State, SnapshotFault> {
    let damaged = |what: &str| SnapshotFault::Damaged(what.to_owned());
    let mut snapshot: Value =
        serde_json::from_slice(text).map_err(|error| damaged(&format!("not JSON: {error}")))?;
    let members = snapshot.as_object_mut().ok_or_else(|| damaged("not an object"))?;
    let format = members.get("format").and_then(Value::as_u64);
    let format = format.ok_or_else(|| damaged("it names no format"))?;
    if format > u64::from(FORMAT) {
        return Err(SnapshotFault::Newer(format));
    }
    let sum = members.remove("checksum");
    let sum = sum.as_ref().and_then(Value::as_str).ok_or_else(|| damaged("it has no checksum"))?;
    if sum != journal::checksum(&snapshot.to_string()) {
        return Err(damaged("its checksum does not match its content"));
    }
    serde_json::from_value(snapshot).map_err(|error| damaged(&error.to_string()))
}

/// The snapshot as it is written: equal states are equal bytes.
fn render_snapshot(state: &State) -> String {
    let mut snapshot = serde_json::to_value(state).expect("a state is made of maps and scalars");
    let sum = journal::checksum(&snapshot.to_string());
    snapshot["checksum"] = Value::String(sum);
    let mut text = serde_json::to_string_pretty(&snapshot).expect("a value is always written");
    text.push('\n');
    text
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(disk("reading", path)(error)),
    }
}

/// Puts a file in place as a whole: nobody ever sees half of it, not even after a power cut.
fn replace(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file =
        tempfile::NamedTempFile::new_in(directory).map_err(disk("writing into", directory))?;
    file.write_all(content)
        .and_then(|()| file.as_file().sync_all())
        .map_err(disk("writing", path))?;
    file.persist(path).map_err(|error| disk("replacing", path)(error.error))?;
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(disk("syncing", path))
}

fn create_directory(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(disk("making", path))
}

/// Options that make files for their owner alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}
