//! The roles that AWS's own services work with: one a service, made once in an account
//! (aws-behaviour 10).
//!
//! Each service makes its role by itself with its first resource, but some do so while the call
//! that needs it is already failing. Made beforehand, they are there. They are the account's and
//! not the stack's: nothing here ever removes one.

use crate::aws::{Aws, AwsError, Class, Operation};
use crate::resource::Kind;

use super::finding::{Check, Finding, Weight};

/// A service with a role of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Linked {
    /// ECS.
    Ecs,
    /// Elastic Load Balancing.
    Elb,
    /// Application Auto Scaling, for services of ECS.
    Autoscaling,
}

impl Linked {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Ecs, Self::Elb, Self::Autoscaling];

    /// The service that makes resources of the kind with a role of its own.
    pub fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Cluster => Some(Self::Ecs),
            Kind::LoadBalancer => Some(Self::Elb),
            Kind::ScalableTarget => Some(Self::Autoscaling),
            _ => None,
        }
    }

    /// The service's name in IAM.
    pub fn service(self) -> &'static str {
        match self {
            Self::Ecs => "ecs.amazonaws.com",
            Self::Elb => "elasticloadbalancing.amazonaws.com",
            Self::Autoscaling => "ecs.application-autoscaling.amazonaws.com",
        }
    }

    /// The role's name.
    pub fn role(self) -> &'static str {
        match self {
            Self::Ecs => "AWSServiceRoleForECS",
            Self::Elb => "AWSServiceRoleForElasticLoadBalancing",
            Self::Autoscaling => "AWSServiceRoleForApplicationAutoScaling_ECSService",
        }
    }

    /// What people call the service.
    pub fn title(self) -> &'static str {
        match self {
            Self::Ecs => "ECS",
            Self::Elb => "Elastic Load Balancing",
            Self::Autoscaling => "Application Auto Scaling",
        }
    }
}

/// Makes the roles that are missing. One that somebody else has just made is there too.
///
/// It does not fail: whoever may not make them may still find that the service does.
pub async fn make(aws: &Aws, missing: &[Linked]) -> Vec<Finding> {
    let made = missing.iter().map(|linked| async move {
        let refused = create(aws, *linked).await.err()?;
        Some(not_made(*linked, &refused))
    });
    futures::future::join_all(made).await.into_iter().flatten().collect()
}

async fn create(aws: &Aws, linked: Linked) -> Result<(), AwsError> {
    const CREATE: Operation = Operation::new("iam:CreateServiceLinkedRole");
    let send = || aws.iam().create_service_linked_role().aws_service_name(linked.service()).send();
    match aws.call(CREATE, send).await {
        Err(error) if error.class() == Class::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

fn not_made(linked: Linked, refused: &AwsError) -> Finding {
    let (title, role, service) = (linked.title(), linked.role(), linked.service());
    Finding::new(
        Weight::Doubtful,
        Check::ServiceLinkedRole,
        format!("the role {role} could not be made"),
        format!(
            "{title} has not been used in this account, and works with this role. It makes it by \
             itself if the caller may have it made. AWS said: {refused}"
        ),
    )
    .remedy(format!(
        "have somebody run `aws iam create-service-linked-role --aws-service-name {service}`, \
         once for the account"
    ))
    .remedy(format!("or allow `iam:CreateServiceLinkedRole` for {service}"))
}
