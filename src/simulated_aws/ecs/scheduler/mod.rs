//! The service scheduler: brings what runs to what a service asks for.
//!
//! Looking at a service takes one step after the other until there is none: [`step::next`] says
//! which, and changes nothing; [`perform`] does it, and decides nothing.

mod count;
mod failure;
mod rollout;
mod step;

use std::time::Duration;

use serde_json::json;

use super::lifecycle;
use super::model::{ServiceEvent, ServiceStatus, Stop, Tags, Template};
use super::start::{NewTask, start};
use crate::simulated_aws::cloud::Cloud;
use step::Step;

pub(super) use failure::{note_failure, threshold};
pub(super) use rollout::{begin, stop_rollout};

/// How long the scheduler takes to notice a request, in milliseconds.
const NOTICE_MS: std::ops::RangeInclusive<u64> = 1_000..=3_000;
/// How many events a service keeps, as `DescribeServices` shows them.
const MOST_EVENTS: usize = 100;

/// Has the scheduler look at a service soon.
pub(super) fn wake(cloud: &mut Cloud, key: &str) {
    let soon = cloud.now.after(Duration::from_millis(cloud.random().u64(NOTICE_MS)));
    if let Some(service) = cloud.ecs.services.get_mut(key) {
        service.wake = Some(service.wake.map_or(soon, |wake| wake.min(soon)));
    }
}

/// Looks at every service.
pub(super) fn pass(cloud: &mut Cloud) {
    let keys: Vec<String> = cloud.ecs.services.keys().cloned().collect();
    for key in keys {
        look(cloud, &key);
    }
}

fn look(cloud: &mut Cloud, key: &str) {
    while let Some(step) =
        cloud.ecs.services.get(key).and_then(|service| step::next(cloud, service))
    {
        perform(cloud, key, step);
    }
    let wake = cloud.ecs.services.get(key).and_then(|service| step::next_look(cloud, service));
    if let Some(service) = cloud.ecs.services.get_mut(key) {
        service.wake = wake;
    }
}

fn perform(cloud: &mut Cloud, key: &str, step: Step) {
    match step {
        Step::NoteHealthy(task) => failure::note_health(cloud, key, &task),
        Step::Replace { task, stop, event: message } => {
            event(cloud, key, &message);
            if let Some(failed) = cloud.ecs.tasks.get(&task).cloned() {
                note_failure(cloud, &failed);
            }
            stop_tasks(cloud, key, &[task], &stop);
        }
        Step::Break => rollout::breaker_tripped(cloud, key),
        Step::Forget(deployment) => rollout::forget(cloud, key, &deployment),
        Step::Start(count) => start_tasks(cloud, key, count),
        Step::Stop { tasks, stop } => stop_tasks(cloud, key, &tasks, &stop),
        Step::Settle(settled) => rollout::settle(cloud, key, settled),
        Step::Complete => rollout::complete(cloud, key),
        Step::SaySteady => {
            event(cloud, key, "has reached a steady state.");
            change(cloud, key, |service| service.steady = true);
        }
        Step::BecomeInactive => {
            let now = cloud.now;
            change(cloud, key, |service| {
                service.status = ServiceStatus::Inactive;
                service.inactive_since = Some(now);
                service.deployments.clear();
            });
        }
    }
}

fn change(cloud: &mut Cloud, key: &str, how: impl FnOnce(&mut super::model::Service)) {
    if let Some(service) = cloud.ecs.services.get_mut(key) {
        how(service);
    }
}

/// Writes `(service NAME) MESSAGE` into a service's log.
pub(super) fn event(cloud: &mut Cloud, key: &str, message: &str) {
    let id = cloud.fresh_uuid();
    let at = cloud.now;
    change(cloud, key, |service| {
        let message = format!("(service {}) {message}", service.name);
        service.events.push_front(ServiceEvent { id, at, message });
        service.events.truncate(MOST_EVENTS);
    });
}

/// Starts tasks of the primary deployment until one is refused.
fn start_tasks(cloud: &mut Cloud, key: &str, count: usize) {
    let Some(service) = cloud.ecs.services.get(key).cloned() else { return };
    let Some(primary) = service.deployments.first() else { return };
    let mut started = String::new();
    let mut number = 0;
    let refusal = (0..count).find_map(|_| {
        let new = NewTask {
            cluster: service.cluster.clone(),
            service: Some(service.name.clone()),
            group: format!("service:{}", service.name),
            started_by: primary.id.clone(),
            template: &primary.template,
            overrides: json!({"containerOverrides": [], "inferenceAcceleratorOverrides": []}),
            tags: task_tags(cloud, &service, &primary.template),
            execute_command: service.options.execute_command,
        };
        match start(cloud, new) {
            Ok(id) => {
                started.push_str(&format!(" (task {id})"));
                number += 1;
                None
            }
            Err(refusal) => Some(refusal.event),
        }
    });
    if number > 0 {
        event(cloud, key, &format!("has started {number} tasks:{started}."));
        change(cloud, key, |service| service.steady = false);
    }
    if let Some(message) = refusal {
        event(cloud, key, &message);
        failure::note_refusal(cloud, key, &primary.id);
    }
}

/// The tags that a service's tasks get from it.
fn task_tags(cloud: &Cloud, service: &super::model::Service, template: &Template) -> Tags {
    let mut tags = match service.options.propagate_tags.as_str() {
        "SERVICE" => service.tags.clone(),
        "TASK_DEFINITION" => super::lookup::definition(&cloud.ecs, &template.task_definition)
            .map(|definition| definition.tags.clone())
            .unwrap_or_default(),
        _ => Tags::new(),
    };
    if service.options.managed_tags {
        tags.insert("aws:ecs:clusterName".to_owned(), service.cluster.clone());
        tags.insert("aws:ecs:serviceName".to_owned(), service.name.clone());
    }
    tags
}

fn stop_tasks(cloud: &mut Cloud, key: &str, tasks: &[String], stop: &Stop) {
    let names: Vec<String> = tasks.iter().map(|id| format!("(task {id})")).collect();
    event(cloud, key, &format!("has stopped {} running tasks: {}.", tasks.len(), names.join(" ")));
    change(cloud, key, |service| service.steady = false);
    for id in tasks {
        lifecycle::stop(cloud, id, stop.clone());
    }
}
