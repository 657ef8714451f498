//! How long is waited, and for what.

use super::Report;
use super::nearest;
use crate::config::model::Config;
use crate::config::timeouts::KINDS;

pub(super) fn check(config: &Config, report: &mut Report<'_>) {
    for kind in config.timeouts.keys() {
        if let Some((message, advice)) = unknown_kind(kind) {
            report.wrong_key("timeouts", kind, message, advice);
        }
    }
}

/// What is wrong with what is to be a kind of resource, and what to do about it.
pub(super) fn unknown_kind(kind: &str) -> Option<(String, String)> {
    if KINDS.contains(&kind) {
        return None;
    }
    let advice = match nearest(kind, KINDS) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("there are {}", KINDS.join(", ")),
    };
    Some((format!("there is no kind of resource `{kind}`"), advice))
}
