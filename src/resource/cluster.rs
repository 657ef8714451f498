//! An ECS cluster: where services run, and on whose capacity.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::reference::text_newtypes;
use super::{Handle, Input};

text_newtypes! {
    /// `shop-dev`.
    ClusterName,
}

/// What is wanted of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// How much CloudWatch measures of its tasks.
    pub container_insights: ContainerInsights,
    /// The capacity that its services may ask for: `FARGATE`, `FARGATE_SPOT`.
    pub capacity_providers: BTreeSet<String>,
}

/// How much CloudWatch measures of a cluster's tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContainerInsights {
    /// The cluster and its services.
    Enabled,
    /// Down to tasks and containers.
    Enhanced,
    /// Nothing but what is free.
    Disabled,
}

/// What is known of a cluster once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its name.
    pub name: ClusterName,
    /// Its ARN.
    pub arn: String,
}

impl Handle<Cluster> {
    /// The cluster's name.
    pub fn name(&self) -> Input<ClusterName> {
        self.output("name")
    }
}
