//! Finds clusters, services, definitions and tasks by what callers name them: names or ARNs.

use serde_json::{Value, json};

use super::Ecs;
use super::error::{cluster_not_found, invalid, no_definition, service_not_found};
use super::model::{Cluster, DefinitionStatus, Service, Task, TaskDefinition};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{ApiError, Parameters};

/// The key of a service among all services of the account.
pub(super) fn service_key(cluster: &str, service: &str) -> String {
    format!("{cluster}/{service}")
}

/// The part behind the last slash: a name from an ARN, and a name from itself.
pub(super) fn short(name_or_arn: &str) -> &str {
    name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
}

/// The name of the cluster that a request means; `default` when it names none.
pub(super) fn cluster_name(request: Parameters<'_>) -> &str {
    request.text("cluster").filter(|name| !name.is_empty()).map_or("default", short)
}

/// The active cluster that a request means.
pub(super) fn active_cluster<'c>(
    cloud: &'c Cloud,
    request: Parameters<'_>,
) -> Result<&'c Cluster, ApiError> {
    let cluster = cloud.ecs.clusters.get(cluster_name(request));
    cluster.filter(|cluster| cluster.deleted.is_none()).ok_or_else(cluster_not_found)
}

/// The key of the service that a request's member `service` means, in the cluster of the request.
///
/// # Errors
///
/// `ClusterNotFoundException`, `ServiceNotFoundException`.
pub(super) fn requested_service(
    cloud: &Cloud,
    request: Parameters<'_>,
) -> Result<String, ApiError> {
    let name = required(request, "service")?;
    let cluster = cloud.ecs.clusters.get(cluster_name(request)).ok_or_else(cluster_not_found)?;
    let key = service_key(&cluster.name, short(name));
    let service = cloud.ecs.services.get(&key).ok_or_else(service_not_found)?;
    if name.starts_with("arn:") && name != service.arn {
        return Err(service_not_found());
    }
    Ok(key)
}

/// The service of that key, which the caller has found before.
pub(super) fn service_of<'c>(ecs: &'c mut Ecs, key: &str) -> Result<&'c mut Service, ApiError> {
    ecs.services.get_mut(key).ok_or_else(service_not_found)
}

/// A text that must be there and not empty.
pub(super) fn required<'a>(request: Parameters<'a>, name: &str) -> Result<&'a str, ApiError> {
    let text = request.text(name).filter(|text| !text.is_empty());
    text.ok_or_else(|| invalid(format!("{name} can not be blank.")))
}

/// A task definition by `family`, `family:revision` or ARN; a family alone means its newest active
/// revision.
pub(super) fn definition<'c>(ecs: &'c Ecs, name: &str) -> Option<&'c TaskDefinition> {
    let (family, revision) = family_and_revision(name);
    let revisions = &ecs.families.get(family)?.revisions;
    match revision {
        Some(revision) => revisions.get(&revision.parse().ok()?),
        None => revisions.values().rev().find(|d| d.status == DefinitionStatus::Active),
    }
}

/// The family and, if it is named, the revision of a task definition's name or ARN.
pub(super) fn family_and_revision(name: &str) -> (&str, Option<&str>) {
    match short(name).split_once(':') {
        Some((family, revision)) => (family, Some(revision)),
        None => (short(name), None),
    }
}

/// A definition to change, by its exact revision.
pub(super) fn definition_mut<'c>(
    ecs: &'c mut Ecs,
    name: &str,
) -> Result<&'c mut TaskDefinition, ApiError> {
    let (family, revision) = family_and_revision(name);
    let revision = revision.ok_or_else(|| invalid("Revision is missing."))?;
    let family = ecs.families.get_mut(family).ok_or_else(no_definition)?;
    let number = revision
        .parse()
        .map_err(|_| invalid(format!("Invalid revision number. Number: {revision}")))?;
    family.revisions.get_mut(&number).ok_or_else(no_definition)
}

/// A definition that a task may be started from.
///
/// # Errors
///
/// `ClientException` when there is none, or it is not active (aws-behaviour 13.c, 13.d).
pub(super) fn usable_definition<'c>(
    ecs: &'c Ecs,
    name: &str,
) -> Result<&'c TaskDefinition, ApiError> {
    let found = definition(ecs, name);
    let found = found.ok_or_else(|| super::error::client("TaskDefinition not found."))?;
    if found.status == DefinitionStatus::Active {
        Ok(found)
    } else {
        Err(super::error::client("TaskDefinition is inactive"))
    }
}

/// The tasks of a service, in the order of their ids.
pub(super) fn tasks_of<'c>(ecs: &'c Ecs, service: &'c Service) -> impl Iterator<Item = &'c Task> {
    ecs.tasks.values().filter(move |task| {
        task.cluster == service.cluster && task.service.as_ref() == Some(&service.name)
            // A namesake from before has left only stopped tasks, which are older.
            && task.created >= service.created
    })
}

/// What a describe operation says of something that is not there.
pub(super) fn missing(arn: impl Into<String>) -> Value {
    json!({"arn": arn.into(), "reason": "MISSING"})
}

/// One page of a list: `maxResults` items, at most `most`, from where `nextToken` says.
pub(super) fn page(
    request: Parameters<'_>,
    member: &str,
    items: Vec<Value>,
    most: usize,
) -> Result<Value, ApiError> {
    let wrong = || invalid("Invalid token.");
    let start = match request.text("nextToken") {
        Some(token) => {
            token.strip_prefix("page-").and_then(|n| n.parse().ok()).ok_or_else(wrong)?
        }
        None => 0,
    };
    let size = request.integer("maxResults").and_then(|n| usize::try_from(n).ok()).unwrap_or(most);
    if !(1..=100.max(most)).contains(&size) {
        return Err(invalid("maxResults must be between 1 and 100."));
    }
    let next = (items.len() > start + size).then(|| format!("page-{}", start + size));
    let items: Vec<Value> = items.into_iter().skip(start).take(size).collect();
    Ok(json!({member: items, "nextToken": next}))
}
