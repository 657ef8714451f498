//! Policies written into a role.

use serde_json::json;

use super::{
    Role, changeable_role, document, done, limit_exceeded, no_such_entity, page, required,
    required_name, shape,
};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// Characters of all of a role's inline policies without their white space (aws-behaviour 28).
const LONGEST_TOGETHER: usize = 10_240;

/// Overwrites one of the same name (aws-behaviour 9.b).
pub(super) fn put(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = required_name(request, "PolicyName", 128)?;
    let policy = required(request, "PolicyDocument")?;
    let role = changeable_role(cloud, request)?;
    document::check_permissions(policy)?;
    check_size(role, name, policy)?;
    role.inline.insert(name.to_owned(), policy.to_owned());
    done()
}

pub(super) fn get(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = required(request, "PolicyName")?;
    let role = cloud.iam.role(required(request, "RoleName")?)?;
    let policy = role.inline.get(name).ok_or_else(|| no_such_policy(name))?;
    Ok(json!({
        "RoleName": role.name,
        "PolicyName": name,
        "PolicyDocument": shape::url_encoded(policy),
    }))
}

pub(super) fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = required(request, "PolicyName")?;
    let role = changeable_role(cloud, request)?;
    role.inline.remove(name).ok_or_else(|| no_such_policy(name))?;
    done()
}

pub(super) fn list(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let role = cloud.iam.role(required(request, "RoleName")?)?;
    let items = role.inline.keys().map(|name| (name.clone(), json!(name))).collect();
    page::page(request, "PolicyNames", items)
}

fn check_size(role: &Role, name: &str, policy: &str) -> Result<(), ApiError> {
    let others = role.inline.iter().filter(|(other, _)| *other != name);
    let together: usize = others.map(|(_, other)| document::size(other)).sum();
    if together + document::size(policy) > LONGEST_TOGETHER {
        let message = format!(
            "Maximum policy size of {LONGEST_TOGETHER} bytes exceeded for role {}",
            role.name
        );
        return Err(limit_exceeded(message));
    }
    Ok(())
}

fn no_such_policy(name: &str) -> ApiError {
    no_such_entity(format!("The role policy with name {name} cannot be found."))
}
