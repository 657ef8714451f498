//! What is done during a run, in the log: for `-v`, with fields that a machine can pick.
//!
//! The rule: what happens once to a resource is told; what is only still going on is for `-vv`.

use std::collections::BTreeMap;
use std::time::Duration;

use tracing::{debug, info};

use crate::event::{Event, Verb};
use crate::resource::Address;

/// What a run has begun, and when.
#[derive(Clone, Debug, Default)]
pub struct Chronicle(BTreeMap<Address, Duration>);

impl Chronicle {
    /// Logs an event that came at a time of the run.
    pub fn log(&mut self, event: &Event, now: Duration) {
        match event {
            Event::Started { address, verb } => {
                self.0.insert(address.clone(), now);
                info!(%address, verb = word(*verb), "started");
            }
            Event::Exists { address, id } => info!(%address, id, "exists"),
            Event::Finished { address, verb } => {
                let took_seconds = self.took(address, now);
                info!(%address, verb = word(*verb), took_seconds, "finished");
            }
            Event::Failed { address, verb, error } => {
                let took_seconds = self.took(address, now);
                info!(%address, verb = word(*verb), error, took_seconds, "failed");
            }
            Event::Skipped { address, because_of, .. } => info!(%address, %because_of, "skipped"),
            Event::Retrying { address, attempt, code, because, pause } => {
                let pause_seconds = pause.as_secs_f64();
                info!(%address, attempt, code, because, pause_seconds, "asking again");
            }
            Event::Recovered { address, id } => info!(%address, id, "looked up"),
            Event::Stopping => info!("stopping"),
            Event::Waiting { address, status, .. } => debug!(%address, status, "waiting"),
            Event::Blocked { address, by } => debug!(%address, by = by.len(), "in the way"),
            Event::Rollout { address, .. } => debug!(%address, "rolling out"),
            Event::Cause { address, finding } => debug!(%address, cause = finding.title, "found"),
        }
    }

    /// How long ago something was begun.
    fn took(&mut self, address: &Address, now: Duration) -> Option<u64> {
        self.0.remove(address).map(|begun| now.saturating_sub(begun).as_secs())
    }
}

fn word(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "create",
        Verb::Update => "update",
        Verb::Widen => "widen",
        Verb::Delete => "delete",
        Verb::Await => "await",
    }
}
