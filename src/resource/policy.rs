//! Policy documents: telling whether two say the same.
//!
//! IAM gives documents back encoded, reordered, and with single values where lists were sent
//! (aws-behaviour 9.f). The rule: documents are never compared but in their canonical form.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::reference::reference_in;

/// The version of the language where a document names none.
const FIRST_VERSION: &str = "2008-10-17";

/// A document as IAM gives it: JSON, encoded as in a URL. What is not JSON stays text.
pub fn decode(encoded: &str) -> Value {
    let text = percent_decode_str(encoded).decode_utf8_lossy();
    serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned()))
}

/// A live document, in `applied`'s words if it says the same, and canonical otherwise.
pub fn as_applied(live: &Value, applied: Option<&Value>) -> Value {
    let live = canonical(live);
    match applied {
        Some(applied) if canonical(applied) == live => applied.clone(),
        _ => live,
    }
}

/// The same for all documents that say the same.
///
/// Statements, actions, resources, principals and values of conditions are sets; one is the same
/// as a list of one; an account's root stands for the account; `*` as principal is everybody.
pub fn canonical(document: &Value) -> Value {
    let Value::Object(members) = document else { return document.clone() };
    let mut members = members.clone();
    members.entry("Version").or_insert_with(|| FIRST_VERSION.into());
    if let Some(statements) = members.get_mut("Statement") {
        let canonical = listed(statements).iter().map(statement).collect();
        *statements = Value::Array(sorted(canonical));
    }
    Value::Object(members)
}

fn statement(statement: &Value) -> Value {
    let Value::Object(members) = statement else { return statement.clone() };
    let canonical = members.iter().map(|(name, member)| {
        let member = match name.as_str() {
            "Action" | "NotAction" | "Resource" | "NotResource" => set(member, Clone::clone),
            "Principal" | "NotPrincipal" => principals(member),
            "Condition" => conditions(member),
            _ => member.clone(),
        };
        (name.clone(), member)
    });
    Value::Object(canonical.collect())
}

fn principals(principals: &Value) -> Value {
    match principals {
        Value::String(everybody) if everybody == "*" => {
            Value::Object(Map::from_iter([("AWS".to_owned(), Value::from("*"))]))
        }
        other => each_member(other, |some| set(some, account)),
    }
}

fn conditions(conditions: &Value) -> Value {
    each_member(conditions, |keys| each_member(keys, |values| set(values, as_text)))
}

/// An account's number for its root's ARN; anything else as it is.
fn account(principal: &Value) -> Value {
    let number = principal.as_str().and_then(|principal| {
        let (_, rest) = principal.strip_prefix("arn:")?.split_once(":iam::")?;
        rest.strip_suffix(":root")
    });
    number.map_or_else(|| principal.clone(), Value::from)
}

/// Conditions compare text: `true` and `"true"` are the same.
fn as_text(value: &Value) -> Value {
    match value {
        Value::Bool(_) | Value::Number(_) => Value::String(value.to_string()),
        other => other.clone(),
    }
}

fn each_member(value: &Value, change: impl Fn(&Value) -> Value) -> Value {
    match value {
        Value::Object(members) if reference_in(value).is_none() => {
            members.iter().map(|(name, member)| (name.clone(), change(member))).collect()
        }
        other => other.clone(),
    }
}

/// A list without order and repetition; of one, that one.
fn set(values: &Value, change: impl Fn(&Value) -> Value) -> Value {
    let mut values = sorted(listed(values).iter().map(change).collect());
    values.dedup();
    if values.len() == 1 { values.remove(0) } else { Value::Array(values) }
}

fn listed(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        one => std::slice::from_ref(one),
    }
}

fn sorted(mut values: Vec<Value>) -> Vec<Value> {
    values.sort_by_cached_key(ToString::to_string);
    values
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn trust(statement: &Value) -> Value {
        json!({ "Version": "2012-10-17", "Statement": statement })
    }

    #[test]
    fn one_is_the_same_as_a_list_of_one() {
        let one = json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" });
        let list = json!([{ "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["*"] }]);
        assert_eq!(canonical(&trust(&one)), canonical(&trust(&list)));
    }

    #[test]
    fn order_and_repetition_do_not_count() {
        let one = json!([{ "Action": ["b", "a", "b"] }, { "Action": "c" }]);
        let other = json!([{ "Action": "c" }, { "Action": ["a", "b"] }]);
        assert_eq!(canonical(&trust(&one)), canonical(&trust(&other)));
    }

    #[test]
    fn an_account_is_its_root() {
        let number = json!({ "Principal": { "AWS": "123456789012" } });
        let root = json!({ "Principal": { "AWS": ["arn:aws:iam::123456789012:root"] } });
        assert_eq!(canonical(&trust(&number)), canonical(&trust(&root)));
        let user = json!({ "Principal": { "AWS": "arn:aws:iam::123456789012:user/root" } });
        assert_ne!(canonical(&trust(&number)), canonical(&trust(&user)));
    }

    #[test]
    fn everybody_is_written_in_two_ways() {
        let short = json!({ "Principal": "*" });
        let long = json!({ "Principal": { "AWS": "*" } });
        assert_eq!(canonical(&trust(&short)), canonical(&trust(&long)));
    }

    #[test]
    fn conditions_compare_text() {
        let written = json!({ "Condition": { "Bool": { "aws:SecureTransport": true } } });
        let given = json!({ "Condition": { "Bool": { "aws:SecureTransport": ["true"] } } });
        assert_eq!(canonical(&trust(&written)), canonical(&trust(&given)));
    }

    #[test]
    fn the_version_is_the_first_where_none_is_named() {
        let named = json!({ "Version": "2008-10-17", "Statement": [] });
        assert_eq!(canonical(&json!({ "Statement": [] })), named);
        assert_ne!(canonical(&trust(&json!([]))), named);
    }

    #[test]
    fn another_effect_is_another_document() {
        let allow = trust(&json!({ "Effect": "Allow", "Action": "*" }));
        let deny = trust(&json!({ "Effect": "Deny", "Action": "*" }));
        assert_ne!(canonical(&allow), canonical(&deny));
    }

    #[test]
    fn references_stay_as_they_are() {
        let pending = json!({ "$output": "role.task:arn" });
        let document = trust(&json!({ "Principal": pending, "Resource": pending }));
        let statement = &canonical(&document)["Statement"][0];
        assert_eq!(statement["Principal"], pending);
        assert_eq!(statement["Resource"], pending);
    }

    #[test]
    fn what_says_the_same_reads_as_it_was_applied() {
        let applied = trust(&json!({ "Action": ["b", "a"] }));
        let live = trust(&json!([{ "Action": ["a", "b"] }]));
        assert_eq!(as_applied(&live, Some(&applied)), applied);
        assert_eq!(as_applied(&live, None), canonical(&applied));
    }

    #[test]
    fn encoded_documents_are_decoded() {
        assert_eq!(decode("%7B%22a%22%3A%20%22b+c%22%7D"), json!({ "a": "b+c" }));
        assert_eq!(decode("no%20document"), json!("no document"));
    }
}
