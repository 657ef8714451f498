//! What an account holds of ECS. States that pass by themselves carry the moment at which they end.
//!
//! What AWS only stores and shows again (container definitions, network configurations) stays the
//! JSON that it came as, in AWS's canonical form; what the scheduler acts on is typed.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::elb::targets::TargetAnswer;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// A cluster; a deleted one stays as a tombstone (aws-behaviour 12.d).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cluster {
    pub name: String,
    pub tags: Tags,
    /// `containerInsights`, the only setting there is.
    pub container_insights: String,
    pub configuration: Value,
    pub service_connect_defaults: Value,
    pub capacity_providers: Vec<String>,
    pub default_strategy: Vec<Value>,
    /// When the last change of capacity providers is complete.
    pub providers_settled: Moment,
    pub deleted: Option<Moment>,
}

/// A family of task definitions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Family {
    /// The number of the newest revision, whether it still exists or not: none is used twice
    /// (aws-behaviour 13.b).
    pub newest: u32,
    pub revisions: BTreeMap<u32, TaskDefinition>,
}

/// One revision of a task definition.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TaskDefinition {
    pub family: String,
    pub revision: u32,
    pub arn: String,
    pub status: DefinitionStatus,
    pub tags: Tags,
    /// The members of the definition in AWS's canonical form (aws-behaviour 13.f).
    pub document: Map<String, Value>,
    pub registered: Moment,
    pub deregistered: Option<Moment>,
    pub delete_requested: Option<Moment>,
}

/// See aws-behaviour 13.d.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DefinitionStatus {
    Active,
    Inactive,
    DeleteInProgress,
}

/// A service; a deleted one stays as a tombstone for about an hour (aws-behaviour 17.d).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Service {
    pub name: String,
    /// The cluster's name.
    pub cluster: String,
    pub arn: String,
    pub status: ServiceStatus,
    pub created: Moment,
    pub desired: i64,
    pub client_token: Option<String>,
    /// What was asked at creation, to tell a repetition from another service of the same name.
    pub request: Value,
    pub tags: Tags,
    /// What the next deployment starts from.
    pub template: Template,
    pub options: Options,
    /// The primary deployment first.
    pub deployments: Vec<Deployment>,
    /// The newest first.
    pub events: VecDeque<ServiceEvent>,
    /// Every rollout there was, the newest first.
    pub history: Vec<ServiceDeployment>,
    pub revisions: Vec<ServiceRevision>,
    /// Whether the events have said that the service is steady since it last was not.
    pub steady: bool,
    /// When the scheduler looks at the service next, if nothing happens before.
    pub wake: Option<Moment>,
    pub inactive_since: Option<Moment>,
}

/// See aws-behaviour 17.d.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServiceStatus {
    Active,
    Draining,
    Inactive,
}

/// The settings of a service that a task is started from: a change of any starts a deployment
/// (aws-behaviour 17.f).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// The ARN of the task definition.
    pub task_definition: String,
    /// Absent when a capacity provider strategy is used.
    pub launch_type: Option<String>,
    pub strategy: Vec<Value>,
    pub platform_version: String,
    pub network: Network,
    pub load_balancers: Vec<LoadBalancer>,
    pub service_registries: Vec<Value>,
    pub service_connect: Value,
    pub volumes: Vec<Value>,
}

/// Where tasks get their network interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Network {
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    pub public_address: bool,
}

/// A target group that tasks are registered in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancer {
    pub target_group: String,
    pub container: String,
    pub port: u16,
}

/// The settings of a service that change without a deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    pub deployment: DeploymentConfiguration,
    /// Seconds during which a task's failed health checks count for nothing.
    pub health_check_grace: Option<u64>,
    pub zone_rebalancing: String,
    pub execute_command: bool,
    pub managed_tags: bool,
    pub propagate_tags: String,
    pub placement_constraints: Vec<Value>,
    pub placement_strategy: Vec<Value>,
}

/// How a service goes from one revision to the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeploymentConfiguration {
    pub maximum_percent: i64,
    pub minimum_healthy_percent: i64,
    pub strategy: String,
    pub bake_minutes: i64,
    pub alarms: Value,
    pub breaker: Breaker,
}

/// The deployment circuit breaker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Breaker {
    pub enable: bool,
    pub rollback: bool,
    pub reset_on_healthy_task: bool,
    pub threshold: Value,
}

/// One rollout as `DescribeServices` shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deployment {
    /// `ecs-svc/` and 19 digits: also what its tasks say that they were started by.
    pub id: String,
    pub template: Template,
    pub created: Moment,
    pub updated: Moment,
    pub rollout: Rollout,
    pub reason: String,
    /// Tasks that failed since one was last healthy.
    pub failed_tasks: i64,
    /// No task is started before this: the pause grows with the failures.
    pub launch_after: Moment,
    /// Since when all tasks are there and healthy.
    pub settled: Option<Moment>,
    /// The ARN of the service revision.
    pub revision: String,
    /// The ARN of the service deployment that is under way, or was.
    pub record: String,
}

/// See aws-behaviour 17.d2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Rollout {
    InProgress,
    Completed,
    Failed,
}

/// A line of a service's log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceEvent {
    pub id: String,
    pub at: Moment,
    pub message: String,
}

/// A rollout as `DescribeServiceDeployments` shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceDeployment {
    pub arn: String,
    pub status: ServiceDeploymentStatus,
    pub reason: Option<String>,
    pub created: Moment,
    pub updated: Moment,
    pub finished: Option<Moment>,
    /// The ARNs of the revisions that it replaces.
    pub sources: Vec<String>,
    pub target: String,
    pub breaker_triggered: bool,
    pub failures: i64,
    /// Why and when it was rolled back, and the ARN of the revision that came back.
    pub rollback: Option<(String, Moment, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServiceDeploymentStatus {
    Pending,
    InProgress,
    Successful,
    Stopped,
    RollbackInProgress,
    RollbackSuccessful,
    RollbackFailed,
}

/// A state of a service's template that was deployed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceRevision {
    pub arn: String,
    pub template: Template,
    pub created: Moment,
    /// Whether a rollout to it was ever complete, so that a failed one may come back to it.
    pub completed: bool,
}

/// A task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    pub id: String,
    pub arn: String,
    /// The cluster's name.
    pub cluster: String,
    /// The service's name, for a task of one.
    pub service: Option<String>,
    pub group: String,
    pub started_by: String,
    pub definition: String,
    pub launch_type: String,
    pub capacity_provider: Option<String>,
    pub platform_version: String,
    pub network: Network,
    pub load_balancers: Vec<LoadBalancer>,
    /// What its targets are known to answer, one a load balancer; none before it runs.
    pub answers: Vec<TargetAnswer>,
    pub overrides: Value,
    pub tags: Tags,
    pub execute_command: bool,
    pub phase: Phase,
    /// When the phase passes by itself.
    pub until: Option<Moment>,
    /// What will end the present phase, should nothing end it before.
    pub fate: Option<Stop>,
    /// When the container's own health check comes to its verdict.
    pub verdict_at: Option<Moment>,
    pub interface: TaskInterface,
    pub created: Moment,
    pub pull_started: Option<Moment>,
    pub pull_stopped: Option<Moment>,
    pub started: Option<Moment>,
    pub stopping: Option<Moment>,
    pub execution_stopped: Option<Moment>,
    pub stopped: Option<Moment>,
    pub stop: Option<Stop>,
    pub health: Health,
    /// Whether the task ever passed the checks that its deployment asks for.
    pub was_healthy: bool,
}

/// A task's network interface, whose facts outlive it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TaskInterface {
    pub attachment: String,
    pub subnet: String,
    pub zone: String,
    pub id: String,
    pub address: String,
    /// Whether EC2 still has it.
    pub exists: bool,
}

/// What a task is at, in the order in which it passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Phase {
    Provisioning,
    Pending,
    Running,
    /// Its targets are draining.
    Deactivating,
    /// Its containers are told to stop.
    Stopping,
    Deprovisioning,
    Stopped,
}

/// The verdict of a container's own health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Health {
    Unknown,
    Healthy,
    Unhealthy,
}

/// Why a task stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// `EssentialContainerExited`, `TaskFailedToStart` …
    pub code: String,
    pub reason: String,
    pub exit_code: Option<i64>,
    /// The name of the container that it was about; `None` when it was about all.
    pub container: Option<String>,
    /// What is said of the container itself.
    pub container_reason: Option<String>,
}

impl Stop {
    /// A stop that no container is to blame for.
    #[must_use]
    pub fn new(code: &str, reason: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            reason: reason.into(),
            exit_code: None,
            container: None,
            container_reason: None,
        }
    }
}

impl Phase {
    /// Whether the task is on its way to running, or there.
    #[must_use]
    pub fn is_alive(self) -> bool {
        self <= Self::Running
    }
}
