//! A finding in words, the same in every format.
//!
//! The rule: nothing here is wider than a line, moves a cursor, or shows what is hidden.

use serde_json::Value;

use super::super::text::clean;
use super::super::words::{rule, words};
use crate::drift::{Class, Deed, Finding, Who, field_of};
use crate::resource::Kind;
use crate::resource::reference::reference_in;

/// How much of a value is shown: a policy document does not fit into a cell.
const LONGEST_VALUE: usize = 200;

/// Where it is: `security_group.app ingress tcp 22 from 0.0.0.0/0`.
pub(super) fn place(finding: &Finding) -> String {
    match within(finding) {
        within if within.is_empty() => finding.address.to_string(),
        within => format!("{} {within}", finding.address),
    }
}

/// Where in the resource, in the kind's own words; empty for the resource as a whole.
pub(super) fn within(finding: &Finding) -> String {
    let value = if finding.live.is_null() { &finding.applied } else { &finding.live };
    let field = field_of(&finding.property);
    match finding.address.kind() {
        Kind::SecurityGroup if value.is_object() => format!("{field} {}", clean(&rule(value))),
        _ => clean(&finding.property).into_owned(),
    }
}

/// What differs, after where: `was 30, is 1`.
pub(super) fn difference(finding: &Finding) -> String {
    let Finding { declared, applied, live, .. } = finding;
    if finding.hidden {
        return "is another; its values are not for every eye".into();
    }
    match finding.class {
        Class::Missing => "is gone".into(),
        Class::Extra if live.is_string() => format!("nobody declared it: {}", value(live)),
        Class::Extra => "nobody declared it".into(),
        Class::Outside => format!("was {}, is {}", value(applied), value(live)),
        Class::Conflicting => format!(
            "was {}, is {}, and the file says {}",
            value(applied),
            value(live),
            value(declared)
        ),
        Class::Unapplied | Class::Agreed => finding.class.words().into(),
    }
}

/// What is known besides, a line each: details, and who made it.
pub(super) fn notes(finding: &Finding) -> Vec<String> {
    let who = finding.who.iter().flat_map(who);
    finding.details.iter().cloned().chain(who).map(|note| clean(&note).into_owned()).collect()
}

/// Who made it, a line for each call.
fn who(who: &Who) -> Vec<String> {
    match who {
        Who::Known { calls } => calls.iter().map(deed).collect(),
        Who::NotKnownYet => {
            vec![
                "by whom is not known yet: CloudTrail tells of a call some minutes after it".into(),
            ]
        }
        Who::NotAsked => vec!["by whom was not asked any more".into()],
        // It is the same for all, and said once.
        Who::NotReadable => vec![],
    }
}

/// `by alice on 2026-01-02 at 03:04 UTC: PutRetentionPolicy from 203.0.113.9`.
fn deed(deed: &Deed) -> String {
    let Deed { by, at, event, from, .. } = deed;
    let at = at.strftime("%Y-%m-%d at %H:%M UTC");
    let from = from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
    format!("by {by} on {at}: {event}{from}")
}

/// The whole finding in a line.
pub(super) fn line(finding: &Finding) -> String {
    let (place, difference, reason) = (place(finding), difference(finding), &finding.reason);
    let mut line = format!("{place} {difference}: {reason}");
    for note in notes(finding) {
        line.push_str("; ");
        line.push_str(&note);
    }
    line
}

/// A value in words: text without quotes, `(none)` where there is none.
fn value(value: &Value) -> String {
    let text = match (reference_in(value), value) {
        (Some(reference), _) => reference.to_string(),
        (None, other) => words(other),
    };
    let text = clean(&text);
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}
