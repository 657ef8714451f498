//! A plan that was saved is carried out as it was shown, or it says what has moved since.

use std::time::Duration;

use provision::plan::Plan;
use serde_json::json;

use crate::harness::{World, config};

const CHANGE: &str = "services.app.health_check.path = /ready";

/// A running stack, and a plan for a change of it, as it is read back from its file.
async fn saved() -> (World, Plan) {
    let mut world = World::new();
    world.up(&config("")).await;
    tokio::time::sleep(Duration::from_mins(5)).await;
    let plan = world.plan(&config(CHANGE)).await;
    let file = serde_json::to_string(&plan).expect("a plan is JSON");
    (world, serde_json::from_str(&file).expect("it was written by us"))
}

/// What is said to have moved when `changes` are to be made now.
async fn moved(world: &World, saved: &Plan, changes: &str) -> Vec<String> {
    let now = world.plan(&config(changes)).await;
    saved.moved(&now).iter().map(ToString::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn a_plan_fits_as_long_as_nothing_has_moved() {
    let (world, plan) = saved().await;
    assert_eq!(moved(&world, &plan, CHANGE).await, [""; 0]);
    let blank = World::new();
    let first = blank.plan(&config("services.app.port = 9000")).await;
    let first: Plan = serde_json::from_value(serde_json::to_value(first).unwrap()).unwrap();
    assert_eq!(moved(&blank, &first, "services.app.port = 9000").await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn another_configuration_is_told() {
    let (world, plan) = saved().await;
    let other = "services.app.health_check.path = /live\nservices.app.count = 3";
    let expected = [
        "target_group.app: update as then, but `health_check.path` moved",
        "service.app: then keep, now update",
    ];
    assert_eq!(moved(&world, &plan, other).await, expected);
    let tagged = format!("{CHANGE}\ntags.team = blue");
    let told = moved(&world, &plan, &tagged).await;
    assert!(told.contains(&"target_group.app: update as then, but `tags.team` moved".to_owned()));
    assert!(told.contains(&"vpc.main: then keep, now update".to_owned()), "{told:?}");
    let removed = "network.zones = [\"us-east-1a\", \"us-east-1c\"]";
    let told = moved(&world, &plan, removed).await;
    assert!(told.contains(&"subnet.public-b: then keep, now delete".to_owned()), "{told:?}");
    assert!(told.contains(&"subnet.public-c: then nothing, now create".to_owned()), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn another_run_in_between_is_told() {
    let (mut world, plan) = saved().await;
    world.up(&config(CHANGE)).await;
    let expected = ["target_group.app: then update, now keep"];
    assert_eq!(moved(&world, &plan, CHANGE).await, expected);
    world.up(&config("network.cidr = 10.1.0.0/16")).await;
    let told = moved(&world, &plan, &format!("{CHANGE}\nnetwork.cidr = 10.1.0.0/16")).await;
    assert_eq!(told, ["target_group.app: update as then, but `id` moved"]);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_changed_in_aws_is_told() {
    let (world, plan) = saved().await;
    let group = world.output("target_group.app", "arn");
    let request = json!({"TargetGroupArn": group, "HealthCheckPath": "/other"});
    world.ask("elb", "ModifyTargetGroup", &request);
    let logs = json!({"logGroupName": "/ecs/shop-dev", "retentionInDays": 1});
    world.ask("logs", "PutRetentionPolicy", &logs);
    let expected = [
        "log_group.app: then keep, now update",
        "target_group.app: update as then, but `health_check.path` moved",
    ];
    assert_eq!(moved(&world, &plan, CHANGE).await, expected);
    world.ask("logs", "DeleteLogGroup", &json!({"logGroupName": "/ecs/shop-dev"}));
    let told = moved(&world, &plan, CHANGE).await;
    assert_eq!(told[0], "log_group.app: then keep, now create");
}

#[tokio::test(start_paused = true)]
async fn another_state_or_stack_is_told_and_nothing_else() {
    let (mut world, plan) = saved().await;
    world.memory.state.lineage = "another".into();
    world.memory.state.environment = "prod".into();
    let told = moved(&world, &plan, "services.app.count = 3").await;
    let expected = [
        "it was made for the environment dev, and this is prod",
        "it was made for the state lineage-7, and this is another",
    ];
    assert_eq!(told, expected);
}

/// Two generations at one address are each held against itself.
#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_replacement_is_no_move() {
    let (mut world, _) = saved().await;
    let other = "network.cidr = 10.1.0.0/16";
    let mut state = world.memory.state.clone();
    world.up(&config(other)).await;
    std::mem::swap(&mut state, &mut world.memory.state);
    let before = world.memory.state.resources.clone();
    world.memory.state = state;
    let leftovers = before.into_iter().filter(|(address, _)| address.name() == "balancer");
    let leftovers = leftovers
        .map(|(address, record)| provision::state::Replaced { address, record })
        .collect::<Vec<_>>();
    assert_eq!(leftovers.len(), 1);
    world.memory.state.replaced = leftovers;
    let plan = world.plan(&config(other)).await;
    assert!(!plan.is_empty());
    assert_eq!(moved(&world, &plan, other).await, [""; 0]);
}
