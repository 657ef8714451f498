//! What runs: the cluster, the task, and the service that keeps tasks running.

use std::collections::BTreeSet;

use super::balancer::Balancer;
use super::identity::Identity;
use super::network::Network;
use crate::config::{self, Insights};
use crate::graph::{Graph, Wait};
use crate::resource::Handle;
use crate::resource::cluster::{Cluster, ContainerInsights};
use crate::resource::log_group::LogGroup;
use crate::resource::service::{Capacity, Count, Service};
use crate::resource::subnet::Subnet;
use crate::resource::task_definition::{
    Architecture, Container, ContainerHealthCheck, TaskDefinition,
};

const FARGATE: &str = "FARGATE";
const FARGATE_SPOT: &str = "FARGATE_SPOT";

/// What a service stands among.
pub(super) struct Surroundings<'a> {
    pub region: &'a str,
    pub network: &'a Network,
    pub cluster: &'a Handle<Cluster>,
    pub identity: &'a Identity,
    pub balancer: &'a Balancer,
}

pub(super) fn add_cluster(graph: &mut Graph, config: &config::Cluster) -> Handle<Cluster> {
    let container_insights = match config.container_insights {
        Insights::Enabled => ContainerInsights::Enabled,
        Insights::Enhanced => ContainerInsights::Enhanced,
        Insights::Disabled => ContainerInsights::Disabled,
    };
    let capacity_providers = BTreeSet::from([FARGATE.to_owned(), FARGATE_SPOT.to_owned()]);
    graph.add("main", Cluster { container_insights, capacity_providers })
}

pub(super) fn add(
    graph: &mut Graph,
    name: &str,
    config: &config::Service,
    around: &Surroundings<'_>,
) -> Handle<Service> {
    let logs = graph.add(name, LogGroup { retention_days: config.log_retention_days });
    let spec = TaskDefinition {
        cpu: config.cpu,
        memory_mib: config.memory,
        architecture: match config.architecture {
            config::Architecture::X86_64 => Architecture::X86_64,
            config::Architecture::Arm64 => Architecture::Arm64,
        },
        execution_role: around.identity.execution.arn(),
        task_role: around.identity.task.arn(),
        container: container(name, config, &logs, around.region),
    };
    let task = graph.add(name, spec);
    if config.image_owner == config::ImageOwner::External {
        graph.leave_to_others(&task, "container.image");
    }
    let spec = Service {
        cluster: around.cluster.name(),
        task_definition: task.arn(),
        count: count(config),
        subnets: around.network.private.iter().map(Handle::<Subnet>::id).collect(),
        security_groups: BTreeSet::from([around.balancer.service_group.id()]),
        target_group: around.balancer.targets.arn(),
        container: name.to_owned(),
        port: config.port,
        capacity: capacity(config),
        grace_period_seconds: config.grace_period_seconds,
        minimum_healthy_percent: config.deployment.minimum_healthy_percent,
        maximum_percent: config.deployment.maximum_percent,
        rollback: config.deployment.rollback,
        execute_command: config.execute_command,
        propagate_tags: true,
    };
    let why = "ECS refuses a target group that no listener forwards to";
    let mut waits = vec![Wait::exists(&around.balancer.listener, why)];
    let why = "its tasks are asked only in zones where the load balancer is";
    waits.push(Wait::exists(&around.balancer.itself, why));
    waits.extend(around.network.way_out.iter().cloned());
    if config.execute_command {
        let why = "its tasks may let in a shell before they are started for it";
        waits.push(Wait::exists(&around.identity.task, why));
    }
    graph.add_after(name, spec, waits)
}

fn container(
    name: &str,
    config: &config::Service,
    logs: &Handle<LogGroup>,
    region: &str,
) -> Container {
    let health_check = config.container_health_check.clone().map(|check| ContainerHealthCheck {
        command: check.command,
        interval_seconds: check.interval_seconds,
        timeout_seconds: check.timeout_seconds,
        retries: check.retries,
        start_period_seconds: check.start_period_seconds,
    });
    Container {
        name: name.to_owned(),
        image: config.image.clone(),
        port: Some(config.port),
        environment: config.environment.clone(),
        secrets: config.secrets.clone(),
        log_group: logs.name(),
        log_region: region.to_owned(),
        log_stream_prefix: name.to_owned(),
        health_check,
        read_only_root: config.read_only_root,
        user: config.user.clone(),
        command: config.command.clone(),
        stop_timeout_seconds: config.stop_timeout_seconds,
    }
}

fn count(config: &config::Service) -> Count {
    match &config.autoscaling {
        None => Count::Fixed(config.count),
        Some(scaling) => {
            Count::Scaled { initial: config.count, minimum: scaling.min, maximum: scaling.max }
        }
    }
}

fn capacity(config: &config::Service) -> BTreeSet<Capacity> {
    let capacity =
        |provider: &str, base, weight| Capacity { provider: provider.into(), base, weight };
    match &config.spot {
        None => BTreeSet::from([capacity(FARGATE, 0, 1)]),
        Some(spot) => BTreeSet::from([
            capacity(FARGATE, spot.base, spot.on_demand_weight),
            capacity(FARGATE_SPOT, 0, spot.spot_weight),
        ]),
    }
}
