//! Who is told of drift.

use super::Report;
use crate::config::drift::FROM_ENVIRONMENT;
use crate::config::model::Config;

/// The beginnings of an address: what goes over the network is encrypted.
const SCHEMES: [&str; 3] = ["https://", "http://127.0.0.1", "http://localhost"];

pub(super) fn check(config: &Config, report: &mut Report<'_>) {
    let Some(webhook) = &config.drift.webhook else { return };
    match webhook.strip_prefix(FROM_ENVIRONMENT) {
        Some(name) if is_variable(name) => {}
        Some(name) => report.wrong(
            &["drift.webhook"],
            format!("`{name}` is no name of an environment variable"),
            "a name has letters, digits and `_`, such as `env:DRIFT_WEBHOOK`",
        ),
        None if SCHEMES.iter().any(|scheme| webhook.starts_with(scheme)) => {}
        None => report.wrong(
            &["drift.webhook"],
            "the webhook is no address that begins with `https://`",
            "write one, or `env:NAME` for one that an environment variable holds",
        ),
    }
}

fn is_variable(name: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.chars().all(is_part)
}
