//! What would end a run halfway, looked for before its first change.
//!
//! [`Needs`] is what a plan is about to take from the account; [`collect`] asks AWS how that
//! stands, and decides nothing; [`rules`] turn what it brings into [`Finding`]s, and ask nobody.
//! [`first_use`] makes what AWS wants once in every account.
//!
//! The rule: a plan that makes nothing costs no call, nothing here reads a secret's value, and what
//! can't be read is said and stops nothing.

pub mod collect;
pub mod evidence;
pub mod finding;
pub mod first_use;
pub mod needs;
pub mod quota;
pub mod rules;

pub use evidence::Evidence;
pub use finding::{Check, Finding, Weight};
pub use needs::Needs;

use crate::aws::Aws;
use crate::plan::Plan;
use first_use::Linked;

/// What a look before a run has brought.
#[derive(Clone, Debug, Default)]
pub struct Preflight {
    /// Everything that speaks against the run, the gravest first, and what is to be known.
    pub findings: Vec<Finding>,
    /// The roles of AWS's own services that are to be made first.
    pub missing: Vec<Linked>,
}

/// Looks at what speaks against carrying a plan out.
///
/// It does not fail: what AWS does not tell is a finding of its own.
pub async fn look(aws: &Aws, plan: &Plan) -> Preflight {
    let needs = Needs::of(plan);
    if needs.is_empty() {
        return Preflight::default();
    }
    let evidence = collect::collect(aws, &needs).await;
    let findings = rules::judge(&needs, &evidence);
    Preflight { findings, missing: evidence.missing().collect() }
}

impl Preflight {
    /// Whether the run would fail.
    pub fn is_certain_to_fail(&self) -> bool {
        self.findings.iter().any(Finding::is_certain)
    }
}
