//! An AWS inside the program: what `--local` and the tests talk to.
//!
//! It stands behind the SDK's HTTP connector, so every request is really serialised, signed and
//! sent, and its answer really parsed. It behaves as `aws-behaviour.md` says, section by section;
//! where the two differ, this module is wrong.
//!
//! Rooms, each importing only from those above it:
//!
//! - [`wire`]: the four wire protocols, and nothing of any service.
//! - [`marker`]: where the next page of a list begins.
//! - [`clock`]: virtual time, which is tokio's, scaled.
//! - [`schedule`]: when something is due that is done once or at a rate.
//! - [`cloud`]: everything the account holds, and the passing of its time.
//! - one room a service: [`ec2`], [`iam`], [`logs`], [`elb`], [`ecs`], [`autoscaling`], [`sts`],
//!   [`servicequotas`], [`secretsmanager`], [`ssm`],
//!   [`scheduler`], [`sns`], [`cloudwatch`], [`s3`].
//! - [`cloudtrail`]: the history of the calls to all of them; those that call another tell it so.
//! - [`endpoint`]: takes a request in any protocol, finds its service, counts it, answers it.
//! - [`faults`]: what the real AWS does to its callers besides answering them.
//! - [`connector`]: the endpoint behind the SDK's HTTP client.
//! - [`store`]: the cloud in a file, between two runs and for several programs at once.
//! - [`serve`]: the endpoint behind a socket, for other programs' SDKs.

pub mod autoscaling;
pub mod clock;
pub mod cloud;
pub mod cloudtrail;
pub mod cloudwatch;
pub mod connector;
pub mod ec2;
pub mod ecs;
pub mod elb;
pub mod endpoint;
pub mod faults;
pub mod iam;
pub mod logs;
pub mod marker;
pub mod s3;
pub mod schedule;
pub mod scheduler;
pub mod secretsmanager;
pub mod serve;
pub mod servicequotas;
pub mod sns;
pub mod ssm;
pub mod store;
pub mod sts;
pub mod wire;

pub use clock::Clock;
pub use cloud::Cloud;
pub use endpoint::Endpoint;
