//! What the scheduler does next for a service. Pure: it looks and says.

use std::time::Duration;

use super::super::lookup::tasks_of;
use super::super::model::{
    Deployment, Health, LoadBalancer, Phase, Rollout, Service, ServiceStatus, Stop, Task,
};
use super::count::{PROVEN, alive, desired, floor, is_fit, is_of, is_proven, upper};
use super::failure::threshold;
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::elb::targets::{TargetAnswer, TargetState, met_by_checks, target_state};

/// How long all is well before a rollout is called complete: a waiter that counts tasks is happy
/// this much too early (aws-behaviour 17.d2).
const SETTLING: Duration = Duration::from_secs(7);

/// One thing that the scheduler does.
pub(super) enum Step {
    /// A task has passed the checks for the first time.
    NoteHealthy(String),
    /// A task fails the checks and must go.
    Replace {
        task: String,
        stop: Stop,
        event: String,
    },
    /// The circuit breaker trips.
    Break,
    /// A deployment that is not primary has no tasks left.
    Forget(String),
    /// The primary deployment needs so many tasks more.
    Start(usize),
    Stop {
        tasks: Vec<String>,
        stop: Stop,
    },
    /// All is well now, or is no longer.
    Settle(bool),
    Complete,
    SaySteady,
    BecomeInactive,
}

/// The next step; `None` when all that can be done at this moment is done.
pub(super) fn next(cloud: &Cloud, service: &Service) -> Option<Step> {
    match service.status {
        ServiceStatus::Inactive => None,
        ServiceStatus::Draining => drain(cloud, service),
        ServiceStatus::Active => {
            let primary = service.deployments.first()?;
            newly_proven(cloud, service)
                .or_else(|| unhealthy(cloud, service))
                .or_else(|| trip(service, primary))
                .or_else(|| empty_deployment(cloud, service))
                .or_else(|| missing(cloud, service, primary))
                .or_else(|| surplus(cloud, service, primary))
                .or_else(|| settling(cloud, service, primary))
        }
    }
}

/// Inactive is reached while containers are still being stopped (aws-behaviour 17.e).
fn drain(cloud: &Cloud, service: &Service) -> Option<Step> {
    let alive: Vec<String> = alive(cloud, service).iter().map(|task| task.id.clone()).collect();
    if !alive.is_empty() {
        let primary = service.deployments.first();
        return Some(Step::Stop { tasks: alive, stop: scaling(primary) });
    }
    let gone = tasks_of(&cloud.ecs, service).all(|task| task.phase >= Phase::Stopping);
    gone.then_some(Step::BecomeInactive)
}

fn scaling(deployment: Option<&Deployment>) -> Stop {
    let by = deployment.map_or("", |deployment| deployment.id.as_str());
    Stop::new(
        "ServiceSchedulerInitiated",
        format!("Scaling activity initiated by (deployment {by})"),
    )
}

fn newly_proven(cloud: &Cloud, service: &Service) -> Option<Step> {
    let mut tasks = tasks_of(&cloud.ecs, service);
    let found = tasks.find(|task| !task.was_healthy && is_proven(cloud, task))?;
    Some(Step::NoteHealthy(found.id.clone()))
}

fn unhealthy(cloud: &Cloud, service: &Service) -> Option<Step> {
    let mut running = tasks_of(&cloud.ecs, service).filter(|task| task.phase == Phase::Running);
    running.find_map(|task| {
        failed_own_check(task).or_else(|| failed_target_check(cloud, service, task))
    })
}

fn failed_own_check(task: &Task) -> Option<Step> {
    (task.health == Health::Unhealthy).then(|| Step::Replace {
        task: task.id.clone(),
        stop: Stop::new("ServiceSchedulerInitiated", "Task failed container health checks"),
        event: format!("(task {}) failed container health checks.", task.id),
    })
}

/// Failed checks count only after the grace period.
fn failed_target_check(cloud: &Cloud, service: &Service, task: &Task) -> Option<Step> {
    if grace_end(service, task)? > cloud.now {
        return None;
    }
    let failed = task.load_balancers.iter().find(|balancer| {
        let state =
            target_state(cloud, &balancer.target_group, &task.interface.address, balancer.port);
        state == Some(TargetState::Unhealthy)
    })?;
    let group = &failed.target_group;
    Some(Step::Replace {
        task: task.id.clone(),
        stop: Stop::new(
            "ServiceSchedulerInitiated",
            format!("Task failed ELB health checks in (target-group {group})"),
        ),
        event: format!(
            "(task {}) (port {}) is unhealthy in (target-group {group}) due to (reason {}).",
            task.id,
            failed.port,
            complaint(cloud, task, failed)
        ),
    })
}

fn complaint(cloud: &Cloud, task: &Task, balancer: &LoadBalancer) -> String {
    let (group, address) = (&balancer.target_group, &task.interface.address);
    let met = met_by_checks(cloud, group, address, balancer.port);
    match met.unwrap_or(TargetAnswer::TimesOut) {
        TargetAnswer::Status(status) => {
            format!("Health checks failed with these codes: [{status}]")
        }
        TargetAnswer::Refused => "Health checks failed".to_owned(),
        TargetAnswer::TimesOut => "Request timed out".to_owned(),
    }
}

fn grace_end(service: &Service, task: &Task) -> Option<Moment> {
    let grace = Duration::from_secs(service.options.health_check_grace.unwrap_or(0));
    Some(task.started?.after(grace))
}

fn trip(service: &Service, primary: &Deployment) -> Option<Step> {
    let watches =
        service.options.deployment.breaker.enable && primary.rollout == Rollout::InProgress;
    (watches && primary.failed_tasks >= threshold(service)).then_some(Step::Break)
}

/// A deployment stays listed until its last task's targets have drained (inferred).
fn empty_deployment(cloud: &Cloud, service: &Service) -> Option<Step> {
    let mut old = service.deployments.iter().skip(1);
    let empty = old.find(|deployment| {
        let mut tasks = tasks_of(&cloud.ecs, service);
        !tasks.any(|task| is_of(task, deployment) && task.phase < Phase::Stopping)
    })?;
    Some(Step::Forget(empty.id.clone()))
}

/// How many tasks the primary deployment lacks and has room for, pauses aside.
fn lacking(cloud: &Cloud, service: &Service, primary: &Deployment) -> usize {
    if primary.rollout == Rollout::Failed {
        return 0;
    }
    let alive = alive(cloud, service);
    let own = alive.iter().filter(|task| is_of(task, primary)).count();
    let room = upper(service).saturating_sub(alive.len());
    desired(service).saturating_sub(own).min(room)
}

fn missing(cloud: &Cloud, service: &Service, primary: &Deployment) -> Option<Step> {
    let lacking = lacking(cloud, service, primary);
    (lacking > 0 && primary.launch_after <= cloud.now).then_some(Step::Start(lacking))
}

/// Tasks of older deployments go as soon as enough others are fit; those that are not fit
/// themselves go at once. Of the primary's own, the youngest go.
fn surplus(cloud: &Cloud, service: &Service, primary: &Deployment) -> Option<Step> {
    if primary.rollout == Rollout::Failed {
        return None;
    }
    let alive = alive(cloud, service);
    let (mut own, old): (Vec<&Task>, Vec<&Task>) =
        alive.iter().partition(|task| is_of(task, primary));
    let fit = alive.iter().filter(|task| is_fit(cloud, task)).count();
    let spare = fit.saturating_sub(floor(service));
    let (fit_old, unfit_old): (Vec<&Task>, Vec<&Task>) =
        old.into_iter().partition(|task| is_fit(cloud, task));
    own.sort_by_key(|task| (is_fit(cloud, task), std::cmp::Reverse(task.created)));
    let excess = own.len().saturating_sub(desired(service));
    let leaving: Vec<&Task> = unfit_old
        .into_iter()
        .chain(fit_old.into_iter().take(spare))
        .chain(own.into_iter().take(excess))
        .collect();
    let tasks: Vec<String> = leaving.into_iter().map(|task| task.id.clone()).collect();
    (!tasks.is_empty()).then(|| Step::Stop { tasks, stop: scaling(Some(primary)) })
}

/// All tasks are there, fit, and the only ones.
fn is_settled(cloud: &Cloud, service: &Service, primary: &Deployment) -> bool {
    let alive = alive(cloud, service);
    service.deployments.len() == 1
        && primary.rollout != Rollout::Failed
        && alive.len() == desired(service)
        && alive.iter().all(|task| is_of(task, primary) && is_fit(cloud, task))
}

fn settling(cloud: &Cloud, service: &Service, primary: &Deployment) -> Option<Step> {
    let settled = is_settled(cloud, service, primary);
    if settled != primary.settled.is_some() {
        return Some(Step::Settle(settled));
    }
    if settling_ends(service, primary)? > cloud.now {
        return None;
    }
    match primary.rollout {
        Rollout::InProgress => Some(Step::Complete),
        Rollout::Completed | Rollout::Failed => (!service.steady).then_some(Step::SaySteady),
    }
}

fn settling_ends(service: &Service, primary: &Deployment) -> Option<Moment> {
    let minutes = u64::try_from(service.options.deployment.bake_minutes).unwrap_or(0);
    Some(primary.settled?.after(SETTLING + Duration::from_secs(60 * minutes)))
}

/// When a step may become possible merely by the passing of time.
pub(super) fn next_look(cloud: &Cloud, service: &Service) -> Option<Moment> {
    if service.status != ServiceStatus::Active {
        return None;
    }
    let primary = service.deployments.first()?;
    let pause = (lacking(cloud, service, primary) > 0).then_some(primary.launch_after);
    let tasks = tasks_of(&cloud.ecs, service).filter(|task| task.phase == Phase::Running);
    let of_task = |task: &Task| {
        let proven = task.started.map(|started| started.after(PROVEN));
        [grace_end(service, task), proven.filter(|_| !task.was_healthy)]
    };
    tasks
        .flat_map(of_task)
        .chain([pause, settling_ends(service, primary)])
        .flatten()
        .filter(|at| *at > cloud.now)
        .min()
}
