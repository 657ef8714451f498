//! Quotas against use.

use std::time::Duration;

use provision::preflight::Check;
use provision::preflight::Weight::{Certain, Doubtful};
use provision::simulated_aws::Cloud;
use serde_json::{Value, json};

use crate::harness::{World, config};
use crate::{found, titles};

/// Makes something `times` times.
fn others(world: &World, times: usize, service: &str, operation: &str, request: &Value) {
    for _ in 0..times {
        world.ask(service, operation, request);
    }
}

fn others_have_vpcs(world: &World, count: usize) {
    others(world, count, "ec2", "CreateVpc", &json!({"CidrBlock": "10.9.0.0/16"}));
}

/// A subnet of somebody else's in a zone, in a network with an internet gateway.
fn others_have_a_subnet(world: &World, zone: &str) -> Value {
    let vpc = world.ask("ec2", "CreateVpc", &json!({"CidrBlock": "10.9.0.0/16"}));
    let vpc = &vpc["vpc"]["vpcId"];
    let gateway = world.ask("ec2", "CreateInternetGateway", &json!({}));
    let gateway = &gateway["internetGateway"]["internetGatewayId"];
    world.ask("ec2", "AttachInternetGateway", &json!({"VpcId": vpc, "InternetGatewayId": gateway}));
    let subnet = json!({"VpcId": vpc, "CidrBlock": "10.9.0.0/24", "AvailabilityZone": zone});
    world.ask("ec2", "CreateSubnet", &subnet)["subnet"]["subnetId"].clone()
}

fn add_gateway(world: &World, subnet: &Value) -> Value {
    let address = world.ask("ec2", "AllocateAddress", &json!({"Domain": "vpc"}));
    let request = json!({"SubnetId": subnet, "AllocationId": address["allocationId"]});
    world.ask("ec2", "CreateNatGateway", &request)["natGateway"]["natGatewayId"].clone()
}

fn with_quotas(change: impl FnOnce(&mut Cloud)) -> World {
    let world = World::new();
    world.endpoint.with_cloud(change);
    world
}

#[tokio::test(start_paused = true)]
async fn an_account_with_room_is_fine() {
    let world = World::new();
    others_have_vpcs(&world, 4);
    assert_eq!(titles(&found(&world, "network.nat = per-zone").await), []);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_makes_nothing_asks_nothing() {
    let mut world = World::new();
    world.up(&config("")).await;
    let plan = world.plan(&config("")).await;
    let before = world.endpoint.calls().len();
    let preflight = provision::preflight::look(&world.aws, &plan).await;
    assert_eq!(preflight.findings, []);
    assert_eq!(world.endpoint.calls().len(), before);
}

#[tokio::test(start_paused = true)]
async fn a_look_at_the_largest_stack_takes_a_bounded_number_of_calls() {
    let world = World::new();
    let large = "network.zones = 6\nnetwork.nat = per-zone\nservices.app.count = 500\n\
                 services.app.spot.base = 1\nservices.app.spot.on_demand_weight = 1\n\
                 services.app.spot.spot_weight = 1";
    let plan = world.plan(&config(large)).await;
    let before = world.endpoint.calls().len();
    provision::preflight::look(&world.aws, &plan).await;
    let calls = world.endpoint.calls().len() - before;
    assert!(calls <= 20, "{calls}");
}

#[tokio::test(start_paused = true)]
async fn there_is_no_room_for_another_vpc() {
    let mut world = World::new();
    others_have_vpcs(&world, 5);
    let findings = found(&world, "").await;
    assert_eq!(titles(&findings), [(Certain, "us-east-1 has no room for another VPC")]);
    let said = &findings[0].explanation;
    assert_eq!(said, "5 of 5 VPCs are in use there, and this plan needs 1 more.");
    assert!(findings[0].remedies[1].contains("--quota-code L-F678F1CE --desired-value 6"));
    // It is as AWS would have said, halfway.
    let run = world.try_up(&config("")).await.unwrap();
    assert!(run.check_complete().unwrap_err().contains("VpcLimitExceeded"));
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_was_raised_is_the_one_that_counts() {
    let world = with_quotas(|cloud| cloud.ec2.quotas.vpcs = 6);
    others_have_vpcs(&world, 5);
    assert_eq!(titles(&found(&world, "").await), []);
}

#[tokio::test(start_paused = true)]
async fn a_default_that_is_exceeded_already_is_not_believed() {
    let world = with_quotas(|cloud| {
        cloud.ec2.quotas.vpcs = 20;
        cloud.servicequotas.unapplied.insert("L-F678F1CE".into());
    });
    others_have_vpcs(&world, 5);
    assert_eq!(titles(&found(&world, "").await)[0].0, Certain, "5 of a default of 5");
    others_have_vpcs(&world, 1);
    assert_eq!(titles(&found(&world, "").await), []);
}

#[tokio::test(start_paused = true)]
async fn there_are_too_few_addresses_for_a_gateway_in_each_zone() {
    let world = World::new();
    others(&world, 4, "ec2", "AllocateAddress", &json!({"Domain": "vpc"}));
    let findings = found(&world, "network.nat = per-zone").await;
    let title = "us-east-1 has no room for 2 more Elastic IP addresses";
    assert_eq!(titles(&findings), [(Certain, title)]);
    assert!(findings[0].remedies[1].contains("network.nat = \"single\""));
    assert_eq!(titles(&found(&world, "network.nat = single").await), []);
}

#[tokio::test(start_paused = true)]
async fn internet_gateways_groups_and_load_balancers_are_counted() {
    let world = with_quotas(|cloud| {
        cloud.ec2.quotas.internet_gateways = 0;
        cloud.ec2.quotas.groups = 1;
        cloud.elb.quotas.load_balancers = 0;
    });
    assert_eq!(
        titles(&found(&world, "").await),
        [
            (Certain, "us-east-1 has no room for another internet gateway"),
            (Certain, "us-east-1 has no room for 2 more security groups"),
            (Certain, "us-east-1 has no room for another application load balancer"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn nat_gateways_are_counted_in_their_zone() {
    let world = with_quotas(|cloud| cloud.ec2.quotas.nat_gateways_per_zone = 1);
    let elsewhere = others_have_a_subnet(&world, "us-east-1f");
    add_gateway(&world, &elsewhere);
    assert_eq!(titles(&found(&world, "").await), []);
    let subnet = others_have_a_subnet(&world, "us-east-1a");
    let gateway = add_gateway(&world, &subnet);
    let full = "us-east-1a has no room for another NAT gateway";
    assert_eq!(titles(&found(&world, "").await), [(Certain, full)]);
    // One that goes makes room, though not at once (aws-behaviour 5).
    tokio::time::sleep(Duration::from_mins(5)).await;
    world.ask("ec2", "DeleteNatGateway", &json!({"NatGatewayId": gateway}));
    let findings = found(&world, "").await;
    assert_eq!(titles(&findings), [(Doubtful, full)]);
    assert!(findings[0].explanation.contains("1 of them is being deleted"));
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(titles(&found(&world, "").await), []);
}

#[tokio::test(start_paused = true)]
async fn a_new_account_may_not_run_so_many_processors() {
    let mut world = with_quotas(|cloud| cloud.ecs.quotas.on_demand_vcpus = 6.0);
    let eight = "services.app.cpu = 4096\nservices.app.memory = 8192";
    let findings = found(&world, eight).await;
    let title = "us-east-1 has no room for 8 more Fargate vCPUs";
    assert_eq!(titles(&findings), [(Certain, title)]);
    assert!(findings[0].remedies[0].contains("`count`"), "{:?}", findings[0].remedies);
    // It is as ECS would have said, and never stopped saying.
    let run = world.try_up(&config(eight)).await.unwrap();
    assert!(run.check_complete().is_err());
}

#[tokio::test(start_paused = true)]
async fn what_other_tasks_use_may_be_free_again_by_then() {
    let mut world = World::new();
    world.up(&config("services.app.cpu = 1024\nservices.app.memory = 2048")).await;
    world.endpoint.with_cloud(|cloud| cloud.ecs.quotas.on_demand_vcpus = 2.25);
    // The same account, another stack.
    world.memory.state = provision::state::State::new(
        "other",
        "dev",
        provision::simulated_aws::cloud::ACCOUNT,
        crate::harness::REGION,
    );
    let findings = found_of(&world, "other").await;
    assert_eq!(titles(&findings), [(Doubtful, "us-east-1 has no room for 0.5 more Fargate vCPUs")]);
    let said = "2 of 2.25 Fargate vCPUs are in use there, and this plan needs 0.5 more.";
    assert_eq!(findings[0].explanation, said);
}

/// The findings before `up` of a stack of another name.
async fn found_of(world: &World, name: &str) -> Vec<provision::preflight::Finding> {
    let text = format!(
        "name = \"{name}\"\nregion = \"us-east-1\"\n[services.app]\nimage = \"example/app:1\"\n"
    );
    let plan = world.plan(&crate::harness::load(text, vec![])).await;
    let findings = provision::preflight::look(&world.aws, &plan).await.findings.into_iter();
    findings.filter(|finding| finding.check == Check::Quota).collect()
}

#[tokio::test(start_paused = true)]
async fn the_autoscaler_may_want_more_than_there_is() {
    let world = with_quotas(|cloud| cloud.ecs.quotas.on_demand_vcpus = 6.0);
    let scaling = "services.app.autoscaling.min = 2\nservices.app.autoscaling.max = 40\n\
                   services.app.autoscaling.cpu = 60";
    let findings = found(&world, scaling).await;
    assert_eq!(
        titles(&findings),
        [(Doubtful, "us-east-1 has no room to scale out as far as declared")]
    );
    assert!(findings[0].explanation.contains("takes 10 Fargate vCPUs"));
}
