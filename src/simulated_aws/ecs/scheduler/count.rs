//! Counts a service's tasks, as the scheduler sees them. Pure.

use std::time::Duration;

use super::super::lifecycle::has_own_check;
use super::super::lookup::tasks_of;
use super::super::model::{Deployment, Health, Phase, Service, Task};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::elb::targets::{TargetState, target_state};

/// How long a task that nobody checks must have run to count as healthy (inferred).
pub(super) const PROVEN: Duration = Duration::from_secs(10);

/// The tasks of a service that are on their way to running, or there.
pub(super) fn alive<'c>(cloud: &'c Cloud, service: &'c Service) -> Vec<&'c Task> {
    tasks_of(&cloud.ecs, service).filter(|task| task.phase.is_alive()).collect()
}

/// Whether a task belongs to a deployment.
pub(super) fn is_of(task: &Task, deployment: &Deployment) -> bool {
    task.started_by == deployment.id
}

/// Whether a task runs and every check that there is says that it does well.
pub(super) fn is_fit(cloud: &Cloud, task: &Task) -> bool {
    task.phase == Phase::Running
        && (!has_own_check(cloud, task) || task.health == Health::Healthy)
        && target_states(cloud, task).all(|state| state == Some(TargetState::Healthy))
}

/// Whether a task has shown that its deployment works: fit, and if nobody checks, for a while.
pub(super) fn is_proven(cloud: &Cloud, task: &Task) -> bool {
    let unchecked = task.load_balancers.is_empty() && !has_own_check(cloud, task);
    let since = task.started.map_or(Duration::ZERO, |started| cloud.now.since(started));
    is_fit(cloud, task) && (!unchecked || since >= PROVEN)
}

/// The health of a task's targets, one a load balancer.
fn target_states(cloud: &Cloud, task: &Task) -> impl Iterator<Item = Option<TargetState>> {
    let states = task.load_balancers.iter();
    states.map(|balancer| {
        target_state(cloud, &balancer.target_group, &task.interface.address, balancer.port)
    })
}

/// How many tasks a deployment may have at most.
pub(super) fn upper(service: &Service) -> usize {
    let most = service.desired * service.options.deployment.maximum_percent / 100;
    usize::try_from(most).unwrap_or(0)
}

/// How many fit tasks a deployment must leave: all that are desired where there is room for more
/// beside them.
pub(super) fn floor(service: &Service) -> usize {
    let desired = desired(service);
    if upper(service) > desired {
        return desired;
    }
    let least = (service.desired * service.options.deployment.minimum_healthy_percent + 99) / 100;
    usize::try_from(least).unwrap_or(0)
}

pub(super) fn desired(service: &Service) -> usize {
    usize::try_from(service.desired).unwrap_or(0)
}
