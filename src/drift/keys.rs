//! The way back: which keys of the file make a property what it is in AWS.
//!
//! The rule: a key is named only where setting it so makes a plan with nothing to do about the
//! property. What the description itself lays down has no key.

use serde_json::{Value, json};

use crate::config::Config;
use crate::plan::place::{at, field_of, steps};
use crate::resource::{Address, Kind};
use crate::state::TAGS;

/// A key of the file, and what it would have to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The tables down to the key, and the key.
    pub path: Vec<String>,
    /// What it would have to say; null where it is to be taken out.
    pub value: Value,
}

/// The key that makes a property of a resource what it is in `live`; `None` where there is none.
pub fn setting(
    config: &Config,
    address: &Address,
    property: &str,
    live: &Value,
) -> Option<Setting> {
    let service = config.services.keys().next()?;
    if field_of(property) == TAGS {
        let key = steps(property).pop()?;
        return Some(Setting { path: vec![TAGS.into(), key], value: at(live, property) });
    }
    let (path, value) = match address.kind() {
        Kind::Cluster if property == "container_insights" => {
            return Some(under(&["cluster"], property, at(live, property)));
        }
        Kind::LoadBalancer if property == "deletion_protection" => {
            return Some(under(&[], "protect", at(live, property)));
        }
        Kind::LogGroup if property == "retention_days" => {
            let days = at(live, property);
            (vec!["log_retention_days"], if days.is_null() { json!("never") } else { days })
        }
        Kind::TargetGroup => (target_group(property)?, at(live, property)),
        Kind::Listener if property == "port" => (vec!["listener_port"], at(live, property)),
        Kind::SecurityGroup => (vec!["ingress"], let_in(config, address, property, live)?),
        Kind::Role => return policies(service, address, property, live),
        Kind::TaskDefinition => return task(service, property, live),
        Kind::Service => of_service(config, property, live)?,
        Kind::ScalableTarget if property == "minimum" => {
            (vec!["autoscaling", "min"], at(live, property))
        }
        Kind::ScalableTarget if property == "maximum" => {
            (vec!["autoscaling", "max"], at(live, property))
        }
        Kind::ScalingPolicy => (scaling(address, property)?, at(live, property)),
        _ => return None,
    };
    Some(of(service, &path, value))
}

fn under(tables: &[&str], key: &str, value: Value) -> Setting {
    let path = tables.iter().chain([&key]).map(|step| (*step).to_owned()).collect();
    Setting { path, value }
}

fn of(service: &str, path: &[&str], value: Value) -> Setting {
    let path = ["services", service].into_iter().chain(path.iter().copied());
    Setting { path: path.map(str::to_owned).collect(), value }
}

fn target_group(property: &str) -> Option<Vec<&str>> {
    match property.split_once('.') {
        Some(("health_check", key)) => Some(vec!["health_check", key]),
        None if property == "deregistration_delay_seconds" => Some(vec![property]),
        _ => None,
    }
}

/// Who may reach the load balancer, if all that the group lets in can be said so.
fn let_in(config: &Config, address: &Address, property: &str, live: &Value) -> Option<Value> {
    let port = config.services.values().next()?.listener_port;
    if address.name() != "balancer" || field_of(property) != "ingress" {
        return None;
    }
    let rules = live["ingress"].as_array()?;
    let block = |rule: &Value| {
        let is_listened_on = rule["from_port"] == port && rule["to_port"] == port;
        let block = rule["peer"]["cidr"].as_str()?;
        (rule["protocol"] == "tcp" && is_listened_on).then(|| Value::from(block))
    };
    // None at all would be no load balancer for anybody, which the file can't say.
    let blocks: Option<Vec<Value>> = rules.iter().map(block).collect();
    blocks.filter(|blocks| !blocks.is_empty()).map(Value::from)
}

fn policies(service: &str, address: &Address, property: &str, live: &Value) -> Option<Setting> {
    if address.name() != format!("{service}-task") {
        return None;
    }
    match field_of(property) {
        "managed_policies" => {
            Some(of(service, &["task_policies", "managed"], live["managed_policies"].clone()))
        }
        "inline_policies" => {
            let name = steps(property).into_iter().nth(1)?;
            let path = ["task_policies", "inline", name.as_str()];
            Some(of(service, &path, at(live, property)))
        }
        _ => None,
    }
}

fn task(service: &str, property: &str, live: &Value) -> Option<Setting> {
    let steps = steps(property);
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    let path = match steps[..] {
        ["memory_mib"] => vec!["memory"],
        ["cpu" | "architecture"] => vec![steps[0]],
        ["container", "image" | "port" | "read_only_root" | "user" | "command"] => vec![steps[1]],
        ["container", "stop_timeout_seconds"] => vec![steps[1]],
        ["container", "environment" | "secrets", variable] => vec![steps[1], variable],
        ["container", "health_check"] => vec!["container_health_check"],
        ["container", "health_check", key] => vec!["container_health_check", key],
        _ => return None,
    };
    Some(of(service, &path, at(live, property)))
}

fn of_service<'a>(
    config: &Config,
    property: &'a str,
    live: &Value,
) -> Option<(Vec<&'a str>, Value)> {
    let value = at(live, property);
    match property {
        // Within the autoscaler's bounds the count is the autoscaler's.
        "count" => value.is_u64().then_some(())?,
        "minimum_healthy_percent" | "maximum_percent" | "rollback" => {
            return Some((vec!["deployment", property], value));
        }
        "grace_period_seconds" | "execute_command" => {}
        "capacity" => return Some((vec!["spot"], spot(&value)?)),
        _ => return None,
    }
    let is_scaled = config.services.values().any(|service| service.autoscaling.is_some());
    (property != "count" || !is_scaled).then(|| (vec![property], value))
}

/// How tasks are shared out, if the file can say it so.
fn spot(capacity: &Value) -> Option<Value> {
    let items = capacity.as_array()?;
    let of = |provider: &str| items.iter().find(|item| item["provider"] == provider);
    match (of("FARGATE"), of("FARGATE_SPOT"), items.len()) {
        (Some(only), None, 1) => (only["base"] == 0 && only["weight"] == 1).then(|| json!(false)),
        (Some(demand), Some(spot), 2) if spot["base"] == 0 => Some(json!({
            "base": demand["base"],
            "on_demand_weight": demand["weight"],
            "spot_weight": spot["weight"],
        })),
        _ => None,
    }
}

fn scaling<'a>(address: &Address, property: &'a str) -> Option<Vec<&'a str>> {
    let metric = match address.name().rsplit_once('-')?.1 {
        "cpu" => "cpu",
        "memory" => "memory",
        "requests" => "requests_per_target",
        _ => return None,
    };
    match property {
        "target_value" => Some(vec!["autoscaling", metric]),
        "scale_in_cooldown_seconds" | "scale_out_cooldown_seconds" => {
            Some(vec!["autoscaling", property])
        }
        _ => None,
    }
}
