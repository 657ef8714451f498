//! A scalable target: the bounds between which a service's count is moved.

use serde::{Deserialize, Serialize};

use super::Input;
use super::service::ScalingId;

/// What is wanted of a scalable target: the desired count of one service, between two bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScalableTarget {
    /// The service whose count it is.
    pub service: Input<ScalingId>,
    /// The fewest tasks.
    pub minimum: u32,
    /// The most tasks.
    pub maximum: u32,
}

/// What is known of a scalable target once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// The service whose count it is: what AWS knows it by.
    pub service: ScalingId,
    /// Its ARN, which its tags hang on; targets made before there were any have none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub arn: Option<String>,
}
