//! `provision status`: every resource as AWS has it now, and how the service runs.

use std::process::ExitCode;

use clap::Args;

use crate::deployment::{check_place, settled};
use crate::graph::Graph;
use crate::observe::observe;
use crate::report::human::{Look, Values};
use crate::report::{json, status};
use crate::survey::survey;

use super::beside::tell_who_is_at_work;
use super::context::Context;
use super::failure::Failure;

#[derive(Debug, Args)]
pub struct StatusOptions {
    /// Every stack that has a state here, in a line each.
    #[arg(long, conflicts_with = "stack")]
    pub all: bool,
}

pub async fn run(context: &Context, options: &StatusOptions) -> Result<ExitCode, Failure> {
    if options.all {
        return super::fleet::status(context).await;
    }
    let name = context.stack_name().await?;
    let state = context.existing_state(&name).await?;
    let cloud = context.connect(&state.region).await?;
    check_place(&cloud.aws, &state).await?;
    // What somebody works on right now is not in doubt.
    let is_at_work = tell_who_is_at_work(context, &name).await?;
    let in_doubt = state.in_doubt.keys().filter(|_| !is_at_work).cloned().collect();
    let state = settled(&cloud.aws, state).await?;
    let observed = observe(&cloud.aws, &Graph::default(), &state, &crate::aws::Tags::new()).await?;
    let mut survey = survey(&cloud.aws, &state, &observed).await?;
    survey.in_doubt = in_doubt;
    if context.global.json {
        context.print(&json::document(&survey));
    } else {
        context.print(&status::draw(&survey, Look::stdout(Values::Hidden)));
    }
    Ok(ExitCode::SUCCESS)
}
