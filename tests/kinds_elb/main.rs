//! The kinds of load balancing and scaling, each through its whole life in the simulated AWS.

mod autoscaling;
mod balancing;
#[path = "../common/mod.rs"]
mod common;
mod shared_tags;
mod steps;
