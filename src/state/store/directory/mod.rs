//! A directory of files that holds states.
//!
//! | file | what it is |
//! |---|---|
//! | `{stack}-{environment}.json` | the snapshot: readable JSON, with a checksum over all the rest |
//! | `{stack}-{environment}.journal` | what happened since, a line each |
//! | `{stack}-{environment}.lock` | locked while somebody works, and says who |
//! | `{stack}-{environment}.drift.json` | what checks for drift remember; no part of the state |
//! | `{stack}-{environment}.drift.lock` | locked while that is written |
//! | `{stack}-{environment}.backups/` | the last ten snapshots, the present one among them |
//!
//! The rules: a snapshot is replaced as a whole (a temporary file, fsync, rename, fsync of the
//! directory), a journal only grows. Files are for their owner's eyes alone, and none of them is
//! reached through a symbolic link.

mod copies;
mod disk;
mod listing;
mod lock;
mod memory;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};

pub use disk::write_private;
pub use lock::DirectoryLock;
pub use writer::DirectoryWriter;

use self::disk::read_if_there;
use super::contents::Names;
use super::error::StoreError;
use super::salvage::{Copy, Left, Salvage};
use crate::state::State;

/// A directory that holds states.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
}

/// Where the files of one stack in one environment are.
#[derive(Clone, Debug)]
struct Files {
    names: Names,
    snapshot: PathBuf,
    journal: PathBuf,
    lock: PathBuf,
    backups: PathBuf,
}

impl Directory {
    /// The states of a directory, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
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

    /// The kept snapshots of a stack that check, newest first.
    pub fn copies(&self, stack: &str, environment: &str) -> Vec<(Copy, State)> {
        self.files(stack, environment).good_copies()
    }

    /// The best that can be had of a stack's state; or the copy with a serial, as it was then.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoCopy`] when there is none.
    pub fn salvage(
        &self,
        stack: &str,
        environment: &str,
        serial: Option<u64>,
    ) -> Result<Salvage, StoreError> {
        self.files(stack, environment).left().salvage(serial)
    }

    fn files(&self, stack: &str, environment: &str) -> Files {
        let file = |ending: &str| self.path.join(format!("{stack}-{environment}.{ending}"));
        let (snapshot, journal) = (file("json"), file("journal"));
        Files {
            names: Names {
                stack: stack.into(),
                environment: environment.into(),
                snapshot: snapshot.clone(),
                journal: journal.clone(),
            },
            snapshot,
            journal,
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
        let state = self.names.state(journal.as_deref(), snapshot.as_deref());
        state.map_err(
            |error| {
                if error.is_damage() { error.knowing(self.last_good()) } else { error }
            },
        )
    }

    fn left(&self) -> Left {
        let present = self
            .good(&self.snapshot)
            .map(|state| (Copy { serial: state.serial, path: self.snapshot.clone() }, state));
        Left {
            copies: self.good_copies(),
            present,
            has_snapshot: self.snapshot.exists(),
            journal: read_if_there(&self.journal).ok().flatten(),
        }
    }
}
