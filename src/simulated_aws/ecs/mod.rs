//! The Elastic Container Service: clusters, task definitions, services, and tasks on Fargate.
//!
//! Operations answer from the account's state and change it; they start no task. That is the
//! [`scheduler`]'s, which looks at a service whenever something happened to it, and the
//! [`lifecycle`]'s, which takes each task from phase to phase. What runs inside is a [`workload`].
//!
//! Left out: container instances, task sets, external and blue/green deployments, daemons.

pub mod api;
mod cluster;
mod definition;
mod deployment;
mod error;
mod lifecycle;
mod lookup;
mod model;
mod scheduler;
mod service;
mod start;
mod tag;
mod task;
#[cfg(test)]
mod tests;
mod view;
pub mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::clock::Moment;
use super::cloud::Cloud;
use super::endpoint::unknown_operation;
use super::wire::{Answer, Parameters};
use model::{Cluster, Family, Service, Task};
use workload::Workload;

/// How long a deleted cluster or service, or a stopped task, can still be read (aws-behaviour
/// 17.d, 17.d3).
const TOMBSTONE: Duration = Duration::from_hours(1);

/// Who takes the roles of tasks on.
pub const TASKS: &str = "ecs-tasks.amazonaws.com";

/// What the account holds of ECS.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ecs {
    /// By name.
    pub clusters: BTreeMap<String, Cluster>,
    /// By name.
    pub families: BTreeMap<String, Family>,
    /// By `cluster/service`.
    pub services: BTreeMap<String, Service>,
    /// By id.
    pub tasks: BTreeMap<String, Task>,
    /// How images behave, by the beginning of their name; others run and answer 200.
    pub workloads: BTreeMap<String, Workload>,
    /// The beginnings of the `valueFrom` of secrets that cannot be read.
    pub unreadable_secrets: BTreeSet<String>,
    /// Whether there is no Fargate Spot capacity to be had.
    pub spot_is_sold_out: bool,
    /// What the account may have at most.
    #[serde(default)]
    pub quotas: Quotas,
    /// Settings of the account that differ from the defaults.
    pub account_settings: BTreeMap<String, String>,
}

/// What the account may have of Fargate at a time in a region.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quotas {
    /// Processors of tasks on demand.
    pub on_demand_vcpus: f64,
    /// Processors of tasks on spare capacity.
    pub spot_vcpus: f64,
}

impl Default for Quotas {
    /// Those of an account that AWS has known for a while; a new one begins with a few (28).
    fn default() -> Self {
        Self { on_demand_vcpus: 4000.0, spot_vcpus: 4000.0 }
    }
}

/// The roles that a task definition's tasks are started with and have; none for one that is not
/// there.
#[must_use]
pub fn roles_of(cloud: &Cloud, definition: &str) -> Vec<String> {
    let definition = lookup::definition(&cloud.ecs, definition);
    let members = ["executionRoleArn", "taskRoleArn"].into_iter();
    let named = |member| definition?.document.get(member)?.as_str().map(str::to_owned);
    members.filter_map(named).collect()
}

/// Answers an operation.
pub fn answer(cloud: &mut Cloud, operation: &str, request: Parameters<'_>) -> Answer {
    forget(cloud);
    match operation {
        "CreateCluster" => cluster::create(cloud, request),
        "DescribeClusters" => cluster::describe(cloud, request),
        "UpdateCluster" | "UpdateClusterSettings" => cluster::update(cloud, request),
        "PutClusterCapacityProviders" => cluster::put_capacity_providers(cloud, request),
        "DeleteCluster" => cluster::delete(cloud, request),
        "ListClusters" => cluster::list(cloud, request),
        "RegisterTaskDefinition" => definition::register(cloud, request),
        "DescribeTaskDefinition" => definition::describe(cloud, request),
        "ListTaskDefinitions" => definition::list(cloud, request),
        "ListTaskDefinitionFamilies" => definition::list_families(cloud, request),
        "DeregisterTaskDefinition" => definition::deregister(cloud, request),
        "DeleteTaskDefinitions" => definition::delete(cloud, request),
        "CreateService" => service::create(cloud, request),
        "DescribeServices" => service::describe(cloud, request),
        "UpdateService" => service::update(cloud, request),
        "DeleteService" => service::delete(cloud, request),
        "ListServices" => service::list(cloud, request),
        "DescribeServiceDeployments" => deployment::describe(cloud, request),
        "ListServiceDeployments" => deployment::list(cloud, request),
        "DescribeServiceRevisions" => deployment::describe_revisions(cloud, request),
        "StopServiceDeployment" => deployment::stop(cloud, request),
        "ListTasks" => task::list(cloud, request),
        "DescribeTasks" => task::describe(cloud, request),
        "StopTask" => task::stop(cloud, request),
        "RunTask" => task::run(cloud, request),
        "TagResource" => tag::tag(cloud, request),
        "UntagResource" => tag::untag(cloud, request),
        "ListTagsForResource" => tag::list(cloud, request),
        "ListAccountSettings" => tag::account_settings(cloud, request),
        _ => Err(unknown_operation(operation)),
    }
}

/// The next moment at which something changes by itself.
pub fn next_due(cloud: &Cloud) -> Option<Moment> {
    let tasks = cloud.ecs.tasks.values().flat_map(|task| [task.until, task.verdict_at]).flatten();
    let services = cloud.ecs.services.values().filter_map(|service| service.wake);
    tasks.chain(services).min()
}

/// Whether something was changed elsewhere that tasks are to notice.
pub fn is_touched(cloud: &Cloud) -> bool {
    lifecycle::answers_differently(cloud)
}

/// Lets everything happen that is due at `cloud.now`. Afterwards nothing here is due any more at
/// that moment.
pub fn pass(cloud: &mut Cloud) {
    lifecycle::pass(cloud);
    scheduler::pass(cloud);
}

/// Forgets what nobody can read any more.
fn forget(cloud: &mut Cloud) {
    let now = cloud.now;
    let lingers = |gone: Option<Moment>| gone.is_none_or(|gone| now.since(gone) < TOMBSTONE);
    cloud.ecs.clusters.retain(|_, cluster| lingers(cluster.deleted));
    cloud.ecs.services.retain(|_, service| lingers(service.inactive_since));
    cloud.ecs.tasks.retain(|_, task| task.interface.exists || lingers(task.stopped));
    definition::forget(cloud);
}

/// A moment as the JSON protocol writes it: seconds since 1970.
fn timestamp(cloud: &Cloud, moment: Moment) -> Value {
    let milliseconds = cloud.timestamp(moment).as_millisecond();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds fit into 52 bits for ages")]
    let seconds = milliseconds as f64 / 1000.0;
    seconds.into()
}
