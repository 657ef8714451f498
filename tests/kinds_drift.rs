//! The kinds around the check that the account makes by itself, each through its whole life in the
//! simulated AWS.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{World, identity, sought};
use provision::aws::{Class, Tags};
use provision::resource::alarm::{Alarm, Limit, Metric};
use provision::resource::role::{Role, RoleArn};
use provision::resource::schedule::{Retries, Schedule, Timing};
use provision::resource::topic::{Topic, TopicArn};
use provision::resource::{Identity, Resource};
use provision::simulated_aws::faults::{Faults, Refusals};
use provision::simulated_aws::wire::ApiError;
use serde_json::json;

fn topic(display_name: &str) -> Topic {
    Topic { display_name: display_name.into() }
}

fn alarm(tells: &[TopicArn]) -> Alarm {
    let dimensions = [("Stack", "web"), ("Environment", "dev")];
    Alarm {
        description: "It has drifted".into(),
        metric: Metric {
            namespace: "provision".into(),
            name: "Drift".into(),
            dimensions: dimensions.map(|(name, value)| (name.into(), value.into())).into(),
        },
        limit: Limit {
            statistic: "Maximum".into(),
            comparison: "GreaterThanThreshold".into(),
            threshold: 0.0,
            period_seconds: 300,
            periods: 1,
        },
        missing_data: "ignore".into(),
        tells: tells.iter().cloned().map(Into::into).collect(),
        tells_when_over: BTreeSet::new(),
        enabled: true,
    }
}

async fn role(world: &World) -> RoleArn {
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let role = Role {
        trust,
        managed_policies: BTreeSet::new(),
        inline_policies: BTreeMap::new(),
        description: "Starts it".into(),
    };
    world.made("start", &role).await.arn
}

fn schedule(role: &RoleArn) -> Schedule {
    let ecs = "arn:aws:ecs:eu-west-1:123456789012";
    Schedule {
        expression: "rate(1 hour)".into(),
        timing: Timing::default(),
        enabled: true,
        cluster: provision::resource::Input::Known(format!("{ecs}:cluster/web-dev").into()),
        task_definition: provision::resource::Input::Known(
            format!("{ecs}:task-definition/web-dev:1").into(),
        ),
        role: role.clone().into(),
        subnets: [provision::resource::Input::Known("subnet-1".into())].into(),
        security_groups: [provision::resource::Input::Known("sg-1".into())].into(),
        input: String::new(),
        retries: Retries { attempts: 3, seconds: 900 },
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_lives() {
    let world = World::new();
    world.lives("drift", topic("Drift"), &[("display_name", topic("Drift of web"))]).await;
}

#[tokio::test(start_paused = true)]
async fn an_alarm_lives() {
    let world = World::new();
    let arn = world.made("drift", &topic("Drift")).await.arn;
    let first = alarm(&[]);
    let told = alarm(std::slice::from_ref(&arn));
    let over = Alarm { tells_when_over: told.tells.clone(), ..told.clone() };
    let limit = Limit { threshold: 2.5, periods: 3, ..over.limit.clone() };
    let other = Alarm { limit, ..over.clone() };
    let off = Alarm { enabled: false, missing_data: "breaching".into(), ..other.clone() };
    let others = [("tells", told), ("tells_when_over", over), ("limit", other), ("enabled", off)];
    world.lives("drift", first, &others).await;
}

#[tokio::test(start_paused = true)]
async fn a_schedule_lives() {
    let world = World::new();
    let first = schedule(&role(&world).await);
    let daily = Schedule { expression: "cron(0 6 * * ? *)".into(), ..first.clone() };
    let off = Schedule { enabled: false, ..daily.clone() };
    let retries = Retries { attempts: 0, seconds: 60 };
    let other = Schedule { retries, security_groups: BTreeSet::new(), ..off.clone() };
    world
        .lives("drift", first, &[("expression", daily), ("enabled", off), ("retries", other)])
        .await;
}

#[tokio::test(start_paused = true)]
async fn many_alarms_are_described_by_one_call() {
    let world = World::new();
    let mut all = Vec::new();
    for name in ["one", "two", "three"] {
        let outputs = world.made(name, &alarm(&[])).await;
        all.push(sought(name, &alarm(&[]), &outputs));
    }
    let before = world.endpoint.calls().len();
    let live = Alarm::read(&world.aws, &all).await.unwrap();
    assert!(live.iter().all(Option::is_some));
    let mut calls = world.calls(before);
    calls.sort_unstable();
    let tags = "ListTagsForResource";
    assert_eq!(calls, ["DescribeAlarms", tags, tags, tags]);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_waits_until_its_role_may_be_taken_on() {
    let world = World::new();
    let spec = schedule(&role(&world).await);
    let message =
        "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.";
    let error = ApiError::new("ValidationException", message);
    Faults::new(&world.endpoint, 1).with(Refusals::first(2, "CreateSchedule", error)).begin();
    world.made("drift", &spec).await;
}

/// The same name in a stack of another environment.
fn stranger<R: Resource>(name: &str) -> Identity {
    let mut stranger = identity::<R>(name);
    stranger.tags.insert("provision:environment".into(), "theirs".into());
    stranger.token = "theirs".into();
    stranger
}

async fn is_foreign<R: Resource>(world: &World, spec: &R) {
    world.made("drift", spec).await;
    let refused = spec.create(&world.aws, &stranger::<R>("drift")).await;
    let refused = refused.expect_err("somebody else's is not taken");
    assert_eq!(refused.class(), Class::AlreadyExists, "{refused}");
    assert!(refused.to_string().contains("does not carry this stack's tags"), "{refused}");
    // One's own is taken up, and brought to what is wanted.
    spec.create(&world.aws, &identity::<R>("drift")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_has_the_name_and_is_somebody_elses_is_not_touched() {
    let world = World::new();
    is_foreign(&world, &topic("Drift")).await;
    is_foreign(&world, &alarm(&[])).await;
    let spec = schedule(&role(&world).await);
    is_foreign(&world, &spec).await;
    let found = spec.find(&world.aws, &stranger::<Schedule>("drift")).await.unwrap().unwrap();
    assert_eq!(found.tags, Tags::new(), "it does not say that it is theirs");
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_nobody_has_tagged_is_not_taken_for_ones_own() {
    let world = World::new();
    // AWS itself would answer a create with it.
    world.aws.sns().create_topic().name("web-dev-drift").send().await.unwrap();
    let refused = topic("Drift").create(&world.aws, &identity::<Topic>("drift")).await;
    assert_eq!(refused.unwrap_err().class(), Class::AlreadyExists);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_create_is_gone_on_with() {
    let world = World::new();
    let arn = world.made("drift", &topic("Drift")).await.arn;
    let other = topic("Other");
    let again = other.create(&world.aws, &identity::<Topic>("drift")).await.unwrap();
    assert_eq!(again.arn, arn);
    assert_eq!(world.live("drift", &other, &again).await.unwrap().spec, other);
}

#[tokio::test(start_paused = true)]
async fn what_a_user_is_asked_for_on_import_is_a_name_or_an_arn() {
    let world = World::new();
    let place = provision::resource::Place {
        partition: "aws",
        region: "eu-west-1".into(),
        account: "123456789012".into(),
    };
    let topic_made = world.made("drift", &topic("Drift")).await;
    assert_eq!(Topic::locate("web-dev-drift", &place), Some(topic_made.clone()));
    assert_eq!(Topic::locate(topic_made.arn.as_str(), &place), Some(topic_made));
    let alarm_made = world.made("drift", &alarm(&[])).await;
    assert_eq!(Alarm::locate("web-dev-drift", &place), Some(alarm_made.clone()));
    assert_eq!(Alarm::locate(&alarm_made.arn, &place), Some(alarm_made));
    let spec = schedule(&role(&world).await);
    let made = world.made("drift", &spec).await;
    assert_eq!(Schedule::locate("web-dev-drift", &place), Some(made.clone()));
    assert_eq!(Schedule::locate(&made.arn, &place), Some(made));
}
