//! The token buckets of the real AWS: as many calls at once, so many a second (aws-behaviour 27).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Fault, Scene, throttle};
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::endpoint::{Call, Verdict};
use crate::simulated_aws::wire::Service;

/// Throttles calls of which there are too many: each family has a bucket of tokens.
#[derive(Clone, Debug)]
pub struct Buckets {
    /// What all sizes and rates are multiplied with: below 1, others take the rest.
    share: f64,
    levels: BTreeMap<&'static str, (f64, Moment)>,
    refused: Arc<AtomicUsize>,
}

/// A family of calls that share a bucket: its name, how many tokens it holds, and how many come
/// back a second.
type Family = (&'static str, f64, f64);

impl Buckets {
    /// The documented sizes, times `share`.
    #[must_use]
    pub fn new(share: f64) -> Self {
        Self { share, levels: BTreeMap::new(), refused: Arc::default() }
    }

    /// How many calls were throttled; it goes on counting.
    #[must_use]
    pub fn refused(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.refused)
    }

    fn takes_token(&mut self, (name, burst, rate): Family, now: Moment) -> bool {
        let (burst, rate) = ((burst * self.share).max(1.0), rate * self.share);
        let (level, then) = self.levels.entry(name).or_insert((burst, now));
        let level_now = (*level + now.since(*then).as_secs_f64() * rate).min(burst);
        let taken = level_now >= 1.0;
        *level = if taken { level_now - 1.0 } else { level_now };
        *then = now;
        taken
    }
}

impl Fault for Buckets {
    fn touches(&self) -> bool {
        false
    }

    fn before(&mut self, scene: &mut Scene<'_>) -> Verdict {
        let families = families(scene.call);
        let now = scene.cloud.now;
        if families.into_iter().all(|family| self.takes_token(family, now)) {
            return Verdict::Pass;
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        Verdict::Refuse(throttle(scene.call.service))
    }
}

fn families(call: &Call) -> Vec<Family> {
    let operation = call.operation.as_str();
    match call.service {
        Service::Ec2 => vec![ec2(operation, call.is_mutating())],
        Service::Elb => vec![("elb", 40.0, 10.0), elb(operation, call.is_mutating())],
        Service::Ecs => vec![ecs(operation, call.is_mutating())],
        // Two a second for each account and region ("LookupEvents" in CloudTrail's API reference).
        Service::CloudTrail => vec![("cloudtrail lookups", 2.0, 2.0)],
        // Nothing is published of the others.
        Service::Iam
        | Service::Sts
        | Service::Logs
        | Service::Autoscaling
        | Service::SecretsManager
        | Service::ServiceQuotas
        | Service::Ssm
        | Service::S3
        | Service::Scheduler
        | Service::Sns
        | Service::CloudWatch => Vec::new(),
    }
}

fn ec2(operation: &str, mutating: bool) -> Family {
    match operation {
        "CreateVpcEndpoint" | "ModifyVpcEndpoint" | "DeleteVpcEndpoints" => {
            ("ec2 endpoints", 4.0, 0.3)
        }
        "CreateNatGateway" | "DeleteNatGateway" | "AssociateNatGatewayAddress" => {
            ("ec2 gateways", 10.0, 1.0)
        }
        "CreateTags" | "DeleteTags" => ("ec2 tags", 100.0, 10.0),
        "AuthorizeSecurityGroupIngress" | "RevokeSecurityGroupIngress" => {
            ("ec2 ingress", 50.0, 5.0)
        }
        _ if mutating => ("ec2 writes", 50.0, 5.0),
        _ => ("ec2 reads", 100.0, 20.0),
    }
}

fn elb(operation: &str, mutating: bool) -> Family {
    match operation {
        "CreateLoadBalancer" | "SetSubnets" => ("elb balancers", 10.0, 0.2),
        "RegisterTargets" | "DeregisterTargets" => ("elb targets", 20.0, 4.0),
        _ if mutating => ("elb writes", 20.0, 3.0),
        _ => ("elb reads", 40.0, 10.0),
    }
}

fn ecs(operation: &str, mutating: bool) -> Family {
    match operation {
        "RegisterTaskDefinition" | "DeregisterTaskDefinition" => ("ecs definitions", 20.0, 1.0),
        "DeleteTaskDefinitions" => ("ecs deletions of definitions", 5.0, 1.0),
        "TagResource" | "UntagResource" => ("ecs tags", 20.0, 10.0),
        "ListTagsForResource" => ("ecs lists of tags", 50.0, 20.0),
        _ if operation.contains("Cluster") && mutating => ("ecs cluster writes", 20.0, 1.0),
        _ if operation.contains("Cluster") => ("ecs cluster reads", 50.0, 20.0),
        _ if operation.contains("Deployment") || operation.contains("Revision") => {
            ("ecs deployments", 50.0, 20.0)
        }
        _ if mutating => ("ecs service writes", 50.0, 5.0),
        _ => ("ecs service reads", 100.0, 20.0),
    }
}
