//! What is there, for people and machines.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::clean;
use crate::resource::{Address, Readiness};

/// One resource as it is now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ResourceStatus {
    /// Where it stands.
    pub address: Address,
    /// CloudFormation's name of its kind.
    #[serde(rename = "type")]
    pub type_name: &'static str,
    /// What AWS calls it.
    pub id: String,
    /// What AWS says of it.
    pub readiness: Readiness,
}

/// A service as it runs now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ServiceStatus {
    /// Its name.
    pub name: String,
    /// How many tasks it is to have.
    pub desired: i32,
    /// How many run.
    pub running: i32,
    /// How many are starting.
    pub pending: i32,
    /// What it runs: `family:revision`.
    pub task_definition: String,
    /// What the last deployment is doing.
    pub rollout: String,
    /// How many targets are in each state of health.
    pub targets: std::collections::BTreeMap<String, usize>,
}

/// A stack as it is now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StackStatus {
    /// The stack's name.
    pub stack: String,
    /// Its environment.
    pub environment: String,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// Where it answers.
    pub url: Option<String>,
    /// Its services.
    pub services: Vec<ServiceStatus>,
    /// Its resources.
    pub resources: Vec<ResourceStatus>,
    /// What an interrupted run left in doubt.
    pub in_doubt: Vec<Address>,
}

/// Draws a stack's status.
pub fn draw(status: &StackStatus) -> String {
    let mut text = String::new();
    let StackStatus { stack, environment, account, region, .. } = status;
    let _ = writeln!(text, "{stack} ({environment}) in {region}, account {account}");
    if let Some(url) = &status.url {
        let _ = writeln!(text, "{}", clean(url));
    }
    for service in &status.services {
        draw_service(&mut text, service);
    }
    text.push('\n');
    let widest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or_default();
    let addresses = widest(&mut status.resources.iter().map(|one| one.address.to_string().len()));
    let ids = widest(&mut status.resources.iter().map(|one| short(&one.id).chars().count()));
    for resource in &status.resources {
        let (address, id) = (&resource.address, short(&resource.id));
        let state = readiness(&resource.readiness);
        let _ = writeln!(text, "{address:addresses$}  {id:ids$}  {state}");
    }
    for address in &status.in_doubt {
        let _ =
            writeln!(text, "{address} is in doubt: a run was interrupted while it worked on it");
    }
    text
}

fn draw_service(text: &mut String, service: &ServiceStatus) {
    let ServiceStatus { name, desired, running, pending, .. } = service;
    let _ = writeln!(
        text,
        "service {}: {running} running, {pending} pending, {desired} desired; {} {}",
        clean(name),
        clean(&service.task_definition),
        clean(&service.rollout),
    );
    let targets: Vec<String> =
        service.targets.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let targets = if targets.is_empty() { "none".to_owned() } else { targets.join(", ") };
    let _ = writeln!(text, "targets: {targets}");
}

/// The last part of an ARN: the rest is the same for all.
fn short(id: &str) -> String {
    let last = if id.starts_with("arn:") { id.splitn(6, ':').last().unwrap_or(id) } else { id };
    clean(last).into_owned()
}

fn readiness(readiness: &Readiness) -> String {
    match readiness {
        Readiness::Ready => "ready".into(),
        Readiness::Pending(status) | Readiness::Leaving(status) => clean(status).into_owned(),
        Readiness::Failed(why) => format!("failed: {}", clean(why)),
        Readiness::Absent => "missing".into(),
    }
}

/// The outputs of a stack, one a line.
pub fn outputs(outputs: &std::collections::BTreeMap<String, Value>) -> String {
    let widest = outputs.keys().map(String::len).max().unwrap_or_default();
    outputs.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name:widest$}  {}", bare(value));
        text
    })
}

/// A value as a shell wants it: text without quotes, lists with spaces between.
pub fn bare(value: &Value) -> String {
    match value {
        Value::String(text) => clean(text).into_owned(),
        Value::Array(items) => items.iter().map(bare).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
