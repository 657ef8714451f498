//! Calls that are refused as too many, at random (aws-behaviour 24.1, 31.15).

use super::{Fault, Scene};
use crate::simulated_aws::endpoint::Verdict;
use crate::simulated_aws::wire::{ApiError, Service};

/// Throttles a share of all calls, whatever their number: others use the account too.
#[derive(Clone, Copy, Debug)]
pub struct Throttles {
    /// The share, from 0 to 1.
    pub share: f64,
}

impl Fault for Throttles {
    fn before(&mut self, scene: &mut Scene<'_>) -> Verdict {
        if scene.random.f64() < self.share {
            return Verdict::Refuse(throttle(scene.call.service));
        }
        Verdict::Pass
    }
}

/// How a service says that there are too many calls.
#[must_use]
pub fn throttle(service: Service) -> ApiError {
    match service {
        Service::Ec2 => {
            ApiError::new("RequestLimitExceeded", "Request limit exceeded.").with_status(503)
        }
        Service::Iam | Service::Elb | Service::Sts | Service::Sns | Service::CloudWatch => {
            ApiError::new("Throttling", "Rate exceeded")
        }
        Service::Ecs
        | Service::Logs
        | Service::SecretsManager
        | Service::Ssm
        | Service::CloudTrail => ApiError::new("ThrottlingException", "Rate exceeded"),
        Service::Scheduler => {
            ApiError::new("ThrottlingException", "Rate exceeded").with_status(429)
        }
        Service::S3 => {
            ApiError::new("SlowDown", "Please reduce your request rate.").with_status(503)
        }
        Service::ServiceQuotas => ApiError::new("TooManyRequestsException", "Rate exceeded"),
        // It is a service behind this one that is asked too much.
        Service::Autoscaling => ApiError::new(
            "FailedResourceAccessException",
            "Unable to access resource: Rate exceeded",
        ),
    }
}
