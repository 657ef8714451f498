//! Why a deployment failed, and what to do: the most fundamental cause first.

use super::clean;
use super::paint::Paint;
use crate::diagnose::{Finding, Rollout};

/// All findings, numbered if there are several.
pub fn findings(findings: &[Finding], paint: Paint) -> String {
    let numbered = findings.len() > 1;
    let mut text = String::new();
    for (index, finding) in findings.iter().enumerate() {
        let number = if numbered { format!("{}. ", index + 1) } else { String::new() };
        let title = paint.bold(format!("{number}{}", sentence(&finding.title)));
        text.push_str(&format!("\n{title}\n  {}\n", clean(&finding.explanation)));
        for remedy in &finding.remedies {
            text.push_str(&format!("  {} {}\n", paint.cyan("→"), clean(remedy)));
        }
        for said in &finding.evidence {
            text.push_str(&format!("  {} {}\n", paint.dim("|"), paint.dim(clean(said))));
        }
    }
    text
}

/// One line on how far a deployment is: `shop-dev-web:3: 1 of 2 running, 1 starting, 1 healthy`.
pub fn rollout(rollout: &Rollout) -> String {
    let Rollout { revision, desired, pending, running, failed, targets, .. } = rollout;
    let mut parts = vec![format!("{running} of {desired} running")];
    if *pending > 0 {
        parts.push(format!("{pending} starting"));
    }
    if *failed > 0 {
        parts.push(format!("{failed} failed"));
    }
    parts.extend(targets.0.iter().map(|(state, count)| format!("{count} {}", clean(state))));
    format!("{}: {}", clean(revision), parts.join(", "))
}

/// With a capital and a full stop.
fn sentence(title: &str) -> String {
    let title = clean(title);
    let mut letters = title.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    first.chain(letters).collect()
}
