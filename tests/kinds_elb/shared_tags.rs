//! Tags that callers ask for together.

use std::time::Duration;

use provision::aws::elb_tags;
use provision::resource::listener::Listener;
use provision::resource::load_balancer::LoadBalancer;
use provision::resource::target_group::TargetGroup;
use provision::simulated_aws::endpoint::{Call, Interference, Verdict};
use provision::simulated_aws::wire::{Answer, ApiError};

use crate::balancing::{balancer, group, listener};
use crate::common::{World, identity};

#[tokio::test(start_paused = true)]
async fn three_kinds_read_at_once_ask_once_for_their_tags() {
    let world = World::new();
    let network = world.network().await;
    let balancer = world.make(&balancer(&network), "web").await.unwrap();
    let group = world.make(&group(&network), "web").await.unwrap();
    let listener = world.make(&listener(&balancer, &group), "web").await.unwrap();
    let reads =
        async { tokio::join!(world.read(&balancer), world.read(&group), world.read(&listener)) };
    let ((balancer, group, listener), mut calls) = world.calls_of(reads).await;
    calls.sort();
    let expected = [
        "DescribeListeners",
        "DescribeLoadBalancerAttributes",
        "DescribeLoadBalancers",
        "DescribeTags",
        "DescribeTargetGroupAttributes",
        "DescribeTargetGroups",
    ];
    assert_eq!(calls, expected);
    assert_eq!(balancer.unwrap().tags, identity::<LoadBalancer>("web").tags);
    assert_eq!(group.unwrap().tags, identity::<TargetGroup>("web").tags);
    assert_eq!(listener.unwrap().tags, identity::<Listener>("web").tags);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_leaves_the_others_their_tags() {
    let world = World::new();
    let network = world.network().await;
    let group = world.make(&group(&network), "web").await.unwrap();
    let arns = [group.outputs.arn.0.clone()];
    let impatient = tokio::time::timeout(Duration::from_millis(1), elb_tags(&world.aws, &arns));
    let (impatient, patient) = tokio::join!(impatient, elb_tags(&world.aws, &arns));
    assert!(impatient.is_err());
    assert_eq!(patient.unwrap()[&arns[0]], identity::<TargetGroup>("web").tags);

    let alone = tokio::time::timeout(Duration::from_millis(1), elb_tags(&world.aws, &arns));
    assert!(alone.await.is_err());
    let (tags, calls) = world.calls_of(elb_tags(&world.aws, &arns)).await;
    assert_eq!(tags.unwrap()[&arns[0]], identity::<TargetGroup>("web").tags);
    assert_eq!(calls, ["DescribeTags"]);
}

/// Refuses to tell the tags of whatever is asked for by itself.
#[derive(Debug)]
struct NothingAlone;

impl Interference for NothingAlone {
    fn before(&self, _: usize, call: &Call) -> Verdict {
        let alone = call.request["ResourceArns"].as_array().is_some_and(|arns| arns.len() == 1);
        match call.operation.as_str() {
            "DescribeTags" if alone => Verdict::Refuse(ApiError::new("AccessDenied", "no")),
            _ => Verdict::Pass,
        }
    }

    fn after(&self, _: usize, _: &Call, _: &Answer) -> Verdict {
        Verdict::Pass
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_reaches_those_alone_whose_call_failed() {
    let world = World::new();
    let network = world.network().await;
    let mut arns = Vec::new();
    for number in 0..21 {
        let made = world.make(&group(&network), &format!("{number:02}")).await.unwrap();
        arns.push(made.outputs.arn.0);
    }
    world.endpoint.interfere(Some(Box::new(NothingAlone)));
    let both = async {
        tokio::join!(elb_tags(&world.aws, &arns[..20]), elb_tags(&world.aws, &arns[20..]))
    };
    let ((twenty, last), calls) = world.calls_of(both).await;
    assert_eq!(calls, ["DescribeTags", "DescribeTags"]);
    assert_eq!(twenty.unwrap().len(), 20);
    assert!(last.unwrap_err().has_code("AccessDenied"));
}
