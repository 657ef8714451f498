//! Inline policies: what IAM would refuse as `MalformedPolicyDocument`, in the middle of a run.

use serde_json::Value;

/// What is wrong with a policy, and what to do about it.
pub(super) struct Complaint {
    pub message: String,
    pub advice: &'static str,
}

/// The first thing that IAM would not take of a policy that gives permissions, if there is any.
pub(super) fn complaint(name: &str, document: &Value) -> Option<Complaint> {
    let statements = statements(&document["Statement"]);
    if statements.is_empty() {
        return Some(Complaint {
            message: format!("the policy `{name}` allows and denies nothing"),
            advice: "leave it out, or say what it allows: Statement = [{ Effect = \"Allow\", \
                     Action = \"s3:GetObject\", Resource = \"…\" }]",
        });
    }
    let several = statements.len() > 1;
    statements.into_iter().zip(1..).find_map(|(statement, number)| {
        let (said, advice) = of_statement(statement)?;
        let place = if several { format!(", statement {number},") } else { String::new() };
        Some(Complaint { message: format!("the policy `{name}`{place} {said}"), advice })
    })
}

/// A statement alone counts as a list of one.
fn statements(statement: &Value) -> Vec<&Value> {
    match statement {
        Value::Array(statements) => statements.iter().collect(),
        other => vec![other],
    }
}

fn of_statement(statement: &Value) -> Option<(&'static str, &'static str)> {
    if !statement.is_object() {
        return Some(("has a statement that is not a table", "Statement = [{ … }]"));
    }
    if !matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")) {
        return Some((
            "does not say whether it allows or denies",
            "Effect = \"Allow\" or Effect = \"Deny\", in exactly these letters",
        ));
    }
    if ["Principal", "NotPrincipal"].iter().any(|key| !statement[key].is_null()) {
        return Some((
            "names a principal, which is the role itself",
            "leave `Principal` out: it belongs into policies of resources",
        ));
    }
    if !says_one(statement, ["Action", "NotAction"]) {
        return Some((
            "does not say which actions it means",
            "either `Action` or `NotAction`: one text, or a list that is not empty",
        ));
    }
    if !says_one(statement, ["Resource", "NotResource"]) {
        return Some((
            "does not say which resources it means",
            "either `Resource` or `NotResource`: one ARN or \"*\", or a list that is not empty",
        ));
    }
    None
}

/// Whether exactly one of two keys is there, with at least one text.
fn says_one(statement: &Value, keys: [&str; 2]) -> bool {
    let said: Vec<&Value> =
        keys.iter().map(|key| &statement[key]).filter(|value| !value.is_null()).collect();
    match said[..] {
        [Value::String(_)] => true,
        [Value::Array(texts)] => !texts.is_empty() && texts.iter().all(Value::is_string),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(statement: &Value) -> Option<String> {
        complaint("read", &json!({ "Statement": statement })).map(|complaint| complaint.message)
    }

    #[test]
    fn what_iam_takes_is_no_complaint() {
        let read = json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" });
        let rest = json!({ "Effect": "Deny", "NotAction": ["s3:*"], "NotResource": ["*"] });
        assert_eq!(said(&read), None);
        assert_eq!(said(&json!([read, rest])), None);
    }

    #[test]
    fn what_iam_refuses_is_said_by_its_place() {
        let cases = [
            (json!([]), "allows and denies nothing"),
            (json!("*"), "not a table"),
            (json!({ "Effect": "allow", "Action": "*", "Resource": "*" }), "allows or denies"),
            (json!({ "Effect": "Allow", "Action": "*" }), "which resources"),
            (json!({ "Effect": "Allow", "Action": [], "Resource": "*" }), "which actions"),
            (
                json!({ "Effect": "Allow", "Action": "*", "NotAction": "*", "Resource": "*" }),
                "which actions",
            ),
            (
                json!({ "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*" }),
                "a principal",
            ),
        ];
        for (statement, wrong) in cases {
            let said = said(&statement).unwrap_or_default();
            assert!(said.contains(wrong), "{statement}: {said}");
        }
        let fine = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
        let second = said(&json!([fine, { "Effect": "Allow" }])).unwrap_or_default();
        assert!(second.contains("`read`, statement 2,"), "{second}");
    }
}
