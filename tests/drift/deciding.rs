//! An `up` never undoes what somebody else has changed without being told to: it can be put back,
//! taken for applied, or left.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::collections::BTreeMap;

use provision::config::Config;
use provision::deployment::{Drawing, draw};
use provision::drift::{self, Answer, Class, Outside};
use provision::event::Verb;
use provision::resource::Address;
use provision::state::store::Recorder as _;
use provision::state::{Entry, Intent};
use serde_json::{Value, json};

use crate::changes::{CHANGES, make};
use crate::harness::{Run, World, actions, config};
use crate::world::{check, full, lines};

/// What `up` would do, and what of it others have changed.
async fn consider(world: &World, config: &Config) -> (Drawing, Outside) {
    let state = &world.memory.state;
    let drawing = draw(&world.aws, config, state).await.unwrap();
    let subject = drawing.subject(state, &config.tags);
    let today = jiff::civil::date(2026, 1, 1);
    let drift = drift::check(&subject, &config.drift.ignore, today);
    let outside = drift::outside(&subject, &drift, &drawing.plan);
    (drawing, outside)
}

/// What others have changed and `up` would undo, in a line each.
async fn asked(world: &World, config: &Config) -> Vec<String> {
    let (_, outside) = consider(world, config).await;
    let groups = outside.undone.iter().flat_map(|group| &group.findings);
    groups.map(|finding| format!("{} {}", finding.address, finding.property)).collect()
}

/// An `up` that gives the same answer to all that is asked.
async fn up_with(world: &mut World, config: &Config, answer: Answer) -> Run {
    let before = world.endpoint.calls().len();
    let (drawing, outside) = consider(world, config).await;
    let answers = outside.all(answer);
    let subject = drawing.subject(&world.memory.state, &config.tags);
    let decided = drift::decide(&subject, &outside, &answers).unwrap();
    for entry in decided.records {
        world.memory.record(entry).unwrap();
    }
    let run = world.carry_out(decided.plan, before).await;
    run.assert_complete();
    run
}

/// Has what was accepted count no longer.
fn revoke(world: &mut World) {
    for entry in drift::revocations(&world.memory.state) {
        world.memory.record(entry).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_up_that_undoes_nothing_asks_nothing() {
    let config = full();
    let mut world = World::new();
    assert!(consider(&world, &config).await.1.is_empty());
    world.up(&config).await;
    let before = world.endpoint.calls().len();
    world.plan(&config).await;
    let calls = world.endpoint.calls().len() - before;
    let before = world.endpoint.calls().len();
    assert!(consider(&world, &config).await.1.is_empty());
    assert_eq!(world.endpoint.calls().len() - before, calls, "and it costs no call");
    let mut wanted = config.clone();
    wanted.services.get_mut("app").unwrap().image = "ghcr.io/acme/shop:2".into();
    wanted.services.get_mut("app").unwrap().health_check.path = "/ready".into();
    wanted.tags.insert("team".into(), "red".into());
    assert!(consider(&world, &wanted).await.1.is_empty(), "these are the user's own");
}

/// Whatever is changed is asked about, left, taken for applied, and put back.
#[tokio::test(start_paused = true)]
async fn every_change_can_be_left_accepted_and_put_back() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    let mut wrong = Vec::new();
    for change in CHANGES {
        let name = format!("{} {}", change.address, change.property);
        make(&world, change).await;
        let found = lines(&check(&world, &config).await);
        if asked(&world, &config).await != [name.clone()] {
            wrong.push(format!("{name}: asked {:?}", asked(&world, &config).await));
        }
        let run = up_with(&mut world, &config, Answer::Leave).await;
        if !run.mutations().is_empty() || lines(&check(&world, &config).await) != found {
            wrong.push(format!("{name} was left: {:?}", run.mutations()));
        }
        let run = up_with(&mut world, &config, Answer::Accept).await;
        let pending = check(&world, &config).await;
        let is_pending =
            pending.findings.len() == 1 && pending.findings[0].class == Class::Unapplied;
        if !run.mutations().is_empty() || !is_pending {
            wrong.push(format!("{name} was accepted: {:?} {:?}", run.mutations(), lines(&pending)));
        }
        let (drawing, outside) = consider(&world, &config).await;
        if !drawing.plan.is_empty() || !outside.undone.is_empty() || outside.accepted.len() != 1 {
            wrong.push(format!("{name} after it was accepted: {:?}", actions(&drawing.plan)));
        }
        revoke(&mut world);
        up_with(&mut world, &config, Answer::PutBack).await;
        let left = lines(&check(&world, &config).await);
        if !left.is_empty() {
            wrong.push(format!("{name} after it was put back: {left:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    world.assert_settled(&config).await;
}

/// What is printed to be taken into the file is exactly what the file has to say.
#[tokio::test(start_paused = true)]
async fn what_is_taken_into_the_file_leaves_nothing_to_do() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    let (mut taken, mut wrong) = (0, Vec::new());
    for change in CHANGES {
        make(&world, change).await;
        let (drawing, outside) = consider(&world, &config).await;
        let subject = drawing.subject(&world.memory.state, &config.tags);
        let found = outside.undone.iter().flat_map(|group| &group.findings);
        let settings: Vec<_> = found.flat_map(|one| subject.settings(&config, one)).collect();
        assert_eq!(settings.len(), 1, "{} {}", change.address, change.property);
        if let (_, Some(setting)) = &settings[0] {
            let edited = edited(&config, &setting.path, &setting.value);
            let (drawing, outside) = consider(&world, &edited).await;
            if !drawing.plan.is_empty() || !outside.is_empty() {
                let todo = actions(&drawing.plan);
                wrong.push(format!("{} {}: {todo:?}", change.address, change.property));
            }
            taken += 1;
        }
        up_with(&mut world, &config, Answer::PutBack).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(taken >= 25, "only {taken} of {} have a key", CHANGES.len());
}

/// The configuration with a key set as TOML would.
fn edited(config: &Config, path: &[String], value: &Value) -> Config {
    let mut tree = serde_json::to_value(config).unwrap();
    let (key, tables) = path.split_last().unwrap();
    let mut table = &mut tree;
    for step in tables {
        table = &mut table[step];
    }
    if value.is_null() {
        table.as_object_mut().unwrap().remove(key);
    } else {
        table[key] = value.clone();
    }
    // An optional table that is off is written as `false`.
    let text = toml::to_string(&tree).unwrap();
    crate::harness::load(text, vec![])
}

#[tokio::test(start_paused = true)]
async fn tags_are_left_accepted_and_put_back_one_by_one() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    let vpc = world.output("vpc.main", "id");
    let tag = |world: &World, key: &str, value: &str| {
        let request = json!({"ResourceId": [vpc], "Tag": [{"Key": key, "Value": value}]});
        world.ask("ec2", "CreateTags", &request);
    };
    tag(&world, "team", "red");
    assert_eq!(asked(&world, &config).await, ["vpc.main tags[team]"]);
    let mut wanted = config.clone();
    wanted.tags.insert("cost".into(), "1".into());
    up_with(&mut world, &wanted, Answer::Leave).await;
    assert_eq!(lines(&check(&world, &wanted).await), ["low vpc.main tags[team]"]);
    up_with(&mut world, &wanted, Answer::Accept).await;
    assert_eq!(check(&world, &wanted).await.drifted().count(), 0);
    let run = up_with(&mut world, &wanted, Answer::PutBack).await;
    assert_eq!(run.mutations(), [""; 0], "the file still says what it said");
    wanted.tags.insert("team".into(), "green".into());
    up_with(&mut world, &wanted, Answer::PutBack).await;
    world.assert_settled(&wanted).await;
    assert!(world.memory.state.accepted.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_left_stays_beside_the_users_own_change_of_the_same_resource() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    let group = world.output("target_group.app", "arn");
    let request = json!({"TargetGroupArn": group, "HealthCheckPath": "/x"});
    world.ask("elb", "ModifyTargetGroup", &request);
    let mut wanted = config.clone();
    for (answer, codes) in [(Answer::Leave, "200-299"), (Answer::Accept, "200,204")] {
        wanted.services.get_mut("app").unwrap().health_check.codes = codes.into();
        up_with(&mut world, &wanted, answer).await;
        let live = world.ask("elb", "DescribeTargetGroups", &json!({"TargetGroupArns": [group]}));
        let live = &live["TargetGroups"][0];
        let seen = (&live["HealthCheckPath"], &live["Matcher"]["HttpCode"]);
        assert_eq!(seen, (&json!("/x"), &json!(codes)), "{answer:?}");
        let drifted = check(&world, &wanted).await.drifted().count();
        assert_eq!(drifted, usize::from(answer == Answer::Leave));
    }
}

#[tokio::test(start_paused = true)]
async fn what_both_have_changed_is_asked_about_and_becomes_what_the_file_says() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    let logs = json!({"logGroupName": "/ecs/shop-dev", "retentionInDays": 1});
    world.ask("logs", "PutRetentionPolicy", &logs);
    let mut wanted = config.clone();
    wanted.services.get_mut("app").unwrap().log_retention_days = Some(7);
    let (_, outside) = consider(&world, &wanted).await;
    assert_eq!(outside.undone[0].findings[0].class, Class::Conflicting);
    up_with(&mut world, &wanted, Answer::PutBack).await;
    world.assert_settled(&wanted).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_gives_way_to_the_file_as_soon_as_that_changes() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    let keep = |world: &World, days: u32| {
        let request = json!({"logGroupName": "/ecs/shop-dev", "retentionInDays": days});
        world.ask("logs", "PutRetentionPolicy", &request);
    };
    let saying = |days: u32| {
        let mut config = config.clone();
        config.services.get_mut("app").unwrap().log_retention_days = Some(days);
        config
    };
    keep(&world, 7);
    up_with(&mut world, &config, Answer::Accept).await;
    // Taken into the file, it is the file's.
    up_with(&mut world, &saying(7), Answer::Leave).await;
    assert!(world.memory.state.accepted.is_empty());
    let run = up_with(&mut world, &config, Answer::Leave).await;
    assert_eq!(run.mutations(), ["PutRetentionPolicy"], "and can be changed back");
    keep(&world, 3);
    up_with(&mut world, &config, Answer::Accept).await;
    keep(&world, 1);
    assert_eq!(asked(&world, &config).await, ["log_group.app retention_days"], "it moved on");
    let run = up_with(&mut world, &saying(14), Answer::PutBack).await;
    assert_eq!(run.mutations(), ["PutRetentionPolicy"]);
    world.assert_settled(&saying(14)).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_is_told_and_made_again_unasked() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    let listener = world.output("listener.http", "arn");
    world.ask("elb", "DeleteListener", &json!({"ListenerArn": listener}));
    let (_, outside) = consider(&world, &config).await;
    assert_eq!((outside.undone.len(), outside.anew.len()), (0, 1));
    up_with(&mut world, &config, Answer::Leave).await;
    world.assert_settled(&config).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_file_ignores_is_left_unless_the_users_own_change_needs_it() {
    let mut config = full();
    let mut world = World::new();
    world.up(&config).await;
    config.drift.ignore = vec![provision::config::Ignore {
        address: "service.app".into(),
        property: Some("task_definition".into()),
        until: None,
        reason: None,
    }];
    crate::extras::deploy(&world, &[("image", json!("ghcr.io/acme/shop:night"))]);
    let (_, outside) = consider(&world, &config).await;
    assert_eq!((outside.undone.len(), outside.ignored.len()), (0, 1));
    let run = up_with(&mut world, &config, Answer::PutBack).await;
    assert_eq!(run.mutations(), [""; 0]);
    config.services.get_mut("app").unwrap().image = "ghcr.io/acme/shop:2".into();
    assert_eq!(asked(&world, &config).await, ["service.app task_definition"]);
}

/// A deployment that nobody waited for, and that ECS takes back, is no change of anybody's.
#[tokio::test(start_paused = true)]
async fn what_aws_took_back_of_our_own_is_nobody_elses_change() {
    use provision::simulated_aws::ecs::workload::{Pull, Workload};
    let mut world = World::new();
    world.up(&config("")).await;
    let broken = Workload { pull: Pull::NotFound, ..Workload::default() };
    world.endpoint.with_cloud(|cloud| {
        cloud.ecs.workloads.insert("ghcr.io/acme/shop:2".into(), broken);
    });
    let new = config("services.app.image = ghcr.io/acme/shop:2");
    world.waiting = false;
    world.up(&new).await;
    tokio::time::sleep(std::time::Duration::from_hours(3)).await;
    let (drawing, outside) = consider(&world, &new).await;
    assert!(outside.is_empty(), "{outside:?}");
    let service = drawing.plan.changes().next().expect("it is tried again");
    assert_eq!(service.reason, "what an earlier run deployed was taken back");
    // The same by somebody's hand, on a service that was seen to work, is theirs.
    world.endpoint.with_cloud(|cloud| cloud.ecs.workloads.clear());
    world.waiting = true;
    world.up(&new).await;
    let first = world.output("task_definition.app", "arn").replace(":2", ":1");
    let request = json!({"cluster": world.output("cluster.main", "name"),
        "service": world.output("service.app", "name"), "taskDefinition": first});
    world.ask("ecs", "UpdateService", &request);
    assert_eq!(asked(&world, &new).await, ["service.app task_definition"]);
}

/// An update that was cut off is taken up again unasked; what somebody changes meanwhile about the
/// same resource is theirs all the same.
#[tokio::test(start_paused = true)]
async fn what_an_interrupted_run_left_is_told_from_what_others_changed() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    let address: Address = "load_balancer.main".parse().unwrap();
    let record = world.memory.state.resources[&address].clone();
    let mut spec = record.applied.clone();
    spec["idle_timeout_seconds"] = json!(61);
    let intent = Intent {
        verb: Verb::Update,
        generation: record.generation,
        identity: record.identity,
        spec,
        needs: record.needs,
        unfound: false,
        applied: None,
    };
    world.memory.record(Entry::Begin { address: address.clone(), intent }).unwrap();
    let balancer = world.output("load_balancer.main", "arn");
    let attribute = |key: &str, value: &str| {
        let attributes = json!([{"Key": key, "Value": value}]);
        let request = json!({"LoadBalancerArn": balancer, "Attributes": attributes});
        world.ask("elb", "ModifyLoadBalancerAttributes", &request);
    };
    // What the run was doing when it died, and what somebody does afterwards.
    attribute("idle_timeout.timeout_seconds", "61");
    attribute("deletion_protection.enabled", "true");
    world.settle().await.unwrap();
    assert_eq!(asked(&world, &config).await, ["load_balancer.main deletion_protection"]);
    up_with(&mut world, &config, Answer::Leave).await;
    assert_eq!(asked(&world, &config).await, ["load_balancer.main deletion_protection"]);
    up_with(&mut world, &config, Answer::PutBack).await;
    world.assert_settled(&config).await;
}

/// Answers are for one resource each.
#[tokio::test(start_paused = true)]
async fn each_resource_has_its_own_answer() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    let logs = json!({"logGroupName": "/ecs/shop-dev", "retentionInDays": 1});
    world.ask("logs", "PutRetentionPolicy", &logs);
    let balancer = world.output("load_balancer.main", "arn");
    let attributes = json!([{"Key": "idle_timeout.timeout_seconds", "Value": "61"}]);
    let request = json!({"LoadBalancerArn": balancer, "Attributes": attributes});
    world.ask("elb", "ModifyLoadBalancerAttributes", &request);
    let (drawing, outside) = consider(&world, &config).await;
    let answers = BTreeMap::from([("log_group.app".parse().unwrap(), Answer::Leave)]);
    let subject = drawing.subject(&world.memory.state, &config.tags);
    let decided = drift::decide(&subject, &outside, &answers).unwrap();
    let todo: Vec<String> = actions(&decided.plan).into_iter().map(|(_, name)| name).collect();
    assert_eq!(todo, ["load_balancer.main"], "what has no answer is put back");
}
