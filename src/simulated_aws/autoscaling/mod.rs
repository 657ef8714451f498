//! Application Auto Scaling, for the desired count of ECS services (aws-behaviour 18).
//!
//! There are no metrics here, so a policy is kept and shown but never moves anything; scheduled
//! actions do what they say when their time comes. The bounds of a scalable target are enforced
//! once after every registration, a little later, as AWS does it.

mod page;
mod policy;
mod scalable_target;
mod scheduled_action;
mod tags;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::scalable_target::ScalableTarget;
use super::clock::Moment;
use super::cloud::Cloud;
use super::endpoint::unknown_operation;
use super::wire::{Answer, ApiError, Parameters};

/// What the account holds here.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Autoscaling {
    /// By resource id: `service/main/app`.
    targets: BTreeMap<String, ScalableTarget>,
}

/// Answers an operation.
pub fn answer(cloud: &mut Cloud, operation: &str, request: Parameters<'_>) -> Answer {
    match operation {
        "RegisterScalableTarget" => scalable_target::register(cloud, request),
        "DescribeScalableTargets" => scalable_target::describe(cloud, request),
        "DeregisterScalableTarget" => scalable_target::deregister(cloud, request),
        "PutScalingPolicy" => policy::put(cloud, request),
        "DescribeScalingPolicies" => policy::describe(cloud, request),
        "DeleteScalingPolicy" => policy::delete(cloud, request),
        "PutScheduledAction" => scheduled_action::put(cloud, request),
        "DescribeScheduledActions" => scheduled_action::describe(cloud, request),
        "DeleteScheduledAction" => scheduled_action::delete(cloud, request),
        "TagResource" => tags::tag(cloud, request),
        "UntagResource" => tags::untag(cloud, request),
        "ListTagsForResource" => tags::list(cloud, request),
        _ => Err(unknown_operation(operation)),
    }
}

/// The next moment at which something changes by itself.
#[must_use]
pub fn next_due(cloud: &Cloud) -> Option<Moment> {
    let targets = cloud.autoscaling.targets.values();
    let moments = targets.flat_map(|target| {
        let actions = target.actions.values().filter_map(|action| action.next);
        target.enforced.into_iter().chain(actions)
    });
    moments.min()
}

/// Lets everything happen that is due at `cloud.now`.
pub fn pass(cloud: &mut Cloud) {
    scheduled_action::perform_due(cloud);
    scalable_target::enforce_due(cloud);
}

/// Forgets the scalable target of a deleted service, with its policies and scheduled actions.
///
/// AWS does so without a word (aws-behaviour 18.e).
pub fn service_deleted(cloud: &mut Cloud, cluster: &str, service: &str) {
    cloud.autoscaling.targets.remove(&format!("service/{cluster}/{service}"));
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}

fn required<'a>(request: Parameters<'a>, name: &str) -> Result<&'a str, ApiError> {
    let text = request.text(name).filter(|text| !text.is_empty());
    text.ok_or_else(|| invalid(format!("{name} must not be null or empty")))
}

/// A moment as this service writes it: in seconds since 1970, with a fraction.
fn seconds(cloud: &Cloud, moment: Moment) -> f64 {
    cloud.timestamp(moment).as_duration().as_secs_f64()
}
