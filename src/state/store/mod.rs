//! Where states are kept: a directory of files.
//!
//! | file | what it is |
//! |---|---|
//! | `{stack}-{environment}.json` | the snapshot: readable JSON, with a checksum over all the rest |
//! | `{stack}-{environment}.journal` | what happened since, a line each |
//! | `{stack}-{environment}.lock` | locked while somebody works, and says who |
//! | `{stack}-{environment}.drift.json` | what checks for drift remember; no part of the state |
//! | `{stack}-{environment}.backups/` | the last ten snapshots, the present one among them |
//!
//! The rules: a snapshot is replaced as a whole (a temporary file, fsync, rename, fsync of the
//! directory), a journal only grows. Files are for their owner's eyes alone, and none of them is
//! reached through a symbolic link. What can't be trusted is an error, never an empty state.

mod copies;
mod disk;
mod error;
mod listing;
mod lock;
mod memory;
mod salvage;
mod snapshot;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};

pub use copies::Copy;
pub use disk::write_private;
pub use error::StoreError;
pub use listing::StackName;
pub use lock::{Holder, Lock};
pub use salvage::Salvage;
pub use snapshot::{SnapshotFault, parse as parse_snapshot};
pub use writer::{Recorder, Writer};

use self::disk::read_if_there;
use super::State;
use super::journal::{self, Damage, Entry, Header};

/// A directory that holds states.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
}

/// Where the files of one stack in one environment are.
#[derive(Clone, Debug)]
struct Files {
    stack: String,
    environment: String,
    snapshot: PathBuf,
    journal: PathBuf,
    lock: PathBuf,
    backups: PathBuf,
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
        // A writer may replace the snapshot and its journal between the two reads: two that do
        // not belong together are read again before they are believed.
        for _ in 0..10 {
            match files.load() {
                Err(StoreError::ForeignJournal { .. } | StoreError::MissingSnapshot { .. }) => {}
                settled => return settled,
            }
        }
        files.load()
    }

    fn files(&self, stack: &str, environment: &str) -> Files {
        let file = |ending: &str| self.directory.join(format!("{stack}-{environment}.{ending}"));
        Files {
            stack: stack.into(),
            environment: environment.into(),
            snapshot: file("json"),
            journal: file("journal"),
            lock: file("lock"),
            backups: file("backups"),
        }
    }
}

impl Files {
    fn load(&self) -> Result<Option<State>, StoreError> {
        // The journal first: a snapshot that is newer than it has taken it in.
        let journal = read_if_there(&self.journal)?;
        let snapshot = read_if_there(&self.snapshot)?;
        let Some(text) = snapshot else { return self.without_snapshot(journal.as_deref()) };
        let mut state = self.parse(&text)?;
        if !self.is_own(&state) {
            return Err(StoreError::OtherStack {
                path: self.snapshot.clone(),
                found: format!("{} in {}", state.stack, state.environment),
                expected: format!("{} in {}", self.stack, self.environment),
            });
        }
        let journal = journal.map(|text| self.read_journal(&text)).transpose()?;
        let Some((header, entries)) = journal else { return Ok(Some(state)) };
        // The process died between writing the snapshot and removing the journal.
        if header.lineage == state.lineage && header.serial < state.serial {
            return Ok(Some(state));
        }
        if !header.follows(&state) {
            return Err(StoreError::ForeignJournal {
                path: self.journal.clone(),
                found: header.serial,
                found_lineage: header.lineage,
                expected: state.serial,
                expected_lineage: state.lineage,
                last_good: self.last_good(),
            });
        }
        for entry in entries {
            state.apply(entry);
        }
        Ok(Some(state))
    }

    /// There is no snapshot: that is no state, unless a journal says that there was one.
    fn without_snapshot(&self, journal: Option<&[u8]>) -> Result<Option<State>, StoreError> {
        if journal.is_none() {
            return Ok(None);
        }
        let path = self.journal.clone();
        Err(StoreError::MissingSnapshot { path, last_good: self.last_good() })
    }

    fn is_own(&self, state: &State) -> bool {
        state.stack == self.stack && state.environment == self.environment
    }

    fn read_journal(&self, text: &[u8]) -> Result<(Header, Vec<Entry>), StoreError> {
        let journal = journal::read(text).and_then(|journal| {
            // A journal is put in place with its first line: one without it was cut off.
            journal.ok_or_else(|| Damage { line: 1, what: "it is cut off".into() })
        });
        journal.map_err(|source| StoreError::DamagedJournal {
            path: self.journal.clone(),
            source,
            last_good: self.last_good(),
        })
    }

    fn parse(&self, text: &[u8]) -> Result<State, StoreError> {
        let path = self.snapshot.clone();
        snapshot::parse(text).map_err(|fault| match fault {
            SnapshotFault::Newer(format) => StoreError::Newer { path, format },
            SnapshotFault::Damaged(what) => {
                StoreError::DamagedSnapshot { path, what, last_good: self.last_good() }
            }
        })
    }
}

impl Header {
    fn follows(&self, state: &State) -> bool {
        self.lineage == state.lineage && self.serial == state.serial
    }
}
