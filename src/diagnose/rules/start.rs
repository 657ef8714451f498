//! What keeps a task from starting, before any image is pulled: route, secrets, log group; and
//! what keeps its container from starting afterwards.

use super::super::evidence::{Evidence, StoppedTask, contains_any};
use super::super::finding::{Cause, Finding};
use super::{arn_in, repeated, telling_of, words};

/// Words for a place on the network that did not answer.
const UNREACHABLE: &[&str] = &[
    "i/o timeout",
    "context deadline exceeded",
    "client.timeout exceeded",
    "request canceled while waiting for connection",
    "no route to host",
    "network is unreachable",
    "no such host",
    "check your task network configuration",
    "connection issue between the task and",
];

/// Tasks that did not come as far as running.
fn unstarted(evidence: &Evidence) -> impl Iterator<Item = &StoppedTask> {
    let words = ["resourceinitializationerror", "cannotpull", "failed to resolve ref"];
    evidence.stopped.iter().filter(move |task| task.tells_of(&words))
}

/// Tasks reach neither registry nor secrets.
pub(super) fn no_route(evidence: &Evidence) -> Option<Finding> {
    let tasks: Vec<_> = unstarted(evidence).filter(|task| task.tells_of(UNREACHABLE)).collect();
    (!tasks.is_empty()).then(|| {
        Finding::new(
            Cause::NoRoute,
            "tasks have no way to the registry",
            "Tasks have no public address. They reach the image's registry, AWS's secrets and logs \
             only through a NAT gateway (or VPC endpoints) that the routes of their subnets name, \
             and only if their security group lets them out.",
        )
        .remedy("set `network.nat` to \"single\" or \"per-zone\"")
        .remedy(
            "if it is set: look whether `provision plan` finds routes, gateways or group rules \
             that were changed, and let `provision up` put them right",
        )
        .said(words(&tasks))
        .lasting_if(tasks.len() >= repeated(evidence))
    })
}

/// Words about a secret or parameter that is there, and does not hold what is asked for.
const MISFIT: &[&str] = &["did not contain json key", "looking for beginning of value"];

/// A secret is not there, or does not hold what is asked for.
pub(super) fn secret_missing(evidence: &Evidence) -> Option<Finding> {
    const MISSING: &[&str] = &[
        "can't find the specified secret",
        "parameternotfound",
        "invalid parameters:",
        "invalid ssm parameters",
        "marked for deletion",
    ];
    let tasks: Vec<_> = telling_of(evidence, &[MISSING, MISFIT].concat());
    let said = *words(&tasks).first()?;
    let secret = secret_in(said);
    let title = if contains_any(said, MISFIT) {
        format!("{secret} does not hold the value that is asked for")
    } else {
        format!("{secret} does not exist")
    };
    Some(
        Finding::new(
            Cause::SecretMissing,
            title,
            "ECS fetches every secret before it starts the container, and starts nothing when one \
             of them can't be had.",
        )
        .remedy("make it in this region, or give it a value (a secret without a value is missing)")
        .remedy(format!("or correct its ARN in {}", evidence.key("secrets")))
        .said(words(&tasks))
        .lasting_if(true),
    )
}

/// The execution role may not read a secret.
pub(super) fn secret_denied(evidence: &Evidence) -> Option<Finding> {
    const ACTIONS: &[&str] =
        &["secretsmanager:getsecretvalue", "ssm:getparameter", "kms:decrypt", "access to kms"];
    let denied = |task: &&StoppedTask| {
        task.tells_of(ACTIONS) && task.tells_of(&["accessdenied", "not authorized", "not allowed"])
    };
    let tasks: Vec<_> = evidence.stopped.iter().filter(denied).collect();
    let said = *words(&tasks).first()?;
    Some(
        Finding::new(
            Cause::SecretDenied,
            format!("tasks may not read {}", secret_in(said)),
            "ECS reads secrets as the task's execution role, which may read exactly those of the \
             configuration. A secret that is encrypted with a key of your own needs `kms:Decrypt` \
             as well, and a policy on the secret itself can refuse too.",
        )
        .remedy(format!(
            "look whether {} names this very secret, and run `provision up` again: it gives the \
             role what the configuration asks for",
            evidence.key("secrets")
        ))
        .remedy(format!(
            "look at the policies of the secret and of its key: they must let {} read it",
            or(&evidence.task.execution_role, "the execution role")
        ))
        .said(words(&tasks))
        .lasting_if(true),
    )
}

/// The log group that the task writes to is not there.
pub(super) fn log_group(evidence: &Evidence) -> Option<Finding> {
    const LOGS: &[&str] = &["cloudwatch log stream", "log group does not exist", "logger args"];
    let tasks = telling_of(evidence, LOGS);
    let is_missing = tasks.iter().any(|task| task.tells_of(&["does not exist"]));
    (!tasks.is_empty()).then(|| {
        let group = or(&evidence.task.log_group, "of the task");
        let title = if is_missing {
            format!("the log group {group} does not exist")
        } else {
            format!("tasks can't write to the log group {group}")
        };
        Finding::new(
            Cause::LogGroupMissing,
            title,
            "ECS opens a task's log stream before it starts the container, and starts nothing when \
             it can't.",
        )
        .remedy("run `provision up` again: it makes the log group and the role's right to it")
        .said(words(&tasks))
        .lasting_if(true)
    })
}

/// The container could not be started as it is described.
pub(super) fn cannot_start(evidence: &Evidence) -> Option<Finding> {
    let tasks = telling_of(evidence, &["cannotstartcontainer", "cannotcreatecontainer"]);
    (!tasks.is_empty()).then(|| {
        Finding::new(
            Cause::CannotStart,
            "the container can't be started",
            "The image was pulled, but its command could not be run: it is not in the image, may \
             not be executed, or the user to run it as does not exist.",
        )
        .remedy(format!(
            "look at {} and {}, or at ENTRYPOINT, CMD and USER of the image",
            evidence.key("command"),
            evidence.key("user")
        ))
        .said(words(&tasks))
        .lasting_if(tasks.len() >= repeated(evidence))
    })
}

/// `the secret arn:…`, as far as its name is said.
fn secret_in(said: &str) -> String {
    match arn_in(after_resource(said)) {
        Some(arn) if arn.contains(":parameter") => format!("the parameter {arn}"),
        Some(arn) => format!("the secret {arn}"),
        None => "a secret".into(),
    }
}

/// What follows `on resource:`: before it the refused role is named.
fn after_resource(said: &str) -> &str {
    said.split_once("on resource:").map_or(said, |(_, resource)| resource)
}

fn or<'t>(text: &'t str, otherwise: &'t str) -> &'t str {
    if text.is_empty() { otherwise } else { text }
}
