//! An `up` never undoes what somebody else has changed without being told to: it can be put back,
//! taken for applied, or left.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::collections::BTreeMap;

use provision::config::Config;
use provision::deployment::{Drawing, draw};
use provision::drift::{self, Answer, Class, Outside, Setting, Severity};
use provision::event::Verb;
use provision::plan::Plan;
use provision::resource::Address;
use provision::state::store::Recorder as _;
use provision::state::{Entry, Intent};
use serde_json::json;

use crate::changes::{Change, make, stacks};
use crate::harness::{Run, World, actions, config, load};
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
        world.memory.record(entry).await.unwrap();
    }
    let run = world.carry_out(decided.plan, before).await;
    run.assert_complete();
    run
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

/// Whatever is changed is asked about, and can be left, taken for applied, taken into the file, and
/// put back.
#[tokio::test(start_paused = true)]
async fn every_change_can_be_left_accepted_and_put_back() {
    let (mut wrong, mut taken) = (Vec::new(), 0);
    for (config, changes) in stacks() {
        let mut world = World::new();
        world.up(&config).await;
        for change in changes {
            make(&world, change).await;
            match decided_every_way(&mut world, &config, change).await {
                Ok(keys) => taken += keys,
                Err(why) => {
                    wrong.push(format!("{} {} {why}", change.address, change.property));
                    up_with(&mut world, &config, Answer::PutBack).await;
                }
            }
        }
        world.assert_settled(&config).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(taken >= 25, "only {taken} have a key");
}

/// Gives every answer to one change; how many keys it could be taken into the file with.
async fn decided_every_way(
    world: &mut World,
    config: &Config,
    change: &Change,
) -> Result<usize, String> {
    let (drawing, outside) = consider(world, config).await;
    let found: Vec<_> = outside.undone.iter().flat_map(|group| &group.findings).collect();
    if found.len() != 1 || !change.fits(&found[0].address, &found[0].property) {
        return Err(format!("is asked as {found:?}"));
    }
    let subject = drawing.subject(&world.memory.state, &config.tags);
    let settings: Vec<_> =
        subject.settings(config, found[0]).into_iter().filter_map(|(_, setting)| setting).collect();
    let [left, accepted, put_back] = [Answer::Leave, Answer::Accept, Answer::PutBack]
        .map(|answer| drift::decide(&subject, &outside, &outside.all(answer)).unwrap());
    for decided in [&left, &accepted] {
        if !leaves_all(&decided.plan) {
            return Err(format!("does not stay: {:?}", actions(&decided.plan)));
        }
    }
    if !settings.is_empty() {
        let edited = settings.iter().fold(config.clone(), |config, one| edited(&config, one));
        let (drawing, outside) = consider(world, &edited).await;
        // A revision that the file says is registered once more, as the stack's own.
        let is_own = change.property == "task_definition";
        // A key may be about others too: the port of the listener is let in by a group.
        let is_touched = drawing.plan.changes().any(|planned| {
            let field = drift::field_of(change.property);
            planned.address.to_string() == change.address
                && planned.changes.iter().any(|one| one.field() == field)
        });
        if !outside.undone.is_empty() || (is_touched && !is_own) {
            return Err(format!("once taken into the file: {:?}", actions(&drawing.plan)));
        }
    }
    let before = world.memory.state.clone();
    for entry in accepted.records {
        world.memory.record(entry).await.unwrap();
    }
    let drift = check(world, config).await;
    let pending: Vec<_> =
        drift.findings.iter().filter(|one| one.severity > Severity::Notice).collect();
    let accepted = consider(world, config).await;
    if drift.has_drifted(Severity::Low)
        || !leaves_all(&accepted.0.plan)
        || accepted.1.accepted.len() != 1
    {
        return Err(format!("once accepted: {pending:?} {:?}", actions(&accepted.0.plan)));
    }
    world.memory.state = before;
    let calls = world.endpoint.calls().len();
    world.carry_out(put_back.plan, calls).await.check_complete()?;
    let left = check(world, config).await;
    let is_back = !left.has_drifted(Severity::Low);
    is_back.then_some(settings.len()).ok_or_else(|| format!("once put back: {:?}", lines(&left)))
}

/// Whether a plan changes nothing. A service that the change kept from working is tried again.
fn leaves_all(plan: &Plan) -> bool {
    plan.changes().all(|planned| planned.reason.starts_with("it is tried again"))
}

/// The configuration with a key set.
fn edited(config: &Config, setting: &Setting) -> Config {
    let mut tree = toml::Value::try_from(config).unwrap();
    let (key, tables) = setting.path.split_last().unwrap();
    let mut table = tree.as_table_mut().unwrap();
    for step in tables {
        let inner = table.entry(step).or_insert_with(|| toml::Table::new().into());
        table = inner.as_table_mut().unwrap();
    }
    match toml::Value::try_from(&setting.value) {
        Ok(value) => drop(table.insert(key.clone(), value)),
        Err(_) => drop(table.remove(key)),
    }
    load(toml::to_string(&tree).unwrap(), vec![])
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
    // The check in the account is told what is ignored.
    config.drift.schedule = None;
    config.drift.image = None;
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
    world.memory.record(Entry::Begin { address: address.clone(), intent }).await.unwrap();
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
