//! No false alarm: what moves by itself is no drift, whatever is declared; and a check changes
//! nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::test_runner::TestCaseError;
use provision::config::{Config, ImageOwner, Nat};
use serde_json::{Value, json};

use crate::configs::{configs, paused, runner};
use crate::extras::{deploy, endpoint};
use crate::harness::World;
use crate::world::{check, full, lines};

/// How many configurations are tried: more where PROVISION_MATRIX is `full`.
#[expect(clippy::disallowed_methods, reason = "how much to try is for whoever runs the tests")]
fn cases() -> u32 {
    if std::env::var("PROVISION_MATRIX").is_ok_and(|matrix| matrix == "full") { 100 } else { 4 }
}

#[test]
fn a_week_of_what_moves_by_itself_is_no_drift_whatever_is_declared() {
    let week = |config: Config| paused(a_week(config)).map_err(TestCaseError::fail);
    runner(cases()).run(&configs(), week).unwrap_or_else(|error| panic!("{error}"));
}

/// Seven days with a check after each, and an `up` at the end that has nothing to do.
async fn a_week(config: Config) -> Result<(), String> {
    let mut world = World { waiting: config.network.nat != Nat::None, ..World::new() };
    world.try_up(&config).await.map_err(|error| error.to_string())?.check_complete()?;
    guard(&world);
    for day in 0..7 {
        move_by_itself(&world, &config, day);
        tokio::time::sleep(Duration::from_hours(24)).await;
        let found = lines(&check(&world, &config).await);
        if !found.is_empty() {
            return Err(format!("on day {day}: {found:?}"));
        }
    }
    world.waiting = false;
    world.check_settled(&config).await
}

/// GuardDuty moves in, with an endpoint and a group (aws-behaviour 1.e2).
fn guard(world: &World) {
    let vpc = world.output("vpc.main", "id");
    endpoint(world, "vpce-0fff", "com.amazonaws.us-east-1.guardduty-data");
    let name = format!("GuardDutyManagedSecurityGroup-{vpc}");
    let request = json!({"VpcId": vpc, "GroupName": name, "GroupDescription": "x"});
    world.ask("ec2", "CreateSecurityGroup", &request);
}

/// The autoscaler moves the count, a task dies, a gateway of somebody's is listed as deleted,
/// somebody's tools tag what they see, and CI deploys: another image where it owns that, and the same
/// again where it does not.
fn move_by_itself(world: &World, config: &Config, day: u32) {
    let cluster = world.output("cluster.main", "name");
    let service = world.output("service.app", "name");
    if let Some(scaling) = &config.services["app"].autoscaling {
        let count = scaling.min + day % (scaling.max - scaling.min + 1);
        let request = json!({"cluster": cluster, "service": service, "desiredCount": count});
        world.ask("ecs", "UpdateService", &request);
    }
    let tasks = world.ask("ecs", "ListTasks", &json!({"cluster": cluster}));
    if let Some(task) = tasks["taskArns"].as_array().and_then(|tasks| tasks.first()) {
        world.ask("ecs", "StopTask", &json!({"cluster": cluster, "task": task}));
    }
    if config.services["app"].image_owner == ImageOwner::External {
        deploy(world, &[("image", json!(format!("ghcr.io/acme/shop:{day}")))]);
    } else if day == 3 {
        deploy(world, &[]);
    }
    let subnet = world.output("subnet.public-a", "id");
    if day == 0 {
        let address = world.ask("ec2", "AllocateAddress", &json!({}));
        let request = json!({"SubnetId": subnet, "AllocationId": address["allocationId"]});
        let gateway = world.ask("ec2", "CreateNatGateway", &request);
        let id = &gateway["natGateway"]["natGatewayId"];
        world.ask("ec2", "DeleteNatGateway", &json!({"NatGatewayId": id}));
    }
    let tag = json!({"Key": "scanned", "Value": day.to_string()});
    let seen = [subnet, world.output("vpc.main", "id")];
    world.ask("ec2", "CreateTags", &json!({"ResourceId": seen, "Tag": [tag]}));
}

#[tokio::test(start_paused = true)]
async fn a_check_makes_no_mutating_call() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    let listener = world.output("listener.http", "arn");
    world.ask("elb", "DeleteListener", &json!({"ListenerArn": listener}));
    let before = world.endpoint.calls().len();
    assert_eq!(check(&world, &config).await.findings.len(), 1);
    let calls = world.endpoint.calls().split_off(before);
    let mut mutating: BTreeMap<String, usize> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.is_mutating()) {
        *mutating.entry(call.operation.clone()).or_default() += 1;
    }
    assert_eq!(mutating, BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn ids_of_findings_stay_as_long_as_the_place_differs() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    let keep = |days: u32| {
        let group = world.output("log_group.app", "name");
        let request: Value = json!({"logGroupName": group, "retentionInDays": days});
        world.ask("logs", "PutRetentionPolicy", &request);
    };
    keep(7);
    let first = check(&world, &config).await.findings.remove(0);
    keep(3);
    let second = check(&world, &config).await.findings.remove(0);
    assert_eq!(first.id, second.id);
    assert_ne!(first.live, second.live);
    assert_eq!(first.id.len(), 16);
}
