//! Who is told of drift, and who looks for it.

use std::time::Duration;

use super::Report;
use super::arn;
use super::timeouts::unknown_kind;
use crate::config::drift::{FROM_ENVIRONMENT, is_webhook};
use crate::config::image::Reference;
use crate::config::model::Config;
use crate::config::when::{When, when};

/// The shortest time from one check in the account to the next: a task takes a minute or two.
const SHORTEST: Duration = Duration::from_mins(5);

pub(super) fn check(config: &Config, report: &mut Report<'_>) {
    check_webhook(config, report);
    check_image(config, report);
    check_ignored(config, report);
    let Some(schedule) = &config.drift.schedule else { return };
    let example = "for example `schedule = \"rate(1 hour)\"`";
    match when(schedule) {
        Err(wrong) => report.wrong(&["drift.schedule"], wrong, example),
        Ok(When::Every(every)) if every < SHORTEST => {
            let wrong = "checks in the account are at least 5 minutes apart";
            report.wrong(&["drift.schedule"], wrong, example);
        }
        Ok(_) => {}
    }
    if config.drift.image.is_none() {
        report.wrong(
            &["drift.schedule"],
            "a check in the account needs an image of provision to run",
            "set `drift.image`",
        );
    }
    if config.state.bucket.is_none() {
        report.wrong(
            &["drift.schedule"],
            "a check in the account can't reach a state that is in a directory",
            "keep it in S3: `[state]` with `bucket = \"…\"`",
        );
    }
    let is_named =
        config.drift.webhook.as_ref().is_some_and(|hook| hook.starts_with(FROM_ENVIRONMENT));
    if is_named && config.drift.webhook_secret.is_none() {
        report.wrong(
            &["drift.webhook"],
            "a check in the account has no such environment variable",
            "set `drift.webhook_secret` to the secret or parameter that holds the address",
        );
    }
}

/// What ignores nothing, by a slip, hides nothing; but whoever wrote it would be told for ever.
fn check_ignored(config: &Config, report: &mut Report<'_>) {
    for (index, ignored) in config.drift.ignore.iter().enumerate() {
        let kind = ignored.address.split('.').next().unwrap_or_default();
        if kind.contains('*') {
            continue;
        }
        if let Some((message, advice)) = unknown_kind(kind) {
            report.wrong(&[&format!("drift.ignore.{index}.address")], message, advice);
        }
    }
}

fn check_image(config: &Config, report: &mut Report<'_>) {
    let Some(image) = &config.drift.image else { return };
    if let Err(why) = image.parse::<Reference>() {
        let message = format!("`{image}` is not a reference to an image: {why}");
        report.wrong(&["drift.image"], message, super::service::IMAGE_ADVICE);
    }
}

fn check_webhook(config: &Config, report: &mut Report<'_>) {
    let secret = config.drift.webhook_secret.as_ref();
    if let Some(complaint) = secret.and_then(|arn| arn::of_secret(arn, &config.region)) {
        let message = format!("the webhook's secret {}", complaint.message);
        report.wrong(&["drift.webhook_secret"], message, complaint.advice);
    }
    let Some(webhook) = &config.drift.webhook else { return };
    match webhook.strip_prefix(FROM_ENVIRONMENT) {
        Some(name) if is_variable(name) => {}
        Some(name) => report.wrong(
            &["drift.webhook"],
            format!("`{name}` is no name of an environment variable"),
            "a name has letters, digits and `_`, such as `env:DRIFT_WEBHOOK`",
        ),
        None if webhook.parse().is_ok_and(|address| is_webhook(&address)) => {}
        None => report.wrong(
            &["drift.webhook"],
            "the webhook is no address that begins with `https://`",
            "write one, or `env:NAME` for one that an environment variable holds",
        ),
    }
}

fn is_variable(name: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let begins_well = !name.is_empty() && !name.starts_with(|first: char| first.is_ascii_digit());
    begins_well && name.chars().all(is_part)
}
