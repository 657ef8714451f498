//! How far a service is.
//!
//! The rule of aws-behaviour 17.d2: a deployment has succeeded when it is the primary one, its
//! rollout is complete and what runs is what is desired. One that is no longer the primary has
//! been rolled back or replaced, however stable the service is.

use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service};

use super::super::Readiness;
use super::super::ecs::name_in;
use super::calls::ACTIVE;

/// The deployment that stands: the latest that was not rolled back.
pub fn primary(service: &Service) -> Option<&Deployment> {
    service.deployments().iter().find(|deployment| is_primary(deployment))
}

fn is_primary(deployment: &Deployment) -> bool {
    deployment.status() == Some("PRIMARY")
}

/// How far a service is, by what it says of itself: whichever deployment is the primary one.
///
/// A deployment of an earlier run whose tasks keep failing counts as failed: ECS makes ever longer
/// pauses between its attempts (aws-behaviour 17.d3), and a new deployment starts afresh.
pub fn of_service(service: &Service) -> Readiness {
    going(service).unwrap_or_else(|| match primary(service) {
        Some(primary) if is_failing(primary) => Readiness::Failed(failing(primary)),
        Some(primary) => of_primary(service, primary, None),
        None => Readiness::Pending("no deployment yet".into()),
    })
}

/// How far the deployment is that was remembered as `id`, with so many healthy targets.
///
/// Where none was remembered, the primary one is meant.
pub fn of_deployment(service: &Service, id: &str, healthy: usize) -> Readiness {
    if let Some(going) = going(service) {
        return going;
    }
    let Some(primary) = primary(service) else {
        return Readiness::Pending("no deployment yet".into());
    };
    if id.is_empty() || primary.id() == Some(id) {
        return of_primary(service, primary, Some(healthy));
    }
    let own = service.deployments().iter().find(|deployment| deployment.id() == Some(id));
    Readiness::Failed(superseded(id, own, primary))
}

/// The end of a deployment of which the service no longer tells, rolled back for `reason`.
pub fn rolled_back(service: &Service, reason: &str) -> Readiness {
    let now = primary(service).map_or("an earlier revision", task_definition);
    let reason = if reason.is_empty() { "ECS gives no reason" } else { reason };
    Readiness::Failed(format!("the deployment was rolled back to {now}: {reason}"))
}

/// Whether the deployment that was remembered as `id` is neither listed nor accounted for: it was
/// rolled back or replaced long ago, or what was read is older than it.
pub fn has_lost(service: &Service, id: &str) -> bool {
    let is_listed = service.deployments().iter().any(|one| one.id() == Some(id));
    let reason = primary(service).and_then(Deployment::rollout_state_reason);
    going(service).is_none()
        && !id.is_empty()
        && !is_listed
        && !reason.is_some_and(tells_of_rollback)
}

fn is_failing(own: &Deployment) -> bool {
    own.rollout_state() == Some(&DeploymentRolloutState::InProgress) && own.failed_tasks() > 0
}

fn failing(own: &Deployment) -> String {
    let failed = usize::try_from(own.failed_tasks()).unwrap_or_default();
    format!("{} of its last deployment, of {}, failed", tasks(failed), task_definition(own))
}

/// How far a service is that is no longer listed, when so many of its tasks are still stopping.
pub fn gone(stopping: usize) -> Readiness {
    match stopping {
        0 => Readiness::Absent,
        left => Readiness::Pending(format!("deleted, {} stopping", tasks(left))),
    }
}

fn going(service: &Service) -> Option<Readiness> {
    let status = service.status().filter(|status| *status != ACTIVE)?;
    let left = service.running_count() + service.pending_count();
    let left = tasks(usize::try_from(left).unwrap_or_default());
    Some(Readiness::Leaving(format!("{}, {left} left", status.to_lowercase())))
}

fn of_primary(service: &Service, own: &Deployment, healthy: Option<usize>) -> Readiness {
    let settled = match own.rollout_state() {
        Some(DeploymentRolloutState::Failed) => return Readiness::Failed(failure(own)),
        state => state == Some(&DeploymentRolloutState::Completed),
    };
    let running = usize::try_from(service.running_count()).unwrap_or_default();
    let complete = service.running_count() == service.desired_count()
        && service.pending_count() == 0
        && healthy.is_none_or(|healthy| healthy >= running);
    if settled && complete { Readiness::Ready } else { Readiness::Pending(progress(own, healthy)) }
}

/// `1 of 2 running, 0 healthy`.
fn progress(own: &Deployment, healthy: Option<usize>) -> String {
    let running = format!("{} of {} running", own.running_count(), own.desired_count());
    match healthy {
        Some(healthy) => format!("{running}, {healthy} healthy"),
        None => running,
    }
}

fn failure(deployment: &Deployment) -> String {
    let reason = deployment.rollout_state_reason().unwrap_or("ECS gives no reason");
    format!("the deployment of {} failed: {reason}", task_definition(deployment))
}

/// Why a deployment is no longer the primary one, and which is.
fn superseded(id: &str, own: Option<&Deployment>, primary: &Deployment) -> String {
    let now = task_definition(primary);
    if let Some(own) = own.filter(|own| failed(own)) {
        return format!("{}; rolled back to {now}", failure(own));
    }
    if let Some(reason) = primary.rollout_state_reason().filter(|said| tells_of_rollback(said)) {
        return format!("the deployment was rolled back to {now}: {reason}");
    }
    let other = primary.id().unwrap_or("another");
    format!("the deployment {id} was rolled back or replaced: {other}, of {now}, stands")
}

fn failed(deployment: &Deployment) -> bool {
    deployment.rollout_state() == Some(&DeploymentRolloutState::Failed)
}

fn tells_of_rollback(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    reason.contains("rolling back") || reason.contains("rolled back") || reason.contains("rollback")
}

fn task_definition(deployment: &Deployment) -> &str {
    deployment.task_definition().map_or("an unknown task definition", name_in)
}

fn tasks(count: usize) -> String {
    if count == 1 { "1 task".into() } else { format!("{count} tasks") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "ecs-svc/2";

    fn deployment(id: &str, status: &str, state: DeploymentRolloutState) -> Deployment {
        Deployment::builder()
            .id(id)
            .status(status)
            .rollout_state(state)
            .task_definition(format!("arn:aws:ecs:r:1:task-definition/shop:{}", &id[8..]))
            .desired_count(2)
            .running_count(2)
            .build()
    }

    fn service(deployments: Vec<Deployment>) -> Service {
        Service::builder()
            .status("ACTIVE")
            .desired_count(2)
            .running_count(2)
            .set_deployments(Some(deployments))
            .build()
    }

    fn completed() -> Service {
        service(vec![deployment(OWN, "PRIMARY", DeploymentRolloutState::Completed)])
    }

    #[test]
    fn a_complete_rollout_with_healthy_targets_is_ready() {
        assert_eq!(of_deployment(&completed(), OWN, 2), Readiness::Ready);
        assert_eq!(of_service(&completed()), Readiness::Ready);
    }

    #[test]
    fn a_complete_rollout_without_healthy_targets_is_not() {
        let pending = Readiness::Pending("2 of 2 running, 1 healthy".into());
        assert_eq!(of_deployment(&completed(), OWN, 1), pending);
    }

    #[test]
    fn equal_counts_are_not_enough_while_the_rollout_goes_on() {
        let going = service(vec![deployment(OWN, "PRIMARY", DeploymentRolloutState::InProgress)]);
        assert!(matches!(of_deployment(&going, OWN, 2), Readiness::Pending(_)));
        assert_eq!(of_service(&going), Readiness::Pending("2 of 2 running".into()));
    }

    #[test]
    fn a_task_that_is_starting_is_waited_for() {
        let mut starting = completed();
        starting.pending_count = 1;
        assert!(matches!(of_deployment(&starting, OWN, 2), Readiness::Pending(_)));
    }

    #[test]
    fn a_failed_deployment_says_why() {
        let mut failed = deployment(OWN, "PRIMARY", DeploymentRolloutState::Failed);
        failed.rollout_state_reason = Some("tasks failed to start.".into());
        let reason = "the deployment of shop:2 failed: tasks failed to start.";
        assert_eq!(of_deployment(&service(vec![failed]), OWN, 0), Readiness::Failed(reason.into()));
    }

    #[test]
    fn a_stable_service_on_an_earlier_deployment_was_rolled_back() {
        let mut earlier = deployment("ecs-svc/1", "PRIMARY", DeploymentRolloutState::Completed);
        let why = "circuit breaker: rolling back to deploymentId ecs-svc/1.";
        earlier.rollout_state_reason = Some(why.into());
        let reason = format!("the deployment was rolled back to shop:1: {why}");
        assert_eq!(of_deployment(&service(vec![earlier]), OWN, 2), Readiness::Failed(reason));
    }

    #[test]
    fn a_rollback_names_the_failure_while_it_can_be_seen() {
        let failed = deployment(OWN, "ACTIVE", DeploymentRolloutState::Failed);
        let earlier = deployment("ecs-svc/1", "PRIMARY", DeploymentRolloutState::InProgress);
        let reason = "the deployment of shop:2 failed: ECS gives no reason; rolled back to shop:1"
            .to_owned();
        let both = service(vec![earlier, failed]);
        assert_eq!(of_deployment(&both, OWN, 2), Readiness::Failed(reason));
    }

    #[test]
    fn a_deployment_that_somebody_replaced_says_by_which() {
        let later = deployment("ecs-svc/3", "PRIMARY", DeploymentRolloutState::InProgress);
        let reason =
            "the deployment ecs-svc/2 was rolled back or replaced: ecs-svc/3, of shop:3, stands"
                .to_owned();
        assert_eq!(of_deployment(&service(vec![later]), OWN, 2), Readiness::Failed(reason));
    }

    #[test]
    fn an_earlier_deployment_that_failed_does_not_count() {
        let own = deployment(OWN, "PRIMARY", DeploymentRolloutState::Completed);
        let earlier = deployment("ecs-svc/1", "ACTIVE", DeploymentRolloutState::Failed);
        assert_eq!(of_deployment(&service(vec![own, earlier]), OWN, 2), Readiness::Ready);
    }

    #[test]
    fn a_rollback_that_is_over_names_what_runs_and_why() {
        let earlier = deployment("ecs-svc/1", "PRIMARY", DeploymentRolloutState::Completed);
        let reason = "the deployment was rolled back to shop:1: tasks failed to start.".to_owned();
        let readiness = rolled_back(&service(vec![earlier]), "tasks failed to start.");
        assert_eq!(readiness, Readiness::Failed(reason));
    }

    #[test]
    fn a_deployment_is_lost_that_is_neither_listed_nor_accounted_for() {
        let earlier = deployment("ecs-svc/1", "PRIMARY", DeploymentRolloutState::Completed);
        assert!(has_lost(&service(vec![earlier.clone()]), OWN));
        let mut rolled_back = earlier;
        rolled_back.rollout_state_reason = Some("circuit breaker: rolling back to …".into());
        assert!(!has_lost(&service(vec![rolled_back]), OWN));
        assert!(!has_lost(&completed(), OWN));
    }

    #[test]
    fn an_earlier_run_s_deployment_whose_tasks_fail_is_to_be_tried_again() {
        let mut failing = deployment(OWN, "PRIMARY", DeploymentRolloutState::InProgress);
        failing.failed_tasks = 2;
        let why = "2 tasks of its last deployment, of shop:2, failed".to_owned();
        assert_eq!(of_service(&service(vec![failing.clone()])), Readiness::Failed(why));
        assert!(matches!(of_deployment(&service(vec![failing]), OWN, 0), Readiness::Pending(_)));
    }

    #[test]
    fn the_primary_one_is_meant_where_none_was_remembered() {
        assert_eq!(of_deployment(&completed(), "", 2), Readiness::Ready);
    }

    #[test]
    fn a_service_that_drains_says_what_is_left() {
        let mut draining = completed();
        draining.status = Some("DRAINING".into());
        draining.running_count = 1;
        let leaving = Readiness::Leaving("draining, 1 task left".into());
        assert_eq!(of_deployment(&draining, OWN, 0), leaving);
        assert_eq!(of_service(&draining), leaving);
    }

    #[test]
    fn a_deleted_service_is_there_until_its_tasks_have_stopped() {
        assert_eq!(gone(2), Readiness::Pending("deleted, 2 tasks stopping".into()));
        assert_eq!(gone(0), Readiness::Absent);
    }
}
