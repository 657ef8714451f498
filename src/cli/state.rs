//! `provision state`: what is recorded, and the few changes to it that a person may make.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::report::human::Values;
use crate::report::{json, state as drawing};
use crate::resource::Address;
use crate::resource::reference::NotAnAddress;
use crate::state::EditError;

use super::ask;
use super::context::Context;
use super::failure::Failure;
use super::holding::{self, UnlockOptions};
use super::locking::{Locking, lock};
use super::moving::{self, MigrateOptions, PullOptions, PushOptions};
use super::restore::{self, RestoreOptions};

#[derive(Debug, Args)]
pub struct StateOptions {
    #[command(subcommand)]
    pub command: StateCommand,
}

#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// List what is recorded.
    List,
    /// Show all that is recorded of one resource.
    Show(ShowOptions),
    /// Forget a resource: it goes on existing, and is the stack's no more.
    Forget(ForgetOptions),
    /// Move a resource to another address.
    Mv(MvOptions),
    /// Put a damaged state together again, or go back to an earlier one.
    Restore(RestoreOptions),
    /// Show who is at work on the stack.
    Lock,
    /// Take the lock away from whoever has it.
    Unlock(UnlockOptions),
    /// Write the state into a file.
    Pull(PullOptions),
    /// Put a state from a file in its place.
    Push(PushOptions),
    /// Bring the state from another place to where the file says.
    Migrate(MigrateOptions),
}

#[derive(Debug, Args)]
pub struct ShowOptions {
    /// Which resource: `vpc.main`.
    #[arg(value_parser = address)]
    pub address: Address,
    /// Show the values of environment variables.
    #[arg(long)]
    pub show_values: bool,
}

#[derive(Debug, Args)]
pub struct ForgetOptions {
    /// Which resource: `vpc.main`.
    #[arg(value_parser = address)]
    pub address: Address,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub locking: Locking,
}

#[derive(Debug, Args)]
pub struct MvOptions {
    /// From where: `service.app`.
    #[arg(value_parser = address)]
    pub from: Address,
    /// To where, of the same kind.
    #[arg(value_parser = address)]
    pub to: Address,
    #[command(flatten)]
    pub locking: Locking,
}

/// Reads an address.
pub fn address(text: &str) -> Result<Address, NotAnAddress> {
    text.parse()
}

pub async fn run(context: &Context, options: &StateOptions) -> Result<ExitCode, Failure> {
    match &options.command {
        StateCommand::List => list(context).await,
        StateCommand::Show(options) => show(context, options).await,
        StateCommand::Forget(options) => forget(context, options).await,
        StateCommand::Mv(options) => rename(context, options).await,
        StateCommand::Restore(options) => restore::run(context, options).await,
        StateCommand::Lock => holding::show(context).await,
        StateCommand::Unlock(options) => holding::unlock(context, options).await,
        StateCommand::Pull(options) => moving::pull(context, options).await,
        StateCommand::Push(options) => moving::push(context, options).await,
        StateCommand::Migrate(options) => moving::migrate(context, options).await,
    }
}

async fn list(context: &Context) -> Result<ExitCode, Failure> {
    let state = context.existing_state(&context.stack_name().await?).await?;
    let rows = drawing::rows(&state);
    if context.global.json {
        context.print(&json::document(&rows));
    } else {
        context.print(&drawing::list(&rows));
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(context: &Context, options: &ShowOptions) -> Result<ExitCode, Failure> {
    let state = context.existing_state(&context.stack_name().await?).await?;
    let values = if options.show_values { Values::Shown } else { Values::Hidden };
    let shown = drawing::details(&state, &options.address, values);
    let shown = shown.ok_or_else(|| EditError::Unknown {
        address: options.address.clone(),
        known: state.resources.into_keys().collect(),
    })?;
    context.print(&json::document(&shown));
    Ok(ExitCode::SUCCESS)
}

async fn forget(context: &Context, options: &ForgetOptions) -> Result<ExitCode, Failure> {
    let name = context.stack_name().await?;
    let lock = lock(context, &name, "state forget", options.locking).await?;
    let mut state = context.existing_state(&name).await?;
    let forgotten = state.forget(&options.address)?;
    context.tell(&drawing::forgetting(&options.address, &forgotten));
    if !options.yes && !context.global.local {
        ask::confirm("Forget it? Only `yes` is a yes:", "yes")?;
    }
    lock.begin(state).await?.finish().await?;
    Ok(ExitCode::SUCCESS)
}

async fn rename(context: &Context, options: &MvOptions) -> Result<ExitCode, Failure> {
    let name = context.stack_name().await?;
    let lock = lock(context, &name, "state mv", options.locking).await?;
    let mut state = context.existing_state(&name).await?;
    state.rename(&options.from, &options.to)?;
    lock.begin(state).await?.finish().await?;
    context.tell(&format!(
        "{} is now {}. The next `up` gives it the tags of its new address.",
        options.from, options.to
    ));
    Ok(ExitCode::SUCCESS)
}
