//! Tags of roles: keys are unique ignoring case, and keep the case they came with (aws-behaviour 29).

use std::collections::BTreeMap;

use serde_json::json;

use super::{changeable_role, done, limit_exceeded, page, required, violated};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// Tags of one role.
const MOST_TAGS: usize = 50;

pub(super) fn tag(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let new = from(request)?;
    let role = changeable_role(cloud, request)?;
    let mut tags = role.tags.clone();
    tags.retain(|old, _| !new.keys().any(|key| key.eq_ignore_ascii_case(old)));
    tags.extend(new);
    check_count(&tags)?;
    role.tags = tags;
    done()
}

pub(super) fn untag(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let keys = request.texts("TagKeys");
    let role = changeable_role(cloud, request)?;
    role.tags.retain(|old, _| !keys.iter().any(|key| key.eq_ignore_ascii_case(old)));
    done()
}

pub(super) fn list(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let role = cloud.iam.role(required(request, "RoleName")?)?;
    let tags = role.tags.iter();
    let items = tags.map(|(key, value)| (key.clone(), json!({"Key": key, "Value": value})));
    page::page(request, "Tags", items.collect())
}

/// The tags that a request carries.
pub(super) fn from(request: Parameters<'_>) -> Result<BTreeMap<String, String>, ApiError> {
    let mut tags = BTreeMap::<String, String>::new();
    for tag in request.structures("Tags") {
        let key = required(tag, "Key")?;
        let value = required(tag, "Value")?;
        check(key, value)?;
        if tags.keys().any(|other| other.eq_ignore_ascii_case(key)) {
            let message =
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(ApiError::new("InvalidInput", message));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    check_count(&tags)?;
    Ok(tags)
}

fn check(key: &str, value: &str) -> Result<(), ApiError> {
    if !(1..=128).contains(&key.chars().count()) {
        return Err(violated("Tags.member.key", "Member must have length between 1 and 128"));
    }
    if value.chars().count() > 256 {
        return Err(violated("Tags.member.value", "Member must have length of at most 256"));
    }
    if key.to_lowercase().starts_with("aws:") {
        let message = "System tags cannot be added/updated/deleted by non-system entities.";
        return Err(ApiError::new("InvalidInput", message));
    }
    Ok(())
}

fn check_count(tags: &BTreeMap<String, String>) -> Result<(), ApiError> {
    if tags.len() > MOST_TAGS {
        let message = format!("The number of tags has reached the maximum limit of {MOST_TAGS}.");
        return Err(limit_exceeded(message));
    }
    Ok(())
}
