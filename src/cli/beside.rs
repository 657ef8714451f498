//! Looking at a stack while somebody may be at work on it.
//!
//! The rule: looking takes no lock and changes nothing, so what was read may have moved on before
//! the next thing is read. What only looks lost or interrupted because of that is looked at again.

use std::time::Duration;

use crate::aws::Aws;
use crate::config::Config;
use crate::deployment::{Drawing, DrawingError, draw, settled};
use crate::plan::PlanError;
use crate::state::State;
use crate::state::store::StoreError;

use super::context::{Context, StackName, new_state};
use super::failure::Failure;
use super::outside::Deciding;
use super::preflight::or_what_else;

/// How often a plan is drawn up anew while the state moves on, and after what pause.
const LOOKS: u32 = 20;
const PAUSE: Duration = Duration::from_secs(1);

/// Tells who is at work on a stack, if anybody is; whether anybody is.
pub async fn tell_who_is_at_work(context: &Context, name: &StackName) -> Result<bool, Failure> {
    let holder = context.store().await?.at_work(&name.stack, &name.environment).await?;
    if let Some(holder) = &holder {
        context.tell(&format!("{holder} is at work on this stack: this is how it is for now."));
    }
    Ok(holder.is_some())
}

/// Draws up what makes AWS as it is declared, from the state as it is at one moment.
pub async fn draw_up(
    context: &Context,
    aws: &Aws,
    config: &Config,
    name: &StackName,
    deciding: Deciding,
) -> Result<(State, Drawing), Failure> {
    let mut is_told = false;
    for _ in 0..LOOKS {
        let recorded = context.state(name).await?;
        let state = match recorded.clone() {
            Some(state) => state,
            None => new_state(aws, config).await?,
        };
        if !is_told {
            tell(context, name, &state).await?;
            is_told = true;
        }
        let (state, _) = deciding.revoked(&settled(aws, state).await?);
        match draw(aws, config, &state).await {
            // What is made while a plan is drawn up is found, and was not recorded when it began.
            Err(DrawingError::Obstacles(found))
                if looks_lost(&found) && has_moved(context, name, recorded.as_ref()).await? =>
            {
                aws.pace().sleep(PAUSE).await;
            }
            drawn => {
                let drawing = or_what_else(context, aws, config, &state, drawn).await?;
                return Ok((state, drawing));
            }
        }
    }
    let holder = context.store().await?.at_work(&name.stack, &name.environment).await?;
    Err(StoreError::Held { holder }.into())
}

/// Tells who is at work, or that a run was cut off.
async fn tell(context: &Context, name: &StackName, state: &State) -> Result<(), Failure> {
    if !tell_who_is_at_work(context, name).await? && !state.in_doubt.is_empty() {
        context.tell("A run was interrupted: the plan reckons with what became of it.");
    }
    Ok(())
}

fn looks_lost(obstacles: &[PlanError]) -> bool {
    obstacles.iter().any(|obstacle| matches!(obstacle, PlanError::LostState { .. }))
}

/// Whether somebody has written the state since it was read, or is about to.
async fn has_moved(
    context: &Context,
    name: &StackName,
    recorded: Option<&State>,
) -> Result<bool, Failure> {
    let is_at_work =
        context.store().await?.at_work(&name.stack, &name.environment).await?.is_some();
    Ok(is_at_work || context.state(name).await?.as_ref() != recorded)
}
