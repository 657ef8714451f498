//! Takes each task from phase to phase: from the first wish for it until its interface is gone.
//!
//! A phase ends at its `until`, or, while targets drain, when the load balancer is done with them.
//! What a task will fail of is known when a phase begins and happens when it ends.

mod containers;
mod obstacle;

use std::time::Duration;

use super::lookup::service_key;
use super::model::{Health, Phase, Stop, Task};
use super::scheduler::{self, event};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::ec2::interface;
use crate::simulated_aws::elb::targets::{self, TargetAnswer};

pub(super) use containers::{has_own_check, reply_of};

/// How long pulling the image and starting the containers takes, in milliseconds.
const PENDING_MS: std::ops::RangeInclusive<u64> = 20_000..=40_000;
/// How long a process takes to obey the signal to stop, in milliseconds.
const STOPPING_MS: std::ops::RangeInclusive<u64> = 800..=3_000;
/// How long Fargate takes to clear up after a task, in milliseconds.
const DEPROVISIONING_MS: std::ops::RangeInclusive<u64> = 8_000..=20_000;
/// How long the interface outlives its task, in milliseconds (aws-behaviour 17.e, 22).
const INTERFACE_LINGERS_MS: std::ops::RangeInclusive<u64> = 5_000..=40_000;

/// Lets every task whose phase is over enter the next.
pub(super) fn pass(cloud: &mut Cloud) {
    loop {
        let due: Vec<String> = cloud
            .ecs
            .tasks
            .values()
            .filter(|task| is_due(cloud, task))
            .map(|t| t.id.clone())
            .collect();
        if due.is_empty() {
            return;
        }
        for id in due {
            advance(cloud, &id);
        }
    }
}

fn is_due(cloud: &Cloud, task: &Task) -> bool {
    let reached = |at: Option<_>| at.is_some_and(|at| at <= cloud.now);
    reached(task.until)
        || reached(task.verdict_at)
        || has_changed(cloud, task)
        || (task.phase == Phase::Deactivating && has_drained(cloud, task))
}

/// Whether a running task now answers otherwise than its load balancers know: its image's behaviour
/// changed, or the path that is asked for.
pub(super) fn answers_differently(cloud: &Cloud) -> bool {
    cloud.ecs.tasks.values().any(|task| has_changed(cloud, task))
}

fn has_changed(cloud: &Cloud, task: &Task) -> bool {
    task.phase == Phase::Running && task.answers != answers(cloud, task)
}

fn answers(cloud: &Cloud, task: &Task) -> Vec<TargetAnswer> {
    task.load_balancers.iter().map(|balancer| reply_of(cloud, task, balancer)).collect()
}

fn has_drained(cloud: &Cloud, task: &Task) -> bool {
    task.load_balancers.iter().all(|balancer| {
        let (group, ip) = (&balancer.target_group, &task.interface.address);
        targets::target_state(cloud, group, ip, balancer.port).is_none()
    })
}

fn advance(cloud: &mut Cloud, id: &str) {
    let Some(task) = cloud.ecs.tasks.get(id).cloned() else { return };
    if task.verdict_at.is_some_and(|at| at <= cloud.now) {
        let health = containers::own_verdict(cloud, &task);
        change(cloud, id, |task| {
            task.verdict_at = None;
            task.health = health;
        });
        return;
    }
    if has_changed(cloud, &task) {
        answer_anew(cloud, &task);
        return;
    }
    match task.phase {
        Phase::Provisioning => begin_pull(cloud, &task),
        Phase::Pending | Phase::Running if task.fate.is_some() => fail(cloud, &task),
        Phase::Pending => run(cloud, &task),
        // Nothing but its fate ends a run by itself.
        Phase::Running => change(cloud, id, |task| task.until = None),
        Phase::Deactivating => enter(cloud, id, Phase::Stopping, STOPPING_MS),
        Phase::Stopping => end_execution(cloud, id),
        Phase::Deprovisioning => {
            let now = cloud.now;
            change(cloud, id, |task| task.stopped = Some(now));
            enter(cloud, id, Phase::Stopped, INTERFACE_LINGERS_MS);
        }
        Phase::Stopped => {
            interface::delete_interface(cloud, &task.interface.id);
            change(cloud, id, |task| {
                task.until = None;
                task.interface.exists = false;
            });
        }
    }
}

fn change(cloud: &mut Cloud, id: &str, how: impl FnOnce(&mut Task)) {
    if let Some(task) = cloud.ecs.tasks.get_mut(id) {
        how(task);
    }
}

fn enter(cloud: &mut Cloud, id: &str, phase: Phase, lasts_ms: std::ops::RangeInclusive<u64>) {
    let until = cloud.now.after(Duration::from_millis(cloud.random().u64(lasts_ms)));
    change(cloud, id, |task| {
        task.phase = phase;
        task.until = Some(until);
    });
}

/// Whatever stands in the way of a start shows itself now: a gateway that becomes available a
/// moment later helps the next task only (aws-behaviour 20).
fn begin_pull(cloud: &mut Cloud, task: &Task) {
    let obstacle = obstacle::obstacle(cloud, task);
    enter(cloud, &task.id, Phase::Pending, PENDING_MS);
    let now = cloud.now;
    change(cloud, &task.id, |task| {
        task.pull_started = Some(now);
        if let Some(obstacle) = obstacle {
            task.until = Some(now.after(obstacle.shows_after));
            task.fate = Some(obstacle.stop);
        }
    });
}

fn run(cloud: &mut Cloud, task: &Task) {
    let now = cloud.now;
    let end = containers::end(cloud, task);
    let verdict_at = containers::own_verdict_after(cloud, task).map(|pause| now.after(pause));
    change(cloud, &task.id, |task| {
        task.phase = Phase::Running;
        task.pull_stopped = Some(now);
        task.started = Some(now);
        task.verdict_at = verdict_at;
        task.until = end.as_ref().map(|(pause, _)| now.after(*pause));
        task.fate = end.map(|(_, stop)| stop);
    });
    containers::log_start(cloud, task);
    register(cloud, task);
}

fn register(cloud: &mut Cloud, task: &Task) {
    let answers = answers(cloud, task);
    for (balancer, answer) in task.load_balancers.iter().zip(&answers) {
        let (group, ip) = (&balancer.target_group, &task.interface.address);
        targets::register_target(cloud, group, ip, balancer.port, *answer);
        tell(cloud, task, &format!("registered 1 targets in (target-group {group})"));
    }
    change(cloud, &task.id, |task| task.answers = answers);
}

fn answer_anew(cloud: &mut Cloud, task: &Task) {
    let answers = answers(cloud, task);
    for (balancer, answer) in task.load_balancers.iter().zip(&answers) {
        let (group, ip) = (&balancer.target_group, &task.interface.address);
        targets::set_answer(cloud, group, ip, balancer.port, *answer);
    }
    change(cloud, &task.id, |task| task.answers = answers);
}

fn deregister(cloud: &mut Cloud, task: &Task) {
    for balancer in &task.load_balancers {
        let (group, ip) = (&balancer.target_group, &task.interface.address);
        targets::deregister_target(cloud, group, ip, balancer.port);
        tell(cloud, task, &format!("deregistered 1 targets in (target-group {group})"));
    }
}

/// Writes into the log of the task's service, if it has one.
fn tell(cloud: &mut Cloud, task: &Task, message: &str) {
    if let Some(service) = &task.service {
        event(cloud, &service_key(&task.cluster, service), message);
    }
}

/// Ends a start or a run by what it was fated to.
fn fail(cloud: &mut Cloud, task: &Task) {
    let now = cloud.now;
    if task.phase == Phase::Running {
        containers::log_end(cloud, task);
        deregister(cloud, task);
    }
    change(cloud, &task.id, |task| {
        task.stop = task.fate.take();
        task.stopping = Some(now);
        task.execution_stopped = Some(now);
        task.verdict_at = None;
        task.health = Health::Unknown;
    });
    enter(cloud, &task.id, Phase::Deprovisioning, DEPROVISIONING_MS);
    scheduler::note_failure(cloud, task);
}

fn end_execution(cloud: &mut Cloud, id: &str) {
    let now = cloud.now;
    change(cloud, id, |task| task.execution_stopped = Some(now));
    enter(cloud, id, Phase::Deprovisioning, DEPROVISIONING_MS);
}

/// Stops a task from outside; one that is stopping already goes on as it is.
///
/// A task with targets first waits until they have drained.
pub(super) fn stop(cloud: &mut Cloud, id: &str, stop: Stop) {
    let Some(task) = cloud.ecs.tasks.get(id).filter(|task| task.phase.is_alive()).cloned() else {
        return;
    };
    let now = cloud.now;
    change(cloud, id, |task| {
        task.stop = Some(stop);
        task.stopping = Some(now);
        task.fate = None;
        task.verdict_at = None;
        task.until = None;
    });
    if task.phase < Phase::Running {
        enter(cloud, id, Phase::Deprovisioning, DEPROVISIONING_MS);
    } else if task.load_balancers.is_empty() {
        enter(cloud, id, Phase::Stopping, STOPPING_MS);
    } else {
        tell(cloud, &task, "has begun draining connections on 1 tasks.");
        deregister(cloud, &task);
        change(cloud, id, |task| task.phase = Phase::Deactivating);
        if has_drained(cloud, &task) {
            enter(cloud, id, Phase::Stopping, STOPPING_MS);
        }
    }
}
