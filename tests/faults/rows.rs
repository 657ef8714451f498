//! Errors that pass by themselves and errors that do not: the rows of aws-behaviour 24.3, 24.6
//! and 24.8, one test each.
//!
//! Each test lives through its row twice: an error that stays is given up once the time is over
//! that the row allows, and not before; one that passes costs nothing but the wait. So each shows
//! too that a run which failed goes on when it is run again.

use std::time::Duration;

use provision::event::Event;
use provision::simulated_aws::faults::Refusals;
use provision::simulated_aws::wire::ApiError;

use crate::world::{SMALL, World};

/// When in the stack's life the operation is called.
#[derive(Clone, Copy, PartialEq)]
enum When {
    Up,
    Update,
    Down,
}

use When::{Down, Up, Update};

/// The small stack with another image.
fn updated() -> String {
    SMALL.replace("example/shop:1", "example/shop:2")
}

async fn run(world: &mut World, when: When) -> bool {
    let summary = match when {
        Up => world.tries_up(SMALL, None).await.0,
        Update => world.tries_up(&updated(), None).await.0,
        Down => world.tries_down().await.0,
    };
    summary.is_complete()
}

/// A world in which the operation is next.
async fn prepared(when: When) -> World {
    let mut world = World::new(7);
    if when != Up {
        world.up(SMALL).await;
    }
    world
}

/// When the calls of an operation arrived, since so many calls had been made.
fn arrivals(world: &World, since: usize, operation: &str) -> Vec<Duration> {
    let calls = world.endpoint.calls().split_off(since);
    let own = calls.into_iter().filter(|call| call.operation == operation);
    own.map(|call| Duration::from_millis(call.arrived.0)).collect()
}

/// For how long an operation is asked again while it is refused.
async fn asked_for(
    world: &mut World,
    when: When,
    operation: &'static str,
    error: &ApiError,
) -> Duration {
    let before = world.endpoint.calls().len();
    world.faults(1).with(Refusals::always(operation, error.clone())).begin();
    assert!(!run(world, when).await, "what is always refused is never done");
    let arrivals = arrivals(world, before, operation);
    arrivals.last().expect("it was asked for").saturating_sub(arrivals[0])
}

async fn passes(when: When, operation: &'static str, code: &str, message: &str, minutes: u64) {
    let mut world = prepared(when).await;
    let error = ApiError::new(code, message);
    let bound = Duration::from_mins(minutes);
    let waited = asked_for(&mut world, when, operation, &error).await;
    let slack = Duration::from_secs(20);
    assert!(waited <= bound * 2 + slack && waited + slack >= bound, "{operation}: {waited:?}");

    world.faults(1).with(Refusals::first(2, operation, error)).begin();
    assert!(run(&mut world, when).await, "it goes on");
    let told = |event: &Event| matches!(event, Event::Retrying { code: told, .. } if told == code);
    assert!(world.told.iter().any(told), "what is waited for is told");
}

async fn fails_at_once(when: When, operation: &'static str, code: &str, message: &str) {
    let mut world = prepared(when).await;
    let before = world.endpoint.calls().len();
    let waited = asked_for(&mut world, when, operation, &ApiError::new(code, message)).await;
    let calls = arrivals(&world, before, operation).len();
    assert!(waited < Duration::from_secs(1) && calls <= 6, "{calls} calls in {waited:?}");
    world.calm();
    assert!(run(&mut world, when).await, "it goes on once the cause is gone");
}

macro_rules! passing {
    ($($name:ident: $when:ident, $operation:literal, $code:literal, $message:literal, $minutes:literal;)+) => {
        $(#[tokio::test(start_paused = true)]
        async fn $name() {
            passes($when, $operation, $code, $message, $minutes).await;
        })+
    };
}

macro_rules! permanent {
    ($($name:ident: $when:ident, $operation:literal, $code:literal, $message:literal;)+) => {
        $(#[tokio::test(start_paused = true)]
        async fn $name() {
            fails_at_once($when, $operation, $code, $message).await;
        })+
    };
}

mod just_made {
    //! aws-behaviour 24.3, 31.1, 31.3, 31.7, 31.8, 31.12.
    use super::*;

    passing! {
        a_subnet_waits_for_its_network_to_be_seen: Up, "CreateSubnet",
            "InvalidVpcID.NotFound", "The vpc ID does not exist", 5;
        a_network_is_set_up_once_it_is_seen: Up, "ModifyVpcAttribute",
            "InvalidVpcID.NotFound", "The vpc ID does not exist", 5;
        a_gateway_is_attached_once_it_is_seen: Up, "AttachInternetGateway",
            "InvalidInternetGatewayID.NotFound", "The internetGateway ID does not exist", 5;
        a_table_waits_for_its_network_to_be_seen: Up, "CreateRouteTable",
            "InvalidVpcID.NotFound", "The vpc ID does not exist", 5;
        a_route_waits_for_its_table_to_be_seen: Up, "CreateRoute",
            "InvalidRouteTableID.NotFound", "The routeTable ID does not exist", 5;
        a_route_waits_for_its_gateway_to_be_seen: Up, "CreateRoute",
            "InvalidNatGatewayID.NotFound", "The natGateway ID does not exist", 5;
        an_association_waits_for_its_table_however_it_is_spelt: Up, "AssociateRouteTable",
            "InvalidRouteTableId.NotFound", "The routeTable ID does not exist", 5;
        a_group_waits_for_its_network_to_be_seen: Up, "CreateSecurityGroup",
            "InvalidVpcID.NotFound", "The vpc ID does not exist", 5;
        a_rule_waits_for_its_group_to_be_seen: Up, "AuthorizeSecurityGroupIngress",
            "InvalidGroup.NotFound", "The security group does not exist", 5;
        a_rule_waits_for_its_group_however_it_is_spelt: Up, "AuthorizeSecurityGroupIngress",
            "InvalidSecurityGroupID.NotFound", "The security group does not exist", 5;
        a_nat_gateway_waits_for_its_address_to_be_seen: Up, "CreateNatGateway",
            "InvalidElasticIpID.NotFound", "The elasticIp ID does not exist", 5;
        a_nat_gateway_waits_for_its_address_by_its_other_name: Up, "CreateNatGateway",
            "InvalidAllocationID.NotFound", "The allocation ID does not exist", 5;
        a_role_takes_policies_once_it_is_seen: Up, "AttachRolePolicy",
            "NoSuchEntity", "The role with name shop-dev-app-task cannot be found.", 2;
        a_role_waits_for_the_principals_of_its_trust: Up, "CreateRole",
            "MalformedPolicyDocument", "Invalid principal in policy", 2;
        a_role_waits_for_the_one_that_had_its_name: Up, "CreateRole",
            "EntityTemporarilyUnmodifiable", "The role is being deleted", 2;
        a_definition_waits_until_its_roles_may_be_passed: Up, "RegisterTaskDefinition",
            "AccessDeniedException",
            "User: u is not authorized to perform: iam:PassRole on resource: r", 2;
        a_definition_waits_until_its_roles_are_valid: Up, "RegisterTaskDefinition",
            "ClientException", "Role is not valid", 2;
        a_definition_waits_for_another_of_its_family: Up, "RegisterTaskDefinition",
            "ClientException", "Too many concurrent attempts to create a new revision", 1;
        a_cluster_waits_for_the_role_of_ecs: Up, "CreateCluster",
            "InvalidParameterException", "Unable to assume the service linked role.", 2;
        a_service_waits_for_the_role_of_ecs: Up, "CreateService",
            "InvalidParameterException", "Unable to assume the service linked role.", 2;
        a_service_waits_for_its_listener_to_be_seen: Up, "CreateService",
            "InvalidParameterException",
            "The target group does not have an associated load balancer.", 4;
        a_service_waits_for_its_cluster_to_work: Up, "CreateService",
            "InvalidParameterException", "The specified cluster is not in an active state.", 10;
        a_service_waits_for_the_role_that_it_passes: Up, "CreateService",
            "InvalidParameterException",
            "Please verify that the ECS service role being passed has the proper permissions.", 4;
        a_service_waits_for_its_cluster_to_be_seen: Up, "CreateService",
            "ClusterNotFoundException", "Cluster not found.", 4;
        a_service_waits_for_the_one_that_had_its_name: Up, "CreateService",
            "InvalidParameterException", "Unable to Start a service that is still Draining.", 20;
        a_service_is_moved_once_its_listener_is_seen: Update, "UpdateService",
            "InvalidParameterException",
            "The target group does not have an associated load balancer.", 4;
        a_balancer_waits_for_its_subnets_to_be_seen: Up, "CreateLoadBalancer",
            "SubnetNotFound", "The subnet does not exist", 5;
        a_balancer_waits_for_its_group_to_be_seen: Up, "CreateLoadBalancer",
            "InvalidSecurityGroup", "The security group does not exist", 5;
        a_balancer_is_set_up_once_it_may_be: Up, "ModifyLoadBalancerAttributes",
            "OperationNotPermitted", "The load balancer is being provisioned", 10;
        a_listener_waits_for_its_balancer_to_be_seen: Up, "CreateListener",
            "LoadBalancerNotFound", "One or more load balancers not found", 2;
        a_listener_waits_for_its_group_to_be_seen: Up, "CreateListener",
            "TargetGroupNotFound", "One or more target groups not found", 2;
        a_group_of_targets_is_set_up_once_it_is_seen: Up, "ModifyTargetGroupAttributes",
            "TargetGroupNotFound", "One or more target groups not found", 2;
        a_scalable_target_waits_for_the_role_of_scaling: Up, "RegisterScalableTarget",
            "ValidationException", "Unable to assume IAM role: r", 2;
        a_scalable_target_waits_for_its_service: Up, "RegisterScalableTarget",
            "ValidationException", "ECS service doesn't exist: s", 2;
        a_policy_waits_for_its_target: Up, "PutScalingPolicy",
            "ObjectNotFoundException", "No scalable target registered", 2;
        a_policy_waits_for_alarms_that_are_busy: Up, "PutScalingPolicy",
            "FailedResourceAccessException", "Unable to create alarms", 2;
        a_log_group_waits_for_another_change: Up, "CreateLogGroup",
            "OperationAbortedException", "A conflicting operation is in progress", 1;
        a_log_group_is_set_up_once_it_is_seen: Up, "PutRetentionPolicy",
            "ResourceNotFoundException", "The specified log group does not exist.", 2;
    }
}

mod in_use {
    //! aws-behaviour 24.6, 31.5, 31.6.
    use super::*;

    passing! {
        a_group_goes_once_nothing_uses_it: Down, "DeleteSecurityGroup",
            "DependencyViolation", "resource sg has a dependent object", 15;
        a_group_goes_once_nothing_names_it: Down, "DeleteSecurityGroup",
            "InvalidGroup.InUse", "There are active instances using the security group", 15;
        a_role_goes_once_it_is_not_being_changed: Down, "DeleteRole",
            "ConcurrentModification", "Multiple concurrent requests to change the role", 2;
        a_scalable_target_goes_once_it_is_not_being_changed: Down, "DeregisterScalableTarget",
            "ConcurrentUpdateException", "A concurrent update is in progress", 2;
        a_subnet_goes_once_it_is_empty: Down, "DeleteSubnet",
            "DependencyViolation", "The subnet has dependencies", 20;
        a_gateway_is_detached_once_no_public_address_is_left: Down, "DetachInternetGateway",
            "DependencyViolation", "Network has some mapped public address(es)", 20;
        a_network_goes_once_it_is_empty: Down, "DeleteVpc",
            "DependencyViolation", "The vpc has dependencies", 5;
        a_table_goes_once_nothing_follows_it: Down, "DeleteRouteTable",
            "DependencyViolation", "The routeTable has dependencies", 2;
        an_address_is_released_once_its_gateway_lets_go: Down, "ReleaseAddress",
            "AuthFailure", "You do not have permission to access the specified resource.", 5;
        an_address_is_released_once_it_is_not_in_use: Down, "ReleaseAddress",
            "InvalidIPAddress.InUse", "The address is in use", 5;
        a_group_of_targets_goes_once_nothing_forwards_to_it: Down, "DeleteTargetGroup",
            "ResourceInUse", "Target group is currently in use by a listener or a rule", 2;
        a_balancer_goes_once_nothing_uses_it: Down, "DeleteLoadBalancer",
            "ResourceInUse", "The load balancer is in use by another service", 2;
        a_cluster_goes_once_its_services_have: Down, "DeleteCluster",
            "ClusterContainsServicesException", "The Cluster cannot be deleted", 10;
        a_cluster_goes_once_it_is_not_being_changed: Down, "DeleteCluster",
            "UpdateInProgressException", "There's already a current update in progress", 10;
        a_service_goes_once_its_deployments_may_stop: Down, "DeleteService",
            "InvalidParameterException",
            "The service cannot be stopped while deployments are active.", 20;
        a_role_goes_once_its_policies_have: Down, "DeleteRole",
            "DeleteConflict", "Cannot delete entity, must detach all policies first.", 2;
    }
}

mod for_good {
    //! aws-behaviour 24.8, 31.15.
    use super::*;

    permanent! {
        a_quota_of_networks_ends_the_run: Up, "CreateVpc",
            "VpcLimitExceeded", "The maximum number of VPCs has been reached.";
        a_quota_of_addresses_ends_the_run: Up, "AllocateAddress",
            "AddressLimitExceeded", "The maximum number of addresses has been reached.";
        a_quota_of_balancers_ends_the_run: Up, "CreateLoadBalancer",
            "TooManyLoadBalancers", "The limit has been reached";
        a_quota_that_the_sdk_takes_for_a_throttle_ends_the_run: Up, "CreateCluster",
            "LimitExceededException", "The limit for the resource was exceeded.";
        a_caller_who_may_not_ends_the_run: Up, "CreateVpc",
            "UnauthorizedOperation", "You are not authorized to perform this operation.";
        a_caller_who_may_not_use_ecs_ends_the_run: Up, "CreateCluster",
            "AccessDeniedException", "User: u is not authorized to perform: ecs:CreateCluster";
        a_service_without_a_subscription_ends_the_run: Up, "CreateVpc",
            "OptInRequired", "You are not subscribed to this service.";
        a_request_that_is_wrong_ends_the_run: Up, "CreateSubnet",
            "InvalidParameterValue", "Value for parameter cidrBlock is invalid.";
        an_id_that_is_malformed_ends_the_run: Up, "CreateSubnet",
            "InvalidVpcID.Malformed", "Invalid id";
        a_subnet_without_free_addresses_ends_the_run: Up, "CreateLoadBalancer",
            "InvalidSubnet", "Not enough IP space available in subnet";
        a_platform_that_lacks_a_feature_ends_the_run: Up, "CreateService",
            "PlatformTaskDefinitionIncompatibilityException", "The platform version lacks it.";
        a_balancer_that_is_protected_stays: Down, "DeleteLoadBalancer",
            "OperationNotPermitted", "Load balancer cannot be deleted: deletion protection";
    }
}
