//! Reads that lie: lists in pieces, things that are not seen yet, names that are not there yet
//! (aws-behaviour 9.c, 24.3, 31.1, 31.7, 31.8, 31.20), and how many reads a wait costs (21).

use std::time::Duration;

use provision::simulated_aws::faults::{
    Deed, EmptyPages, LaggingReplica, LostAnswers, OtherWriter, Refusals, UnresolvedRoles,
};
use provision::simulated_aws::wire::{ApiError, Service};
use serde_json::json;

use crate::world::{SMALL, World, said};

async fn as_declared() -> serde_json::Value {
    let mut world = World::new(7);
    world.up(SMALL).await;
    world.inventory()
}

/// aws-behaviour 31.20.
#[tokio::test(start_paused = true)]
async fn an_empty_page_is_not_the_end_of_a_list() {
    let mut world = World::new(7);
    world.faults(1).with(EmptyPages).begin();
    world.up(SMALL).await;
    let plan = world.plan(SMALL).await;
    assert!(plan.is_empty(), "{:#?}", plan.changes().collect::<Vec<_>>());
    world.down().await;
    tokio::time::sleep(Duration::from_hours(2)).await;
    assert_eq!(world.inventory(), json!({}));
}

/// aws-behaviour 31.1: not seen, seen, and not seen once more.
#[tokio::test(start_paused = true)]
async fn what_was_seen_and_is_not_any_more_is_waited_for() {
    let mut world = World::new(7);
    let flapping = |operation, code: &str| {
        let pattern = [true, true, false, true, false, true, true, true, false];
        Refusals::flapping(&pattern, operation, ApiError::new(code, "it does not exist"))
    };
    world
        .faults(1)
        .with(flapping("CreateSubnet", "InvalidVpcID.NotFound"))
        .with(flapping("AssociateRouteTable", "InvalidSubnetID.NotFound"))
        .with(flapping("AuthorizeSecurityGroupIngress", "InvalidGroup.NotFound"))
        .begin();
    world.up(SMALL).await;
    assert_eq!(world.inventory(), as_declared().await);
}

/// aws-behaviour 9.c, 31.7: the answer to the creation is lost, and the role that is found has no
/// ARN yet. What is recorded goes into the task definition.
#[tokio::test(start_paused = true)]
async fn a_role_without_its_arn_is_looked_at_again() {
    let mut world = World::new(7);
    let lost = LostAnswers { next: vec!["CreateRole"; 2], ..LostAnswers::default() };
    world.faults(1).with(lost).with(UnresolvedRoles { left: 4 }).begin();
    world.up(SMALL).await;
    let roles =
        world.state().resources.iter().filter(|(address, _)| address.kind().name() == "role");
    for (address, record) in roles {
        let arn = record.outputs["arn"].as_str().unwrap();
        assert!(arn.starts_with("arn:aws:iam::"), "{address}: {arn}");
    }
    assert!(world.plan(SMALL).await.is_empty());
}

/// aws-behaviour 31.8: one error after the other.
#[tokio::test(start_paused = true)]
async fn a_service_outlasts_everything_that_it_waits_for() {
    let mut world = World::new(7);
    let refused = |times, code: &str, message: &str| {
        Refusals::first(times, "CreateService", ApiError::new(code, message))
    };
    let code = "InvalidParameterException";
    world
        .faults(1)
        .with(refused(2, code, "Unable to assume the service linked role."))
        .with(refused(2, code, "The target group does not have an associated load balancer."))
        .with(refused(2, "AccessDeniedException", "not authorized to perform: iam:PassRole"))
        .with(refused(2, code, "Unable to Start a service that is still Draining."))
        .begin();
    world.up(SMALL).await;
    assert_eq!(world.count("CreateService"), 9);
}

/// aws-behaviour 17.c, 24.3: `MISSING` among the failures of an answer that is a success.
#[tokio::test(start_paused = true)]
async fn a_service_that_is_missing_at_first_is_not_given_up() {
    let mut world = World::new(7);
    let behind = LaggingReplica::new(Duration::from_secs(40), 1.0).of(&[Service::Ecs]);
    world.faults(1).with(behind).begin();
    world.up(SMALL).await;
    world.calm();
    assert_eq!(world.inventory(), as_declared().await);
}

/// aws-behaviour 24.2: errors and broken connections before the deed, which then was not done.
#[tokio::test(start_paused = true)]
async fn what_was_lost_before_the_deed_is_done_once() {
    let expected = as_declared().await;
    for silent in [false, true] {
        let mut world = World::new(7);
        let lost = LostAnswers { before: 0.2, silent, ..LostAnswers::default() };
        world.faults(3).with(lost).begin();
        world.up(SMALL).await;
        assert_eq!(world.inventory(), expected, "silent: {silent}");
    }
}

/// aws-behaviour 24.4, 31.11: between the plan and the creation.
#[tokio::test(start_paused = true)]
async fn a_name_that_somebody_takes_meanwhile_is_not_taken_over() {
    for (seen, service, operation, request) in [
        (
            "DescribeLogGroups",
            Service::Logs,
            "CreateLogGroup",
            json!({"logGroupName": "/ecs/shop-dev", "tags": {"owner": "somebody"}}),
        ),
        ("DescribeClusters", Service::Ecs, "CreateCluster", json!({"clusterName": "shop-dev"})),
    ] {
        let mut world = World::new(7);
        let takes = Deed::new(service, operation, request);
        world.faults(1).with(OtherWriter::after(seen, vec![takes])).begin();
        let (summary, _) = world.tries_up(SMALL, None).await;
        assert!(said(&summary).contains("this stack's tags"), "{operation}: {}", said(&summary));
        world.calm();
        world.down().await;
        tokio::time::sleep(Duration::from_hours(2)).await;
        let left = world.inventory();
        assert_eq!(left.as_object().unwrap().len(), 1, "the stranger's own stays: {left}");
    }
}

/// aws-behaviour 21, 27: as many looks at three gateways as at one.
#[tokio::test(start_paused = true)]
async fn all_of_a_kind_are_looked_at_in_one_call() {
    let mut looks = Vec::new();
    for network in ["nat = \"single\"", "nat = \"per-zone\"\nzones = 3"] {
        let mut world = World::new(7);
        world.up(&format!("{SMALL}\n[network]\n{network}\n")).await;
        let calls = world.endpoint.calls();
        let of_gateways = calls.iter().filter(|call| call.operation == "DescribeNatGateways");
        let waiting =
            of_gateways.filter(|call| call.request.to_string().contains("nat-gateway-id"));
        looks.push(waiting.count());
        let gateways = world.inventory()["ec2.nat_gateways"].as_u64().unwrap();
        assert_eq!(gateways, if looks.len() == 1 { 1 } else { 3 });
    }
    assert!(looks[0] > 20 && looks[1] <= looks[0] * 3 / 2, "{looks:?}");
}
