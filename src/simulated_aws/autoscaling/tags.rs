//! Tags of scalable targets.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::cloud::Cloud;
use super::super::wire::{Answer, ApiError, Parameters};
use super::scalable_target::ScalableTarget;
use super::{invalid, required};

/// How many tags a resource may have (aws-behaviour 29).
const MOST_TAGS: usize = 50;

/// The tags that a request brings, as an object of keys and values, checked.
pub fn read(request: Parameters<'_>) -> Result<BTreeMap<String, String>, ApiError> {
    let Some(Value::Object(members)) = request.value("Tags") else { return Ok(BTreeMap::new()) };
    members.iter().map(|(key, value)| checked(key, value.as_str().unwrap_or_default())).collect()
}

fn checked(key: &str, value: &str) -> Result<(String, String), ApiError> {
    let reserved = key.to_ascii_lowercase().starts_with("aws:");
    if reserved || key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
        return Err(invalid(format!("The tag '{key}' is reserved, or too long or too short")));
    }
    Ok((key.to_owned(), value.to_owned()))
}

pub fn tag(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let tags = read(request)?;
    let target = named(cloud, request)?;
    let mut merged = target.tags.clone();
    merged.extend(tags);
    if merged.len() > MOST_TAGS {
        return Err(ApiError::new("TooManyTagsException", "A resource can have 50 tags"));
    }
    target.tags = merged;
    Ok(json!({}))
}

pub fn untag(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let keys = request.texts("TagKeys");
    named(cloud, request)?.tags.retain(|key, _| !keys.contains(key));
    Ok(json!({}))
}

pub fn list(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    Ok(json!({"Tags": named(cloud, request)?.tags}))
}

fn named<'a>(
    cloud: &'a mut Cloud,
    request: Parameters<'_>,
) -> Result<&'a mut ScalableTarget, ApiError> {
    let arn = required(request, "ResourceARN")?;
    let mut targets = cloud.autoscaling.targets.values_mut();
    targets.find(|target| target.arn == arn).ok_or_else(|| {
        let message = format!("The resource {arn} does not exist");
        ApiError::new("ResourceNotFoundException", message)
    })
}
