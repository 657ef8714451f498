//! A check for drift: for people a block a finding, and one document for machines; leaves draw it in
//! the formats of others.

pub mod junit;
pub mod markdown;
pub mod sarif;
mod sentence;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::board::short;
use super::clean;
use super::human::Look;
use super::paint::Paint;
use super::text::{cut, wrapped};
use crate::drift::{Class, Drift, Finding, Severity};

/// What stands before everything but a finding's first line.
const INDENT: &str = "          ";

/// Draws a check.
pub fn draw(drift: &Drift, look: Look) -> String {
    let mut text = String::new();
    for finding in drift.drifted() {
        draw_finding(&mut text, finding, look);
        text.push('\n');
    }
    draw_pending(&mut text, drift, look);
    for expired in &drift.expired {
        let warning = look.paint.yellow("warning:");
        let until = expired.entry.until.map(|until| until.to_string()).unwrap_or_default();
        let said = format!(
            "`{}` was to be ignored until {until}, and no longer is",
            clean(&expired.entry.address)
        );
        let _ = writeln!(text, "{warning} {said}");
    }
    let _ = writeln!(text, "{}", look.paint.bold(summary(drift)));
    text
}

/// What a finding is about, in the kind's own words: `log_group.app retention_days`.
pub fn heading(finding: &Finding) -> String {
    sentence::place(finding)
}

pub(super) fn draw_finding(text: &mut String, finding: &Finding, look: Look) {
    let severity = painted(finding.severity, look.paint);
    let head = format!("{severity} {}  {}", sentence::place(finding), finding.class.words());
    let _ = writeln!(text, "{}", cut(&head, look.width));
    let id = short(&finding.physical_id);
    let reason = format!("{} ({id})", finding.reason);
    for line in [reason].iter().chain(&sides(finding)).chain(&sentence::notes(finding)) {
        text.push_str(&wrapped(&clean(line), INDENT, INDENT, look.width));
    }
}

fn painted(severity: Severity, paint: Paint) -> String {
    let word = format!("{:9}", severity.word());
    match severity {
        Severity::Critical | Severity::High => paint.red(word),
        Severity::Medium => paint.yellow(word),
        Severity::Low | Severity::Notice => paint.dim(word),
    }
}

/// What the sides say, where they say more than that something is there or not.
fn sides(finding: &Finding) -> Vec<String> {
    if finding.hidden {
        return vec!["its values are not for every eye".into()];
    }
    if matches!(finding.class, Class::Missing | Class::Extra) && !finding.live.is_string() {
        return vec![];
    }
    let Finding { declared, applied, live, .. } = finding;
    let mut sides = vec![format!("live      {}", said(live))];
    if finding.class != Class::Extra {
        sides.push(format!("applied   {}", said(applied)));
        if declared != applied {
            sides.push(format!("the file  {}", said(declared)));
        }
    }
    sides
}

fn said(value: &Value) -> String {
    match value {
        Value::Null => "(none)".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What the file wants and is not applied yet, in a line each resource: it is no drift.
fn draw_pending(text: &mut String, drift: &Drift, look: Look) {
    let pending = drift.findings.iter().filter(|finding| !finding.class.is_drift());
    let mut places: BTreeMap<(String, Class), Vec<String>> = BTreeMap::new();
    for finding in pending {
        let key = (finding.address.to_string(), finding.class);
        places.entry(key).or_default().push(sentence::within(finding));
    }
    if places.is_empty() {
        return;
    }
    for ((address, class), properties) in places {
        let properties: Vec<&str> =
            properties.iter().map(String::as_str).filter(|one| !one.is_empty()).collect();
        let line = format!("pending   {address} {}  {}", properties.join(", "), class.words());
        let _ = writeln!(text, "{}", look.paint.dim(cut(&clean(&line), look.width)));
    }
    text.push('\n');
}

/// The whole check in one line.
pub fn summary(drift: &Drift) -> String {
    let counts = drift.counts();
    let told = Severity::ALL.into_iter().filter_map(|severity| {
        counts.get(&severity).map(|count| format!("{count} {}", severity.word()))
    });
    let told: Vec<String> = told.collect();
    let resources = drift.resources;
    let mut line = if told.is_empty() {
        format!("No drift: all {resources} resources are as they were left.")
    } else {
        format!("Drift: {} in {resources} resources.", told.join(", "))
    };
    let pending = drift.findings.iter().filter(|finding| !finding.class.is_drift()).count();
    match pending {
        0 => {}
        1 => line.push_str(" 1 of the file's changes is still to be applied."),
        many => {
            let _ = write!(line, " {many} of the file's changes are still to be applied.");
        }
    }
    match drift.ignored.len() {
        0 => {}
        1 => line.push_str(" 1 difference is ignored."),
        many => {
            let _ = write!(line, " {many} differences are ignored.");
        }
    }
    line
}

/// A check as one document.
pub fn document(drift: &Drift) -> Value {
    let mut document = serde_json::to_value(drift).unwrap_or_default();
    let counts = drift.counts();
    let count = |severity| (Severity::word(severity), counts.get(&severity).copied().unwrap_or(0));
    document["counts"] = json!(Severity::ALL.map(count).into_iter().collect::<BTreeMap<_, _>>());
    document["drifted"] = drift.drifted().next().is_some().into();
    document
}

#[cfg(test)]
mod tests {
    use crate::report::human::Values;

    use super::*;

    pub(super) fn finding(
        address: &str,
        property: &str,
        class: Class,
        [applied, live]: [Value; 2],
    ) -> Finding {
        Finding {
            id: "0123456789abcdef".into(),
            address: address.parse().unwrap(),
            type_name: "",
            property: property.into(),
            class,
            severity: Severity::Critical,
            reason: "it is open to the internet".into(),
            declared: applied.clone(),
            applied,
            live,
            hidden: false,
            physical_id: "sgr-0123".into(),
            details: vec!["seen\u{1b}[2J".into()],
            who: None,
        }
    }

    pub(super) fn drift(findings: Vec<Finding>) -> Drift {
        Drift {
            stack: "shop".into(),
            environment: "dev".into(),
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            resources: 21,
            findings,
            ignored: vec![],
            expired: vec![],
        }
    }

    fn drawn(drift: &Drift, width: Option<usize>) -> String {
        draw(drift, Look { values: Values::Hidden, paint: Paint::Plain, width })
    }

    #[test]
    fn a_rule_is_told_in_words_and_control_codes_are_not_obeyed() {
        let rule = json!({"protocol": "tcp", "from_port": 22, "to_port": 22,
            "peer": {"cidr": "0.0.0.0/0"}});
        let sides = [Value::Null, rule];
        let drift = drift(vec![finding("security_group.app", "ingress[x]", Class::Extra, sides)]);
        assert_eq!(
            drawn(&drift, None),
            "critical  security_group.app ingress tcp 22 from 0.0.0.0/0  extra\n          \
             it is open to the internet (sgr-0123)\n          seen\u{fffd}[2J\n\n\
             Drift: 1 critical in 21 resources.\n"
        );
    }

    #[test]
    fn nothing_is_wider_than_a_narrow_terminal() {
        let sides = [json!("a value of many words that goes on"), json!("another one")];
        let drift = drift(vec![finding("role.app-task", "description", Class::Outside, sides)]);
        let drawn = drawn(&drift, Some(40));
        let findings = drawn.split("\n\n").next().unwrap();
        assert!(findings.lines().count() > 5, "{drawn}");
        assert!(findings.lines().all(|line| line.chars().count() <= 40), "{drawn}");
    }

    #[test]
    fn what_is_pending_is_told_and_is_no_drift() {
        let sides = [json!(1), json!(1)];
        let drift = drift(vec![finding("service.app", "rollback", Class::Unapplied, sides)]);
        let drawn = drawn(&drift, None);
        assert!(
            drawn.starts_with("pending   service.app rollback  changed in the file"),
            "{drawn}"
        );
        assert!(drawn.contains("No drift: all 21 resources are as they were left."), "{drawn}");
        assert_eq!(document(&drift)["drifted"], json!(false));
    }
}
