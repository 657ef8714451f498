//! What a role may do, as far as its inline policies say.

use serde_json::{Map, Value};

use super::Role;
use crate::simulated_aws::cloud::Cloud;

/// The one managed policy whose contents are known: it lets a task pull its image and write its log.
const PULL_AND_LOG: &str = "AmazonECSTaskExecutionRolePolicy";

/// Whether a role may do something to a resource.
///
/// A policy of another's making that is attached to the role is taken to allow it, since what it
/// says is not kept here; conditions and boundaries are not judged.
#[must_use]
pub fn allows(cloud: &Cloud, role: &str, action: &str, resource: &str) -> bool {
    let Some(role) = cloud.iam.roles.values().find(|one| one.arn == role) else { return false };
    let statements = statements(role);
    let applying = || statements.iter().filter(|one| applies(one, action, resource));
    if applying().any(|one| one["Effect"] == "Deny") {
        return false;
    }
    applying().any(|one| one["Effect"] == "Allow")
        || role.attached.iter().any(|arn| !arn.ends_with(PULL_AND_LOG))
}

fn statements(role: &Role) -> Vec<Map<String, Value>> {
    let documents = role.inline.values().filter_map(|text| serde_json::from_str(text).ok());
    documents.flat_map(|document: Value| list(&document["Statement"])).filter_map(object).collect()
}

fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// One value is a list of one, as everywhere in policies.
pub(super) fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        Value::Null => vec![],
        one => vec![one.clone()],
    }
}

fn applies(statement: &Map<String, Value>, action: &str, resource: &str) -> bool {
    let names = |member: &str, text: &str| {
        let patterns = list(statement.get(member).unwrap_or(&Value::Null));
        patterns.iter().filter_map(Value::as_str).any(|pattern| matches(pattern, text))
    };
    let covers = |member: &str, negated: &str, text: &str| {
        if statement.contains_key(negated) { !names(negated, text) } else { names(member, text) }
    };
    covers("Action", "NotAction", action) && covers("Resource", "NotResource", resource)
}

/// Whether a text is as a pattern says, in which `*` stands for any characters and `?` for one.
/// Services and actions are compared ignoring case, as AWS does; here, so are resources.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    // How far the pattern has come, for each of its beginnings.
    let mut reached = vec![false; pattern.len() + 1];
    reached[0] = true;
    for at in 0..pattern.len() {
        reached[at + 1] = reached[at] && pattern[at] == '*';
    }
    for letter in text {
        let mut next = vec![false; pattern.len() + 1];
        for (at, sign) in pattern.iter().enumerate() {
            next[at + 1] = match sign {
                '*' => next[at] || reached[at + 1] || reached[at],
                '?' => reached[at],
                other => *other == letter && reached[at],
            };
        }
        reached = next;
    }
    reached[pattern.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_what_aws_lets_them_stand_for() {
        assert!(matches("*", ""));
        assert!(matches("secretsmanager:Get*", "secretsmanager:GetSecretValue"));
        assert!(matches("SecretsManager:getsecretvalue", "secretsmanager:GetSecretValue"));
        assert!(matches("arn:*:db-??????", "arn:aws:secretsmanager:x:1:secret:db-a1b2c3"));
        assert!(!matches("arn:*:db-??????", "arn:aws:secretsmanager:x:1:secret:db-a1b2"));
        assert!(!matches("ssm:GetParameter", "ssm:GetParameters"));
        assert!(matches("a*b*c", "axbxbc"));
    }
}
