//! What a service is, as its user describes it.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::values;

/// What the policy of the task's role is called that lets a shell in.
pub const SHELL_POLICY: &str = "execute-command";

/// One service: tasks of one container image behind the load balancer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Service {
    /// The container image to run, such as `ghcr.io/acme/shop:1.4.2`.
    pub image: String,
    /// Who says which image runs: `stack` (this file), or `external`. Then `image` is only the one to
    /// begin with, and whoever deploys others, CI for example, is not in the way of `up`.
    pub image_owner: ImageOwner,
    /// The port that the container listens on.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// CPU units of one task; 1024 are one vCPU.
    #[schemars(extend("enum" = [256, 512, 1024, 2048, 4096, 8192, 16384]))]
    pub cpu: u32,
    /// Memory of one task, in MiB. Which amounts there are depends on `cpu`.
    pub memory: u32,
    /// The processor that the image was built for: `X86_64` or `ARM64`.
    pub architecture: Architecture,
    /// How many tasks run. With `autoscaling`, how many it begins with.
    #[schemars(range(max = 5000))]
    pub count: u32,
    /// Environment variables of the container.
    pub environment: BTreeMap<String, String>,
    /// Environment variables whose values are secrets: the variable's name, and the ARN of a
    /// Secrets Manager secret or an SSM parameter. The task may read exactly these.
    pub secrets: BTreeMap<String, String>,
    /// What to run in the container instead of the image's own command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// The user to run as, `name`, `uid` or `uid:gid`, instead of the image's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Whether the container's root file system is read-only.
    pub read_only_root: bool,
    /// Seconds between asking the container to stop and killing it, 2 to 120. ECS waits 30 unless
    /// told otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 120))]
    pub stop_timeout_seconds: Option<u32>,
    /// How the load balancer finds out whether a task works.
    pub health_check: HealthCheck,
    /// A command by which ECS finds out from within whether the container works; `false` for none.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "values::off_or")]
    #[schemars(schema_with = "values::off_or_schema::<ContainerHealthCheck>")]
    pub container_health_check: Option<ContainerHealthCheck>,
    /// Seconds after a task's start in which failed health checks do not count against it.
    #[schemars(range(max = 2_147_483_647))]
    pub grace_period_seconds: u32,
    /// Seconds that the load balancer lets open requests finish before it drops a task, up to 3600.
    #[schemars(range(max = 3600))]
    pub deregistration_delay_seconds: u32,
    /// Who may reach the load balancer, as CIDR blocks.
    #[serde(deserialize_with = "values::cidrs")]
    #[schemars(with = "Vec<String>")]
    pub ingress: Vec<Ipv4Net>,
    /// The port that the load balancer listens on, with HTTP.
    #[schemars(range(min = 1, max = 65535))]
    pub listener_port: u16,
    /// Days that logs are kept, or `"never"` when they never expire.
    #[serde(with = "values::retention")]
    #[schemars(schema_with = "values::retention::schema")]
    pub log_retention_days: Option<u32>,
    /// Runs part of the tasks on Fargate Spot, which is cheaper and may be taken away at two
    /// minutes' notice; `false` for none.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "values::off_or")]
    #[schemars(schema_with = "values::off_or_schema::<Spot>")]
    pub spot: Option<Spot>,
    /// Lets the number of tasks follow the load; `false` for none.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "values::off_or")]
    #[schemars(schema_with = "values::off_or_schema::<Autoscaling>")]
    pub autoscaling: Option<Autoscaling>,
    /// How a new version takes over.
    pub deployment: Deployment,
    /// What the container itself may do in AWS; nothing, unless said here.
    pub task_policies: TaskPolicies,
    /// Whether `aws ecs execute-command` may open a shell in the container. The task's role is given
    /// the right to let it in, and a change starts new tasks.
    pub execute_command: bool,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            image: String::new(),
            image_owner: ImageOwner::Stack,
            port: 8000,
            cpu: 256,
            memory: 512,
            architecture: Architecture::X86_64,
            count: 2,
            environment: BTreeMap::new(),
            secrets: BTreeMap::new(),
            command: None,
            user: None,
            read_only_root: false,
            stop_timeout_seconds: None,
            health_check: HealthCheck::default(),
            container_health_check: None,
            grace_period_seconds: 60,
            deregistration_delay_seconds: 30,
            ingress: vec![Ipv4Net::default()],
            listener_port: 80,
            log_retention_days: Some(30),
            spot: None,
            autoscaling: None,
            deployment: Deployment::default(),
            task_policies: TaskPolicies::default(),
            execute_command: false,
        }
    }
}

/// Who says which image runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImageOwner {
    /// The file.
    Stack,
    /// Somebody who deploys without it.
    External,
}

/// The processor that an image was built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Architecture {
    /// Intel and AMD, 64 bits.
    #[serde(rename = "X86_64")]
    X86_64,
    /// Graviton.
    #[serde(rename = "ARM64")]
    Arm64,
}

/// How the load balancer finds out whether a task works.
///
/// With the defaults a healthy task takes traffic within half a minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HealthCheck {
    /// The path to ask for.
    pub path: String,
    /// Seconds between two checks of a task, 5 to 300.
    #[schemars(range(min = 5, max = 300))]
    pub interval_seconds: u32,
    /// Seconds to wait for an answer, 2 to 120, and less than `interval_seconds`.
    #[schemars(range(min = 2, max = 120))]
    pub timeout_seconds: u32,
    /// Good answers in a row after which a task takes traffic, 2 to 10.
    #[schemars(range(min = 2, max = 10))]
    pub healthy_threshold: u32,
    /// Bad answers in a row after which a task is replaced, 2 to 10.
    #[schemars(range(min = 2, max = 10))]
    pub unhealthy_threshold: u32,
    /// The HTTP status codes that count as good: `200`, `200,204` or `200-299`.
    pub codes: String,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            path: "/health".into(),
            interval_seconds: 5,
            timeout_seconds: 3,
            healthy_threshold: 2,
            unhealthy_threshold: 3,
            codes: "200".into(),
        }
    }
}

/// A command by which ECS finds out from within whether a container works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContainerHealthCheck {
    /// The command: a line for the container's shell, or a list that begins with `CMD` or
    /// `CMD-SHELL`.
    #[serde(deserialize_with = "values::health_command")]
    #[schemars(schema_with = "values::text_or_list_schema")]
    pub command: Vec<String>,
    /// Seconds between two checks, 5 to 300.
    #[serde(default = "ContainerHealthCheck::default_interval")]
    #[schemars(range(min = 5, max = 300))]
    pub interval_seconds: u32,
    /// Seconds to wait for the command to end, 2 to 60.
    #[serde(default = "ContainerHealthCheck::default_timeout")]
    #[schemars(range(min = 2, max = 60))]
    pub timeout_seconds: u32,
    /// Failures in a row after which the container counts as unhealthy, 1 to 10.
    #[serde(default = "ContainerHealthCheck::default_retries")]
    #[schemars(range(min = 1, max = 10))]
    pub retries: u32,
    /// Seconds after the start in which failures do not count, up to 300.
    #[serde(default)]
    #[schemars(range(max = 300))]
    pub start_period_seconds: u32,
}

impl ContainerHealthCheck {
    fn default_interval() -> u32 {
        30
    }

    fn default_timeout() -> u32 {
        5
    }

    fn default_retries() -> u32 {
        3
    }
}

/// How tasks are shared out between Fargate and Fargate Spot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spot {
    /// How many tasks run on demand before any runs on Spot.
    #[schemars(range(max = 100_000))]
    pub base: u32,
    /// The share of all further tasks that runs on demand, relative to `spot_weight`.
    #[schemars(range(max = 1000))]
    pub on_demand_weight: u32,
    /// The share of all further tasks that runs on Spot, relative to `on_demand_weight`.
    #[schemars(range(max = 1000))]
    pub spot_weight: u32,
}

impl Default for Spot {
    fn default() -> Self {
        Self { base: 1, on_demand_weight: 1, spot_weight: 3 }
    }
}

/// Lets the number of tasks follow the load, by target tracking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Autoscaling {
    /// The fewest tasks.
    pub min: u32,
    /// The most tasks.
    #[schemars(range(max = 5000))]
    pub max: u32,
    /// The average CPU use to hold, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 100), extend("exclusiveMinimum" = 0))]
    pub cpu: Option<f64>,
    /// The average memory use to hold, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 100), extend("exclusiveMinimum" = 0))]
    pub memory: Option<f64>,
    /// The requests a minute that one task is to get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub requests_per_target: Option<f64>,
    /// Seconds between removing tasks and removing more.
    #[serde(default = "Autoscaling::default_scale_in")]
    pub scale_in_cooldown_seconds: u32,
    /// Seconds between adding tasks and adding more.
    #[serde(default = "Autoscaling::default_scale_out")]
    pub scale_out_cooldown_seconds: u32,
}

impl Autoscaling {
    fn default_scale_in() -> u32 {
        300
    }

    fn default_scale_out() -> u32 {
        60
    }
}

/// How a new version takes over from the old one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Deployment {
    /// How many tasks must stay healthy meanwhile, in percent of `count`.
    #[schemars(range(max = 100))]
    pub minimum_healthy_percent: u32,
    /// How many tasks may run meanwhile, in percent of `count`, 100 to 200.
    #[schemars(range(min = 100, max = 200))]
    pub maximum_percent: u32,
    /// Whether a deployment whose tasks won't run goes back to the last one that did.
    pub rollback: bool,
}

impl Default for Deployment {
    fn default() -> Self {
        Self { minimum_healthy_percent: 100, maximum_percent: 200, rollback: true }
    }
}

/// What a task's container may do in AWS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TaskPolicies {
    /// ARNs of managed policies, such as `arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess`.
    pub managed: BTreeSet<String>,
    /// Policies of its own by name: each a table in the form of an IAM policy, or its JSON as text.
    #[serde(deserialize_with = "values::policies")]
    #[schemars(schema_with = "values::policies_schema")]
    pub inline: BTreeMap<String, Value>,
}
