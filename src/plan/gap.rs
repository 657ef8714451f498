//! What is missing for a while, since the old has to go before the new can be made.

use super::{Plan, Planned};
use crate::resource::Readiness;

impl Plan {
    /// What works now and will not for minutes while the plan is carried out: one sentence each.
    ///
    /// That is what can't be beside its successor and is not gone at once.
    pub fn gaps(&self) -> Vec<String> {
        let gone_first = self.resources.iter().filter(|planned| planned.old_goes_first());
        let missing = gone_first
            .filter(|planned| planned.address.kind().facts().lingers && works(planned))
            .map(|planned| &planned.address);
        missing
            .map(|address| {
                format!(
                    "Replacing {address} takes the old one away first: for some minutes, until the \
                     new one works, there is none."
                )
            })
            .collect()
    }
}

fn works(planned: &Planned) -> bool {
    let live = planned.present.as_ref().and_then(|present| present.live.as_ref());
    live.is_some_and(|live| live.readiness == Readiness::Ready)
}
