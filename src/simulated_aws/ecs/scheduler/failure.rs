//! Counts what goes wrong, and makes the pauses grow (aws-behaviour 17.d3).

use std::time::Duration;

use super::super::lookup::service_key;
use super::super::model::{Service, Task};
use super::{change, event};
use crate::simulated_aws::cloud::Cloud;

/// The shortest pause after a failure, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(15));
/// The shortest pause after a task that could not even be started.
const REFUSAL_PAUSE: Duration = Duration::from_secs(20);
/// How often all tasks fail before the pauses grow and an event says so.
const PATIENCE: u32 = 3;

/// How many failures trip the circuit breaker: a part of the desired count, at least 3 and at most
/// 200 (aws-behaviour 17.d3).
pub(in super::super) fn threshold(service: &Service) -> i64 {
    let configured = &service.options.deployment.breaker.threshold;
    let value = configured["value"].as_i64().unwrap_or(50);
    if configured["type"] == "COUNT" {
        return value.max(1);
    }
    ((service.desired * value + 99) / 100).clamp(3, 200)
}

/// Counts a task of a service that ended by itself or failed its checks.
pub(in super::super) fn note_failure(cloud: &mut Cloud, task: &Task) {
    if let Some(service) = &task.service {
        note(cloud, &service_key(&task.cluster, service), &task.started_by, PAUSES.0);
    }
}

/// Counts a task that could not even be started.
pub(super) fn note_refusal(cloud: &mut Cloud, key: &str, deployment: &str) {
    note(cloud, key, deployment, REFUSAL_PAUSE);
}

fn note(cloud: &mut Cloud, key: &str, deployment: &str, shortest: Duration) {
    let now = cloud.now;
    let Some(service) = cloud.ecs.services.get_mut(key) else { return };
    let desired = service.desired.max(1);
    service.steady = false;
    let Some(found) = service.deployments.iter_mut().find(|one| one.id == deployment) else {
        return;
    };
    found.failed_tasks += 1;
    found.updated = now;
    let rounds = u32::try_from(found.failed_tasks / desired).unwrap_or(u32::MAX);
    let last_of_round = found.failed_tasks % desired == 0;
    found.launch_after = found.launch_after.max(now.after(pause(rounds, shortest)));
    if rounds == PATIENCE && last_of_round {
        event(
            cloud,
            key,
            "is unable to consistently start tasks successfully. For more information, see the \
             Troubleshooting section of the Amazon ECS Developer Guide.",
        );
    }
}

/// Doubles with every round beyond the scheduler's patience.
fn pause(rounds: u32, shortest: Duration) -> Duration {
    let doublings = rounds.saturating_sub(PATIENCE).min(16);
    shortest.saturating_mul(1 << doublings).min(PAUSES.1)
}

/// Notes that a task has passed the checks: its deployment works, and starts counting anew.
pub(super) fn note_health(cloud: &mut Cloud, key: &str, task: &str) {
    let now = cloud.now;
    let Some(task) = cloud.ecs.tasks.get_mut(task) else { return };
    task.was_healthy = true;
    let started_by = task.started_by.clone();
    change(cloud, key, |service| {
        let resets = service.options.deployment.breaker.reset_on_healthy_task;
        let own = service.deployments.iter_mut().find(|one| one.id == started_by);
        if let Some(own) = own.filter(|_| resets) {
            own.failed_tasks = 0;
            own.launch_after = now;
        }
    });
}
