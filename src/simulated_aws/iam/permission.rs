//! What a role may do, and who may take it on, as far as its policies say.

use serde_json::{Map, Value};

use super::condition::{self, Context};
use super::{Role, managed};
use crate::simulated_aws::cloud::Cloud;

/// What one who takes a role on does.
const ASSUME: &str = "sts:AssumeRole";

type Statement = Map<String, Value>;

/// Something that a role would do to a resource.
struct Deed<'a> {
    action: &'a str,
    resource: &'a str,
    context: &'a Context<'a>,
}

/// Whether a role may do something to a resource.
///
/// Of AWS's own policies only what is asked about here is known; those of which nothing is allow
/// nothing.
#[must_use]
pub fn allows(
    cloud: &Cloud,
    role: &str,
    action: &str,
    resource: &str,
    context: &Context<'_>,
) -> bool {
    let Some(role) = cloud.iam.roles.values().find(|one| one.arn == role) else { return false };
    let deed = Deed { action, resource, context };
    let bounds = role.boundary.as_deref().map(managed::statements);
    permit(&own_statements(role), &deed)
        && bounds.is_none_or(|bounds| permit(&statements(&bounds), &deed))
}

/// Whether a role exists and lets a service of AWS take it on.
#[must_use]
pub fn trusts(cloud: &Cloud, arn: &str, service: &str, context: &Context<'_>) -> bool {
    let Some(role) = cloud.iam.roles.values().find(|role| role.arn == arn) else { return false };
    let statements = parsed(&role.trust);
    decide(&statements, context, |one| {
        covers(one, "Action", "NotAction", ASSUME, matches_ignoring_case)
            && names_service(one, service)
    })
}

fn permit(statements: &[Statement], deed: &Deed<'_>) -> bool {
    decide(statements, deed.context, |one| {
        covers(one, "Action", "NotAction", deed.action, matches_ignoring_case)
            && covers(one, "Resource", "NotResource", deed.resource, matches)
    })
}

/// Whether one of the statements that apply allows it, and none denies it.
fn decide(
    statements: &[Statement],
    context: &Context<'_>,
    applies: impl Fn(&Statement) -> bool,
) -> bool {
    let says = |effect: &str| {
        let mut saying = statements.iter().filter(|one| one["Effect"] == effect);
        saying.any(|one| applies(one) && is_in_force(one, context))
    };
    says("Allow") && !says("Deny")
}

/// Whether a statement's condition holds. Where nobody can say, it is one that denies.
fn is_in_force(statement: &Statement, context: &Context<'_>) -> bool {
    let holds = condition::holds(statement.get("Condition"), context);
    holds.unwrap_or_else(|| statement["Effect"] == "Deny")
}

fn own_statements(role: &Role) -> Vec<Statement> {
    let inline = role.inline.values().flat_map(|document| parsed(document));
    let attached = role.attached.iter().flat_map(|arn| statements(&managed::statements(arn)));
    inline.chain(attached).collect()
}

fn parsed(document: &str) -> Vec<Statement> {
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    statements(&document["Statement"])
}

fn statements(value: &Value) -> Vec<Statement> {
    list(value).into_iter().filter_map(object).collect()
}

fn object(value: Value) -> Option<Statement> {
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

/// Whether one of two members that exclude each other covers a text.
fn covers(
    statement: &Statement,
    member: &str,
    negated: &str,
    text: &str,
    is_like: fn(&str, &str) -> bool,
) -> bool {
    let names = |member: &str| {
        let patterns = list(statement.get(member).unwrap_or(&Value::Null));
        patterns.iter().filter_map(Value::as_str).any(|pattern| is_like(pattern, text))
    };
    if statement.contains_key(negated) { !names(negated) } else { names(member) }
}

fn names_service(statement: &Statement, service: &str) -> bool {
    let names = |member: &str| {
        let principal = statement.get(member).unwrap_or(&Value::Null);
        list(&principal["Service"]).iter().any(|one| one == service)
    };
    if statement.contains_key("NotPrincipal") { !names("NotPrincipal") } else { names("Principal") }
}

/// Services and actions are compared ignoring case (IAM user guide, "Action").
fn matches_ignoring_case(pattern: &str, text: &str) -> bool {
    matches(&pattern.to_lowercase(), &text.to_lowercase())
}

/// Whether a text is as a pattern says, in which `*` stands for any characters and `?` for one.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    // How far the pattern has come, for each of its beginnings.
    let mut reached = vec![false; pattern.len() + 1];
    reached[0] = true;
    for at in 0..pattern.len() {
        reached[at + 1] = reached[at] && pattern[at] == '*';
    }
    for letter in text.chars() {
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
        let lower = "SecretsManager:getsecretvalue";
        assert!(matches_ignoring_case(lower, "secretsmanager:GetSecretValue"));
        assert!(!matches(lower, "secretsmanager:GetSecretValue"));
        assert!(matches("arn:*:db-??????", "arn:aws:secretsmanager:x:1:secret:db-a1b2c3"));
        assert!(!matches("arn:*:db-??????", "arn:aws:secretsmanager:x:1:secret:db-a1b2"));
        assert!(!matches("ssm:GetParameter", "ssm:GetParameters"));
        assert!(matches("a*b*c", "axbxbc"));
    }
}
