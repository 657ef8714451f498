//! Takes a container image to a running, load-balanced service on ECS Fargate.

pub mod aftermath;
pub mod aws;
pub mod cli;
pub mod config;
pub mod deployment;
pub mod diagnose;
pub mod event;
pub mod execute;
pub mod graph;
pub mod observe;
pub mod plan;
pub mod report;
pub mod resource;
#[cfg(feature = "simulated-aws")]
pub mod simulated_aws;
pub mod stack;
pub mod state;
pub mod survey;
pub mod verify;
