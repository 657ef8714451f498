//! What is there, for people and machines.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::board::short;
use super::clean;
use super::human::Look;
use super::paint::Paint;
use super::text::cut;
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
    pub targets: BTreeMap<String, usize>,
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
pub fn draw(status: &StackStatus, look: Look) -> String {
    let mut text = String::new();
    let StackStatus { stack, environment, account, region, .. } = status;
    let paint = look.paint;
    let title = paint.bold(format!("{stack} ({environment})"));
    let _ = writeln!(text, "{title} in {region}, account {account}");
    if let Some(url) = &status.url {
        let _ = writeln!(text, "{}", clean(url));
    }
    for service in &status.services {
        text.push('\n');
        draw_service(&mut text, service, paint);
    }
    text.push('\n');
    draw_resources(&mut text, &status.resources, look);
    for address in &status.in_doubt {
        let warning = paint.yellow("warning:");
        let _ = writeln!(text, "{warning} a run was interrupted while it worked on {address}");
    }
    text
}

fn draw_resources(text: &mut String, resources: &[ResourceStatus], look: Look) {
    let addresses = resources.iter().map(|one| one.address.to_string().len()).max();
    let states = resources.iter().map(|one| readiness(&one.readiness).chars().count());
    let (addresses, states) = (addresses.unwrap_or_default(), states.max().unwrap_or_default());
    for resource in resources {
        let (address, id) = (&resource.address, short(&resource.id));
        let state = format!("{:states$}", readiness(&resource.readiness));
        let state = match resource.readiness {
            Readiness::Ready => look.paint.green(state),
            Readiness::Pending(_) | Readiness::Leaving(_) => look.paint.yellow(state),
            Readiness::Failed(_) | Readiness::Absent => look.paint.red(state),
        };
        let line = format!("{address:addresses$}  {state}  {id}");
        // Why something failed is worth more than one line.
        let failed = matches!(resource.readiness, Readiness::Failed(_));
        let _ = writeln!(text, "{}", cut(&line, look.width.filter(|_| !failed)));
    }
}

fn draw_service(text: &mut String, service: &ServiceStatus, paint: Paint) {
    let ServiceStatus { name, desired, running, pending, .. } = service;
    let _ = writeln!(text, "service {}", paint.bold(clean(name)));
    let _ = writeln!(text, "  tasks    {running} running, {pending} pending, {desired} desired");
    let targets: Vec<String> =
        service.targets.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let targets = if targets.is_empty() { "none".to_owned() } else { targets.join(", ") };
    let _ = writeln!(text, "  targets  {targets}");
    let (runs, rollout) = (clean(&service.task_definition), clean(&service.rollout));
    let _ = writeln!(text, "  runs     {runs} (rollout {rollout})");
}

fn readiness(readiness: &Readiness) -> String {
    match readiness {
        Readiness::Ready => "ready".into(),
        Readiness::Pending(status) | Readiness::Leaving(status) => clean(status).into_owned(),
        Readiness::Failed(why) => format!("failed: {}", clean(why)),
        Readiness::Absent => "missing".into(),
    }
}

/// What is read first; the others follow by name.
const FIRST: [&str; 5] = ["url", "alb_dns_name", "cluster_name", "service_name", "log_group"];

/// What a user wants to know first of a stack that has come up, one a line.
pub fn headline(outputs: &BTreeMap<String, Value>) -> String {
    lines(FIRST.iter().filter_map(|name| outputs.get_key_value(*name)))
}

/// The outputs of a stack, one a line, the address first.
pub fn outputs(outputs: &BTreeMap<String, Value>) -> String {
    let first = FIRST.iter().filter_map(|name| outputs.get_key_value(*name));
    let rest = outputs.iter().filter(|(name, _)| !FIRST.contains(&name.as_str()));
    lines(first.chain(rest))
}

fn lines<'a>(outputs: impl Iterator<Item = (&'a String, &'a Value)>) -> String {
    let outputs: Vec<_> = outputs.collect();
    let widest = outputs.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    outputs.into_iter().fold(String::new(), |mut text, (name, value)| {
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
