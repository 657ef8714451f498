//! Tags of log groups, which are named by their ARN without `:*` (aws-behaviour 11.f).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Group, group_arn, invalid, no_such_group, required, violated};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// Tags of one log group.
const MOST_TAGS: usize = 50;

pub(super) fn tag(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let new = from(request)?;
    let group = group(cloud, request)?;
    let added = new.keys().filter(|key| !group.tags.contains_key(*key)).count();
    if group.tags.len() + added > MOST_TAGS {
        let message = format!("A resource can have no more than {MOST_TAGS} tags.");
        return Err(ApiError::new("TooManyTagsException", message));
    }
    group.tags.extend(new);
    Ok(json!({}))
}

pub(super) fn untag(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let keys = request.texts("tagKeys");
    group(cloud, request)?.tags.retain(|key, _| !keys.contains(key));
    Ok(json!({}))
}

pub(super) fn list(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    Ok(json!({"tags": group(cloud, request)?.tags}))
}

/// The tags that a request carries, as an object of keys and values.
pub(super) fn from(request: Parameters<'_>) -> Result<BTreeMap<String, String>, ApiError> {
    let Some(tags) = request.value("tags") else { return Ok(BTreeMap::new()) };
    let tags: BTreeMap<String, String> = tags
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), Value::as_str(value)?.to_owned())))
        .collect();
    if tags.len() > MOST_TAGS {
        return Err(violated("tags", "Map value must have at most 50 entries"));
    }
    tags.iter().try_for_each(|(key, value)| check(key, value))?;
    Ok(tags)
}

fn check(key: &str, value: &str) -> Result<(), ApiError> {
    if !(1..=128).contains(&key.chars().count()) {
        return Err(violated("tags", "Map keys must have length between 1 and 128"));
    }
    if value.chars().count() > 256 {
        return Err(violated("tags", "Map values must have length of at most 256"));
    }
    if key.to_lowercase().starts_with("aws:") {
        return Err(invalid("Tag keys starting with 'aws:' are reserved."));
    }
    Ok(())
}

fn group<'a>(cloud: &'a mut Cloud, request: Parameters<'_>) -> Result<&'a mut Group, ApiError> {
    let arn = required(request, "resourceArn")?;
    if arn.ends_with(":*") {
        return Err(invalid("The ARN of a log group to be tagged must not end in ':*'."));
    }
    let prefix = group_arn(cloud, "");
    let name = arn.strip_prefix(&prefix).ok_or_else(no_such_group)?;
    cloud.logs.group_mut(name)
}
