//! Places in a spec: how a property is named, and what stands there.
//!
//! The rule: a place is named as a check for drift names it. `.` leads into a structure, brackets to
//! a member of a collection by what tells it from the others, as in `routes[0.0.0.0/0]`.

use serde_json::{Map, Value};

use crate::resource::reference::reference_in;

/// What a member of a set may say about itself without being another one (aws-behaviour 7.f).
const DESCRIPTION: &str = "description";

/// The field of the spec that a property is in.
pub fn field_of(property: &str) -> &str {
    property.split(['.', '[']).next().unwrap_or(property)
}

/// The steps of a property's path: `ingress[a.b]` is `ingress` and `a.b`.
pub fn steps(property: &str) -> Vec<String> {
    let mut steps = Vec::new();
    let mut rest = property;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        let end = if let Some(inner) = rest.strip_prefix('[') {
            // Only the last step may have brackets in its name.
            let end = inner.find("].").or_else(|| inner.rfind(']')).unwrap_or(inner.len());
            steps.push(inner[..end].to_owned());
            (end + 2).min(rest.len())
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            steps.push(rest[..end].to_owned());
            end
        };
        rest = &rest[end..];
    }
    steps
}

/// What stands at a place; null where nothing does.
pub fn at(spec: &Value, property: &str) -> Value {
    let mut value = spec;
    for step in steps(property) {
        let inner = match value {
            Value::Array(items) => items.iter().find(|item| name_of(item) == step),
            other => other.get(&step),
        };
        let Some(inner) = inner else { return Value::Null };
        value = inner;
    }
    value.clone()
}

/// Has `target` say at a place what `source` says there, be it nothing.
pub fn graft(target: &mut Value, source: &Value, property: &str) {
    graft_steps(target, source, &steps(property));
}

fn graft_steps(target: &mut Value, source: &Value, steps: &[String]) {
    let Some((step, rest)) = steps.split_first() else {
        *target = source.clone();
        return;
    };
    match (target, source) {
        (Value::Array(items), Value::Array(there)) => {
            items.retain(|item| name_of(item) != *step);
            items.extend(there.iter().filter(|item| name_of(item) == *step).cloned());
        }
        (Value::Object(members), there) => match there.get(step) {
            Some(inner) => graft_steps(members.entry(step).or_insert(Value::Null), inner, rest),
            None => drop(members.remove(step)),
        },
        (target, _) if reference_in(target).is_none() => *target = source.clone(),
        _ => {}
    }
}

/// What tells a member of a set from the others, as text: `from_port=22 peer.cidr=0.0.0.0/0
/// protocol=tcp to_port=22`.
pub fn name_of(member: &Value) -> String {
    match member {
        Value::Object(members) if reference_in(member).is_none() => {
            let mut parts = Vec::new();
            collect(members, "", &mut parts);
            parts.join(" ")
        }
        other => text(other),
    }
}

fn collect(members: &Map<String, Value>, path: &str, parts: &mut Vec<String>) {
    for (name, member) in members.iter().filter(|(name, _)| *name != DESCRIPTION) {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match member {
            Value::Object(inner) if reference_in(member).is_none() => collect(inner, &path, parts),
            other => parts.push(format!("{path}={}", text(other))),
        }
    }
}

fn text(value: &Value) -> String {
    match (reference_in(value), value) {
        (Some(reference), _) => reference.to_string(),
        (None, Value::String(text)) => text.clone(),
        (None, other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_is_taken_apart_into_its_steps() {
        assert_eq!(steps("health_check.path"), ["health_check", "path"]);
        assert_eq!(steps("routes[0.0.0.0/0]"), ["routes", "0.0.0.0/0"]);
        assert_eq!(steps("container.environment[A.B]"), ["container", "environment", "A.B"]);
        assert_eq!(steps("tags[a]b]"), ["tags", "a]b"]);
    }

    #[test]
    fn what_is_taken_over_stands_beside_what_is_not() {
        let rule = |port: u16| json!({"protocol": "tcp", "from_port": port});
        let mut applied = json!({"ingress": [rule(80), rule(81)], "description": "x"});
        let live = json!({"ingress": [rule(80), rule(22)], "description": "y"});
        graft(&mut applied, &live, "ingress[from_port=22 protocol=tcp]");
        graft(&mut applied, &live, "ingress[from_port=81 protocol=tcp]");
        assert_eq!(applied, json!({"ingress": [rule(80), rule(22)], "description": "x"}));
    }

    #[test]
    fn what_stands_at_a_place_is_what_was_put_there() {
        let live = json!({"routes": {"0.0.0.0/0": {"other": "tgw-1"}}, "ports": [{"from": 1}]});
        for place in ["routes[0.0.0.0/0]", "routes", "ports[from=1]", "nowhere", "routes[::/0]"] {
            let mut spec = json!({"routes": {}, "ports": []});
            graft(&mut spec, &live, place);
            assert_eq!(at(&spec, place), at(&live, place), "{place}");
        }
        assert_eq!(at(&live, "routes[0.0.0.0/0]"), json!({"other": "tgw-1"}));
    }
}
