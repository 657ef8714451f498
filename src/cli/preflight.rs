//! What would end a run halfway, shown before it begins.

use serde_json::{Value, json};

use crate::aws::Aws;
use crate::config::Config;
use crate::deployment::{self, Drawing, DrawingError};
use crate::plan::{Plan, PlanError};
use crate::preflight::first_use::{self, Linked};
use crate::preflight::{Finding, Preflight, Weight, look};
use crate::report::json;
use crate::report::preflight::{self as report, Look};

use crate::state::State;

use super::arguments::Global;
use super::context::Context;
use super::failure::Failure;

/// Draws up what `up` does, as [`or_what_else`] tells it.
pub async fn draw(
    context: &Context,
    aws: &Aws,
    config: &Config,
    state: &State,
) -> Result<Drawing, Failure> {
    let drawn = deployment::draw(aws, config, state).await;
    or_what_else(context, aws, config, state, drawn).await
}

/// What was drawn up. Where it was not since names are taken, what else would fail is shown as
/// well, so that all of it is known at once.
///
/// # Errors
///
/// [`Failure::Drawing`].
pub async fn or_what_else(
    context: &Context,
    aws: &Aws,
    config: &Config,
    state: &State,
    drawn: Result<Drawing, DrawingError>,
) -> Result<Drawing, Failure> {
    let error = match drawn {
        Err(error) => error,
        Ok(drawing) => return Ok(drawing),
    };
    let is_taken = |obstacle: &PlanError| matches!(obstacle, PlanError::Foreign { .. });
    if let DrawingError::Obstacles(obstacles) = &error
        && obstacles.iter().any(is_taken)
    {
        let plan = deployment::draw_regardless(aws, config, state).await?;
        let mut findings = look(aws, &plan).await.findings;
        findings.retain(|finding| finding.weight < Weight::Note);
        tell(context, &findings);
    }
    Err(error.into())
}

/// Looks before a run, and shows what was found; gives the roles that it has to make first.
///
/// # Errors
///
/// [`Failure::Preflight`] when the run would fail.
pub async fn check(context: &Context, aws: &Aws, plan: &Plan) -> Result<Vec<Linked>, Failure> {
    let Preflight { findings, missing } = look(aws, plan).await;
    tracing::info!(findings = findings.len(), "looked for what would end the run halfway");
    if context.global.json && !findings.is_empty() {
        context.print(&json::line(&json!({ "event": "preflight", "findings": findings })));
    }
    if findings.iter().any(Finding::is_certain) {
        return Err(Failure::Preflight(findings));
    }
    tell(context, &findings);
    Ok(missing)
}

/// Makes the roles that AWS's own services want, and tells which could not be made.
pub async fn make_first(context: &Context, aws: &Aws, missing: &[Linked]) {
    let findings = first_use::make(aws, missing).await;
    if context.global.json && !findings.is_empty() {
        context.print(&json::line(&json!({ "event": "preflight", "findings": findings })));
    }
    tell(context, &findings);
}

/// What `plan` shows of a look: that `up` would refuse, above all.
pub fn show(context: &Context, preflight: &Preflight) {
    tell(context, &preflight.findings);
    if preflight.is_certain_to_fail() {
        context.tell("`up` will refuse this: it would end halfway.");
    }
}

/// The findings as a member of a plan in JSON.
pub fn document(preflight: &Preflight) -> Value {
    json!(preflight.findings)
}

fn tell(context: &Context, findings: &[Finding]) {
    let Global { json, .. } = context.global;
    if !json && !findings.is_empty() {
        context.tell(&report::findings(findings, Look::stderr()));
    }
}
