//! What keeps ECS from starting tasks at all. No task tells of it: the service's events do.

use super::super::evidence::Evidence;
use super::super::finding::{Cause, Finding};
use super::{events_of, repeated, telling_of, words};

/// Somebody deletes the service while it is waited for.
pub(super) fn service_gone(evidence: &Evidence) -> Option<Finding> {
    let is_going = matches!(evidence.status.as_str(), "DRAINING" | "INACTIVE");
    is_going.then(|| {
        let title = format!("the service {} is being deleted", evidence.service);
        Finding::new(
            Cause::ServiceGone,
            title,
            "Somebody deleted it while its deployment was under way. It does not come back.",
        )
        .remedy("run `provision up` again when it is gone: it makes a new one")
        .said([format!("status: {}", evidence.status)])
        .lasting_if(true)
    })
}

/// ECS can't act as a role of the task. A role that was just made becomes usable within half a
/// minute (aws-behaviour 9), so it counts only when it was said again.
pub(super) fn role(evidence: &Evidence) -> Option<Finding> {
    const WORDS: &[&str] = &["unable to assume the role", "is unable to assume role"];
    let (events, tasks) = (events_of(evidence, WORDS), telling_of(evidence, WORDS));
    let times = events.len() + tasks.len();
    let role = events.iter().copied().chain(words(&tasks)).find_map(quoted_role)?;
    Some(
        Finding::new(
            Cause::RoleNotAssumable,
            format!("ECS can't act as the role {role}"),
            "Tasks start only when ECS can take on their roles: the role must exist, and its trust \
             policy must name ecs-tasks.amazonaws.com.",
        )
        .remedy("run `provision up` again: it makes the role and its trust policy as declared")
        .remedy(format!("look at it: `aws iam get-role --role-name {}`", name_of(&role)))
        .said(events.into_iter().take(1))
        .said(words(&tasks))
        .lasting_if(times >= 2),
    )
}

fn quoted_role(said: &str) -> Option<String> {
    match said.split('\'').nth(1) {
        Some(role) => Some(role.to_owned()),
        None => Some(super::arn_in(said)?.to_owned()),
    }
}

fn name_of(role: &str) -> &str {
    role.rsplit('/').next().unwrap_or(role)
}

/// The account may not run so much.
pub(super) fn quota(evidence: &Evidence) -> Option<Finding> {
    const WORDS: &[&str] = &[
        "reached the limit on the number of vcpus",
        "reached the limit on the number of tasks",
        "limit on the number of tasks you can run",
    ];
    let (events, tasks) = (events_of(evidence, WORDS), telling_of(evidence, WORDS));
    let times = events.len() + tasks.len();
    (times > 0).then(|| {
        Finding::new(
            Cause::QuotaReached,
            "the account's quota of Fargate is used up",
            "AWS limits how many vCPUs on Fargate an account may use at a time in each region. New \
             accounts often have a small limit. It does not rise by itself.",
        )
        .remedy(
            "ask for more: Service Quotas, AWS Fargate, \"Fargate On-Demand vCPU resource count\" \
             (`aws service-quotas list-service-quotas --service-code fargate`)",
        )
        .remedy(format!(
            "or ask for less: {} or {}, or stop other tasks of the account",
            evidence.key("count"),
            evidence.key("cpu")
        ))
        .said(events.into_iter().take(1))
        .said(words(&tasks))
        .lasting_if(times >= repeated(evidence))
    })
}

/// The subnets are full.
pub(super) fn addresses(evidence: &Evidence) -> Option<Finding> {
    const WORDS: &[&str] =
        &["insufficientfreeaddresses", "not have enough free addresses", "insufficient free"];
    let (events, tasks) = (events_of(evidence, WORDS), telling_of(evidence, WORDS));
    let times = events.len() + tasks.len();
    (times > 0).then(|| {
        Finding::new(
            Cause::NoFreeAddress,
            "the private subnets have no free address left",
            "Every task takes an address of its subnet. During a deployment old and new tasks run \
             side by side and need up to twice as many.",
        )
        .remedy("choose a larger `network.cidr`: the network is made anew")
        .remedy(format!("or lower {}", evidence.key("deployment.maximum_percent")))
        .said(events.into_iter().take(1))
        .said(words(&tasks))
        .lasting_if(times >= repeated(evidence))
    })
}

/// AWS has no machine to spare, which passes, though nobody knows when.
pub(super) fn capacity(evidence: &Evidence) -> Option<Finding> {
    const WORDS: &[&str] = &["capacity is unavailable at this time", "no fargate spot capacity"];
    let (events, tasks) = (events_of(evidence, WORDS), telling_of(evidence, WORDS));
    (!events.is_empty() || !tasks.is_empty()).then(|| {
        Finding::new(
            Cause::NoCapacity,
            "AWS has no capacity for the tasks at the moment",
            "Fargate Spot runs on what others leave over, and sometimes they leave nothing. ECS \
             goes on trying, and it can take minutes or hours.",
        )
        .remedy(format!(
            "wait, or have more of the tasks on demand: {} and {}, or {} = false",
            evidence.key("spot.base"),
            evidence.key("spot.on_demand_weight"),
            evidence.key("spot")
        ))
        .said(events.into_iter().take(1))
        .said(words(&tasks))
    })
}

/// AWS took spare capacity back. ECS replaces the task.
pub(super) fn interrupted(evidence: &Evidence) -> Option<Finding> {
    let tasks: Vec<_> =
        evidence.stopped.iter().filter(|task| task.code == "SpotInterruption").collect();
    (!tasks.is_empty()).then(|| {
        Finding::new(
            Cause::SpotInterrupted,
            format!("AWS took the capacity of {} tasks back", tasks.len()),
            "Tasks on Fargate Spot are stopped when AWS needs their machines. ECS starts others.",
        )
        .remedy(format!("have more of the tasks on demand: {}", evidence.key("spot.base")))
        .said(words(&tasks))
    })
}
