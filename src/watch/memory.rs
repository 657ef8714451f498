//! What checks remember from one to the next: a small document beside the state, never part of it.
//!
//! The rule: it holds no values of properties, only places and reasons; and losing it costs no more
//! than being told once more of what is there.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ledger::{Item, Ledger};
use crate::drift::{Drift, Severity};
use crate::report::drift::heading;

/// The id under which failing checks are remembered. No finding has it: theirs are hexadecimal.
const CHECK: &str = "check";

/// The form in which it is written.
const FORMAT: u32 = 1;

/// What is remembered of the checks of one stack in one environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The version of this form.
    pub format: u32,
    /// The stack's name.
    pub stack: String,
    /// Its environment.
    pub environment: String,
    /// The account; `None` before a check went well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The region, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// How many checks there were.
    pub checks: u64,
    /// How many of them failed.
    pub failed: u64,
    /// When the last one ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// What each listener has been told, by its name.
    #[serde(default)]
    pub ledgers: BTreeMap<String, Ledger>,
}

/// Something was remembered that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// It is not what was written.
    #[error("what was remembered of earlier checks is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    /// A newer version wrote it.
    #[error("what was remembered of earlier checks has format {0}, which a newer version writes")]
    Newer(u32),
}

impl Memory {
    /// The memory of a stack that was never checked.
    pub fn new(stack: &str, environment: &str) -> Self {
        Self {
            format: FORMAT,
            stack: stack.to_owned(),
            environment: environment.to_owned(),
            account: None,
            region: None,
            checks: 0,
            failed: 0,
            last: None,
            ledgers: BTreeMap::new(),
        }
    }

    /// Reads what [`Memory::written`] wrote.
    ///
    /// # Errors
    ///
    /// [`MemoryError`].
    pub fn read(text: &[u8]) -> Result<Self, MemoryError> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let version: Version = serde_json::from_slice(text)?;
        if version.format > FORMAT {
            return Err(MemoryError::Newer(version.format));
        }
        Ok(serde_json::from_slice(text)?)
    }

    /// The memory as it is written.
    pub fn written(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        format!("{}\n", text.expect("a memory is made of maps and scalars"))
    }

    /// The ledger of a listener; an empty one for a new listener.
    pub fn ledger(&mut self, listener: &str) -> &mut Ledger {
        self.ledgers.entry(listener.to_owned()).or_default()
    }

    /// Takes in what came of a check, for some listeners; findings that matter less than `least`
    /// are nobody's news.
    pub fn take_in<'a>(
        &mut self,
        outcome: &Result<Drift, String>,
        listeners: impl IntoIterator<Item = &'a str>,
        least: Severity,
        now: Timestamp,
    ) {
        self.checks += 1;
        self.last = Some(now);
        match outcome {
            Ok(drift) => {
                self.account = Some(drift.account.clone());
                self.region = Some(drift.region.clone());
            }
            Err(_) => self.failed += 1,
        }
        for listener in listeners {
            take_into(self.ledger(listener), outcome, least, now);
        }
    }
}

/// Takes what came of a check into a ledger. One that failed says nothing of what others found.
pub(super) fn take_into(
    ledger: &mut Ledger,
    outcome: &Result<Drift, String>,
    least: Severity,
    now: Timestamp,
) {
    match outcome {
        Ok(drift) => ledger.take_in(&items(drift, least), now),
        Err(why) => ledger.meet(CHECK, &failure(why), now),
    }
}

/// The findings of a check that are drift, as far as they matter so much, by their ids.
fn items(drift: &Drift, least: Severity) -> BTreeMap<String, Item> {
    let found = drift.drifted().filter(|finding| finding.severity >= least);
    let item = |finding: &crate::drift::Finding| Item {
        severity: finding.severity,
        place: heading(finding),
        what: format!("{}: {}", finding.class.words(), finding.reason),
    };
    found.map(|finding| (finding.id.clone(), item(finding))).collect()
}

/// That a check failed is as grave as a part of the stack that is gone: nobody knows how it is.
fn failure(why: &str) -> Item {
    let what = format!("it fails: {why}");
    Item { severity: Severity::High, place: "the check itself".into(), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_a_newer_form_is_refused() {
        let mut memory = Memory::new("shop", "dev");
        let now = Timestamp::from_second(1_767_225_600).unwrap();
        memory.take_in(&Err("no".into()), ["webhook"], Severity::Low, now);
        assert_eq!(Memory::read(memory.written().as_bytes()).unwrap(), memory);
        let newer = memory.written().replace("\"format\": 1", "\"format\": 2");
        assert!(matches!(Memory::read(newer.as_bytes()), Err(MemoryError::Newer(2))));
        assert!(matches!(Memory::read(b"{"), Err(MemoryError::Damaged(_))));
    }

    #[test]
    fn a_failing_check_is_news_once_and_its_end_too() {
        let mut memory = Memory::new("shop", "dev");
        let now = Timestamp::from_second(1_767_225_600).unwrap();
        memory.take_in(&Err("no answer".into()), ["webhook"], Severity::Critical, now);
        let news = memory.ledger("webhook").news();
        assert_eq!(news.first[CHECK].item.what, "it fails: no answer");
        memory.ledger("webhook").told(&news);
        memory.take_in(&Err("still none".into()), ["webhook"], Severity::Low, now);
        assert!(memory.ledger("webhook").news().is_empty());
        let calm = Drift {
            stack: "shop".into(),
            environment: "dev".into(),
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            resources: 21,
            findings: vec![],
            ignored: vec![],
            expired: vec![],
        };
        memory.take_in(&Ok(calm), ["webhook"], Severity::Low, now);
        let news = memory.ledger("webhook").news();
        assert_eq!((news.gone.len(), news.gone[CHECK].checks), (1, 2));
        assert_eq!((memory.checks, memory.failed), (3, 2));
    }
}
