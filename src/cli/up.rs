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
use crate::state::store::Recorder as _;

use super::arguments::UpOptions;
use super::ask;
use super::connect::{Cloud, holder};
use super::context::{Context, StackName, new_state};
use super::failure::Failure;
use super::run::{self, Running};
use super::verifying;

pub async fn run(context: &Context, options: UpOptions) -> Result<ExitCode, Failure> {
    let config = context.config(&options.overriding)?;
    let cloud = context.connect(&config.region).await?;
    let name = StackName { stack: config.name.clone(), environment: config.environment.clone() };
    let lock = context.store().lock(&name.stack, &name.environment, &holder("up"))?;
    let state = match context.state(&name)? {
        Some(state) => state,
        None => new_state(&cloud.aws, &config).await?,
    };
    crate::deployment::check_place(&cloud.aws, &state).await?;
    let mut writer = lock.begin(state)?;
    run::settle(context, &cloud.aws, &mut writer).await?;
    let carried = carry_out(context, &options, &config, &cloud, &mut writer).await;
    let state = writer.finish()?;
    if let Some(code) = carried? {
        return Ok(code);
    }
    let unanswered = verifying::ask(context, options.following, &cloud, &state).await;
    say_outputs(context, &state);
    Ok(unanswered.unwrap_or(ExitCode::SUCCESS))
}

/// Plans, shows, asks, and does it. Gives the exit code of a run that was not carried out whole.
async fn carry_out(
    context: &Context,
    options: &UpOptions,
    config: &Config,
    cloud: &Cloud,
    writer: &mut crate::state::store::Writer,
) -> Result<Option<ExitCode>, Failure> {
    let drawing = draw(&cloud.aws, config, writer.state()).await?;
    let plan = drawing.plan;
    if let Some(path) = &options.plan {
        check_saved(path, &plan)?;
    }
    let values = if options.show_values { Values::Shown } else { Values::Hidden };
    if !context.global.json {
        context.tell(&human::plan(&plan, values));
    }
    if schedule(&plan).is_empty() {
        return Ok(None);
    }
    let is_settled = options.yes || options.plan.is_some() || context.global.local;
    if !is_settled && !plan.is_empty() {
        ask::confirm("Do this? Only `yes` is a yes:", "yes")?;
    }
    let running = Running {
        wait_for_services: !options.following.no_wait,
        hopeless: if options.following.no_early_abort {
            Hopeless::WaitOn
        } else {
            Hopeless::GiveUp
        },
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
    let fault = |source| Failure::SavedPlan { path: path.to_owned(), source };
    std::fs::write(path, json::document(plan)).map_err(fault)
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
