//! A service's container and its health.

use std::collections::BTreeSet;

use super::Report;
use super::arn;
use super::policy::{self, Complaint};
use crate::config::fargate;
use crate::config::image::Reference;
use crate::config::service::{ContainerHealthCheck, HealthCheck, SHELL_POLICY, Service};

pub(super) fn check(service: &Service, region: &str, report: &mut Report<'_>) {
    check_image(service, report);
    check_size(service, report);
    check_variables(service, region, report);
    check_process(service, report);
    check_exposure(service, report);
    check_health(&service.health_check, report);
    if let Some(health) = &service.container_health_check {
        check_container_health(health, report);
    }
    check_policies(service, region, report);
}

/// How a reference to an image is written.
pub(super) const IMAGE_ADVICE: &str = "registry/repository:tag, such as `ghcr.io/acme/shop:1.4.2`";

fn check_image(service: &Service, report: &mut Report<'_>) {
    if !report.is_written("image") {
        let advice = "name the container image to run: `image = \"ghcr.io/acme/shop:1.4.2\"`, or give --image";
        report.wrong(&["image"], "the service has no `image`", advice);
    } else if let Err(why) = service.image.parse::<Reference>() {
        let message = format!("`{}` is not a reference to an image: {why}", service.image);
        report.wrong(&["image"], message, IMAGE_ADVICE);
    }
}

fn check_size(service: &Service, report: &mut Report<'_>) {
    let sizes = fargate::memory(service.cpu);
    if sizes.is_empty() {
        let message = format!("Fargate has no tasks of {} CPU units", service.cpu);
        let advice = format!("1024 units are one vCPU; there are {}", list(&fargate::CPU));
        report.wrong(&["cpu"], message, advice);
    } else if !sizes.contains(&service.memory) {
        let message = format!(
            "Fargate has no tasks of {} CPU units and {} MiB of memory",
            service.cpu, service.memory
        );
        let advice = format!("with {} units, memory is one of {}", service.cpu, list(&sizes));
        report.wrong(&["memory", "cpu"], message, advice);
    }
}

fn list(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

fn check_variables(service: &Service, region: &str, report: &mut Report<'_>) {
    let advice = "letters, digits, `_`, `.` and `-`, not beginning with a digit";
    for name in service.environment.keys().filter(|name| !is_variable(name)) {
        let message = format!("an environment variable can't be named `{name}`");
        report.wrong_key("environment", name, message, advice);
    }
    for (name, arn) in &service.secrets {
        if !is_variable(name) {
            let message = format!("an environment variable can't be named `{name}`");
            report.wrong_key("secrets", name, message, advice);
        }
        if service.environment.contains_key(name) {
            let message = format!("`{name}` is both a secret and a plain variable");
            report.wrong_key("secrets", name, message, "keep it in one of the two tables");
        }
        if let Some(complaint) = arn::of_secret(arn, region) {
            let message = format!("the secret `{name}` {}", complaint.message);
            report.wrong_entry("secrets", name, message, complaint.advice);
        }
    }
}

fn is_variable(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    first && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

/// Whether a text is a user, or one with its group ("ContainerDefinition" in the API reference).
fn is_user(text: &str) -> bool {
    let mut parts = text.splitn(2, ':');
    let is_part =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic() && b != b':');
    parts.all(is_part)
}

fn check_process(service: &Service, report: &mut Report<'_>) {
    if service.command.as_ref().is_some_and(Vec::is_empty) {
        report.wrong(&["command"], "the command is empty", "leave it out to run the image's own");
    }
    if service.user.as_ref().is_some_and(|user| user.trim().is_empty()) {
        report.wrong(&["user"], "the user is empty", "leave it out to run as the image's own");
    } else if let Some(user) = service.user.as_ref().filter(|user| !is_user(user)) {
        let message = format!("`{user}` is no user of a container");
        report.wrong(&["user"], message, "`name`, `uid` or `uid:gid`, such as `1000:1000`");
    }
    if let Some(seconds) = service.stop_timeout_seconds {
        report.within("stop_timeout_seconds", seconds, 2, 120);
    }
    report.within("grace_period_seconds", service.grace_period_seconds, 0, i32::MAX.unsigned_abs());
    report.within("deregistration_delay_seconds", service.deregistration_delay_seconds, 0, 3600);
}

fn check_exposure(service: &Service, report: &mut Report<'_>) {
    report.within("port", service.port.into(), 1, u16::MAX.into());
    report.within("listener_port", service.listener_port.into(), 1, u16::MAX.into());
    let mut seen = BTreeSet::new();
    for (index, block) in service.ingress.iter().enumerate() {
        if !seen.insert(block) {
            let message = format!("{block} is listed twice");
            report.wrong_entry("ingress", &index.to_string(), message, "list each block once");
        }
    }
}

fn check_health(health: &HealthCheck, report: &mut Report<'_>) {
    report.within("health_check.interval_seconds", health.interval_seconds, 5, 300);
    report.within("health_check.timeout_seconds", health.timeout_seconds, 2, 120);
    report.within("health_check.healthy_threshold", health.healthy_threshold, 2, 10);
    report.within("health_check.unhealthy_threshold", health.unhealthy_threshold, 2, 10);
    if health.timeout_seconds >= health.interval_seconds {
        let message = format!(
            "a health check can't wait {} s for an answer and be made every {} s",
            health.timeout_seconds, health.interval_seconds
        );
        let keys = ["health_check.timeout_seconds", "health_check.interval_seconds"];
        report.wrong(&keys, message, "`timeout_seconds` must be less than `interval_seconds`");
    }
    let visible = health.path.bytes().all(|b| b.is_ascii_graphic());
    if !health.path.starts_with('/') || health.path.len() > 1024 || !visible {
        let message = format!("`{}` is not a path to ask for", health.path);
        let advice = "it begins with `/`, has no spaces, and at most 1024 characters";
        report.wrong(&["health_check.path"], message, advice);
    }
    if !health.codes.split(',').all(is_code_or_range) {
        let message = format!("`{}` are not HTTP status codes", health.codes);
        let advice = "codes from 200 to 499: `200`, `200,204` or `200-299`";
        report.wrong(&["health_check.codes"], message, advice);
    }
}

fn is_code_or_range(text: &str) -> bool {
    let code = |text: &str| {
        let digits = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u16>().ok().filter(|code| digits && (200..=499).contains(code))
    };
    match text.split_once('-') {
        Some((from, to)) => matches!((code(from), code(to)), (Some(from), Some(to)) if from <= to),
        None => code(text).is_some(),
    }
}

fn check_container_health(health: &ContainerHealthCheck, report: &mut Report<'_>) {
    report.within("container_health_check.interval_seconds", health.interval_seconds, 5, 300);
    report.within("container_health_check.timeout_seconds", health.timeout_seconds, 2, 60);
    report.within("container_health_check.retries", health.retries, 1, 10);
    report.within(
        "container_health_check.start_period_seconds",
        health.start_period_seconds,
        0,
        300,
    );
    let begins = health.command.first().is_some_and(|word| word == "CMD" || word == "CMD-SHELL");
    let says = health.command.get(1).is_some_and(|word| !word.trim().is_empty());
    if !begins || !says {
        let advice = "a line for the shell, `\"curl -f http://localhost:8000/health\"`, or a list, `[\"CMD\", \"/check\"]`";
        report.wrong(
            &["container_health_check.command"],
            "this is not a command to check with",
            advice,
        );
    }
}

fn check_policies(service: &Service, region: &str, report: &mut Report<'_>) {
    let policies = &service.task_policies;
    for arn in &policies.managed {
        if let Some(complaint) = arn::of_policy(arn, region) {
            let message = format!("`{arn}` {}", complaint.message);
            report.wrong(&["task_policies.managed"], message, complaint.advice);
        }
    }
    let name =
        |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
    for key in policies.inline.keys().filter(|key| key.is_empty() || key.len() > 128 || !name(key))
    {
        let message = format!("a policy can't be named `{key}`");
        let advice = "up to 128 letters, digits and _ + = , . @ -";
        report.wrong_key("task_policies.inline", key, message, advice);
    }
    if service.execute_command && policies.inline.contains_key(SHELL_POLICY) {
        let message = format!("`{SHELL_POLICY}` is what the policy of `execute_command` is called");
        report.wrong_key("task_policies.inline", SHELL_POLICY, message, "name it otherwise");
    }
    for (key, document) in &policies.inline {
        if let Some(Complaint { message, advice }) = policy::complaint(key, document) {
            report.wrong_key("task_policies.inline", key, message, advice);
        }
    }
}
