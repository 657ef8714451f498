//! A key that holds only for a while (aws-behaviour 24.8, 31.21).

use super::{Fault, Scene};
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::endpoint::Verdict;
use crate::simulated_aws::wire::{ApiError, Service};

/// Refuses, from a moment on, every call that is signed with a key.
#[derive(Clone, Debug)]
pub struct ExpiredCredentials {
    /// The key's id.
    pub key: &'static str,
    /// When it expires.
    pub at: Moment,
}

impl Fault for ExpiredCredentials {
    fn before(&mut self, scene: &mut Scene<'_>) -> Verdict {
        if scene.call.access_key != self.key || scene.cloud.now < self.at {
            return Verdict::Pass;
        }
        let (status, code) = match scene.call.service {
            Service::Ec2 => (400, "RequestExpired"),
            Service::Iam | Service::Elb | Service::Sts => (403, "ExpiredToken"),
            Service::Ecs
            | Service::Logs
            | Service::Autoscaling
            | Service::SecretsManager
            | Service::ServiceQuotas
            | Service::Ssm
            | Service::CloudTrail
            | Service::Scheduler => (400, "ExpiredTokenException"),
            Service::S3 | Service::Sns | Service::CloudWatch => (400, "ExpiredToken"),
        };
        let message = "The security token included in the request is expired";
        Verdict::Refuse(ApiError::new(code, message).with_status(status))
    }
}
