//! The room through the real client: what is written here must be what the SDK reads.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::config::{BehaviorVersion, Config, Region};
use aws_sdk_elasticloadbalancingv2::error::ProvideErrorMetadata;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, LoadBalancerAttribute, LoadBalancerStateEnum, Matcher, ProtocolEnum,
    Tag, TargetGroupAttribute, TargetHealthReasonEnum, TargetHealthStateEnum, TargetTypeEnum,
};

use super::super::clock::{Clock, Moment};
use super::super::cloud::Cloud;
use super::super::connector::Connector;
use super::super::endpoint::Endpoint;
use super::targets::{self, TargetAnswer};
use super::tests::network;

fn client(endpoint: &Arc<Endpoint>) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("AKIASIMULATED", "secret", None, None, "simulated"))
        .http_client(Connector::new(Arc::clone(endpoint)))
        .build();
    Client::from_conf(config)
}

fn tag() -> Tag {
    Tag::builder().key("stack").value("shop").build()
}

#[tokio::test(start_paused = true)]
async fn a_front_lives_through_the_sdk() {
    let mut cloud = Cloud::new("eu-west-1", "2026-01-01T00:00:00Z".parse().unwrap(), 7);
    let network = network(&mut cloud);
    let endpoint = Arc::new(Endpoint::new(cloud, Clock::starting_at(Moment(0), 1.0)));
    let client = client(&endpoint);

    let balancer = client
        .create_load_balancer()
        .name("shop")
        .subnets(&network.first)
        .subnets(&network.second)
        .security_groups(&network.group)
        .tags(tag())
        .send()
        .await
        .unwrap()
        .load_balancers
        .unwrap()
        .remove(0);
    let balancer_arn = balancer.load_balancer_arn().unwrap();
    assert!(balancer_arn.contains(":loadbalancer/app/shop/"));
    let dns = balancer.dns_name().unwrap();
    assert!(dns.starts_with("shop-") && dns.ends_with(".eu-west-1.elb.amazonaws.com"));
    assert_eq!(balancer.canonical_hosted_zone_id(), Some("Z32O12XQLNTSW2"));
    assert_eq!(balancer.vpc_id(), Some(network.vpc.as_str()));
    assert_eq!(balancer.security_groups(), std::slice::from_ref(&network.group));
    assert_eq!(balancer.availability_zones()[1].zone_name(), Some("eu-west-1b"));
    assert_eq!(balancer.availability_zones()[1].subnet_id(), Some(network.second.as_str()));
    assert!(balancer.created_time().is_some());
    let state = balancer.state().unwrap().code().unwrap();
    assert_eq!(*state, LoadBalancerStateEnum::Provisioning);

    let group = client
        .create_target_group()
        .name("shop")
        .protocol(ProtocolEnum::Http)
        .port(8000)
        .vpc_id(&network.vpc)
        .target_type(TargetTypeEnum::Ip)
        .health_check_path("/health")
        .health_check_interval_seconds(10)
        .matcher(Matcher::builder().http_code("200-299").build())
        .tags(tag())
        .send()
        .await
        .unwrap()
        .target_groups
        .unwrap()
        .remove(0);
    let group_arn = group.target_group_arn().unwrap();
    assert_eq!(group.port(), Some(8000));
    assert_eq!(group.health_check_path(), Some("/health"));
    assert_eq!(group.health_check_port(), Some("traffic-port"));
    assert_eq!(group.health_check_timeout_seconds(), Some(5));
    assert_eq!(group.matcher().unwrap().http_code(), Some("200-299"));
    assert!(group.load_balancer_arns().is_empty());

    let forward =
        Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(group_arn).build();
    let listener = client
        .create_listener()
        .load_balancer_arn(balancer_arn)
        .protocol(ProtocolEnum::Http)
        .port(80)
        .default_actions(forward)
        .tags(tag())
        .send()
        .await
        .unwrap()
        .listeners
        .unwrap()
        .remove(0);
    let listener_arn = listener.listener_arn().unwrap();
    assert_eq!(listener.port(), Some(80));
    let action = &listener.default_actions()[0];
    assert_eq!(action.target_group_arn(), Some(group_arn));
    assert_eq!(action.forward_config().unwrap().target_groups()[0].weight(), Some(1));
    let group = client.describe_target_groups().names("shop").send().await.unwrap();
    assert_eq!(group.target_groups()[0].load_balancer_arns(), [balancer_arn]);

    let delay = TargetGroupAttribute::builder()
        .key("deregistration_delay.timeout_seconds")
        .value("5")
        .build();
    client
        .modify_target_group_attributes()
        .target_group_arn(group_arn)
        .attributes(delay)
        .send()
        .await
        .unwrap();
    let timeout = LoadBalancerAttribute::builder().key("idle_timeout.timeout_seconds").value("30");
    let attributes = client
        .modify_load_balancer_attributes()
        .load_balancer_arn(balancer_arn)
        .attributes(timeout.build())
        .send()
        .await
        .unwrap();
    let timeout = attributes
        .attributes()
        .iter()
        .find(|attribute| attribute.key() == Some("idle_timeout.timeout_seconds"));
    assert_eq!(timeout.unwrap().value(), Some("30"));

    endpoint.with_cloud(|cloud| {
        targets::register_target(cloud, group_arn, "10.0.0.9", 8000, TargetAnswer::Status(200));
    });
    let health = async || {
        let health = client.describe_target_health().target_group_arn(group_arn).send().await;
        let described = health.unwrap().target_health_descriptions.unwrap_or_default();
        described.into_iter().next().and_then(|target| target.target_health)
    };
    let first = health().await.unwrap();
    assert_eq!(first.reason(), Some(&TargetHealthReasonEnum::RegistrationInProgress));
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(health().await.unwrap().state(), Some(&TargetHealthStateEnum::Healthy));
    let active = client.describe_load_balancers().names("shop").send().await.unwrap();
    let state = active.load_balancers()[0].state().unwrap().code().unwrap();
    assert_eq!(*state, LoadBalancerStateEnum::Active);
    assert_eq!(
        endpoint.with_cloud(|cloud| targets::answer_through(cloud, dns, "/health")),
        Some(200)
    );

    let arns = [balancer_arn, group_arn, listener_arn].map(str::to_owned).to_vec();
    let tags = client.describe_tags().set_resource_arns(Some(arns)).send().await.unwrap();
    assert_eq!(tags.tag_descriptions().len(), 3);
    assert!(tags.tag_descriptions().iter().all(|described| described.tags() == [tag()]));
    let rules = client.describe_rules().listener_arn(listener_arn).send().await.unwrap();
    assert_eq!(rules.rules()[0].is_default(), Some(true));

    let in_use = client.delete_target_group().target_group_arn(group_arn).send().await;
    assert_eq!(in_use.unwrap_err().code(), Some("ResourceInUse"));
    client.delete_listener().listener_arn(listener_arn).send().await.unwrap();
    client.delete_load_balancer().load_balancer_arn(balancer_arn).send().await.unwrap();
    client.delete_target_group().target_group_arn(group_arn).send().await.unwrap();
    let gone = client.describe_load_balancers().names("shop").send().await.unwrap_err();
    assert!(gone.into_service_error().is_load_balancer_not_found_exception());
}
