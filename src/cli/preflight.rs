//! What would end a run halfway, shown before it begins.

use serde_json::{Value, json};

use crate::aws::Aws;
use crate::plan::Plan;
use crate::preflight::first_use::{self, Linked};
use crate::preflight::{Finding, Preflight, look};
use crate::report::json;
use crate::report::preflight::{self as report, Look};

use super::arguments::Global;
use super::context::Context;
use super::failure::Failure;

/// Looks before a run, and shows what was found; gives the roles that it has to make first.
///
/// # Errors
///
/// [`Failure::Preflight`] when the run would fail.
pub async fn check(context: &Context, aws: &Aws, plan: &Plan) -> Result<Vec<Linked>, Failure> {
    let Preflight { findings, missing } = look(aws, plan).await;
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
