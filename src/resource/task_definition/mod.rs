//! An ECS task definition: what a task is made of.
//!
//! AWS changes nothing about a revision but its tags. A change is another revision of the same
//! family, and the earlier ones stay active: a service can only be rolled back to an active one
//! (aws-behaviour 13.d).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::log_group::LogGroupName;
use super::reference::text_newtypes;
use super::role::RoleArn;
use super::{Handle, Input};

text_newtypes! {
    /// `arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-dev-web:3`.
    TaskDefinitionArn,
}

/// What is wanted of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskDefinition {
    /// Its share of processors, in 1024ths of a vCPU.
    pub cpu: u32,
    /// Its memory, in MiB.
    pub memory_mib: u32,
    /// The processors that its image is built for.
    pub architecture: Architecture,
    /// The role with which ECS fetches the image and the secrets, and writes the logs.
    pub execution_role: Input<RoleArn>,
    /// The role that the program in the container has.
    pub task_role: Input<RoleArn>,
    /// The one container.
    pub container: Container,
}

/// A kind of processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Architecture {
    /// Intel's and AMD's.
    #[serde(rename = "X86_64")]
    X86_64,
    /// Graviton.
    #[serde(rename = "ARM64")]
    Arm64,
}

/// What is wanted of a task's container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Container {
    /// Its name in the task.
    pub name: String,
    /// What it runs: an image reference.
    pub image: String,
    /// The port that it listens on.
    pub port: u16,
    /// Environment variables, in clear.
    pub environment: BTreeMap<String, String>,
    /// Environment variables that ECS fills: the ARN of a secret or parameter by variable.
    pub secrets: BTreeMap<String, String>,
    /// Where its output goes.
    pub log_group: Input<LogGroupName>,
    /// The region of the log group.
    pub log_region: String,
    /// What the names of its log streams begin with.
    pub log_stream_prefix: String,
    /// How ECS asks the container itself whether it works.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub health_check: Option<ContainerHealthCheck>,
    /// Whether the container can't write to its root file system.
    pub read_only_root: bool,
    /// As whom it runs; `None` for the image's own user.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user: Option<String>,
    /// What is run; `None` for the image's own command.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub command: Option<Vec<String>>,
    /// How long it has between being asked to stop and being killed; `None` for AWS's 30 seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stop_timeout_seconds: Option<u32>,
}

/// How ECS asks a container whether it works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContainerHealthCheck {
    /// What is run in the container: `["CMD-SHELL", "curl -f localhost || exit 1"]`.
    pub command: Vec<String>,
    /// How long from one check to the next.
    pub interval_seconds: u32,
    /// How long a check may take.
    pub timeout_seconds: u32,
    /// How many failures in a row make it unhealthy.
    pub retries: u32,
    /// How long failures do not count after the start.
    pub start_period_seconds: u32,
}

/// What is known of a task definition once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// The ARN of the revision.
    pub arn: TaskDefinitionArn,
    /// What its revisions have in common.
    pub family: String,
    /// Which revision, from 1.
    pub revision: i32,
}

impl Handle<TaskDefinition> {
    /// The revision's ARN.
    pub fn arn(&self) -> Input<TaskDefinitionArn> {
        self.output("arn")
    }
}
