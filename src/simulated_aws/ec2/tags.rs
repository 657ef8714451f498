//! Tags: on create, afterwards, and read back.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::bystander::{Endpoint, Instance};
use super::describe::{self, Filters, Listed, find, text};
use super::{Ec2, address, done, error, group, interface, internet_gateway, nat, route, rule};
use super::{subnet, vpc};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// How many tags a resource may have (aws-behaviour 29).
const TAGS_PER_RESOURCE: usize = 50;

/// How many resources one call may tag (aws-behaviour 21).
const RESOURCES_PER_CALL: usize = 1000;

type Tags = BTreeMap<String, String>;

/// The tags that a create asks for: those of its `TagSpecification` for this resource type.
pub(super) fn requested(request: Parameters<'_>, kind: &str) -> Result<Tags, ApiError> {
    let mut tags = Tags::new();
    for specification in request.structures("TagSpecification") {
        let wanted = specification.required("ResourceType")?;
        if wanted != kind {
            return Err(error::invalid_value(format!(
                "'{wanted}' is not a valid taggable resource type for this operation."
            )));
        }
        if !specification.has("Tag") {
            return Err(error::invalid_value("Tag specification must have at least one tag"));
        }
        tags.extend(valid(specification)?);
    }
    check_count(tags.len())?;
    Ok(tags)
}

/// The tags of a request or specification, if AWS would take them.
fn valid(request: Parameters<'_>) -> Result<Tags, ApiError> {
    let mut tags = Tags::new();
    for tag in request.structures("Tag") {
        let key = tag.required("Key")?;
        let value = tag.text("Value").unwrap_or_default();
        check(key, value)?;
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(error::invalid_value(format!("Duplicate tag key '{key}' specified.")));
        }
    }
    Ok(tags)
}

fn check(key: &str, value: &str) -> Result<(), ApiError> {
    if key.to_ascii_lowercase().starts_with("aws:") {
        let message = "Tag keys starting with 'aws:' are reserved for internal use";
        return Err(error::invalid_value(message));
    }
    if key.is_empty() || key.chars().count() > 128 {
        let message = "Tag key must be between 1 and 128 characters long.";
        return Err(error::invalid_value(message));
    }
    if value.chars().count() > 256 {
        let message = "Tag value exceeds the maximum length of 256 characters";
        return Err(error::invalid_value(message));
    }
    Ok(())
}

fn check_count(count: usize) -> Result<(), ApiError> {
    if count > TAGS_PER_RESOURCE {
        return Err(error::over_quota("TagLimitExceeded", "tags", TAGS_PER_RESOURCE));
    }
    Ok(())
}

/// Gives a new resource its tags.
pub(super) fn put(cloud: &mut Cloud, id: &str, tags: Tags) {
    if !tags.is_empty() {
        cloud.ec2.tags.entry(id.to_owned()).or_default().extend(tags);
    }
}

/// The `tagSet` of a resource.
pub(super) fn set(ec2: &Ec2, id: &str) -> Value {
    let tags = ec2.tags.get(id).into_iter().flatten();
    tags.map(|(key, value)| json!({"key": key, "value": value})).collect()
}

pub(super) fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let ids = resources(&cloud.ec2, request)?;
    let tags = valid(request)?;
    if tags.is_empty() {
        return Err(error::missing("The request must contain the parameter tagSet"));
    }
    for id in &ids {
        let mut all = cloud.ec2.tags.get(id).cloned().unwrap_or_default();
        all.extend(tags.clone());
        check_count(all.len())?;
    }
    for id in &ids {
        put(cloud, id, tags.clone());
    }
    Ok(done())
}

/// Deletes the tags named, those with a value only if they have it; all when none is named.
pub(super) fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    for id in resources(&cloud.ec2, request)? {
        let Some(tags) = cloud.ec2.tags.get_mut(&id) else { continue };
        let unwanted = |key: &str, value: &str| {
            !request.has("Tag")
                || request.structures("Tag").any(|tag| {
                    tag.text("Key") == Some(key)
                        && tag.text("Value").is_none_or(|expected| expected == value)
                })
        };
        tags.retain(|key, value| !unwanted(key, value));
    }
    Ok(done())
}

/// The ids that a request names, if all of them exist.
fn resources(ec2: &Ec2, request: Parameters<'_>) -> Result<Vec<String>, ApiError> {
    let ids = request.texts("ResourceId");
    if ids.is_empty() {
        return Err(error::missing("The request must contain the parameter resourceIdSet"));
    }
    if ids.len() > RESOURCES_PER_CALL {
        return Err(error::invalid_value("Too many resources in one request"));
    }
    for id in &ids {
        kind(ec2, id)?;
    }
    Ok(ids)
}

/// The resource type of an id, which its beginning tells; an error if nothing has the id.
fn kind(ec2: &Ec2, id: &str) -> Result<&'static str, ApiError> {
    fn known<T: Listed>(ec2: &Ec2, id: &str) -> Result<&'static str, ApiError> {
        find::<T>(ec2, id).map(|_| T::KIND)
    }
    match id.split('-').next().unwrap_or_default() {
        "vpc" => known::<vpc::Vpc>(ec2, id),
        "igw" => known::<internet_gateway::InternetGateway>(ec2, id),
        "subnet" => known::<subnet::Subnet>(ec2, id),
        "eipalloc" => known::<address::Address>(ec2, id),
        "nat" => known::<nat::NatGateway>(ec2, id),
        "rtb" => known::<route::RouteTable>(ec2, id),
        "sg" => known::<group::SecurityGroup>(ec2, id),
        "sgr" => known::<rule::Rule>(ec2, id),
        "eni" => known::<interface::Interface>(ec2, id),
        "vpce" => known::<Endpoint>(ec2, id),
        "i" => known::<Instance>(ec2, id),
        _ => Err(ApiError::new("InvalidID", format!("The ID '{id}' is not valid"))),
    }
}

pub(super) fn describe(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let filters = Filters::read(request);
    filters.check(&["key", "resource-id", "resource-type", "value"])?;
    let mut chosen = Vec::new();
    for (id, tags) in &cloud.ec2.tags {
        let Ok(kind) = kind(&cloud.ec2, id) else { continue };
        for (key, value) in tags {
            let values = |name: &str| match name {
                "key" | "tag-key" => text(key),
                "resource-id" => text(id),
                "resource-type" => text(kind),
                "value" => text(value),
                _ if name.strip_prefix("tag:") == Some(key) => text(value),
                _ => Vec::new(),
            };
            if filters.accept(values) {
                let tag = json!({
                    "resourceId": id, "resourceType": kind, "key": key, "value": value,
                });
                chosen.push((format!("{id} {key}"), tag));
            }
        }
    }
    let (shown, next) = describe::page(request, 1000, chosen)?;
    Ok(json!({"tagSet": shown, "nextToken": next}))
}
