//! Values of specs in the words of people, rather than in those of the program's own documents.

use serde_json::{Map, Value};

use crate::resource::reference::reference_in;
use crate::resource::value::bounds_of;

/// A value in words: what it refers to by its address, bounds and rules as they are said. Documents
/// that are JSON for AWS too, such as policies, stay so.
pub(super) fn words(value: &Value) -> String {
    if let Some(reference) = reference_in(value) {
        return reference.address.to_string();
    }
    if let Some((least, most)) = bounds_of(value) {
        return format!("{least} to {most}, {} at first", value["initial"]);
    }
    match value {
        Value::Null => "(none)".into(),
        Value::String(text) => text.clone(),
        Value::Number(number) => whole(number),
        Value::Array(items) if !items.is_empty() && items.iter().all(is_plain) => {
            items.iter().map(words).collect::<Vec<_>>().join(", ")
        }
        Value::Object(members) if is_rule(members) => rule(value),
        Value::Object(members) if !members.is_empty() && members.values().all(is_plain) => {
            plain_members(members)
        }
        other => resolved(other).to_string(),
    }
}

/// `60`, where AWS's documents have `60.0`.
fn whole(number: &serde_json::Number) -> String {
    let text = number.to_string();
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Whether a value takes a word: no list, and no table.
fn is_plain(value: &Value) -> bool {
    reference_in(value).is_some() || !(value.is_array() || value.is_object())
}

/// `provider FARGATE, base 0`; of one member alone what it is, since its name says only of what kind
/// that is (`nat_gateway`).
fn plain_members(members: &Map<String, Value>) -> String {
    let named =
        members.iter().map(|(name, value)| format!("{} {}", name.replace('_', " "), words(value)));
    match members.values().next() {
        Some(only) if members.len() == 1 => words(only),
        _ => named.collect::<Vec<_>>().join(", "),
    }
}

/// A document with the addresses of what it refers to.
fn resolved(value: &Value) -> Value {
    if let Some(reference) = reference_in(value) {
        return reference.address.to_string().into();
    }
    match value {
        Value::Array(items) => items.iter().map(resolved).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), resolved(value))).collect()
        }
        other => other.clone(),
    }
}

fn is_rule(members: &Map<String, Value>) -> bool {
    members.contains_key("peer") && members.contains_key("protocol")
}

/// A security group's rule: `tcp 80 from 0.0.0.0/0`.
pub(super) fn rule(rule: &Value) -> String {
    let peer = rule["peer"].as_object().into_iter().flatten().map(|(_, peer)| words(peer));
    let peer = peer.collect::<Vec<_>>().join(", ");
    let protocol = words(&rule["protocol"]);
    match (&rule["from_port"], &rule["to_port"]) {
        (Value::Null, _) => format!("{protocol} from {peer}"),
        (from, to) if from == to => format!("{protocol} {from} from {peer}"),
        (from, to) => format!("{protocol} {from}-{to} from {peer}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_said_as_people_say_them() {
        let group = json!({"$output": "security_group.balancer:id"});
        let rule = json!({
            "protocol": "tcp", "from_port": 8000, "to_port": 8000, "peer": {"group": group},
            "description": "from the load balancer",
        });
        for (value, said) in [
            (json!({"initial": 3, "minimum": 2, "maximum": 6}), "2 to 6, 3 at first"),
            (json!({"nat_gateway": {"$output": "nat_gateway.main:id"}}), "nat_gateway.main"),
            (rule, "tcp 8000 from security_group.balancer"),
            (json!({"base": 0, "provider": "FARGATE"}), "base 0, provider FARGATE"),
            (json!([{"$output": "subnet.public-a:id"}, "subnet-1"]), "subnet.public-a, subnet-1"),
            (json!(60.0), "60"),
            (json!(62.5), "62.5"),
            (json!(null), "(none)"),
        ] {
            assert_eq!(words(&value), said);
        }
    }

    #[test]
    fn a_document_stays_one_and_names_what_it_refers_to() {
        let policy = json!({"Statement": [{"Resource": {"$output": "log_group.app:arn"}}]});
        assert_eq!(words(&policy), r#"{"Statement":[{"Resource":"log_group.app"}]}"#);
        assert_eq!(words(&json!([])), "[]");
    }
}
