//! The roles of AWS's own services that are made first.

use super::super::evidence::Evidence;
use super::super::finding::{Check, Finding, Weight};
use super::super::first_use::Linked;

pub(super) fn judge(evidence: &Evidence) -> Option<Finding> {
    let missing: Vec<&str> = evidence.missing().map(Linked::role).collect();
    if missing.is_empty() {
        return None;
    }
    Some(Finding::new(
        Weight::Note,
        Check::ServiceLinkedRole,
        "this account uses a service of AWS for the first time",
        format!(
            "`up` first makes {}: AWS's own services work with it, once for the whole account. It \
             costs nothing, and `down` leaves it.",
            missing.join(", ")
        ),
    ))
}
