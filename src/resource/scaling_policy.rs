//! A scaling policy: what moves a service's count, so that a metric stays near a value.

use serde::{Deserialize, Serialize};

use super::Input;
use super::service::ScalingId;

/// What is wanted of a scaling policy: a metric that is to stay near a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScalingPolicy {
    /// The service whose count is moved.
    pub service: Input<ScalingId>,
    /// What is measured.
    pub metric: Metric,
    /// What it is to stay near: percent, or requests a minute.
    pub target_value: f64,
    /// The pause after taking tasks away before more are taken away, in seconds.
    pub scale_in_cooldown_seconds: u32,
    /// The pause after adding tasks before more are added, in seconds.
    pub scale_out_cooldown_seconds: u32,
}

/// What is measured of a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Its tasks' CPU, in percent of what they have, on average.
    Cpu,
    /// Its tasks' memory, in percent of what they have, on average.
    Memory,
    /// How many requests each task gets.
    RequestsPerTarget {
        /// The load balancer, as metrics call it.
        load_balancer: Input<String>,
        /// The target group, as metrics call it.
        target_group: Input<String>,
    },
    /// Something that this program does not declare. Only ever read.
    Other(String),
}

/// What is known of a scaling policy once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its ARN.
    pub arn: String,
    /// Its name, unique for its service.
    pub name: String,
    /// The service whose count it moves.
    pub service: ScalingId,
}
