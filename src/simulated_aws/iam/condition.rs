//! Conditions of policies, as far as texts and ARNs are compared (IAM user guide, "Condition
//! operators").
//!
//! The rule: of an operator or a key that is not known here nobody says whether it holds.

use serde_json::Value;

use super::permission::{list, matches};

/// What is known of a request besides who asks for what: keys, such as `ecs:cluster`, and values.
pub type Context<'a> = [(&'a str, &'a str)];

/// Whether a condition holds; `None` where nobody here can say. Where there is none, it does.
pub(super) fn holds(condition: Option<&Value>, context: &Context<'_>) -> Option<bool> {
    let Some(condition) = condition else { return Some(true) };
    let mut tests = Vec::new();
    for (operator, keys) in condition.as_object()? {
        let keys = keys.as_object()?.iter();
        tests.extend(keys.map(|(key, wanted)| test(operator, key, wanted, context)));
    }
    if tests.contains(&Some(false)) {
        return Some(false);
    }
    tests.into_iter().collect::<Option<Vec<bool>>>().map(|_| true)
}

/// One of several values will do; for an operator that says "not", all of them will not. Keys are
/// compared ignoring case.
fn test(operator: &str, key: &str, wanted: &Value, context: &Context<'_>) -> Option<bool> {
    let is_like: fn(&str, &str) -> bool = match operator {
        "StringEquals" | "StringNotEquals" => |wanted, actual| wanted == actual,
        "StringLike" | "StringNotLike" => matches,
        "ArnEquals" | "ArnLike" | "ArnNotEquals" | "ArnNotLike" => is_arn_like,
        _ => return None,
    };
    let (_, actual) = context.iter().find(|(known, _)| known.eq_ignore_ascii_case(key))?;
    let wanted = list(wanted);
    let is_one = wanted.iter().filter_map(Value::as_str).any(|wanted| is_like(wanted, actual));
    Some(is_one != operator.contains("Not"))
}

/// The six parts of an ARN are compared each by itself.
fn is_arn_like(pattern: &str, arn: &str) -> bool {
    let parts = |text: &str| text.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
    let (pattern, arn) = (parts(pattern), parts(arn));
    pattern.len() == 6
        && arn.len() == 6
        && pattern.iter().zip(&arn).all(|(pattern, part)| matches(pattern, part))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CLUSTER: &str = "arn:aws:ecs:eu-west-1:123456789012:cluster/shop";

    fn judged(operator: &str, key: &str, wanted: &Value) -> Option<bool> {
        holds(Some(&json!({operator: {key: wanted}})), &[("ecs:cluster", CLUSTER)])
    }

    #[test]
    fn an_operator_compares_as_its_name_says() {
        for (operator, wanted, expected) in [
            ("StringEquals", json!(CLUSTER), true),
            ("StringEquals", json!(["x", CLUSTER]), true),
            ("StringEquals", json!(CLUSTER.to_uppercase()), false),
            ("StringEquals", json!("arn:aws:ecs:*"), false),
            ("StringNotEquals", json!(["x", CLUSTER]), false),
            ("StringNotEquals", json!(["x", "y"]), true),
            ("StringLike", json!("arn:aws:ecs:*"), true),
            ("StringNotLike", json!("arn:aws:ecs:*"), false),
            ("ArnEquals", json!(CLUSTER), true),
            ("ArnLike", json!("arn:aws:ecs:*:*:cluster/shop"), true),
            ("ArnLike", json!("arn:aws:ecs:*"), false),
            ("ArnNotLike", json!("arn:aws:ecs:*:*:cluster/other"), true),
        ] {
            assert_eq!(judged(operator, "ECS:Cluster", &wanted), Some(expected), "{operator}");
        }
    }

    #[test]
    fn nobody_says_what_is_not_known() {
        assert_eq!(judged("StringEquals", "aws:PrincipalTag/team", &json!("a")), None);
        assert_eq!(judged("Bool", "ecs:cluster", &json!("true")), None);
        assert_eq!(holds(Some(&json!("odd")), &[]), None);
        let wrong = json!({"Bool": {"a": "b"}, "StringEquals": {"ecs:cluster": "x"}});
        assert_eq!(holds(Some(&wrong), &[("ecs:cluster", CLUSTER)]), Some(false));
    }

    #[test]
    fn without_a_condition_it_holds() {
        assert_eq!(holds(None, &[]), Some(true));
    }
}
