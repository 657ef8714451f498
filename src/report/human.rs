//! A plan for people: each resource with its action, each changed property old and new, and why.

use std::fmt::Write as _;

use console::Term;
use serde_json::Value;

use super::board::short;
use super::brief::brief;
use super::clean;
use super::paint::Paint;
use super::text::{listed, wrapped};
use super::words::words;
use crate::execute::schedule::{in_order, moves_first, schedule};
use crate::plan::{Action, Course, Origin, Plan, Planned, PropertyChange};
use crate::resource::Address;
use crate::resource::reference::reference_in;

/// How far in the lines are at most that go on with what is said of a resource.
const NARROW: usize = 34;

/// How much of a plan is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Values that are not for every eye are hidden.
    Hidden,
    /// All values are shown.
    Shown,
}

/// How a plan is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Which values are shown.
    pub values: Values,
    /// In colour or not.
    pub paint: Paint,
    /// The columns of the terminal; lines are not cut where there is none.
    pub width: Option<usize>,
}

impl Look {
    /// For standard output.
    pub fn stdout(values: Values) -> Self {
        Self { values, paint: Paint::stdout(), width: width(&Term::stdout()) }
    }

    /// For standard error.
    pub fn stderr(values: Values) -> Self {
        Self { values, paint: Paint::stderr(), width: width(&Term::stderr()) }
    }
}

/// The columns of a terminal; none for a pipe or a file.
pub(super) fn width(terminal: &Term) -> Option<usize> {
    terminal.is_term().then(|| usize::from(terminal.size().1))
}

/// Draws a plan.
pub fn plan(plan: &Plan, look: Look) -> String {
    plan_but_for(plan, &|_, _| false, look)
}

/// Draws a plan, without the properties that are `told` elsewhere.
pub(super) fn plan_but_for(
    plan: &Plan,
    told: &dyn Fn(&Planned, &PropertyChange) -> bool,
    look: Look,
) -> String {
    let mut text = String::new();
    let widest = widest(plan);
    let tasks = schedule(plan);
    for planned in plan.changes() {
        resource(&mut text, planned, widest, look);
        for change in planned.changes.iter().filter(|change| !told(planned, change)) {
            property(&mut text, change, look);
        }
        let first: Vec<Address> = moves_first(plan, &tasks, &planned.address).into_iter().collect();
        course(&mut text, &planned.course, &first);
    }
    if !plan.is_empty() {
        text.push('\n');
    }
    for loss in plan.losses().into_iter().chain(plan.gaps()) {
        text.push_str(&warning(&loss, look));
    }
    let _ = writeln!(text, "{}", look.paint.bold(summary(plan)));
    text
}

/// Draws the removal of everything, in the order in which it goes.
pub fn removal(plan: &Plan, look: Look) -> String {
    let mut text = String::new();
    let widest = widest(plan);
    let tasks = schedule(plan);
    for place in in_order(&tasks) {
        let planned = &plan.resources[tasks[place].planned];
        let id = planned.present.as_ref().map(|present| short(&present.record.id));
        head(&mut text, planned, widest, &id.unwrap_or_default(), look);
    }
    if plan.is_empty() {
        return "Nothing to do: the state records no resources.\n".into();
    }
    text.push('\n');
    let mut lost: Vec<&str> =
        plan.changes().filter_map(|planned| planned.address.kind().facts().loses).collect();
    lost.sort_unstable();
    lost.dedup();
    if !lost.is_empty() {
        let warned = format!("with it goes what can't be made again: {}.", listed(&lost));
        text.push_str(&warning(&warned, look));
    }
    let _ = writeln!(text, "{}", look.paint.bold(summary(plan)));
    text
}

/// A warning, in lines that fit.
pub fn warning(text: &str, look: Look) -> String {
    wrapped(text, &format!("{} ", look.paint.yellow("warning:")), "  ", look.width)
}

fn widest(plan: &Plan) -> usize {
    plan.changes().map(|planned| planned.address.to_string().len()).max().unwrap_or_default()
}

/// How many resources meet each action, in one line.
pub fn summary(plan: &Plan) -> String {
    let counts = plan.counts();
    let count = |action| counts.get(&action).copied().unwrap_or_default();
    let kept = count(Action::Keep);
    if plan.is_empty() {
        let all =
            if kept == 1 { "the resource is".into() } else { format!("all {kept} resources are") };
        return format!("Nothing to do: {all} as declared.");
    }
    let mut parts: Vec<String> = [Action::Create, Action::Update, Action::Replace, Action::Delete]
        .into_iter()
        .filter(|action| count(*action) > 0)
        .map(|action| format!("{} to {}", count(action), action.word()))
        .collect();
    if kept > 0 {
        parts.push(format!("{kept} unchanged"));
    }
    format!("Plan: {}.", parts.join(", "))
}

fn resource(text: &mut String, planned: &Planned, widest: usize, look: Look) {
    let words = match (&planned.desired, &planned.present) {
        (Some(desired), None) => brief(planned.address.kind(), &desired.spec),
        _ => clean(&planned.reason).into_owned(),
    };
    head(text, planned, widest, &words, look);
}

/// How an update goes that takes away what others still use.
fn course(text: &mut String, course: &Course, first: &[Address]) {
    let first: Vec<String> = first.iter().map(ToString::to_string).collect();
    let when = if first.is_empty() { String::new() } else { format!(" after {}", listed(&first)) };
    let _ = match course {
        Course::AtOnce => Ok(()),
        Course::Last => writeln!(text, "      what is no longer declared goes{when}"),
        Course::InTwo { .. } => {
            writeln!(text, "      in two steps: what is new comes first, what is old goes{when}")
        }
    };
}

fn head(text: &mut String, planned: &Planned, widest: usize, words: &str, look: Look) {
    let Look { paint, width, .. } = look;
    let sign = match planned.action {
        Action::Create => paint.green("+ create "),
        Action::Update => paint.yellow("~ update "),
        Action::Replace => paint.magenta("± replace"),
        Action::Delete => paint.red("- delete "),
        Action::Keep => "  keep   ".into(),
    };
    let before = format!("{sign} {:widest$}  ", planned.address);
    let indent = " ".repeat(console::measure_text_width(&before).min(NARROW));
    let line = wrapped(words, &before, &indent, width);
    let _ = writeln!(text, "{}", line.trim_end());
}

fn property(text: &mut String, change: &PropertyChange, look: Look) {
    let outside = match change.origin {
        Origin::Configuration | Origin::Unknown => "",
        Origin::Outside => "  (changed outside of provision)",
        Origin::Both => "  (also changed outside of provision)",
    };
    let path = clean(&change.path);
    if change.hidden && look.values == Values::Hidden {
        let _ = writeln!(text, "      {path}: changed (--show-values shows it){outside}");
        return;
    }
    if let (Value::Array(old), Value::Array(new)) = (&change.old, &change.new) {
        let _ = writeln!(text, "      {path}:{outside}");
        items(text, old, new, look.paint);
        return;
    }
    let (old, new) = (value(&change.old), value(&change.new));
    let _ = writeln!(text, "      {path}: {old} → {new}{outside}");
}

/// The items that go and come, for collections.
fn items(text: &mut String, old: &[Value], new: &[Value], paint: Paint) {
    for gone in old.iter().filter(|item| !new.contains(item)) {
        let _ = writeln!(text, "        {} {}", paint.red("-"), value(gone));
    }
    for come in new.iter().filter(|item| !old.contains(item)) {
        let _ = writeln!(text, "        {} {}", paint.green("+"), value(come));
    }
}

fn value(value: &Value) -> String {
    if let Some(reference) = reference_in(value) {
        return format!("(known once {} is done)", reference.address);
    }
    clean(&words(value)).into_owned()
}
