//! Writing a state while it changes.

use std::fs::File;
use std::io::Write;

use super::disk::{create_directory, open_if_there, private, remove, replace};
use super::{DirectoryLock, Files};
use crate::state::journal::{self, Entry, Header};
use crate::state::store::error::{StoreError, disk};
use crate::state::store::{Recorder, snapshot};
use crate::state::{FORMAT, State};

/// Writes a state while it changes.
#[derive(Debug)]
pub struct DirectoryWriter {
    lock: DirectoryLock,
    state: State,
    journal: File,
    /// Whether a write has failed: what was written of it may be half a line.
    broken: bool,
}

impl DirectoryWriter {
    pub(super) fn begin(lock: DirectoryLock, mut state: State) -> Result<Self, StoreError> {
        lock.files.write_snapshot(&mut state)?;
        let journal = lock.files.new_journal(&state)?;
        Ok(Self { lock, state, journal, broken: false })
    }

    /// Writes the snapshot anew, with all that the journal says, and removes the journal.
    ///
    /// # Errors
    ///
    /// When the disk refuses: the old snapshot and the journal are still whole.
    pub fn finish(mut self) -> Result<State, StoreError> {
        self.lock.files.write_snapshot(&mut self.state)?;
        remove(&self.lock.files.journal)?;
        Ok(self.state)
    }

    /// Writes the snapshot of a stack of which nothing is left, and removes the state from sight:
    /// the last snapshots stay among the copies.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn retire(mut self) -> Result<(), StoreError> {
        let files = self.lock.files.clone();
        // The snapshot outlives its journal: a journal alone is a state that was lost.
        files.write_snapshot(&mut self.state)?;
        remove(&files.journal)?;
        remove(&files.snapshot)
    }

    /// Writes entries down, in their order; they are on disk afterwards.
    ///
    /// # Errors
    ///
    /// When the disk refuses: then none of them has happened.
    pub fn write(&mut self, entries: Vec<Entry>) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let lines: String = entries.iter().map(journal::write_line).collect();
        self.append(&lines)?;
        for entry in entries {
            self.state.apply(entry);
        }
        Ok(())
    }

    /// A writer whose journal is another file.
    #[cfg(test)]
    pub(super) fn with_journal(self, journal: File) -> Self {
        Self { journal, ..self }
    }

    fn append(&mut self, line: &str) -> Result<(), StoreError> {
        let path = &self.lock.files.journal;
        if self.broken {
            return Err(StoreError::Broken { path: path.clone() });
        }
        let written =
            self.journal.write_all(line.as_bytes()).and_then(|()| self.journal.sync_data());
        self.broken = written.is_err();
        written.map_err(disk("writing", path))
    }
}

impl Recorder for DirectoryWriter {
    fn state(&self) -> &State {
        &self.state
    }

    async fn record_all(&mut self, entries: Vec<Entry>) -> Result<(), StoreError> {
        self.write(entries)
    }
}

impl Files {
    /// Writes a snapshot under a serial that none before it had.
    pub(super) fn write_snapshot(&self, state: &mut State) -> Result<(), StoreError> {
        if let Some(directory) = self.snapshot.parent() {
            create_directory(directory)?;
        }
        state.serial = state.serial.max(self.highest_serial()) + 1;
        state.format = FORMAT;
        let text = snapshot::render(state);
        // The copy first: whatever the journal follows is among the copies then.
        self.keep(state.serial, text.as_bytes())?;
        replace(&self.snapshot, text.as_bytes())
    }

    fn new_journal(&self, state: &State) -> Result<File, StoreError> {
        let header = Header { lineage: state.lineage.clone(), serial: state.serial };
        replace(&self.journal, journal::write_line(&header).as_bytes())?;
        let opened = open_if_there(&self.journal, private().append(true))?;
        opened.ok_or_else(|| {
            disk("opening", &self.journal)(std::io::Error::from(std::io::ErrorKind::NotFound))
        })
    }
}
