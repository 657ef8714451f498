//! `provision down`: removes everything that the stack has made, from its state alone.

use std::process::ExitCode;

use crate::aftermath;
use crate::deployment::{check_place, draw_removal};
use crate::execute::Hopeless;
use crate::report::human::{self, Values};
use crate::state::store::{Recorder as _, Writer};

use super::arguments::DownOptions;
use super::ask;
use super::connect::Cloud;
use super::context::Context;
use super::failure::Failure;
use super::locking::lock;
use super::run::{self, Running};

pub async fn run(context: &Context, options: &DownOptions) -> Result<ExitCode, Failure> {
    let name = context.stack_name()?;
    if context.state(&name)?.is_none() {
        if let Some(copy) = context.store().lost(&name.stack, &name.environment) {
            return Err(Failure::LostState { name, copy });
        }
        context.tell(&format!(
            "Nothing to do: there is no state of {}-{} in {}.",
            name.stack,
            name.environment,
            context.state_directory().display()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let lock = lock(context, &name, "down", options.locking).await?;
    let state = context.existing_state(&name)?;
    if state.protected {
        return Err(Failure::KeptFromRemoval { environment: state.environment });
    }
    let cloud = context.connect(&state.region).await?;
    check_place(&cloud.aws, &state).await?;
    let mut writer = lock.begin(state)?;
    run::settle(context, &cloud.aws, &mut writer).await?;
    let carried = carry_out(context, options, &cloud, &mut writer).await;
    if writer.state().is_empty() {
        writer.retire()?;
        context.tell("Nothing of the stack is left.");
    } else {
        writer.finish()?;
    }
    Ok(carried?.unwrap_or(ExitCode::SUCCESS))
}

async fn carry_out(
    context: &Context,
    options: &DownOptions,
    cloud: &Cloud,
    writer: &mut Writer,
) -> Result<Option<ExitCode>, Failure> {
    let plan = draw_removal(&cloud.aws, writer.state()).await?.plan;
    if !context.global.json {
        context.tell(&human::plan(&plan, Values::Hidden));
    }
    if !options.yes && !context.global.local && !plan.is_empty() {
        let environment = writer.state().environment.clone();
        let question =
            format!("To remove all of this, type the environment's name, {environment}:");
        ask::confirm(&question, &environment)?;
    }
    let running =
        Running { wait_for_services: true, hopeless: Hopeless::WaitOn, timeout: options.timeout };
    let summary = run::carry_out(context, &cloud.aws, &plan, writer, running).await?;
    if let Some(code) = run::conclude(context, &summary, "down") {
        return Ok(Some(code));
    }
    let left = aftermath::clear(&cloud.aws, &plan).await?;
    if left.is_empty() {
        return Ok(None);
    }
    Err(Failure::LeftBehind(left))
}
