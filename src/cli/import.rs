//! `provision import`: takes an existing resource in, after showing what would change about it.

use std::process::ExitCode;

use clap::Args;

use crate::deployment::{check_place, settled};
use crate::import::import;
use crate::report::human::{self, Look, Values};
use crate::report::{clean, json};
use crate::resource::Address;

use super::arguments::Overriding;
use super::ask;
use super::context::{Context, StackName, new_state};
use super::failure::Failure;
use super::locking::{Locking, lock};
use super::state::address;

#[derive(Debug, Args)]
pub struct ImportOptions {
    /// What it is to be in the stack: `cluster.main`.
    #[arg(value_parser = address)]
    pub address: Address,
    /// What AWS calls it: an id, a name or an ARN.
    pub id: String,
    #[command(flatten)]
    pub overriding: Overriding,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub locking: Locking,
}

pub async fn run(context: &Context, options: &ImportOptions) -> Result<ExitCode, Failure> {
    let config = context.config(&options.overriding)?;
    let name = StackName { stack: config.name.clone(), environment: config.environment.clone() };
    let cloud = context.connect(&config.region).await?;
    let lock = lock(context, &name, "import", options.locking).await?;
    let state = match context.state(&name).await? {
        Some(state) => state,
        None => new_state(&cloud.aws, &config).await?,
    };
    check_place(&cloud.aws, &state).await?;
    let state = settled(&cloud.aws, state).await?;
    let taken = import(&cloud.aws, &config, &state, &options.address, &options.id).await?;
    if context.global.json {
        context.print(&json::document(&json::plan(&taken.plan, Values::Hidden, &[])));
    } else {
        context.tell(&format!("{} would become {}.", clean(&taken.id), options.address));
        context.tell(&human::plan(&taken.plan, Look::stderr(Values::Hidden)));
    }
    context.tell("From then on it is the stack's: `up` changes it, and `down` removes it.");
    if !options.yes && !context.global.local {
        ask::confirm("Take it in? Only `yes` is a yes:", "yes")?;
    }
    lock.begin(taken.state).await?.finish().await?;
    let next = if taken.plan.is_empty() { "" } else { " The next `up` makes those changes." };
    context.tell(&format!("Taken in.{next}"));
    Ok(ExitCode::SUCCESS)
}
