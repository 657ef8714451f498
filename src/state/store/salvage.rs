//! What can be had of a state that can't be read: the snapshot that its journal follows, wherever
//! there is a good copy of it, and the journal as far as it checks.

use std::path::PathBuf;

use super::error::StoreError;
use crate::state::State;
use crate::state::journal::{self, Entry, Header};

/// How many snapshots are kept.
pub(super) const KEPT: usize = 10;

/// A kept snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Its serial.
    pub serial: u64,
    /// The file, or the object as `s3://bucket/key`.
    pub path: PathBuf,
}

/// The serial in a kept snapshot's name, `0000000007.json`; `None` for anything else.
pub(super) fn serial_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".json")?;
    let is_number = digits.len() >= 10 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// The name of a kept snapshot.
pub(super) fn copy_name(serial: u64) -> String {
    format!("{serial:010}.json")
}

/// A state that was put together from what is left of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Salvage {
    /// The state.
    pub state: State,
    /// The snapshot that it comes from.
    pub from: Copy,
    /// How many entries of the journal it has besides.
    pub entries: usize,
    /// Whether it is the state that was lost, and not an earlier one.
    pub is_whole: bool,
}

/// What is left of a state.
#[derive(Debug)]
pub(super) struct Left {
    /// The kept snapshots that check, newest first.
    pub copies: Vec<(Copy, State)>,
    /// The snapshot in its place, where it checks.
    pub present: Option<(Copy, State)>,
    /// Whether there is one at all.
    pub has_snapshot: bool,
    pub journal: Option<Vec<u8>>,
}

impl Left {
    /// The best that can be had; or the copy with a serial, as it was then.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoCopy`] when there is none.
    pub fn salvage(self, serial: Option<u64>) -> Result<Salvage, StoreError> {
        let known = self.copies.iter().map(|(copy, _)| copy.serial).collect();
        let salvage = match serial {
            Some(serial) => self.copy(serial),
            None => self.best(),
        };
        salvage.ok_or(StoreError::NoCopy { serial, known })
    }

    fn copy(self, serial: u64) -> Option<Salvage> {
        let mut copies = self.copies.into_iter();
        let (from, state) = copies.find(|(copy, _)| copy.serial == serial)?;
        Some(Salvage::without_journal(from, state, false))
    }

    fn best(self) -> Option<Salvage> {
        let mut candidates: Vec<_> = self.present.into_iter().chain(self.copies).collect();
        let journal = self.journal.map(|text| journal::read_prefix(&text));
        if let Some((Some((header, entries)), damage)) = &journal {
            let followed = candidates.iter().find(|(_, state)| header.follows(state));
            if let Some((from, state)) = followed {
                return Some(Salvage::with_journal(from, state, entries, damage.is_none()));
            }
        }
        candidates.sort_by_key(|(copy, _)| std::cmp::Reverse(copy.serial));
        let (from, state) = candidates.into_iter().next()?;
        let is_newer =
            |header: &Header| header.lineage == state.lineage && header.serial < state.serial;
        // Beside a snapshot, no journal means that nothing has happened since, and an older one
        // that it was taken in. Without either, nobody knows.
        let is_whole = match &journal {
            None => self.has_snapshot,
            Some((Some((header, _)), _)) => is_newer(header),
            Some((None, _)) => false,
        };
        Some(Salvage::without_journal(from, state, is_whole))
    }
}

impl Salvage {
    fn without_journal(from: Copy, state: State, is_whole: bool) -> Self {
        Self { state, from, entries: 0, is_whole }
    }

    fn with_journal(from: &Copy, state: &State, entries: &[Entry], is_whole: bool) -> Self {
        let mut state = state.clone();
        entries.iter().cloned().for_each(|entry| state.apply(entry));
        Self { state, from: from.clone(), entries: entries.len(), is_whole }
    }

    /// The state to go on with.
    ///
    /// One that is not whole gets a lineage of its own: tokens are made of it, and those that the
    /// lost part has used up would answer with what they made (aws-behaviour 5.b, 23).
    pub fn into_state(self) -> State {
        let lineage =
            if self.is_whole { self.state.lineage } else { uuid::Uuid::new_v4().to_string() };
        State { lineage, ..self.state }
    }
}
