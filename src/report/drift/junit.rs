//! A check as JUnit's XML, which every CI shows: a suite a stack, a case a resource.
//!
//! The rule: a case fails exactly when `--fail-on` would have the check fail for its resource, with
//! a failure for each finding, the worst first. What matters less stands beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::sentence;
use crate::drift::{Drift, Finding, Ignored, Severity};
use crate::report::clean;
use crate::resource::Address;

/// A check, and which resources were looked at.
#[derive(Clone, Debug)]
pub struct Checked<'a> {
    /// What was found.
    pub drift: &'a Drift,
    /// All that is recorded.
    pub addresses: BTreeSet<&'a Address>,
}

/// The whole document; findings that matter less than `least` fail nothing.
pub fn document(checks: &[Checked<'_>], least: Severity) -> String {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    write(&mut writer, checks, least).expect("writing into memory does not fail");
    let xml = String::from_utf8(writer.into_inner()).expect("what is written is text");
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{xml}\n")
}

/// What is to be said of a resource.
#[derive(Default)]
struct Case<'a> {
    failed: Vec<&'a Finding>,
    told: Vec<&'a Finding>,
    ignored: Vec<&'a Ignored>,
}

impl Case<'_> {
    fn is_skipped(&self) -> bool {
        self.failed.is_empty() && !self.ignored.is_empty()
    }
}

/// What is to be said of a stack: every resource that was looked at, or has a finding, once.
struct Suite<'a> {
    drift: &'a Drift,
    cases: BTreeMap<&'a Address, Case<'a>>,
}

impl<'a> Suite<'a> {
    fn of(checked: &Checked<'a>, least: Severity) -> Self {
        let drift = checked.drift;
        let mut cases: BTreeMap<&Address, Case<'_>> =
            checked.addresses.iter().map(|address| (*address, Case::default())).collect();
        for finding in drift.drifted() {
            let case = cases.entry(&finding.address).or_default();
            let list = if finding.severity >= least { &mut case.failed } else { &mut case.told };
            list.push(finding);
        }
        for ignored in &drift.ignored {
            cases.entry(&ignored.finding.address).or_default().ignored.push(ignored);
        }
        Self { drift, cases }
    }

    fn counts(&self) -> Counts {
        let cases = self.cases.values();
        Counts {
            tests: cases.len(),
            failures: cases.clone().filter(|case| !case.failed.is_empty()).count(),
            skipped: cases.filter(|case| case.is_skipped()).count(),
        }
    }
}

/// How many cases there are, and how many of each kind.
#[derive(Clone, Copy, Default)]
struct Counts {
    tests: usize,
    failures: usize,
    skipped: usize,
}

impl Counts {
    fn with(self, other: Self) -> Self {
        Self {
            tests: self.tests + other.tests,
            failures: self.failures + other.failures,
            skipped: self.skipped + other.skipped,
        }
    }

    fn attributes(self) -> [(&'static str, String); 4] {
        [
            ("tests", self.tests.to_string()),
            ("failures", self.failures.to_string()),
            ("errors", "0".into()),
            ("skipped", self.skipped.to_string()),
        ]
    }
}

type Xml = Writer<Vec<u8>>;

fn write(writer: &mut Xml, checks: &[Checked<'_>], least: Severity) -> io::Result<()> {
    let suites: Vec<Suite<'_>> = checks.iter().map(|checked| Suite::of(checked, least)).collect();
    let counts = suites.iter().map(Suite::counts).fold(Counts::default(), Counts::with);
    element(writer, "testsuites", "provision drift", counts, |writer| {
        suites.iter().try_for_each(|suite| write_suite(writer, suite))
    })
}

fn element(
    writer: &mut Xml,
    element: &str,
    name: &str,
    counts: Counts,
    inner: impl FnOnce(&mut Xml) -> io::Result<()>,
) -> io::Result<()> {
    let counts = counts.attributes();
    writer
        .create_element(element)
        .with_attribute(("name", name))
        .with_attributes(counts.iter().map(|(name, count)| (*name, count.as_str())))
        .write_inner_content(inner)?;
    Ok(())
}

fn write_suite(writer: &mut Xml, suite: &Suite<'_>) -> io::Result<()> {
    let Drift { stack, environment, account, region, .. } = suite.drift;
    let name = format!("{stack}-{environment} ({account}, {region})");
    element(writer, "testsuite", &name, suite.counts(), |writer| {
        let class = format!("{stack}-{environment}");
        suite.cases.iter().try_for_each(|(address, case)| write_case(writer, &class, address, case))
    })
}

fn write_case(writer: &mut Xml, class: &str, address: &Address, case: &Case<'_>) -> io::Result<()> {
    let name = address.to_string();
    let element = writer
        .create_element("testcase")
        .with_attribute(("classname", class))
        .with_attribute(("name", name.as_str()));
    if case.failed.is_empty() && case.told.is_empty() && case.ignored.is_empty() {
        element.write_empty()?;
        return Ok(());
    }
    element.write_inner_content(|writer| {
        if let (true, Some(ignored)) = (case.is_skipped(), case.ignored.first()) {
            let because = ignored.because.as_deref().unwrap_or("the file has it ignored");
            let because = legal(because);
            let message = ("message", because.as_str());
            writer.create_element("skipped").with_attribute(message).write_empty()?;
        }
        case.failed.iter().try_for_each(|finding| write_failure(writer, finding))?;
        write_told(writer, &case.told)
    })?;
    Ok(())
}

fn write_failure(writer: &mut Xml, finding: &Finding) -> io::Result<()> {
    let (message, text) = (line(finding), legal(&block(finding)));
    writer
        .create_element("failure")
        .with_attribute(("type", finding.severity.word()))
        .with_attribute(("message", message.as_str()))
        .write_text_content(BytesText::new(&text))?;
    Ok(())
}

/// What fails nothing, and is worth knowing.
fn write_told(writer: &mut Xml, told: &[&Finding]) -> io::Result<()> {
    if told.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = told.iter().map(|finding| line(finding)).collect();
    let text = lines.join("\n");
    writer.create_element("system-out").write_text_content(BytesText::new(&text))?;
    Ok(())
}

fn line(finding: &Finding) -> String {
    legal(&format!("{}: {}", finding.severity.word(), sentence::line(finding)))
}

/// A finding in some lines: what, why, by which ids, and what is known besides.
fn block(finding: &Finding) -> String {
    let mut lines = vec![
        format!("{} {}", sentence::place(finding), sentence::difference(finding)),
        finding.reason.clone(),
        format!("{} {}", finding.type_name, clean(&finding.physical_id)),
        format!("finding {}", finding.id),
    ];
    lines.extend(sentence::notes(finding));
    lines.join("\n")
}

/// The text without what XML 1.0 can't carry at all, escaped or not (its production `Char`).
fn legal(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\n' => '\n',
            '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
            letter if letter.is_control() => '\u{fffd}',
            letter => letter,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{drift, finding};
    use super::*;
    use crate::drift::Class;

    fn shown(drift: &Drift, addresses: &[&str], least: Severity) -> String {
        let addresses: Vec<Address> = addresses.iter().map(|one| one.parse().unwrap()).collect();
        document(&[Checked { drift, addresses: addresses.iter().collect() }], least)
    }

    fn two() -> Drift {
        let grave = finding("service.app", "count", Class::Outside, [json!(2), json!(0)]);
        let light = Finding { severity: Severity::Low, ..grave.clone() };
        drift(vec![grave, light])
    }

    #[test]
    fn a_resource_is_a_case_and_each_finding_a_failure() {
        let xml = shown(&two(), &["service.app", "vpc.main"], Severity::Low);
        let counts = r#"tests="2" failures="1" errors="0" skipped="0""#;
        assert_eq!(xml.matches(counts).count(), 2, "{xml}");
        assert_eq!(xml.matches("<failure ").count(), 2, "{xml}");
        assert!(xml.contains(r#"<testcase classname="shop-dev" name="vpc.main"/>"#), "{xml}");
    }

    #[test]
    fn what_matters_less_than_asked_for_fails_nothing_and_is_told() {
        let xml = shown(&two(), &[], Severity::High);
        assert_eq!(xml.matches("<failure ").count(), 1, "{xml}");
        assert!(xml.contains("<system-out>low: service.app count was 2, is 0"), "{xml}");
        let mut light = two();
        light.findings.remove(0);
        assert!(shown(&light, &[], Severity::High).contains(r#"failures="0""#));
    }

    #[test]
    fn what_is_ignored_is_skipped_unless_something_else_fails() {
        let mut drift = two();
        let finding = finding("vpc.main", "dns_support", Class::Outside, [json!(1), json!(2)]);
        let because = Some("an \"audit\"\u{1b}".into());
        drift.ignored = vec![
            Ignored { finding: drift.findings[0].clone(), because: None, until: None },
            Ignored { finding, because, until: None },
        ];
        let xml = shown(&drift, &[], Severity::Low);
        assert_eq!(xml.matches("<skipped ").count(), 1, "{xml}");
        assert!(xml.contains("<skipped message=\"an &quot;audit&quot;\u{fffd}\"/>"), "{xml}");
    }

    #[test]
    fn nothing_that_somebody_wrote_ends_the_document_or_breaks_it() {
        let said = "</failure><x a=\"1\">&amp;\u{0}\u{1b}\u{ffff}]]>";
        let drift =
            drift(vec![finding("service.app", "count", Class::Outside, [json!(said), json!(0)])]);
        let xml = shown(&drift, &[], Severity::Low);
        assert!(!xml.contains("<x"), "{xml}");
        assert!(!xml.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{ffff}'), "{xml}");
        let mut reader = quick_xml::Reader::from_str(&xml);
        reader.config_mut().check_end_names = true;
        while reader.read_event().unwrap() != quick_xml::events::Event::Eof {}
    }
}
