//! What could not be looked at.

use std::collections::{BTreeMap, BTreeSet};

use super::super::evidence::{Evidence, Seen, Unseen};
use super::super::finding::{Check, Finding, Weight};

/// What was not seen, by why and by the operation that did not tell.
type Gaps<'e> = BTreeMap<(&'e str, &'e str), BTreeSet<String>>;

pub(super) fn judge(evidence: &Evidence) -> Vec<Finding> {
    let (mut denied, mut other) = (Gaps::new(), Gaps::new());
    for (what, unseen) in gaps(evidence) {
        let gaps = if unseen.is_denied { &mut denied } else { &mut other };
        gaps.entry((unseen.operation, unseen.said.as_str())).or_default().insert(what);
    }
    let denied = (!denied.is_empty()).then(|| note_denied(&denied));
    denied.into_iter().chain((!other.is_empty()).then(|| note_other(&other))).collect()
}

fn gaps(evidence: &Evidence) -> Vec<(String, &Unseen)> {
    fn gap<T>(seen: &Seen<T>) -> Option<&Unseen> {
        seen.as_ref().err()
    }
    let limits = evidence.limits.iter().filter_map(|(scarce, seen)| {
        Some((format!("the quota of {}", scarce.quota().many), gap(seen)?))
    });
    let used = evidence
        .used
        .iter()
        .filter_map(|(scarce, seen)| Some((format!("{} in use", scarce.quota().many), gap(seen)?)));
    let gateways = evidence.gateways.iter();
    let gateways = gateways.filter_map(|seen| Some(("NAT gateways in use".to_owned(), gap(seen)?)));
    let secrets = evidence.secrets.iter();
    let secrets = secrets.filter_map(|(arn, seen)| Some((arn.clone(), gap(seen)?)));
    let linked = evidence.linked.iter();
    let linked = linked.filter_map(|(linked, seen)| Some((linked.role().to_owned(), gap(seen)?)));
    limits.chain(used).chain(gateways).chain(secrets).chain(linked).collect()
}

fn note_denied(gaps: &Gaps<'_>) -> Finding {
    let operations: BTreeSet<String> =
        gaps.keys().map(|(operation, _)| format!("`{operation}`")).collect();
    let operations = operations.into_iter().collect::<Vec<_>>().join(", ");
    let title = "not everything was checked, for lack of permission";
    Finding::new(Weight::Note, Check::Unseen, title, format!("Not seen: {}.", listed(gaps)))
        .remedy(format!("to have it checked, allow {operations}"))
}

fn note_other(gaps: &Gaps<'_>) -> Finding {
    let said: Vec<String> =
        gaps.keys().map(|(operation, said)| format!("{operation}: {said}")).collect();
    let explanation = format!("Not seen: {} ({}).", listed(gaps), said.join("; "));
    let title = "not everything was checked, since AWS did not tell";
    Finding::new(Weight::Note, Check::Unseen, title, explanation)
}

fn listed(gaps: &Gaps<'_>) -> String {
    let whats: BTreeSet<&String> = gaps.values().flatten().collect();
    whats.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
