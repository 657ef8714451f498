//! Log groups: made, read, changed, deleted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::page::page;
use super::{
    Class, Group, already_exists, group_arn, group_name, invalid, now_ms, required, tags, violated,
};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// Days that lines can be kept (aws-behaviour 11.f).
const RETENTIONS_DAYS: &[i64] = &[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];
const DELIVERY_RETENTION_DAYS: i64 = 2;
/// Groups on one page (aws-behaviour 21).
const MOST_ON_PAGE: usize = 50;

pub(super) fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = required(request, "logGroupName")?;
    check_name(name)?;
    let class = class(request)?;
    let key = key(request)?;
    let tags = tags::from(request)?;
    if cloud.logs.groups.contains_key(name) {
        return Err(already_exists("log group"));
    }
    let group = Group {
        created_ms: now_ms(cloud),
        class,
        retention_days: (class == Class::Delivery).then_some(DELIVERY_RETENTION_DAYS),
        key,
        delete_protected: request.flag("deletionProtectionEnabled").unwrap_or(false),
        tags,
        streams: BTreeMap::new(),
    };
    cloud.logs.groups.insert(name.to_owned(), group);
    Ok(json!({}))
}

/// A prefix finds its namesakes too: who looks for one group must compare names (aws-behaviour
/// 11.a). The group whose name is the prefix itself comes last, so that nobody gets by without.
pub(super) fn describe(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let sought = Sought::from(cloud, request)?;
    let class = request.has("logGroupClass").then(|| class(request)).transpose()?;
    let mut found: Vec<(String, Value)> = cloud
        .logs
        .groups
        .iter()
        .filter(|(name, group)| {
            sought.includes(name) && class.is_none_or(|class| group.class == class)
        })
        .map(|(name, group)| (sought.sort_key(name), shown(cloud, name, group)))
        .collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let page = page(request, MOST_ON_PAGE, found)?;
    Ok(json!({"logGroups": page.items, "nextToken": page.next}))
}

pub(super) fn put_retention(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = required(request, "logGroupName")?;
    let days = request.integer("retentionInDays").filter(|days| RETENTIONS_DAYS.contains(days));
    let days = days.ok_or_else(|| {
        let constraint = format!("Member must satisfy enum value set: {RETENTIONS_DAYS:?}");
        violated("retentionInDays", &constraint)
    })?;
    changeable_retention(cloud, name)?.retention_days = Some(days);
    Ok(json!({}))
}

pub(super) fn delete_retention(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = required(request, "logGroupName")?;
    changeable_retention(cloud, name)?.retention_days = None;
    Ok(json!({}))
}

pub(super) fn put_deletion_protection(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = group_name(cloud, request)?;
    let protected = request.flag("deletionProtectionEnabled");
    let protected = protected.ok_or_else(|| super::missing("deletionProtectionEnabled"))?;
    cloud.logs.group_mut(name)?.delete_protected = protected;
    Ok(json!({}))
}

pub(super) fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = required(request, "logGroupName")?;
    if cloud.logs.group(name)?.delete_protected {
        let message =
            format!("Log group {name} cannot be deleted: deletion protection is enabled.");
        return Err(ApiError::new("ValidationException", message));
    }
    cloud.logs.groups.remove(name);
    Ok(json!({}))
}

/// Which groups a request wants to see.
struct Sought<'a> {
    prefix: &'a str,
    pattern: &'a str,
    /// Any, when there are none.
    names: Vec<String>,
}

impl<'a> Sought<'a> {
    fn from(cloud: &Cloud, request: Parameters<'a>) -> Result<Self, ApiError> {
        let prefix = request.text("logGroupNamePrefix").unwrap_or_default();
        let pattern = request.text("logGroupNamePattern").unwrap_or_default();
        if !prefix.is_empty() && !pattern.is_empty() {
            return Err(invalid(
                "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
            ));
        }
        if request.texts("logGroupIdentifiers").len() > MOST_ON_PAGE {
            return Err(violated(
                "logGroupIdentifiers",
                "Member must have length less than or equal to 50",
            ));
        }
        let own = group_arn(cloud, "");
        let identifiers = request.texts("logGroupIdentifiers").into_iter();
        let names = identifiers.map(|one| one.strip_prefix(&own).unwrap_or(&one).to_owned());
        Ok(Self { prefix, pattern, names: names.collect() })
    }

    fn includes(&self, name: &str) -> bool {
        name.starts_with(self.prefix)
            && name.contains(self.pattern)
            && (self.names.is_empty() || self.names.iter().any(|sought| sought == name))
    }

    fn sort_key(&self, name: &str) -> String {
        format!("{}{name}", u8::from(name == self.prefix))
    }
}

fn shown(cloud: &Cloud, name: &str, group: &Group) -> Value {
    let arn = group_arn(cloud, name);
    let stored: usize =
        group.streams.values().flat_map(|stream| &stream.lines).map(|line| line.text.len()).sum();
    json!({
        "logGroupName": name,
        "creationTime": group.created_ms,
        "retentionInDays": group.retention_days,
        "metricFilterCount": 0,
        "arn": format!("{arn}:*"),
        "logGroupArn": arn,
        "storedBytes": stored,
        "kmsKeyId": group.key,
        "logGroupClass": group.class,
        "deletionProtectionEnabled": group.delete_protected,
    })
}

/// The group of which the retention is to be changed: not one of the class that fixes it.
fn changeable_retention<'a>(cloud: &'a mut Cloud, name: &str) -> Result<&'a mut Group, ApiError> {
    let group = cloud.logs.group_mut(name)?;
    if group.class == Class::Delivery {
        return Err(invalid("Retention of a log group of class DELIVERY cannot be changed."));
    }
    Ok(group)
}

/// 1 to 512 letters, digits and `._-/#`, not `aws/` in front (aws-behaviour 29).
fn check_name(name: &str) -> Result<(), ApiError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/#".contains(c);
    if !(1..=512).contains(&name.len()) {
        return Err(violated("logGroupName", "Member must have length between 1 and 512"));
    }
    if !name.chars().all(allowed) {
        let constraint = r"Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+";
        return Err(violated("logGroupName", constraint));
    }
    if name.starts_with("aws/") {
        return Err(invalid("Log groups starting with 'aws/' are reserved for AWS."));
    }
    Ok(())
}

fn class(request: Parameters<'_>) -> Result<Class, ApiError> {
    match request.text("logGroupClass") {
        None | Some("STANDARD") => Ok(Class::Standard),
        Some("INFREQUENT_ACCESS") => Ok(Class::InfrequentAccess),
        Some("DELIVERY") => Ok(Class::Delivery),
        Some(_) => {
            let values = "[STANDARD, INFREQUENT_ACCESS, DELIVERY]";
            let constraint = format!("Member must satisfy enum value set: {values}");
            Err(violated("logGroupClass", &constraint))
        }
    }
}

fn key(request: Parameters<'_>) -> Result<Option<String>, ApiError> {
    match request.text("kmsKeyId") {
        Some(key) if !key.starts_with("arn:") => {
            Err(invalid(format!("The specified KMS key ARN is invalid: {key}")))
        }
        key => Ok(key.map(str::to_owned)),
    }
}
