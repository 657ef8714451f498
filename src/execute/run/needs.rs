//! Writes down what that needs which stays as it is: what it stands on may be another than before,
//! and `down` goes by what is recorded.
//!
//! The rule: what it is to need is there before any of that is made, and what it needed before is
//! forgotten when all of that is gone.

use std::collections::BTreeSet;

use super::Run;
use crate::plan::Action;
use crate::resource::Address;
use crate::state::Entry;
use crate::state::store::{Recorder, StoreError};

impl<R: Recorder> Run<'_, R> {
    /// Writes down what each is to need, beside what it needs by now.
    pub(super) async fn record_needs(&mut self) -> Result<(), StoreError> {
        self.record_changed(|wanted, recorded| wanted.union(recorded).cloned().collect()).await
    }

    /// Writes down that each needs no more than it is to, and what the plan has left of the rest.
    pub(super) async fn forget_needs(&mut self) -> Result<(), StoreError> {
        let declared = self.plan.resources.iter().filter(|planned| planned.desired.is_some());
        let declared: BTreeSet<&Address> = declared.map(|planned| &planned.address).collect();
        let mut left: BTreeSet<Address> = self.recorder.state().resources.keys().cloned().collect();
        left.retain(|address| !declared.contains(address));
        self.record_changed(|wanted, recorded| {
            wanted.iter().chain(recorded.intersection(&left)).cloned().collect()
        })
        .await
    }

    async fn record_changed(
        &mut self,
        needs: impl Fn(&BTreeSet<Address>, &BTreeSet<Address>) -> BTreeSet<Address>,
    ) -> Result<(), StoreError> {
        let kept = self.plan.resources.iter().filter(|planned| planned.action == Action::Keep);
        let recorded = &self.recorder.state().resources;
        let entries = kept.filter_map(|planned| {
            let (address, desired) = (planned.address.clone(), planned.desired.as_ref()?);
            let recorded = &recorded.get(&address)?.needs;
            let needs = needs(&desired.needs.keys().cloned().collect(), recorded);
            (needs != *recorded).then_some(Entry::Needing { address, needs })
        });
        let entries: Vec<Entry> = entries.collect();
        if entries.is_empty() {
            return Ok(());
        }
        self.recorder.record_all(entries).await
    }
}
