//! Tags of load balancers, target groups, listeners and rules.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::cloud::Cloud;
use super::super::wire::{Answer, ApiError, Parameters};
use super::Elb;
use super::validate::{invalid, missing};

/// How many resources one call may name (aws-behaviour 21).
const MOST_RESOURCES: usize = 20;
/// How many tags a resource may have (aws-behaviour 29).
const MOST_TAGS: usize = 50;

/// The tags that a request brings, checked (aws-behaviour 29).
pub fn read(request: Parameters<'_>) -> Result<BTreeMap<String, String>, ApiError> {
    let tags = request.tags("Tags");
    if tags.len() < request.structures("Tags").count() {
        return Err(ApiError::new("DuplicateTagKeys", "Tag keys must be unique"));
    }
    for (key, value) in &tags {
        check(key, value)?;
    }
    within_limit(tags.len())?;
    Ok(tags)
}

fn check(key: &str, value: &str) -> Result<(), ApiError> {
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Err(invalid(format!("The tag key '{key}' cannot begin with 'aws:'")));
    }
    if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
        return Err(invalid(format!("The tag '{key}' has too long or too short a key or value")));
    }
    Ok(())
}

fn within_limit(count: usize) -> Result<(), ApiError> {
    if count > MOST_TAGS {
        return Err(ApiError::new("TooManyTags", format!("A resource can have {MOST_TAGS} tags")));
    }
    Ok(())
}

pub fn add(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let arns = resources(&cloud.elb, request)?;
    if !request.has("Tags") {
        return Err(missing("Tags"));
    }
    let tags = read(request)?;
    for arn in &arns {
        let mut merged = cloud.elb.tags.get(arn).cloned().unwrap_or_default();
        merged.extend(tags.clone());
        within_limit(merged.len())?;
    }
    for arn in arns {
        cloud.elb.tags.entry(arn).or_default().extend(tags.clone());
    }
    Ok(json!({}))
}

pub fn remove(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let keys = request.texts("TagKeys");
    for arn in resources(&cloud.elb, request)? {
        if let Some(tags) = cloud.elb.tags.get_mut(&arn) {
            tags.retain(|key, _| !keys.contains(key));
        }
    }
    Ok(json!({}))
}

pub fn describe(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let arns = resources(&cloud.elb, request)?;
    let shown = |arn: &String| {
        let tags = cloud.elb.tags.get(arn).into_iter().flatten();
        let tags: Vec<Value> =
            tags.map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        json!({"ResourceArn": arn, "Tags": tags})
    };
    Ok(json!({"TagDescriptions": arns.iter().map(shown).collect::<Vec<_>>()}))
}

/// The resources that a request names. One that does not exist fails all (aws-behaviour 21).
fn resources(elb: &Elb, request: Parameters<'_>) -> Result<Vec<String>, ApiError> {
    let arns = request.texts("ResourceArns");
    if arns.is_empty() {
        return Err(missing("ResourceArns"));
    }
    if arns.len() > MOST_RESOURCES {
        return Err(invalid(format!("At most {MOST_RESOURCES} resources can be described")));
    }
    arns.into_iter().map(|arn| existing(elb, &arn).map(|()| arn)).collect()
}

fn existing(elb: &Elb, arn: &str) -> Result<(), ApiError> {
    let not_found = |known: bool, code: &str, what: &str| {
        if known { Ok(()) } else { Err(ApiError::new(code, format!("{what} '{arn}' not found"))) }
    };
    match arn.split(':').nth(5).and_then(|resource| resource.split('/').next()) {
        Some("loadbalancer") => {
            not_found(elb.load_balancers.contains_key(arn), "LoadBalancerNotFound", "Load balancer")
        }
        Some("targetgroup") => {
            not_found(elb.target_groups.contains_key(arn), "TargetGroupNotFound", "Target group")
        }
        Some("listener") => {
            not_found(elb.listeners.contains_key(arn), "ListenerNotFound", "Listener")
        }
        Some("listener-rule") => not_found(super::rule::exists(elb, arn), "RuleNotFound", "Rule"),
        _ => Err(invalid(format!("'{arn}' is not a valid load balancing ARN"))),
    }
}
