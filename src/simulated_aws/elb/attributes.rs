//! Attributes of load balancers, target groups and listeners: what there is, by default and at all.
//!
//! The values are texts on the wire and here. How an empty value is taken differs by owner
//! (aws-behaviour 25.3).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::wire::{ApiError, Parameters};
use super::validate::{invalid, missing, required};

/// How many attributes one call may set (aws-behaviour 14.a).
const MOST_AT_ONCE: usize = 20;

/// The attributes that one kind of resource has.
pub struct Attributes {
    /// `Load balancer`, as messages begin.
    owner: &'static str,
    /// Whether an empty number or text stands for the default.
    empty_resets: bool,
    known: &'static [Attribute],
}

struct Attribute {
    key: &'static str,
    default: &'static str,
    values: Values,
}

enum Values {
    Flag,
    Number(u64, u64),
    OneOf(&'static [&'static str]),
    /// A number, or the word `off`.
    NumberOrOff(u64, u64),
    Text,
}

impl Values {
    fn allow(&self, value: &str) -> bool {
        let within = |first: u64, last: u64| {
            value.parse::<u64>().is_ok_and(|number| (first..=last).contains(&number))
        };
        match *self {
            Self::Flag => value == "true" || value == "false",
            Self::OneOf(words) => words.contains(&value),
            Self::Number(first, last) => within(first, last),
            Self::NumberOrOff(first, last) => value == "off" || within(first, last),
            Self::Text => value.len() <= 1024,
        }
    }

    fn rule(&self) -> String {
        match self {
            Self::Flag => "must be 'true' or 'false'".to_owned(),
            Self::OneOf(words) => format!("must be one of '{}'", words.join("', '")),
            Self::Number(first, last) => format!("must be between '{first}' and '{last}'"),
            Self::NumberOrOff(first, last) => {
                format!("must be 'off' or between '{first}' and '{last}'")
            }
            Self::Text => "must not be longer than '1024' characters".to_owned(),
        }
    }

    /// Whether an empty value can reset it; words are asked for even then.
    fn may_be_empty(&self) -> bool {
        matches!(self, Self::Number(..) | Self::NumberOrOff(..) | Self::Text)
    }
}

impl Attributes {
    /// What a new resource has.
    pub fn defaults(&self) -> BTreeMap<String, String> {
        let pairs = self.known.iter();
        pairs.map(|known| (known.key.to_owned(), known.default.to_owned())).collect()
    }

    /// `present` with a request's attributes in their place. One that is wrong fails all.
    pub fn merged(
        &self,
        present: &BTreeMap<String, String>,
        request: Parameters<'_>,
    ) -> Result<BTreeMap<String, String>, ApiError> {
        let mut seen = BTreeSet::new();
        let mut merged = present.clone();
        for attribute in request.structures("Attributes") {
            let key = required(attribute, "Key")?;
            let value = attribute.text("Value").unwrap_or_default();
            merged.insert(key.to_owned(), self.accepted(key, value)?);
            if !seen.insert(key) {
                return Err(invalid(format!("Attribute key '{key}' is specified more than once")));
            }
        }
        match seen.len() {
            0 => Err(missing("Attributes")),
            count if count > MOST_AT_ONCE => {
                Err(invalid(format!("At most {MOST_AT_ONCE} attributes can be modified at once")))
            }
            _ => Ok(merged),
        }
    }

    fn accepted(&self, key: &str, value: &str) -> Result<String, ApiError> {
        let owner = self.owner;
        let known =
            self.known.iter().find(|known| known.key == key).ok_or_else(|| {
                invalid(format!("{owner} attribute key '{key}' is not recognized"))
            })?;
        if value.is_empty() && self.empty_resets && known.values.may_be_empty() {
            return Ok(known.default.to_owned());
        }
        if !known.values.allow(value) || (value.is_empty() && !self.empty_resets) {
            return Err(invalid(format!(
                "{owner} attribute '{key}' value '{value}' is not valid: it {}",
                known.values.rule()
            )));
        }
        Ok(value.to_owned())
    }
}

/// The answer that shows attributes.
pub fn shown(attributes: &BTreeMap<String, String>) -> Value {
    let pairs = attributes.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
    json!({"Attributes": pairs.collect::<Vec<_>>()})
}

const fn flag(key: &'static str, default: &'static str) -> Attribute {
    Attribute { key, default, values: Values::Flag }
}

const fn number(key: &'static str, default: &'static str, first: u64, last: u64) -> Attribute {
    Attribute { key, default, values: Values::Number(first, last) }
}

const fn one_of(
    key: &'static str,
    default: &'static str,
    words: &'static [&'static str],
) -> Attribute {
    Attribute { key, default, values: Values::OneOf(words) }
}

const fn text(key: &'static str) -> Attribute {
    Attribute { key, default: "", values: Values::Text }
}

const fn count_or_off(key: &'static str, default: &'static str, last: u64) -> Attribute {
    Attribute { key, default, values: Values::NumberOrOff(1, last) }
}

/// Those of an application load balancer (aws-behaviour 14.f).
pub const LOAD_BALANCER: Attributes = Attributes {
    owner: "Load balancer",
    empty_resets: true,
    known: &[
        flag("access_logs.s3.enabled", "false"),
        text("access_logs.s3.bucket"),
        text("access_logs.s3.prefix"),
        number("client_keep_alive.seconds", "3600", 60, 604_800),
        flag("connection_logs.s3.enabled", "false"),
        text("connection_logs.s3.bucket"),
        text("connection_logs.s3.prefix"),
        flag(DELETION_PROTECTION, "false"),
        number("idle_timeout.timeout_seconds", "60", 1, 4000),
        flag("ipv6.deny_all_igw_traffic", "false"),
        one_of("load_balancing.cross_zone.enabled", "true", &["true"]),
        one_of(
            "routing.http.desync_mitigation_mode",
            "defensive",
            &["monitor", "defensive", "strictest"],
        ),
        flag("routing.http.drop_invalid_header_fields.enabled", "false"),
        flag("routing.http.preserve_host_header.enabled", "false"),
        flag("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false"),
        flag("routing.http.xff_client_port.enabled", "false"),
        one_of(
            "routing.http.xff_header_processing.mode",
            "append",
            &["append", "preserve", "remove"],
        ),
        flag("routing.http2.enabled", "true"),
        flag("waf.fail_open.enabled", "false"),
        flag("zonal_shift.config.enabled", "false"),
    ],
};

/// The attribute that keeps a load balancer from being deleted.
pub const DELETION_PROTECTION: &str = "deletion_protection.enabled";

/// Those of a target group (aws-behaviour 15.f).
pub const TARGET_GROUP: Attributes = Attributes {
    owner: "Target group",
    empty_resets: false,
    known: &[
        number("deregistration_delay.timeout_seconds", "300", 0, 3600),
        one_of(
            "load_balancing.algorithm.type",
            "round_robin",
            &["round_robin", "least_outstanding_requests", "weighted_random"],
        ),
        one_of("load_balancing.algorithm.anomaly_mitigation", "off", &["on", "off"]),
        one_of(
            "load_balancing.cross_zone.enabled",
            "use_load_balancer_configuration",
            &["true", "false", "use_load_balancer_configuration"],
        ),
        number("slow_start.duration_seconds", "0", 0, 900),
        flag("stickiness.enabled", "false"),
        one_of("stickiness.type", "lb_cookie", &["lb_cookie", "app_cookie"]),
        number("stickiness.lb_cookie.duration_seconds", "86400", 1, 604_800),
        number("stickiness.app_cookie.duration_seconds", "86400", 1, 604_800),
        text("stickiness.app_cookie.cookie_name"),
        count_or_off("target_group_health.dns_failover.minimum_healthy_targets.count", "1", 1000),
        count_or_off(
            "target_group_health.dns_failover.minimum_healthy_targets.percentage",
            "off",
            100,
        ),
        number(
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
            "1",
            1,
            1000,
        ),
        count_or_off(
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
            "off",
            100,
        ),
    ],
};

/// Those of a listener of an application load balancer.
pub const LISTENER: Attributes = Attributes {
    owner: "Listener",
    empty_resets: true,
    known: &[
        flag("routing.http.response.server.enabled", "true"),
        text("routing.http.response.strict_transport_security.header_value"),
        text("routing.http.response.access_control_allow_origin.header_value"),
        text("routing.http.response.access_control_allow_methods.header_value"),
        text("routing.http.response.access_control_allow_headers.header_value"),
        text("routing.http.response.access_control_allow_credentials.header_value"),
        text("routing.http.response.access_control_expose_headers.header_value"),
        text("routing.http.response.access_control_max_age.header_value"),
        text("routing.http.response.content_security_policy.header_value"),
        text("routing.http.response.x_content_type_options.header_value"),
        text("routing.http.response.x_frame_options.header_value"),
    ],
};
