//! An ECS service: tasks of one definition, kept running behind a target group.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::cluster::ClusterName;
use super::reference::text_newtypes;
use super::security_group::SecurityGroupId;
use super::subnet::SubnetId;
use super::target_group::TargetGroupArn;
use super::task_definition::TaskDefinitionArn;
use super::{Handle, Input};

text_newtypes! {
    /// `arn:aws:ecs:eu-west-1:123456789012:service/shop-dev/shop-dev-web`.
    ServiceArn,
    /// What Application Auto Scaling calls a service: `service/shop-dev/shop-dev-web`.
    ScalingId,
}

/// What is wanted of a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Where it runs.
    pub cluster: Input<ClusterName>,
    /// What its tasks are made of.
    pub task_definition: Input<TaskDefinitionArn>,
    /// How many tasks it keeps running.
    pub count: Count,
    /// The networks that its tasks are spread over.
    pub subnets: BTreeSet<Input<SubnetId>>,
    /// Who may talk to its tasks.
    pub security_groups: BTreeSet<Input<SecurityGroupId>>,
    /// Where its tasks are registered.
    pub target_group: Input<TargetGroupArn>,
    /// Which container of a task takes the requests.
    pub container: String,
    /// The port on which that container takes them.
    pub port: u16,
    /// On whose capacity its tasks are placed.
    pub capacity: BTreeSet<Capacity>,
    /// How long failing health checks of the load balancer do not count after a task's start.
    pub grace_period_seconds: u32,
    /// How much of the count stays running during a deployment.
    pub minimum_healthy_percent: u32,
    /// How much of the count may run during a deployment.
    pub maximum_percent: u32,
    /// Whether a failed deployment is rolled back. The circuit breaker that notices is always on.
    pub rollback: bool,
    /// Whether one may run commands in its containers.
    pub execute_command: bool,
}

/// How many tasks a service keeps running: `2`, or bounds within which somebody else decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Count {
    /// So many.
    Fixed(u32),
    /// As many as the autoscaler says.
    Scaled {
        /// How many it begins with.
        initial: u32,
        /// The least that the autoscaler may say.
        minimum: u32,
        /// The most that the autoscaler may say.
        maximum: u32,
    },
}

/// A share of a service's tasks, and on whose capacity it is placed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Capacity {
    /// `FARGATE` or `FARGATE_SPOT`.
    pub provider: String,
    /// How many tasks it has before the weights count.
    pub base: u32,
    /// Its part of the rest, relative to the others'.
    pub weight: u32,
}

/// What is known of a service once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its ARN.
    pub arn: ServiceArn,
    /// Its name.
    pub name: String,
    /// The cluster that it runs in.
    pub cluster: ClusterName,
    /// Its name for the autoscaler.
    pub scaling_id: ScalingId,
    /// The deployment that the last create or update started: `ecs-svc/1234567890123456789`.
    ///
    /// A rollback makes another one the primary, which is how a rollback is told from a success
    /// (aws-behaviour 17.d2).
    pub deployment: String,
}

impl Handle<Service> {
    /// The service's name for the autoscaler.
    pub fn scaling_id(&self) -> Input<ScalingId> {
        self.output("scaling_id")
    }
}
