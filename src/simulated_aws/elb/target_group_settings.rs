//! Changes to a target group that stands: its health check and its attributes.

use serde_json::json;

use super::super::cloud::Cloud;
use super::super::wire::{Answer, Parameters};
use super::attributes::{self, TARGET_GROUP};
use super::target_group::{named, not_found, shown};

/// Merges health check settings: what the request leaves out stays (aws-behaviour 25.3).
pub fn modify(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let now = cloud.now;
    let present = named(&cloud.elb, request)?;
    let arn = present.arn.clone();
    let merged = present.health_check.merged(request)?;
    let group = cloud.elb.target_groups.get_mut(&arn).ok_or_else(not_found)?;
    if group.health_check != merged {
        group.health_check = merged;
        for target in &mut group.targets {
            target.foresee(&group.health_check, now);
        }
    }
    let group = named(&cloud.elb, request)?;
    Ok(json!({"TargetGroups": [shown(&cloud.elb, group)]}))
}

pub fn describe_attributes(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    Ok(attributes::shown(&named(&cloud.elb, request)?.attributes))
}

pub fn modify_attributes(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let group = named(&cloud.elb, request)?;
    let arn = group.arn.clone();
    let attributes = TARGET_GROUP.merged(&group.attributes, request)?;
    let answer = attributes::shown(&attributes);
    cloud.elb.target_groups.get_mut(&arn).ok_or_else(not_found)?.attributes = attributes;
    Ok(answer)
}
