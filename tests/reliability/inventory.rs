//! What an account holds that costs or stands in the way: one line each, without ids.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

/// How many of each: kind, and the address that it carries as a tag.
pub type Inventory = BTreeMap<String, usize>;

/// Lists everything in every service, but for what is only a memory: gateways that are deleted and
/// still shown, inactive clusters, services and revisions, tasks that have stopped.
pub fn inventory(cloud: &impl Serialize) -> Inventory {
    let cloud = serde_json::to_value(cloud).unwrap();
    let mut found = Inventory::new();
    for (room, kind, gone) in KINDS {
        let tags = match *room {
            "ec2" | "elb" => &cloud[room]["tags"],
            _ => &Value::Null,
        };
        for (id, one) in members(&cloud[room][kind]) {
            if !gone.iter().any(|(member, value)| matches(&one[*member], value)) {
                count(&mut found, kind, if tags.is_null() { &one["tags"] } else { &tags[id] });
            }
        }
    }
    for family in members(&cloud["ecs"]["families"]).map(|(_, family)| family) {
        for (_, revision) in
            members(&family["revisions"]).filter(|(_, one)| one["status"] == "ACTIVE")
        {
            count(&mut found, "revisions", &revision["tags"]);
        }
    }
    for (_, target) in members(&cloud["autoscaling"]["targets"]) {
        for _ in members(&target["policies"]) {
            count(&mut found, "policies", &Value::Null);
        }
    }
    found
}

/// Members, and the values that mark what is only a memory.
type Marks = &'static [(&'static str, &'static str)];

/// What is there more or less often than it should be, in one line.
pub fn difference(wanted: &Inventory, found: &Inventory) -> String {
    let count = |inventory: &Inventory, key: &str| inventory.get(key).copied().unwrap_or_default();
    let keys: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
    let differing = keys.into_iter().filter(|key| count(wanted, key) != count(found, key));
    let lines = differing.map(|key| {
        format!("{key}: {} where there should be {}", count(found, key), count(wanted, key))
    });
    lines.collect::<Vec<_>>().join("; ")
}

/// Where each kind is kept, and by which members it is known to be only a memory.
const KINDS: &[(&str, &str, Marks)] = &[
    ("ec2", "vpcs", &[]),
    ("ec2", "internet_gateways", &[]),
    ("ec2", "subnets", &[]),
    ("ec2", "addresses", &[]),
    ("ec2", "nat_gateways", &[("phase", "Deleted")]),
    ("ec2", "route_tables", &[]),
    ("ec2", "groups", &[]),
    ("ec2", "rules", &[]),
    ("ec2", "interfaces", &[]),
    ("elb", "load_balancers", &[]),
    ("elb", "target_groups", &[]),
    ("elb", "listeners", &[]),
    ("ecs", "clusters", &[("deleted", "*")]),
    ("ecs", "services", &[("status", "INACTIVE")]),
    ("ecs", "tasks", &[("phase", "STOPPED"), ("phase", "Stopped")]),
    ("logs", "groups", &[]),
    ("iam", "roles", &[]),
    ("autoscaling", "targets", &[]),
    ("sns", "topics", &[]),
    ("cloudwatch", "alarms", &[]),
    ("scheduler", "schedules", &[]),
];

/// Whether a member is, or is a variant named, `value`; `*` for any.
fn matches(member: &Value, value: &str) -> bool {
    if value == "*" {
        !member.is_null()
    } else {
        *member == json!(value) || !member[value].is_null()
    }
}

fn count(found: &mut Inventory, kind: &str, tags: &Value) {
    let address = tags["provision:address"].as_str().unwrap_or("-");
    *found.entry(format!("{kind} {address}")).or_default() += 1;
}

fn members(all: &Value) -> impl Iterator<Item = (&String, &Value)> {
    all.as_object().into_iter().flatten()
}
