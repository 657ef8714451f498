//! Operations on service deployments and service revisions: the history of a service.

use serde_json::{Value, json};

use super::definition::containers;
use super::error::{client, invalid};
use super::lookup::{definition, missing, page, requested_service, required, short};
use super::model::{Service, ServiceDeployment, ServiceDeploymentStatus, ServiceRevision};
use super::{scheduler, timestamp, view};
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// The newest first.
pub(super) fn list(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let key = requested_service(cloud, request)?;
    let wanted = request.texts("status");
    let Some(service) = cloud.ecs.services.get(&key) else { return Ok(json!({})) };
    let matching = service.history.iter().filter(|deployment| {
        wanted.is_empty() || wanted.iter().any(|status| json!(deployment.status) == **status)
    });
    let shown = matching.map(|deployment| brief(cloud, service, deployment)).collect();
    page(request, "serviceDeployments", shown, 20)
}

pub(super) fn describe(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let arns = request.texts("serviceDeploymentArns");
    if arns.is_empty() || arns.len() > 20 {
        return Err(invalid("serviceDeploymentArns must have 1 to 20 items."));
    }
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    for arn in arns {
        match find(cloud, &arn) {
            Some((service, deployment)) => shown.push(full(cloud, service, deployment)),
            None => failures.push(missing(arn)),
        }
    }
    Ok(json!({"serviceDeployments": shown, "failures": failures}))
}

pub(super) fn describe_revisions(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let arns = request.texts("serviceRevisionArns");
    if arns.is_empty() || arns.len() > 20 {
        return Err(invalid("serviceRevisionArns must have 1 to 20 items."));
    }
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    for arn in arns {
        let mut services = cloud.ecs.services.values();
        let found = services.find_map(|service| {
            let mut revisions = service.revisions.iter();
            Some((service, revisions.find(|revision| revision.arn == arn)?))
        });
        match found {
            Some((service, found)) => shown.push(revision(cloud, service, found)),
            None => failures.push(missing(arn)),
        }
    }
    Ok(json!({"serviceRevisions": shown, "failures": failures}))
}

/// Stops a rollout that is under way: back to where it came from, or as it stands (aws-behaviour
/// 17.a).
pub(super) fn stop(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let arn = required(request, "serviceDeploymentArn")?.to_owned();
    let not_found = || {
        ApiError::new("ServiceDeploymentNotFoundException", "The service deployment was not found.")
    };
    let (service, deployment) = find(cloud, &arn).ok_or_else(not_found)?;
    if deployment.status != ServiceDeploymentStatus::InProgress {
        return Err(ApiError::new(
            "ConflictException",
            "The service deployment is not in a state in which it can be stopped.",
        ));
    }
    let key = super::lookup::service_key(&service.cluster, &service.name);
    match request.text("stopType") {
        Some("ROLLBACK") | None => scheduler::stop_rollout(cloud, &key, true)?,
        Some("ABORT") => scheduler::stop_rollout(cloud, &key, false)?,
        Some(other) => return Err(client(format!("Invalid stopType {other}."))),
    }
    Ok(json!({"serviceDeploymentArn": arn}))
}

fn find<'c>(cloud: &'c Cloud, arn: &str) -> Option<(&'c Service, &'c ServiceDeployment)> {
    cloud.ecs.services.values().find_map(|service| {
        let mut history = service.history.iter();
        Some((service, history.find(|deployment| deployment.arn == arn)?))
    })
}

fn brief(cloud: &Cloud, service: &Service, deployment: &ServiceDeployment) -> Value {
    let moment = |at: Option<Moment>| at.map_or(Value::Null, |at| timestamp(cloud, at));
    json!({
        "serviceDeploymentArn": deployment.arn,
        "serviceArn": service.arn,
        "clusterArn": cloud.arn("ecs", &format!("cluster/{}", service.cluster)),
        "createdAt": timestamp(cloud, deployment.created),
        "startedAt": timestamp(cloud, deployment.created),
        "finishedAt": moment(deployment.finished),
        "targetServiceRevisionArn": deployment.target,
        "status": deployment.status,
        "statusReason": deployment.reason,
    })
}

fn full(cloud: &Cloud, service: &Service, deployment: &ServiceDeployment) -> Value {
    let summary = |arn: &String| view::revision_summary(cloud, service, arn);
    let mut members = brief(cloud, service, deployment);
    members["updatedAt"] = timestamp(cloud, deployment.updated);
    members["sourceServiceRevisions"] = deployment.sources.iter().map(summary).collect();
    members["targetServiceRevision"] = summary(&deployment.target);
    members["deploymentConfiguration"] =
        super::service::shown_configuration(&service.options.deployment);
    members["deploymentCircuitBreaker"] = breaker(service, deployment);
    members["alarms"] = json!({"status": "DISABLED", "alarmNames": [], "triggeredAlarmNames": []});
    if let Some((reason, at, revision)) = &deployment.rollback {
        members["rollback"] = json!({
            "reason": reason,
            "startedAt": timestamp(cloud, *at),
            "serviceRevisionArn": revision,
        });
    }
    members
}

fn breaker(service: &Service, deployment: &ServiceDeployment) -> Value {
    let status = if !service.options.deployment.breaker.enable {
        "DISABLED"
    } else if deployment.breaker_triggered {
        "TRIGGERED"
    } else if deployment.finished.is_some() {
        "MONITORING_COMPLETE"
    } else {
        "MONITORING"
    };
    let mut current = service.deployments.iter();
    let current = current.find(|one| one.record == deployment.arn && !deployment.breaker_triggered);
    json!({
        "status": status,
        "failureCount": current.map_or(deployment.failures, |one| one.failed_tasks),
        "threshold": scheduler::threshold(service),
    })
}

fn revision(cloud: &Cloud, service: &Service, revision: &ServiceRevision) -> Value {
    let template = &revision.template;
    let definition = definition(&cloud.ecs, &template.task_definition);
    let images = definition.map_or(&[][..], containers).iter().map(|container| {
        let image = container["image"].as_str().unwrap_or_default();
        json!({
            "containerName": container["name"],
            "image": image,
            "imageDigest": view::digest(image),
        })
    });
    let mut members = view::platform(template);
    members["serviceRevisionArn"] = json!(revision.arn);
    members["serviceArn"] = json!(service.arn);
    members["clusterArn"] =
        json!(cloud.arn("ecs", &format!("cluster/{}", short(&service.cluster))));
    members["taskDefinition"] = json!(template.task_definition);
    members["loadBalancers"] = view::load_balancers(&template.load_balancers);
    members["serviceRegistries"] = json!(template.service_registries);
    members["networkConfiguration"] = view::network(&template.network);
    members["containerImages"] = images.collect();
    members["guardDutyEnabled"] = json!(false);
    members["createdAt"] = timestamp(cloud, revision.created);
    members
}
