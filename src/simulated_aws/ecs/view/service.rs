//! Services, their deployments and events.

use serde_json::{Value, json};

use super::super::lookup::tasks_of;
use super::super::model::{
    Deployment, LoadBalancer, Network, Phase, Rollout, Service, Task, Template,
};
use super::super::service::PLATFORM;
use super::super::service::shown_configuration;
use super::super::tag::shown;
use super::super::timestamp;
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};

/// A service; tags are shown only on request (aws-behaviour 17.a).
pub(in super::super) fn service(cloud: &Cloud, service: &Service, with_tags: bool) -> Value {
    let template = &service.template;
    let tasks: Vec<&Task> = tasks_of(&cloud.ecs, service).collect();
    let fargate = template.launch_type.as_deref() != Some("EC2");
    let options = &service.options;
    let managed = !template.load_balancers.is_empty();
    let mut members = json!({
        "serviceArn": service.arn,
        "serviceName": service.name,
        "clusterArn": cloud.arn("ecs", &format!("cluster/{}", service.cluster)),
        "status": service.status,
        "desiredCount": service.desired,
        "runningCount": running(&tasks),
        "pendingCount": pending(&tasks),
        "launchType": template.launch_type,
        "platformVersion": fargate.then_some(&template.platform_version),
        "platformFamily": fargate.then_some("Linux"),
        "taskDefinition": template.task_definition,
        "loadBalancers": load_balancers(&template.load_balancers),
        "serviceRegistries": template.service_registries,
        "networkConfiguration": network(&template.network),
        "deploymentConfiguration": shown_configuration(&options.deployment),
        "deploymentController": {"type": "ECS"},
        "deployments": deployments(cloud, service, &tasks),
        "events": events(cloud, service),
        "createdAt": timestamp(cloud, service.created),
        "createdBy": format!("arn:{}:iam::{ACCOUNT}:root", cloud.partition()),
        "schedulingStrategy": "REPLICA",
        "enableECSManagedTags": options.managed_tags,
        "propagateTags": options.propagate_tags,
        "enableExecuteCommand": options.execute_command,
        "availabilityZoneRebalancing": options.zone_rebalancing,
        "placementConstraints": options.placement_constraints,
        "placementStrategy": options.placement_strategy,
        "healthCheckGracePeriodSeconds": options.health_check_grace.or(managed.then_some(0)),
        "roleArn": service_role(cloud),
        "currentServiceDeployment": service.deployments.first()
            .filter(|deployment| deployment.rollout == Rollout::InProgress)
            .map(|deployment| &deployment.record),
        "currentServiceRevisions": current_revisions(service, &tasks),
    });
    if !template.strategy.is_empty() {
        members["capacityProviderStrategy"] = json!(template.strategy);
    }
    if with_tags {
        members["tags"] = shown(&service.tags);
    }
    members
}

fn service_role(cloud: &Cloud) -> String {
    format!(
        "arn:{}:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
        cloud.partition()
    )
}

fn running(tasks: &[&Task]) -> usize {
    tasks.iter().filter(|task| task.phase == Phase::Running).count()
}

fn pending(tasks: &[&Task]) -> usize {
    tasks.iter().filter(|task| task.phase < Phase::Running).count()
}

fn started_by<'c>(tasks: &[&'c Task], deployment: &Deployment) -> Vec<&'c Task> {
    tasks.iter().copied().filter(|task| task.started_by == deployment.id).collect()
}

fn current_revisions(service: &Service, tasks: &[&Task]) -> Value {
    service
        .deployments
        .iter()
        .map(|deployment| summary(service, tasks, &deployment.revision))
        .collect()
}

/// A service revision and how many tasks it has.
pub(in super::super) fn revision_summary(cloud: &Cloud, service: &Service, arn: &str) -> Value {
    summary(service, &tasks_of(&cloud.ecs, service).collect::<Vec<_>>(), arn)
}

fn summary(service: &Service, tasks: &[&Task], arn: &str) -> Value {
    let current = service.deployments.iter().find(|deployment| deployment.revision == arn);
    let own = current.map_or_else(Vec::new, |deployment| started_by(tasks, deployment));
    json!({
        "arn": arn,
        "requestedTaskCount": running(&own) + pending(&own),
        "runningTaskCount": running(&own),
        "pendingTaskCount": pending(&own),
    })
}

fn deployments(cloud: &Cloud, service: &Service, tasks: &[&Task]) -> Value {
    let deployments = service.deployments.iter().enumerate();
    deployments
        .map(|(index, deployment)| {
            let own = started_by(tasks, deployment);
            let primary = index == 0;
            let alive = running(&own) + pending(&own);
            let mut members = json!({
                "id": deployment.id,
                "status": if primary { "PRIMARY" } else { "ACTIVE" },
                "desiredCount": if primary { json!(service.desired) } else { json!(alive) },
                "runningCount": running(&own),
                "pendingCount": pending(&own),
                "failedTasks": deployment.failed_tasks,
                "createdAt": timestamp(cloud, deployment.created),
                "updatedAt": timestamp(cloud, deployment.updated),
                "rolloutState": deployment.rollout,
                "rolloutStateReason": deployment.reason,
            });
            merge(&mut members, platform(&deployment.template));
            members["taskDefinition"] = json!(deployment.template.task_definition);
            members["networkConfiguration"] = network(&deployment.template.network);
            members
        })
        .collect()
}

/// Where a template's tasks run: the platform's concrete number, and launch type or strategy.
pub(in super::super) fn platform(template: &Template) -> Value {
    let latest = template.platform_version == "LATEST";
    let version = if latest { PLATFORM } else { template.platform_version.as_str() };
    let fargate = template.launch_type.as_deref() != Some("EC2");
    let strategy = (!template.strategy.is_empty()).then_some(&template.strategy);
    json!({
        "launchType": template.launch_type,
        "capacityProviderStrategy": strategy,
        "platformVersion": fargate.then_some(version),
        "platformFamily": fargate.then_some("Linux"),
    })
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

/// A network configuration; `null` where there is none.
pub(in super::super) fn network(network: &Network) -> Value {
    if network.subnets.is_empty() {
        return Value::Null;
    }
    json!({"awsvpcConfiguration": {
        "subnets": network.subnets,
        "securityGroups": network.security_groups,
        "assignPublicIp": if network.public_address { "ENABLED" } else { "DISABLED" },
    }})
}

/// The target groups of a service.
pub(in super::super) fn load_balancers(balancers: &[LoadBalancer]) -> Value {
    let shown = balancers.iter().map(|balancer| {
        json!({
            "targetGroupArn": balancer.target_group,
            "containerName": balancer.container,
            "containerPort": balancer.port,
        })
    });
    shown.collect()
}

/// The newest hundred events, the newest first.
fn events(cloud: &Cloud, service: &Service) -> Value {
    let shown = service.events.iter().map(|event| {
        json!({"id": event.id, "createdAt": timestamp(cloud, event.at), "message": event.message})
    });
    shown.collect()
}
