//! `provision drift --every` and `--tell`: checks that tell what has changed since the last one.
//!
//! The rule: what a check is, and what is told of it, is not decided here; this is the world that
//! [`Watch`] works in: the file, the state, AWS, the clock, signals, and a terminal.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::aws::NoRegion;
use crate::config::{self, Config, FROM_ENVIRONMENT};
use crate::drift::Drift;
use crate::event::Verb;
use crate::graph::Others;
use crate::report::drift::{document, summary};
use crate::report::json;
use crate::stack;
use crate::state::State;
use crate::state::store::{Edition, Remembered};
use crate::watch::message::lines;
use crate::watch::{
    Keeper, Listeners, Memory, MemoryError, News, Outcome, Request, Rhythm, Shown, Topic, Watch,
    Webhook, World, metrics,
};

use super::arguments::duration;
use super::context::{Context, StackName};
use super::down;
use super::drift::{self, DriftOptions};
use super::failure::Failure;

/// Checks that come again.
#[derive(Clone, Copy, Debug, Args)]
pub struct Watching {
    /// Stay, and check every so often: `15m` for example. Tells only what has changed.
    #[arg(long, value_name = "DURATION", value_parser = interval, conflicts_with = "fix")]
    pub every: Option<Duration>,
    /// Tell the webhook of the file what has changed since the last check that did.
    #[arg(long, conflicts_with = "fix")]
    pub tell: bool,
    /// Be the check that the account makes by itself: from the state alone, with metrics and a topic.
    #[arg(long, conflicts_with_all = ["fix", "every", "tell"])]
    pub job: bool,
}

/// The shortest time from one check to the next: each one is dozens of calls.
const SHORTEST: Duration = Duration::from_secs(10);

fn interval(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        short if short < SHORTEST => Err("checks are at least 10s apart".into()),
        interval => Ok(interval),
    }
}

/// Stays, and checks until it is asked to stop.
pub async fn stay(
    context: &Context,
    options: &DriftOptions,
    every: Duration,
) -> Result<ExitCode, Failure> {
    let (watch, name) = watch(context, options)?;
    context.tell(&format!("Checking {}-{} again and again.", name.stack, name.environment));
    let (sender, requests) = mpsc::channel(4);
    let signals = tokio::spawn(forward(Signals::listen()?, sender));
    watch.run(Rhythm::new(every, fastrand::u64(..)), requests).await;
    signals.abort();
    Ok(ExitCode::SUCCESS)
}

/// Makes one check, shows it whole, and tells what is news.
pub async fn once(context: &Context, options: &DriftOptions) -> Result<ExitCode, Failure> {
    let (mut watch, _) = watch(context, options)?;
    ended(context, watch.once().await, options)
}

/// What a single check means for the shell: the first that went wrong is why it fails.
fn ended(context: &Context, outcome: Outcome, options: &DriftOptions) -> Result<ExitCode, Failure> {
    let Outcome { checked, untold, unmeasured, unkept } = outcome;
    let code = checked.as_ref().map(|drift| drift::code(drift, options));
    let untold = untold.into_iter().map(|(listener, why)| Failure::Untold { listener, why });
    let unmeasured = unmeasured.map(Failure::Unmeasured);
    let unkept = unkept.map(Failure::Unkept);
    let mut failures = untold.chain(unmeasured).chain(unkept);
    let first = match code {
        Ok(code) => match failures.next() {
            Some(first) => first,
            None => return Ok(code),
        },
        Err(why) => Failure::Check(why.clone()),
    };
    context.warn(&failures.map(|failure| failure.text()).collect::<Vec<_>>());
    Err(first)
}

/// Makes the check that the account makes by itself, in a task that `up` has set up: needs no file.
pub async fn job(context: &Context, options: &DriftOptions) -> Result<ExitCode, Failure> {
    let (config, others) = settings(context)?;
    let name = StackName { stack: config.name.clone(), environment: config.environment.clone() };
    let aws = context.connect(&config.region).await?.aws;
    let (partition, account) = (aws.partition(), aws.account().await?);
    let StackName { stack, environment } = &name;
    let topic = format!(
        "arn:{partition}:sns:{}:{account}:{stack}-{environment}-{}",
        config.region,
        stack::drift::NAME
    );
    let mut listeners = listeners(&config)?;
    listeners.push(Arc::new(Topic::new(aws, topic)));
    let memory = Memory::new(&name.stack, &name.environment);
    let keeper = Desk { context, name: name.clone(), edition: None };
    let goes = Box::pin(taken_down(context, &name));
    let world = Here {
        context,
        options,
        config,
        name: name.clone(),
        is_whole: true,
        others: Some(others),
        state: None,
    };
    let mut watch = Watch::new(world, keeper, memory, listeners, options.fail_on.into());
    tokio::select! {
        outcome = watch.once() => ended(context, outcome, options),
        // Whoever takes the stack down waits for the network interface of this very task.
        () = goes => {
            context.tell("The stack is being taken down: there is nothing to check.");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// How often it is looked whether the stack is being taken down.
const INTERVAL: Duration = Duration::from_secs(5);

/// Ends when somebody has begun to take the stack down; one who is only asked about it has not.
async fn taken_down(context: &Context, name: &StackName) {
    // Where that can't be looked up, the check will tell why.
    while !is_taken_down(context, name).await.unwrap_or_default() {
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn is_taken_down(context: &Context, name: &StackName) -> Result<bool, Failure> {
    let store = context.store().await?;
    let holder = store.at_work(&name.stack, &name.environment).await?;
    if holder.is_none_or(|holder| holder.command != down::COMMAND) {
        return Ok(false);
    }
    let state = store.load(&name.stack, &name.environment).await?;
    let goes = |state: State| state.in_doubt.values().any(|intent| intent.verb == Verb::Delete);
    Ok(state.is_none_or(goes))
}

/// What the task was given in place of a file.
fn settings(context: &Context) -> Result<(Config, Others), Failure> {
    let given = std::env::var_os(stack::drift::SETTINGS).unwrap_or_default();
    let given = given.to_string_lossy();
    let stack::drift::Settings { drift, state, others } = match given.as_ref() {
        "" => stack::drift::Settings::default(),
        given => serde_json::from_str(given).map_err(Failure::Settings)?,
    };
    let global = &context.global;
    let stack = global.stack.clone().ok_or(Failure::JobWithoutStack)?;
    let region = global.region.clone().ok_or(NoRegion)?;
    let config = Config { state, ..Config::bare(stack, global.env.clone(), region, drift) };
    context.stand_in(&config);
    Ok((config, others))
}

fn watch<'a>(
    context: &'a Context,
    options: &'a DriftOptions,
) -> Result<(Watch<Here<'a>, Desk<'a>>, StackName), Failure> {
    let config = context.config(&options.overriding)?;
    let name = StackName { stack: config.name.clone(), environment: config.environment.clone() };
    let listeners = listeners(&config)?;
    if options.watching.tell && listeners.is_empty() {
        return Err(Failure::NobodyToTell);
    }
    let memory = Memory::new(&name.stack, &name.environment);
    let is_whole = options.watching.every.is_none();
    let world =
        Here { context, options, config, name: name.clone(), is_whole, others: None, state: None };
    let keeper = Desk { context, name: name.clone(), edition: None };
    Ok((Watch::new(world, keeper, memory, listeners, options.fail_on.into()), name))
}

/// What is remembered, and which writing of it this is; `None` for none.
async fn memory(context: &Context, name: &StackName) -> Result<(Memory, Option<Edition>), String> {
    let StackName { stack, environment } = name;
    let remembered =
        async || Ok::<_, Failure>(context.store().await?.remembered(stack, environment).await?);
    match remembered().await.map_err(|failure| failure.text())? {
        Some(Remembered { text, edition }) => match Memory::read(&text) {
            Err(error @ MemoryError::Damaged(_)) => {
                context.tell(&format!("{error}: all that is there is told once more"));
                Ok((Memory::new(stack, environment), Some(edition)))
            }
            Err(error @ MemoryError::Newer(_)) => {
                Err(format!("{error}: use the version of provision that wrote it"))
            }
            Ok(memory) => Ok((memory, Some(edition))),
        },
        None => Ok((Memory::new(stack, environment), None)),
    }
}

/// Those whom a configuration names.
fn listeners(config: &Config) -> Result<Listeners, Failure> {
    let config::Drift { webhook, webhook_format, .. } = &config.drift;
    let Some(webhook) = webhook else { return Ok(vec![]) };
    let address = match webhook.strip_prefix(FROM_ENVIRONMENT) {
        Some(name) => variable(name)?,
        None => webhook.clone(),
    };
    let webhook = Webhook::new(&address, *webhook_format, None::<SharedHttpClient>)?;
    Ok(vec![Arc::new(webhook)])
}

fn variable(name: &str) -> Result<String, Failure> {
    let value = std::env::var_os(name).and_then(|value| value.into_string().ok());
    let value = value.filter(|value| !value.is_empty());
    value.ok_or_else(|| Failure::NoVariable { name: name.to_owned(), key: "drift.webhook" })
}

/// The world as the program finds it.
struct Here<'a> {
    context: &'a Context,
    options: &'a DriftOptions,
    config: Config,
    name: StackName,
    /// Whether a check is shown whole, and not in one line.
    is_whole: bool,
    /// Where there is no file and the state says what was applied: what is left to others.
    others: Option<Others>,
    /// The state of the last check.
    state: Option<State>,
}

/// Where it is written down what was told: beside the state.
struct Desk<'a> {
    context: &'a Context,
    name: StackName,
    /// Which writing was last read or written.
    edition: Option<Edition>,
}

impl World for Here<'_> {
    async fn check(&mut self) -> Result<Drift, String> {
        let Self { context, options, config, name, .. } = &*self;
        let checked = match &self.others {
            Some(others) => {
                Box::pin(drift::checked_alone(context, options, config, others, name)).await
            }
            None => Box::pin(drift::checked(context, options, config, name)).await,
        };
        let (state, drift) = checked.map_err(|failure| failure.text())?;
        self.state = Some(state);
        Ok(drift)
    }

    fn reread(&mut self) -> Result<Listeners, String> {
        let read = || {
            let config = self.context.config(&self.options.overriding)?;
            let listeners = listeners(&config)?;
            Ok::<_, Failure>((config, listeners))
        };
        let (config, listeners) = read().map_err(|failure| failure.text())?;
        if (&config.name, &config.environment) != (&self.name.stack, &self.name.environment) {
            return Err("it describes another stack now".into());
        }
        if (&config.state, &config.region) != (&self.config.state, &self.config.region) {
            return Err("it keeps the state elsewhere now, which takes a new start".into());
        }
        self.config = config;
        Ok(listeners)
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn show(&mut self, shown: &Shown<'_>) {
        match shown {
            Shown::Checked { at, outcome, news } => self.show_check(*at, outcome, news),
            Shown::Told { listener, message } => {
                self.tell(&format!("The {listener} was told: {}.", message.subject()));
            }
            Shown::Untold { listener, why } => {
                self.tell(&format!("The {listener} was not told: {why}. The next check tells it."));
            }
            Shown::Unmeasured(why) => {
                self.tell(&format!("What was found could not be measured: {why}"));
            }
            Shown::Reread => self.tell(&format!("{} was read anew.", self.file())),
            Shown::NotReread(why) => {
                self.tell(&format!("{} stays as it was read before: {why}", self.file()));
            }
            Shown::NotKept(why) => {
                self.tell(&format!("What was told could not be written down: {why}"));
            }
        }
    }

    async fn measure(&mut self, drift: &Drift) -> Result<(), String> {
        if self.others.is_none() {
            return Ok(());
        }
        let aws = self.context.connect(&drift.region).await.map_err(|failure| failure.text())?.aws;
        metrics::put(&aws, drift).await.map_err(|error| Failure::from(error).text())
    }
}

impl Keeper for Desk<'_> {
    async fn recall(&mut self) -> Result<Option<Memory>, String> {
        let (memory, edition) = memory(self.context, &self.name).await?;
        let known = std::mem::replace(&mut self.edition, edition);
        Ok((known != self.edition).then_some(memory))
    }

    async fn keep(&mut self, memory: &Memory) -> Result<bool, String> {
        let text = memory.written();
        let store = self.context.store().await.map_err(|failure| failure.text())?;
        let kept = store.remember(&self.name, text.as_bytes(), self.edition.as_ref()).await;
        let kept = kept.map_err(|error| Failure::from(error).text())?;
        let is_kept = kept.is_some();
        self.edition = kept.or(self.edition.take());
        Ok(is_kept)
    }
}

impl Here<'_> {
    fn show_check(&self, at: Timestamp, outcome: &Result<Drift, String>, news: &News) {
        match (outcome, &self.state) {
            (Ok(drift), Some(state)) if self.is_whole => {
                drift::show(self.context, self.options, (&self.config, state), drift);
            }
            _ if self.is_whole => {}
            _ if self.context.global.json => {
                self.context.print(&json::line(&event(at, outcome, news)));
            }
            _ => self.context.print(&line(at, outcome, news)),
        }
    }

    fn tell(&self, text: &str) {
        self.context.tell(text);
    }

    fn file(&self) -> String {
        self.context.global.file.display().to_string()
    }
}

/// A check in one line, and a line for each change since the last one.
fn line(at: Timestamp, outcome: &Result<Drift, String>, news: &News) -> String {
    let what = match outcome {
        Ok(drift) => summary(drift),
        Err(_) => "The check failed.".into(),
    };
    let changes = match (news.first.len(), news.gone.len(), news.still) {
        (0, 0, 0) => String::new(),
        (first, gone, still) => format!(" {first} first seen, {still} still there, {gone} gone."),
    };
    let mut text = format!("{at:.0}  {what}{changes}\n");
    for line in lines(news, at) {
        text.push_str(&format!("    {line}\n"));
    }
    text
}

/// A check for machines.
fn event(at: Timestamp, outcome: &Result<Drift, String>, news: &News) -> Value {
    let mut event = match outcome {
        Ok(drift) => document(drift),
        Err(why) => json!({ "error": why }),
    };
    event["event"] = "check".into();
    event["at"] = at.to_string().into();
    event["news"] = json!(news);
    event
}

/// The signals that a watch heeds.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.interrupt.recv() => Request::Stop,
            _ = self.terminate.recv() => Request::Stop,
            _ = self.hangup.recv() => Request::Reread,
        }
    }
}

async fn forward(mut signals: Signals, sender: mpsc::Sender<Request>) {
    loop {
        let request = signals.next().await;
        if sender.send(request).await.is_err() {
            return;
        }
    }
}
