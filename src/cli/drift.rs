//! `provision drift`: what somebody else has changed; with `--fix`, puts it back.
//!
//! The rule: nothing is changed without `--fix`, and with it nothing but what was found.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use jiff::civil::Date;

use crate::config::Config;
use crate::deployment::{Seen, check_place, settled};
use crate::drift::{self, Drift, Repair, Severity};
use crate::execute::extras::{Removed, remove_extras};
use crate::execute::{Hopeless, Limits};
use crate::graph::Others;
use crate::report::drift::document;
use crate::report::ending::Ending;
use crate::report::human::{Look, Values};
use crate::report::{Paint, json, repair as report};
use crate::state::State;
use crate::state::store::{Holder, Recorder as _, Writer};
use crate::trail;
use crate::watch::check_alone;
use crate::watch::undisturbed::{PATIENCE, undisturbed};

use super::arguments::Overriding;
use super::ask;
use super::connect::Cloud;
use super::context::{Context, StackName};
use super::failure::{self, Failure};
use super::formats::{self, Format};
use super::locking::lock;
use super::run::{self, Running};

/// The exit code where something has drifted.
pub const DRIFTED: u8 = 2;

#[derive(Debug, Args)]
pub struct DriftOptions {
    #[command(flatten)]
    pub overriding: Overriding,
    /// Exit with 2 only for what matters at least so much.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = Least::Low)]
    pub fail_on: Least,
    #[command(flatten)]
    pub fleet: super::fleet::FleetOptions,
    /// In which format; `--json` is short for `--format json`.
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Say who changed it and when, as far as CloudTrail tells.
    #[arg(long, conflicts_with = "fix")]
    pub who: bool,
    /// Put back what has drifted, and nothing else.
    #[arg(long)]
    pub fix: bool,
    /// Do not ask before putting it back.
    #[arg(short, long, requires = "fix")]
    pub yes: bool,
    #[command(flatten)]
    pub watching: super::watch::Watching,
    #[command(flatten)]
    pub locking: super::locking::Locking,
}

/// A severity, as the command line says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Least {
    Notice,
    Low,
    Medium,
    High,
    Critical,
}

impl From<Least> for Severity {
    fn from(least: Least) -> Self {
        match least {
            Least::Notice => Self::Notice,
            Least::Low => Self::Low,
            Least::Medium => Self::Medium,
            Least::High => Self::High,
            Least::Critical => Self::Critical,
        }
    }
}

pub async fn run(context: &Context, options: &DriftOptions) -> Result<ExitCode, Failure> {
    if options.fleet.all {
        let format = format(context, options);
        return super::fleet::check(context, &options.fleet, format, options.fail_on.into()).await;
    }
    if let Some(every) = options.watching.every {
        return super::watch::stay(context, options, every).await;
    }
    if options.watching.tell {
        return super::watch::once(context, options).await;
    }
    if options.watching.job {
        return super::watch::job(context, options).await;
    }
    let config = context.config(&options.overriding)?;
    let name = StackName { stack: config.name.clone(), environment: config.environment.clone() };
    if options.fix {
        return fix(context, options, &config, &name).await;
    }
    let (state, drift) = checked(context, options, &config, &name).await?;
    show(context, options, (&config, &state), &drift);
    Ok(code(&drift, options))
}

/// Makes one check: reads the state, and asks AWS. Gives both, since a check is shown with its state.
pub async fn checked(
    context: &Context,
    options: &DriftOptions,
    config: &Config,
    name: &StackName,
) -> Result<(State, Drift), Failure> {
    let look = async |state: State| {
        let aws = context.connect(&state.region).await?.aws;
        check_place(&aws, &state).await?;
        if !state.in_doubt.is_empty() {
            context.tell("A run was interrupted: the check reckons with what became of it.");
        }
        let state = settled(&aws, state).await?;
        let drift =
            Seen::of(&aws, config, &state).await?.check(&state, &config.drift.ignore, today());
        Ok((state, drift, aws))
    };
    let (state, mut drift, aws) = once_undisturbed(context, options, name, look).await?;
    if options.who
        && let Some(note) = trail::tell(&aws, &state, &mut drift).await
    {
        context.tell(&format!("note: {note}"));
    }
    Ok((state, drift))
}

/// Makes the check that needs no file.
pub async fn checked_alone(
    context: &Context,
    options: &DriftOptions,
    config: &Config,
    others: &Others,
    name: &StackName,
) -> Result<(State, Drift), Failure> {
    let look = async |state: State| {
        let aws = context.connect(&state.region).await?.aws;
        Ok(check_alone(&aws, state, others, &config.drift.ignore, today()).await?)
    };
    once_undisturbed(context, options, name, look).await
}

/// Has a look at a stack while nobody is at work on it.
async fn once_undisturbed<S>(
    context: &Context,
    options: &DriftOptions,
    name: &StackName,
    look: impl AsyncFn(State) -> Result<S, Failure>,
) -> Result<S, Failure> {
    let store = context.store().await?;
    let patience = options.locking.lock_timeout.unwrap_or(PATIENCE);
    let look = async |state: Option<State>| {
        let missing = || Failure::NoState { name: name.clone(), place: store.to_string() };
        let state = state.ok_or_else(missing)?;
        context.check_region(&state)?;
        look(state).await
    };
    let waits_for = |holder: &Holder| {
        context.tell(&format!("Waiting for {holder}: what changes now would look like drift."));
    };
    undisturbed(store, name, patience, look, waits_for).await
}

fn today() -> Date {
    jiff::Zoned::now().date()
}

pub fn show(context: &Context, options: &DriftOptions, of: (&Config, &State), drift: &Drift) {
    let format = format(context, options);
    context.print(&formats::drawn(context, format, of, drift, options.fail_on.into()));
}

/// The format that is asked for.
fn format(context: &Context, options: &DriftOptions) -> Format {
    let usual = if context.global.json { Format::Json } else { Format::Table };
    options.format.unwrap_or(usual)
}

pub fn code(drift: &Drift, options: &DriftOptions) -> ExitCode {
    let has_drifted = drift.has_drifted(options.fail_on.into());
    if has_drifted { ExitCode::from(DRIFTED) } else { ExitCode::SUCCESS }
}

/// Checks, shows, asks, puts back, and checks again.
async fn fix(
    context: &Context,
    options: &DriftOptions,
    config: &Config,
    name: &StackName,
) -> Result<ExitCode, Failure> {
    let lock = lock(context, name, "drift --fix", options.locking).await?;
    let state = context.existing_state(name).await?;
    let cloud = context.connect(&state.region).await?;
    check_place(&cloud.aws, &state).await?;
    let mut writer = lock.begin(state).await?;
    let fixed = fix_with(context, options, config, &cloud, &mut writer).await;
    let written = writer.finish().await.map(drop);
    let code = run::before(context, fixed, &written)?;
    written?;
    Ok(code)
}

async fn fix_with(
    context: &Context,
    options: &DriftOptions,
    config: &Config,
    cloud: &Cloud,
    writer: &mut Writer,
) -> Result<ExitCode, Failure> {
    run::settle(context, &cloud.aws, writer).await?;
    let (aws, ignore) = (&cloud.aws, &config.drift.ignore);
    let seen = Seen::of(aws, config, writer.state()).await?;
    let drift = seen.check(writer.state(), ignore, today());
    let repair = drift::repair(&seen.subject(writer.state()), &drift)
        .map_err(crate::deployment::DrawingError::Obstacles)?;
    if repair.is_empty() {
        show(context, options, (config, writer.state()), &drift);
        show_left(context, &repair);
        return Ok(code(&drift, options));
    }
    let is_settled = options.yes || context.global.local;
    show_repair(context, &repair, is_settled);
    if !is_settled {
        ask::confirm("Put this back? Only `yes` is a yes:", "yes")?;
    }
    take_away(context, cloud, &repair).await?;
    let ending = carry_out(context, cloud, config, &repair, writer).await?;
    let code = run::conclude(context, &ending, "drift --fix");
    if !ending.summary.is_complete() {
        return Ok(run::code(code));
    }
    let left = Seen::of(aws, config, writer.state()).await?;
    let left = left.check(writer.state(), ignore, today());
    if context.global.json {
        let mut event = document(&left);
        event["event"] = "drift".into();
        context.print(&json::line(&event));
    } else {
        show(context, options, (config, writer.state()), &left);
    }
    Ok(self::code(&left, options))
}

/// Takes away what was hung on resources; what could not be is an error once all was tried.
async fn take_away(context: &Context, cloud: &Cloud, repair: &Repair) -> Result<(), Failure> {
    let tell = |removed: &Removed| {
        let text = report::removed(removed, Paint::stderr());
        if context.global.json {
            context.print(&json::line(&report::removed_event(removed)));
        } else {
            context.tell(&text);
        }
    };
    let removed = remove_extras(&cloud.aws, &repair.removals, tell).await;
    match removed.into_iter().find_map(|removed| removed.error) {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// Carries the plan of a repair out.
async fn carry_out(
    context: &Context,
    cloud: &Cloud,
    config: &Config,
    repair: &Repair,
    writer: &mut Writer,
) -> Result<Ending, Failure> {
    let running = Running {
        wait_for_services: true,
        hopeless: Hopeless::GiveUp,
        timeout: None,
        limits: Limits::of(&config.timeouts),
    };
    run::carry_out(context, &cloud.aws, &repair.plan, writer, running).await
}

/// Shows what is to be done, and what can't be.
fn show_repair(context: &Context, repair: &Repair, is_settled: bool) {
    if context.global.json {
        let mut event = json::plan(&repair.plan, Values::Hidden, &[]);
        event["event"] = "plan".into();
        event["removals"] = report::removals_document(repair);
        event["left"] = serde_json::json!(repair.left);
        context.print(&json::line(&event));
        return;
    }
    let drawn = report::draw(repair, Look::stderr(Values::Hidden));
    if is_settled {
        context.tell(&drawn);
    } else {
        failure::write(&drawn);
    }
}

/// Shows what can't be put back, where there is nothing else.
fn show_left(context: &Context, repair: &Repair) {
    if !context.global.json && !repair.left.is_empty() {
        context.tell(&report::left(repair, Look::stderr(Values::Hidden)));
    }
}
