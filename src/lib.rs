//! Takes a container image to a running, load-balanced service on ECS Fargate.

pub mod aws;
pub mod config;
pub mod resource;
#[cfg(feature = "simulated-aws")]
pub mod simulated_aws;
