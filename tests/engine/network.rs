//! The network changes under a running service.

use std::collections::BTreeMap;
use std::time::Duration;

use provision::event::{Event, Verb};
use provision::plan::Action;
use provision::resource::Kind;
use serde_json::Value;

use crate::harness::{Run, World, config};

/// The stack's subnets by address, with what is recorded of them.
fn subnets(world: &World) -> BTreeMap<String, (String, Value)> {
    let resources = world.memory.state.resources.iter();
    let subnets = resources.filter(|(address, _)| address.kind() == Kind::Subnet);
    subnets
        .map(|(address, record)| (address.to_string(), (record.id.clone(), record.applied.clone())))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn another_zone_moves_none_of_the_subnets() {
    let mut world = World::new();
    world.up(&config("")).await;
    let before = subnets(&world);
    let wider = config("network.zones = 3");
    let run = world.up_without_a_gap(&wider).await;
    assert!(run.plan.losses().is_empty());
    let after = subnets(&world);
    assert_eq!((before.len(), after.len()), (4, 6));
    assert!(before.iter().all(|(address, subnet)| after.get(address) == Some(subnet)));
    world.assert_settled(&wider).await;
    world.up_without_a_gap(&config("")).await;
    assert_eq!(subnets(&world), before);
    world.assert_settled(&config("")).await;
}

/// A node of the load balancer that still is in a subnet answers through its route table.
#[tokio::test(start_paused = true)]
async fn a_subnet_follows_its_route_table_until_load_balancer_and_tasks_have_left_it() {
    // Without a way out no task could fetch its image: there are none then.
    for (nat, count) in [("none", 0), ("single", 2), ("per-zone", 2)] {
        let common = format!("network.nat = {nat}\nservices.app.count = {count}");
        let zones = |number: u8| config(&format!("{common}\nnetwork.zones = {number}"));
        let mut world = World::new();
        world.up(&zones(3)).await;
        let run = if count == 0 {
            world.up(&zones(2)).await
        } else {
            tokio::time::sleep(Duration::from_mins(5)).await;
            world.up_while_asked(&zones(2), &[80]).await
        };
        let narrowed = began(&run, "route_table.public");
        let left = ended(&run, "load_balancer.main");
        assert!(left.is_some() && left < narrowed, "{nat}: {left:?}, {narrowed:?}");
        if nat != "per-zone" {
            let (narrowed, left) = (began(&run, "route_table.private"), ended(&run, "service.app"));
            assert!(left.is_some() && left < narrowed, "{nat}: {left:?}, {narrowed:?}");
        }
        world.assert_settled(&zones(2)).await;
    }
}

/// Which event says that an update of an address began.
fn began(run: &Run, of: &str) -> Option<usize> {
    run.events.iter().position(|(_, event)| match event {
        Event::Started { address, verb: Verb::Update } => address.to_string() == of,
        _ => false,
    })
}

/// Which event says that one was done.
fn ended(run: &Run, of: &str) -> Option<usize> {
    run.events.iter().position(|(_, event)| match event {
        Event::Finished { address, verb: Verb::Update } => address.to_string() == of,
        _ => false,
    })
}

#[tokio::test(start_paused = true)]
async fn nat_gateways_come_and_go() {
    let mut world = World::new();
    for nat in ["single", "per-zone", "none", "single", "none", "per-zone", "single"] {
        let config = config(&format!("network.nat = {nat}"));
        let before = subnets(&world);
        if before.is_empty() {
            world.up(&config).await;
        } else {
            world.up_without_a_gap(&config).await;
            assert_eq!(subnets(&world), before);
        }
        world.assert_settled(&config).await;
    }
}

#[tokio::test(start_paused = true)]
async fn another_network_takes_over_without_a_gap() {
    let mut world = World::new();
    world.up(&config("")).await;
    let vpc = world.output("vpc.main", "id");
    let after = config("network.cidr = 10.1.0.0/16");
    let plan = world.plan(&after).await;
    let losses = plan.losses();
    assert!(losses.iter().any(|loss| loss.contains("the network and all that is in it")));
    assert!(losses.iter().any(|loss| loss.contains("DNS name")), "{losses:?}");
    let kept = plan.resources.iter().filter(|planned| planned.action == Action::Keep);
    assert!(kept.clone().any(|planned| planned.address.kind() == Kind::Cluster));
    assert!(kept.clone().any(|planned| planned.address.kind() == Kind::Role));
    let listener = plan.resources.iter().find(|planned| planned.address.kind() == Kind::Listener);
    assert!(!listener.unwrap().old_goes_first(), "the old one serves until the tasks have moved");
    world.up_without_a_gap(&after).await;
    world.assert_settled(&after).await;
    assert_ne!(world.output("vpc.main", "id"), vpc);
    let vpcs = world.endpoint.with_cloud(|cloud| cloud.ec2.vpcs.contains_key(&vpc));
    assert!(!vpcs, "the old network is still there");
    world.down().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_stack_that_went_down() {
    let mut world = World::new();
    let empty = world.endpoint.with_cloud(inventory);
    world.up(&config("services.app.autoscaling = { min = 1, max = 4, cpu = 60 }")).await;
    assert_ne!(world.endpoint.with_cloud(inventory), empty);
    world.down().await;
    assert_eq!(world.endpoint.with_cloud(inventory), empty);
}

/// What there is in the account, without what AWS keeps listed after its end.
fn inventory(cloud: &mut provision::simulated_aws::Cloud) -> BTreeMap<&'static str, Vec<Value>> {
    let questions = [
        ("ec2", "DescribeVpcs", "vpcSet"),
        ("ec2", "DescribeSubnets", "subnetSet"),
        ("ec2", "DescribeInternetGateways", "internetGatewaySet"),
        ("ec2", "DescribeAddresses", "addressesSet"),
        ("ec2", "DescribeRouteTables", "routeTableSet"),
        ("ec2", "DescribeSecurityGroups", "securityGroupInfo"),
        ("ec2", "DescribeNetworkInterfaces", "networkInterfaceSet"),
        ("elb", "DescribeLoadBalancers", "LoadBalancers"),
        ("elb", "DescribeTargetGroups", "TargetGroups"),
        ("ecs", "ListClusters", "clusterArns"),
        ("ecs", "ListTaskDefinitions", "taskDefinitionArns"),
        ("logs", "DescribeLogGroups", "logGroups"),
        ("iam", "ListRoles", "Roles"),
    ];
    let mut found = BTreeMap::new();
    for (service, operation, member) in questions {
        let answer = crate::harness::ask(cloud, service, operation, &serde_json::json!({}));
        let Ok(answer) = answer else { continue };
        let own = |item: &&Value| !item.to_string().contains("aws-service-role");
        let items = answer[member].as_array().into_iter().flatten().filter(own);
        found.insert(operation, items.cloned().collect());
    }
    found
}
