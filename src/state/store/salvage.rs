//! What can be had of a state that can't be read: the snapshot that its journal follows, wherever
//! there is a good copy of it, and the journal as far as it checks.

use super::disk::{create_directory, lay_aside, read_if_there};
use super::error::StoreError;
use super::{Copy, Files, Lock, Store};
use crate::state::State;
use crate::state::journal::{self, Entry, Header};

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

impl Store {
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
        let files = self.files(stack, environment);
        let salvage = match serial {
            Some(serial) => files.copy(serial),
            None => files.best(),
        };
        let known = || files.good_copies().iter().map(|(copy, _)| copy.serial).collect();
        salvage.ok_or_else(|| StoreError::NoCopy { serial, known: known() })
    }
}

impl Store {
    /// The newest copy of a state that is not there any more, although it was never taken down.
    pub fn lost(&self, stack: &str, environment: &str) -> Option<Copy> {
        let newest = self.copies(stack, environment).into_iter().next();
        newest.filter(|(_, state)| !state.is_empty()).map(|(copy, _)| copy)
    }
}

impl Lock {
    /// Lays what is there of the state aside, among the copies, so that another can be written.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn lay_aside(&self) -> Result<(), StoreError> {
        let files = &self.files;
        create_directory(&files.backups)?;
        // A name that nothing laid aside has: what can't be read must not be lost either.
        let name =
            |count: u32, ending: &str| files.backups.join(format!("laid-aside-{count}.{ending}"));
        let is_free =
            |count: &u32| !name(*count, "json").exists() && !name(*count, "journal").exists();
        let count = (1..u32::MAX).find(is_free).unwrap_or(u32::MAX);
        lay_aside(&files.snapshot, &name(count, "json"))?;
        lay_aside(&files.journal, &name(count, "journal"))
    }
}

impl Files {
    fn copy(&self, serial: u64) -> Option<Salvage> {
        let mut copies = self.good_copies().into_iter();
        let (from, state) = copies.find(|(copy, _)| copy.serial == serial)?;
        Some(Salvage::without_journal(from, state, false))
    }

    fn best(&self) -> Option<Salvage> {
        let mut candidates = self.good_copies();
        if let Some(state) = self.good(&self.snapshot) {
            let copy = Copy { serial: state.serial, path: self.snapshot.clone() };
            candidates.insert(0, (copy, state));
        }
        let journal = read_if_there(&self.journal).ok().flatten();
        let journal = journal.map(|text| journal::read_prefix(&text));
        if let Some((Some((header, entries)), damage)) = &journal {
            let followed = candidates.iter().find(|(_, state)| header.follows(state));
            if let Some((from, state)) = followed {
                let salvage = Salvage::with_journal(from, state, entries, damage.is_none());
                return Some(salvage);
            }
        }
        candidates.sort_by_key(|(copy, _)| std::cmp::Reverse(copy.serial));
        let (from, state) = candidates.into_iter().next()?;
        let is_newer =
            |header: &Header| header.lineage == state.lineage && header.serial < state.serial;
        // Beside a snapshot, no journal means that nothing has happened since, and an older one
        // that it was taken in. Without either, nobody knows.
        let is_whole = match &journal {
            None => self.snapshot.exists(),
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
