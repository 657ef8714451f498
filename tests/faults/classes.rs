//! One classification of errors, by wire code and operation: aws-behaviour 24, row by row.

use provision::aws::{AwsError, Class, Operation};

#[track_caller]
fn class(operation: &'static str, code: &str, message: &str, expected: Class) {
    let class = AwsError::reported(Operation::new(operation), code, message).class();
    assert_eq!(class, expected, "{operation}: {code}: {message}");
}

#[track_caller]
fn all(codes: &[&str], expected: Class) {
    for code in codes {
        class("ec2:CreateVpc", code, "", expected);
    }
}

#[test]
fn too_many_calls_are_throttles_however_they_are_spelt() {
    all(
        &[
            "RequestLimitExceeded",
            "EC2ThrottledException",
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "TooManyRequestsException",
            "RequestThrottled",
            "RequestThrottledException",
            "SlowDown",
            "PriorRequestNotComplete",
            "BandwidthLimitExceeded",
            "ProvisionedThroughputExceededException",
            "TransactionInProgressException",
            "ConcurrentMutationLimitExceeded",
        ],
        Class::Throttled,
    );
}

#[test]
fn a_text_that_tells_of_the_rate_is_a_throttle_whatever_the_code() {
    let put = "application-autoscaling:PutScalingPolicy";
    class(put, "FailedResourceAccessException", "alarms: Rate exceeded", Class::Throttled);
    class("ecs:CreateCluster", "LimitExceededException", "Rate exceeded", Class::Throttled);
    class("iam:CreateRole", "ValidationError", "rate exceeded", Class::Throttled);
}

#[test]
fn a_limit_is_a_quota_where_the_sdk_sees_a_throttle() {
    class("ecs:CreateCluster", "LimitExceededException", "The limit was exceeded", Class::Quota);
    class("iam:CreateRole", "LimitExceeded", "Cannot exceed quota", Class::Quota);
}

#[test]
fn an_error_of_aws_itself_does_not_say_what_was_done() {
    all(
        &[
            "InternalError",
            "InternalFailure",
            "ServiceFailure",
            "ServerException",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "Unavailable",
            "InternalServiceException",
            "RequestTimeout",
        ],
        Class::UnknownOutcome,
    );
}

#[test]
fn what_exists_already_is_told_apart() {
    all(
        &[
            "InvalidGroup.Duplicate",
            "InvalidPermission.Duplicate",
            "InvalidSubnet.Conflict",
            "RouteAlreadyExists",
            "Resource.AlreadyAssociated",
            "EntityAlreadyExists",
            "ResourceAlreadyExistsException",
            "RepositoryAlreadyExistsException",
            "ResourceExistsException",
            "DuplicateLoadBalancerName",
            "DuplicateTargetGroupName",
            "DuplicateListener",
            "PriorityInUse",
        ],
        Class::AlreadyExists,
    );
    let text = "Creation of service was not idempotent.";
    class("ecs:CreateService", "InvalidParameterException", text, Class::AlreadyExists);
    let text = "Service role name AWSServiceRoleForECS has been taken in this account";
    class("iam:CreateServiceLinkedRole", "InvalidInput", text, Class::AlreadyExists);
    class("iam:CreateRole", "InvalidInput", "Invalid input", Class::Permanent);
}

#[test]
fn what_is_gone_is_gone_however_it_is_spelt() {
    all(
        &[
            "InvalidVpcID.NotFound",
            "InvalidRouteTableID.NotFound",
            "InvalidRouteTableId.NotFound",
            "InvalidSubnetID.NotFound",
            "InvalidSubnetId.NotFound",
            "InvalidGroup.NotFound",
            "InvalidSecurityGroupID.NotFound",
            "InvalidSecurityGroupRuleId.NotFound",
            "InvalidVpcEndpointId.NotFound",
            "InvalidVpcEndpoint.NotFound",
            "NatGatewayNotFound",
            "InvalidNatGatewayID.NotFound",
            "InvalidAllocationID.NotFound",
            "InvalidAddress.NotFound",
            "InvalidElasticIpID.NotFound",
            "InvalidInternetGatewayID.NotFound",
            "InvalidInternetGateway.NotFound",
            "InvalidGatewayID.NotFound",
            "InvalidRoute.NotFound",
            "InvalidPermission.NotFound",
            "InvalidAssociationID.NotFound",
            "Gateway.NotAttached",
            "NoSuchEntity",
            "ClusterNotFoundException",
            "ServiceNotFoundException",
            "ServiceNotActiveException",
            "LoadBalancerNotFound",
            "TargetGroupNotFound",
            "ListenerNotFound",
            "RuleNotFound",
            "ObjectNotFoundException",
            "ResourceNotFoundException",
            "RepositoryNotFoundException",
        ],
        Class::Gone,
    );
}

#[test]
fn what_is_in_use_is_told_apart() {
    all(
        &[
            "DependencyViolation",
            "InvalidGroup.InUse",
            "InvalidIPAddress.InUse",
            "ResourceInUse",
            "ResourceInUseException",
            "UpdateInProgressException",
            "ClusterContainsServicesException",
            "ClusterContainsTasksException",
            "ClusterContainsContainerInstancesException",
            "ClusterContainsCapacityProviderException",
            "DeleteConflict",
        ],
        Class::InUse,
    );
    let active = "The service cannot be stopped while deployments are active.";
    class("ecs:DeleteService", "InvalidParameterException", active, Class::InUse);
    let draining = "Unable to Start a service that is still Draining.";
    class("ecs:CreateService", "InvalidParameterException", draining, Class::InUse);
}

#[test]
fn a_code_that_lies_is_judged_by_its_operation() {
    let message = "You do not have permission to access the specified resource.";
    class("ec2:ReleaseAddress", "AuthFailure", message, Class::InUse);
    class("ec2:DescribeVpcs", "AuthFailure", "AWS was not able to validate", Class::Credentials);
}

#[test]
fn what_the_caller_may_not_do_is_told_apart() {
    all(&["UnauthorizedOperation", "AccessDenied", "AccessDeniedException"], Class::Denied);
    all(&["OptInRequired"], Class::Unavailable);
}

#[test]
fn credentials_that_do_not_hold_are_told_apart() {
    let codes = ["InvalidClientTokenId", "ExpiredToken", "ExpiredTokenException", "RequestExpired"];
    all(&codes, Class::Credentials);
    let error = |code| AwsError::reported(Operation::new("ec2:CreateVpc"), code, "");
    assert!(error("ExpiredToken").is_expiry());
    assert!(!error("InvalidClientTokenId").is_expiry(), "asking again would not help");
}

#[test]
fn quotas_are_told_apart() {
    all(
        &[
            "VpcLimitExceeded",
            "AddressLimitExceeded",
            "NatGatewayLimitExceeded",
            "InternetGatewayLimitExceeded",
            "VpcEndpointLimitExceeded",
            "RulesPerSecurityGroupLimitExceeded",
            "LimitExceeded",
            "TooManyLoadBalancers",
            "TooManyTargetGroups",
        ],
        Class::Quota,
    );
}

#[test]
fn everything_else_is_for_good() {
    all(
        &[
            "InvalidParameterValue",
            "InvalidParameterCombination",
            "ValidationError",
            "InvalidConfigurationRequest",
            "PlatformTaskDefinitionIncompatibilityException",
            "UnmodifiableEntity",
            "InvalidSubnet",
            "InvalidVpcID.Malformed",
            "IdempotentParameterMismatch",
            "OperationNotPermitted",
            "RepositoryNotEmptyException",
        ],
        Class::Permanent,
    );
}
