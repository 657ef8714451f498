//! The program among the faults of the real AWS: each row of `aws-behaviour.md` that tells of one.

#![cfg(feature = "simulated-aws")]
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "what a test does not expect ends it; what a storm costs is told"
)]

mod classes;
mod documentation;
mod halting;
mod inventory;
mod reads;
mod removals;
mod rows;
mod runs;
mod storm;
mod world;
