//! What a check for drift is not to tell.

use std::fmt;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// The name by which a TOML date is asked for: it is no text, and is taken for none elsewhere.
pub(super) const DATE: &str = "a TOML date";

/// What a check for drift tells, and what it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Drift {
    /// What is not told as drift, and only counted.
    pub ignore: Vec<Ignore>,
    /// Where changes in drift are posted to: an address such as `https://example.com/hook`, or
    /// `env:NAME` for one that an environment variable holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// In which form: `json`, `slack`, or `teams`.
    pub webhook_format: WebhookFormat,
    /// The secret or parameter from which a check in the account has the address that
    /// `env:NAME` stands for: its ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_secret: Option<String>,
    /// How often the stack is checked from within its own account: `rate(1 hour)`,
    /// `cron(0 6 * * ? *)` or `at(2027-01-31T06:00:00)`, in UTC. Not at all, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// The image of provision with which checks are made elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// The form of what is posted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WebhookFormat {
    /// A document for programs.
    #[default]
    Json,
    /// What an incoming webhook of Slack takes.
    Slack,
    /// What a workflow of Teams takes.
    Teams,
}

/// What stands before the name of an environment variable that holds the webhook's address.
pub const FROM_ENVIRONMENT: &str = "env:";

/// Whether news may be posted to an address: what goes over the network is encrypted.
pub fn is_webhook(address: &http::Uri) -> bool {
    match (address.scheme_str(), address.host()) {
        (Some("https"), Some(_)) => true,
        (Some("http"), Some(host)) => matches!(host, "localhost" | "127.0.0.1" | "[::1]"),
        _ => false,
    }
}

/// Differences that are known, and not to be told as drift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ignore {
    /// Of which resources: an address such as `security_group.app`, where `*` stands for anything.
    pub address: String,
    /// Which properties of them, such as `ingress[*`; all, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// The last day on which they are ignored, such as `2027-01-31`; for good, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "date")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub until: Option<Date>,
    /// Why, for whoever reads it later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A day, as TOML writes it or as text.
fn date<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Date>, D::Error> {
    from.deserialize_newtype_struct(DATE, Day).map(Some)
}

struct Day;

impl<'de> Visitor<'de> for Day {
    type Value = Date;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a date such as 2027-01-31")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Date, E> {
        text.parse().map_err(|_| {
            E::custom(format!("`{text}` is not a day\nwrite year, month and day: 2027-01-31"))
        })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Date, D::Error> {
        from.deserialize_str(self)
    }
}
