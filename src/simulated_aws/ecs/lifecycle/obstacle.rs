//! What stands in the way of a task's start: registry, route, secrets, log group.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::Value;

use super::super::definition::{containers, is_ecr};
use super::super::lookup::definition;
use super::super::model::{Stop, Task};
use super::super::workload::{Pull, workload};
use super::containers::log_group;
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::ec2::firewall::{End, lets_through};
use crate::simulated_aws::ec2::interface::{InternetRoute, interface, internet_route};
use crate::simulated_aws::{iam, logs, secretsmanager, ssm};

/// How long the platform tries to reach what has no route.
const TIMEOUT: Duration = Duration::from_secs(130);
/// Where registries and other services are: somewhere on the internet.
const REGISTRY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// How long it takes to hear a no.
const REFUSAL: Duration = Duration::from_secs(12);

/// Something that will end a start.
pub(super) struct Obstacle {
    pub stop: Stop,
    /// How long after the pull began.
    pub shows_after: Duration,
}

/// What stands in the way, in the order in which Fargate comes across it.
pub(super) fn obstacle(cloud: &Cloud, task: &Task) -> Option<Obstacle> {
    let definition = definition(&cloud.ecs, &task.definition)?;
    let containers = containers(definition);
    let routed = reaches_internet(cloud, task);
    let role = definition.document.get("executionRoleArn").and_then(Value::as_str);
    let role = role.unwrap_or_default();
    containers.iter().find_map(|one| secret_obstacle(cloud, one, role, routed)).or_else(|| {
        containers
            .iter()
            .find_map(|one| image_obstacle(cloud, one, routed))
            .or_else(|| containers.iter().find_map(|one| log_obstacle(cloud, one)))
    })
}

/// Through a gateway only with a public address of its own, and only as far as its security groups
/// let it out. Endpoints inside the VPC are not asked.
fn reaches_internet(cloud: &Cloud, task: &Task) -> bool {
    let own = interface(cloud, &task.interface.id).map(End::of);
    if !own.is_some_and(|own| lets_through(cloud, &own, &End::unguarded(REGISTRY), 443)) {
        return false;
    }
    match internet_route(cloud, &task.interface.subnet) {
        InternetRoute::Gateway => task.network.public_address,
        InternetRoute::Nat { available } => available,
        InternetRoute::None => false,
    }
}

/// How the start of a task ends that can't have its secrets.
const NO_SECRETS: &str = "ResourceInitializationError: unable to pull secrets or registry auth:";

/// Secrets and the registry's password come before all else (aws-behaviour 20).
fn secret_obstacle(cloud: &Cloud, container: &Value, role: &str, routed: bool) -> Option<Obstacle> {
    let secrets = container["secrets"].as_array().into_iter().flatten();
    let asks = secrets.clone().next().is_some() || is_ecr(image(container));
    if asks && !routed {
        return Some(Obstacle {
            stop: failed(format!(
                "{NO_SECRETS} unable to retrieve secret or registry auth: service call has been \
                 retried 3 time(s): request send failed: dial tcp: i/o timeout. Please check your \
                 task network configuration."
            )),
            shows_after: TIMEOUT,
        });
    }
    let why = secrets
        .filter_map(|secret| secret["valueFrom"].as_str())
        .find_map(|from| refusal(cloud, role, from))?;
    Some(Obstacle {
        stop: failed(format!(
            "{NO_SECRETS} execution resource retrieval failed: unable to retrieve secret from {why}"
        )),
        shows_after: REFUSAL,
    })
}

/// Why a role does not get the value that a container takes from somewhere: it may not, or there is
/// none.
fn refusal(cloud: &Cloud, role: &str, from: &str) -> Option<String> {
    let (store, action) = match from.split(':').nth(2) {
        Some("ssm") => ("ssm", "ssm:GetParameters"),
        _ => ("asm", "secretsmanager:GetSecretValue"),
    };
    let resource = whole(from);
    let tried = format!("{store}: service call has been retried 1 time(s)");
    if !iam::allows(cloud, role, action, &resource, &[]) {
        return Some(format!(
            "{tried}: failed to fetch secret {from}: AccessDeniedException: User: {role} is not \
             authorized to perform: {action} on resource: {resource} because no identity-based \
             policy allows the {action} action"
        ));
    }
    (!is_readable(cloud, from)).then(|| {
        format!(
            "{tried}: failed to fetch secret {from}: ResourceNotFoundException: Secrets Manager \
             can't find the specified secret."
        )
    })
}

/// The ARN of the whole secret, without the member, stage and version of it that are asked for:
/// seven parts.
fn whole(from: &str) -> String {
    from.split(':').take(7).collect::<Vec<_>>().join(":")
}

/// Whether the secret or parameter is there, and nobody keeps the task from it.
fn is_readable(cloud: &Cloud, from: &str) -> bool {
    let has_value = match from.split(':').nth(2) {
        Some("secretsmanager") => secretsmanager::has_value(cloud, from),
        Some("ssm") => ssm::has_value(cloud, from),
        _ => true,
    };
    has_value && !cloud.ecs.unreadable_secrets.iter().any(|start| from.starts_with(start))
}

fn image_obstacle(cloud: &Cloud, container: &Value, routed: bool) -> Option<Obstacle> {
    let image = image(container);
    let attempt = |times: u8| {
        format!(
            "CannotPullContainerError: pull image manifest has been retried {times} time(s): \
             failed to resolve ref {image}:"
        )
    };
    let reason = if routed {
        match workload(&cloud.ecs, image).pull {
            Pull::Works => return None,
            Pull::NotFound => format!("{} {image}: not found", attempt(1)),
            Pull::Denied => format!(
                "{} pull access denied, repository does not exist or may require authorization: \
                 server message: insufficient_scope: authorization failed",
                attempt(1)
            ),
            Pull::RateLimited => format!(
                "{} unexpected status from HEAD request: 429 Too Many Requests: toomanyrequests: \
                 You have reached your unauthenticated pull rate limit.",
                attempt(5)
            ),
            Pull::NoSuchPlatform => "CannotPullContainerError: image Manifest does not contain \
                                     descriptor matching platform 'linux/amd64'"
                .to_owned(),
        }
    } else {
        format!("{} failed to do request: dial tcp: i/o timeout", attempt(5))
    };
    let mut stop = failed(reason.clone());
    stop.container = container["name"].as_str().map(str::to_owned);
    stop.container_reason = Some(reason);
    Some(Obstacle { stop, shows_after: if routed { REFUSAL } else { TIMEOUT } })
}

fn log_obstacle(cloud: &Cloud, container: &Value) -> Option<Obstacle> {
    let group = log_group(container)?;
    let options = &container["logConfiguration"]["options"];
    let elsewhere = options["awslogs-region"] != *cloud.region;
    if elsewhere
        || options["awslogs-create-group"] == "true"
        || logs::log_group_exists(cloud, group)
    {
        return None;
    }
    Some(Obstacle {
        stop: failed(
            "ResourceInitializationError: failed to validate logger args: create stream has been \
             retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: \
             The specified log group does not exist.: exit status 1"
                .to_owned(),
        ),
        shows_after: REFUSAL * 2,
    })
}

fn failed(reason: String) -> Stop {
    Stop::new("TaskFailedToStart", reason)
}

fn image(container: &Value) -> &str {
    container["image"].as_str().unwrap_or_default()
}
