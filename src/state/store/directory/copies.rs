//! The kept snapshots: every one that was written, until ten newer ones are.

use std::fs;
use std::path::Path;

use super::Files;
use super::disk::{create_directory, read_if_there, refuse_link, remove, replace};
use crate::state::State;
use crate::state::store::error::StoreError;
use crate::state::store::salvage::{Copy, KEPT, copy_name, serial_of};

impl Files {
    /// The kept snapshots, oldest first; whether they check is not looked at.
    pub(super) fn copies(&self) -> Vec<Copy> {
        let entries = fs::read_dir(&self.backups).into_iter().flatten().flatten();
        let mut copies: Vec<Copy> = entries
            .filter_map(|entry| Some(Copy { serial: serial(&entry.path())?, path: entry.path() }))
            .collect();
        copies.sort_by_key(|copy| copy.serial);
        copies
    }

    /// The kept snapshots of this stack that check, newest first.
    pub(super) fn good_copies(&self) -> Vec<(Copy, State)> {
        let copies = self.copies().into_iter().rev();
        copies.filter_map(|copy| Some((copy.clone(), self.good(&copy.path)?))).collect()
    }

    /// The newest of the kept snapshots that checks.
    pub(super) fn last_good(&self) -> Option<Copy> {
        let mut copies = self.copies().into_iter().rev();
        copies.find(|copy| self.good(&copy.path).is_some())
    }

    /// The state in a file, if it is a good one of this stack.
    pub(super) fn good(&self, path: &Path) -> Option<State> {
        refuse_link(&self.backups).ok()?;
        let text = read_if_there(path).ok()??;
        self.names.good(&text)
    }

    /// The highest serial that any snapshot of the stack had, whosever lineage it was.
    pub(super) fn highest_serial(&self) -> u64 {
        self.copies().last().map(|copy| copy.serial).unwrap_or_default()
    }

    /// Keeps a snapshot, and lets go of the oldest.
    pub(super) fn keep(&self, serial: u64, text: &[u8]) -> Result<(), StoreError> {
        create_directory(&self.backups)?;
        refuse_link(&self.backups)?;
        replace(&self.backups.join(copy_name(serial)), text)?;
        let copies = self.copies();
        let surplus = copies.len().saturating_sub(KEPT);
        copies.iter().take(surplus).try_for_each(|copy| remove(&copy.path))
    }
}

/// The serial in a kept snapshot's name; `None` for anything else that lies there.
fn serial(path: &Path) -> Option<u64> {
    serial_of(path.file_name()?.to_str()?)
}
