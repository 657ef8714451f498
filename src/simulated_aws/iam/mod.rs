//! The IAM room: roles and what hangs on them.
//!
//! What is written here can be read at once and can be assumed at once. That the real service takes
//! seconds over it (aws-behaviour 9.c) is a fault, and faults are injected at the endpoint. Users,
//! groups and policies of the customer's own are not kept: nothing here makes any.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::clock::Moment;
use super::cloud::Cloud;
use super::endpoint::unknown_operation;
use super::wire::{Answer, ApiError, Parameters};

mod attachments;
mod authorization_details;
mod condition;
mod document;
mod inline;
mod managed;
mod page;
mod permission;
mod roles;
mod service_linked;
mod shape;
mod tags;
#[cfg(test)]
mod tests;

pub use condition::Context;
pub use permission::{allows, trusts};
pub use service_linked::ensure_service_linked_role;

/// What the account holds in IAM.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Iam {
    /// By name in lower case, since names are unique ignoring case (aws-behaviour 9.b).
    roles: BTreeMap<String, Role>,
}

/// A role, with its policies.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Role {
    name: String,
    /// `AROA…`: a role made again under the same name has another.
    id: String,
    arn: String,
    path: String,
    created: Moment,
    /// The trust policy, byte by byte as it was sent.
    trust: String,
    /// Absent and empty are two things: an empty one is shown.
    description: Option<String>,
    max_session_s: i64,
    /// The ARN of the permissions boundary.
    boundary: Option<String>,
    /// ARNs of managed policies, in the order in which they were attached.
    attached: Vec<String>,
    /// Documents by policy name.
    inline: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
}

impl Role {
    /// Whether AWS made it for one of its services, so that nobody else may change it.
    fn is_service_linked(&self) -> bool {
        self.path.starts_with("/aws-service-role/")
    }
}

impl Iam {
    fn role(&self, name: &str) -> Result<&Role, ApiError> {
        self.roles
            .get(&name.to_lowercase())
            .filter(|role| role.name == name)
            .ok_or_else(|| no_such_role(name))
    }

    fn role_mut(&mut self, name: &str) -> Result<&mut Role, ApiError> {
        self.roles
            .get_mut(&name.to_lowercase())
            .filter(|role| role.name == name)
            .ok_or_else(|| no_such_role(name))
    }
}

/// Whether a role with this ARN exists, for services that are told to assume it.
#[must_use]
pub fn role_exists(cloud: &Cloud, arn: &str) -> bool {
    cloud.iam.roles.values().any(|role| role.arn == arn)
}

/// Answers an operation.
pub fn answer(cloud: &mut Cloud, operation: &str, request: Parameters<'_>) -> Answer {
    match operation {
        "CreateRole" => roles::create(cloud, request),
        "GetRole" => roles::get(cloud, request),
        "ListRoles" => roles::list(cloud, request),
        "UpdateRole" => roles::update(cloud, request),
        "UpdateAssumeRolePolicy" => roles::update_trust(cloud, request),
        "PutRolePermissionsBoundary" => roles::put_boundary(cloud, request),
        "DeleteRolePermissionsBoundary" => roles::delete_boundary(cloud, request),
        "DeleteRole" => roles::delete(cloud, request),
        "ListInstanceProfilesForRole" => roles::list_instance_profiles(cloud, request),
        "TagRole" => tags::tag(cloud, request),
        "UntagRole" => tags::untag(cloud, request),
        "ListRoleTags" => tags::list(cloud, request),
        "AttachRolePolicy" => attachments::attach(cloud, request),
        "DetachRolePolicy" => attachments::detach(cloud, request),
        "ListAttachedRolePolicies" => attachments::list(cloud, request),
        "GetPolicy" => attachments::get_policy(cloud, request),
        "PutRolePolicy" => inline::put(cloud, request),
        "GetRolePolicy" => inline::get(cloud, request),
        "DeleteRolePolicy" => inline::delete(cloud, request),
        "ListRolePolicies" => inline::list(cloud, request),
        "CreateServiceLinkedRole" => service_linked::create(cloud, request),
        "GetAccountAuthorizationDetails" => authorization_details::get(cloud, request),
        _ => Err(unknown_operation(operation)),
    }
}

/// The role that a request names, when it may be changed by others than AWS.
fn changeable_role<'a>(
    cloud: &'a mut Cloud,
    request: Parameters<'_>,
) -> Result<&'a mut Role, ApiError> {
    let role = cloud.iam.role_mut(required(request, "RoleName")?)?;
    if role.is_service_linked() {
        return Err(protected(&role.name));
    }
    Ok(role)
}

/// The answer of operations that say nothing.
#[expect(clippy::unnecessary_wraps, reason = "it ends handlers, which give an answer")]
fn done() -> Answer {
    Ok(json!({}))
}

/// A text that must be there.
fn required<'a>(request: Parameters<'a>, name: &str) -> Result<&'a str, ApiError> {
    request.text(name).ok_or_else(|| violated(name, "Member must not be null"))
}

/// A name of at most `longest` characters out of letters, digits and `_+=,.@-` (aws-behaviour 29).
fn required_name<'a>(
    request: Parameters<'a>,
    member: &str,
    longest: usize,
) -> Result<&'a str, ApiError> {
    let name = required(request, member)?;
    if name.is_empty() {
        return Err(violated(member, "Member must have length greater than or equal to 1"));
    }
    if name.len() > longest {
        let constraint = format!("Member must have length less than or equal to {longest}");
        return Err(violated(member, &constraint));
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)) {
        return Err(violated(
            member,
            r"Member must satisfy regular expression pattern: [\w+=,.@-]+",
        ));
    }
    Ok(name)
}

/// The error of a parameter that breaks its model's constraint. `member` is in the wire's spelling.
fn violated(member: &str, constraint: &str) -> ApiError {
    let (first, rest) = member.split_at(1);
    let member = format!("{}{rest}", first.to_lowercase());
    let message = format!(
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: {constraint}"
    );
    ApiError::new("ValidationError", message)
}

fn no_such_entity(message: String) -> ApiError {
    ApiError::new("NoSuchEntity", message).with_status(404)
}

fn no_such_role(name: &str) -> ApiError {
    no_such_entity(format!("The role with name {name} cannot be found."))
}

fn limit_exceeded(message: String) -> ApiError {
    ApiError::new("LimitExceeded", message).with_status(409)
}

fn protected(name: &str) -> ApiError {
    let message = format!(
        "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
    );
    ApiError::new("UnmodifiableEntity", message)
}

/// Tags as answers show them.
fn tag_list(tags: &BTreeMap<String, String>) -> Value {
    tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}
