//! Load balancers, target groups and listeners.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use provision::aws::Class;
use provision::resource::listener::Listener;
use provision::resource::load_balancer::LoadBalancer;
use provision::resource::target_group::{HealthCheck, TargetGroup};
use provision::resource::{Readiness, Resource, Sought};
use provision::simulated_aws::endpoint::{Call, Interference, Verdict};
use provision::simulated_aws::wire::{Answer, ApiError};
use tokio::time::Instant;

use crate::common::{World, identity};
use crate::steps::{Network, stranger};

pub fn balancer(network: &Network) -> LoadBalancer {
    LoadBalancer {
        vpc: network.vpc.clone().into(),
        subnets: network.subnets[..2].iter().map(|id| id.clone().into()).collect(),
        security_groups: [network.groups[0].clone().into()].into(),
        deletion_protection: false,
        idle_timeout_seconds: 60,
        drop_invalid_headers: true,
    }
}

pub fn group(network: &Network) -> TargetGroup {
    TargetGroup {
        vpc: network.vpc.clone().into(),
        port: 8080,
        health_check: HealthCheck {
            path: "/health".into(),
            interval_seconds: 5,
            timeout_seconds: 3,
            healthy_threshold: 2,
            unhealthy_threshold: 3,
            codes: "200".into(),
        },
        deregistration_delay_seconds: 30,
    }
}

pub fn listener(balancer: &Sought<LoadBalancer>, group: &Sought<TargetGroup>) -> Listener {
    Listener {
        load_balancer: balancer.outputs.arn.clone().into(),
        port: 80,
        target_group: group.outputs.arn.clone().into(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_lives() {
    let world = World::new();
    let network = world.network().await;
    let spec = balancer(&network);
    let subnets = network.subnets[1..].iter().map(|id| id.clone().into());
    let moved = LoadBalancer { subnets: subnets.collect(), ..spec.clone() };
    let groups = network.groups.iter().map(|id| id.clone().into());
    let guarded = LoadBalancer { security_groups: groups.collect(), ..moved.clone() };
    let patient = LoadBalancer { idle_timeout_seconds: 120, ..guarded.clone() };
    let lenient = LoadBalancer { drop_invalid_headers: false, ..patient.clone() };
    let changes = [
        ("subnets", moved),
        ("security_groups", guarded),
        ("idle_timeout_seconds", patient),
        ("drop_invalid_headers", lenient),
    ];
    world.lives("web", spec, &changes).await;
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_is_there_at_once_and_works_later() {
    let world = World::new();
    let spec = balancer(&world.network().await);
    let made = world.make(&spec, "web").await.unwrap();
    assert!(made.outputs.full_name.starts_with("app/web-dev-web/"));
    assert!(made.outputs.dns_name.contains(".eu-west-1.elb."));
    assert!(!made.outputs.zone_id.is_empty());
    let started = Instant::now();
    let readiness = world.waited_for("web", &spec, &made.outputs).await;
    assert_eq!(readiness, Readiness::Ready);
    assert!(started.elapsed() > Duration::from_mins(1));
}

#[tokio::test(start_paused = true)]
async fn a_change_sends_what_it_touches_and_nothing_else() {
    let world = World::new();
    let spec = balancer(&world.network().await);
    let made = world.make(&spec, "web").await.unwrap();
    let wanted = LoadBalancer { idle_timeout_seconds: 120, ..spec };
    let ((), calls) = world.calls_of(world.change(&made, &wanted, &["idle_timeout_seconds"])).await;
    let writes: Vec<_> = calls.iter().filter(|call| !call.starts_with("Describe")).collect();
    assert_eq!(writes, ["ModifyLoadBalancerAttributes"]);
}

#[tokio::test(start_paused = true)]
async fn a_protected_load_balancer_stays_until_the_protection_is_off() {
    let world = World::new();
    let spec = LoadBalancer { deletion_protection: true, ..balancer(&world.network().await) };
    let made = world.make(&spec, "web").await.unwrap();
    let error = LoadBalancer::delete(&world.aws, &made).await.unwrap_err();
    assert!(error.has_code("OperationNotPermitted"));

    let open = LoadBalancer { deletion_protection: false, ..spec };
    world.change(&made, &open, &["deletion_protection"]).await;
    LoadBalancer::delete(&world.aws, &made).await.unwrap();
    assert!(world.read(&made).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_made_twice_is_one() {
    let world = World::new();
    let spec = balancer(&world.network().await);
    let first = world.make(&spec, "web").await.unwrap();
    let found = spec.find(&world.aws, &identity::<LoadBalancer>("web")).await.unwrap().unwrap();
    assert_eq!(found.outputs, first.outputs);
    assert_eq!(found.tags, identity::<LoadBalancer>("web").tags);
    assert_eq!(world.make(&spec, "web").await.unwrap().outputs, first.outputs);
}

#[tokio::test(start_paused = true)]
async fn a_strangers_equal_load_balancer_is_not_taken() {
    let world = World::new();
    let spec = balancer(&world.network().await);
    let theirs = stranger::<LoadBalancer>("web");
    spec.create(&world.aws, &theirs).await.unwrap();
    let error = world.make(&spec, "web").await.unwrap_err();
    assert_eq!(error.class(), Class::AlreadyExists);
    assert!(error.message().contains("does not carry this stack's tags"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_strangers_different_load_balancer_is_not_taken() {
    let world = World::new();
    let network = world.network().await;
    let theirs = stranger::<LoadBalancer>("web");
    balancer(&network).create(&world.aws, &theirs).await.unwrap();
    let groups = [network.groups[1].clone().into()];
    let ours = LoadBalancer { security_groups: groups.into(), ..balancer(&network) };
    let error = world.make(&ours, "web").await.unwrap_err();
    assert!(error.message().contains("does not carry this stack's tags"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_target_group_lives() {
    let world = World::new();
    let spec = group(&world.network().await);
    let health_check =
        HealthCheck { path: "/".into(), codes: "200-299".into(), ..spec.health_check.clone() };
    let lenient = TargetGroup { health_check, ..spec.clone() };
    let hasty = TargetGroup { deregistration_delay_seconds: 5, ..lenient.clone() };
    let changes = [("health_check", lenient), ("deregistration_delay_seconds", hasty)];
    world.lives("web", spec, &changes).await;
}

#[tokio::test(start_paused = true)]
async fn a_target_group_that_is_in_use_goes_once_it_is_free() {
    let world = World::new();
    let network = world.network().await;
    let balancer = world.make(&balancer(&network), "web").await.unwrap();
    let group = world.make(&group(&network), "web").await.unwrap();
    let listener = world.make(&listener(&balancer, &group), "web").await.unwrap();
    let free_it = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        Listener::delete(&world.aws, &listener).await.unwrap();
    };
    let (deleted, ()) = tokio::join!(TargetGroup::delete(&world.aws, &group), free_it);
    deleted.unwrap();
    assert!(world.read(&group).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_listener_lives() {
    let world = World::new();
    let network = world.network().await;
    let balancer = world.make(&balancer(&network), "web").await.unwrap();
    let first = world.make(&group(&network), "first").await.unwrap();
    let second = world.make(&group(&network), "second").await.unwrap();
    let spec = listener(&balancer, &first);
    let elsewhere = Listener { port: 8000, ..spec.clone() };
    let moved = Listener { port: 8000, ..listener(&balancer, &second) };
    let changes = [("port", elsewhere), ("target_group", moved)];
    world.lives("web", spec, &changes).await;
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_stands_in_the_way_is_taken_only_if_it_is_ours() {
    let world = World::new();
    let network = world.network().await;
    let balancer = world.make(&balancer(&network), "web").await.unwrap();
    let first = world.make(&group(&network), "first").await.unwrap();
    let second = world.make(&group(&network), "second").await.unwrap();
    let made = world.make(&listener(&balancer, &first), "web").await.unwrap();
    let moved = listener(&balancer, &second);
    assert_eq!(world.make(&moved, "web").await.unwrap().outputs, made.outputs);
    assert_eq!(world.read(&made).await.unwrap().spec, moved);
    let theirs = stranger::<Listener>("web");
    let error = listener(&balancer, &first).create(&world.aws, &theirs).await.unwrap_err();
    assert!(error.message().contains("does not carry this stack's tags"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_does_not_hide_what_is_there() {
    let world = World::new();
    let network = world.network().await;
    let first = world.make(&group(&network), "first").await.unwrap();
    let second = world.make(&group(&network), "second").await.unwrap();
    TargetGroup::delete(&world.aws, &first).await.unwrap();
    let live = TargetGroup::read(&world.aws, &[first, second.clone()]).await.unwrap();
    assert!(live[0].is_none());
    let live = live[1].as_ref().unwrap();
    assert_eq!(Some(&live.spec), second.applied.as_ref());
    assert_eq!(live.tags, identity::<TargetGroup>("second").tags);
}

/// Refuses the first changes of attributes, as AWS may while a load balancer is provisioned.
#[derive(Debug)]
struct StillProvisioning(AtomicU32);

impl Interference for StillProvisioning {
    fn before(&self, _: usize, call: &Call) -> Verdict {
        let left = |left: u32| left.checked_sub(1);
        if call.operation == "ModifyLoadBalancerAttributes"
            && self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
        {
            return Verdict::Refuse(ApiError::new("OperationNotPermitted", "Still provisioning"));
        }
        Verdict::Pass
    }

    fn after(&self, _: usize, _: &Call, _: &Answer) -> Verdict {
        Verdict::Pass
    }
}

#[tokio::test(start_paused = true)]
async fn attributes_wait_until_the_load_balancer_takes_them() {
    let world = World::new();
    let spec = balancer(&world.network().await);
    world.endpoint.interfere(Some(Box::new(StillProvisioning(AtomicU32::new(12)))));
    let made = world.make(&spec, "web").await.unwrap();
    assert_eq!(world.read(&made).await.unwrap().spec, spec);
}

#[tokio::test(start_paused = true)]
async fn to_poll_load_balancers_takes_one_call() {
    let world = World::new();
    let network = world.network().await;
    let first = world.make(&balancer(&network), "first").await.unwrap();
    let second = world.make(&balancer(&network), "second").await.unwrap();
    let both = [first, second];
    let (readiness, calls) = world.calls_of(LoadBalancer::poll(&world.aws, &both)).await;
    assert_eq!(readiness.unwrap(), vec![Readiness::Pending("provisioning".into()); 2]);
    assert_eq!(calls, ["DescribeLoadBalancers"]);
}
