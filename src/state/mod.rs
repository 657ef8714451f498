//! What is recorded of a stack: which resources it has made, and what it is in the middle of.
//!
//! A state is a snapshot plus the journal of what happened since. One total function,
//! [`State::apply`], serves both recording and replay, so what is read back is what was meant.
//! How both are kept on disk is in [`store`]; the design is in `docs/state.md`.

mod edit;
pub mod journal;
mod outside;
pub mod store;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::Verb;
use crate::resource::{Address, Identity};

pub use edit::EditError;
pub use journal::Entry;
pub use outside::{Known, TAGS};

/// The format that this version writes. A newer one is refused, an older one migrated.
pub const FORMAT: u32 = 2;

/// Everything that is recorded of one stack in one environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The format's version, read before all else.
    pub format: u32,
    /// Goes up with every snapshot.
    pub serial: u64,
    /// Tells this state from any other of the same stack: made once, kept for ever.
    pub lineage: String,
    /// The stack's name.
    pub stack: String,
    /// The stack's environment.
    pub environment: String,
    /// The twelve digits of the account in which its resources are.
    pub account: String,
    /// The region in which they are.
    pub region: String,
    /// Whether it keeps what can't be made again, whatever the configuration says since.
    pub protected: bool,
    /// What is there, or was when provision last looked.
    #[serde(default)]
    pub resources: BTreeMap<Address, Record>,
    /// What was replaced and is still to be removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<Replaced>,
    /// What was begun and whose outcome is not known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub in_doubt: BTreeMap<Address, Intent>,
    /// How many outcomes each address has seen: what makes each creation's token its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outcomes: BTreeMap<Address, u64>,
    /// What others have changed and was accepted as it is: by address and property what the file
    /// said then. It stands for as long as the file says the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accepted: BTreeMap<Address, BTreeMap<String, Value>>,
    /// The fields that interrupted updates were to change, of resources that are not known to be
    /// configured.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unsure: BTreeMap<Address, BTreeSet<String>>,
}

/// One resource that was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// CloudFormation's name of its kind.
    #[serde(rename = "type")]
    pub type_name: String,
    /// What AWS calls it.
    pub id: String,
    /// Its name, token and tags.
    pub identity: Identity,
    /// How often the resource at this address has been replaced.
    pub generation: u32,
    /// Ids, ARNs and addresses that others refer to.
    pub outputs: Value,
    /// What was last applied, in part at least; null when nobody knows.
    pub applied: Value,
    /// What it needs, so that `down` knows the order without the configuration.
    pub needs: BTreeSet<Address>,
    /// Whether it was seen to work since it was last changed.
    pub ready: bool,
    /// Whether all of [`Record::applied`] is known to have been carried out.
    pub configured: bool,
}

/// A resource that was replaced and is still to be removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replaced {
    /// Where it stood.
    pub address: Address,
    /// What was recorded of it.
    pub record: Record,
}

/// What is about to be asked of AWS. On disk before AWS hears of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// What is to be done.
    pub verb: Verb,
    /// Which generation of the address it is done to.
    pub generation: u32,
    /// Name, token and tags, as AWS will hear them.
    pub identity: Identity,
    /// What is wanted, resolved.
    pub spec: Value,
    /// What it needs.
    pub needs: BTreeSet<Address>,
    /// For a creation: whether it was looked for after the run that had begun it, and not found.
    /// It may yet show, as reads lag behind creates (aws-behaviour 23).
    #[serde(default, skip_serializing_if = "is_false")]
    pub unfound: bool,
    /// What is to be recorded as applied, where that is not all of the spec: some of it stays as
    /// somebody else left it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Value>,
}

impl Intent {
    /// What is to be recorded as applied.
    fn applied(&self) -> Value {
        self.applied.as_ref().unwrap_or(&self.spec).clone()
    }
}

impl State {
    /// An empty state.
    pub fn new(stack: &str, environment: &str, account: &str, region: &str) -> Self {
        Self {
            format: FORMAT,
            serial: 0,
            lineage: uuid::Uuid::new_v4().to_string(),
            stack: stack.into(),
            environment: environment.into(),
            account: account.into(),
            region: region.into(),
            protected: false,
            resources: BTreeMap::new(),
            replaced: Vec::new(),
            in_doubt: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            accepted: BTreeMap::new(),
            unsure: BTreeMap::new(),
        }
    }

    /// Whether nothing is recorded, and nothing in doubt but what was looked for in vain.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
            && self.replaced.is_empty()
            && self.in_doubt.values().all(|intent| intent.unfound)
    }

    /// Whether nothing was ever recorded.
    pub fn is_blank(&self) -> bool {
        self.is_empty() && self.outcomes.is_empty()
    }

    /// How many outcomes an address has seen.
    pub fn outcomes_of(&self, address: &Address) -> u64 {
        self.outcomes.get(address).copied().unwrap_or_default()
    }

    /// The generation that a resource is to be of when none is recorded at its address: that of
    /// an interrupted creation, or one after all that were replaced and are still there.
    pub fn next_generation(&self, address: &Address) -> u32 {
        match self.in_doubt.get(address) {
            Some(intent) if intent.verb == Verb::Create => intent.generation,
            _ => {
                let replaced = self.replaced.iter().filter(|old| old.address == *address);
                replaced.map(|old| old.record.generation + 1).max().unwrap_or_default()
            }
        }
    }

    /// What AWS calls the other generations at an address: what a look for one must not take for
    /// it, as all of them carry the same tags.
    pub fn others_at(&self, address: &Address, generation: u32) -> BTreeSet<String> {
        let replaced = self.replaced.iter().filter(|old| old.address == *address);
        let records = replaced.map(|old| &old.record).chain(self.resources.get(address));
        let others = records.filter(|record| record.generation != generation);
        others.map(|record| record.id.clone()).collect()
    }

    /// Takes in what happened. Total: an entry that does not fit changes what it can.
    pub fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Begin { address, intent } => self.begin(address, intent),
            Entry::Made { address, outputs, configured } => self.made(address, outputs, configured),
            Entry::Unmade { address, generation } => {
                self.settle(&address);
                self.remove(&address, generation);
            }
            Entry::Untouched { address } => drop(self.settle(&address)),
            Entry::Unresolved { address } => self.unresolved(&address),
            Entry::Ready { address } => {
                if let Some(record) = self.resources.get_mut(&address) {
                    record.ready = true;
                }
            }
            Entry::Seen { address, spec, outputs } => {
                if let Some(record) = self.resources.get_mut(&address) {
                    record.applied = spec;
                    record.outputs = outputs;
                    record.ready = false;
                }
            }
            Entry::Confirmed { address, spec, outputs } => {
                if let Some(record) = self.resources.get_mut(&address) {
                    record.id = physical_id(&outputs);
                    record.outputs = outputs;
                    record.applied = spec;
                    record.configured = true;
                    self.unsure.remove(&address);
                }
            }
            Entry::Needing { address, needs } => {
                if let Some(record) = self.resources.get_mut(&address) {
                    record.needs = needs;
                }
            }
            Entry::Accepted { address, applied, tags, over } => {
                self.accept(address, applied, tags, over);
            }
        }
    }

    /// What makes place for a new one is still there, and still to be removed: it is put aside in
    /// the same entry, so that no death comes between.
    fn begin(&mut self, address: Address, intent: Intent) {
        let old = self.resources.get(&address).map(|record| record.generation);
        if intent.verb == Verb::Create && old.is_some_and(|old| old < intent.generation) {
            let record = self.resources.remove(&address);
            let aside = record.map(|record| Replaced { address: address.clone(), record });
            self.replaced.extend(aside);
        }
        self.in_doubt.insert(address, intent);
    }

    fn made(&mut self, address: Address, outputs: Value, configured: bool) {
        let Some(intent) = self.settle(&address) else { return };
        let applied = intent.applied();
        let mut record = Record {
            type_name: address.kind().facts().type_name.into(),
            id: physical_id(&outputs),
            identity: intent.identity,
            generation: intent.generation,
            outputs,
            applied,
            needs: intent.needs,
            ready: false,
            configured,
        };
        match (configured, intent.verb, self.resources.get(&address).cloned()) {
            (false, Verb::Update | Verb::Widen, Some(before)) => {
                self.doubt(&address, &before, &record);
                record.remember(&before);
            }
            _ => drop(self.unsure.remove(&address)),
        }
        self.resources.insert(address, record);
    }

    /// No outcome is counted, so whoever goes on uses the same token: AWS may have heard it.
    fn unresolved(&mut self, address: &Address) {
        let Some(intent) = self.in_doubt.remove(address) else { return };
        match intent.verb {
            Verb::Create if !intent.unfound => {
                self.in_doubt.insert(address.clone(), Intent { unfound: true, ..intent });
            }
            Verb::Update | Verb::Widen => {
                let Some(before) = self.resources.get(address).cloned() else { return };
                let mut record = Record {
                    applied: intent.applied(),
                    identity: intent.identity,
                    needs: intent.needs,
                    ready: false,
                    configured: false,
                    ..before.clone()
                };
                self.doubt(address, &before, &record);
                record.remember(&before);
                self.resources.insert(address.clone(), record);
            }
            Verb::Create | Verb::Delete | Verb::Await => {}
        }
    }

    /// The outcome of what was begun at `address` is known.
    fn settle(&mut self, address: &Address) -> Option<Intent> {
        let intent = self.in_doubt.remove(address);
        if intent.is_some() {
            *self.outcomes.entry(address.clone()).or_default() += 1;
        }
        intent
    }

    fn remove(&mut self, address: &Address, generation: u32) {
        let is_it = |record: &Record| record.generation == generation;
        self.replaced.retain(|old| old.address != *address || !is_it(&old.record));
        if self.resources.get(address).is_some_and(is_it) {
            self.resources.remove(address);
            self.forget_others(address);
        }
    }
}

impl Record {
    /// Keeps what an interrupted update may have left of what was there `before`: fields and tags
    /// that it was to take away, and what still needs the resource's old neighbours.
    fn remember(&mut self, before: &Self) {
        if let (Some(applied), Some(old)) =
            (self.applied.as_object_mut(), before.applied.as_object())
        {
            for (field, value) in old {
                applied.entry(field).or_insert_with(|| value.clone());
            }
        }
        for (key, value) in &before.identity.tags {
            self.identity.tags.entry(key.clone()).or_insert_with(|| value.clone());
        }
        self.needs.extend(before.needs.iter().cloned());
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// What AWS calls a resource, among its outputs.
pub fn physical_id(outputs: &Value) -> String {
    let named = ["id", "allocation", "arn", "name", "service"];
    let id = named.iter().find_map(|name| outputs.get(name)?.as_str());
    id.unwrap_or_default().to_owned()
}
