//! A simulated account, a directory of states, and runs of `up` and `down` between the two.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_types::SdkConfig;
use aws_types::region::Region;
use provision::aftermath;
use provision::aws::{Aws, Pace};
use provision::config::{Config, Overrides, Source};
use provision::deployment::{draw, draw_removal};
use provision::execute::recovery::settle_doubts;
use provision::execute::schedule::schedule;
use provision::execute::{Hopeless, Options, execute};
use provision::plan::Plan;
use provision::simulated_aws::clock::Clock;
use provision::simulated_aws::cloud::{ACCOUNT, Cloud};
use provision::simulated_aws::connector::Connector;
use provision::simulated_aws::endpoint::{Call, Endpoint};
use provision::state::State;
use provision::state::store::{Directory, Holder, Recorder as _};
use tokio::sync::{mpsc, watch};

use crate::death::{Death, Mortal};
use crate::watch::{Heir, Watch};

pub const STACK: &str = "web";
pub const ENVIRONMENT: &str = "dev";
const REGION: &str = "eu-west-1";

/// What a run is to bring about.
#[derive(Clone, Copy, Debug)]
pub enum Command<'a> {
    Up(&'a Config),
    Down,
}

/// Everything that outlives a run: the account, and the files of the state by their names.
#[derive(Clone, Debug)]
pub struct Remains {
    pub cloud: Cloud,
    pub files: Files,
}

/// The journal's file.
pub fn journal_name() -> String {
    format!("{STACK}-{ENVIRONMENT}.journal")
}

/// What stands in the files of a state; the kept copies and the lock say nothing to the next run.
pub type Files = BTreeMap<String, Vec<u8>>;

impl Remains {
    /// An account and a directory in which nothing is.
    pub fn nothing() -> Self {
        let epoch = "2026-01-01T00:00:00Z".parse().unwrap();
        Self { cloud: Cloud::new(REGION, epoch, 7), files: Files::new() }
    }
}

/// A directory in memory where there is one: what is synced thousands of times is synced fast.
fn directory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// The snapshot and the journal of a directory, where they are there.
pub fn files_of(directory: &Path) -> Files {
    let names = [format!("{STACK}-{ENVIRONMENT}.json"), journal_name()];
    let there = names.into_iter().filter_map(|name| {
        let content = std::fs::read(directory.join(&name)).ok()?;
        Some((name, content))
    });
    there.collect()
}

/// A directory with these files.
pub fn directory_of(files: &Files) -> tempfile::TempDir {
    let directory = directory();
    for (name, content) in files {
        std::fs::write(directory.path().join(name), content).unwrap();
    }
    directory
}

/// An account with its time running, and the files.
#[derive(Debug)]
pub struct World {
    pub endpoint: Arc<Endpoint>,
    files: tempfile::TempDir,
}

/// What became of the calls that were under way when their caller died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InFlight {
    /// None reached AWS.
    Lost,
    /// AWS carried all of them out.
    CarriedOut,
}

impl World {
    pub fn of(remains: Remains) -> Self {
        let clock = Clock::starting_at(remains.cloud.now, 1.0);
        let files = directory_of(&remains.files);
        Self { endpoint: Arc::new(Endpoint::new(remains.cloud, clock)), files }
    }

    /// What is left when everything that was under way in the account has come to its end.
    pub async fn ended(&self) -> Remains {
        self.left(Duration::from_hours(2)).await
    }

    /// What is left after so long.
    pub async fn left(&self, after: Duration) -> Remains {
        tokio::time::sleep(after).await;
        let cloud = self.endpoint.with_cloud(|cloud| cloud.clone());
        Remains { cloud, files: files_of(self.path()) }
    }

    pub fn path(&self) -> &Path {
        self.files.path()
    }

    /// Clients that know nothing of any earlier run, set up as the program sets them up.
    pub fn aws(&self, in_flight: InFlight) -> Aws {
        let credentials = Credentials::new("AKIASIMULATED", "secret", None, None, "simulated");
        let config = SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(aws_config::retry::RetryConfig::disabled())
            .sleep_impl(TokioSleep::new());
        let connector = Connector::new(Arc::clone(&self.endpoint));
        let config = match in_flight {
            InFlight::Lost => config.http_client(connector),
            InFlight::CarriedOut => config.http_client(Detached(connector)),
        };
        Aws::new(&config.build(), Pace::REAL).unwrap()
    }

    /// Runs a command from start to end, or to the caller's death.
    pub async fn run(&self, command: Command<'_>, death: &Death) -> Result<Ran, String> {
        let calls = self.endpoint.calls().len();
        let doomed = death.stand_between(&self.endpoint);
        let mut writes = 0;
        let ran = tokio::select! {
            biased;
            () = doomed.notified() => Ok(End::Died),
            ran = self.alive(command, death, None, &mut writes) => ran,
        };
        self.endpoint.interfere(None);
        let calls = self.endpoint.calls().split_off(calls);
        Ok(Ran { end: ran?, calls, writes })
    }

    /// Runs a command to its end while somebody notes where it could have died.
    pub async fn run_watched(&self, command: Command<'_>, heir: Heir) -> Result<(), String> {
        let watch = Watch::new(&self.endpoint, self.path(), heir);
        self.endpoint.interfere(Some(Box::new(watch.clone())));
        let ran = self.alive(command, &Death::Never, Some(&watch), &mut 0).await;
        self.endpoint.interfere(None);
        ran.map(drop)
    }

    async fn alive(
        &self,
        command: Command<'_>,
        death: &Death,
        watch: Option<&Watch>,
        count: &mut usize,
    ) -> Result<End, String> {
        let aws = self.aws(death.in_flight());
        let store = Directory::new(self.path());
        let lock = store.lock(STACK, ENVIRONMENT, &holder()).map_err(|error| error.to_string())?;
        let state = self.state()?.unwrap_or_else(new_state);
        let mut writer = lock.begin(state).map_err(|error| error.to_string())?;
        let mut recorder = Mortal::new(&mut writer, death, self.path(), count, watch);
        let (events, _shown) = mpsc::unbounded_channel();
        if let Err(error) = settle_doubts(&aws, &mut recorder, &events).await {
            return if recorder.is_dead() { Ok(End::Died) } else { Err(said(&error)) };
        }
        let plan = plan_for(&aws, command, recorder.state()).await?;
        let options = Options {
            wait_for_services: true,
            hopeless: Hopeless::WaitOn,
            timeout: None,
            limits: provision::execute::Limits::default(),
            stop: watch::channel(false).1,
        };
        let summary = match execute(&aws, &plan, &mut recorder, &events, options).await {
            Ok(summary) => summary,
            Err(_) if recorder.is_dead() => return Ok(End::Died),
            Err(error) => return Err(said(&error)),
        };
        if !summary.is_complete() {
            return Err(format!("not all of the plan was carried out: {summary:#?}"));
        }
        let is_over = matches!(command, Command::Down) && writer.state().is_empty();
        if is_over {
            let left = aftermath::clear(&aws, &plan).await.map_err(|error| said(&error))?;
            assert!(left.is_empty(), "{left:?}");
        }
        if is_over { writer.retire() } else { writer.finish().map(drop) }
            .map_err(|error| said(&error))?;
        Ok(End::Lived)
    }

    /// The recorded state, as the next run reads it.
    pub fn state(&self) -> Result<Option<State>, String> {
        Directory::new(self.path()).load(STACK, ENVIRONMENT).map_err(|error| said(&error))
    }

    /// Whether a command would find nothing to do.
    pub async fn is_settled(&self, command: Command<'_>) -> Result<(), String> {
        let Some(state) = self.state()? else {
            return match command {
                Command::Down => Ok(()),
                Command::Up(_) => Err("there is no state".into()),
            };
        };
        if !state.in_doubt.is_empty() || !state.replaced.is_empty() {
            return Err(format!("something is left: {:#?} {:#?}", state.in_doubt, state.replaced));
        }
        let plan = plan_for(&self.aws(InFlight::Lost), command, &state).await?;
        if schedule(&plan).is_empty() {
            return Ok(());
        }
        Err(format!("there is something left to do: {:#?}", plan.changes().collect::<Vec<_>>()))
    }
}

pub async fn plan_for(aws: &Aws, command: Command<'_>, state: &State) -> Result<Plan, String> {
    let drawing = match command {
        Command::Up(config) => draw(aws, config, state).await,
        Command::Down => draw_removal(aws, state).await,
    };
    drawing.map(|drawing| drawing.plan).map_err(|error| said(&error))
}

/// What a run that came to its end has done.
#[derive(Clone, Debug)]
pub struct Ran {
    pub end: End,
    /// The calls that were made.
    pub calls: Vec<Call>,
    /// How many entries were written into the journal.
    pub writes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Lived,
    Died,
}

/// An error with all its causes.
pub fn said(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// An empty state, the same in every test: tokens come from its lineage.
pub fn new_state() -> State {
    let lineage = "00000000-0000-0000-0000-000000000000".to_owned();
    State { lineage, ..State::new(STACK, ENVIRONMENT, ACCOUNT, REGION) }
}

pub fn holder() -> Holder {
    Holder {
        host: "here".into(),
        process: 1,
        user: "tester".into(),
        since: "2026-01-01T00:00:00Z".parse().unwrap(),
        command: "up".into(),
    }
}

pub fn config(text: &str) -> Config {
    let source = Source { path: "provision.toml".into(), text: text.into() };
    let overrides = Overrides { environment: ENVIRONMENT.into(), ..Overrides::default() };
    Config::load(&source, &overrides).unwrap()
}

/// Runs a future in a time of its own, in which all waiting is skipped.
pub fn in_paused_time<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// Requests that AWS goes on with when their caller is gone.
#[derive(Clone, Debug)]
struct Detached(Connector);

impl HttpClient for Detached {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Detached {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = tokio::spawn(self.0.call(request));
        HttpConnectorFuture::new(async move {
            answer.await.unwrap_or_else(|error| Err(ConnectorError::user(Box::new(error))))
        })
    }
}
