//! What happens inside a running task: its containers' logs, answers, health and end.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::definition::containers;
use super::super::lookup::definition;
use super::super::model::{Health, LoadBalancer, Stop, Task};
use super::super::workload::{Reply, Run, Workload, workload};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::elb::targets::{TargetAnswer, health_check_path};
use crate::simulated_aws::logs;
use crate::simulated_aws::wire::Parameters;

/// How long a job takes that nothing else is said of, in seconds.
const JOB_S: u64 = 45;

const EXITED: &str = "EssentialContainerExited";
const ESSENTIAL: &str = "Essential container in task exited";

/// The task's containers, and how each behaves.
fn workloads(cloud: &Cloud, task: &Task) -> Vec<(Value, Workload)> {
    let definition = definition(&cloud.ecs, &task.definition);
    let containers = definition.map_or(&[][..], containers).iter();
    let behaviour = |container: &Value| {
        let image = container["image"].as_str().unwrap_or_default();
        let workload = workload(&cloud.ecs, image);
        if workload.run == Run::Forever && is_job(task, container) {
            job(workload)
        } else {
            workload
        }
    };
    containers.map(|container| (container.clone(), behaviour(container))).collect()
}

/// Whether a container is there to do something and end: nobody keeps its task running, and nobody
/// can ask it anything.
fn is_job(task: &Task, container: &Value) -> bool {
    task.service.is_none() && container["portMappings"].as_array().is_none_or(Vec::is_empty)
}

fn job(workload: Workload) -> Workload {
    let run = Run::Exits { code: 0, after_seconds: JOB_S, lines: vec![] };
    Workload { run, ..workload }
}

/// When and how the first essential container ends by itself.
pub(super) fn end(cloud: &Cloud, task: &Task) -> Option<(Duration, Stop)> {
    let essential = workloads(cloud, task).into_iter().filter(|(one, _)| one["essential"] != false);
    let ends = essential.filter_map(|(container, workload)| {
        let (after, code, reason) = match workload.run {
            Run::Forever => return None,
            Run::Exits { code, after_seconds, .. } => (after_seconds, code, None),
            Run::RunsOutOfMemory { after_seconds } => {
                let reason = "OutOfMemoryError: container killed due to memory usage";
                (after_seconds, 137, Some(reason.to_owned()))
            }
            Run::WrongArchitecture => (1, 1, None),
        };
        let stop = Stop {
            exit_code: Some(code),
            container: container["name"].as_str().map(str::to_owned),
            container_reason: reason,
            ..Stop::new(EXITED, ESSENTIAL)
        };
        Some((Duration::from_secs(after), stop))
    });
    ends.min_by_key(|(after, _)| *after)
}

/// Whether a container of the task has a health check of its own.
pub(in super::super) fn has_own_check(cloud: &Cloud, task: &Task) -> bool {
    own_verdict_after(cloud, task).is_some()
}

/// How long after its start a task's own health check has come to a verdict.
pub(super) fn own_verdict_after(cloud: &Cloud, task: &Task) -> Option<Duration> {
    let checked =
        workloads(cloud, task).into_iter().filter(|(one, _)| one["healthCheck"].is_object());
    let pauses = checked.map(|(container, workload)| {
        let check = &container["healthCheck"];
        let seconds = |member: &str| check[member].as_u64().unwrap_or(0);
        let failed = seconds("startPeriod") + seconds("interval") * seconds("retries");
        Duration::from_secs(if workload.fails_own_check { failed } else { seconds("interval") })
    });
    pauses.max()
}

/// The verdict: one failing container is enough.
pub(super) fn own_verdict(cloud: &Cloud, task: &Task) -> Health {
    let fails = |(container, workload): &(Value, Workload)| {
        container["healthCheck"].is_object() && workload.fails_own_check
    };
    if workloads(cloud, task).iter().any(fails) { Health::Unhealthy } else { Health::Healthy }
}

/// What the task answers to the health checks of a load balancer.
pub(in super::super) fn reply_of(
    cloud: &Cloud,
    task: &Task,
    balancer: &LoadBalancer,
) -> TargetAnswer {
    let path = health_check_path(cloud, &balancer.target_group).unwrap_or_default();
    let workloads = workloads(cloud, task);
    let named = workloads.iter().find(|(container, _)| container["name"] == *balancer.container);
    match named.map_or(Reply::Refused, |(_, workload)| workload.reply_on(&path)) {
        Reply::Status(status) => TargetAnswer::Status(status),
        Reply::Refused => TargetAnswer::Refused,
        Reply::TimesOut => TargetAnswer::TimesOut,
    }
}

/// The CloudWatch log group that a container logs to.
pub(super) fn log_group(container: &Value) -> Option<&str> {
    let logging = &container["logConfiguration"];
    let options = &logging["options"];
    (logging["logDriver"] == "awslogs").then(|| options["awslogs-group"].as_str())?
}

/// Opens the logs, and writes what the processes say at their start.
pub(super) fn log_start(cloud: &mut Cloud, task: &Task) {
    for (container, workload) in workloads(cloud, task) {
        create_group(cloud, &container);
        log(cloud, task, &container, &workload.lines);
    }
}

/// Writes the last words of whatever ends the task.
pub(super) fn log_end(cloud: &mut Cloud, task: &Task) {
    let culprit = task.fate.as_ref().and_then(|stop| stop.container.clone());
    for (container, workload) in workloads(cloud, task) {
        if container["name"].as_str() != culprit.as_deref() {
            continue;
        }
        let lines = match workload.run {
            Run::Exits { lines, .. } => lines,
            Run::WrongArchitecture => vec!["exec /usr/local/bin/app: exec format error".to_owned()],
            Run::Forever | Run::RunsOutOfMemory { .. } => Vec::new(),
        };
        log(cloud, task, &container, &lines);
    }
}

fn log(cloud: &mut Cloud, task: &Task, container: &Value, lines: &[String]) {
    let Some(group) = log_group(container) else { return };
    let prefix = container["logConfiguration"]["options"]["awslogs-stream-prefix"].as_str();
    let name = container["name"].as_str().unwrap_or_default();
    let stream = format!("{}/{name}/{}", prefix.unwrap_or("ecs"), task.id);
    for line in lines {
        logs::put_log_line(cloud, group, &stream, line);
    }
}

/// Makes the log group where the definition asks for that.
fn create_group(cloud: &mut Cloud, container: &Value) {
    if container["logConfiguration"]["options"]["awslogs-create-group"] != "true" {
        return;
    }
    if let Some(group) = log_group(container).filter(|group| !logs::log_group_exists(cloud, group))
    {
        let request = json!({"logGroupName": group});
        // A name that is no log group's leaves the task without logs, as it does on Fargate.
        let _ = logs::answer(cloud, "CreateLogGroup", Parameters::new(&request));
    }
}
