//! How long what AWS does is waited for, by kind.

use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The kinds of resources, as addresses spell them.
pub const KINDS: [&str; 20] = [
    "vpc",
    "internet_gateway",
    "subnet",
    "elastic_ip",
    "nat_gateway",
    "route_table",
    "security_group",
    "role",
    "log_group",
    "cluster",
    "task_definition",
    "load_balancer",
    "target_group",
    "listener",
    "service",
    "scalable_target",
    "scaling_policy",
    "topic",
    "alarm",
    "schedule",
];

/// The longest wait that can be set: whatever takes longer never ends.
const LONGEST: Duration = Duration::from_hours(24);

/// How long resources of one kind are waited for, where it is other than usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timeout {
    /// The longest wait until one works that was made or changed, such as `"45m"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Wait")]
    pub ready: Option<Wait>,
    /// The longest wait until one is gone that is removed, and until nothing uses it any more that
    /// keeps it from going.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Wait")]
    pub gone: Option<Wait>,
}

/// A length of time: `"90s"`, `"20m"`, `"1h"`, or a number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub Duration);

/// Reads `90s`, `20m`, `1h` or a number of seconds.
///
/// # Errors
///
/// What is wrong with it, in words.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|last: char| last.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| format!("`{text}` is not a duration like 20m"))?;
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        other => return Err(format!("`{other}` is not a unit of time: use s, m or h")),
    };
    Ok(Duration::from_secs(number.saturating_mul(unit)))
}

fn bounded(wait: Duration) -> Result<Wait, String> {
    if wait.is_zero() || wait > LONGEST {
        return Err("a wait is from 1s to 24h\nleave the key out for the usual one".into());
    }
    Ok(Wait(wait))
}

impl Serialize for Wait {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{}s", self.0.as_secs()))
    }
}

impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(WaitVisitor)
    }
}

impl JsonSchema for Wait {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Wait".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let seconds = LONGEST.as_secs();
        json_schema!({ "anyOf": [
            { "type": "string", "pattern": "^[0-9]+[smh]?$" },
            { "type": "integer", "minimum": 1, "maximum": seconds },
        ] })
    }
}

struct WaitVisitor;

impl Visitor<'_> for WaitVisitor {
    type Value = Wait;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a length of time such as \"20m\"")
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Wait, E> {
        let seconds = u64::try_from(seconds).unwrap_or_default();
        bounded(Duration::from_secs(seconds)).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Wait, E> {
        duration(text).and_then(bounded).map_err(E::custom)
    }
}
