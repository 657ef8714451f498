//! A plan for people: each resource with its action, each changed property old and new, and why.

use std::fmt::Write as _;

use console::{Style, style};
use serde_json::Value;

use super::clean;
use crate::plan::{Action, Origin, Plan, Planned, PropertyChange};
use crate::resource::reference::reference_in;

/// How much of a plan is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Values that are not for every eye are hidden.
    Hidden,
    /// All values are shown.
    Shown,
}

/// Draws a plan.
pub fn plan(plan: &Plan, values: Values) -> String {
    let mut text = String::new();
    for planned in plan.changes() {
        resource(&mut text, planned, values);
    }
    for loss in plan.losses() {
        let _ = writeln!(text, "{} {loss}", style("warning:").yellow().bold());
    }
    let _ = writeln!(text, "{}", summary(plan));
    text
}

/// How many resources meet each action, in one line.
pub fn summary(plan: &Plan) -> String {
    let counts = plan.counts();
    let count = |action| counts.get(&action).copied().unwrap_or_default();
    if plan.is_empty() {
        return format!("Nothing to do: all {} resources are as declared.", count(Action::Keep));
    }
    format!(
        "Plan: {} to create, {} to update, {} to replace, {} to delete, {} to keep.",
        count(Action::Create),
        count(Action::Update),
        count(Action::Replace),
        count(Action::Delete),
        count(Action::Keep),
    )
}

fn resource(text: &mut String, planned: &Planned, values: Values) {
    let (sign, word, colour) = words(planned.action);
    let head = format!("{sign} {}", planned.address);
    let _ = writeln!(text, "{} {word}: {}", colour.apply_to(head), clean(&planned.reason));
    for change in &planned.changes {
        property(text, change, values);
    }
}

fn words(action: Action) -> (&'static str, &'static str, Style) {
    match action {
        Action::Create => ("+", "create", Style::new().green()),
        Action::Update => ("~", "update", Style::new().yellow()),
        Action::Replace => ("±", "replace", Style::new().magenta()),
        Action::Delete => ("-", "delete", Style::new().red()),
        Action::Keep => (" ", "keep", Style::new()),
    }
}

fn property(text: &mut String, change: &PropertyChange, values: Values) {
    let outside = match change.origin {
        Origin::Configuration | Origin::Unknown => "",
        Origin::Outside => "  (changed outside of provision)",
        Origin::Both => "  (also changed outside of provision)",
    };
    let path = clean(&change.path);
    if change.hidden && values == Values::Hidden {
        let _ = writeln!(text, "    {path}: changed (--show-values shows it){outside}");
        return;
    }
    if let (Value::Array(old), Value::Array(new)) = (&change.old, &change.new) {
        let _ = writeln!(text, "    {path}:{outside}");
        items(text, old, new);
        return;
    }
    let (old, new) = (value(&change.old), value(&change.new));
    let _ = writeln!(text, "    {path}: {old} → {new}{outside}");
}

/// The items that go and come, for collections.
fn items(text: &mut String, old: &[Value], new: &[Value]) {
    for gone in old.iter().filter(|item| !new.contains(item)) {
        let _ = writeln!(text, "      {} {}", style("-").red(), value(gone));
    }
    for come in new.iter().filter(|item| !old.contains(item)) {
        let _ = writeln!(text, "      {} {}", style("+").green(), value(come));
    }
}

fn value(value: &Value) -> String {
    if let Some(reference) = reference_in(value) {
        return format!("(known once {} is done)", reference.address);
    }
    match value {
        Value::Null => "(none)".into(),
        Value::String(text) => clean(text).into_owned(),
        other => clean(&other.to_string()).into_owned(),
    }
}
