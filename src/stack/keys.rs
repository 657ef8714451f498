//! Where in the file a property of a resource comes from.
//!
//! The rule: this is the description read backwards. A property that no key of the file decides has
//! the table that its resource is there for.

use crate::config::Config;
use crate::resource::{Address, Kind};

/// Stands for the name of the service that the resource belongs to.
const SERVICE: &str = "NAME";
/// Stands for the name of the member that the property ends in.
const MEMBER: &str = "MEMBER";

/// A property, and the key that it comes from.
struct Row {
    kind: Kind,
    /// How the name in the address ends; empty for any.
    ending: &'static str,
    /// The property, or what it is in; empty for all others.
    property: &'static str,
    key: &'static str,
}

const fn row(kind: Kind, property: &'static str, key: &'static str) -> Row {
    Row { kind, ending: "", property, key }
}

const fn only(kind: Kind, ending: &'static str, property: &'static str, key: &'static str) -> Row {
    Row { kind, ending, property, key }
}

const ROWS: &[Row] = &[
    row(Kind::Vpc, "", "network"),
    row(Kind::Vpc, "cidr", "network.cidr"),
    row(Kind::InternetGateway, "", "network"),
    row(Kind::Subnet, "", "network.zones"),
    row(Kind::ElasticIp, "", "network.nat"),
    row(Kind::NatGateway, "", "network.nat"),
    row(Kind::RouteTable, "", "network.nat"),
    row(Kind::SecurityGroup, "", "services.NAME"),
    only(Kind::SecurityGroup, "balancer", "ingress", "services.NAME.ingress"),
    row(Kind::Role, "", "services.NAME"),
    only(Kind::Role, "-task", "managed_policies", "services.NAME.task_policies.managed"),
    only(Kind::Role, "-task", "inline_policies", "services.NAME.task_policies.inline.MEMBER"),
    only(Kind::Role, "-task", "inline_policies[execute-command]", "services.NAME.execute_command"),
    only(Kind::Role, "-execution", "inline_policies", "services.NAME.secrets"),
    row(Kind::LogGroup, "", "services.NAME"),
    row(Kind::LogGroup, "retention_days", "services.NAME.log_retention_days"),
    row(Kind::Cluster, "", "cluster"),
    row(Kind::Cluster, "container_insights", "cluster.container_insights"),
    row(Kind::TaskDefinition, "", "services.NAME"),
    row(Kind::TaskDefinition, "cpu", "services.NAME.cpu"),
    row(Kind::TaskDefinition, "memory_mib", "services.NAME.memory"),
    row(Kind::TaskDefinition, "architecture", "services.NAME.architecture"),
    row(Kind::TaskDefinition, "container.image", "services.NAME.image"),
    row(Kind::TaskDefinition, "container.port", "services.NAME.port"),
    row(Kind::TaskDefinition, "container.environment", "services.NAME.environment.MEMBER"),
    row(Kind::TaskDefinition, "container.secrets", "services.NAME.secrets.MEMBER"),
    row(Kind::TaskDefinition, "container.command", "services.NAME.command"),
    row(Kind::TaskDefinition, "container.user", "services.NAME.user"),
    row(Kind::TaskDefinition, "container.read_only_root", "services.NAME.read_only_root"),
    row(
        Kind::TaskDefinition,
        "container.health_check",
        "services.NAME.container_health_check.MEMBER",
    ),
    row(
        Kind::TaskDefinition,
        "container.stop_timeout_seconds",
        "services.NAME.stop_timeout_seconds",
    ),
    row(Kind::Service, "", "services.NAME"),
    row(Kind::Service, "task_definition", "services.NAME.image"),
    row(Kind::Service, "count", "services.NAME.count"),
    row(Kind::Service, "capacity", "services.NAME.spot"),
    row(Kind::Service, "port", "services.NAME.port"),
    row(Kind::Service, "grace_period_seconds", "services.NAME.grace_period_seconds"),
    row(
        Kind::Service,
        "minimum_healthy_percent",
        "services.NAME.deployment.minimum_healthy_percent",
    ),
    row(Kind::Service, "maximum_percent", "services.NAME.deployment.maximum_percent"),
    row(Kind::Service, "rollback", "services.NAME.deployment.rollback"),
    row(Kind::Service, "execute_command", "services.NAME.execute_command"),
    row(Kind::LoadBalancer, "", "services.NAME"),
    row(Kind::LoadBalancer, "deletion_protection", "protect"),
    row(Kind::TargetGroup, "", "services.NAME"),
    row(Kind::TargetGroup, "health_check", "services.NAME.health_check.MEMBER"),
    row(
        Kind::TargetGroup,
        "deregistration_delay_seconds",
        "services.NAME.deregistration_delay_seconds",
    ),
    row(Kind::Listener, "", "services.NAME"),
    row(Kind::Listener, "port", "services.NAME.listener_port"),
    row(Kind::ScalableTarget, "", "services.NAME.autoscaling"),
    row(Kind::ScalableTarget, "minimum", "services.NAME.autoscaling.min"),
    row(Kind::ScalableTarget, "maximum", "services.NAME.autoscaling.max"),
    row(Kind::ScalingPolicy, "", "services.NAME.autoscaling"),
    only(Kind::ScalingPolicy, "-cpu", "target_value", "services.NAME.autoscaling.cpu"),
    only(Kind::ScalingPolicy, "-memory", "target_value", "services.NAME.autoscaling.memory"),
    only(
        Kind::ScalingPolicy,
        "-requests",
        "target_value",
        "services.NAME.autoscaling.requests_per_target",
    ),
    row(
        Kind::ScalingPolicy,
        "scale_in_cooldown_seconds",
        "services.NAME.autoscaling.scale_in_cooldown_seconds",
    ),
    row(
        Kind::ScalingPolicy,
        "scale_out_cooldown_seconds",
        "services.NAME.autoscaling.scale_out_cooldown_seconds",
    ),
    // What belongs to the check that the account makes by itself.
    row(Kind::Topic, "", "drift"),
    row(Kind::Alarm, "", "drift"),
    row(Kind::Schedule, "", "drift"),
    row(Kind::Schedule, "expression", "drift.schedule"),
    only(Kind::TaskDefinition, "drift", "", "drift"),
    only(Kind::TaskDefinition, "drift", "container.image", "drift.image"),
    only(Kind::SecurityGroup, "drift", "", "drift"),
    only(Kind::LogGroup, "drift", "", "drift"),
    only(Kind::Role, "drift-task", "", "drift"),
    only(Kind::Role, "drift-execution", "", "drift"),
    only(Kind::Role, "drift-schedule", "", "drift"),
];

/// The key of the file, step by step, that a property of a resource comes from, or the nearest
/// table around it. Empty where nothing in the file is about it.
pub fn key_of(address: &Address, property: &str, config: &Config) -> Vec<String> {
    if let Some(tag) = member_of(property, "tags") {
        return vec!["tags".into(), tag.to_owned()];
    }
    let fits = |row: &&Row| {
        row.kind == address.kind()
            && address.name().ends_with(row.ending)
            && rest_of(property, row.property).is_some()
    };
    let Some(row) =
        ROWS.iter().filter(fits).max_by_key(|row| (row.ending.len(), row.property.len()))
    else {
        return vec![];
    };
    let service = service_of(address, config);
    let member = member_of(property, row.property);
    let steps = row.key.split('.').map_while(|step| match step {
        SERVICE => service,
        MEMBER => member,
        step => Some(step),
    });
    steps.map(str::to_owned).collect()
}

/// The service that a resource belongs to: by its name, or since there is only one.
fn service_of<'a>(address: &Address, config: &'a Config) -> Option<&'a str> {
    let own = |name: &&String| {
        let rest = address.name().strip_prefix(name.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let names = || config.services.keys();
    let by_name = names().filter(own).max_by_key(|name| name.len());
    by_name.or_else(|| names().next()).map(String::as_str)
}

/// What of a property lies within `outer`, from its first step on; `None` where it does not.
fn rest_of<'a>(property: &'a str, outer: &str) -> Option<&'a str> {
    let rest = property.strip_prefix(outer)?;
    (outer.is_empty() || rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
}

/// The name of the member of `outer` that a property is, or is in.
fn member_of<'a>(property: &'a str, outer: &str) -> Option<&'a str> {
    let rest = rest_of(property, outer)?;
    match rest.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => rest.strip_prefix('.')?.split(['.', '[']).next(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::config::{Overrides, Source, schema};

    fn config() -> Config {
        let text = "name = 'shop'\nregion = 'eu-west-1'\n[services.web]\nimage = 'nginx'\n";
        let source = Source { path: "provision.toml".into(), text: text.into() };
        let overrides = Overrides { environment: "dev".into(), ..Overrides::default() };
        Config::load(&source, &overrides).unwrap()
    }

    fn key(address: &str, property: &str) -> String {
        key_of(&address.parse().unwrap(), property, &config()).join(".")
    }

    #[test]
    fn a_property_leads_to_its_key() {
        assert_eq!(key("service.web", "count"), "services.web.count");
        assert_eq!(key("security_group.balancer", "ingress[a=1]"), "services.web.ingress");
        assert_eq!(key("security_group.web", "ingress[a=1]"), "services.web");
        assert_eq!(
            key("role.web-task", "inline_policies[q]"),
            "services.web.task_policies.inline.q"
        );
        assert_eq!(key("role.web-execution", "inline_policies[secrets]"), "services.web.secrets");
        let shell = key("role.web-task", "inline_policies[execute-command]");
        assert_eq!(shell, "services.web.execute_command");
        assert_eq!(key("target_group.web", "health_check.path"), "services.web.health_check.path");
        assert_eq!(
            key("task_definition.web", "container.environment[B.C]"),
            "services.web.environment.B.C"
        );
        assert_eq!(key("scaling_policy.web-cpu", "target_value"), "services.web.autoscaling.cpu");
        assert_eq!(key("vpc.main", "tags[team]"), "tags.team");
    }

    #[test]
    fn what_no_key_decides_leads_to_its_table() {
        assert_eq!(key("vpc.main", "guests[eni-1]"), "network");
        assert_eq!(key("listener.http", "target_group"), "services.web");
        assert_eq!(key("service.web", ""), "services.web");
        assert_eq!(key("target_group.web", "health_check"), "services.web.health_check");
    }

    #[test]
    fn every_kind_comes_from_somewhere() {
        let described: BTreeSet<Kind> =
            ROWS.iter().filter(|row| row.property.is_empty()).map(|row| row.kind).collect();
        assert_eq!(described, Kind::ALL.iter().copied().collect());
    }

    #[test]
    fn every_key_is_one_that_the_file_may_have() {
        let schema = schema();
        for row in ROWS {
            assert!(is_known(&schema, row.key), "{}", row.key);
        }
        assert!(!is_known(&schema, "services.NAME.colour"));
    }

    fn is_known(schema: &Value, key: &str) -> bool {
        let mut at = vec![schema];
        for step in key.split('.') {
            at = at.into_iter().flat_map(|one| inner(schema, one, step)).collect();
        }
        !at.is_empty()
    }

    /// What a schema says of one of its keys, or of any that is a name.
    fn inner<'a>(root: &'a Value, schema: &'a Value, step: &str) -> Vec<&'a Value> {
        let mut found = Vec::new();
        let mut open = vec![schema];
        while let Some(schema) = open.pop() {
            if let Some(reference) = schema["$ref"].as_str() {
                open.extend(root.pointer(reference.trim_start_matches('#')));
            }
            for list in ["anyOf", "oneOf", "allOf"] {
                open.extend(schema[list].as_array().into_iter().flatten());
            }
            found.extend(schema["properties"].get(step));
            let is_name = [SERVICE, MEMBER].contains(&step);
            found.extend(schema.get("additionalProperties").filter(|_| is_name));
            let members = schema["properties"].as_object().into_iter().flatten();
            found.extend(members.map(|(_, member)| member).filter(|_| step == MEMBER));
        }
        found
    }
}
