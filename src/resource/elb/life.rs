//! The lives of load balancers, target groups and listeners in a simulated account.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::aws::Class;
use crate::resource::listener::Listener;
use crate::resource::load_balancer::LoadBalancer;
use crate::resource::security_group::SecurityGroupId;
use crate::resource::subnet::SubnetId;
use crate::resource::target_group::{HealthCheck, TargetGroup};
use crate::resource::testing::{Account, Network, identity, stranger};
use crate::resource::vpc::VpcId;
use crate::resource::{Readiness, Resource, Sought};
use crate::simulated_aws::endpoint::{Call, Interference, Verdict};
use crate::simulated_aws::wire::{Answer, ApiError};

pub(super) fn balancer(network: &Network) -> LoadBalancer {
    LoadBalancer {
        vpc: VpcId::from(&*network.vpc).into(),
        subnets: network.subnets[..2].iter().map(|id| SubnetId::from(&**id).into()).collect(),
        security_groups: [SecurityGroupId::from(&*network.groups[0]).into()].into(),
        deletion_protection: false,
        idle_timeout_seconds: 60,
        drop_invalid_headers: true,
    }
}

pub(super) fn group(network: &Network) -> TargetGroup {
    TargetGroup {
        vpc: VpcId::from(&*network.vpc).into(),
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

pub(super) fn listener(balancer: &Sought<LoadBalancer>, group: &Sought<TargetGroup>) -> Listener {
    Listener {
        load_balancer: balancer.outputs.arn.clone().into(),
        port: 80,
        target_group: group.outputs.arn.clone().into(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_lives() {
    let account = Account::new();
    let network = account.network();
    let spec = balancer(&network);
    let made = account.make(&spec, "web").await.unwrap();
    assert!(made.outputs.full_name.starts_with("app/shop-test-web/"));
    assert!(made.outputs.dns_name.contains(".eu-west-1.elb."));
    assert!(!made.outputs.zone_id.is_empty());

    let took = account.until_ready(&made).await;
    assert!(took > Duration::from_mins(1), "it was active after {took:?}");
    let live = account.read(&made).await.unwrap();
    assert_eq!(live.spec, spec);
    assert_eq!(live.outputs, made.outputs);
    assert_eq!(live.tags, identity::<LoadBalancer>("web").tags);

    LoadBalancer::delete(&account.aws, &made).await.unwrap();
    assert!(account.read(&made).await.is_none());
    LoadBalancer::delete(&account.aws, &made).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn every_field_of_a_load_balancer_changes_in_place_by_its_own_call() {
    let account = Account::new();
    let network = account.network();
    let spec = balancer(&network);
    let made = account.make(&spec, "web").await.unwrap();
    account.until_ready(&made).await;

    let subnets = network.subnets[1..].iter().map(|id| SubnetId::from(&**id).into());
    let groups = network.groups.iter().map(|id| SecurityGroupId::from(&**id).into());
    let changes = [
        ("subnets", "SetSubnets", LoadBalancer { subnets: subnets.collect(), ..spec.clone() }),
        (
            "security_groups",
            "SetSecurityGroups",
            LoadBalancer { security_groups: groups.collect(), ..spec.clone() },
        ),
        (
            "idle_timeout_seconds",
            "ModifyLoadBalancerAttributes",
            LoadBalancer { idle_timeout_seconds: 120, ..spec.clone() },
        ),
        (
            "drop_invalid_headers",
            "ModifyLoadBalancerAttributes",
            LoadBalancer { drop_invalid_headers: false, ..spec.clone() },
        ),
    ];
    for (field, call, wanted) in changes {
        let (_, calls) = account.calls_of(account.change(&made, &wanted, &[field])).await;
        let writes: Vec<_> = calls.iter().filter(|call| !call.starts_with("Describe")).collect();
        assert_eq!(writes, [call]);
        assert_eq!(account.read(&made).await.unwrap().spec, wanted);
        account.change(&made, &spec, &[field]).await;
        assert_eq!(account.read(&made).await.unwrap().spec, spec);
    }
}

#[tokio::test(start_paused = true)]
async fn a_protected_load_balancer_stays_until_the_protection_is_off() {
    let account = Account::new();
    let spec = LoadBalancer { deletion_protection: true, ..balancer(&account.network()) };
    let made = account.make(&spec, "web").await.unwrap();
    account.until_ready(&made).await;
    let error = LoadBalancer::delete(&account.aws, &made).await.unwrap_err();
    assert!(error.has_code("OperationNotPermitted"));

    let open = LoadBalancer { deletion_protection: false, ..spec };
    account.change(&made, &open, &["deletion_protection"]).await;
    LoadBalancer::delete(&account.aws, &made).await.unwrap();
    assert!(account.read(&made).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_made_twice_is_one() {
    let account = Account::new();
    let spec = balancer(&account.network());
    let first = account.make(&spec, "web").await.unwrap();
    let found = spec.find(&account.aws, &identity::<LoadBalancer>("web")).await.unwrap().unwrap();
    assert_eq!(found.outputs, first.outputs);
    assert_eq!(found.tags, identity::<LoadBalancer>("web").tags);
    assert_eq!(account.make(&spec, "web").await.unwrap().outputs, first.outputs);
}

#[tokio::test(start_paused = true)]
async fn a_strangers_equal_load_balancer_is_not_taken() {
    let account = Account::new();
    let spec = balancer(&account.network());
    let theirs = stranger::<LoadBalancer>("web");
    spec.create(&account.aws, &theirs).await.unwrap();
    let error = account.make(&spec, "web").await.unwrap_err();
    assert_eq!(error.class(), Class::AlreadyExists);
    assert!(error.message().contains("does not carry this stack's tags"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_strangers_different_load_balancer_is_not_taken() {
    let account = Account::new();
    let network = account.network();
    let theirs = stranger::<LoadBalancer>("web");
    balancer(&network).create(&account.aws, &theirs).await.unwrap();
    let groups = [SecurityGroupId::from(&*network.groups[1]).into()];
    let ours = LoadBalancer { security_groups: groups.into(), ..balancer(&network) };
    let error = account.make(&ours, "web").await.unwrap_err();
    assert!(error.message().contains("does not carry this stack's tags"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_target_group_lives() {
    let account = Account::new();
    let spec = group(&account.network());
    let made = account.make(&spec, "web").await.unwrap();
    assert!(made.outputs.full_name.starts_with("targetgroup/shop-test-web/"));
    account.until_ready(&made).await;
    let live = account.read(&made).await.unwrap();
    assert_eq!(live.spec, spec);
    assert_eq!(live.tags, identity::<TargetGroup>("web").tags);

    let health_check =
        HealthCheck { path: "/".into(), codes: "200-299".into(), ..spec.health_check.clone() };
    let wanted = TargetGroup { health_check, deregistration_delay_seconds: 5, ..spec };
    let fields = ["health_check", "deregistration_delay_seconds"];
    account.change(&made, &wanted, &fields).await;
    assert_eq!(account.read(&made).await.unwrap().spec, wanted);

    TargetGroup::delete(&account.aws, &made).await.unwrap();
    assert!(account.read(&made).await.is_none());
    TargetGroup::delete(&account.aws, &made).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_target_group_that_is_in_use_goes_once_it_is_free() {
    let account = Account::new();
    let network = account.network();
    let balancer = account.make(&balancer(&network), "web").await.unwrap();
    let group = account.make(&group(&network), "web").await.unwrap();
    let listener = account.make(&listener(&balancer, &group), "web").await.unwrap();
    let free_it = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        Listener::delete(&account.aws, &listener).await.unwrap();
    };
    let (deleted, ()) = tokio::join!(TargetGroup::delete(&account.aws, &group), free_it);
    deleted.unwrap();
    assert!(account.read(&group).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_listener_lives() {
    let account = Account::new();
    let network = account.network();
    let balancer = account.make(&balancer(&network), "web").await.unwrap();
    let first = account.make(&group(&network), "first").await.unwrap();
    let second = account.make(&group(&network), "second").await.unwrap();
    let spec = listener(&balancer, &first);
    let made = account.make(&spec, "web").await.unwrap();
    assert_eq!(account.make(&spec, "web").await.unwrap().outputs, made.outputs);
    let live = account.read(&made).await.unwrap();
    assert_eq!(live.spec, spec);
    assert_eq!(live.tags, identity::<Listener>("web").tags);

    let wanted = Listener { port: 8000, ..listener(&balancer, &second) };
    account.change(&made, &wanted, &["port", "target_group"]).await;
    assert_eq!(account.read(&made).await.unwrap().spec, wanted);
    assert!(spec.find(&account.aws, &identity::<Listener>("web")).await.unwrap().is_none());
    let found = wanted.find(&account.aws, &identity::<Listener>("web")).await.unwrap();
    assert_eq!(found.unwrap().outputs, made.outputs);

    Listener::delete(&account.aws, &made).await.unwrap();
    assert!(account.read(&made).await.is_none());
    Listener::delete(&account.aws, &made).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_stands_in_the_way_is_taken_only_if_it_is_ours() {
    let account = Account::new();
    let network = account.network();
    let balancer = account.make(&balancer(&network), "web").await.unwrap();
    let first = account.make(&group(&network), "first").await.unwrap();
    let second = account.make(&group(&network), "second").await.unwrap();
    let made = account.make(&listener(&balancer, &first), "web").await.unwrap();
    let moved = listener(&balancer, &second);
    assert_eq!(account.make(&moved, "web").await.unwrap().outputs, made.outputs);
    assert_eq!(account.read(&made).await.unwrap().spec, moved);
    let theirs = stranger::<Listener>("web");
    let error = listener(&balancer, &first).create(&account.aws, &theirs).await.unwrap_err();
    assert!(error.message().contains("does not carry this stack's tags"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_does_not_hide_what_is_there() {
    let account = Account::new();
    let network = account.network();
    let first = account.make(&group(&network), "first").await.unwrap();
    let second = account.make(&group(&network), "second").await.unwrap();
    TargetGroup::delete(&account.aws, &first).await.unwrap();
    let live = TargetGroup::read(&account.aws, &[first, second.clone()]).await.unwrap();
    assert!(live[0].is_none());
    let live = live[1].as_ref().unwrap();
    assert_eq!(Some(&live.spec), second.applied.as_ref());
    assert_eq!(live.tags, identity::<TargetGroup>("second").tags);
}

#[tokio::test(start_paused = true)]
async fn tags_are_set_and_removed() {
    let account = Account::new();
    let spec = group(&account.network());
    let old = identity::<TargetGroup>("web");
    let mut with_more = old.clone();
    with_more.tags.insert("team".into(), "checkout".into());
    spec.create(&account.aws, &with_more).await.unwrap();
    let made = account.make(&spec, "web").await.unwrap();
    assert_eq!(account.read(&made).await.unwrap().tags, with_more.tags);
    account.change(&made, &spec, &["tags"]).await;
    assert_eq!(account.read(&made).await.unwrap().tags, old.tags);
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
    let account = Account::new();
    let spec = balancer(&account.network());
    account.endpoint.interfere(Some(Box::new(StillProvisioning(AtomicU32::new(12)))));
    let made = account.make(&spec, "web").await.unwrap();
    assert_eq!(account.read(&made).await.unwrap().spec, spec);
}

#[tokio::test(start_paused = true)]
async fn to_poll_load_balancers_takes_one_call() {
    let account = Account::new();
    let network = account.network();
    let first = account.make(&balancer(&network), "first").await.unwrap();
    let second = account.make(&balancer(&network), "second").await.unwrap();
    let both = [first, second];
    let (readiness, calls) = account.calls_of(LoadBalancer::poll(&account.aws, &both)).await;
    assert_eq!(readiness.unwrap(), vec![Readiness::Pending("provisioning".into()); 2]);
    assert_eq!(calls, ["DescribeLoadBalancers"]);
}
