//! Answers that do not come, or do not say whether it was done (aws-behaviour 24.2, 31.4).

use super::{Fault, Scene};
use crate::simulated_aws::endpoint::Verdict;
use crate::simulated_aws::wire::{Answer, ApiError, Service};

/// Loses a share of the answers: with an error of AWS's own, or a connection that breaks.
#[derive(Clone, Debug, Default)]
pub struct LostAnswers {
    /// The share that is lost before the call takes effect, from 0 to 1.
    pub before: f64,
    /// The share that is lost once it has.
    pub after: f64,
    /// Operations whose next answers are lost for certain, once they are carried out.
    pub next: Vec<&'static str>,
    /// Whether a lost answer is one that never comes, rather than an error.
    pub silent: bool,
}

impl LostAnswers {
    fn loses(&self, scene: &mut Scene<'_>) -> Verdict {
        if self.silent {
            return Verdict::Silence;
        }
        if scene.random.bool() { Verdict::Disconnect } else { Verdict::Refuse(failure(scene)) }
    }
}

/// An error of AWS's own, as the service spells it.
fn failure(scene: &Scene<'_>) -> ApiError {
    let (status, code) = match scene.call.service {
        Service::Ec2 | Service::S3 | Service::Sns => (500, "InternalError"),
        Service::Scheduler => (500, "InternalServerException"),
        Service::CloudWatch => (500, "InternalServiceFault"),
        Service::Iam => (500, "ServiceFailure"),
        Service::Elb | Service::Sts => (500, "InternalFailure"),
        Service::Ecs => (500, "ServerException"),
        Service::Logs => (503, "ServiceUnavailableException"),
        Service::Autoscaling => (500, "InternalServiceException"),
        Service::SecretsManager => (500, "InternalServiceError"),
        Service::ServiceQuotas => (500, "ServiceException"),
        Service::Ssm | Service::CloudTrail => (500, "InternalServerError"),
    };
    ApiError::new(code, "An internal error has occurred.").with_status(status)
}

impl Fault for LostAnswers {
    fn before(&mut self, scene: &mut Scene<'_>) -> Verdict {
        let lost = self.before > 0.0 && scene.random.f64() < self.before;
        if lost { self.loses(scene) } else { Verdict::Pass }
    }

    fn after(&mut self, scene: &mut Scene<'_>, _: &Answer) -> Verdict {
        let told = self.next.iter().position(|operation| *operation == scene.call.operation);
        if let Some(place) = told {
            self.next.remove(place);
            return self.loses(scene);
        }
        let lost = self.after > 0.0 && scene.random.f64() < self.after;
        if lost { self.loses(scene) } else { Verdict::Pass }
    }
}
