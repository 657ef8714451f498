//! Takes a container image to a running, load-balanced service on ECS Fargate.
#[cfg(feature = "simulated-aws")]
pub mod simulated_aws;
