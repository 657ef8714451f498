//! What stands in the place of one stack's state, wherever that is, and what state it makes.
//!
//! The rule: what can't be trusted is an error, never an empty state. Nothing is read or written
//! here, so that files and objects are judged by one measure.

use std::path::PathBuf;

use super::error::StoreError;
use super::snapshot::{self, SnapshotFault};
use crate::state::State;
use crate::state::journal::{self, Damage, Entry, Header};

/// Whose state is meant, and where its parts are.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub stack: String,
    pub environment: String,
    /// A file, or an object as `s3://bucket/key`.
    pub snapshot: PathBuf,
    /// The same of the journal.
    pub journal: PathBuf,
}

impl Names {
    /// The state that a snapshot and a journal make.
    ///
    /// The journal must have been read first: a snapshot that is newer has taken it in.
    pub fn state(
        &self,
        journal: Option<&[u8]>,
        snapshot: Option<&[u8]>,
    ) -> Result<Option<State>, StoreError> {
        let Some(text) = snapshot else { return self.without_snapshot(journal) };
        let mut state = self.parse(text)?;
        if !self.is_own(&state) {
            return Err(StoreError::OtherStack {
                path: self.snapshot.clone(),
                found: format!("{} in {}", state.stack, state.environment),
                expected: format!("{} in {}", self.stack, self.environment),
            });
        }
        let journal = journal.map(|text| self.read_journal(text)).transpose()?;
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
                last_good: None,
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
        Err(StoreError::MissingSnapshot { path: self.journal.clone(), last_good: None })
    }

    /// The state in a snapshot's text, if it is a good one of this stack.
    pub fn good(&self, text: &[u8]) -> Option<State> {
        snapshot::parse(text).ok().filter(|state| self.is_own(state))
    }

    fn is_own(&self, state: &State) -> bool {
        state.stack == self.stack && state.environment == self.environment
    }

    fn read_journal(&self, text: &[u8]) -> Result<(Header, Vec<Entry>), StoreError> {
        let journal = journal::read(text).and_then(|journal| {
            // A journal is put in place with its first line: one without it was cut off.
            journal.ok_or_else(|| Damage { line: 1, what: "it is cut off".into() })
        });
        let path = self.journal.clone();
        journal.map_err(|source| StoreError::DamagedJournal { path, source, last_good: None })
    }

    fn parse(&self, text: &[u8]) -> Result<State, StoreError> {
        let path = self.snapshot.clone();
        snapshot::parse(text).map_err(|fault| match fault {
            SnapshotFault::Newer(format) => StoreError::Newer { path, format },
            SnapshotFault::Damaged(what) => {
                StoreError::DamagedSnapshot { path, what, last_good: None }
            }
        })
    }
}

impl Header {
    pub(super) fn follows(&self, state: &State) -> bool {
        self.lineage == state.lineage && self.serial == state.serial
    }
}
