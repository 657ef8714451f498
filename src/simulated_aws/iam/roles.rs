//! Roles themselves: made, read, changed, deleted.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    Role, changeable_role, document, done, managed, page, required, required_name, shape, tags,
    violated,
};
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// Characters of a trust policy without its white space (aws-behaviour 28).
const LONGEST_TRUST: usize = 2048;
/// Roles in an account (aws-behaviour 28).
const MOST_ROLES: usize = 1000;
const LONGEST_DESCRIPTION: usize = 1000;

pub(super) fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = required_name(request, "RoleName", 64)?;
    let trust = required(request, "AssumeRolePolicyDocument")?;
    let path = path(request)?;
    let tags = tags::from(request)?;
    let description = description(request)?;
    let max_session_s = max_session_s(request)?.unwrap_or(3600);
    let boundary = request.text("PermissionsBoundary").map(str::to_owned);
    check_name_is_free(cloud, name)?;
    if let Some(boundary) = &boundary {
        check_boundary(cloud, boundary)?;
    }
    check_trust(cloud, trust)?;
    if cloud.iam.roles.len() >= MOST_ROLES {
        let message = format!("Cannot exceed quota for RolesPerAccount: {MOST_ROLES}");
        return Err(super::limit_exceeded(message));
    }
    let role = Role {
        name: name.to_owned(),
        id: fresh_id(cloud, "AROA"),
        arn: format!("arn:{}:iam::{ACCOUNT}:role{path}{name}", cloud.partition()),
        path: path.to_owned(),
        created: cloud.now,
        trust: trust.to_owned(),
        description,
        max_session_s,
        boundary,
        attached: Vec::new(),
        inline: BTreeMap::new(),
        tags,
    };
    let mut shown = shape::role(cloud, &role);
    shown["RoleLastUsed"] = json!(null);
    cloud.iam.roles.insert(name.to_lowercase(), role);
    Ok(json!({"Role": shown}))
}

pub(super) fn get(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let role = cloud.iam.role(required(request, "RoleName")?)?;
    Ok(json!({"Role": shape::role(cloud, role)}))
}

pub(super) fn list(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let prefix = request.text("PathPrefix").unwrap_or("/");
    let roles = cloud.iam.roles.iter().filter(|(_, role)| role.path.starts_with(prefix));
    let items = roles.map(|(key, role)| (key.clone(), shape::listed_role(cloud, role))).collect();
    page::page(request, "Roles", items)
}

/// Merges: what is left out keeps its value (aws-behaviour 9.f).
pub(super) fn update(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let description = description(request)?;
    let max_session_s = max_session_s(request)?;
    let role = changeable_role(cloud, request)?;
    if description.is_some() {
        role.description = description;
    }
    role.max_session_s = max_session_s.unwrap_or(role.max_session_s);
    done()
}

pub(super) fn update_trust(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let trust = required(request, "PolicyDocument")?;
    changeable_role(cloud, request)?;
    check_trust(cloud, trust)?;
    trust.clone_into(&mut changeable_role(cloud, request)?.trust);
    done()
}

pub(super) fn put_boundary(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let boundary = required(request, "PermissionsBoundary")?;
    changeable_role(cloud, request)?;
    check_boundary(cloud, boundary)?;
    changeable_role(cloud, request)?.boundary = Some(boundary.to_owned());
    done()
}

pub(super) fn delete_boundary(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    changeable_role(cloud, request)?.boundary = None;
    done()
}

/// Deletes only a role without policies (aws-behaviour 9.e).
pub(super) fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let role = changeable_role(cloud, request)?;
    if !role.attached.is_empty() {
        return Err(delete_conflict("must detach all policies first."));
    }
    if !role.inline.is_empty() {
        return Err(delete_conflict("must delete policies first."));
    }
    let key = role.name.to_lowercase();
    cloud.iam.roles.remove(&key);
    done()
}

/// Always none: instance profiles are for instances, and there are none.
pub(super) fn list_instance_profiles(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    cloud.iam.role(required(request, "RoleName")?)?;
    page::page(request, "InstanceProfiles", Vec::new())
}

/// A fresh unique id: a prefix and seventeen of the letters and digits that real ones are made of.
pub(super) fn fresh_id(cloud: &mut Cloud, prefix: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut random = cloud.random();
    let drawn = (0..17).map(|_| char::from(ALPHABET[random.usize(..ALPHABET.len())]));
    prefix.chars().chain(drawn).collect()
}

fn check_name_is_free(cloud: &Cloud, name: &str) -> Result<(), ApiError> {
    if cloud.iam.roles.contains_key(&name.to_lowercase()) {
        let message = format!("Role with name {name} already exists.");
        return Err(ApiError::new("EntityAlreadyExists", message).with_status(409));
    }
    Ok(())
}

fn check_boundary(cloud: &Cloud, arn: &str) -> Result<(), ApiError> {
    if managed::find(cloud, arn).is_none() {
        let message = format!("Scope ARN: {arn} does not exist or is not attachable.");
        return Err(super::no_such_entity(message));
    }
    Ok(())
}

fn check_trust(cloud: &Cloud, trust: &str) -> Result<(), ApiError> {
    document::check_trust(cloud, trust)?;
    if document::size(trust) > LONGEST_TRUST {
        let message = format!("Cannot exceed quota for ACLSizePerRole: {LONGEST_TRUST}");
        return Err(super::limit_exceeded(message));
    }
    Ok(())
}

fn path(request: Parameters<'_>) -> Result<&str, ApiError> {
    let path = request.text("Path").unwrap_or("/");
    let in_slashes = path.starts_with('/') && path.ends_with('/');
    if !in_slashes || path.len() > 512 || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = "The specified value for path is invalid. It must begin and end with / and \
                       contain only alphanumeric characters and/or / characters.";
        return Err(ApiError::new("ValidationError", message));
    }
    if path.starts_with("/aws-service-role/") {
        let message = "Roles in the path /aws-service-role/ are made for services only.";
        return Err(ApiError::new("ValidationError", message));
    }
    Ok(path)
}

fn description(request: Parameters<'_>) -> Result<Option<String>, ApiError> {
    let description = request.text("Description");
    if description.is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION) {
        let constraint = "Member must have length less than or equal to 1000";
        return Err(violated("Description", constraint));
    }
    Ok(description.map(str::to_owned))
}

fn max_session_s(request: Parameters<'_>) -> Result<Option<i64>, ApiError> {
    let asked = request.integer("MaxSessionDuration");
    if asked.is_some_and(|seconds| !(3600..=43_200).contains(&seconds)) {
        let constraint = "Member must have value between 3600 and 43200, both included";
        return Err(violated("MaxSessionDuration", constraint));
    }
    Ok(asked)
}

fn delete_conflict(what: &str) -> ApiError {
    ApiError::new("DeleteConflict", format!("Cannot delete entity, {what}")).with_status(409)
}
