//! Deployments: how they begin, complete, fail and roll back (aws-behaviour 17.d2, 17.d3).

use super::super::error::{invalid, service_not_found};
use super::super::model::{
    Deployment, Rollout, Service, ServiceDeployment, ServiceDeploymentStatus, ServiceRevision,
};
use super::{change, event, wake};
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::ApiError;

const BREAKER: &str = "ECS deployment circuit breaker:";

/// Begins a deployment of the service's template: it is primary at once, and what was, is no more.
pub(in super::super) fn begin(cloud: &mut Cloud, key: &str) -> Result<(), ApiError> {
    let id = fresh_number(cloud);
    let (revision, rollout) = (fresh_number(cloud), cloud.fresh_hex(22));
    let service = cloud.ecs.services.get(key).ok_or_else(service_not_found)?;
    let path = format!("{}/{}", service.cluster, service.name);
    let revision = cloud.arn("ecs", &format!("service-revision/{path}/{revision}"));
    let rollout = cloud.arn("ecs", &format!("service-deployment/{path}/{rollout}"));
    let now = cloud.now;
    let service = cloud.ecs.services.get_mut(key).ok_or_else(service_not_found)?;
    supersede(service, now);
    service.revisions.insert(
        0,
        ServiceRevision {
            arn: revision.clone(),
            template: service.template.clone(),
            created: now,
            completed: false,
        },
    );
    service.history.insert(
        0,
        ServiceDeployment {
            arn: rollout.clone(),
            status: ServiceDeploymentStatus::InProgress,
            reason: None,
            created: now,
            updated: now,
            finished: None,
            sources: service.deployments.iter().map(|one| one.revision.clone()).collect(),
            target: revision.clone(),
            breaker_triggered: false,
            failures: 0,
            rollback: None,
        },
    );
    let deployment = new_deployment(service, &id, revision, rollout, now);
    service.deployments.insert(0, deployment);
    service.steady = false;
    wake(cloud, key);
    Ok(())
}

fn new_deployment(
    service: &Service,
    number: &str,
    revision: String,
    rollout: String,
    now: Moment,
) -> Deployment {
    let id = format!("ecs-svc/{number}");
    Deployment {
        reason: format!("ECS deployment {id} in progress."),
        id,
        template: service.template.clone(),
        created: now,
        updated: now,
        rollout: Rollout::InProgress,
        failed_tasks: 0,
        launch_after: now,
        settled: None,
        revision,
        record: rollout,
    }
}

/// A rollout that is under way when the next begins is stopped.
fn supersede(service: &mut Service, now: Moment) {
    for rollout in service.history.iter_mut().filter(|rollout| rollout.finished.is_none()) {
        rollout.status = ServiceDeploymentStatus::Stopped;
        rollout.reason = Some("Service deployment was replaced by a newer one.".to_owned());
        rollout.updated = now;
        rollout.finished = Some(now);
    }
}

/// Nineteen digits, as deployments are numbered.
fn fresh_number(cloud: &mut Cloud) -> String {
    cloud.random().u64(1_000_000_000_000_000_000..10_000_000_000_000_000_000).to_string()
}

/// Removes a deployment that has no tasks any more.
pub(super) fn forget(cloud: &mut Cloud, key: &str, id: &str) {
    change(cloud, key, |service| service.deployments.retain(|one| one.id != id));
}

/// Notes since when all is well, or that it is no longer.
pub(super) fn settle(cloud: &mut Cloud, key: &str, settled: bool) {
    let now = cloud.now;
    change(cloud, key, |service| {
        if let Some(primary) = service.deployments.first_mut() {
            primary.settled = settled.then_some(now);
        }
        service.steady = false;
    });
}

/// Ends the rollout of the primary deployment well.
pub(super) fn complete(cloud: &mut Cloud, key: &str) {
    let now = cloud.now;
    let mut id = String::new();
    change(cloud, key, |service| {
        let Some(primary) = service.deployments.first_mut() else { return };
        id.clone_from(&primary.id);
        primary.rollout = Rollout::Completed;
        primary.reason = format!("ECS deployment {id} completed.");
        primary.updated = now;
        let (revision, rollout) = (primary.revision.clone(), primary.record.clone());
        if let Some(revision) = service.revisions.iter_mut().find(|one| one.arn == revision) {
            revision.completed = true;
        }
        service.steady = true;
        finish(service, &rollout, now, |status| match status {
            ServiceDeploymentStatus::RollbackInProgress => {
                ServiceDeploymentStatus::RollbackSuccessful
            }
            _ => ServiceDeploymentStatus::Successful,
        });
    });
    event(cloud, key, &format!("(deployment {id}) deployment completed."));
    event(cloud, key, "has reached a steady state.");
}

fn finish(
    service: &mut Service,
    arn: &str,
    now: Moment,
    status: impl FnOnce(ServiceDeploymentStatus) -> ServiceDeploymentStatus,
) {
    if let Some(rollout) = service.history.iter_mut().find(|rollout| rollout.arn == arn) {
        rollout.status = status(rollout.status);
        rollout.updated = now;
        rollout.finished = Some(now);
    }
}

/// The primary deployment has failed too often: it ends, and the last one that was complete comes
/// back if the service asks for that and there is one.
pub(super) fn breaker_tripped(cloud: &mut Cloud, key: &str) {
    let reason = format!("{BREAKER} tasks failed to start.");
    let failed = end_badly(cloud, key, &reason);
    event(cloud, key, &format!("(deployment {failed}) deployment failed: tasks failed to start."));
    change(cloud, key, |service| {
        let failures = service.deployments.first().map_or(0, |primary| primary.failed_tasks);
        if let Some(rollout) = service.history.first_mut() {
            rollout.breaker_triggered = true;
            rollout.failures = failures;
        }
    });
    let wanted = |service: &Service| service.options.deployment.breaker.rollback;
    if cloud.ecs.services.get(key).is_some_and(wanted) {
        roll_back(cloud, key, BREAKER);
    }
}

/// Stops a rollout by request, with or without going back to the last one that was complete.
///
/// # Errors
///
/// `InvalidParameterException` when there is nothing to go back to (inferred).
pub(in super::super) fn stop_rollout(
    cloud: &mut Cloud,
    key: &str,
    rolls_back: bool,
) -> Result<(), ApiError> {
    let service = cloud.ecs.services.get(key).ok_or_else(service_not_found)?;
    if rolls_back && last_complete(service).is_none() {
        return Err(invalid("There is no service revision to roll back to."));
    }
    let reason = "Service deployment stopped by user.";
    end_badly(cloud, key, reason);
    if rolls_back {
        roll_back(cloud, key, "Service deployment stopped by user:");
    }
    wake(cloud, key);
    Ok(())
}

/// Ends the primary deployment as failed, and tells its id.
fn end_badly(cloud: &mut Cloud, key: &str, reason: &str) -> String {
    let now = cloud.now;
    let mut id = String::new();
    change(cloud, key, |service| {
        let Some(primary) = service.deployments.first_mut() else { return };
        id.clone_from(&primary.id);
        primary.rollout = Rollout::Failed;
        reason.clone_into(&mut primary.reason);
        primary.updated = now;
        primary.settled = None;
        let rollout = primary.record.clone();
        finish(service, &rollout, now, |status| match status {
            ServiceDeploymentStatus::RollbackInProgress => ServiceDeploymentStatus::RollbackFailed,
            _ => ServiceDeploymentStatus::Stopped,
        });
        if let Some(rollout) = service.history.iter_mut().find(|one| one.arn == rollout) {
            rollout.reason = Some(reason.to_owned());
        }
    });
    id
}

/// The newest revision that ever ran completely, other than the primary deployment's.
fn last_complete(service: &Service) -> Option<&ServiceRevision> {
    let primary = service.deployments.first()?;
    service.revisions.iter().find(|one| one.completed && one.arn != primary.revision)
}

/// Makes the last complete deployment primary again, under its old id if any of its tasks are left.
///
/// A rollback that fails is not rolled back itself.
fn roll_back(cloud: &mut Cloud, key: &str, why: &str) {
    let fresh = format!("ecs-svc/{}", fresh_number(cloud));
    let now = cloud.now;
    let mut returned = None;
    change(cloud, key, |service| {
        let Some(revision) = last_complete(service).cloned() else { return };
        let Some(failed) = service.deployments.first().cloned() else { return };
        let rollout = service.history.iter_mut().find(|one| one.arn == failed.record);
        let Some(rollout) =
            rollout.filter(|one| one.status != ServiceDeploymentStatus::RollbackFailed)
        else {
            return;
        };
        rollout.status = ServiceDeploymentStatus::RollbackInProgress;
        rollout.finished = None;
        rollout.rollback = Some((failed.reason.clone(), now, revision.arn.clone()));
        service.template = revision.template.clone();
        let standing = service.deployments.iter().position(|one| one.revision == revision.arn);
        let mut primary = match standing {
            Some(index) => service.deployments.remove(index),
            None => {
                Deployment { id: fresh, revision: revision.arn, created: now, ..failed.clone() }
            }
        };
        primary.template = revision.template;
        primary.rollout = Rollout::InProgress;
        primary.reason = format!("{why} rolling back to deploymentId {}.", primary.id);
        primary.updated = now;
        primary.failed_tasks = 0;
        primary.launch_after = now;
        primary.settled = None;
        primary.record = failed.record;
        returned = Some(primary.id.clone());
        service.deployments.insert(0, primary);
    });
    if let Some(id) = returned {
        event(cloud, key, &format!("rolling back to deployment {id}."));
    }
}
