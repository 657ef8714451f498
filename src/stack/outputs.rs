//! What a stack has to say about itself: addresses, names and ids, from its state alone.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::resource::{Address, Kind};
use crate::state::State;

/// The outputs by name. What does not exist yet is left out.
pub fn outputs(state: &State) -> BTreeMap<String, Value> {
    let mut outputs = BTreeMap::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            outputs.insert(name.to_owned(), value);
        }
    };
    let dns_name = first(state, Kind::LoadBalancer, "dns_name");
    let port = applied(state, Kind::Listener, "port").and_then(|port| port.as_u64());
    put("url", dns_name.as_ref().and_then(Value::as_str).map(|name| url(name, port)));
    put("alb_dns_name", dns_name);
    put("alb_arn", first(state, Kind::LoadBalancer, "arn"));
    put("alb_zone_id", first(state, Kind::LoadBalancer, "zone_id"));
    put("target_group_arn", first(state, Kind::TargetGroup, "arn"));
    put("listener_arn", first(state, Kind::Listener, "arn"));
    put("cluster_name", first(state, Kind::Cluster, "name"));
    put("cluster_arn", first(state, Kind::Cluster, "arn"));
    put("service_name", first(state, Kind::Service, "name"));
    put("service_arn", first(state, Kind::Service, "arn"));
    put("task_definition_arn", first(state, Kind::TaskDefinition, "arn"));
    put("log_group", first(state, Kind::LogGroup, "name"));
    put("vpc_id", first(state, Kind::Vpc, "id"));
    put("public_subnet_ids", all(state, Kind::Subnet, "public-", "id"));
    put("private_subnet_ids", all(state, Kind::Subnet, "private-", "id"));
    put("nat_addresses", all(state, Kind::ElasticIp, "", "address"));
    put("balancer_security_group_id", named(state, Kind::SecurityGroup, "balancer", "id"));
    put("service_security_group_id", other(state, Kind::SecurityGroup, "balancer", "id"));
    put("execution_role_arn", ending(state, Kind::Role, "-execution", "arn"));
    put("task_role_arn", ending(state, Kind::Role, "-task", "arn"));
    put("drift_topic_arn", named(state, Kind::Topic, "drift", "arn"));
    put("region", Some(json!(state.region)));
    put("account", Some(json!(state.account)));
    outputs
}

fn url(dns_name: &str, port: Option<u64>) -> Value {
    match port {
        None | Some(80) => json!(format!("http://{dns_name}")),
        Some(port) => json!(format!("http://{dns_name}:{port}")),
    }
}

fn matching<'a>(
    state: &'a State,
    kind: Kind,
    is_meant: impl Fn(&Address) -> bool + 'a,
    output: &'a str,
) -> impl Iterator<Item = Value> + 'a {
    let records = state.resources.iter();
    let records = records.filter(move |(address, _)| address.kind() == kind && is_meant(address));
    records.filter_map(move |(_, record)| record.outputs.get(output).cloned())
}

fn first(state: &State, kind: Kind, output: &str) -> Option<Value> {
    matching(state, kind, |_| true, output).next()
}

fn named(state: &State, kind: Kind, name: &str, output: &str) -> Option<Value> {
    matching(state, kind, |address| address.name() == name, output).next()
}

fn other(state: &State, kind: Kind, name: &str, output: &str) -> Option<Value> {
    matching(state, kind, |address| address.name() != name, output).next()
}

fn ending(state: &State, kind: Kind, ending: &str, output: &str) -> Option<Value> {
    matching(state, kind, |address| address.name().ends_with(ending), output).next()
}

fn all(state: &State, kind: Kind, beginning: &str, output: &str) -> Option<Value> {
    let found: Vec<Value> =
        matching(state, kind, |address| address.name().starts_with(beginning), output).collect();
    (!found.is_empty()).then(|| found.into())
}

fn applied(state: &State, kind: Kind, field: &str) -> Option<Value> {
    let mut records = state.resources.iter();
    let (_, record) = records.find(|(address, _)| address.kind() == kind)?;
    record.applied.get(field).cloned()
}
