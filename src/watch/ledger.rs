//! What somebody has been told, held against what is the case.
//!
//! The rule: news is what differs between the two at the moment of telling, and nothing is struck
//! off before it was told. So a telling that fails loses nothing and is not repeated piece by piece:
//! the next one says what is news then.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::drift::Severity;

/// How many things are kept by name that came and went before anybody was told.
const MOST_PASSED: usize = 200;

/// Something worth telling: a finding, or that checks fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// How much it matters.
    pub severity: Severity,
    /// Where it is: `log_group.app retention_days`.
    pub place: String,
    /// What it is: who moved it, and why that matters.
    pub what: String,
}

/// What is known of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// As it was last seen.
    pub item: Item,
    /// When it was first seen.
    pub since: Timestamp,
    /// How many checks in a row have seen it.
    pub checks: u64,
    /// When a check first no longer saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Timestamp>,
    /// When it was seen again after it was gone, the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<Timestamp>,
    /// As how grave it was told; `None` before it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Severity>,
}

impl Entry {
    fn is_new(&self) -> bool {
        self.gone.is_none() && self.told < Some(self.item.severity)
    }

    fn is_over(&self) -> bool {
        self.gone.is_some() && self.told.is_some()
    }

    fn has_passed(&self) -> bool {
        self.gone.is_some() && self.told.is_none()
    }
}

/// What one listener has been told, by the id of each thing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    entries: BTreeMap<String, Entry>,
    /// How many things came and went untold, beyond those that are kept by name.
    #[serde(default)]
    uncounted: u64,
    /// Until when somebody tells what is news, unless that ends before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claimed: Option<Timestamp>,
}

/// What a listener has not been told yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// What is there and was not told, or not as so grave, by its id.
    pub first: BTreeMap<String, Entry>,
    /// What was told and is there no more.
    pub gone: BTreeMap<String, Entry>,
    /// What came and went before it could be told.
    pub passed: BTreeMap<String, Entry>,
    /// How much else came and went so, and is not known by name any more.
    pub uncounted: u64,
    /// How many things are still there that were told before.
    pub still: usize,
}

impl News {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
            && self.gone.is_empty()
            && self.passed.is_empty()
            && self.uncounted == 0
    }

    /// The gravest of what is there and new.
    pub fn worst(&self) -> Option<Severity> {
        self.first.values().map(|entry| entry.item.severity).max()
    }
}

impl Ledger {
    /// Takes in everything that a check saw: what it did not see is gone.
    pub fn take_in(&mut self, seen: &BTreeMap<String, Item>, now: Timestamp) {
        for (id, entry) in &mut self.entries {
            if !seen.contains_key(id) {
                entry.gone.get_or_insert(now);
            }
        }
        for (id, item) in seen {
            self.meet(id, item, now);
        }
        self.forget_passed();
    }

    /// Takes in one thing, by a check that says nothing of all others.
    pub fn meet(&mut self, id: &str, item: &Item, now: Timestamp) {
        let (gone, back, told) = (None, None, None);
        let fresh = || Entry { item: item.clone(), since: now, checks: 0, gone, back, told };
        let entry = self.entries.entry(id.to_owned()).or_insert_with(fresh);
        if entry.gone.take().is_some() {
            (entry.checks, entry.back) = (0, Some(now));
        }
        entry.checks += 1;
        entry.item = item.clone();
    }

    /// What is to be told now.
    pub fn news(&self) -> News {
        let those = |is: fn(&Entry) -> bool| {
            let chosen = self.entries.iter().filter(|(_, entry)| is(entry));
            chosen.map(|(id, entry)| (id.clone(), entry.clone())).collect()
        };
        let is_still = |entry: &&Entry| entry.gone.is_none() && !entry.is_new();
        News {
            first: those(Entry::is_new),
            gone: those(Entry::is_over),
            passed: those(Entry::has_passed),
            uncounted: self.uncounted,
            still: self.entries.values().filter(is_still).count(),
        }
    }

    /// Strikes off what was told. What came about since the news was drawn up is still to be told.
    pub fn told(&mut self, news: &News) {
        for (id, said) in &news.first {
            if let Some(entry) = self.entries.get_mut(id) {
                entry.told = entry.told.max(Some(said.item.severity));
            }
        }
        for id in news.gone.keys().chain(news.passed.keys()) {
            match self.entries.get_mut(id) {
                // It was told to be gone, and is back: to whoever hears of it now, for the first time.
                Some(entry) if entry.gone.is_none() => {
                    entry.told = None;
                    entry.since = entry.back.unwrap_or(entry.since);
                }
                _ => drop(self.entries.remove(id)),
            }
        }
        self.uncounted = self.uncounted.saturating_sub(news.uncounted);
    }

    /// Claims what is news, to tell it until then; not where somebody else does.
    pub fn claim(&mut self, until: Timestamp, now: Timestamp) {
        let longest = until.duration_since(now) * 2;
        // What is claimed for longer than anybody claims is a clock's mistake.
        let theirs = |claimed: &Timestamp| *claimed > now && claimed.duration_since(now) <= longest;
        if !self.claimed.as_ref().is_some_and(theirs) {
            self.claimed = (!self.news().is_empty()).then_some(until);
        }
    }

    /// Whether what is news was claimed until then.
    pub fn is_claimed(&self, until: Timestamp) -> bool {
        self.claimed == Some(until)
    }

    /// Gives back what was claimed until then.
    pub fn release(&mut self, until: Timestamp) {
        self.claimed.take_if(|claimed| *claimed == until);
    }

    /// Keeps what came and went untold from growing without an end.
    fn forget_passed(&mut self) {
        let mut passed: Vec<(Timestamp, String)> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.has_passed())
            .map(|(id, entry)| (entry.since, id.clone()))
            .collect();
        passed.sort();
        let surplus = passed.len().saturating_sub(MOST_PASSED);
        for (_, id) in passed.into_iter().take(surplus) {
            self.entries.remove(&id);
            self.uncounted += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + hour * 3600).unwrap()
    }

    fn item(severity: Severity) -> Item {
        Item { severity, place: "vpc.main".into(), what: "changed outside".into() }
    }

    fn seen(ids: &[&str]) -> BTreeMap<String, Item> {
        ids.iter().map(|id| ((*id).to_owned(), item(Severity::High))).collect()
    }

    fn ids(entries: &BTreeMap<String, Entry>) -> Vec<&str> {
        entries.keys().map(String::as_str).collect()
    }

    #[test]
    fn each_change_is_news_once() {
        let mut ledger = Ledger::default();
        ledger.take_in(&seen(&["a", "b"]), at(0));
        let news = ledger.news();
        assert_eq!((ids(&news.first), news.still), (vec!["a", "b"], 0));
        ledger.told(&news);
        ledger.take_in(&seen(&["b", "c"]), at(1));
        let news = ledger.news();
        assert_eq!((ids(&news.first), ids(&news.gone), news.still), (vec!["c"], vec!["a"], 1));
        ledger.told(&news);
        ledger.take_in(&seen(&["b", "c"]), at(2));
        assert!(ledger.news().is_empty());
        assert_eq!(ledger.news().still, 2);
    }

    #[test]
    fn what_could_not_be_told_is_told_later_as_it_is_then() {
        let mut ledger = Ledger::default();
        ledger.take_in(&seen(&["a", "b"]), at(0));
        ledger.take_in(&seen(&["b"]), at(1));
        let news = ledger.news();
        assert_eq!((ids(&news.first), ids(&news.passed)), (vec!["b"], vec!["a"]));
        assert_eq!(news.first["b"].since, at(0));
        assert_eq!(news.first["b"].checks, 2);
        ledger.told(&news);
        assert!(ledger.news().is_empty());
    }

    #[test]
    fn what_was_away_between_two_tellings_is_no_news() {
        let mut ledger = Ledger::default();
        ledger.take_in(&seen(&["a"]), at(0));
        ledger.told(&ledger.news());
        ledger.take_in(&seen(&[]), at(1));
        ledger.take_in(&seen(&["a"]), at(2));
        assert!(ledger.news().is_empty());
    }

    #[test]
    fn what_comes_back_while_it_is_told_to_be_gone_is_news_again() {
        let mut ledger = Ledger::default();
        ledger.take_in(&seen(&["a"]), at(0));
        ledger.told(&ledger.news());
        ledger.take_in(&seen(&[]), at(1));
        let under_way = ledger.news();
        ledger.take_in(&seen(&["a"]), at(2));
        ledger.told(&under_way);
        let news = ledger.news();
        assert_eq!(ids(&news.first), ["a"]);
        assert_eq!(news.first["a"].since, at(2), "it is not what was told at first");
    }

    #[test]
    fn what_somebody_tells_nobody_else_does_until_they_have_or_had_the_time() {
        let mut ledger = Ledger::default();
        ledger.claim(at(2), at(1));
        assert!(!ledger.is_claimed(at(2)), "there is nothing to tell");
        ledger.take_in(&seen(&["a"]), at(1));
        ledger.claim(at(4), at(1));
        ledger.claim(at(5), at(2));
        assert!(ledger.is_claimed(at(4)));
        ledger.release(at(5));
        assert!(ledger.is_claimed(at(4)), "only who claimed it gives it back");
        ledger.claim(at(7), at(4));
        assert!(ledger.is_claimed(at(7)), "they had the time");
        ledger.release(at(7));
        ledger.claim(at(8), at(5));
        assert!(ledger.is_claimed(at(8)));
        ledger.claim(at(2), at(1));
        assert!(ledger.is_claimed(at(2)), "nobody claims for so long");
    }

    #[test]
    fn what_becomes_graver_is_news_and_what_becomes_less_so_is_not() {
        let mut ledger = Ledger::default();
        ledger.take_in(&seen(&["a"]), at(0));
        ledger.told(&ledger.news());
        let one = |severity| BTreeMap::from([("a".to_owned(), item(severity))]);
        ledger.take_in(&one(Severity::Low), at(1));
        assert!(ledger.news().is_empty());
        ledger.take_in(&one(Severity::Critical), at(2));
        assert_eq!(ids(&ledger.news().first), ["a"]);
        assert_eq!(ledger.news().worst(), Some(Severity::Critical));
    }

    #[test]
    fn a_check_that_failed_says_nothing_of_the_rest() {
        let mut ledger = Ledger::default();
        ledger.take_in(&seen(&["a"]), at(0));
        ledger.told(&ledger.news());
        ledger.meet("check", &item(Severity::High), at(1));
        let news = ledger.news();
        assert_eq!((ids(&news.first), news.gone.len(), news.still), (vec!["check"], 0, 1));
    }

    #[test]
    fn what_passes_untold_for_ever_is_counted_at_last() {
        let mut ledger = Ledger::default();
        for hour in 0..300 {
            ledger.take_in(&seen(&[&format!("{hour:03}")]), at(hour));
        }
        ledger.take_in(&seen(&[]), at(300));
        let news = ledger.news();
        assert_eq!((news.passed.len(), news.uncounted), (MOST_PASSED, 100));
        assert!(!news.passed.contains_key("099") && news.passed.contains_key("100"));
        ledger.told(&news);
        assert!(ledger.news().is_empty());
    }
}
