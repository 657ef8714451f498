//! What is not to be told as drift: by address and property, with wildcards, and until a day.
//!
//! The rule: nothing is ignored without being counted, and an entry whose day has passed ignores
//! nothing, and is told as long as it would.

use jiff::civil::Date;
use serde::Serialize;

use super::Finding;
use crate::config::Ignore;

/// A finding that is ignored.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ignored {
    /// What was found.
    pub finding: Finding,
    /// Why it is ignored, in the file's words.
    pub because: Option<String>,
    /// The last day on which it is.
    pub until: Option<Date>,
}

/// An entry whose day has passed, though there is something that it would ignore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expired {
    /// The entry.
    pub entry: Ignore,
    /// The ids of the findings that it would ignore.
    pub findings: Vec<String>,
}

/// Findings, sorted out.
pub(super) struct Sorted {
    pub findings: Vec<Finding>,
    pub ignored: Vec<Ignored>,
    pub expired: Vec<Expired>,
}

/// Takes the findings out that are to be ignored. What the file itself wants is never ignored: it is
/// no drift.
pub(super) fn sort_out(found: Vec<Finding>, entries: &[Ignore], today: Date) -> Sorted {
    let (valid, past): (Vec<&Ignore>, Vec<&Ignore>) =
        entries.iter().partition(|entry| entry.until.is_none_or(|until| today <= until));
    let expired = past.into_iter().filter_map(|entry| {
        let meant = found.iter().filter(|finding| matches(entry, finding));
        let findings: Vec<String> = meant.map(|finding| finding.id.clone()).collect();
        (!findings.is_empty()).then(|| Expired { entry: entry.clone(), findings })
    });
    let expired = expired.collect();
    let mut sorted = Sorted { findings: vec![], ignored: vec![], expired };
    for finding in found {
        match valid.iter().find(|entry| matches(entry, &finding)) {
            Some(entry) => sorted.ignored.push(Ignored {
                finding,
                because: entry.reason.clone(),
                until: entry.until,
            }),
            None => sorted.findings.push(finding),
        }
    }
    sorted
}

fn matches(entry: &Ignore, finding: &Finding) -> bool {
    let property = entry.property.as_deref().unwrap_or("*");
    finding.class.is_drift()
        && fits(&entry.address, &finding.address.to_string())
        && fits(property, &finding.property)
}

/// Whether a text is as the pattern says, in which `*` stands for any characters, none included.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    loop {
        if fits(rest, text) {
            return true;
        }
        let mut letters = text.chars();
        if letters.next().is_none() {
            return false;
        }
        text = letters.as_str();
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::Value;

    use super::*;
    use crate::drift::{Class, Severity};

    fn finding(address: &str, property: &str, class: Class) -> Finding {
        Finding {
            id: format!("{address}/{property}"),
            address: address.parse().unwrap(),
            type_name: "",
            property: property.into(),
            class,
            severity: Severity::High,
            reason: String::new(),
            declared: Value::Null,
            applied: Value::Null,
            live: Value::Null,
            hidden: false,
            physical_id: String::new(),
            details: vec![],
            who: None,
        }
    }

    fn entry(address: &str, property: Option<&str>, until: Option<Date>) -> Ignore {
        Ignore {
            address: address.into(),
            property: property.map(Into::into),
            until,
            reason: Some("known".into()),
        }
    }

    #[test]
    fn a_star_stands_for_anything() {
        assert!(fits("*", ""));
        assert!(fits("security_group.*", "security_group.app"));
        assert!(fits("*.app", "service.app"));
        assert!(fits("tags[*]", "tags[team]"));
        assert!(fits("a*b*c", "a-b-b-c"));
        assert!(!fits("service", "service.app"));
        assert!(!fits("*.app", "service.app2"));
    }

    #[test]
    fn what_is_ignored_is_kept_and_what_the_file_wants_is_not_ignored() {
        let found = vec![
            finding("service.app", "count", Class::Outside),
            finding("service.app", "rollback", Class::Unapplied),
            finding("role.app-task", "trust", Class::Outside),
        ];
        let entries = [entry("service.*", None, None)];
        let sorted = sort_out(found, &entries, date(2026, 1, 1));
        let left: Vec<_> = sorted.findings.iter().map(|one| one.property.as_str()).collect();
        assert_eq!(left, ["rollback", "trust"]);
        assert_eq!(sorted.ignored[0].because.as_deref(), Some("known"));
    }

    #[test]
    fn an_entry_holds_through_its_last_day_and_is_told_afterwards() {
        let until = date(2027, 1, 1);
        let sorted = |today| {
            let found = vec![finding("service.app", "count", Class::Outside)];
            sort_out(found, &[entry("service.app", Some("count"), Some(until))], today)
        };
        let on_the_day = sorted(until);
        assert_eq!((on_the_day.ignored.len(), on_the_day.expired.len()), (1, 0));
        let after = sorted(until.tomorrow().unwrap());
        assert_eq!((after.ignored.len(), after.findings.len()), (0, 1));
        assert_eq!(after.expired[0].findings, ["service.app/count"]);
    }

    #[test]
    fn an_entry_that_has_passed_and_meets_nothing_is_not_told() {
        let entries = [entry("service.app", None, Some(date(2020, 1, 1)))];
        assert!(sort_out(vec![], &entries, date(2026, 1, 1)).expired.is_empty());
    }
}
