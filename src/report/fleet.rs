//! A fleet: a line a stack, the worst first, and a total.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::clean;
use super::drift::{document, heading};
use super::human::Look;
use super::paint::Paint;
use super::text::cut;
use crate::drift::{Drift, Severity};
use crate::fleet::{Against, Checked, Condition};
use crate::observe::Depth;
use crate::resource::Readiness;
use crate::state::store::StackName;

/// One stack of a fleet.
#[derive(Clone, Debug)]
pub struct Row<T> {
    /// Which stack.
    pub name: StackName,
    /// The account and region; none where the state can't be read.
    pub place: Option<(String, String)>,
    /// What was seen of it, or why nothing was.
    pub outcome: Result<T, Told>,
}

/// Why a stack was not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What happened.
    pub error: String,
    /// What to do about it.
    pub hints: Vec<String>,
}

/// What a check of many stacks goes without, and `--thorough` has.
pub const LEFT_OUT: [&str; 4] = [
    "listeners that were added to load balancers",
    "rules that were added to listeners",
    "policies and scheduled actions that were added to scalable targets",
    "tags of log groups",
];

/// How bad a row is: what could not be looked at may be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Settled,
    Amiss(usize),
    Unknown,
}

/// Puts the worst first; equals by name.
fn sorted<T>(rows: &[Row<T>], rank: impl Fn(&T) -> (Rank, usize)) -> Vec<&Row<T>> {
    let rank = |row: &Row<T>| row.outcome.as_ref().map_or((Rank::Unknown, 0), &rank);
    let mut sorted: Vec<&Row<T>> = rows.iter().collect();
    sorted
        .sort_by(|one, other| rank(other).cmp(&rank(one)).then_with(|| one.name.cmp(&other.name)));
    sorted
}

/// What was seen of stacks, the worst first.
pub fn worst_first(rows: &[Row<Checked>]) -> Vec<&Checked> {
    let sorted = sorted(rows, |seen| rank_of(&seen.drift)).into_iter();
    sorted.filter_map(|row| row.outcome.as_ref().ok()).collect()
}

/// The lines of a table: a word on how it is, the stack, and what there is to say.
fn lines<T>(
    rows: &[&Row<T>],
    look: Look,
    say: impl Fn(&T) -> (String, String),
    shade: impl Fn(Paint, &T, String) -> String,
) -> String {
    let names = rows.iter().map(|row| row.name.to_string().chars().count()).max();
    let names = names.unwrap_or_default();
    rows.iter().fold(String::new(), |mut text, row| {
        let (word, said) = match &row.outcome {
            Ok(seen) => {
                let (word, said) = say(seen);
                (shade(look.paint, seen, format!("{word:9}")), said)
            }
            Err(told) => (look.paint.red(format!("{:9}", "unknown")), told.error.clone()),
        };
        let name = row.name.to_string();
        let line = format!("{word} {:names$}  {}", clean(&name), clean(&said));
        let _ = writeln!(text, "{}", cut(&line, look.width));
        text
    })
}

/// Draws a check of many stacks.
pub fn draw_check(rows: &[Row<Checked>], depth: Depth, look: Look) -> String {
    let sorted = sorted(rows, |seen| rank_of(&seen.drift));
    let mut text = lines(&sorted, look, |seen| said_of(&seen.drift), shade_of_check);
    let _ = writeln!(text, "\n{}", look.paint.bold(total_of_check(rows)));
    let without = seen(rows).filter(|seen| seen.against == Against::Applied).count();
    if without > 0 {
        let _ = writeln!(
            text,
            "{} held against what was last applied alone, as {} not here.",
            count(without, "stack was", "stacks were"),
            if without == 1 { "its file is" } else { "their files are" },
        );
    }
    if depth == Depth::Shared {
        let _ = writeln!(
            text,
            "Not looked at, since each takes a call of its own (`--thorough` looks): {}.",
            super::listed(&LEFT_OUT)
        );
    }
    text
}

fn seen<T>(rows: &[Row<T>]) -> impl Iterator<Item = &T> {
    rows.iter().filter_map(|row| row.outcome.as_ref().ok())
}

fn rank_of(drift: &Drift) -> (Rank, usize) {
    let worst = drift.drifted().map(|finding| finding.severity).max();
    let rank = worst.map_or(Rank::Settled, |worst| Rank::Amiss(worst as usize));
    (rank, drift.drifted().count())
}

/// The severity of the worst finding, how many there are, and which it is.
fn said_of(drift: &Drift) -> (String, String) {
    let Some(worst) = drift.drifted().next() else {
        let said = format!("{} as they were left", count(drift.resources, "resource", "resources"));
        return ("settled".into(), said + &pending(drift));
    };
    let what = format!("{} {}: {}", heading(worst), worst.class.words(), worst.reason);
    let others = drift.drifted().count() - 1;
    let others = if others == 0 { String::new() } else { format!(" (and {others} more)") };
    (worst.severity.word().into(), format!("{what}{others}{}", pending(drift)))
}

fn pending(drift: &Drift) -> String {
    match drift.findings.iter().filter(|finding| !finding.class.is_drift()).count() {
        0 => String::new(),
        pending => format!("; {} of the file to be applied", count(pending, "change", "changes")),
    }
}

fn shade_of_check(paint: Paint, seen: &Checked, word: String) -> String {
    match seen.drift.drifted().map(|finding| finding.severity).max() {
        Some(Severity::Critical | Severity::High) => paint.red(word),
        Some(Severity::Medium) => paint.yellow(word),
        Some(Severity::Low | Severity::Notice) => paint.dim(word),
        None => paint.green(word),
    }
}

fn total_of_check(rows: &[Row<Checked>]) -> String {
    let counts = counts(rows);
    let words = Severity::ALL
        .into_iter()
        .filter_map(|severity| Some(format!("{} {}", counts.get(&severity)?, severity.word())));
    let words: Vec<String> = words.collect();
    let drifted = seen(rows).filter(|seen| seen.drift.drifted().next().is_some()).count();
    let settled = seen(rows).count() - drifted;
    let mut parts = Vec::new();
    if drifted > 0 {
        parts.push(format!("{drifted} drifted ({})", words.join(", ")));
    }
    parts.extend(unknown(rows));
    if settled > 0 {
        parts.push(format!(
            "{settled} as {} left",
            if settled == 1 { "it was" } else { "they were" }
        ));
    }
    format!("{}: {}.", count(rows.len(), "stack", "stacks"), parts.join(", "))
}

fn unknown<T>(rows: &[Row<T>]) -> Option<String> {
    match rows.len() - seen(rows).count() {
        0 => None,
        unknown => Some(format!("{unknown} could not be looked at")),
    }
}

fn counts(rows: &[Row<Checked>]) -> BTreeMap<Severity, usize> {
    let mut counts = BTreeMap::new();
    for (severity, some) in seen(rows).flat_map(|seen| seen.drift.counts()) {
        *counts.entry(severity).or_default() += some;
    }
    counts
}

/// `1 stack`, `3 stacks`.
fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A check of many stacks as one document: each stack as a check of it alone is told, the worst
/// first.
pub fn document_of_check(rows: &[Row<Checked>], depth: Depth) -> Value {
    let sorted = sorted(rows, |seen| rank_of(&seen.drift));
    let stacks = sorted.into_iter().map(|row| {
        entry(row, |seen| {
            let mut stack = document(&seen.drift);
            stack["against"] = json!(seen.against);
            stack
        })
    });
    let counts = counts(rows);
    let count = |severity| (Severity::word(severity), counts.get(&severity).copied().unwrap_or(0));
    let drifted = seen(rows).filter(|seen| seen.drift.drifted().next().is_some()).count();
    json!({
        "stacks": stacks.collect::<Vec<_>>(),
        "total": {
            "stacks": rows.len(),
            "drifted": drifted,
            "unknown": rows.len() - seen(rows).count(),
            "counts": Severity::ALL.map(count).into_iter().collect::<BTreeMap<_, _>>(),
        },
        "left_out": if depth == Depth::Shared { LEFT_OUT.as_slice() } else { &[] },
    })
}

/// A stack of a document: what was seen of it, or the error.
fn entry<T>(row: &Row<T>, show: impl Fn(&T) -> Value) -> Value {
    let place = row.place.as_ref();
    let mut entry = json!({
        "stack": row.name.stack,
        "environment": row.name.environment,
        "account": place.map(|(account, _)| account),
        "region": place.map(|(_, region)| region),
    });
    let shown = match &row.outcome {
        Ok(seen) => show(seen),
        Err(told) => json!({"error": told.error, "hints": told.hints}),
    };
    let none = Map::new();
    for (name, value) in shown.as_object().unwrap_or(&none) {
        entry[name] = value.clone();
    }
    entry
}

/// Draws how many stacks are.
pub fn draw_status(rows: &[Row<Condition>], look: Look) -> String {
    let sorted = sorted(rows, rank_of_condition);
    let mut text = lines(&sorted, look, said_of_condition, shade_of_condition);
    let works = seen(rows).filter(|seen| works(seen)).count();
    let amiss = seen(rows).count() - works;
    let mut parts = Vec::new();
    if amiss > 0 {
        parts.push(format!("{amiss} not as {} should be", if amiss == 1 { "it" } else { "they" }));
    }
    parts.extend(unknown(rows));
    if works > 0 {
        parts.push(format!("{works} ready"));
    }
    let total = format!("{}: {}.", count(rows.len(), "stack", "stacks"), parts.join(", "));
    let _ = writeln!(text, "\n{}", look.paint.bold(total));
    text
}

fn works(condition: &Condition) -> bool {
    condition.amiss.is_empty() && condition.in_doubt.is_empty()
}

fn rank_of_condition(condition: &Condition) -> (Rank, usize) {
    let worst = condition.amiss.first().map(|(_, readiness)| crate::fleet::gravity(readiness));
    let rank = match worst {
        None if condition.in_doubt.is_empty() => Rank::Settled,
        worst => Rank::Amiss(worst.unwrap_or_default().into()),
    };
    (rank, condition.amiss.len())
}

fn said_of_condition(condition: &Condition) -> (String, String) {
    let Some((address, readiness)) = condition.amiss.first() else {
        if let Some(address) = condition.in_doubt.first() {
            return (
                "in doubt".into(),
                format!("a run was interrupted while it worked on {address}"),
            );
        }
        let url = condition.url.as_ref().map(|url| format!(", {url}")).unwrap_or_default();
        return ("ready".into(), count(condition.resources, "resource", "resources") + &url);
    };
    let (word, said) = match readiness {
        Readiness::Ready => ("ready", ""),
        Readiness::Pending(status) => ("pending", status.as_str()),
        Readiness::Leaving(status) => ("leaving", status.as_str()),
        Readiness::Failed(why) => ("failed", why.as_str()),
        Readiness::Absent => ("missing", ""),
    };
    let others = condition.amiss.len() - 1;
    let others = if others == 0 { String::new() } else { format!(" (and {others} more)") };
    let what = if said.is_empty() { address.to_string() } else { format!("{address}: {said}") };
    (word.into(), what + &others)
}

fn shade_of_condition(paint: Paint, condition: &Condition, word: String) -> String {
    match condition.amiss.first() {
        Some((_, Readiness::Failed(_) | Readiness::Absent)) => paint.red(word),
        None if condition.in_doubt.is_empty() => paint.green(word),
        _ => paint.yellow(word),
    }
}

/// How many stacks are, as one document.
pub fn document_of_status(rows: &[Row<Condition>]) -> Value {
    let stacks = sorted(rows, rank_of_condition).into_iter().map(|row| {
        entry(row, |seen| {
            let amiss = seen
                .amiss
                .iter()
                .map(|(address, readiness)| json!({"address": address, "readiness": readiness}));
            json!({
                "ready": works(seen),
                "url": seen.url,
                "resources": seen.resources,
                "amiss": amiss.collect::<Vec<_>>(),
                "in_doubt": seen.in_doubt,
            })
        })
    });
    let ready = seen(rows).filter(|seen| works(seen)).count();
    json!({
        "stacks": stacks.collect::<Vec<_>>(),
        "total": {
            "stacks": rows.len(),
            "ready": ready,
            "amiss": seen(rows).count() - ready,
            "unknown": rows.len() - seen(rows).count(),
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::drift::{Class, Finding};
    use crate::report::human::Values;

    fn look(width: Option<usize>) -> Look {
        Look { values: Values::Hidden, paint: Paint::Plain, width }
    }

    fn row<T>(stack: &str, outcome: Result<T, &str>) -> Row<T> {
        let told = |error: &str| Told { error: error.into(), hints: vec!["mend it".into()] };
        Row {
            name: StackName { stack: stack.into(), environment: "dev".into() },
            place: Some(("123456789012".into(), "eu-west-1".into())),
            outcome: outcome.map_err(told),
        }
    }

    fn checked(severities: &[Severity]) -> Checked {
        let finding = |severity: &Severity| Finding {
            id: "0123456789abcdef".into(),
            address: "log_group.app".parse().unwrap(),
            type_name: "",
            property: "retention_days".into(),
            class: Class::Outside,
            severity: *severity,
            reason: "a reason".into(),
            declared: Value::Null,
            applied: Value::Null,
            live: Value::Null,
            hidden: false,
            physical_id: String::new(),
            details: vec![],
            who: None,
        };
        let drift = Drift {
            stack: "s".into(),
            environment: "dev".into(),
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            resources: 21,
            findings: severities.iter().map(finding).collect(),
            ignored: vec![],
            expired: vec![],
        };
        Checked { drift, against: Against::Applied, addresses: BTreeSet::new() }
    }

    fn rows() -> Vec<Row<Checked>> {
        vec![
            row("calm", Ok(checked(&[]))),
            row("low", Ok(checked(&[Severity::Low]))),
            row("lost", Err("the state is\u{1b}[2J damaged")),
            row("open", Ok(checked(&[Severity::Critical, Severity::Low]))),
        ]
    }

    #[test]
    fn the_worst_stands_first_and_what_is_not_known_before_it() {
        let drawn = draw_check(&rows(), Depth::Whole, look(None));
        assert_eq!(
            drawn,
            "unknown   lost-dev  the state is\u{fffd}[2J damaged\n\
             critical  open-dev  log_group.app retention_days changed outside: a reason (and 1 more)\n\
             low       low-dev   log_group.app retention_days changed outside: a reason\n\
             settled   calm-dev  21 resources as they were left\n\n\
             4 stacks: 2 drifted (1 critical, 2 low), 1 could not be looked at, 1 as it was left.\n\
             3 stacks were held against what was last applied alone, as their files are not here.\n"
        );
    }

    #[test]
    fn what_was_left_out_is_said() {
        let drawn = draw_check(&rows(), Depth::Shared, look(None));
        assert!(drawn.ends_with("and tags of log groups.\n"), "{drawn}");
        assert_eq!(document_of_check(&rows(), Depth::Whole)["left_out"], json!([]));
        assert_eq!(document_of_check(&rows(), Depth::Shared)["left_out"], json!(LEFT_OUT));
    }

    #[test]
    fn a_stack_is_one_line_however_narrow_the_terminal() {
        let drawn = draw_check(&rows(), Depth::Whole, look(Some(40)));
        let lines: Vec<&str> = drawn.lines().take(4).collect();
        assert!(lines.iter().all(|line| line.chars().count() <= 40), "{drawn}");
    }

    #[test]
    fn machines_get_each_stack_as_a_check_of_it_alone() {
        let document = document_of_check(&rows(), Depth::Whole);
        let stacks = document["stacks"].as_array().unwrap();
        let names: Vec<&str> = stacks.iter().map(|one| one["stack"].as_str().unwrap()).collect();
        assert_eq!(names, ["lost", "s", "s", "s"]);
        assert_eq!(stacks[0]["hints"], json!(["mend it"]));
        assert_eq!(stacks[1]["findings"].as_array().unwrap().len(), 2);
        assert_eq!(document["total"]["unknown"], 1);
    }

    #[test]
    fn a_stack_that_is_not_as_it_should_be_stands_before_those_that_are() {
        let condition = |amiss: Vec<(&str, Readiness)>| Condition {
            url: None,
            resources: 21,
            amiss: amiss
                .into_iter()
                .map(|(address, readiness)| (address.parse().unwrap(), readiness))
                .collect(),
            in_doubt: vec![],
        };
        let starting = Readiness::Pending("1 of 2 running".into());
        let doubtful =
            Condition { in_doubt: vec!["vpc.main".parse().unwrap()], ..condition(vec![]) };
        let rows = [
            row("well", Ok(condition(vec![]))),
            row("starting", Ok(condition(vec![("service.app", starting.clone())]))),
            row("doubt", Ok(doubtful)),
            row(
                "gone",
                Ok(condition(vec![("vpc.main", Readiness::Absent), ("service.app", starting)])),
            ),
        ];
        assert_eq!(
            draw_status(&rows, look(None)),
            "missing   gone-dev      vpc.main (and 1 more)\n\
             pending   starting-dev  service.app: 1 of 2 running\n\
             in doubt  doubt-dev     a run was interrupted while it worked on vpc.main\n\
             ready     well-dev      21 resources\n\n\
             4 stacks: 3 not as they should be, 1 ready.\n"
        );
        assert_eq!(document_of_status(&rows)["total"]["amiss"], 3);
    }
}
