//! `UpdateService`: what is omitted is kept; some changes start a deployment (aws-behaviour 17.f).

use serde_json::Value;

use super::super::cluster::check_strategy;
use super::super::cluster::strategy;
use super::super::error::{cluster_not_found, invalid, service_not_active};
use super::super::lookup::{active_cluster, requested_service, service_of, usable_definition};
use super::super::model::{Cluster, Service, ServiceStatus, Template};
use super::super::scheduler;
use super::create::{check_grace, desired_count};
use super::template::{check, load_balancers, network, platform_version, values};
use super::{answer_with, options};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

pub(in super::super) fn update(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    active_cluster(cloud, request)?;
    let key = requested_service(cloud, request)?;
    let mut service = service_of(&mut cloud.ecs, &key)?.clone();
    if service.status != ServiceStatus::Active {
        return Err(service_not_active());
    }
    service.desired = desired_count(request)?.unwrap_or(service.desired);
    let template = changed_template(cloud, &service, request)?;
    let deploys = starts_deployment(&service.template, &template, request);
    if deploys {
        check(cloud, usable_definition(&cloud.ecs, &template.task_definition)?, &template)?;
    }
    service.template = template;
    options::change(&mut service.options, request)?;
    let given = request.has("healthCheckGracePeriodSeconds");
    check_grace(
        service.template.load_balancers.is_empty() && given,
        service.options.health_check_grace,
    )?;
    cloud.ecs.services.insert(key.clone(), service);
    if deploys {
        scheduler::begin(cloud, &key)?;
    }
    scheduler::wake(cloud, &key);
    answer_with(cloud, &key)
}

fn changed_template(
    cloud: &Cloud,
    service: &Service,
    request: Parameters<'_>,
) -> Result<Template, ApiError> {
    let mut template = service.template.clone();
    if let Some(name) = request.text("taskDefinition") {
        template.task_definition.clone_from(&usable_definition(&cloud.ecs, name)?.arn);
    }
    if let Some(version) = platform_version(request)? {
        template.platform_version = version;
    }
    if request.has("networkConfiguration") {
        template.network = network(cloud, request)?;
    }
    if request.has("loadBalancers") {
        template.load_balancers = load_balancers(request)?;
    }
    for (member, list) in [
        ("serviceRegistries", &mut template.service_registries),
        ("volumeConfigurations", &mut template.volumes),
    ] {
        if request.has(member) {
            *list = values(request, member);
        }
    }
    if let Some(connect) = request.value("serviceConnectConfiguration") {
        template.service_connect = connect.clone();
    }
    if request.has("capacityProviderStrategy") {
        let cluster = cloud.ecs.clusters.get(&service.cluster).ok_or_else(cluster_not_found)?;
        change_strategy(&mut template, cluster, request)?;
    }
    Ok(template)
}

/// An empty strategy falls back to the launch type; a service that has none refuses it.
fn change_strategy(
    template: &mut Template,
    cluster: &Cluster,
    request: Parameters<'_>,
) -> Result<(), ApiError> {
    let wanted: Vec<Value> = strategy(request, "capacityProviderStrategy");
    if wanted == template.strategy && !wanted.is_empty() {
        return Ok(());
    }
    check_strategy(cluster, &wanted)?;
    if request.flag("forceNewDeployment") != Some(true) {
        return Err(invalid(
            "When updating the capacity provider strategy of a service, force new deployment must \
             be set to true.",
        ));
    }
    if wanted.is_empty() && template.strategy.is_empty() {
        return Err(invalid(
            "The capacity provider strategy of a service without one cannot be cleared.",
        ));
    }
    template.launch_type = wanted.is_empty().then(|| "FARGATE".to_owned());
    template.strategy = wanted;
    Ok(())
}

/// Blocks start one even when sent unchanged; single values only when they differ.
fn starts_deployment(old: &Template, new: &Template, request: Parameters<'_>) -> bool {
    const BLOCKS: [&str; 5] = [
        "networkConfiguration",
        "loadBalancers",
        "serviceRegistries",
        "serviceConnectConfiguration",
        "volumeConfigurations",
    ];
    request.flag("forceNewDeployment") == Some(true)
        || old != new
        || BLOCKS.iter().any(|block| request.has(block))
}
