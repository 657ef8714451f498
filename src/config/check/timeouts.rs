//! How long is waited, and for what.

use super::Report;
use super::nearest;
use crate::config::model::Config;
use crate::config::timeouts::KINDS;

pub(super) fn check(config: &Config, report: &mut Report<'_>) {
    for kind in config.timeouts.keys().filter(|kind| !KINDS.contains(&kind.as_str())) {
        let message = format!("there is no kind of resource `{kind}`");
        let advice = match nearest(kind, KINDS) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are {}", KINDS.join(", ")),
        };
        report.wrong_key("timeouts", kind, message, advice);
    }
}
