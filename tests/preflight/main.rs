//! What is found before a run: each finding, what is not found, and what the program makes of it.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

#[path = "../harness/mod.rs"]
mod harness;

mod account;
#[cfg(feature = "simulated-aws")]
mod binary;
mod first_use;
mod quotas;
mod secrets;
mod unseen;

use harness::{World, config};
use provision::preflight::{Check, Finding, Preflight, Weight, look};

/// A look before `up` with `changes` to the smallest configuration.
async fn looked(world: &World, changes: &str) -> Preflight {
    look(&world.aws, &world.plan(&config(changes)).await).await
}

/// The findings that are not about roles which are made first.
async fn found(world: &World, changes: &str) -> Vec<Finding> {
    let all = looked(world, changes).await.findings.into_iter();
    all.filter(|finding| finding.check != Check::ServiceLinkedRole).collect()
}

/// Weight and title of each finding.
fn titles(findings: &[Finding]) -> Vec<(Weight, &str)> {
    findings.iter().map(|finding| (finding.weight, finding.title.as_str())).collect()
}
