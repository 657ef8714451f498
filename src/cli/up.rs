//! `provision up`: makes the stack as it is described.

use std::path::Path;
use std::process::ExitCode;

use crate::config::Config;
use crate::deployment::draw;
use crate::execute::Hopeless;
use crate::execute::schedule::schedule;
use crate::plan::Plan;
use crate::report::human::{self, Values};
use crate::report::{json, status};
use crate::stack::outputs::outputs;
use crate::state::State;
use crate::state::store::{Recorder as _, write_private};

use super::arguments::UpOptions;
use super::ask;
use super::connect::Cloud;
use super::context::{Context, StackName, new_state};
use super::failure::Failure;
use super::locking::lock;
use super::run::{self, Running};

pub async fn run(context: &Context, options: UpOptions) -> Result<ExitCode, Failure> {
    let config = context.config(&options.overriding)?;
    let cloud = context.connect(&config.region).await?;
    let name = StackName { stack: config.name.clone(), environment: config.environment.clone() };
    let lock = lock(context, &name, "up", options.locking).await?;
    let mut state = match context.state(&name)? {
        Some(state) => state,
        None => new_state(&cloud.aws, &config).await?,
    };
    crate::deployment::check_place(&cloud.aws, &state).await?;
    state.protected |= config.protect;
    // Where nothing is recorded, nothing is written before it is known that nothing was lost: an
    // empty state would hide it from `down`.
    let drawn =
        if state.is_blank() { Some(draw(&cloud.aws, &config, &state).await?.plan) } else { None };
    let mut writer = lock.begin(state)?;
    run::settle(context, &cloud.aws, &mut writer).await?;
    let carried = carry_out(context, &options, &config, &cloud, &mut writer, drawn).await;
    let state = writer.state().clone();
    if state.is_blank() {
        writer.retire()?;
    } else {
        writer.finish()?;
    }
    if let Some(code) = carried? {
        return Ok(code);
    }
    say_outputs(context, &state);
    Ok(ExitCode::SUCCESS)
}

/// Plans, shows, asks, and does it. Gives the exit code of a run that was not carried out whole.
async fn carry_out(
    context: &Context,
    options: &UpOptions,
    config: &Config,
    cloud: &Cloud,
    writer: &mut crate::state::store::Writer,
    drawn: Option<Plan>,
) -> Result<Option<ExitCode>, Failure> {
    let plan = match drawn {
        Some(plan) => plan,
        None => draw(&cloud.aws, config, writer.state()).await?.plan,
    };
    if let Some(path) = &options.plan {
        check_saved(path, &plan)?;
    }
    let values = if options.show_values { Values::Shown } else { Values::Hidden };
    if !context.global.json {
        context.tell(&human::plan(&plan, values));
    }
    if writer.state().protected {
        plan.keeps_what_is_protected()?;
    }
    if schedule(&plan).is_empty() {
        return Ok(None);
    }
    let is_settled = options.yes || options.plan.is_some() || context.global.local;
    if !is_settled && !plan.is_empty() {
        ask::confirm("Do this? Only `yes` is a yes:", "yes")?;
    }
    let running = Running {
        wait_for_services: !options.no_wait,
        hopeless: if options.no_early_abort { Hopeless::WaitOn } else { Hopeless::GiveUp },
        timeout: options.timeout,
    };
    let summary = run::carry_out(context, &cloud.aws, &plan, writer, running).await?;
    Ok(run::conclude(context, &summary, "up"))
}

fn say_outputs(context: &Context, state: &State) {
    let outputs = outputs(state);
    if context.global.json {
        context.print(&json::line(&serde_json::json!({"event": "outputs", "outputs": outputs})));
    } else {
        context.print(&status::outputs(&outputs));
    }
}

/// Writes a plan for `up FILE`.
pub fn save(path: &Path, plan: &Plan) -> Result<(), Failure> {
    // It holds what it needs, the values of environment variables among it.
    Ok(write_private(path, json::document(plan).as_bytes())?)
}

/// Compares a saved plan with what would be done now.
fn check_saved(path: &Path, now: &Plan) -> Result<(), Failure> {
    let fault = |source| Failure::SavedPlan { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(fault)?;
    let saved: Plan = serde_json::from_str(&text).map_err(|error| fault(error.into()))?;
    let moved = moved(&saved, now);
    if moved.is_empty() { Ok(()) } else { Err(Failure::Moved { path: path.to_owned(), moved }) }
}

/// What is to be done now and was not when the plan was saved, or the other way round.
fn moved(saved: &Plan, now: &Plan) -> Vec<String> {
    if saved.basis != now.basis {
        return vec!["it was made for another stack, account, region or state".into()];
    }
    let mut moved = Vec::new();
    let then = |address| saved.resources.iter().find(|planned| planned.address == address);
    for planned in &now.resources {
        let then = then(planned.address.clone());
        let same = then.is_some_and(|then| {
            then.action == planned.action
                && then.changes == planned.changes
                && then.desired.as_ref().map(|desired| &desired.spec)
                    == planned.desired.as_ref().map(|desired| &desired.spec)
        });
        if !same {
            let was = then.map_or_else(|| "nothing".to_owned(), |then| word(then.action));
            moved.push(format!("{}: then {was}, now {}", planned.address, word(planned.action)));
        }
    }
    let gone = saved
        .resources
        .iter()
        .filter(|then| !now.resources.iter().any(|planned| planned.address == then.address));
    moved.extend(
        gone.map(|then| format!("{}: then {}, now nothing", then.address, word(then.action))),
    );
    moved
}

fn word(action: crate::plan::Action) -> String {
    format!("{action:?}").to_lowercase()
}
