//! A target group: the tasks that requests go to, and how their health is told.

use serde::{Deserialize, Serialize};

use super::reference::text_newtypes;
use super::vpc::VpcId;
use super::{Handle, Input};

text_newtypes! {
    /// `arn:aws:elasticloadbalancing:…:targetgroup/<name>/<id>`.
    TargetGroupArn,
}

/// What is wanted of a target group: targets known by address, spoken to in HTTP/1.1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// The network that its targets live in.
    pub vpc: Input<VpcId>,
    /// The port of a target that names none of its own; tasks always do.
    pub port: u16,
    /// How the health of its targets is told.
    pub health_check: HealthCheck,
    /// How long a target that is leaving may finish what it is doing, in seconds.
    pub deregistration_delay_seconds: u32,
}

/// How the health of a target is told: a request, and the answers that count as healthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// What is asked for.
    pub path: String,
    /// From one request to the next.
    pub interval_seconds: u32,
    /// How long an answer may take; less than the interval.
    pub timeout_seconds: u32,
    /// How many good answers in a row make an unhealthy target healthy.
    pub healthy_threshold: u32,
    /// How many bad ones make a healthy target unhealthy.
    pub unhealthy_threshold: u32,
    /// The statuses that are good: `200`, `200,204` or `200-299`.
    pub codes: String,
}

/// What is known of a target group once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its ARN.
    pub arn: TargetGroupArn,
    /// Its name, unique in account and region.
    pub name: String,
    /// What metrics call it: `targetgroup/<name>/<id>`.
    pub full_name: String,
}

impl Handle<TargetGroup> {
    /// The target group's ARN.
    pub fn arn(&self) -> Input<TargetGroupArn> {
        self.output("arn")
    }

    /// What metrics call it: `targetgroup/<name>/<id>`.
    pub fn full_name(&self) -> Input<String> {
        self.output("full_name")
    }
}
