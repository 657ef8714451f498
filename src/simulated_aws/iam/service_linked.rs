//! Roles that AWS's own services work with: one a service, made once in an account.

use std::collections::BTreeMap;

use serde_json::json;

use super::roles::fresh_id;
use super::{Role, required, shape};
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// Services and the names of their roles (aws-behaviour 10).
const KNOWN: &[(&str, &str)] = &[
    ("ecs.amazonaws.com", "AWSServiceRoleForECS"),
    ("elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing"),
    (
        "ecs.application-autoscaling.amazonaws.com",
        "AWSServiceRoleForApplicationAutoScaling_ECSService",
    ),
];

/// A second one of the same service is refused; to the caller that is success (aws-behaviour 10).
pub(super) fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let service = required(request, "AWSServiceName")?;
    let name = role_name(service).ok_or_else(|| {
        let message = format!("Service-linked roles are not known for {service}.");
        ApiError::new("InvalidInput", message)
    })?;
    if cloud.iam.role(name).is_ok() {
        let message = format!(
            "Service role name {name} has been taken in this account, please try a different suffix."
        );
        return Err(ApiError::new("InvalidInput", message));
    }
    make(cloud, service, name, request.text("Description"));
    let role = cloud.iam.role(name)?;
    Ok(json!({"Role": shape::role(cloud, role)}))
}

/// Makes the role of a service unless it is there, as the service itself does with its first
/// resource in an account. Services without such a role are left alone.
pub fn ensure_service_linked_role(cloud: &mut Cloud, service: &str) {
    if let Some(name) = role_name(service)
        && cloud.iam.role(name).is_err()
    {
        make(cloud, service, name, None);
    }
}

fn role_name(service: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(known, _)| *known == service).map(|(_, name)| *name)
}

fn make(cloud: &mut Cloud, service: &str, name: &str, description: Option<&str>) {
    let path = format!("/aws-service-role/{service}/");
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"},
        ],
    });
    let role = Role {
        name: name.to_owned(),
        id: fresh_id(cloud, "AROA"),
        arn: format!("arn:{}:iam::{ACCOUNT}:role{path}{name}", cloud.partition()),
        path,
        created: cloud.now,
        trust: trust.to_string(),
        description: description.map(str::to_owned),
        max_session_s: 3600,
        boundary: None,
        attached: Vec::new(),
        inline: BTreeMap::new(),
        tags: BTreeMap::new(),
    };
    cloud.iam.roles.insert(name.to_lowercase(), role);
}
