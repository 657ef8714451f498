//! What a watch has to write down, beside others who write into the same memory.
//!
//! The rules: nothing is written over what was not read; where somebody else has written meanwhile,
//! what happened here is taken into what they wrote. Who is to be told is claimed in the same writing
//! that takes a check in, so that of two who find the same news one tells it.

use std::time::Duration;

use jiff::Timestamp;

use super::Keeper;
use super::ledger::News;
use super::memory::Memory;
use crate::drift::{Drift, Severity};

/// For how long whoever tells keeps others from it: longer than a telling takes.
const TELLING: Duration = Duration::from_mins(5);

/// How often what happened is taken into what somebody else has just written.
const ATTEMPTS: usize = 10;

/// How much is kept that could not be written. What is dropped may be told once more.
const MOST_UNWRITTEN: usize = 100;

/// Something that happened, to be remembered.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A check has ended.
    Checked {
        outcome: Result<Drift, String>,
        at: Timestamp,
        least: Severity,
        /// Those whom it matters to.
        listeners: Vec<&'static str>,
        /// Those of them who can be told now.
        idle: Vec<&'static str>,
    },
    /// A listener has heard what it was to be told until then.
    Told { listener: &'static str, news: News, until: Timestamp },
    /// A listener has not.
    Untold { listener: &'static str, until: Timestamp },
}

impl Event {
    fn happen(&self, memory: &mut Memory) {
        match self {
            Self::Checked { outcome, at, least, listeners, idle } => {
                memory.take_in(outcome, listeners.iter().copied(), *least, *at);
                for listener in idle {
                    memory.ledger(listener).claim(until(*at), *at);
                }
            }
            Self::Told { listener, news, until } => {
                let ledger = memory.ledger(listener);
                ledger.told(news);
                ledger.release(*until);
            }
            Self::Untold { listener, until } => memory.ledger(listener).release(*until),
        }
    }
}

/// Until when whoever tells what a check saw keeps others from it.
pub(super) fn until(at: Timestamp) -> Timestamp {
    at.saturating_add(TELLING).unwrap_or(at)
}

/// What is remembered, as far as this watch knows, and what of that nobody else can know yet.
#[derive(Debug)]
pub(super) struct Notes<K> {
    pub memory: Memory,
    unwritten: Vec<Event>,
    keeper: K,
}

impl<K: Keeper> Notes<K> {
    pub fn new(memory: Memory, keeper: K) -> Self {
        Self { memory, unwritten: Vec::new(), keeper }
    }

    /// Remembers something, and writes it down. An error says, in words, why it could not be written:
    /// the next time tries again.
    pub async fn take(&mut self, event: Event) -> Result<(), String> {
        event.happen(&mut self.memory);
        self.unwritten.push(event);
        let surplus = self.unwritten.len().saturating_sub(MOST_UNWRITTEN);
        self.unwritten.drain(..surplus);
        for _ in 0..ATTEMPTS {
            if let Some(theirs) = self.keeper.recall().await? {
                self.memory = theirs;
                for event in &self.unwritten {
                    event.happen(&mut self.memory);
                }
            }
            if self.keeper.keep(&self.memory).await? {
                self.unwritten.clear();
                return Ok(());
            }
        }
        Err("others keep writing at the same time".into())
    }
}
