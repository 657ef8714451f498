//! What the kinds of Application Auto Scaling share: what it counts, and what passes.

use std::time::Duration;

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace};

use crate::aws::Patience;

/// The service whose numbers are moved.
pub const NAMESPACE: ServiceNamespace = ServiceNamespace::Ecs;

/// The number that is moved.
pub const DIMENSION: ScalableDimension = ScalableDimension::EcsServiceDesiredCount;

/// How long the errors below last at most (aws-behaviour 18.c, 24.3).
const PASSES_WITHIN: Duration = Duration::from_mins(2);

/// Another change is under way, or a service behind this one is busy (aws-behaviour 18.c).
pub const BUSY: Patience = Patience::with(
    &["ConcurrentUpdateException", "FailedResourceAccessException"],
    PASSES_WITHIN,
    "another change is under way, or a service behind is busy",
);

/// The role that AWS itself makes is not known everywhere at once (aws-behaviour 18.c).
pub const ROLE_KNOWN: Patience =
    Patience::with(&["ValidationException"], PASSES_WITHIN, "AWS's own role was just made")
        .saying("Unable to assume IAM role");

/// A service that was just made may not be found yet (aws-behaviour 18.c).
pub const VISIBLE_SERVICE: Patience =
    Patience::with(&["ValidationException"], PASSES_WITHIN, "the service was just made")
        .saying("ECS service doesn't exist");

/// A scalable target that was just registered may not be found yet (aws-behaviour 18.c).
pub const VISIBLE_TARGET: Patience = Patience::with(
    &["ObjectNotFoundException"],
    PASSES_WITHIN,
    "the scalable target was just registered",
);
