//! `down` in a network that others have put something into: what goes by itself is waited for, what
//! stays is named, and the rest is still removed (aws-behaviour 1.e2, 24.6).

use std::time::Duration;

use provision::event::Event;
use provision::execute::{Failure, StepError, Summary};
use provision::simulated_aws::cloud::Cloud;
use provision::simulated_aws::ec2::bystander::Endpoint;
use provision::simulated_aws::ec2::interface::{NewInterface, create_interface, delete_interface};

use crate::world::{SMALL, World, said};

const MINUTE: Duration = Duration::from_mins(1);

/// What somebody puts into the first private subnet; gives the interface's id.
fn put(cloud: &mut Cloud, description: &str, interface_type: &str, requester: &str) -> String {
    let is_private = |id: &&String| {
        let name = cloud.ec2.tags.get(*id).and_then(|tags| tags.get("Name"));
        name.is_some_and(|name| name.ends_with("private-a"))
    };
    let subnet = cloud.ec2.subnets.keys().find(is_private).unwrap().clone();
    let new = NewInterface {
        subnet,
        groups: Vec::new(),
        description: description.to_owned(),
        interface_type: interface_type.to_owned(),
        requester: requester.to_owned(),
        public_address: false,
    };
    create_interface(cloud, new).unwrap().id
}

/// An endpoint with an interface of its own; gives the ids of both.
fn put_endpoint(cloud: &mut Cloud) -> (String, String) {
    let id = cloud.fresh_id("vpce");
    let interface = put(cloud, &format!("VPC Endpoint Interface {id}"), "vpc_endpoint", "vpce");
    let vpc = cloud.ec2.interfaces[&interface].vpc.clone();
    let endpoint = Endpoint {
        id: id.clone(),
        vpc,
        service: "com.amazonaws.eu-west-1.sqs".to_owned(),
        endpoint_type: "Interface".to_owned(),
        state: "available".to_owned(),
        interfaces: vec![interface.clone()],
        ..Endpoint::default()
    };
    cloud.ec2.endpoints.insert(id.clone(), endpoint);
    (id, interface)
}

fn blocked(summary: &Summary) -> Vec<(String, String)> {
    let failed = summary.failed.iter();
    let blocked = failed.filter_map(|(address, _, failure)| match failure {
        Failure::Step(StepError::Blocked { by }) => Some((address.to_string(), by)),
        _ => None,
    });
    blocked
        .flat_map(|(address, by)| by.iter().map(move |one| (address.clone(), one.to_string())))
        .collect()
}

/// A stack with something foreign in its subnet is taken down as far as it can be: the subnet and
/// what it stands in stay, and the result names what is in the way.
async fn is_named_and_left(description: &str, interface_type: &str, requester: &str, words: &str) {
    let mut world = World::new(7);
    world.up(SMALL).await;
    let id = world.endpoint.with_cloud(|cloud| put(cloud, description, interface_type, requester));
    let (summary, cost) = world.tries_down().await;
    let blocked = blocked(&summary);
    assert_eq!(blocked.len(), 1, "{}", said(&summary));
    assert_eq!(blocked[0].0, "subnet.private-a");
    assert!(blocked[0].1.contains(&id) && blocked[0].1.contains(words), "{}", blocked[0].1);
    // The tasks and the balancer go first, which takes some minutes; the subnet's own 20 minutes
    // are not waited for.
    assert!(cost.time < 12 * MINUTE, "{cost:?}");
    let left: Vec<String> = world.state().resources.keys().map(ToString::to_string).collect();
    assert_eq!(left, ["vpc.main", "subnet.private-a"], "all the rest is gone");
    assert!(world.state().in_doubt.is_empty());
    let skipped: Vec<String> =
        summary.skipped.iter().map(|(address, ..)| address.to_string()).collect();
    assert_eq!(skipped, ["vpc.main"]);

    world.endpoint.with_cloud(|cloud| delete_interface(cloud, &id));
    world.down().await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_in_the_subnet_is_named_and_left() {
    is_named_and_left("Primary network interface", "interface", "", "Primary network").await;
}

#[tokio::test(start_paused = true)]
async fn a_function_in_the_subnet_is_named_and_left() {
    let description = "AWS Lambda VPC ENI-report-0a1b";
    is_named_and_left(description, "lambda", "AROAEXAMPLE:report", "a Lambda function").await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_in_the_subnet_is_named_and_left() {
    let description = "VPC Endpoint Interface vpce-0a1b2c";
    is_named_and_left(description, "vpc_endpoint", "vpce", "vpce-0a1b2c").await;
}

#[tokio::test(start_paused = true)]
async fn the_guard_in_the_subnet_is_named_and_left() {
    let description = "VPC Endpoint Interface vpce-0d1e2f";
    is_named_and_left(description, "vpc_endpoint", "amazon-guardduty", "vpce-0d1e2f").await;
}

/// Has something go away by itself, some time after `down` has begun.
fn goes_after(world: &World, pause: Duration, goes: impl FnOnce(&mut Cloud) + Send + 'static) {
    let endpoint = std::sync::Arc::clone(&world.endpoint);
    tokio::spawn(async move {
        tokio::time::sleep(pause).await;
        endpoint.with_cloud(goes);
    });
}

fn was_told(world: &World, words: &str) -> bool {
    world.told.iter().any(|event| match event {
        Event::Blocked { by, .. } => by.iter().any(|one| one.to_string().contains(words)),
        _ => false,
    })
}

#[tokio::test(start_paused = true)]
async fn interfaces_that_aws_takes_away_by_itself_are_told_and_waited_for() {
    for (description, requester) in [
        ("ELB app/other/50dc6c495c0c9188", "amazon-elb"),
        ("arn:aws:ecs:eu-west-1:123456789012:attachment/0a1b2c3d", "578734482556"),
    ] {
        let mut world = World::new(7);
        world.up(SMALL).await;
        let id = world.endpoint.with_cloud(|cloud| put(cloud, description, "interface", requester));
        let goes = id.clone();
        goes_after(&world, 14 * MINUTE, move |cloud| delete_interface(cloud, &goes));
        let cost = world.down().await;
        assert!(cost.time > 14 * MINUTE, "{cost:?}");
        assert!(was_told(&world, &id), "what is waited for is told");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_its_owner_has_deleted_is_waited_for() {
    let mut world = World::new(7);
    world.up(SMALL).await;
    let (endpoint, interface) = world.endpoint.with_cloud(|cloud| {
        let (endpoint, interface) = put_endpoint(cloud);
        cloud.ec2.endpoints.get_mut(&endpoint).unwrap().state = "deleting".to_owned();
        (endpoint, interface)
    });
    let id = endpoint.clone();
    goes_after(&world, 14 * MINUTE, move |cloud| {
        delete_interface(cloud, &interface);
        cloud.ec2.endpoints.remove(&endpoint);
    });
    world.down().await;
    assert!(was_told(&world, &id));
}
