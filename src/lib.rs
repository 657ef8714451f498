//! Takes a container image to a running, load-balanced service on ECS Fargate.
//!
//! What the program does is a line from a file to AWS, and no room knows those after it:
//!
//! 1. [`config`] reads `provision.toml`; [`stack`] describes what it asks for as a [`graph`] of
//!    [`resource`]s, which speak to [`aws`].
//! 2. [`state`] knows what was made; [`observe`] reads how that is now.
//! 3. [`plan`] compares the three, and decides everything; [`execute`] does it, writes into the
//!    state what it is about to do and what came of it, and tells it as [`event`]s.
//! 4. [`drift`] tells what somebody else has changed, of one stack; [`fleet`] looks at many at once.
//! 5. [`diagnose`] finds out why a service does not come up, and [`verify`] asks one that does.
//! 6. [`report`] shows plans, events and states; the command line puts all of it together.
//!
//! [`simulated_aws`] is an AWS inside the program, behind the SDK's HTTP client: nothing else knows
//! that it is there. `docs/architecture.md` has the map and the terms.

pub mod aftermath;
pub mod aws;
mod cli;
pub mod config;
pub mod deployment;
pub mod diagnose;
pub mod drift;
pub mod event;
pub mod execute;
pub mod fleet;
pub mod graph;
pub mod import;
pub mod job;
pub mod names;
pub mod observe;
pub mod plan;
pub mod preflight;
pub mod recover;
pub mod report;
pub mod resource;
pub mod rollback;
#[cfg(feature = "simulated-aws")]
pub mod simulated_aws;
pub mod stack;
pub mod state;
pub mod survey;
pub mod trail;
pub mod verify;
pub mod watch;

pub use cli::main;
