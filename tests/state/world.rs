//! A simulated account, and a stack in it whose state is kept in memory.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use provision::aws::{Aws, Pace};
use provision::config::{Config, Overrides, Source};
use provision::deployment::{draw, draw_removal};
use provision::execute::{Hopeless, Options, Summary, execute};
use provision::plan::Plan;
use provision::simulated_aws::clock::{Clock, Moment};
use provision::simulated_aws::cloud::Cloud;
use provision::simulated_aws::connector::Connector;
use provision::simulated_aws::endpoint::Endpoint;
use provision::state::store::{Recorder, StoreError};
use provision::state::{Entry, State};
use tokio::sync::{mpsc, watch};

pub const FILE: &str = r#"
name = "web"
region = "eu-west-1"

[services.app]
image = "ghcr.io/example/app:1"
port = 8000

[services.app.environment]
COLOUR = "blue-and-secret"

[services.app.autoscaling]
min = 2
max = 4
cpu = 60
"#;

/// An account, and clients for it. Time is tokio's.
pub struct World {
    pub endpoint: Arc<Endpoint>,
    pub aws: Aws,
}

/// Records in memory.
pub struct Memory(pub State);

impl Recorder for Memory {
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

pub fn config(text: &str) -> Config {
    let source = Source { path: "provision.toml".into(), text: text.into() };
    let overrides = Overrides { environment: "dev".into(), ..Overrides::default() };
    Config::load(&source, &overrides).unwrap()
}

impl World {
    pub fn new() -> Self {
        let epoch = "2026-01-01T00:00:00Z".parse().unwrap();
        let cloud = Cloud::new("eu-west-1", epoch, 7);
        let clock = Clock::starting_at(Moment::default(), 1.0);
        let endpoint = Arc::new(Endpoint::new(cloud, clock));
        let credentials = Credentials::new("AKIASIMULATED", "secret", None, None, "simulated");
        let config = SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(aws_config::retry::RetryConfig::disabled())
            .http_client(Connector::new(Arc::clone(&endpoint)))
            .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
            .build();
        Self { endpoint, aws: Aws::new(&config, Pace::REAL).unwrap() }
    }

    /// A state that knows nothing yet.
    pub async fn blank(&self) -> State {
        State::new("web", "dev", self.aws.account().await.unwrap(), "eu-west-1")
    }

    pub async fn plan(&self, config: &Config, state: &State) -> Plan {
        draw(&self.aws, config, state).await.unwrap().plan
    }

    /// Carries out all of a plan.
    pub async fn carry_out(&self, plan: &Plan, state: State) -> State {
        let mut memory = Memory(state);
        let summary = self.run(plan, &mut memory).await.unwrap();
        assert!(summary.is_complete(), "{summary:?}");
        memory.0
    }

    pub async fn run<R: Recorder>(
        &self,
        plan: &Plan,
        recorder: &mut R,
    ) -> Result<Summary, StoreError> {
        let (events, _heard) = mpsc::unbounded_channel();
        let (_sender, stop) = watch::channel(false);
        let options = Options {
            wait_for_services: true,
            hopeless: Hopeless::WaitOn,
            timeout: None,
            limits: provision::execute::Limits::default(),
            stop,
        };
        execute(&self.aws, plan, recorder, &events, options).await
    }

    pub async fn up(&self, config: &Config, mut state: State) -> State {
        state.protected |= config.protect;
        let plan = self.plan(config, &state).await;
        self.carry_out(&plan, state).await
    }

    pub async fn down(&self, state: State) -> State {
        let plan = draw_removal(&self.aws, &state).await.unwrap().plan;
        self.carry_out(&plan, state).await
    }

    /// How many calls have been made that change something.
    pub fn changes(&self) -> usize {
        self.endpoint.calls().iter().filter(|call| call.is_mutating()).count()
    }
}
