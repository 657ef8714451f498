//! What was just done is not seen everywhere yet (aws-behaviour 0.1.1, 0.1.2, 24.3, 31.1, 31.2).
//!
//! AWS answers from many copies of what it knows, and some of them are behind. Here a copy is the
//! whole cloud as it was before one of the latest changes, and a call that meets it is answered as
//! the room itself answers: what was just made is missing from lists and not found by its id,
//! what was just changed is as it was. So visibility comes, goes and comes back.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Fault, Scene};
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::endpoint::{Call, Verdict, dispatch};
use crate::simulated_aws::wire::{ApiError, Service};

/// Copies of the cloud that are behind.
#[derive(Debug)]
pub struct LaggingReplica {
    lag: Duration,
    share: f64,
    services: Vec<Service>,
    /// The cloud before each of the latest changes, and when they were.
    past: VecDeque<(Moment, Cloud)>,
}

impl LaggingReplica {
    /// A `share` of the calls, from 0 to 1, meets a copy that is up to `lag` behind.
    #[must_use]
    pub fn new(lag: Duration, share: f64) -> Self {
        let services = vec![
            Service::Ec2,
            Service::Iam,
            Service::Elb,
            Service::Ecs,
            Service::Logs,
            Service::Autoscaling,
        ];
        Self { lag, share, services, past: VecDeque::new() }
    }

    /// The same, for some services only.
    #[must_use]
    pub fn of(self, services: &[Service]) -> Self {
        Self { services: services.to_vec(), ..self }
    }

    /// A copy that this call meets.
    fn met(&self, scene: &mut Scene<'_>) -> Option<Cloud> {
        let is_behind = !self.past.is_empty()
            && self.services.contains(&scene.call.service)
            && scene.random.f64() < self.share;
        is_behind.then(|| self.past[scene.random.usize(..self.past.len())].1.clone())
    }
}

impl Fault for LaggingReplica {
    fn before(&mut self, scene: &mut Scene<'_>) -> Verdict {
        let now = scene.cloud.now;
        while self.past.front().is_some_and(|(then, _)| now.since(*then) >= self.lag) {
            self.past.pop_front();
        }
        let copy = self.met(scene);
        if scene.call.is_mutating() {
            self.past.push_back((now, scene.cloud.clone()));
        }
        let Some(mut copy) = copy else { return Verdict::Pass };
        match dispatch(&mut copy, scene.call) {
            Ok(answer) if !scene.call.is_mutating() => Verdict::Answer(answer),
            Err(error) if is_believed(scene.call, &error) => Verdict::Refuse(error),
            _ => Verdict::Pass,
        }
    }
}

/// Whether a copy's refusal reaches the caller: all of a read's; of a change those that say that
/// what it names is not there, or is still in use. A copy does not know that what is to be removed
/// was ever made, but AWS does not say of a removal that there was nothing to remove.
fn is_believed(call: &Call, error: &ApiError) -> bool {
    let code = error.code.as_str();
    let missing = code.contains("NotFound") || code == "NoSuchEntity";
    let busy = matches!(
        code,
        "DependencyViolation" | "ResourceInUse" | "DeleteConflict" | "TargetGroupAssociationLimit"
    );
    let removes = ["Delete", "Detach", "Release", "Disassociate", "Revoke", "Deregister"];
    let removes = removes.iter().any(|verb| call.operation.starts_with(verb));
    !call.is_mutating() || busy || (missing && !removes)
}
