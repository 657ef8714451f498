//! Tags that callers ask for together.

use std::time::Duration;

use futures::FutureExt as _;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_come_together_share_their_call_however_slow_the_machine_is() {
    let world = World::new();
    let network = world.network().await;
    let group = world.make(&group(&network), "web").await.unwrap();
    let arns = [group.outputs.arn.0.clone()];
    let slow = async {
        std::thread::sleep(Duration::from_millis(100));
        elb_tags(&world.aws, &arns).await
    };
    let both = async { tokio::join!(elb_tags(&world.aws, &arns), slow) };
    let ((one, other), calls) = world.calls_of(both).await;
    assert_eq!((one.unwrap().len(), other.unwrap().len()), (1, 1));
    assert_eq!(calls, ["DescribeTags"]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_leaves_the_others_their_tags() {
    let world = World::new();
    let network = world.network().await;
    let group = world.make(&group(&network), "web").await.unwrap();
    let arns = [group.outputs.arn.0.clone()];
    let mut impatient = Box::pin(elb_tags(&world.aws, &arns));
    let mut patient = Box::pin(elb_tags(&world.aws, &arns));
    assert!((&mut impatient).now_or_never().is_none());
    assert!((&mut patient).now_or_never().is_none());
    drop(impatient);
    assert_eq!(patient.await.unwrap()[&arns[0]], identity::<TargetGroup>("web").tags);

    assert!(elb_tags(&world.aws, &arns).now_or_never().is_none());
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
