//! The changes of others in a plan, apart from the user's own: all three sides, and what becomes of
//! each.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::clean;
use super::drift::{draw_finding, heading};
use super::human::{Look, plan_but_for};
use super::text::wrapped;
use super::words::words;
use crate::config::Lines;
use crate::config::written::entry;
use crate::drift::{Answer, Finding, Outside, Setting};
use crate::plan::{Origin, Plan};
use crate::resource::Address;

/// What stands before the lines below a finding's first one.
const INDENT: &str = "          ";

/// The answers that are known by now.
pub type Answers = BTreeMap<Address, Answer>;

/// Draws a plan, with the changes of others apart.
pub fn plan(plan: &Plan, outside: &Outside, answers: Option<&Answers>, look: Look) -> String {
    let told = |address: &Address| outside.undone.iter().any(|group| group.address == *address);
    let drawn = plan_but_for(
        plan,
        &|planned, change| change.origin == Origin::Outside && told(&planned.address),
        look,
    );
    draw(outside, answers, look) + &drawn
}

/// Draws the changes of others; nothing where there are none.
fn draw(outside: &Outside, answers: Option<&Answers>, look: Look) -> String {
    let mut text = String::new();
    if !outside.undone.is_empty() || !outside.anew.is_empty() {
        let _ = writeln!(text, "{}\n", look.paint.bold("Changed outside of provision:"));
    }
    for group in &outside.undone {
        for finding in &group.findings {
            draw_finding(&mut text, finding, look);
        }
        let put_back = || answers.map(|_| Answer::PutBack);
        let answer = answers.and_then(|answers| answers.get(&group.address).copied());
        let fate = format!("→ {}: {}", group.address, fate(answer.or_else(put_back)));
        text.push_str(&wrapped(&fate, INDENT, INDENT, look.width));
        text.push('\n');
    }
    for finding in &outside.anew {
        draw_finding(&mut text, finding, look);
        let fate = format!("→ {}: it is made again", finding.address);
        text.push_str(&wrapped(&fate, INDENT, INDENT, look.width));
        text.push('\n');
    }
    draw_rest(&mut text, outside, look);
    text
}

/// What becomes of a change; `None` where nobody has been asked yet.
fn fate(answer: Option<Answer>) -> &'static str {
    match answer {
        None => "`up` asks what to do about it, or stops where it can't ask",
        Some(Answer::PutBack) => "it is put back as the file says it",
        Some(Answer::Accept) => {
            "it stays, and counts as applied until the file says something else"
        }
        Some(Answer::Leave) => "it is left as it is this time",
    }
}

/// What nothing is done about: what was accepted, and what is ignored.
fn draw_rest(text: &mut String, outside: &Outside, look: Look) {
    for finding in &outside.accepted {
        let line = format!(
            "accepted  {}  live {}, the file {}",
            heading(finding),
            said(finding, &finding.live),
            said(finding, &finding.declared),
        );
        let _ = writeln!(text, "{}", look.paint.dim(clean(&line)));
    }
    for ignored in &outside.ignored {
        let line = format!("ignored   {}  it is left", heading(&ignored.finding));
        let _ = writeln!(text, "{}", look.paint.dim(clean(&line)));
    }
    if !outside.accepted.is_empty() || !outside.ignored.is_empty() {
        text.push('\n');
    }
}

fn said(finding: &Finding, value: &Value) -> String {
    match value {
        _ if finding.hidden => "(hidden)".into(),
        other => words(other),
    }
}

/// The changes of others for machines.
pub fn document(outside: &Outside, answers: Option<&Answers>) -> Value {
    let mut document = serde_json::to_value(outside).unwrap_or_default();
    let groups = document["undone"].as_array_mut().into_iter().flatten();
    for (group, shown) in outside.undone.iter().zip(groups) {
        let put_back = || answers.map(|_| Answer::PutBack);
        let answer = answers.and_then(|answers| answers.get(&group.address).copied());
        shown["answer"] = json!(answer.or_else(put_back));
    }
    document
}

/// What to change in the file for it to say what somebody has changed: TOML, with the header of its
/// table, and a sentence for what has no key.
pub fn taking(settings: &[(String, Option<Setting>)], lines: Option<&Lines>) -> String {
    let mut text = String::new();
    for (property, setting) in settings {
        let _ = match setting {
            None => {
                let property = clean(property);
                writeln!(text, "# `{property}` has no key in the file: it can be left, or put back")
            }
            Some(Setting { path, value }) => {
                let (key, tables) = path.split_last().expect("a setting has a key");
                let table = lines.map_or_else(|| tables.to_vec(), |lines| lines.table_of(path));
                write!(text, "{}", entry(&table, key, value))
            }
        };
    }
    text
}
