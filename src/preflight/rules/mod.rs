//! From evidence to findings: pure functions, one a check.

mod linked;
mod quota;
mod secret;
#[cfg(test)]
mod tests;
mod unseen;

use super::evidence::Evidence;
use super::finding::Finding;
use super::needs::Needs;

/// Everything that speaks against a run, the gravest first, and what is to be known before it.
pub fn judge(needs: &Needs, evidence: &Evidence) -> Vec<Finding> {
    let mut findings = quota::judge(needs, evidence);
    findings.extend(secret::judge(needs, evidence));
    findings.extend(linked::judge(evidence));
    findings.extend(unseen::judge(evidence));
    findings.sort_by_key(|finding| (finding.weight, finding.check));
    findings
}
