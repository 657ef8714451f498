//! `provision recover`: writes a lost state anew, from what AWS has of the stack.

use std::process::ExitCode;

use clap::Args;

use crate::aws::Aws;
use crate::config::Config;
use crate::deployment::{check_place, settled};
use crate::recover::recover;
use crate::report::{json, state as drawing};
use crate::state::State;

use super::arguments::Overriding;
use super::ask;
use super::context::{Context, StackName, new_state};
use super::failure::Failure;
use super::locking::{Locking, lock};

#[derive(Debug, Args)]
pub struct RecoverOptions {
    #[command(flatten)]
    pub overriding: Overriding,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub locking: Locking,
}

pub async fn run(context: &Context, options: &RecoverOptions) -> Result<ExitCode, Failure> {
    let config = context.config(&options.overriding)?;
    let name = StackName { stack: config.name.clone(), environment: config.environment.clone() };
    let cloud = context.connect(&config.region).await?;
    let lock = lock(context, &name, "recover", options.locking).await?;
    let (state, is_damaged) = known(context, &cloud.aws, &config, &name).await?;
    check_place(&cloud.aws, &state).await?;
    let state = settled(&cloud.aws, state).await?;
    let recovery = recover(&cloud.aws, &config, state).await?;
    if context.global.json {
        context.print(&json::document(&drawing::recovery_value(&recovery)));
    } else {
        context.tell(&drawing::recovery(&recovery));
    }
    if recovery.found.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    if !options.yes && !context.global.local {
        ask::confirm("Record all of this as the stack's? Only `yes` is a yes:", "yes")?;
    }
    if is_damaged {
        lock.lay_aside().await?;
    }
    lock.begin(recovery.state).await?.finish().await?;
    context.tell("Recorded. `provision plan` shows what `up` would do now.");
    Ok(ExitCode::SUCCESS)
}

/// What is still known of the stack, and whether what is on disk can't be trusted.
async fn known(
    context: &Context,
    aws: &Aws,
    config: &Config,
    name: &StackName,
) -> Result<(State, bool), Failure> {
    match context.state(name).await {
        Ok(Some(state)) => Ok((state, false)),
        Ok(None) => Ok((new_state(aws, config).await?, false)),
        Err(Failure::Store(error)) if error.is_damage() => {
            context.tell(&format!("{error}. It is laid aside, among the kept copies."));
            Ok((new_state(aws, config).await?, true))
        }
        Err(other) => Err(other),
    }
}
