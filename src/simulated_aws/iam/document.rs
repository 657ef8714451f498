//! Policy documents: what IAM refuses to take (`MalformedPolicyDocument`).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::role_exists;
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::wire::ApiError;

type Statement = Map<String, Value>;

const MEMBERS: &[&str] = &["Version", "Id", "Statement"];
const STATEMENT_MEMBERS: &[&str] = &[
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// Checks a role's trust policy.
///
/// # Errors
///
/// `MalformedPolicyDocument`, also when it names a role of this account that does not exist, as it
/// does for a moment after that role is made (aws-behaviour 9.c).
pub(super) fn check_trust(cloud: &Cloud, document: &str) -> Result<(), ApiError> {
    for statement in &statements(document)? {
        if texts(statement, "Action", "NotAction")?.iter().any(|action| !is_trust_action(action)) {
            return Err(malformed("AssumeRole policy may only specify STS AssumeRole actions."));
        }
        if statement.contains_key("Resource") || statement.contains_key("NotResource") {
            return Err(malformed("Has prohibited field Resource"));
        }
        let principal = statement.get("Principal").or_else(|| statement.get("NotPrincipal"));
        let principal = principal.ok_or_else(|| malformed("Missing required field Principal"))?;
        check_principal(cloud, principal)?;
    }
    Ok(())
}

/// Checks a policy that gives permissions.
///
/// # Errors
///
/// `MalformedPolicyDocument`.
pub(super) fn check_permissions(document: &str) -> Result<(), ApiError> {
    for statement in &statements(document)? {
        if statement.contains_key("Principal") || statement.contains_key("NotPrincipal") {
            return Err(malformed("Policy document should not specify a principal."));
        }
        for action in texts(statement, "Action", "NotAction")? {
            check_action(action)?;
        }
        for resource in texts(statement, "Resource", "NotResource")? {
            check_resource(resource)?;
        }
    }
    Ok(())
}

/// The characters of a document that count towards quotas: all but white space.
pub(super) fn size(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}

fn statements(document: &str) -> Result<Vec<Statement>, ApiError> {
    let parsed: Value = serde_json::from_str(document)
        .map_err(|_| malformed("This policy contains invalid Json"))?;
    let policy = parsed.as_object().ok_or_else(|| malformed("Syntax errors in policy."))?;
    check_members(policy, MEMBERS)?;
    check_version(policy)?;
    let statements: Option<Vec<Statement>> = match policy.get("Statement") {
        Some(Value::Array(items)) => items.iter().map(|item| item.as_object().cloned()).collect(),
        Some(Value::Object(single)) => Some(vec![single.clone()]),
        _ => None,
    };
    let statements = statements
        .filter(|statements| !statements.is_empty())
        .ok_or_else(|| malformed("Syntax errors in policy."))?;
    check_statements(&statements)?;
    Ok(statements)
}

fn check_version(policy: &Map<String, Value>) -> Result<(), ApiError> {
    match policy.get("Version").map(Value::as_str) {
        None | Some(Some("2012-10-17" | "2008-10-17")) => Ok(()),
        Some(_) => Err(malformed("Syntax errors in policy.")),
    }
}

fn check_statements(statements: &[Statement]) -> Result<(), ApiError> {
    let mut seen = BTreeSet::new();
    for statement in statements {
        check_members(statement, STATEMENT_MEMBERS)?;
        if !matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
            return Err(malformed("Syntax errors in policy."));
        }
        let Some(sid) = statement.get("Sid").and_then(Value::as_str) else { continue };
        if !sid.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(malformed(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the \
                 regular expression [0-9A-Za-z]*",
            ));
        }
        if !sid.is_empty() && !seen.insert(sid) {
            return Err(malformed("Statement IDs (SID) in a single policy must be unique."));
        }
    }
    Ok(())
}

fn check_members(object: &Map<String, Value>, known: &[&str]) -> Result<(), ApiError> {
    if object.keys().all(|name| known.contains(&name.as_str())) {
        return Ok(());
    }
    Err(malformed("Syntax errors in policy."))
}

/// The texts of one of two members that exclude each other: a text alone, or a list that is not
/// empty.
fn texts<'a>(
    statement: &'a Statement,
    name: &str,
    negated: &str,
) -> Result<Vec<&'a str>, ApiError> {
    let value = match (statement.get(name), statement.get(negated)) {
        (Some(value), None) | (None, Some(value)) => value,
        (Some(_), Some(_)) => return Err(malformed("Syntax errors in policy.")),
        (None, None) if name == "Action" => {
            return Err(malformed("Policy statement must contain actions."));
        }
        (None, None) => return Err(malformed("Policy statement must contain resources.")),
    };
    let texts: Option<Vec<&str>> = match value {
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        single => single.as_str().map(|text| vec![text]),
    };
    texts.filter(|texts| !texts.is_empty()).ok_or_else(|| malformed("Syntax errors in policy."))
}

fn is_trust_action(action: &str) -> bool {
    action.split_once(':').is_some_and(|(vendor, _)| vendor.eq_ignore_ascii_case("sts"))
}

fn check_action(action: &str) -> Result<(), ApiError> {
    let well_formed = |(vendor, name): (&str, &str)| {
        let is_vendor = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let is_name = |c: char| c.is_ascii_alphanumeric() || "*?-_".contains(c);
        !vendor.is_empty()
            && vendor.chars().all(is_vendor)
            && !name.is_empty()
            && name.chars().all(is_name)
    };
    if action == "*" || action.split_once(':').is_some_and(well_formed) {
        return Ok(());
    }
    Err(malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."))
}

fn check_resource(resource: &str) -> Result<(), ApiError> {
    let is_arn = resource.starts_with("arn:") && resource.splitn(6, ':').count() == 6;
    if resource.starts_with('*') || resource.starts_with("arn:*") || is_arn {
        return Ok(());
    }
    Err(malformed(&format!("Resource {resource} must be in ARN format or \"*\".")))
}

fn check_principal(cloud: &Cloud, principal: &Value) -> Result<(), ApiError> {
    let kinds = match principal {
        Value::String(everyone) if everyone == "*" => return Ok(()),
        Value::Object(kinds) if !kinds.is_empty() => kinds,
        _ => return Err(malformed("Syntax errors in policy.")),
    };
    for (kind, value) in kinds {
        let named = match value {
            Value::Array(items) => items.iter().collect(),
            single => vec![single],
        };
        for name in named {
            let name = name.as_str().ok_or_else(|| malformed("Syntax errors in policy."))?;
            check_principal_name(cloud, kind, name)?;
        }
    }
    Ok(())
}

fn check_principal_name(cloud: &Cloud, kind: &str, name: &str) -> Result<(), ApiError> {
    let valid = match kind {
        "Service" => is_service(name),
        "AWS" => is_account_principal(cloud, name),
        "Federated" => !name.is_empty(),
        "CanonicalUser" => false,
        _ => return Err(malformed("Syntax errors in policy.")),
    };
    if valid {
        return Ok(());
    }
    let kind = kind.to_uppercase();
    Err(malformed(&format!("Invalid principal in policy: \"{kind}\":\"{name}\"")))
}

fn is_service(name: &str) -> bool {
    [".amazonaws.com", ".amazonaws.com.cn"].iter().filter_map(|end| name.strip_suffix(end)).any(
        |service| {
            !service.is_empty()
                && service
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c))
        },
    )
}

/// Everyone, an account, or someone in an account; in this one, only roles that exist.
fn is_account_principal(cloud: &Cloud, name: &str) -> bool {
    let is_account = |id: &str| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit());
    if name == "*" || is_account(name) {
        return true;
    }
    let parts: Vec<&str> = name.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, "iam", "", account, resource] => {
            let in_this_account = *account == ACCOUNT && *partition == cloud.partition();
            let exists = *resource == "root" || !in_this_account || role_exists(cloud, name);
            is_account(account) && exists
        }
        ["arn", _, "sts", "", account, _] => is_account(account),
        _ => false,
    }
}

fn malformed(message: &str) -> ApiError {
    ApiError::new("MalformedPolicyDocument", message)
}
