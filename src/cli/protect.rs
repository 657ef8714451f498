//! `provision unprotect`: lets a protected stack be taken down again.

use std::process::ExitCode;

use clap::Args;

use crate::aws::Tags;
use crate::deployment::check_place;
use crate::execute::{Hopeless, Limits};
use crate::graph::Graph;
use crate::observe::observe;
use crate::plan::Plan;

use super::ask;
use super::context::Context;
use super::failure::Failure;
use super::locking::{Locking, lock};
use super::run::{self, Running};

#[derive(Debug, Args)]
pub struct UnprotectOptions {
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub locking: Locking,
}

pub async fn run(context: &Context, options: &UnprotectOptions) -> Result<ExitCode, Failure> {
    let name = context.stack_name().await?;
    let lock = lock(context, &name, "unprotect", options.locking).await?;
    let mut state = context.existing_state(&name).await?;
    let aws = context.connect(&state.region).await?.aws;
    check_place(&aws, &state).await?;
    let observed = observe(&aws, &Graph::default(), &state, &Tags::new()).await?;
    let plan = Plan::lifting_protection(&state, &observed);
    if !state.protected && plan.is_empty() {
        context.tell("Nothing to do: the stack is not protected.");
        return Ok(ExitCode::SUCCESS);
    }
    if !options.yes && !context.global.local {
        let environment = &state.environment;
        let question = format!("To let it be removed, type the environment's name, {environment}:");
        ask::confirm(&question, environment)?;
    }
    state.protected = false;
    let mut writer = lock.begin(state).await?;
    run::settle(context, &aws, &mut writer).await?;
    let running = Running {
        wait_for_services: false,
        hopeless: Hopeless::WaitOn,
        timeout: None,
        limits: Limits::default(),
    };
    let ending = run::carry_out(context, &aws, &plan, &mut writer, running).await;
    let written = writer.finish().await.map(drop);
    let mut ending = run::before(context, ending, &written)?;
    ending.is_unrecorded = written.is_err();
    let code = run::conclude(context, &ending, "unprotect");
    written?;
    if code == 0 {
        context.tell(
            "The stack is no longer protected. While the file says `protect = true`, the next `up` \
             protects it again.",
        );
    }
    Ok(run::code(code))
}
