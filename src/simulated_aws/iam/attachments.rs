//! Managed policies on roles.

use serde_json::{Value, json};

use super::managed::{self, Managed};
use super::{changeable_role, done, limit_exceeded, no_such_entity, page, required, shape};
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// Managed policies of one role (aws-behaviour 28).
const MOST_ATTACHED: usize = 10;

/// Attaching twice changes nothing (aws-behaviour 9.b).
pub(super) fn attach(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let arn = required(request, "PolicyArn")?;
    changeable_role(cloud, request)?;
    existing(cloud, arn)?;
    let role = changeable_role(cloud, request)?;
    if role.attached.iter().any(|attached| attached == arn) {
        return done();
    }
    if role.attached.len() >= MOST_ATTACHED {
        let message = format!("Cannot exceed quota for PoliciesPerRole: {MOST_ATTACHED}");
        return Err(limit_exceeded(message));
    }
    role.attached.push(arn.to_owned());
    done()
}

pub(super) fn detach(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let arn = required(request, "PolicyArn")?;
    let role = changeable_role(cloud, request)?;
    let place = role.attached.iter().position(|attached| attached == arn);
    let place = place.ok_or_else(|| no_such_entity(format!("Policy {arn} was not found.")))?;
    role.attached.remove(place);
    done()
}

pub(super) fn list(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let role = cloud.iam.role(required(request, "RoleName")?)?;
    let mut arns = role.attached.clone();
    arns.sort();
    let items = arns.into_iter().map(|arn| (arn.clone(), shown(&arn))).collect();
    page::page(request, "AttachedPolicies", items)
}

pub(super) fn get_policy(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let arn = required(request, "PolicyArn")?;
    let policy = existing(cloud, arn)?;
    Ok(json!({"Policy": described(cloud, policy, arn)}))
}

/// An attachment as lists show it.
pub(super) fn shown(arn: &str) -> Value {
    json!({"PolicyName": managed::name(arn), "PolicyArn": arn})
}

/// A policy with the counts of this account. AWS's own are older than the account.
fn described(cloud: &Cloud, policy: &Managed, arn: &str) -> Value {
    let roles = || cloud.iam.roles.values();
    let is_attached = |attached: &Vec<String>| attached.iter().any(|other| other == arn);
    let since = shape::time(cloud, Moment::default());
    json!({
        "PolicyName": policy.name,
        "PolicyId": managed::id(policy),
        "Arn": arn,
        "Path": policy.path,
        "DefaultVersionId": "v1",
        "AttachmentCount": roles().filter(|role| is_attached(&role.attached)).count(),
        "PermissionsBoundaryUsageCount":
            roles().filter(|role| role.boundary.as_deref() == Some(arn)).count(),
        "IsAttachable": true,
        "CreateDate": since,
        "UpdateDate": since,
    })
}

fn existing(cloud: &Cloud, arn: &str) -> Result<&'static Managed, ApiError> {
    managed::find(cloud, arn)
        .ok_or_else(|| no_such_entity(format!("Policy {arn} does not exist or is not attachable.")))
}
