//! The same for machines: one document for plan, status and outputs, a line an event.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::human::Values;
use crate::event::Event;
use crate::execute::schedule::{moves_first, schedule};
use crate::plan::{Action, Plan, Planned};

/// A plan as one document, with what is to be warned of besides its losses.
pub fn plan(plan: &Plan, values: Values, warnings: &[String]) -> Value {
    let counts = plan.counts();
    let count = |action| counts.get(&action).copied().unwrap_or_default();
    let tasks = schedule(plan);
    let resource = |planned: &Planned| {
        let mut resource = resource(planned, values);
        if !planned.course.is_at_once() {
            let after = moves_first(plan, &tasks, &planned.address);
            resource["old_goes_after"] = json!(after);
        }
        resource
    };
    let resources: Vec<Value> = plan.resources.iter().map(resource).collect();
    let warnings = warnings.iter().cloned().chain(plan.losses()).chain(plan.gaps());
    json!({
        "stack": plan.basis.stack,
        "environment": plan.basis.environment,
        "account": plan.basis.account,
        "region": plan.basis.region,
        "resources": resources,
        "warnings": warnings.collect::<Vec<_>>(),
        "counts": {
            "create": count(Action::Create),
            "update": count(Action::Update),
            "replace": count(Action::Replace),
            "delete": count(Action::Delete),
            "keep": count(Action::Keep),
        },
    })
}

fn resource(planned: &Planned, values: Values) -> Value {
    let changes: Vec<Value> = planned
        .changes
        .iter()
        .map(|change| {
            let mut change = serde_json::to_value(change).unwrap_or_default();
            if change["hidden"] == json!(true) && values == Values::Hidden {
                change["old"] = Value::Null;
                change["new"] = Value::Null;
            }
            change
        })
        .collect();
    json!({
        "address": planned.address,
        "type": planned.address.kind().facts().type_name,
        "id": planned.present.as_ref().map(|present| &present.record.id),
        "action": planned.action,
        "reason": planned.reason,
        "changes": changes,
    })
}

/// An event as one line, with the time of the run at which it came.
pub fn event(event: &Event, now: Duration) -> String {
    let mut value = serde_json::to_value(event).unwrap_or_default();
    value["elapsed_seconds"] = json!(now.as_secs());
    line(&value)
}

/// Any value as a document that people can read too.
pub fn document<T: Serialize>(value: &T) -> String {
    inert(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// Any value as one line.
pub fn line<T: Serialize>(value: &T) -> String {
    inert(&serde_json::to_string(value).unwrap_or_default())
}

/// The same document without the control codes that JSON lets stand as they are: those from
/// U+007F to U+009F, which some terminals obey. They can only be inside of strings.
fn inert(document: &str) -> String {
    document.chars().fold(String::with_capacity(document.len()), |mut inert, c| {
        match c {
            '\u{7f}'..='\u{9f}' => inert.push_str(&format!("\\u{:04x}", u32::from(c))),
            other => inert.push(other),
        }
        inert
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_codes_are_escaped_and_mean_the_same() {
        let said = "\u{1b}[2J \u{9b}31m \u{7f} grün";
        let document = document(&json!({"said": said}));
        assert!(!document.chars().any(|c| c.is_control() && c != '\n'), "{document:?}");
        let read: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(read["said"], said);
    }
}
