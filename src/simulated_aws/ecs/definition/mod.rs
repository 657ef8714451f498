//! Operations on task definitions (aws-behaviour 13).
//!
//! Every registration makes a new revision, be it equal to the one before; numbers are never used
//! again, and a revision never changes but for its tags.

mod canonical;
mod validate;

pub(super) use validate::is_ecr;

use std::time::Duration;

use serde_json::{Value, json};

use super::error::{client, invalid, no_definition};
use super::lookup::{definition as find, definition_mut, missing, page, required, short};
use super::model::{DefinitionStatus, Phase, ServiceStatus, TaskDefinition};
use super::tag::{check_tags, shown, tags_of};
use super::timestamp;
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// How long the deletion of a revision that nothing refers to takes (inferred).
const DELETION: Duration = Duration::from_mins(1);

pub(super) fn register(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    check_tags(request)?;
    validate::check(request)?;
    let document = canonical::document(cloud, request);
    let name = required(request, "family")?.to_owned();
    let arn_start = cloud.arn("ecs", &format!("task-definition/{name}"));
    let now = cloud.now;
    let family = cloud.ecs.families.entry(name.clone()).or_default();
    family.newest += 1;
    let definition = TaskDefinition {
        arn: format!("{arn_start}:{}", family.newest),
        family: name,
        revision: family.newest,
        status: DefinitionStatus::Active,
        tags: tags_of(request),
        document,
        registered: now,
        deregistered: None,
        delete_requested: None,
    };
    family.revisions.insert(definition.revision, definition.clone());
    Ok(json!({"taskDefinition": view(cloud, &definition), "tags": shown(&definition.tags)}))
}

pub(super) fn describe(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = required(request, "taskDefinition")?;
    let definition = find(&cloud.ecs, name).ok_or_else(no_definition)?;
    let with_tags = request.texts("include").iter().any(|include| include == "TAGS");
    let tags = if with_tags { shown(&definition.tags) } else { Value::Null };
    Ok(json!({"taskDefinition": view(cloud, definition), "tags": tags}))
}

pub(super) fn list(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let status = request.text("status").unwrap_or("ACTIVE");
    let family = request.text("familyPrefix");
    let all = cloud.ecs.families.iter().filter(|(name, _)| family.is_none_or(|f| f == *name));
    let revisions = all.flat_map(|(_, family)| family.revisions.values());
    let wanted = revisions.filter(|definition| json!(definition.status) == status);
    let mut arns: Vec<Value> = wanted.map(|definition| json!(definition.arn)).collect();
    if request.text("sort") == Some("DESC") {
        arns.reverse();
    }
    page(request, "taskDefinitionArns", arns, 100)
}

pub(super) fn list_families(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let prefix = request.text("familyPrefix").unwrap_or_default();
    let status = request.text("status").unwrap_or("ACTIVE");
    let families = cloud.ecs.families.iter().filter(|(name, family)| {
        let mut revisions = family.revisions.values();
        let active = revisions.any(|d| d.status == DefinitionStatus::Active);
        name.starts_with(prefix) && (status == "ALL" || active == (status == "ACTIVE"))
    });
    let names = families.map(|(name, _)| json!(name)).collect();
    page(request, "families", names, 100)
}

/// Services that use the revision go on with it (aws-behaviour 13.d).
pub(super) fn deregister(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let now = cloud.now;
    let definition = definition_mut(&mut cloud.ecs, required(request, "taskDefinition")?)?;
    if definition.status == DefinitionStatus::DeleteInProgress {
        return Err(client("The specified task definition is in the process of being deleted."));
    }
    definition.status = DefinitionStatus::Inactive;
    definition.deregistered.get_or_insert(now);
    let definition = definition.clone();
    Ok(json!({"taskDefinition": view(cloud, &definition)}))
}

/// Only inactive revisions can be deleted; others come back as failures (aws-behaviour 13.a).
pub(super) fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let names = request.texts("taskDefinitions");
    if names.is_empty() || names.len() > 10 {
        return Err(invalid("taskDefinitions must have 1 to 10 items."));
    }
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        match delete_one(cloud, &name) {
            Ok(definition) => deleted.push(view(cloud, &definition)),
            Err(failure) => failures.push(failure),
        }
    }
    Ok(json!({"taskDefinitions": deleted, "failures": failures}))
}

fn delete_one(cloud: &mut Cloud, name: &str) -> Result<TaskDefinition, Value> {
    let arn = full_arn(cloud, name);
    let now = cloud.now;
    let definition = definition_mut(&mut cloud.ecs, name).map_err(|_| missing(arn))?;
    if definition.status == DefinitionStatus::Active {
        return Err(json!({
            "arn": definition.arn,
            "reason": "The specified task definition is still in ACTIVE status. Please deregister \
                       the target and try again.",
        }));
    }
    definition.status = DefinitionStatus::DeleteInProgress;
    definition.delete_requested.get_or_insert(now);
    Ok(definition.clone())
}

fn full_arn(cloud: &Cloud, name: &str) -> String {
    cloud.arn("ecs", &format!("task-definition/{}", short(name)))
}

/// Forgets deleted revisions that no service and no task refers to (aws-behaviour 13.e).
pub(super) fn forget(cloud: &mut Cloud) {
    let now = cloud.now;
    let ecs = &mut cloud.ecs;
    let (services, tasks) = (&ecs.services, &ecs.tasks);
    let is_used = |arn: &str| {
        services.values().any(|service| {
            service.status != ServiceStatus::Inactive
                && service.deployments.iter().any(|d| d.template.task_definition == arn)
        }) || tasks.values().any(|task| task.phase != Phase::Stopped && task.definition == arn)
    };
    for family in ecs.families.values_mut() {
        family.revisions.retain(|_, definition| {
            let requested = definition.delete_requested;
            requested.is_none_or(|at| now.since(at) < DELETION || is_used(&definition.arn))
        });
    }
}

fn view(cloud: &Cloud, definition: &TaskDefinition) -> Value {
    let mut members = definition.document.clone();
    let moment = |at: Option<_>| at.map_or(Value::Null, |at| timestamp(cloud, at));
    members.insert("taskDefinitionArn".into(), json!(definition.arn));
    members.insert("family".into(), json!(definition.family));
    members.insert("revision".into(), json!(definition.revision));
    members.insert("status".into(), json!(definition.status));
    members.insert("registeredAt".into(), timestamp(cloud, definition.registered));
    members.insert(
        "registeredBy".into(),
        json!(format!("arn:{}:iam::{ACCOUNT}:root", cloud.partition())),
    );
    members.insert("deregisteredAt".into(), moment(definition.deregistered));
    members.insert("deleteRequestedAt".into(), moment(definition.delete_requested));
    Value::Object(members)
}

/// The container definitions of a task definition.
pub(super) fn containers(definition: &TaskDefinition) -> &[Value] {
    definition
        .document
        .get("containerDefinitions")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Refuses a load balancer that leads to no container's port, as services do.
pub(super) fn check_port(
    definition: &TaskDefinition,
    container: &str,
    port: u16,
) -> Result<(), ApiError> {
    let named = containers(definition).iter().find(|candidate| candidate["name"] == container);
    let Some(named) = named else {
        return Err(invalid(format!(
            "The container {container} does not exist in the task definition."
        )));
    };
    let mut mappings = named["portMappings"].as_array().into_iter().flatten();
    if mappings.any(|mapping| mapping["containerPort"].as_u64() == Some(u64::from(port))) {
        return Ok(());
    }
    Err(invalid(format!("The container {container} did not have a container port {port} defined.")))
}
