//! What `RegisterTaskDefinition` refuses (aws-behaviour 13.f2).

use std::collections::BTreeSet;

use super::super::cluster::check_name;
use super::super::error::client;
use super::canonical::{cpu_units, memory_mebibytes};
use crate::simulated_aws::wire::{ApiError, Parameters};

type Check = Result<(), ApiError>;

/// Refuses a definition that AWS refuses.
pub(super) fn check(request: Parameters<'_>) -> Check {
    check_name("Family", request.text("family").unwrap_or_default())?;
    let containers: Vec<Parameters<'_>> = request.structures("containerDefinitions").collect();
    if containers.is_empty() {
        return Err(client("Container list cannot be empty."));
    }
    check_compatibilities(request)?;
    check_containers(&containers)?;
    if is_fargate(request) {
        check_fargate(request, &containers)?;
    }
    if request.text("networkMode") == Some("awsvpc") {
        containers.iter().try_for_each(|container| check_awsvpc_ports(*container))?;
    }
    Ok(())
}

/// Whether the definition asks to be fit for Fargate.
pub(super) fn is_fargate(request: Parameters<'_>) -> bool {
    request.texts("requiresCompatibilities").iter().any(|kind| kind == "FARGATE")
}

fn check_compatibilities(request: Parameters<'_>) -> Check {
    let known = ["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"];
    let asked = request.texts("requiresCompatibilities");
    match asked.iter().find(|kind| !known.contains(&kind.as_str())) {
        Some(kind) => Err(client(format!("Invalid compatibility {kind}."))),
        None => Ok(()),
    }
}

fn check_containers(containers: &[Parameters<'_>]) -> Check {
    let mut names = BTreeSet::new();
    for container in containers {
        let name = container.text("name").unwrap_or_default();
        check_name("Container.name", name).map_err(|error| client(error.message))?;
        if !names.insert(name) {
            return Err(client(format!("Duplicate container name {name}: names must be unique.")));
        }
        check_container(*container, name)?;
    }
    if containers.iter().all(|container| container.flag("essential") == Some(false)) {
        return Err(client("At least one container must be essential."));
    }
    Ok(())
}

fn check_container(container: Parameters<'_>, name: &str) -> Check {
    if container.text("image").is_none_or(str::is_empty) {
        return Err(client("Container.image should not be null or empty."));
    }
    for variable in container.structures("environment") {
        if variable.text("name").is_none_or(str::is_empty) {
            return Err(client("Environment variable names can not be blank."));
        }
    }
    for secret in container.structures("secrets") {
        if secret.text("name").is_none_or(str::is_empty) || secret.text("valueFrom").is_none() {
            return Err(client("The Secrets name and valueFrom can not be blank."));
        }
    }
    for mapping in container.structures("portMappings") {
        if !mapping.integer("containerPort").is_some_and(|port| (1..=65535).contains(&port)) {
            return Err(client("The containerPort must be between 1 and 65535."));
        }
    }
    if container.has("healthCheck") {
        check_health_check(container.structure("healthCheck"), name)?;
    }
    Ok(())
}

/// The ranges that the API's model gives.
fn check_health_check(check: Parameters<'_>, name: &str) -> Check {
    if check.texts("command").is_empty() {
        return Err(client(format!("The health check of {name} must have a command.")));
    }
    let ranges =
        [("interval", 5..=300), ("timeout", 2..=60), ("retries", 1..=10), ("startPeriod", 0..=300)];
    for (member, range) in ranges {
        if check.integer(member).is_some_and(|value| !range.contains(&value)) {
            return Err(client(format!(
                "The health check {member} of {name} must be between {} and {}.",
                range.start(),
                range.end()
            )));
        }
    }
    Ok(())
}

fn check_awsvpc_ports(container: Parameters<'_>) -> Check {
    for mapping in container.structures("portMappings") {
        let host = mapping.integer("hostPort").unwrap_or(0);
        if host != 0 && Some(host) != mapping.integer("containerPort") {
            return Err(client(
                "When networkMode=awsvpc, the host ports and container ports in port mappings must \
                 match.",
            ));
        }
    }
    Ok(())
}

fn check_fargate(request: Parameters<'_>, containers: &[Parameters<'_>]) -> Check {
    if request.text("networkMode") != Some("awsvpc") {
        return Err(client("Fargate only supports network mode 'awsvpc'."));
    }
    let (cpu, memory) = check_size(request)?;
    let has_role = request.text("executionRoleArn").is_some_and(|role| !role.is_empty());
    for container in containers {
        if !has_role {
            check_needs_no_role(*container)?;
        }
        check_fargate_container(*container, memory)?;
    }
    let sum = |member| containers.iter().filter_map(|c| c.integer(member)).sum::<i64>();
    if sum("cpu") > cpu {
        return Err(client(
            "The sum of all container cpu values cannot be greater than the task cpu.",
        ));
    }
    if sum("memoryReservation") > memory {
        return Err(client(
            "The sum of all container memoryReservation values cannot be greater than the \
             task memory.",
        ));
    }
    Ok(())
}

fn check_fargate_container(container: Parameters<'_>, task_memory: i64) -> Check {
    let name = container.text("name").unwrap_or_default();
    let logging = container.structure("logConfiguration");
    if logging.text("logDriver") == Some("awslogs") {
        let options = logging.structure("options");
        for option in ["awslogs-group", "awslogs-region", "awslogs-stream-prefix"] {
            if options.text(option).is_none_or(str::is_empty) {
                return Err(client(format!("Log driver awslogs requires option '{option}'.")));
            }
        }
    }
    if container.integer("memory").is_some_and(|memory| memory > task_memory) {
        return Err(client(format!(
            "Invalid setting for container '{name}'. The container memory can not be greater than \
             the task memory."
        )));
    }
    if container.integer("stopTimeout").is_some_and(|seconds| !(0..=120).contains(&seconds)) {
        return Err(client("The stopTimeout must be between 0 and 120 seconds on Fargate."));
    }
    if container.flag("privileged") == Some(true) {
        return Err(client("Fargate does not support privileged containers."));
    }
    Ok(())
}

/// What the platform does for a container on the way up, it does with the execution role.
fn check_needs_no_role(container: Parameters<'_>) -> Check {
    let needs = "Fargate requires task definition to have execution role ARN to support";
    if container.structure("logConfiguration").text("logDriver") == Some("awslogs") {
        return Err(client(format!("{needs} log driver awslogs.")));
    }
    if is_ecr(container.text("image").unwrap_or_default()) {
        return Err(client(format!("{needs} ECR images.")));
    }
    if container.structures("secrets").next().is_some() {
        return Err(client(format!("{needs} secrets.")));
    }
    Ok(())
}

/// Whether an image lies in a private ECR registry.
pub(in super::super) fn is_ecr(image: &str) -> bool {
    let registry = image.split('/').next().unwrap_or_default();
    registry.contains(".dkr.ecr.") && registry.contains(".amazonaws.com")
}

/// The sizes that Fargate offers: CPU units, and the memory in MiB from, to, in steps of.
const SIZES: [(i64, i64, i64, i64); 7] = [
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122_880, 8192),
];

/// The size of the task in CPU units and MiB.
fn check_size(request: Parameters<'_>) -> Result<(i64, i64), ApiError> {
    let given = |member| request.text(member).filter(|text| !text.is_empty());
    let missing =
        |member| client(format!("Fargate requires that '{member}' be defined at the task level."));
    let cpu_text = given("cpu").ok_or_else(|| missing("cpu"))?;
    let memory_text = given("memory").ok_or_else(|| missing("memory"))?;
    let cpu = cpu_units(cpu_text).ok_or_else(|| client("Invalid 'cpu' setting for task."))?;
    let memory = memory_mebibytes(memory_text)
        .ok_or_else(|| client("Invalid 'memory' setting for task."))?;
    let fits = |&(units, from, to, step): &(i64, i64, i64, i64)| {
        // 1.5 GiB is not offered with a quarter of a processor.
        units == cpu
            && (from..=to).contains(&memory)
            && memory % step == 0
            && (cpu, memory) != (256, 1536)
    };
    if SIZES.iter().any(fits) {
        return Ok((cpu, memory));
    }
    Err(client(format!(
        "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the \
         Amazon ECS documentation for the valid values."
    )))
}
