//! What the health checks met: the load balancer's, and the container's own.

use super::super::evidence::{Evidence, contains_any};
use super::super::finding::{Cause, Finding};
use super::listening::{Listening, listening};
use super::{events_of, quoted, repeated, telling_of, words};

/// What the load balancer's request met.
enum Met {
    Status(String),
    Nobody,
    Silence,
}

/// The load balancer's health checks fail.
///
/// Each task has the grace period before ECS stops it for that, so stopped ones are proof.
pub(super) fn load_balancer(evidence: &Evidence) -> Option<Finding> {
    let met = met(evidence)?;
    let stopped = telling_of(evidence, &["failed elb health checks"]);
    let finding = match met {
        Met::Status(status) => wrong_answer(evidence, &status),
        Met::Nobody => nobody_listens(evidence),
        Met::Silence => no_answer(evidence),
    };
    let unhealthy = evidence.targets.iter().filter(|target| target.state == "unhealthy");
    let seen = unhealthy.map(|target| format!("target {}: {}", target.address, target.description));
    Some(
        finding
            .said(events_of(evidence, &["is unhealthy in"]).into_iter().take(1))
            .said(seen.take(2))
            .said(words(&stopped))
            .said(quoted(log(evidence)))
            .lasting_if(stopped.len() >= repeated(evidence)),
    )
}

/// The log of a task that the checks fail.
fn log(evidence: &Evidence) -> &[String] {
    let logs = evidence.stopped.iter().map(|task| task.log.as_slice());
    let mut logs = std::iter::once(evidence.running_log.as_slice()).chain(logs);
    logs.find(|log| !log.is_empty()).unwrap_or_default()
}

/// What is said of unhealthy targets, now or in the events.
fn met(evidence: &Evidence) -> Option<Met> {
    let unhealthy = evidence.targets.iter().filter(|target| target.state == "unhealthy");
    let of_targets = unhealthy.map(|target| format!("{} {}", target.reason, target.description));
    let of_events = events_of(evidence, &["is unhealthy in"]).into_iter().map(str::to_owned);
    of_targets.chain(of_events).find_map(|said| told(&said))
}

fn told(said: &str) -> Option<Met> {
    if let Some((_, codes)) = said.split_once("with these codes: [") {
        let status = codes.split(']').next().unwrap_or_default();
        return Some(Met::Status(status.to_owned()));
    }
    if contains_any(said, &["target.timeout", "request timed out", "connection to target timed"]) {
        return Some(Met::Silence);
    }
    let refused = ["failedhealthchecks", "health checks failed", "connection refused"];
    contains_any(said, &refused).then_some(Met::Nobody)
}

fn wrong_answer(evidence: &Evidence, status: &str) -> Finding {
    let check = &evidence.health_check;
    let title = format!("the health check GET {} is answered with {status}", check.path);
    let finding = Finding::new(
        Cause::UnhealthyAnswer,
        title,
        format!(
            "The load balancer takes only {} for healthy, and ECS replaces the rest.",
            check.codes
        ),
    );
    let (path, codes) = (evidence.key("health_check.path"), evidence.key("health_check.codes"));
    let widen = format!("or take {status} for healthy: {codes}");
    match status.as_bytes().first() {
        _ if status == "404" => finding
            .remedy(format!("set {path} to a path that the program answers"))
            .remedy(format!("or have it answer {} with 200", check.path)),
        _ if matches!(status, "401" | "403") => finding
            .remedy("let the path be asked without credentials")
            .remedy(format!("or set {path} to one that may be"))
            .remedy(widen),
        Some(b'3') => finding.remedy(format!("set {path} to where it redirects")).remedy(widen),
        Some(b'5') => finding.remedy("the program itself fails: its log says why").remedy(format!(
            "if it is only slow to start, raise {}",
            evidence.key("grace_period_seconds")
        )),
        _ => finding
            .remedy(format!("set {path} to a path that is answered with {}", check.codes))
            .remedy(widen),
    }
}

fn nobody_listens(evidence: &Evidence) -> Finding {
    let port = evidence.port;
    let title = match listening(log(evidence)) {
        Some(Listening { port: Some(other), .. }) if other != port => {
            format!("the container listens on port {other}, and is asked on port {port}")
        }
        Some(Listening { local: true, .. }) => {
            format!(
                "the container listens on localhost only, where nobody else reaches port {port}"
            )
        }
        _ => format!("nothing in the container accepts connections on port {port}"),
    };
    Finding::new(
        Cause::ConnectionRefused,
        title,
        "The load balancer reaches the task, and the connection is refused: the program listens on \
         another port, on localhost only, or not yet.",
    )
    .remedy(format!("set {} to the port that the program listens on", evidence.key("port")))
    .remedy(format!("or have it listen on 0.0.0.0:{port}, not on 127.0.0.1 or localhost"))
    .remedy(format!("if it is only slow to start, raise {}", evidence.key("grace_period_seconds")))
}

fn no_answer(evidence: &Evidence) -> Finding {
    let check = &evidence.health_check;
    let within = check.timeout_seconds;
    Finding::new(
        Cause::HealthCheckTimeout,
        format!("the health check GET {} is not answered within {within} s", check.path),
        "Either the program is too slow, or packets do not reach it: a security group that does not \
         let the load balancer in drops them without a word.",
    )
    .remedy(format!(
        "look whether the program answers on port {} at all, and whether it has enough of {}",
        evidence.port,
        evidence.key("cpu")
    ))
    .remedy(format!("give it more time: {}", evidence.key("health_check.timeout_seconds")))
    .remedy("look whether `provision plan` finds rules of security groups that were changed")
}

/// The container's own health check fails.
pub(super) fn container(evidence: &Evidence) -> Option<Finding> {
    let stopped = telling_of(evidence, &["failed container health checks"]);
    let events = events_of(evidence, &["failed container health checks"]);
    (!stopped.is_empty() || !events.is_empty()).then(|| {
        let command = evidence.task.health_command.join(" ");
        Finding::new(
            Cause::ContainerUnhealthy,
            format!("the container's own health check fails: {command}"),
            "ECS runs this command in the container, and replaces the task when it ends with another \
             code than 0. A program that is not in the image, such as curl, fails too.",
        )
        .remedy(format!("correct {}", evidence.key("container_health_check.command")))
        .remedy(format!(
            "if it is only slow to start, raise {}",
            evidence.key("container_health_check.start_period_seconds")
        ))
        .said(words(&stopped))
        .said(events.into_iter().take(1))
        .said(quoted(log(evidence)))
        .lasting_if(stopped.len() >= repeated(evidence))
    })
}
