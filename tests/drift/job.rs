//! The check that the account makes by itself: brought up, started by its schedule, and run with no
//! more rights than its role has.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use provision::aws::Aws;
use provision::config::Config;
use provision::drift::{Drift, Severity};
use provision::event::Verb;
use provision::graph::Others;
use provision::names::metrics;
use provision::resource::{Address, Kind};
use provision::simulated_aws::cloudwatch::State as Standing;
use provision::simulated_aws::endpoint::{Call, Endpoint, Interference, Verdict};
use provision::simulated_aws::wire::{Answer, ApiError, Service};
use provision::state::store::{Directory, DirectoryLock, Holder, StackName, Store, StoreError};
use provision::state::{Intent, State};
use provision::watch::metrics::put;
use provision::watch::undisturbed::PATIENCE;
use provision::watch::{
    Listener, Listeners, Memory, Message, Outcome, Shown, Topic, Watch, World as _, check_alone,
    undisturbed,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{World, ask, clients};
use crate::world::full;

/// An operation as policies spell it.
fn action(call: &Call) -> String {
    let service = match call.service {
        Service::Ec2 => "ec2",
        Service::Iam => "iam",
        Service::Sts => "sts",
        Service::Elb => "elasticloadbalancing",
        Service::Ecs => "ecs",
        Service::Logs => "logs",
        Service::Autoscaling => "application-autoscaling",
        Service::Scheduler => "scheduler",
        Service::Sns => "sns",
        Service::CloudWatch => "cloudwatch",
        other => panic!("a check asks nothing of {other:?}"),
    };
    format!("{service}:{}", call.operation)
}

/// Holds callers to what a role may do, and lets some calls fail besides.
#[derive(Debug)]
struct Guard {
    allowed: BTreeSet<String>,
    asked: Arc<Mutex<BTreeSet<String>>>,
    /// What is throttled, and how often still.
    throttled: Arc<Mutex<(&'static str, usize)>>,
    /// Where somebody is to begin to work on the stack once a check has begun.
    comes: Arc<Mutex<Option<Directory>>>,
    /// Who does.
    lock: Arc<Mutex<Option<DirectoryLock>>>,
}

/// Somebody else.
fn holder() -> Holder {
    Holder {
        host: "there".into(),
        process: 1,
        user: "tester".into(),
        since: Timestamp::UNIX_EPOCH,
        command: "up".into(),
    }
}

impl Interference for Guard {
    fn before(&self, _: usize, call: &Call) -> Verdict {
        let action = action(call);
        self.asked.lock().unwrap().insert(action.clone());
        if !self.allowed.contains(&action) && action != "sts:GetCallerIdentity" {
            let message = format!("not authorized to perform: {action}");
            return Verdict::Refuse(ApiError::new("AccessDenied", message).with_status(403));
        }
        if action.starts_with("logs:")
            && let Some(place) = self.comes.lock().unwrap().take()
        {
            *self.lock.lock().unwrap() = Some(place.lock("shop", "dev", &holder()).unwrap());
        }
        let mut throttled = self.throttled.lock().unwrap();
        if throttled.0 == action && throttled.1 > 0 {
            throttled.1 -= 1;
            return Verdict::Refuse(ApiError::new("Throttling", "Rate exceeded"));
        }
        Verdict::Pass
    }

    fn after(&self, _: usize, _: &Call, _: &Answer) -> Verdict {
        Verdict::Pass
    }
}

/// The actions that the inline policies of a role allow.
fn allowed(world: &World, role: &str) -> BTreeSet<String> {
    let record = &world.memory.state.resources[&role.parse().unwrap()];
    let policies = record.applied["inline_policies"].as_object().unwrap().values();
    let statements = policies.flat_map(|policy| policy["Statement"].as_array().unwrap());
    let actions = statements.flat_map(|statement| match &statement["Action"] {
        Value::Array(many) => many.clone(),
        one => vec![one.clone()],
    });
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

/// What the task does, in the task's place: as `drift --job` does it, from the state alone.
struct Task {
    aws: Aws,
    endpoint: Arc<Endpoint>,
    store: Store,
    /// Why a check is to fail before it begins, if it is.
    trouble: Option<&'static str>,
}

impl provision::watch::World for Task {
    async fn check(&mut self) -> Result<Drift, String> {
        if let Some(why) = self.trouble {
            return Err(why.into());
        }
        let today = jiff::civil::date(2026, 1, 1);
        let look = async |state: Option<State>| {
            let state = state.unwrap();
            let checked = check_alone(&self.aws, state, &Others::new(), &[], today).await;
            Ok::<_, StoreError>(checked.map_err(|error| error.to_string()))
        };
        let name = StackName { stack: "shop".into(), environment: "dev".into() };
        let checked = undisturbed(&self.store, &name, PATIENCE, look, |_| ()).await;
        Ok(checked.map_err(|error| error.to_string())??.1)
    }

    fn reread(&mut self) -> Result<Listeners, String> {
        Err("a task has no file".into())
    }

    fn now(&self) -> Timestamp {
        self.endpoint.with_cloud(|cloud| cloud.timestamp(cloud.now))
    }

    fn show(&mut self, _: &Shown<'_>) {}

    async fn measure(&mut self, drift: &Drift) -> Result<(), String> {
        put(&self.aws, drift).await.map_err(|error| error.to_string())
    }
}

/// What the task remembers.
#[derive(Clone, Default)]
struct Desk(Arc<Mutex<Option<Memory>>>);

impl provision::watch::Keeper for Desk {
    async fn recall(&mut self) -> Result<Option<Memory>, String> {
        Ok(None)
    }

    async fn keep(&mut self, memory: &Memory) -> Result<bool, String> {
        *self.0.lock().unwrap() = Some(memory.clone());
        Ok(true)
    }
}

/// An account with a stack that has itself checked, and what its checks remember.
struct Account {
    world: World,
    place: TempDir,
    guard: Arc<Mutex<BTreeSet<String>>>,
    throttled: Arc<Mutex<(&'static str, usize)>>,
    comes: Arc<Mutex<Option<Directory>>>,
    lock: Arc<Mutex<Option<DirectoryLock>>>,
    role: BTreeSet<String>,
    memory: Memory,
    handled: BTreeSet<String>,
}

impl Account {
    async fn new() -> Self {
        Self::checked_at(&full()).await
    }

    async fn checked_at(config: &Config) -> Self {
        let mut world = World::new();
        world.up(config).await;
        let role = allowed(&world, "role.drift-task");
        let account = Self {
            world,
            place: tempfile::tempdir().unwrap(),
            guard: Arc::default(),
            throttled: Arc::new(Mutex::new(("", 0))),
            comes: Arc::default(),
            lock: Arc::default(),
            role,
            memory: Memory::new("shop", "dev"),
            handled: BTreeSet::new(),
        };
        account.record(&account.world.memory.state);
        account
    }

    /// Where the state is kept that checks read.
    fn directory(&self) -> Directory {
        Directory::new(self.place.path())
    }

    /// Has checks read this state from now on.
    fn record(&self, state: &State) {
        let lock = self.directory().lock("shop", "dev", &holder()).unwrap();
        lock.begin(state.clone()).unwrap().finish().unwrap();
    }

    fn task(&self, aws: &Aws, trouble: Option<&'static str>) -> Task {
        Task {
            aws: aws.clone(),
            endpoint: Arc::clone(&self.world.endpoint),
            store: Store::Directory(self.directory()),
            trouble,
        }
    }

    /// The tasks that the schedule has started and that nobody has looked at.
    fn started(&mut self) -> usize {
        let attempts = self.world.endpoint.with_cloud(|cloud| cloud.scheduler.attempts.clone());
        let started = attempts.into_iter().map(|attempt| attempt.outcome.unwrap());
        started.filter(|task| self.handled.insert(task.clone())).count()
    }

    /// Runs what a task that was started runs, with the rights of its role.
    async fn run(&mut self, trouble: Option<&'static str>) -> (bool, usize) {
        let outcome = self.outcome(trouble).await;
        (outcome.checked.is_ok(), outcome.untold.len())
    }

    async fn outcome(&mut self, trouble: Option<&'static str>) -> Outcome {
        let endpoint = Arc::clone(&self.world.endpoint);
        let guard = Guard {
            allowed: self.role.clone(),
            asked: Arc::clone(&self.guard),
            throttled: Arc::clone(&self.throttled),
            comes: Arc::clone(&self.comes),
            lock: Arc::clone(&self.lock),
        };
        endpoint.interfere(Some(Box::new(guard)));
        let aws = clients(&endpoint);
        let topic = self.world.output("topic.drift", "arn");
        let task = self.task(&aws, trouble);
        let desk = Desk::default();
        let listeners: Listeners = vec![Arc::new(Topic::new(aws, topic))];
        let mut watch =
            Watch::new(task, desk.clone(), self.memory.clone(), listeners, Severity::Low);
        let outcome = watch.once().await;
        endpoint.interfere(None);
        self.memory = desk.0.lock().unwrap().clone().unwrap();
        outcome
    }

    fn published(&self) -> Vec<String> {
        let all =
            self.world.endpoint.with_cloud(|cloud| cloud.sns.published("shop-dev-drift").to_vec());
        let news = all.into_iter().filter(|one| one.attributes.contains_key("id"));
        news.map(|one| one.subject).collect()
    }

    fn retention(&self, days: u32) {
        self.world.ask("logs", "PutRetentionPolicy", &self.keeping(days));
    }

    fn keeping(&self, days: u32) -> Value {
        let group = self.world.output("log_group.app", "name");
        json!({"logGroupName": group, "retentionInDays": days})
    }

    fn measured(&self, metric: &str, dimension: &str) -> Vec<f64> {
        let cloud = &self.world.endpoint;
        cloud.with_cloud(|cloud| cloud.cloudwatch.values_of(metric, dimension))
    }

    fn standing(&self, alarm: &str) -> Option<Standing> {
        self.world.endpoint.with_cloud(|cloud| cloud.cloudwatch.state_of(alarm))
    }
}

#[tokio::test(start_paused = true)]
async fn the_task_that_the_schedule_starts_is_the_one_that_was_declared() {
    let mut account = Account::new().await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(account.started(), 1, "the first check comes at once");
    let definition = account.world.output("task_definition.drift", "arn");
    let cluster = account.world.output("cluster.main", "name");
    let family = json!({"cluster": cluster, "family": "shop-dev-drift"});
    let tasks = account.world.ask("ecs", "ListTasks", &family);
    assert_eq!(tasks["taskArns"].as_array().unwrap().len(), 1);
    let asked = json!({"cluster": cluster, "tasks": tasks["taskArns"]});
    let task = account.world.ask("ecs", "DescribeTasks", &asked)["tasks"][0].clone();
    assert_eq!(task["taskDefinitionArn"], *definition);
    assert_eq!(task["lastStatus"], "RUNNING");
    let asked = json!({"taskDefinition": definition});
    let definition = account.world.ask("ecs", "DescribeTaskDefinition", &asked);
    let container = &definition["taskDefinition"]["containerDefinitions"][0];
    let command = "--stack shop -e dev --region us-east-1 drift --job";
    assert_eq!(container["command"], json!(command.split(' ').collect::<Vec<_>>()));
    assert_eq!(container["image"], "acme/provision:1");
    assert_eq!(container["environment"][0]["name"], "PROVISION_DRIFT");
    let settings = container["environment"][0]["value"].as_str().unwrap();
    let settings: Value = serde_json::from_str(settings).unwrap();
    assert_eq!(settings["state"]["bucket"], "acme-states");
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(account.started(), 1, "and one every hour");
    tokio::time::sleep(Duration::from_mins(5)).await;
    let running = account.world.ask("ecs", "ListTasks", &family);
    assert_eq!(running["taskArns"], json!([]), "a check ends by itself");
    account.world.down().await;
}

#[tokio::test(start_paused = true)]
async fn the_role_allows_exactly_what_a_check_asks() {
    let mut account = Account::new().await;
    assert_eq!(account.run(None).await, (true, 0));
    // Only what is news is published.
    account.retention(1);
    // A role that is not as it was applied is asked for by itself.
    let policy = json!({"RoleName": account.world.output("role.app-execution", "name"),
        "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"});
    account.world.ask("iam", "AttachRolePolicy", &policy);
    assert_eq!(account.run(None).await, (true, 0));
    // What an interrupted run has begun is looked for, of whatever kind it is.
    let state = account.world.memory.state.clone();
    for kind in Kind::ALL {
        let Some(address) = state.resources.keys().find(|address| address.kind() == *kind) else {
            continue;
        };
        account.record(&in_doubt(&state, address));
        let outcome = account.outcome(None).await;
        assert!(outcome.checked.is_ok(), "{address}: {:?}", outcome.checked);
    }
    let asked = account.guard.lock().unwrap().clone();
    let reads: BTreeSet<String> =
        account.role.iter().filter(|action| !action.starts_with("s3:")).cloned().collect();
    assert_eq!(asked, reads);
    let writes: Vec<&String> = account
        .role
        .iter()
        .filter(|action| {
            let name = action.split(':').nth(1).unwrap();
            !["Describe", "Get", "List"].iter().any(|verb| name.starts_with(verb))
        })
        .collect();
    assert_eq!(writes, ["cloudwatch:PutMetricData", "s3:PutObject", "sns:Publish"]);
}

/// A state of which a run was interrupted while it made a resource.
fn in_doubt(state: &State, address: &Address) -> State {
    let mut state = state.clone();
    let record = state.resources.remove(address).unwrap();
    let intent = Intent {
        verb: Verb::Create,
        generation: record.generation,
        identity: record.identity,
        spec: record.applied,
        needs: record.needs,
        unfound: false,
        applied: None,
    };
    state.in_doubt.insert(address.clone(), intent);
    state
}

#[tokio::test(start_paused = true)]
async fn a_look_that_somebody_disturbed_is_neither_measured_nor_told() {
    let mut account = Account::new().await;
    // An `up` comes once the check has begun to look, and is done with what it changes later.
    account.retention(1);
    *account.comes.lock().unwrap() = Some(account.directory());
    let (endpoint, lock) = (Arc::clone(&account.world.endpoint), Arc::clone(&account.lock));
    let done = account.keeping(30);
    let others = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        endpoint.with_cloud(|cloud| ask(cloud, "logs", "PutRetentionPolicy", &done)).unwrap();
        lock.lock().unwrap().take().unwrap();
    };
    let (went, ()) = tokio::join!(account.run(None), others);
    assert_eq!(went, (true, 0));
    assert_eq!(account.measured(metrics::DRIFT, "critical"), [0.0]);
    assert_eq!(account.measured(metrics::CHECKS, "shop"), [1.0, 1.0], "that of `up`, and one more");
    assert!(account.published().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_found_is_told_although_it_can_not_be_measured() {
    let mut account = Account::new().await;
    account.retention(1);
    assert!(account.role.remove("cloudwatch:PutMetricData"));
    let outcome = account.outcome(None).await;
    assert!(outcome.unmeasured.unwrap().contains("cloudwatch:PutMetricData"));
    assert!(outcome.untold.is_empty());
    assert_eq!(outcome.checked.unwrap().findings.len(), 1);
    assert_eq!(account.published(), ["shop-dev: 1 critical first seen"]);
}

#[tokio::test(start_paused = true)]
async fn every_kind_says_what_is_read_of_it() {
    for kind in Kind::ALL {
        assert!(!kind.facts().reads.is_empty(), "{}", kind.name());
        let reads: BTreeSet<&&str> = kind.facts().reads.iter().collect();
        assert_eq!(reads.len(), kind.facts().reads.len(), "{}", kind.name());
    }
}

#[tokio::test(start_paused = true)]
async fn drift_is_measured_by_severity_and_sets_the_alarm_off() {
    let mut account = Account::new().await;
    account.run(None).await;
    tokio::time::sleep(Duration::from_mins(6)).await;
    assert_eq!(account.standing("shop-dev-drift"), Some(Standing::Ok));
    account.retention(1);
    account.run(None).await;
    tokio::time::sleep(Duration::from_mins(4)).await;
    assert_eq!(account.standing("shop-dev-drift"), Some(Standing::Alarm));
    assert_eq!(account.measured(metrics::DRIFT, "critical"), [0.0, 1.0]);
    assert_eq!(account.measured(metrics::DRIFT, "low"), [0.0, 0.0]);
}

#[tokio::test(start_paused = true)]
async fn checks_that_are_not_made_are_told_by_their_absence() {
    let mut account = Account::new().await;
    account.run(None).await;
    // Checks are due every hour.
    tokio::time::sleep(Duration::from_mins(150)).await;
    assert_eq!(account.standing("shop-dev-drift-silence"), Some(Standing::Ok));
    tokio::time::sleep(Duration::from_mins(40)).await;
    assert_eq!(account.standing("shop-dev-drift-silence"), Some(Standing::Alarm));
}

/// What `up` has seen counts as a check: the first may be days away.
#[tokio::test(start_paused = true)]
async fn no_check_is_missed_before_the_first_is_due() {
    let mut config = full();
    config.drift.schedule = Some("cron(0 6 ? * MON-FRI *)".into());
    let mut world = World::new();
    // The world began on a Thursday: now it is Friday noon, and 66 hours until Monday's check.
    tokio::time::sleep(Duration::from_hours(36)).await;
    world.up(&config).await;
    let standing =
        || world.endpoint.with_cloud(|cloud| cloud.cloudwatch.state_of("shop-dev-drift-silence"));
    let told = || {
        let all = world.endpoint.with_cloud(|cloud| cloud.sns.published("shop-dev-drift").to_vec());
        all.iter().any(|one| one.subject.starts_with("ALARM"))
    };
    for hour in 1..=66 {
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!(standing(), Some(Standing::Ok), "after {hour} hours");
    }
    assert!(!told());
    // Nobody makes those of the week: three intervals after `up` that is told.
    tokio::time::sleep(Duration::from_hours(3 * 72 - 66 + 1)).await;
    assert_eq!(standing(), Some(Standing::Alarm));
    assert!(told());
}

#[tokio::test(start_paused = true)]
async fn up_puts_the_very_value_that_a_check_puts() {
    let mut account = Account::new().await;
    account.run(None).await;
    let calls = account.world.endpoint.calls();
    let put: Vec<_> = calls.iter().filter(|call| call.operation == "PutMetricData").collect();
    let [of_up, of_check] = &put[..] else { panic!("{put:#?}") };
    assert_eq!(of_up.request["Namespace"], of_check.request["Namespace"]);
    assert_eq!(of_up.request["MetricData"], json!([of_check.request["MetricData"][0]]));
}

#[tokio::test(start_paused = true)]
async fn a_month_of_checks_loses_none_and_tells_nothing_twice() {
    let mut config = full();
    config.drift.schedule = Some("rate(6 hours)".into());
    let mut account = Account::checked_at(&config).await;
    let mut expected: Vec<&str> = Vec::new();
    let (mut checks, mut failed) = (0, 0);
    tokio::time::sleep(Duration::from_mins(1)).await;
    for number in 0..30 * 4_u32 {
        assert_eq!(account.started(), 1, "check {number}");
        // Every two days the same happens; in between nothing changes.
        let turn = number % 8;
        let trouble = matches!(turn, 3 | 4).then_some("the state could not be read");
        match turn {
            1 => {
                account.retention(1);
                expected.push("shop-dev: 1 critical first seen");
            }
            3 => expected.push("shop-dev: 1 high first seen"),
            5 => expected.push("shop-dev: 1 gone"),
            6 => {
                account.retention(30);
                // The topic throttles for longer than anybody is patient with.
                *account.throttled.lock().unwrap() = ("sns:Publish", 1000);
            }
            7 => {
                *account.throttled.lock().unwrap() = ("sns:Publish", 2);
                expected.push("shop-dev: 1 gone");
            }
            _ => {}
        }
        let (is_done, untold) = account.run(trouble).await;
        checks += 1;
        failed += u64::from(!is_done);
        assert_eq!(is_done, trouble.is_none(), "check {number}");
        assert_eq!(untold, usize::from(turn == 6), "check {number}");
        let next = Duration::from_hours(6).saturating_sub(since_it_was_due(&account));
        tokio::time::sleep(next + Duration::from_mins(1)).await;
    }
    assert_eq!(account.published(), expected);
    assert_eq!((account.memory.checks, account.memory.failed), (checks, failed));
    assert_eq!((checks, failed), (120, 30));
}

/// How long ago the schedule was last due.
fn since_it_was_due(account: &Account) -> Duration {
    account.world.endpoint.with_cloud(|cloud| {
        let last = cloud.scheduler.attempts.last().unwrap().at;
        cloud.now.since(last)
    })
}

/// A listener is part of the public face: what a task does can be done by others.
#[derive(Debug)]
struct Ear(Mutex<BTreeMap<String, usize>>);

impl Listener for Ear {
    fn name(&self) -> &'static str {
        "ear"
    }

    fn hear<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), String>> {
        *self.0.lock().unwrap().entry(message.id.clone()).or_default() += 1;
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_without_a_file_finds_what_one_with_a_file_finds() {
    let config = full();
    let mut account = Account::new().await;
    account.retention(3);
    let vpc = account.world.output("vpc.main", "id");
    let tag = json!([{"Key": "team", "Value": "red"}]);
    account.world.ask("ec2", "CreateTags", &json!({"ResourceId": [vpc], "Tag": tag}));
    let with_file = crate::world::check(&account.world, &config).await;
    let ear = Arc::new(Ear(Mutex::default()));
    let mut task = account.task(&account.world.aws, None);
    let without = task.check().await.unwrap();
    assert_eq!(without.findings, with_file.findings);
    assert_eq!(without.findings.len(), 2);
    let listeners: Listeners = vec![ear.clone()];
    let (desk, memory) = (Desk::default(), account.memory.clone());
    Watch::new(task, desk, memory, listeners, Severity::Low).once().await;
    assert_eq!(ear.0.lock().unwrap().values().sum::<usize>(), 1);
    let _ = account.run(None).await;
}
