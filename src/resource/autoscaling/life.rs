//! The lives of scalable targets and scaling policies in a simulated account.

use serde_json::{Value, json};

use crate::aws::Class;
use crate::resource::Resource;
use crate::resource::scalable_target::ScalableTarget;
use crate::resource::scaling_policy::{Metric, ScalingPolicy};
use crate::resource::service::ScalingId;
use crate::resource::testing::{Account, identity, stranger};
use crate::simulated_aws::wire::Parameters;
use crate::simulated_aws::{autoscaling, ecs};

const SERVICE: &str = "service/main/app";

/// An account with a service `app` of one task in a cluster `main`.
fn account_with_service() -> Account {
    let account = Account::new();
    let subnets = json!({"subnets": [account.network().subnets[0]]});
    ecs(&account, "CreateCluster", &json!({"clusterName": "main"}));
    let definition = json!({
        "family": "app", "cpu": "256", "memory": "512", "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [{"name": "app", "image": "example/app:1"}],
    });
    ecs(&account, "RegisterTaskDefinition", &definition);
    let service = json!({
        "cluster": "main", "serviceName": "app", "taskDefinition": "app", "desiredCount": 1,
        "launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": subnets},
    });
    ecs(&account, "CreateService", &service);
    account
}

fn ecs(account: &Account, operation: &str, request: &Value) {
    let answer = account
        .endpoint
        .with_cloud(|cloud| ecs::answer(cloud, operation, Parameters::new(request)));
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
    let account = account_with_service();
    let spec = target();
    let made = account.make(&spec, "web").await.unwrap();
    assert!(made.outputs.arn.is_some());
    account.until_ready(&made).await;
    assert_eq!(account.read(&made).await.unwrap().spec, spec);
    let found = spec.find(&account.aws, &identity::<ScalableTarget>("web")).await.unwrap().unwrap();
    assert_eq!(found.outputs, made.outputs);
    assert_eq!(found.tags, identity::<ScalableTarget>("web").tags);

    let wanted = ScalableTarget { minimum: 2, maximum: 6, ..spec };
    account.change(&made, &wanted, &["minimum", "maximum"]).await;
    assert_eq!(account.read(&made).await.unwrap().spec, wanted);

    ScalableTarget::delete(&account.aws, &made).await.unwrap();
    assert!(account.read(&made).await.is_none());
    ScalableTarget::delete(&account.aws, &made).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_registered_target_takes_new_bounds_from_its_owner_alone() {
    let account = account_with_service();
    account.make(&target(), "web").await.unwrap();
    let wider = ScalableTarget { maximum: 9, ..target() };
    let made = account.make(&wider, "web").await.unwrap();
    assert_eq!(account.read(&made).await.unwrap().spec, wider);
    let theirs = stranger::<ScalableTarget>("web");
    let error = target().create(&account.aws, &theirs).await.unwrap_err();
    assert_eq!(error.class(), Class::AlreadyExists);
    assert_eq!(account.read(&made).await.unwrap().spec, wider);
}

#[tokio::test(start_paused = true)]
async fn bounds_that_a_schedule_moves_are_as_they_were_applied() {
    let account = account_with_service();
    let made = account.make(&target(), "web").await.unwrap();
    register(&account, 2, 8);
    assert_eq!(account.read(&made).await.unwrap().spec.maximum, 8);
    autoscaling(
        &account,
        "PutScheduledAction",
        json!({
            "ScheduledActionName": "night", "Schedule": "at(2026-06-01T20:00:00)",
            "ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": 1},
        }),
    );
    let (live, calls) = account.calls_of(account.read(&made)).await;
    assert_eq!(live.unwrap().spec, target());
    assert_eq!(calls, ["DescribeScalableTargets", "DescribeScheduledActions"]);
}

fn register(account: &Account, minimum: u32, maximum: u32) {
    let bounds = json!({"MinCapacity": minimum, "MaxCapacity": maximum});
    autoscaling(account, "RegisterScalableTarget", bounds);
}

/// Has Application Auto Scaling do something to the service, behind the program's back.
fn autoscaling(account: &Account, operation: &str, mut request: Value) {
    request["ServiceNamespace"] = json!("ecs");
    request["ResourceId"] = json!(SERVICE);
    request["ScalableDimension"] = json!("ecs:service:DesiredCount");
    let answer = account
        .endpoint
        .with_cloud(|cloud| autoscaling::answer(cloud, operation, Parameters::new(&request)));
    answer.unwrap_or_else(|error| panic!("{operation}: {error:?}"));
}

#[tokio::test(start_paused = true)]
async fn scaling_policies_live() {
    let account = account_with_service();
    account.make(&target(), "web").await.unwrap();
    let requests = Metric::RequestsPerTarget {
        load_balancer: "app/shop/50dc6c495c0c9188".to_owned().into(),
        target_group: "targetgroup/shop/73e2d6bc24d8a067".to_owned().into(),
    };
    let specs = [policy(Metric::Cpu), policy(Metric::Memory), policy(requests)];
    let mut made = Vec::new();
    for (spec, name) in specs.iter().zip(["cpu", "memory", "requests"]) {
        made.push(account.make(spec, name).await.unwrap());
    }
    let read = ScalingPolicy::read(&account.aws, &made);
    let (live, calls) = account.calls_of(read).await;
    let live: Vec<_> = live.unwrap().into_iter().map(|live| live.unwrap().spec).collect();
    assert_eq!(live, specs);
    assert_eq!(calls, ["DescribeScalingPolicies"]);

    let wanted =
        ScalingPolicy { target_value: 40.0, scale_in_cooldown_seconds: 30, ..policy(Metric::Cpu) };
    let changed = account.change(&made[0], &wanted, &["target_value"]).await;
    assert_eq!(changed.outputs, made[0].outputs);
    assert_eq!(account.read(&made[0]).await.unwrap().spec, wanted);
    let found = wanted.find(&account.aws, &identity::<ScalingPolicy>("cpu")).await.unwrap();
    assert_eq!(found.unwrap().outputs, made[0].outputs);

    ScalingPolicy::delete(&account.aws, &made[0]).await.unwrap();
    assert!(account.read(&made[0]).await.is_none());
    ScalingPolicy::delete(&account.aws, &made[0]).await.unwrap();
    assert!(account.read(&made[1]).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn policies_go_with_their_target() {
    let account = account_with_service();
    let target = account.make(&target(), "web").await.unwrap();
    let policy = account.make(&policy(Metric::Cpu), "cpu").await.unwrap();
    ScalableTarget::delete(&account.aws, &target).await.unwrap();
    assert!(account.read(&policy).await.is_none());
    ScalingPolicy::delete(&account.aws, &policy).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_policy_waits_for_a_target_that_is_not_to_be_seen_yet() {
    let account = account_with_service();
    let registered = async {
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        account.make(&target(), "web").await.unwrap();
    };
    let spec = policy(Metric::Cpu);
    let (made, ()) = tokio::join!(account.make(&spec, "cpu"), registered);
    assert_eq!(account.read(&made.unwrap()).await.unwrap().spec, spec);
}
