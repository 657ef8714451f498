//! What a state knows of the changes of others: which were accepted, and where it can't tell theirs
//! from what an interrupted run has left.
//!
//! The rule: a property is in doubt only where an interrupted update was to change it. Everywhere
//! else what was last applied is known, and who departs from it is somebody else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Record, State};
use crate::aws::Tags;
use crate::resource::Address;

/// The name under which tags are spoken of, beside the fields of a spec.
pub const TAGS: &str = "tags";

/// Of which fields of a resource it is known what was last applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Of all.
    All,
    /// Of all but these, which an interrupted update was to change.
    AllBut(BTreeSet<String>),
    /// Of none: its creation was cut off, or it was taken in from elsewhere.
    Nothing,
}

impl Known {
    /// Whether it is known of a field, or of the tags.
    pub fn has(&self, field: &str) -> bool {
        match self {
            Self::All => true,
            Self::AllBut(unsure) => !unsure.contains(field),
            Self::Nothing => false,
        }
    }
}

impl State {
    /// Of what of a resource it is known what was last applied.
    pub fn known(&self, address: &Address, record: &Record) -> Known {
        match self.unsure.get(address) {
            _ if record.applied.is_null() => Known::Nothing,
            _ if record.configured => Known::All,
            Some(unsure) => Known::AllBut(unsure.clone()),
            None => Known::Nothing,
        }
    }

    /// What somebody else's change of a resource was accepted over: what the file said of each
    /// property when it was.
    pub fn accepted_of(&self, address: &Address) -> impl Iterator<Item = (&String, &Value)> {
        self.accepted.get(address).into_iter().flatten()
    }

    /// Records that what others have changed is as good as applied.
    pub(super) fn accept(
        &mut self,
        address: Address,
        applied: Value,
        tags: Tags,
        over: BTreeMap<String, Value>,
    ) {
        let Some(record) = self.resources.get_mut(&address) else { return };
        record.applied = applied;
        record.identity.tags = tags;
        if over.is_empty() {
            self.accepted.remove(&address);
        } else {
            self.accepted.insert(address, over);
        }
    }

    /// Remembers that an update was cut off that was to make `record` of what was there `before`.
    pub(super) fn doubt(&mut self, address: &Address, before: &Record, record: &Record) {
        let fields = differing(before, record);
        match (before.configured, self.unsure.get_mut(address)) {
            (true, _) => drop(self.unsure.insert(address.clone(), fields)),
            (false, Some(unsure)) => unsure.extend(fields),
            // Nothing was known of it before.
            (false, None) => {}
        }
    }

    /// Forgets what is known of the changes of others at an address.
    pub(super) fn forget_others(&mut self, address: &Address) {
        self.unsure.remove(address);
        self.accepted.remove(address);
    }

    /// Moves what is known of the changes of others to another address.
    pub(super) fn move_others(&mut self, from: &Address, to: &Address) {
        if let Some(unsure) = self.unsure.remove(from) {
            self.unsure.insert(to.clone(), unsure);
        }
        if let Some(accepted) = self.accepted.remove(from) {
            self.accepted.insert(to.clone(), accepted);
        }
    }
}

/// The fields in which two records differ in what was applied, and `tags` where those do.
fn differing(one: &Record, other: &Record) -> BTreeSet<String> {
    let names = |record: &Record| -> BTreeSet<String> {
        record.applied.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
    };
    let all = &names(one) | &names(other);
    let differs = |name: &String| one.applied.get(name) != other.applied.get(name);
    let mut fields: BTreeSet<String> = all.into_iter().filter(differs).collect();
    if one.identity.tags != other.identity.tags {
        fields.insert(TAGS.into());
    }
    fields
}
