//! `provision down`: removes everything that the stack has made, from its state alone.

use std::process::ExitCode;

use crate::aftermath;
use crate::deployment::{check_place, draw_removal};
use crate::execute::{Hopeless, Limits};
use crate::plan::Plan;
use crate::report::ending::Ending;
use crate::report::human::{self, Look, Values};
use crate::report::json;
use crate::state::store::{Recorder as _, Writer};

use super::arguments::{DownOptions, Overriding};
use super::ask;
use super::connect::Cloud;
use super::context::Context;
use super::failure::{self, Failure};
use super::locking::lock;
use super::run::{self, Running};

/// By what it is known that a stack is being taken down, where it is said who is at work.
pub const COMMAND: &str = "down";

pub async fn run(context: &Context, options: &DownOptions) -> Result<ExitCode, Failure> {
    let name = context.stack_name().await?;
    if context.state(&name).await?.is_none() {
        if let Some(copy) = context.store().await?.lost(&name.stack, &name.environment).await? {
            return Err(Failure::LostState { name, copy });
        }
        context.tell(&format!(
            "Nothing to do: there is no state of {}-{} in {}.",
            name.stack,
            name.environment,
            context.store().await?
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let lock = lock(context, &name, COMMAND, options.locking).await?;
    let state = context.existing_state(&name).await?;
    if state.protected {
        return Err(Failure::KeptFromRemoval { environment: state.environment });
    }
    let cloud = context.connect(&state.region).await?;
    check_place(&cloud.aws, &state).await?;
    let mut writer = lock.begin(state).await?;
    run::settle(context, &cloud.aws, &mut writer).await?;
    let was_empty = writer.state().is_empty();
    let ending = carry_out(context, options, &cloud, &mut writer).await;
    let is_gone = writer.state().is_empty();
    let written = if is_gone { writer.retire().await } else { writer.finish().await.map(drop) };
    let mut ending = run::before(context, ending, &written)?;
    ending.is_unrecorded = written.is_err();
    let code = run::conclude(context, &ending, "down");
    written?;
    if was_empty {
        context.tell("If AWS has any of the stack, `provision recover` finds it.");
    } else if is_gone {
        context.tell("Nothing of the stack is left.");
    }
    Ok(run::code(code))
}

async fn carry_out(
    context: &Context,
    options: &DownOptions,
    cloud: &Cloud,
    writer: &mut Writer,
) -> Result<Ending, Failure> {
    let plan = draw_removal(&cloud.aws, writer.state()).await?.plan;
    let is_settled = options.yes || context.global.local || plan.is_empty();
    show(context, &plan, is_settled);
    if !is_settled {
        let environment = writer.state().environment.clone();
        let question =
            format!("To remove all of this, type the environment's name, {environment}:");
        ask::confirm(&question, &environment)?;
    }
    let running = Running {
        wait_for_services: true,
        hopeless: Hopeless::WaitOn,
        timeout: options.timeout,
        limits: limits(context)?,
    };
    let ending = run::carry_out(context, &cloud.aws, &plan, writer, running).await?;
    if !ending.summary.is_complete() {
        return Ok(ending);
    }
    let left = aftermath::clear(&cloud.aws, &plan).await?;
    if left.is_empty() { Ok(ending) } else { Err(Failure::LeftBehind(left)) }
}

/// The waits that the file sets, where it is the file that says which stack is meant.
fn limits(context: &Context) -> Result<Limits, Failure> {
    if context.global.stack.is_some() || !context.global.file.exists() {
        return Ok(Limits::default());
    }
    Ok(Limits::of(&context.config(&Overriding::default())?.timeouts))
}

/// Shows what goes: always where somebody is to be asked about it.
fn show(context: &Context, plan: &Plan, is_settled: bool) {
    if context.global.json {
        let mut event = json::plan(plan, Values::Hidden, &[]);
        event["event"] = "plan".into();
        context.print(&json::line(&event));
        return;
    }
    let drawn = human::removal(plan, Look::stderr(Values::Hidden));
    if is_settled {
        context.tell(&drawn);
    } else {
        failure::write(&drawn);
    }
}
