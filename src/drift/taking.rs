//! What the file would have to say for a property to be what it is in AWS.
//!
//! The rule: a setting is named only where setting it so leaves nothing to do about the property.
//! What the description itself lays down can't be taken into the file.

use serde_json::{Value, json};

use crate::config::Config;
use crate::plan::place::{at, field_of};
use crate::resource::{Address, Kind};
use crate::stack::key_of;

/// A key of the file, and what it would have to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The tables down to the key, and the key.
    pub path: Vec<String>,
    /// What it would have to say; null where it is to be taken out.
    pub value: Value,
}

/// What makes a property of a resource what it is in `live`; `None` where nothing in the file does.
pub fn setting(
    config: &Config,
    address: &Address,
    property: &str,
    live: &Value,
) -> Option<Setting> {
    let path = key_of(address, property, config);
    let is_key = match path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["network" | "cluster" | "drift", ..] => property == "container_insights",
        ["services", _] | ["services", _, "autoscaling"] => false,
        _ => true,
    };
    let value = value(config, address, property, live).filter(|_| is_key)?;
    Some(Setting { path, value })
}

/// The value in the file's words; `None` where the file can't say it.
fn value(config: &Config, address: &Address, property: &str, live: &Value) -> Option<Value> {
    let value = at(live, property);
    match (address.kind(), field_of(property)) {
        (Kind::LogGroup, "retention_days") if value.is_null() => Some(json!("never")),
        (Kind::SecurityGroup, "ingress") => let_in(config, live),
        (Kind::Role, "managed_policies") => Some(live["managed_policies"].clone()),
        // What the secrets are decides what may be read.
        (Kind::Role, "inline_policies") if address.name().ends_with("-execution") => None,
        (Kind::Service, "capacity") => spot(&value),
        // With an autoscaler the count is the autoscaler's.
        (Kind::Service, "count") if is_scaled(config) => None,
        (Kind::Service, "port" | "task_definition") => None,
        _ => Some(value),
    }
}

fn is_scaled(config: &Config) -> bool {
    config.services.values().any(|service| service.autoscaling.is_some())
}

/// Who may reach the load balancer, if all that the group lets in can be said so.
fn let_in(config: &Config, live: &Value) -> Option<Value> {
    let port = config.services.values().next()?.listener_port;
    let block = |rule: &Value| {
        let is_listened_on = rule["from_port"] == port && rule["to_port"] == port;
        let block = rule["peer"]["cidr"].as_str()?;
        let is_reworded = rule["description"] != "Requests to the listener";
        let fits = rule["protocol"] == "tcp" && is_listened_on && !is_reworded;
        fits.then(|| Value::from(block))
    };
    let blocks: Option<Vec<Value>> = live["ingress"].as_array()?.iter().map(block).collect();
    // None at all would be a load balancer for nobody, which the file can't say.
    blocks.filter(|blocks| !blocks.is_empty()).map(Value::from)
}

/// How tasks are shared out, if the file can say it so.
fn spot(capacity: &Value) -> Option<Value> {
    let items = capacity.as_array()?;
    let of = |provider: &str| items.iter().find(|item| item["provider"] == provider);
    match (of("FARGATE"), of("FARGATE_SPOT"), items.len()) {
        (Some(only), None, 1) if only["base"] == 0 && only["weight"] == 1 => Some(json!(false)),
        (Some(demand), Some(spot), 2) if spot["base"] == 0 => Some(json!({
            "base": demand["base"],
            "on_demand_weight": demand["weight"],
            "spot_weight": spot["weight"],
        })),
        _ => None,
    }
}
