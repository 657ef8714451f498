//! A stack's whole life against the simulated AWS, in virtual time and in one process.
//!
//! ```text
//! let mut world = World::new();
//! let run = world.up(&config("services.app.count = 3")).await;
//! assert!(world.plan(&config(…)).await.is_empty());
//! ```

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what a test does not expect ends it")]

pub mod egress;
pub mod fleet;
pub mod timing;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use provision::aws::{Aws, Pace};
use provision::config::{Config, Overrides, Source};
use provision::deployment::{Drawing, DrawingError, draw, draw_removal};
use provision::event::{Event, Verb};
use provision::execute::recovery::settle_doubts;
use provision::execute::schedule::schedule;
use provision::execute::{Hopeless, Options, Summary, execute};
use provision::plan::{Action, Plan, Planned};
use provision::resource::Address;
use provision::simulated_aws::clock::{Clock, Moment};
use provision::simulated_aws::cloud::{ACCOUNT, Cloud};
use provision::simulated_aws::connector::Connector;
use provision::simulated_aws::elb::targets::answer_through;
use provision::simulated_aws::endpoint::{Call, Endpoint};
use provision::simulated_aws::wire::Parameters;
use provision::state::store::{Recorder, StoreError};
use provision::state::{Entry, State};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use self::timing::Observer;

/// A region with six zones.
pub const REGION: &str = "us-east-1";

/// A configuration: the smallest that works, with `changes` laid over it as `--set` would.
///
/// Each line of `changes` is `key.path = value`.
pub fn config(changes: &str) -> Config {
    let text = format!(
        "name = \"shop\"\nregion = \"{REGION}\"\n[services.app]\nimage = \"ghcr.io/acme/shop:1\"\n"
    );
    let set = changes
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| line.split_once('=').expect("a change is `key = value`"))
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .collect();
    load(text, set)
}

/// The configuration that a file's text and `--set` make.
pub fn load(text: String, set: Vec<(String, String)>) -> Config {
    let source = Source { path: "provision.toml".into(), text };
    let overrides = Overrides { environment: "dev".into(), set, ..Overrides::default() };
    Config::load(&source, &overrides)
        .unwrap_or_else(|error| panic!("{}{:?}: {error:?}", source.text, overrides.set))
}

/// A state in memory: nothing of the engine's rules depends on where it is kept.
#[derive(Clone, Debug)]
pub struct Memory {
    pub state: State,
    /// All that was ever recorded.
    pub entries: Vec<Entry>,
}

impl Recorder for Memory {
    fn state(&self) -> &State {
        &self.state
    }

    async fn record_all(&mut self, entries: Vec<Entry>) -> Result<(), StoreError> {
        self.entries.extend(entries.iter().cloned());
        for entry in entries {
            self.state.apply(entry);
        }
        Ok(())
    }
}

/// One account, one stack, and time that is tokio's.
#[derive(Debug)]
pub struct World {
    pub endpoint: Arc<Endpoint>,
    pub aws: Aws,
    pub memory: Memory,
    /// Whether the cloud itself is watched while a run goes on, for [`timing::critical_path`].
    pub observing: bool,
    /// Whether runs wait until services run steadily.
    pub waiting: bool,
    /// What becomes of a wait for a deployment that can't succeed.
    pub hopeless: Hopeless,
}

/// The secret and the parameters that configurations of tests name.
fn furnish(cloud: &mut Cloud) {
    let secret = format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:");
    cloud.secretsmanager.furnish(&format!("{secret}shop/database-AbCdEf"));
    cloud.secretsmanager.furnish(&format!("{secret}db-a1b2c3"));
    cloud.ssm.furnish("/shop/key");
    cloud.ssm.furnish("/key");
}

/// What a run did.
#[derive(Debug)]
pub struct Run {
    pub plan: Plan,
    pub summary: Summary,
    /// What was told, and how long after the run began.
    pub events: Vec<(Duration, Event)>,
    /// The calls of the run, those of its plan included.
    pub calls: Vec<Call>,
    /// How long it took, without its plan.
    pub took: Duration,
    /// When each resource was as it was wanted, whether or not anybody had looked; empty unless
    /// the world was [`World::observing`].
    pub truth: BTreeMap<(Address, Verb), Duration>,
}

impl World {
    pub fn new() -> Self {
        Self::seeded(7)
    }

    pub fn seeded(seed: u64) -> Self {
        let epoch = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut cloud = Cloud::new(REGION, epoch, seed);
        furnish(&mut cloud);
        let clock = Clock::starting_at(Moment::default(), 1.0);
        let endpoint = Arc::new(Endpoint::new(cloud, clock));
        let aws = clients(&endpoint);
        let mut state = State::new("shop", "dev", ACCOUNT, REGION);
        state.lineage = format!("lineage-{seed}");
        Self {
            endpoint,
            aws,
            memory: Memory { state, entries: vec![] },
            observing: false,
            waiting: true,
            hopeless: Hopeless::GiveUp,
        }
    }

    /// What `up` would do.
    pub async fn plan(&self, config: &Config) -> Plan {
        self.try_plan(config).await.unwrap_or_else(|error| panic!("{error}")).plan
    }

    pub async fn try_plan(&self, config: &Config) -> Result<Drawing, DrawingError> {
        draw(&self.aws, config, &self.memory.state).await
    }

    /// Makes the stack as `config` declares it; all of the plan must be carried out.
    pub async fn up(&mut self, config: &Config) -> Run {
        let run = self.try_up(config).await.unwrap_or_else(|error| panic!("{error}"));
        run.assert_complete();
        run
    }

    /// Makes the stack as `config` declares it, as far as that is possible.
    pub async fn try_up(&mut self, config: &Config) -> Result<Run, DrawingError> {
        let before = self.endpoint.calls().len();
        self.settle().await?;
        let drawing = draw(&self.aws, config, &self.memory.state).await?;
        Ok(self.carry_out(drawing.plan, before).await)
    }

    /// Removes the stack; nothing of it must be left in the state.
    pub async fn down(&mut self) -> Run {
        let before = self.endpoint.calls().len();
        self.settle().await.unwrap();
        let drawing = draw_removal(&self.aws, &self.memory.state).await.unwrap();
        let run = self.carry_out(drawing.plan, before).await;
        run.assert_complete();
        assert!(self.memory.state.is_empty(), "{:#?}", self.memory.state);
        run
    }

    /// Looks up what an interrupted run left in doubt.
    pub async fn settle(&mut self) -> Result<(), DrawingError> {
        let (sender, _receiver) = mpsc::unbounded_channel();
        Ok(settle_doubts(&self.aws, &mut self.memory, &sender).await?)
    }

    /// Carries a plan out while an observer watches the cloud itself.
    pub async fn carry_out(&mut self, plan: Plan, calls_before: usize) -> Run {
        let started = Instant::now();
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let listener = tokio::spawn(async move {
            let mut heard = Vec::new();
            while let Some(event) = receiver.recv().await {
                heard.push((started.elapsed(), event));
            }
            heard
        });
        let observer = self.observing.then(|| Observer::start(Arc::clone(&self.endpoint)));
        let (_stop, stopped) = watch::channel(false);
        let options = Options {
            wait_for_services: self.waiting,
            hopeless: self.hopeless,
            timeout: None,
            limits: provision::execute::Limits::default(),
            stop: stopped,
        };
        let summary = execute(&self.aws, &plan, &mut self.memory, &sender, options).await.unwrap();
        let took = started.elapsed();
        drop(sender);
        let events = listener.await.unwrap();
        let truth = observer.map(|observer| observer.finish(&events, &plan, &self.memory.state));
        let truth = truth.unwrap_or_default();
        let calls = self.endpoint.calls().split_off(calls_before);
        Run { plan, summary, events, calls, took, truth }
    }

    /// Does something in the account behind the stack's back, and gives AWS's answer.
    pub fn ask(&self, service: &str, operation: &str, request: &Value) -> Value {
        self.endpoint
            .with_cloud(|cloud| ask(cloud, service, operation, request))
            .unwrap_or_else(|code| panic!("{operation} {request}: {code}"))
    }

    /// What is recorded of a resource, by its address.
    pub fn outputs(&self, address: &str) -> Value {
        let address = address.parse().unwrap();
        let record = self.memory.state.resources.get(&address);
        record.unwrap_or_else(|| panic!("{address} is not recorded")).outputs.clone()
    }

    /// One output of a resource.
    pub fn output(&self, address: &str, name: &str) -> String {
        self.outputs(address)[name].as_str().unwrap_or_default().to_owned()
    }

    /// Makes the stack as `config` declares it, and asserts that tasks ran all the while.
    pub async fn up_without_a_gap(&mut self, config: &Config) -> Run {
        let endpoint = Arc::clone(&self.endpoint);
        let watch = tokio::spawn(async move {
            loop {
                assert!(endpoint.with_cloud(running_tasks) > 0, "no task is running");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        });
        let run = self.up(config).await;
        assert!(!watch.is_finished(), "the service was without a running task");
        watch.abort();
        run
    }

    /// Makes the stack as `config` declares it, and asserts that whoever asks the load balancer
    /// every second meanwhile, on one of `ports`, is always answered well.
    pub async fn up_while_asked(&mut self, config: &Config, ports: &[u16]) -> Run {
        let name = self.output("load_balancer.main", "dns_name");
        let authorities: Vec<_> = ports.iter().map(|port| format!("{name}:{port}")).collect();
        let (endpoint, started) = (Arc::clone(&self.endpoint), Instant::now());
        let (asked, bad) = <(Arc<AtomicUsize>, Arc<Mutex<Vec<String>>>)>::default();
        let (counter, met) = (Arc::clone(&asked), Arc::clone(&bad));
        let client = tokio::spawn(async move {
            loop {
                let ask = |cloud: &mut Cloud| -> Vec<_> {
                    authorities.iter().map(|name| answer_through(cloud, name, "/")).collect()
                };
                let answers = endpoint.with_cloud(ask);
                if !answers.contains(&Some(200)) {
                    met.lock().unwrap().push(format!("{:?}: {answers:?}", started.elapsed()));
                }
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let run = self.up(config).await;
        client.abort();
        let (asked, bad) = (asked.load(Ordering::Relaxed), bad.lock().unwrap());
        assert!(bad.is_empty(), "{} of {asked} requests: {bad:#?}", bad.len());
        assert!(asked as u64 >= run.took.as_secs(), "it was asked {asked} times only");
        run
    }

    /// Asserts that nothing is left to do, and nothing to wait for.
    pub async fn assert_settled(&self, config: &Config) {
        self.check_settled(config).await.unwrap_or_else(|left| panic!("{left}"));
    }

    /// Says what is left to do, or to wait for, if anything is.
    pub async fn check_settled(&self, config: &Config) -> Result<(), String> {
        let plan = self.try_plan(config).await.map_err(|error| error.to_string())?.plan;
        // A service that nobody waited for may have failed since: it would be tried again.
        let is_retry =
            |planned: &Planned| !self.waiting && planned.reason.starts_with("it is tried again");
        if !plan.changes().all(is_retry) {
            return Err(differences(&plan));
        }
        let state = &self.memory.state;
        let awaited = self.waiting && !schedule(&plan).is_empty();
        if awaited || !state.replaced.is_empty() || !state.in_doubt.is_empty() {
            return Err("something is still waited for, to be removed, or in doubt".into());
        }
        Ok(())
    }
}

/// Asks a cloud's service directly: no time passes and no call is counted.
pub fn ask(
    cloud: &mut Cloud,
    service: &str,
    operation: &str,
    request: &Value,
) -> Result<Value, String> {
    use provision::simulated_aws::{
        autoscaling, cloudwatch, ec2, ecs, elb, iam, logs, scheduler, secretsmanager, sns, ssm,
    };
    let answer = match service {
        "ec2" => ec2::answer,
        "ecs" => ecs::answer,
        "elb" => elb::answer,
        "iam" => iam::answer,
        "logs" => logs::answer,
        "autoscaling" => autoscaling::answer,
        "cloudwatch" => cloudwatch::answer,
        "scheduler" => scheduler::answer,
        "sns" => sns::answer,
        "secretsmanager" => secretsmanager::answer,
        "ssm" => ssm::answer,
        other => panic!("no service {other}"),
    };
    answer(cloud, operation, Parameters::new(request)).map_err(|error| format!("{error:?}"))
}

/// How many tasks run, in all clusters.
pub fn running_tasks(cloud: &mut Cloud) -> usize {
    let clusters = ask(cloud, "ecs", "ListClusters", &json!({})).unwrap();
    let clusters = clusters["clusterArns"].as_array().cloned().unwrap_or_default();
    let running = clusters.iter().map(|cluster| {
        let tasks = ask(cloud, "ecs", "ListTasks", &json!({"cluster": cluster})).unwrap();
        if tasks["taskArns"] == json!([]) {
            return 0;
        }
        let asked = json!({"cluster": cluster, "tasks": tasks["taskArns"]});
        let found = ask(cloud, "ecs", "DescribeTasks", &asked).unwrap();
        let found = found["tasks"].as_array().cloned().unwrap_or_default();
        found.iter().filter(|task| task["lastStatus"] == "RUNNING").count()
    });
    running.sum()
}

/// Clients of a simulated cloud, set as those of the program are: nothing is repeated behind the
/// engine's back.
pub fn clients(endpoint: &Arc<Endpoint>) -> Aws {
    let credentials = Credentials::new("AKIASIMULATED", "secret", None, None, "simulated");
    let config = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .http_client(Connector::new(Arc::clone(endpoint)))
        .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
        .build();
    Aws::new(&config, Pace::REAL).unwrap()
}

/// What a plan would change and why, for messages of tests.
pub fn differences(plan: &Plan) -> String {
    let mut text = String::from("the plan has something to do:\n");
    for planned in plan.changes() {
        text.push_str(&format!("{:?} {}: {}\n", planned.action, planned.address, planned.reason));
        for change in &planned.changes {
            text.push_str(&format!(
                "    {}: {} -> {} ({:?})\n",
                change.path, change.old, change.new, change.origin
            ));
        }
    }
    text
}

impl Run {
    pub fn assert_complete(&self) {
        self.check_complete().unwrap_or_else(|left| panic!("{left}"));
    }

    /// Says what of the plan was not carried out, if anything was not.
    pub fn check_complete(&self) -> Result<(), String> {
        let Summary { failed, skipped, left, .. } = &self.summary;
        if self.summary.is_complete() {
            return Ok(());
        }
        let failed = failed.iter().map(|(address, verb, why)| format!("{verb:?} {address}: {why}"));
        let failed: Vec<String> = failed.collect();
        Err(format!("{}\nskipped {}, left {}", failed.join("\n"), skipped.len(), left.len()))
    }

    /// The names of the calls that may have changed something, in order.
    pub fn mutations(&self) -> Vec<&str> {
        let mutating = self.calls.iter().filter(|call| call.is_mutating());
        mutating.map(|call| call.operation.as_str()).collect()
    }

    /// What was planned, without what stays.
    pub fn actions(&self) -> Vec<(Action, String)> {
        actions(&self.plan)
    }
}

/// What is planned, without what stays, in order of addresses.
pub fn actions(plan: &Plan) -> Vec<(Action, String)> {
    let mut actions: Vec<_> =
        plan.changes().map(|planned| (planned.action, planned.address.to_string())).collect();
    actions.sort_by(|one, other| one.1.cmp(&other.1));
    actions
}
