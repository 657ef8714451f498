//! What is most worth knowing of a resource that is to be made, in a few words.

use serde_json::Value;

use super::board::short;
use super::clean;
use super::words::{rule, words};
use crate::resource::Kind;
use crate::resource::value::bounds_of;

/// The few words for a spec; empty where there is nothing to say.
pub fn brief(kind: Kind, spec: &Value) -> String {
    let field = |name: &str| word(&spec[name]);
    let text = match kind {
        Kind::Vpc => field("cidr"),
        Kind::Subnet => format!("{} in {}", field("cidr"), field("zone")),
        Kind::RouteTable => routes(&spec["routes"]),
        Kind::NatGateway => format!("in {}", field("subnet")),
        Kind::SecurityGroup => items(&spec["ingress"], rule),
        Kind::Role => permissions(spec),
        Kind::LogGroup => retention(&spec["retention_days"]),
        Kind::Cluster => format!("container insights {}", field("container_insights")),
        Kind::TaskDefinition => task_definition(spec),
        Kind::LoadBalancer => format!("in {}", items(&spec["subnets"], word)),
        Kind::TargetGroup => format!(
            "port {}, health check on {} every {} s",
            field("port"),
            word(&spec["health_check"]["path"]),
            word(&spec["health_check"]["interval_seconds"])
        ),
        Kind::Listener => format!("port {} to {}", field("port"), field("target_group")),
        Kind::Service => tasks(&spec["count"], &field("task_definition")),
        Kind::ScalableTarget => format!("{} to {} tasks", field("minimum"), field("maximum")),
        Kind::ScalingPolicy => {
            format!("{} near {}", metric(&spec["metric"]), field("target_value"))
        }
        Kind::Topic => field("display_name"),
        Kind::Alarm => format!("on {}", word(&spec["metric"]["name"])),
        Kind::Schedule => format!("{} starts {}", field("expression"), field("task_definition")),
        Kind::InternetGateway | Kind::ElasticIp => String::new(),
    };
    clean(&text).into_owned()
}

/// A value in a word: what it refers to, where that is not known yet.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => short(text),
        Value::Null => "?".into(),
        other => words(other),
    }
}

/// `2 tasks of task_definition.app`, or how many there may be.
fn tasks(count: &Value, definition: &str) -> String {
    match bounds_of(count) {
        Some((least, most)) => {
            format!("{least} to {most} tasks of {definition}, {} at first", count["initial"])
        }
        None if count == 1 => format!("1 task of {definition}"),
        None => format!("{} tasks of {definition}", word(count)),
    }
}

fn items(value: &Value, word: impl Fn(&Value) -> String) -> String {
    let items: Vec<String> = value.as_array().into_iter().flatten().map(word).collect();
    items.join(", ")
}

fn routes(routes: &Value) -> String {
    let routes = routes.as_object().into_iter().flatten().map(|(to, via)| {
        let via: Vec<String> =
            via.as_object().into_iter().flatten().map(|(_, via)| word(via)).collect();
        format!("{to} to {}", via.join(", "))
    });
    routes.collect::<Vec<_>>().join(", ")
}

fn permissions(role: &Value) -> String {
    let managed = role["managed_policies"].as_array().into_iter().flatten();
    let managed = managed.map(|arn| {
        let arn = word(arn);
        arn.rsplit('/').next().unwrap_or_default().to_owned()
    });
    let inline = role["inline_policies"].as_object().into_iter().flatten();
    let all: Vec<String> = managed.chain(inline.map(|(name, _)| name.clone())).collect();
    if all.is_empty() { "no permissions".into() } else { all.join(", ") }
}

fn retention(days: &Value) -> String {
    match days {
        Value::Null => "kept for ever".into(),
        days => format!("kept {days} days"),
    }
}

/// `cpu`, or `requests per target`.
fn metric(metric: &Value) -> String {
    let name = metric.as_object().and_then(|object| object.keys().next().cloned());
    name.unwrap_or_else(|| word(metric)).replace('_', " ")
}

fn task_definition(spec: &Value) -> String {
    format!(
        "{}, {} CPU units, {} MiB",
        word(&spec["container"]["image"]),
        word(&spec["cpu"]),
        word(&spec["memory_mib"])
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_known_yet_is_named_by_its_address() {
        let spec = json!({"port": 80, "target_group": {"$output": "target_group.app:arn"}});
        assert_eq!(brief(Kind::Listener, &spec), "port 80 to target_group.app");
    }

    #[test]
    fn a_scaled_service_says_how_many_tasks_it_may_have() {
        let count = json!({"initial": 3, "minimum": 2, "maximum": 6});
        let spec =
            json!({"count": count, "task_definition": {"$output": "task_definition.app:arn"}});
        let words = brief(Kind::Service, &spec);
        assert_eq!(words, "2 to 6 tasks of task_definition.app, 3 at first");
        let spec = json!({"metric": "cpu", "target_value": 60.0});
        assert_eq!(brief(Kind::ScalingPolicy, &spec), "cpu near 60");
    }

    #[test]
    fn a_group_says_what_it_lets_in() {
        let any = json!({"peer": {"cidr": "0.0.0.0/0"}, "protocol": "all"});
        let http = json!({
            "from_port": 80, "peer": {"cidr": "0.0.0.0/0"}, "protocol": "tcp", "to_port": 80,
        });
        let words = brief(Kind::SecurityGroup, &json!({"ingress": [any, http]}));
        assert_eq!(words, "all from 0.0.0.0/0, tcp 80 from 0.0.0.0/0");
    }

    #[test]
    fn a_role_without_policies_has_no_permissions() {
        let spec = json!({"managed_policies": [], "inline_policies": {}});
        assert_eq!(brief(Kind::Role, &spec), "no permissions");
    }
}
