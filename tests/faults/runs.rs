//! Whole runs among one kind of fault each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::future::ProvideCredentials as Future;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use provision::event::Event;
use provision::execute::Failure;
use provision::simulated_aws::clock::Moment;
use provision::simulated_aws::faults::{
    Buckets, Deed, ExpiredCredentials, FailingGateways, LaggingReplica, LostAnswers, OtherWriter,
    Refusals, ReturningLogGroups,
};
use provision::simulated_aws::wire::{ApiError, Service};
use serde_json::json;

use crate::world::{SMALL, World, said};

/// What a calm run makes.
async fn as_declared() -> serde_json::Value {
    let mut world = World::new(7);
    world.up(SMALL).await;
    world.inventory()
}

/// aws-behaviour 0.1.1, 31.1.
#[tokio::test(start_paused = true)]
async fn what_comes_and_goes_from_sight_is_made_once() {
    let expected = as_declared().await;
    for seed in 0..4 {
        let mut world = World::new(7);
        world.faults(seed).with(LaggingReplica::new(Duration::from_secs(5), 0.5)).begin();
        world.up(SMALL).await;
        assert_eq!(world.inventory(), expected, "seed {seed}");
    }
}

/// aws-behaviour 0.1.2, 31.2.
#[tokio::test(start_paused = true)]
async fn a_plan_that_reads_old_values_shows_no_change() {
    for seed in 0..4 {
        let mut world = World::new(7);
        world.faults(seed).with(LaggingReplica::new(Duration::from_secs(5), 0.5)).begin();
        world.up(SMALL).await;
        let shorter = SMALL.replace("example/shop:1\"", "example/shop:1\"\nlog_retention_days = 7");
        world.up(&shorter).await;
        let plan = world.plan(&shorter).await;
        assert!(plan.is_empty(), "seed {seed}: {:#?}", plan.changes().collect::<Vec<_>>());
    }
}

/// aws-behaviour 24.2, 31.4.
#[tokio::test(start_paused = true)]
async fn what_was_made_without_an_answer_is_not_made_again() {
    let creates = vec![
        "CreateVpc",
        "CreateInternetGateway",
        "CreateSubnet",
        "AllocateAddress",
        "CreateNatGateway",
        "CreateRouteTable",
        "CreateRoute",
        "CreateSecurityGroup",
        "CreateRole",
        "CreateLogGroup",
        "CreateCluster",
        "RegisterTaskDefinition",
        "CreateLoadBalancer",
        "CreateTargetGroup",
        "CreateListener",
        "CreateService",
        "RegisterScalableTarget",
        "PutScalingPolicy",
    ];
    let expected = as_declared().await;
    for silent in [false, true] {
        let mut world = World::new(7);
        let lost = LostAnswers { next: creates.clone(), silent, ..LostAnswers::default() };
        world.faults(1).with(lost).begin();
        world.up(SMALL).await;
        assert_eq!(world.inventory(), expected, "silent: {silent}");
    }
}

/// aws-behaviour 23, 31.4: a token has AWS answer a second call with what the first one made, but
/// AWS may refuse the second for reasons of its own.
#[tokio::test(start_paused = true)]
async fn a_refusal_after_a_lost_answer_does_not_hide_what_was_made() {
    for operation in ["CreateNatGateway", "CreateService", "CreateRouteTable"] {
        let mut world = World::new(7);
        let lost = LostAnswers { next: vec![operation], ..LostAnswers::default() };
        let refused = Refusals::flapping(&[false, true], operation, over_quota());
        world.faults(1).with(refused).with(lost).begin();
        let (summary, _) = world.tries_up(SMALL, None).await;
        assert!(!summary.is_complete());
        world.calm();
        world.up(SMALL).await;
        assert_eq!(world.inventory(), as_declared().await, "{operation}");
    }
}

fn over_quota() -> ApiError {
    ApiError::new("LimitExceeded", "The limit was reached meanwhile.")
}

/// Gives a key of another number each time it is asked.
#[derive(Debug)]
struct Rotating {
    asked: Arc<AtomicUsize>,
    last: usize,
}

impl ProvideCredentials for Rotating {
    fn provide_credentials<'a>(&'a self) -> Future<'a>
    where
        Self: 'a,
    {
        let number = self.asked.fetch_add(1, Ordering::Relaxed).min(self.last);
        let key = ["AKIAFIRST", "AKIASECOND"][number];
        Future::ready(Ok(Credentials::new(key, "secret", None, None, "rotating")))
    }
}

fn rotating(last: usize) -> (Arc<AtomicUsize>, SharedCredentialsProvider) {
    let asked = Arc::new(AtomicUsize::new(0));
    let provider = Rotating { asked: Arc::clone(&asked), last };
    (asked, SharedCredentialsProvider::new(provider))
}

const MIDDLE: ExpiredCredentials = ExpiredCredentials { key: "AKIAFIRST", at: Moment(90_000) };

/// aws-behaviour 24.8, 31.21.
#[tokio::test(start_paused = true)]
async fn credentials_that_expire_while_it_waits_are_asked_for_again() {
    let (asked, provider) = rotating(1);
    let mut world = World::with_credentials(7, provider);
    world.faults(1).with(MIDDLE).begin();
    world.up(SMALL).await;
    assert_eq!(asked.load(Ordering::Relaxed), 2, "once, whatever was under way");
}

/// aws-behaviour 24.8.
#[tokio::test(start_paused = true)]
async fn credentials_that_stay_expired_end_the_run_and_the_next_goes_on() {
    let (_, provider) = rotating(0);
    let mut world = World::with_credentials(7, provider);
    world.faults(1).with(MIDDLE).begin();
    let (summary, _) = world.tries_up(SMALL, None).await;
    assert!(said(&summary).contains("Expired"), "{}", said(&summary));
    world.calm();
    world.up(SMALL).await;
    assert_eq!(world.inventory(), as_declared().await);
}

/// aws-behaviour 5.d, 31.3.
#[tokio::test(start_paused = true)]
async fn a_gateway_that_fails_is_told_and_replaced_by_the_next_run() {
    let mut world = World::new(7);
    world.faults(1).with(FailingGateways { left: 1 }).begin();
    let (summary, _) = world.tries_up(SMALL, None).await;
    assert!(said(&summary).contains("InternalError"), "{}", said(&summary));
    world.up(SMALL).await;
    assert_eq!(world.inventory(), as_declared().await);
}

/// aws-behaviour 0.1.3, 2.e, 7.e, 31.6.
#[tokio::test(start_paused = true)]
async fn interfaces_that_outlive_what_used_them_are_waited_for() {
    let mut world = World::new(7);
    world.up(SMALL).await;
    world.down().await;
    let waited = |event: &Event| matches!(event, Event::Retrying { code, .. } if code == "DependencyViolation");
    assert!(world.told.iter().any(waited));
}

/// aws-behaviour 5.b, 12.d, 17.d, 31.10.
#[tokio::test(start_paused = true)]
async fn what_is_gone_and_still_listed_is_not_taken_for_what_is_there() {
    let mut world = World::new(7);
    world.up(SMALL).await;
    world.down().await;
    world.up(SMALL).await;
    assert_eq!(world.inventory(), as_declared().await);
}

/// aws-behaviour 11.e, 31.16.
#[tokio::test(start_paused = true)]
async fn a_log_group_that_comes_back_is_no_strangers() {
    let mut world = World::new(7);
    world.up(SMALL).await;
    world.faults(1).with(ReturningLogGroups::new(1, Duration::from_secs(1))).begin();
    world.tries_down().await;
    world.calm();
    world.tries_down().await;
    assert!(world.state().is_empty());
}

/// aws-behaviour 1.e2, 26.
#[tokio::test(start_paused = true)]
async fn a_guard_in_the_network_is_no_change_and_is_named_by_the_removal() {
    let mut world = World::new(7);
    world.faults(1).with(OtherWriter::guard_duty()).begin();
    world.up(SMALL).await;
    assert!(world.plan(SMALL).await.is_empty());
    let (summary, _) = world.tries_down().await;
    assert!(!summary.is_complete(), "what is not ours stays");
    assert!(said(&summary).contains("vpce-"), "{}", said(&summary));
}

/// aws-behaviour 17.g, 18.b, 26.
#[tokio::test(start_paused = true)]
async fn an_autoscaler_that_moves_the_count_is_no_change() {
    let mut world = World::new(7);
    let request = json!({"cluster": "shop-dev", "service": "shop-dev", "desiredCount": 3});
    let moves = Deed::new(Service::Ecs, "UpdateService", request);
    world.faults(1).with(OtherWriter::after("PutScalingPolicy", vec![moves])).begin();
    world.up(SMALL).await;
    assert!(world.plan(SMALL).await.is_empty());
}

/// aws-behaviour 13.g, 26.
#[tokio::test(start_paused = true)]
async fn a_pipeline_that_registers_definitions_is_no_change() {
    let mut world = World::new(7);
    let container = json!({"name": "app", "image": "example/shop:9", "essential": true});
    let request = json!({"family": "shop-dev", "containerDefinitions": [container]});
    let registers = Deed::new(Service::Ecs, "RegisterTaskDefinition", request);
    world.faults(1).with(OtherWriter::after("CreateService", vec![registers])).begin();
    world.up(SMALL).await;
    assert!(world.plan(SMALL).await.is_empty());
}

/// aws-behaviour 27.
#[tokio::test(start_paused = true)]
async fn a_run_alone_is_never_throttled() {
    let mut world = World::new(7);
    let buckets = Buckets::new(1.0);
    let refused = buckets.refused();
    world.faults(1).with(buckets).begin();
    world.up(SMALL).await;
    world.plan(SMALL).await;
    world.down().await;
    assert_eq!(refused.load(Ordering::Relaxed), 0);
}

/// aws-behaviour 27.
#[tokio::test(start_paused = true)]
async fn several_stacks_at_once_do_not_throttle_each_other() {
    let first = World::new(7);
    let buckets = Buckets::new(1.0);
    let refused = buckets.refused();
    first.faults(1).with(buckets).begin();
    first.endpoint.with_cloud(|cloud| {
        let quotas = &mut cloud.ec2.quotas;
        (quotas.vpcs, quotas.internet_gateways, quotas.addresses) = (20, 20, 20);
        quotas.nat_gateways_per_zone = 20;
    });
    let stacks = (0..6).map(|number| {
        let mut world = first.neighbour(&format!("shop{number}"));
        let config = SMALL.replace("name = \"shop\"", &format!("name = \"shop{number}\""));
        async move {
            world.up(&config).await;
            world.down().await;
        }
    });
    futures::future::join_all(stacks).await;
    assert_eq!(refused.load(Ordering::Relaxed), 0);
}

/// aws-behaviour 0.1.10, 22.
#[tokio::test(start_paused = true)]
async fn a_wait_that_takes_too_long_ends_and_the_next_run_goes_on_waiting() {
    let mut world = World::new(7);
    let (summary, cost) = world.tries_up(SMALL, Some(Duration::from_mins(1))).await;
    assert!(cost.time < Duration::from_secs(90), "{cost:?}");
    let timed_out = summary.failed.iter().find_map(|(_, _, failure)| match failure {
        Failure::TimedOut { status, .. } => Some(status.as_str()),
        _ => None,
    });
    assert!(timed_out.is_some(), "{}", said(&summary));
    world.up(SMALL).await;
    assert_eq!(world.count("CreateNatGateway"), 1, "it is waited for, and not made again");
}

/// aws-behaviour 24.3: only for what this run made.
#[tokio::test(start_paused = true)]
async fn what_stood_before_the_run_and_is_gone_is_not_waited_for_long() {
    let mut world = World::new(7);
    world.up(SMALL).await;
    let vpc = world.endpoint.with_cloud(|cloud| cloud.ec2.vpcs.keys().next().cloned().unwrap());
    let error =
        ApiError::new("InvalidVpcID.NotFound", format!("The vpc ID '{vpc}' does not exist"));
    world.faults(1).with(Refusals::always("CreateSubnet", error)).begin();
    let wider = format!("{SMALL}\n[network]\nzones = 3\n");
    let (summary, cost) = world.tries_up(&wider, None).await;
    assert!(!summary.is_complete());
    assert!(cost.time < Duration::from_mins(1), "{cost:?}");
}
