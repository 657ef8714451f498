//! From `provision.toml` to [`Config`]: every layer, every default, every check.
//!
//! The rule: nothing here knows AWS's interfaces, only what it accepts; and whoever holds a
//! [`Config`] need not check anything again.

mod model;
mod service;
mod values;

pub use model::{Cluster, Config, Insights, Nat, Network, Zones};
pub use service::{
    Architecture, Autoscaling, ContainerHealthCheck, Deployment, HealthCheck, Service, Spot,
    TaskPolicies,
};
