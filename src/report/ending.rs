//! How a run ended: what was done, what failed, what is left, and in what time.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::board::{Board, done};
use super::paint::Paint;
use super::text::{clean, duration, listed};
use crate::event::Verb;
use crate::execute::Summary;
use crate::resource::Address;

/// A run that is over.
#[derive(Debug)]
pub struct Ending {
    /// What came of it.
    pub summary: Summary,
    /// What it was at when it ended.
    pub board: Board,
    /// How long it took, at AWS's own pace.
    pub took: Duration,
    /// Whose time that is.
    pub time: Time,
    /// Whether the service did not answer through the load balancer at the end.
    pub is_unanswered: bool,
    /// Whether the state could not be written anew at the end. Its journal has it all.
    pub is_unrecorded: bool,
}

/// Whose time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// Everybody's.
    Real,
    /// That of an AWS that runs faster than the real one.
    Simulated,
}

impl Ending {
    /// `21 created in 3 min 2 s`: what was done, and in what time.
    pub fn tally(&self) -> String {
        let counts = Counts::of(&self.summary);
        let parts = [
            (counts.created, "created"),
            (counts.updated, "updated"),
            (counts.replaced, "replaced"),
            (counts.deleted, "deleted"),
            (counts.ready, "ready"),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        let what = if parts.is_empty() { "nothing done".to_owned() } else { parts.join(", ") };
        let simulated = match self.time {
            Time::Real => "",
            Time::Simulated => " of simulated time",
        };
        format!("{what} in {}{simulated}", duration(self.took))
    }

    /// Whether it was stopped, and nothing failed.
    pub fn is_interrupted(&self) -> bool {
        !self.summary.is_complete() && self.summary.failed.is_empty() && !self.summary.is_overdue
    }

    /// What AWS was still at when the run was stopped.
    pub fn left_under_way(&self) -> impl Iterator<Item = &Address> {
        let left = self.summary.left.iter().map(|(address, _)| address);
        left.filter(|address| self.board.status(address).is_some())
    }

    /// What is left of a run that was not carried out whole, and why; nothing of one that was.
    pub fn rest(&self, paint: Paint) -> String {
        let mut text = String::new();
        let Summary { skipped, left, given_up, .. } = &self.summary;
        let (under_way, untouched): (Vec<_>, Vec<_>) =
            left.iter().partition(|(address, _)| self.board.status(address).is_some());
        let (services, others): (Vec<&(Address, Verb)>, Vec<_>) =
            under_way.into_iter().partition(|(address, _)| address.kind().facts().converges);
        for (address, _) in services {
            let status = self.board.status(address).unwrap_or_default();
            let _ = writeln!(text, "{} {address} goes on in AWS ({status})", paint.yellow("…"));
        }
        let names = |pairs: &[&(Address, Verb)]| {
            let names: Vec<String> = pairs.iter().map(|(address, _)| address.to_string()).collect();
            listed(&names)
        };
        if !others.is_empty() {
            let _ =
                writeln!(text, "{} left for AWS to finish: {}", paint.yellow("…"), names(&others));
        }
        for (address, verb) in given_up {
            let status = self.board.status(address).unwrap_or_default();
            let _ = writeln!(
                text,
                "{} {address} is not {} yet ({status})",
                paint.yellow("-"),
                done(*verb)
            );
        }
        if !untouched.is_empty() {
            let _ = writeln!(text, "{} not started: {}", paint.yellow("-"), names(&untouched));
        }
        if !skipped.is_empty() {
            let _ = writeln!(text, "{} not attempted: {}", paint.yellow("-"), {
                let names: Vec<String> =
                    skipped.iter().map(|(address, ..)| address.to_string()).collect();
                listed(&names)
            });
        }
        text
    }

    /// The whole as the last event of a run.
    pub fn json(&self, exit_code: u8) -> Value {
        let Summary { done, failed, skipped, left, given_up, .. } = &self.summary;
        let pair = |(address, verb): &(Address, Verb)| json!({"address": address, "verb": verb});
        let counts = Counts::of(&self.summary);
        json!({
            "event": "summary",
            "exit_code": exit_code,
            "counts": {
                "created": counts.created,
                "updated": counts.updated,
                "replaced": counts.replaced,
                "deleted": counts.deleted,
                "failed": failed.len(),
                "skipped": skipped.len(),
                "left": left.len() + given_up.len(),
            },
            "done": done.iter().map(pair).collect::<Vec<_>>(),
            "failed": failed.iter().map(|(address, verb, cause)| json!({
                "address": address, "verb": verb, "error": clean(&cause.to_string()),
            })).collect::<Vec<_>>(),
            "skipped": skipped.iter().map(|(address, verb, because_of)| json!({
                "address": address, "verb": verb, "because_of": because_of,
            })).collect::<Vec<_>>(),
            "left": left.iter().chain(given_up).map(|(address, verb)| json!({
                "address": address, "verb": verb, "status": self.board.status(address),
            })).collect::<Vec<_>>(),
            "elapsed_seconds": self.took.as_secs(),
            "simulated": self.time == Time::Simulated,
        })
    }
}

/// How many resources met each end. One that was made anew and whose old one went counts once.
struct Counts {
    created: usize,
    updated: usize,
    replaced: usize,
    deleted: usize,
    ready: usize,
}

impl Counts {
    fn of(summary: &Summary) -> Self {
        let met = |verb: Verb| -> BTreeSet<&Address> {
            let done = summary.done.iter().filter(|(_, done)| *done == verb);
            done.map(|(address, _)| address).collect()
        };
        let (created, deleted) = (met(Verb::Create), met(Verb::Delete));
        let replaced = created.intersection(&deleted).count();
        Self {
            created: created.len() - replaced,
            updated: met(Verb::Update).len(),
            replaced,
            deleted: deleted.len() - replaced,
            ready: met(Verb::Await).len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    fn ending(summary: Summary) -> Ending {
        let board = Board::new([], Paint::Plain);
        Ending {
            summary,
            board,
            took: Duration::from_secs(182),
            time: Time::Simulated,
            is_unanswered: false,
            is_unrecorded: false,
        }
    }

    #[test]
    fn what_was_replaced_counts_once() {
        let target = address("target_group.app");
        let done = vec![
            (target.clone(), Verb::Create),
            (address("vpc.main"), Verb::Create),
            (target, Verb::Delete),
        ];
        let tally = ending(Summary { done, ..Summary::default() }).tally();
        assert_eq!(tally, "1 created, 1 replaced in 3 min 2 s of simulated time");
    }

    #[test]
    fn what_goes_on_in_aws_is_told_apart_from_what_was_not_started() {
        let mut ending = ending(Summary::default());
        let service = address("service.app");
        let started = Event::Started { address: service.clone(), verb: Verb::Create };
        ending.board.take(&started, Duration::ZERO);
        let status = "1 of 2 running".to_owned();
        let waiting = Event::Waiting { address: service.clone(), status, waited: Duration::ZERO };
        ending.board.take(&waiting, Duration::ZERO);
        ending.summary.left =
            vec![(service, Verb::Create), (address("scaling_policy.cpu"), Verb::Create)];
        assert_eq!(
            ending.rest(Paint::Plain),
            "… service.app goes on in AWS (creating: 1 of 2 running)\n\
             - not started: scaling_policy.cpu\n"
        );
    }
}
