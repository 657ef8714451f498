//! `provision state restore`: puts a damaged state together again, or goes back to an earlier one.

use std::process::ExitCode;

use clap::Args;

use crate::report::state as drawing;

use super::ask;
use super::context::Context;
use super::failure::Failure;
use super::locking::{Locking, lock};

#[derive(Debug, Args)]
pub struct RestoreOptions {
    /// Which of the kept copies; without it, the best that can be had of a damaged state.
    #[arg(value_name = "SERIAL")]
    pub serial: Option<u64>,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub locking: Locking,
}

pub async fn run(context: &Context, options: &RestoreOptions) -> Result<ExitCode, Failure> {
    let name = context.stack_name().await?;
    let store = context.store().await?;
    let lock = lock(context, &name, "state restore", options.locking).await?;
    let is_sound = match context.state(&name).await {
        Ok(state) => state.is_some(),
        Err(Failure::Store(error)) if error.is_damage() => false,
        Err(other) => return Err(other),
    };
    if options.serial.is_none() && is_sound {
        let copies = store.copies(&name.stack, &name.environment).await?;
        context.tell(&drawing::sound(&copies));
        return Ok(ExitCode::SUCCESS);
    }
    let salvage = store.salvage(&name.stack, &name.environment, options.serial).await?;
    context.tell(&drawing::salvage(&salvage));
    if !options.yes && !context.global.local {
        ask::confirm("Restore it? Only `yes` is a yes:", "yes")?;
    }
    lock.lay_aside().await?;
    let state = lock.begin(salvage.into_state()).await?.finish().await?;
    context.tell(&format!("Restored, as serial {}.", state.serial));
    Ok(ExitCode::SUCCESS)
}
