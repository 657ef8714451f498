//! What an account holds, counted: whatever is alive, and nothing that is merely still listed.

use serde_json::{Map, Value, json};

/// The counts of all collections of all rooms, by path; empty ones are left out.
pub fn of(cloud: &Value) -> Value {
    let mut counts = Map::new();
    for room in
        ["ec2", "iam", "logs", "elb", "ecs", "autoscaling", "scheduler", "sns", "cloudwatch"]
    {
        for (name, collection) in cloud[room].as_object().into_iter().flatten() {
            let count = alive(name, collection);
            if count > 0 {
                counts.insert(format!("{room}.{name}"), json!(count));
            }
        }
    }
    Value::Object(counts)
}

fn alive(collection: &str, members: &Value) -> usize {
    match collection {
        // Of tags, tokens and settings there is nothing to count.
        "tags" | "tokens" | "quotas" | "lines" | "account_settings" | "workloads" | "attempts"
        | "metrics" => 0,
        "families" => revisions(members),
        "roles" => count(members, &|role| {
            !role["path"].as_str().unwrap_or_default().starts_with("/aws-service-role/")
        }),
        _ => count(members, &|member| !is_gone(member)),
    }
}

/// How many revisions could be run.
fn revisions(families: &Value) -> usize {
    let families = families.as_object().into_iter().flat_map(Map::values);
    families
        .map(|family| count(&family["revisions"], &|revision| revision["status"] == "ACTIVE"))
        .sum()
}

fn count(members: &Value, counts: &dyn Fn(&Value) -> bool) -> usize {
    match members {
        Value::Object(members) => members.values().filter(|member| counts(member)).count(),
        Value::Array(members) => members.iter().filter(|member| counts(member)).count(),
        _ => 0,
    }
}

fn is_gone(member: &Value) -> bool {
    let says = |key: &str| {
        let said = member[key].to_string().to_lowercase();
        ["deleted", "inactive", "stopped", "failed"].iter().any(|gone| said.contains(gone))
    };
    says("phase") || says("status") || says("last_status") || member["deleted"].is_u64()
}
