//! A check as SARIF 2.1.0, the format in which code hosts take what tools have found.
//!
//! The rule: a host shows the same thing once for as long as it lasts. So a result's fingerprint is
//! the id of its finding, and never a line or a value; what is ignored is a result that is
//! suppressed, with the file's own reason; and what the file wants and `up` has still to do is none.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::sentence;
use crate::drift::{Class, Drift, Expired, Finding, Ignored, Severity};
use crate::report::clean;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What can't stand in the path of a URI (RFC 3986, 3.3), and what would end it.
const NOT_IN_A_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Where a finding is to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's path, with `/` between its parts.
    pub path: String,
    /// The line in it, from 1; `None` for the file as a whole.
    pub line: Option<usize>,
}

/// The classes that are drift: each with its id, its name and what it means.
const CLASSES: [(Class, &str, &str, &str); 4] = [
    (Class::Outside, "outside", "ChangedOutside", "A property was changed outside of provision."),
    (
        Class::Conflicting,
        "conflicting",
        "ChangedTwice",
        "A property was changed outside of provision and in the file, each to something else.",
    ),
    (Class::Missing, "missing", "Missing", "Something was deleted outside of provision."),
    (Class::Extra, "extra", "Extra", "Something is in what the stack owns whole, and undeclared."),
];

/// One log, with a run for each stack. `place` says where a finding is to be shown.
pub fn log(checks: &[&Drift], place: &dyn Fn(&Drift, &Finding) -> Place) -> Value {
    let runs: Vec<Value> = checks.iter().map(|drift| run(drift, place)).collect();
    json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": runs })
}

fn run(drift: &Drift, place: &dyn Fn(&Drift, &Finding) -> Place) -> Value {
    let Drift { stack, environment, account, region, .. } = drift;
    let drifted = drift.drifted().map(|finding| result(drift, finding, &place(drift, finding)));
    let ignored = drift
        .ignored
        .iter()
        .map(|ignored| suppressed(drift, ignored, &place(drift, &ignored.finding)));
    let results: Vec<Value> = drifted.chain(ignored).collect();
    let expired: Vec<Value> = drift.expired.iter().map(notification).collect();
    json!({
        "tool": { "driver": {
            "name": "provision",
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules(),
        }},
        // A host keeps runs apart by their ids, and one stack's findings from another's.
        "automationDetails": { "id": format!("provision-drift/{stack}-{environment}/") },
        "invocations": [{
            "executionSuccessful": true,
            "toolConfigurationNotifications": expired,
        }],
        "columnKind": "utf16CodeUnits",
        "results": results,
        "properties": { "account": account, "region": region, "resources": drift.resources },
    })
}

/// All rules, in an order of their own: a class in each of the severities, since a host takes how
/// much a result matters from its rule.
fn rules() -> Vec<Value> {
    let rules = CLASSES.iter().flat_map(|class| Severity::ALL.map(|severity| (class, severity)));
    rules
        .map(|((class, _, name, meaning), severity)| {
            let word = severity.word();
            let help = "`provision drift` shows all sides; `provision drift --fix` puts back what \
                        has drifted.";
            json!({
                "id": rule_id(*class, severity),
                "name": format!("{name}{}{}", word[..1].to_uppercase(), &word[1..]),
                "shortDescription": { "text": meaning },
                "help": { "text": help },
                "defaultConfiguration": { "level": level(severity) },
                "properties": { "security-severity": score(severity), "tags": ["drift", "security"] },
            })
        })
        .collect()
}

/// Where a rule stands among [`rules`], and its id.
fn rule_index(class: Class, severity: Severity) -> Option<usize> {
    let class = CLASSES.iter().position(|(own, ..)| *own == class)?;
    let severity = Severity::ALL.iter().position(|own| *own == severity)?;
    Some(class * Severity::ALL.len() + severity)
}

fn rule_id(class: Class, severity: Severity) -> String {
    let key = CLASSES.iter().find(|(own, ..)| *own == class).map_or("none", |(_, key, ..)| key);
    format!("drift/{key}/{}", severity.word())
}

fn result(drift: &Drift, finding: &Finding, place: &Place) -> Value {
    let Drift { stack, environment, account, region, .. } = drift;
    let within = sentence::place(finding);
    let mut physical = json!({ "artifactLocation": { "uri": uri(&place.path) } });
    if let Some(line) = place.line {
        physical["region"] = json!({ "startLine": line });
    }
    json!({
        "ruleId": rule_id(finding.class, finding.severity),
        "ruleIndex": rule_index(finding.class, finding.severity),
        "level": level(finding.severity),
        "message": { "text": format!("{stack}-{environment}: {}.", sentence::line(finding)) },
        "locations": [{
            "physicalLocation": physical,
            "logicalLocations": [{
                "name": finding.address,
                "fullyQualifiedName": format!("{account}/{region}/{stack}-{environment}/{within}"),
                "kind": "resource",
            }],
        }],
        "partialFingerprints": {
            "provisionFinding/v1": finding.id,
            // The one that GitHub goes by, which else is made from the line's text.
            "primaryLocationLineHash": format!("{}:1", finding.id),
        },
        "properties": finding,
    })
}

fn suppressed(drift: &Drift, ignored: &Ignored, place: &Place) -> Value {
    let mut result = result(drift, &ignored.finding, place);
    let mut suppression = json!({ "kind": "external", "status": "accepted" });
    if let Some(because) = &ignored.because {
        suppression["justification"] = because.as_str().into();
    }
    result["suppressions"] = json!([suppression]);
    result
}

/// An entry of the file that no longer ignores anything.
fn notification(expired: &Expired) -> Value {
    let until = expired.entry.until.map(|until| until.to_string()).unwrap_or_default();
    let address = clean(&expired.entry.address);
    let text = format!("`{address}` was to be ignored until {until}, and no longer is.");
    json!({ "level": "warning", "message": { "text": text } })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Notice => "note",
    }
}

/// The middle of the range in which GitHub shows a severity by the same word.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Notice => "0.0",
    }
}

/// A path as a URI: an absolute one with its scheme, any other relative to the repository.
fn uri(path: &str) -> String {
    let path = path.trim_start_matches("./");
    let encoded = utf8_percent_encode(path, NOT_IN_A_PATH);
    if path.starts_with('/') { format!("file://{encoded}") } else { encoded.to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{drift, finding};
    use super::*;

    fn place(_: &Drift, finding: &Finding) -> Place {
        let line = (finding.property == "count").then_some(7);
        Place { path: "stacks/my shop.toml".into(), line }
    }

    fn found(class: Class) -> Finding {
        finding("service.app", "count", class, [json!(2), json!(0)])
    }

    #[test]
    fn every_result_names_a_rule_that_stands_where_it_says() {
        for (class, ..) in CLASSES {
            for severity in Severity::ALL {
                let drift = drift(vec![Finding { severity, ..found(class) }]);
                let run = &log(&[&drift], &place)["runs"][0];
                let result = &run["results"][0];
                let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
                let rule = &run["tool"]["driver"]["rules"][index];
                assert_eq!(rule["id"], result["ruleId"]);
                assert_eq!(rule["defaultConfiguration"]["level"], result["level"]);
            }
        }
    }

    #[test]
    fn a_finding_is_told_from_others_by_its_id_alone() {
        let fingerprints = |live: u32| {
            let finding = finding("service.app", "count", Class::Outside, [json!(2), json!(live)]);
            log(&[&drift(vec![finding])], &place)["runs"][0]["results"][0]["partialFingerprints"]
                .clone()
        };
        assert_eq!(fingerprints(0), fingerprints(1));
        assert_eq!(fingerprints(0)["provisionFinding/v1"], "0123456789abcdef");
    }

    #[test]
    fn a_finding_is_shown_in_its_line_and_a_file_by_its_uri() {
        let drift = drift(vec![
            found(Class::Outside),
            finding("vpc.main", "dns_support", Class::Outside, [json!(true), json!(false)]),
        ]);
        let log = log(&[&drift], &place);
        let at = |index: usize| {
            log["runs"][0]["results"][index]["locations"][0]["physicalLocation"].clone()
        };
        let artifact = json!({ "uri": "stacks/my%20shop.toml" });
        assert_eq!(at(0), json!({ "artifactLocation": artifact, "region": { "startLine": 7 } }));
        assert_eq!(at(1), json!({ "artifactLocation": artifact }));
        assert_eq!(uri("/a/b.toml"), "file:///a/b.toml");
        assert_eq!(uri("./a.toml"), "a.toml");
    }

    #[test]
    fn what_is_ignored_is_suppressed_with_its_reason_and_what_is_pending_is_left_out() {
        let mut drift = drift(vec![found(Class::Unapplied)]);
        let because = Some("audit".into());
        drift.ignored = vec![Ignored { finding: found(Class::Extra), because, until: None }];
        let log = log(&[&drift], &place);
        let results = log["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.len(), 1);
        assert_eq!(results[0]["ruleId"], "drift/extra/critical");
        assert_eq!(results[0]["suppressions"][0]["justification"], "audit");
    }
}
