//! Scalable targets and scaling policies.

use std::time::Duration;

use provision::aws::Class;
use provision::resource::Resource;
use provision::resource::scalable_target::ScalableTarget;
use provision::resource::scaling_policy::{Metric, ScalingPolicy};
use provision::resource::service::ScalingId;
use provision::simulated_aws::wire::Parameters;
use provision::simulated_aws::{autoscaling, ecs};
use serde_json::{Value, json};

use crate::common::World;
use crate::steps::stranger;

const SERVICE: &str = "service/main/app";

/// An account with a service `app` of one task in a cluster `main`.
async fn world_with_service() -> World {
    let world = World::new();
    let subnets = json!({"subnets": [world.network().await.subnets[0]]});
    ecs(&world, "CreateCluster", &json!({"clusterName": "main"}));
    let definition = json!({
        "family": "app", "cpu": "256", "memory": "512", "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [{"name": "app", "image": "example/app:1"}],
    });
    ecs(&world, "RegisterTaskDefinition", &definition);
    let service = json!({
        "cluster": "main", "serviceName": "app", "taskDefinition": "app", "desiredCount": 1,
        "launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": subnets},
    });
    ecs(&world, "CreateService", &service);
    world
}

fn ecs(world: &World, operation: &str, request: &Value) {
    let answer =
        world.endpoint.with_cloud(|cloud| ecs::answer(cloud, operation, Parameters::new(request)));
    answer.unwrap_or_else(|error| panic!("{operation}: {error:?}"));
}

fn target() -> ScalableTarget {
    ScalableTarget { service: ScalingId::from(SERVICE).into(), minimum: 1, maximum: 4 }
}

fn policy(metric: Metric) -> ScalingPolicy {
    ScalingPolicy {
        service: ScalingId::from(SERVICE).into(),
        metric,
        target_value: 62.5,
        scale_in_cooldown_seconds: 300,
        scale_out_cooldown_seconds: 60,
    }
}

#[tokio::test(start_paused = true)]
async fn a_scalable_target_lives() {
    let world = world_with_service().await;
    let spec = target();
    let wider = ScalableTarget { maximum: 6, ..spec.clone() };
    let higher = ScalableTarget { minimum: 2, ..wider.clone() };
    world.lives("web", spec, &[("maximum", wider), ("minimum", higher)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_registered_target_takes_new_bounds_from_its_owner_alone() {
    let world = world_with_service().await;
    world.make(&target(), "web").await.unwrap();
    let wider = ScalableTarget { maximum: 9, ..target() };
    let made = world.make(&wider, "web").await.unwrap();
    assert_eq!(world.read(&made).await.unwrap().spec, wider);
    let theirs = stranger::<ScalableTarget>("web");
    let error = target().create(&world.aws, &theirs).await.unwrap_err();
    assert_eq!(error.class(), Class::AlreadyExists);
    assert_eq!(world.read(&made).await.unwrap().spec, wider);
}

#[tokio::test(start_paused = true)]
async fn bounds_that_a_schedule_moves_are_as_they_were_applied() {
    let world = world_with_service().await;
    let made = world.make(&target(), "web").await.unwrap();
    register(&world, 2, 8);
    assert_eq!(world.read(&made).await.unwrap().spec.maximum, 8);
    autoscaling(
        &world,
        "PutScheduledAction",
        json!({
            "ScheduledActionName": "night", "Schedule": "at(2026-06-01T20:00:00)",
            "ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": 1},
        }),
    );
    let (live, calls) = world.calls_of(world.read(&made)).await;
    assert_eq!(live.unwrap().spec, target());
    assert_eq!(calls, ["DescribeScalableTargets", "DescribeScheduledActions"]);
}

fn register(world: &World, minimum: u32, maximum: u32) {
    let bounds = json!({"MinCapacity": minimum, "MaxCapacity": maximum});
    autoscaling(world, "RegisterScalableTarget", bounds);
}

/// Has Application Auto Scaling do something to the service, behind the program's back.
fn autoscaling(world: &World, operation: &str, mut request: Value) {
    request["ServiceNamespace"] = json!("ecs");
    request["ResourceId"] = json!(SERVICE);
    request["ScalableDimension"] = json!("ecs:service:DesiredCount");
    let answer = world
        .endpoint
        .with_cloud(|cloud| autoscaling::answer(cloud, operation, Parameters::new(&request)));
    answer.unwrap_or_else(|error| panic!("{operation}: {error:?}"));
}

#[tokio::test(start_paused = true)]
async fn a_scaling_policy_lives() {
    let world = world_with_service().await;
    world.make(&target(), "web").await.unwrap();
    let spec = policy(Metric::Cpu);
    let lower = ScalingPolicy { target_value: 40.0, ..spec.clone() };
    let other = ScalingPolicy { metric: Metric::Memory, ..lower.clone() };
    world.lives("web", spec, &[("target_value", lower), ("metric", other)]).await;
}

#[tokio::test(start_paused = true)]
async fn all_policies_are_read_in_one_call() {
    let world = world_with_service().await;
    world.make(&target(), "web").await.unwrap();
    let requests = Metric::RequestsPerTarget {
        load_balancer: "app/shop/50dc6c495c0c9188".to_owned().into(),
        target_group: "targetgroup/shop/73e2d6bc24d8a067".to_owned().into(),
    };
    let specs = [policy(Metric::Cpu), policy(Metric::Memory), policy(requests)];
    let mut made = Vec::new();
    for (spec, name) in specs.iter().zip(["cpu", "memory", "requests"]) {
        made.push(world.make(spec, name).await.unwrap());
    }
    let (live, calls) = world.calls_of(ScalingPolicy::read(&world.aws, &made)).await;
    let live: Vec<_> = live.unwrap().into_iter().map(|live| live.unwrap().spec).collect();
    assert_eq!(live, specs);
    assert_eq!(calls, ["DescribeScalingPolicies"]);
}

#[tokio::test(start_paused = true)]
async fn policies_go_with_their_target() {
    let world = world_with_service().await;
    let target = world.make(&target(), "web").await.unwrap();
    let policy = world.make(&policy(Metric::Cpu), "cpu").await.unwrap();
    ScalableTarget::delete(&world.aws, &target).await.unwrap();
    assert!(world.read(&policy).await.is_none());
    ScalingPolicy::delete(&world.aws, &policy).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_policy_waits_for_a_target_that_is_not_to_be_seen_yet() {
    let world = world_with_service().await;
    let registered = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        world.make(&target(), "web").await.unwrap();
    };
    let spec = policy(Metric::Cpu);
    let (made, ()) = tokio::join!(world.make(&spec, "cpu"), registered);
    assert_eq!(world.read(&made.unwrap()).await.unwrap().spec, spec);
}
