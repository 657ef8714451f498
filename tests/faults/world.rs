//! A simulated account, and a stack's whole life in it: what the commands do, without a terminal.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_types::SdkConfig;
use aws_types::region::Region;
use provision::aws::{Aws, Pace};
use provision::config::{Config, Overrides, Source};
use provision::deployment::{draw, draw_removal};
use provision::event::Event;
use provision::execute::recovery::settle_doubts;
use provision::execute::{Hopeless, Limits, Options, Summary, execute};
use provision::plan::Plan;
use provision::simulated_aws::clock::Moment;
use provision::simulated_aws::faults::Faults;
use provision::simulated_aws::{Clock, Cloud, Endpoint};
use provision::state::store::{Recorder, StoreError};
use provision::state::{Entry, State};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// The smallest stack that has all that stacks have.
pub const SMALL: &str = r#"
name = "shop"
region = "eu-west-1"
[services.app]
image = "example/shop:1"
[services.app.autoscaling]
min = 2
max = 4
cpu = 60
"#;

/// An account, and the state of one stack in it.
pub struct World {
    pub endpoint: Arc<Endpoint>,
    pub aws: Aws,
    pub record: Record,
    /// What was told of the latest run.
    pub told: Vec<Event>,
    /// How long each kind is waited for.
    pub limits: Limits,
    /// How long after its beginning a run is asked to stop.
    pub stopped_after: Option<Duration>,
}

/// A state in memory.
pub struct Record(pub State);

impl Recorder for Record {
    fn state(&self) -> &State {
        &self.0
    }

    async fn record_all(&mut self, entries: Vec<Entry>) -> Result<(), StoreError> {
        for entry in entries {
            self.0.apply(entry);
        }
        Ok(())
    }
}

/// What a command cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    pub calls: usize,
    pub time: Duration,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let credentials = Credentials::new("AKIASIMULATED", "secret", None, None, "simulated");
        Self::with_credentials(seed, SharedCredentialsProvider::new(credentials))
    }

    pub fn with_credentials(seed: u64, credentials: SharedCredentialsProvider) -> Self {
        let epoch = "2026-01-01T00:00:00Z".parse().unwrap();
        let cloud = Cloud::new("eu-west-1", epoch, seed);
        let clock = Clock::starting_at(Moment::default(), 1.0);
        let endpoint = Arc::new(Endpoint::new(cloud, clock));
        let aws = clients(&endpoint, credentials);
        let state = State::new("shop", "dev", "123456789012", "eu-west-1");
        Self::of(endpoint, aws, state)
    }

    fn of(endpoint: Arc<Endpoint>, aws: Aws, state: State) -> Self {
        let (record, told, limits) = (Record(state), Vec::new(), Limits::default());
        Self { endpoint, aws, record, told, limits, stopped_after: None }
    }

    /// Another stack in the same account, with the same clients.
    pub fn neighbour(&self, stack: &str) -> Self {
        let state = State::new(stack, "dev", "123456789012", "eu-west-1");
        Self::of(Arc::clone(&self.endpoint), self.aws.clone(), state)
    }

    /// No faults yet, for this account.
    pub fn faults(&self, seed: u64) -> Faults {
        Faults::new(&self.endpoint, seed)
    }

    /// Lets everything pass again.
    pub fn calm(&self) {
        self.endpoint.interfere(None);
    }

    pub fn state(&self) -> &State {
        &self.record.0
    }

    /// What `provision plan` would show.
    pub async fn plan(&self, config: &str) -> Plan {
        draw(&self.aws, &configured(config), self.state()).await.expect("a plan is drawn").plan
    }

    /// `provision up`, whole.
    pub async fn up(&mut self, config: &str) -> Cost {
        let (summary, cost) = self.tries_up(config, None).await;
        assert!(summary.is_complete(), "{}", said(&summary));
        cost
    }

    /// `provision up`, whatever comes of it.
    pub async fn tries_up(&mut self, config: &str, timeout: Option<Duration>) -> (Summary, Cost) {
        let before = self.mark();
        self.settle().await;
        let config = configured(config);
        let drawing = draw(&self.aws, &config, self.state()).await.expect("a plan is drawn");
        let summary = self.carry_out(&drawing.plan, timeout).await;
        (summary, self.since(before))
    }

    /// `provision down`, whole.
    pub async fn down(&mut self) -> Cost {
        let (summary, cost) = self.tries_down().await;
        assert!(summary.is_complete(), "{}", said(&summary));
        assert!(self.state().is_empty());
        cost
    }

    /// `provision down`, whatever comes of it.
    pub async fn tries_down(&mut self) -> (Summary, Cost) {
        self.tries_down_within(None).await
    }

    /// `provision down --timeout`, whatever comes of it.
    pub async fn tries_down_within(&mut self, timeout: Option<Duration>) -> (Summary, Cost) {
        let before = self.mark();
        self.settle().await;
        let drawing = draw_removal(&self.aws, self.state()).await.expect("a plan is drawn");
        let summary = self.carry_out(&drawing.plan, timeout).await;
        (summary, self.since(before))
    }

    async fn settle(&mut self) {
        let (events, _told) = mpsc::unbounded_channel();
        settle_doubts(&self.aws, &mut self.record, &events).await.expect("doubts are settled");
    }

    async fn carry_out(&mut self, plan: &Plan, timeout: Option<Duration>) -> Summary {
        let (events, mut told) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        let after = self.stopped_after;
        let stopping = tokio::spawn(async move {
            match after {
                Some(after) => tokio::time::sleep(after).await,
                None => std::future::pending().await,
            }
            stop.send(true)
        });
        let options = Options {
            wait_for_services: true,
            hopeless: Hopeless::WaitOn,
            timeout,
            limits: self.limits.clone(),
            stop: stopped,
        };
        let summary = execute(&self.aws, plan, &mut self.record, &events, options).await;
        stopping.abort();
        drop(events);
        self.told.clear();
        while let Some(event) = told.recv().await {
            self.told.push(event);
        }
        summary.expect("what happens is written down")
    }

    fn mark(&self) -> (usize, Instant) {
        (self.endpoint.calls().len(), Instant::now())
    }

    fn since(&self, (calls, then): (usize, Instant)) -> Cost {
        Cost { calls: self.endpoint.calls().len() - calls, time: then.elapsed() }
    }

    /// How often an operation was called.
    pub fn count(&self, operation: &str) -> usize {
        self.endpoint.calls().iter().filter(|call| call.operation == operation).count()
    }

    /// How many there are of everything that the account holds and that is not merely listed.
    pub fn inventory(&self) -> serde_json::Value {
        let cloud = self.endpoint.with_cloud(|cloud| serde_json::to_value(cloud).unwrap());
        crate::inventory::of(&cloud)
    }
}

/// Clients as the program makes them.
pub fn clients(endpoint: &Arc<Endpoint>, credentials: SharedCredentialsProvider) -> Aws {
    let timeouts = aws_config::timeout::TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_mins(1))
        .build();
    let config = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(credentials)
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .timeout_config(timeouts)
        .sleep_impl(TokioSleep::new())
        .http_client(provision::simulated_aws::connector::Connector::new(Arc::clone(endpoint)))
        .build();
    Aws::new(&config, Pace::REAL).unwrap()
}

/// A configuration in the environment `dev`.
pub fn configured(text: &str) -> Config {
    let source = Source { path: PathBuf::from("provision.toml"), text: text.to_owned() };
    let overrides = Overrides { environment: "dev".into(), ..Overrides::default() };
    Config::load(&source, &overrides).expect("the configuration is right")
}

/// What a run has to say of what went wrong.
pub fn said(summary: &Summary) -> String {
    let failed = summary.failed.iter();
    let failed = failed.map(|(address, verb, failure)| format!("{verb:?} {address}: {failure}"));
    failed.collect::<Vec<_>>().join("\n")
}
