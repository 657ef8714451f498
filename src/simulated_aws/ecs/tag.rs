//! Tags on everything that has an ARN, and the account's settings.

use serde_json::{Value, json};

use super::error::{client, invalid};
use super::lookup::{definition_mut, page, required, service_key};
use super::model::{ServiceStatus, Tags};
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// The most tags that a resource carries (aws-behaviour 29).
const MOST_TAGS: usize = 50;

pub(super) fn tag(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    check_tags(request)?;
    let tags = tagged(cloud, required(request, "resourceArn")?)?;
    let mut changed = tags.clone();
    changed.extend(tags_of(request));
    if changed.len() > MOST_TAGS {
        return Err(too_many());
    }
    *tags = changed;
    Ok(json!({}))
}

pub(super) fn untag(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let tags = tagged(cloud, required(request, "resourceArn")?)?;
    for key in request.texts("tagKeys") {
        tags.remove(&key);
    }
    Ok(json!({}))
}

pub(super) fn list(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let tags = tagged(cloud, required(request, "resourceArn")?)?;
    Ok(json!({"tags": shown(tags)}))
}

/// The tags of a request's member `tags`.
pub(super) fn tags_of(request: Parameters<'_>) -> Tags {
    request.tags("tags")
}

/// Refuses keys and values that break the rules of aws-behaviour 29.
pub(super) fn check_tags(request: Parameters<'_>) -> Result<(), ApiError> {
    let tags = tags_of(request);
    if tags.len() < request.structures("tags").count() {
        return Err(invalid("Duplicate tag keys found. Please note that tag keys are unique."));
    }
    if tags.len() > MOST_TAGS {
        return Err(too_many());
    }
    for (key, value) in &tags {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(invalid("Tag keys have 1 to 128 characters, tag values at most 256."));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("Tag keys with the prefix aws: are reserved for AWS."));
        }
    }
    Ok(())
}

fn too_many() -> ApiError {
    invalid(format!("The number of tags exceeds the limit of {MOST_TAGS}."))
}

/// Tags as ECS shows them.
pub(super) fn shown(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
}

/// The tags of the resource with this ARN.
fn tagged<'c>(cloud: &'c mut Cloud, arn: &str) -> Result<&'c mut Tags, ApiError> {
    let prefix = cloud.arn("ecs", "");
    let resource = arn.strip_prefix(&prefix).ok_or_else(|| invalid("Invalid ARN."))?;
    let parts: Vec<&str> = resource.split('/').collect();
    let ecs = &mut cloud.ecs;
    match parts.as_slice() {
        ["cluster", name] => {
            let cluster = ecs.clusters.get_mut(*name).filter(|cluster| cluster.deleted.is_none());
            Ok(&mut cluster.ok_or_else(super::error::cluster_not_found)?.tags)
        }
        ["service", cluster, name] => {
            let service = ecs.services.get_mut(&service_key(cluster, name));
            let service = service.filter(|service| service.status == ServiceStatus::Active);
            Ok(&mut service.ok_or_else(super::error::service_not_found)?.tags)
        }
        ["task-definition", name] => Ok(&mut definition_mut(ecs, name)?.tags),
        ["task", _, id] => {
            let task = ecs.tasks.get_mut(*id);
            Ok(&mut task.ok_or_else(|| invalid("The specified task was not found."))?.tags)
        }
        ["service", _] => Err(client(
            "Long arn format must be used for tagging operations. Arn format is not long.",
        )),
        _ => Err(invalid("The specified resource cannot be tagged.")),
    }
}

/// Settings and what accounts have when nobody changed them.
const SETTINGS: [(&str, &str); 9] = [
    ("awsvpcTrunking", "disabled"),
    ("containerInsights", "disabled"),
    ("containerInstanceLongArnFormat", "enabled"),
    ("defaultLogDriverMode", "non-blocking"),
    ("fargateTaskRetirementWaitPeriod", "7"),
    ("guardDutyActivate", "off"),
    ("serviceLongArnFormat", "enabled"),
    ("tagResourceAuthorization", "off"),
    ("taskLongArnFormat", "enabled"),
];

/// Without `effectiveSettings` only what was changed is listed.
pub(super) fn account_settings(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let effective = request.flag("effectiveSettings").unwrap_or(false);
    let wanted = request.text("name");
    let root = format!("arn:{}:iam::{ACCOUNT}:root", cloud.partition());
    let changed = &cloud.ecs.account_settings;
    let settings = SETTINGS
        .iter()
        .filter(|(name, _)| wanted.is_none_or(|wanted| wanted == *name))
        .filter(|(name, _)| effective || changed.contains_key(*name))
        .map(|(name, default)| {
            let value = changed.get(*name).map_or(*default, String::as_str);
            let kind = if *name == "guardDutyActivate" { "aws_managed" } else { "user" };
            json!({"name": name, "value": value, "principalArn": root, "type": kind})
        })
        .collect();
    page(request, "settings", settings, 10)
}
