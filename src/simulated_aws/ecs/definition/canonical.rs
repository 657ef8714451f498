//! The form in which AWS gives a task definition back (aws-behaviour 13.f).

use serde_json::{Map, Value, json};

use super::validate::is_fargate;
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::wire::Parameters;

/// What a request may say of a definition besides family, containers, roles, size and tags.
const MEMBERS: [&str; 10] = [
    "networkMode",
    "requiresCompatibilities",
    "pidMode",
    "ipcMode",
    "proxyConfiguration",
    "inferenceAccelerators",
    "ephemeralStorage",
    "runtimePlatform",
    "enableFaultInjection",
    "placementConstraints",
];

/// The definition's members, with defaults filled in and values rewritten.
pub(super) fn document(cloud: &Cloud, request: Parameters<'_>) -> Map<String, Value> {
    let mut document = Map::new();
    for name in MEMBERS {
        if let Some(value) = request.value(name) {
            document.insert(name.to_owned(), value.clone());
        }
    }
    for role in ["taskRoleArn", "executionRoleArn"] {
        if let Some(name) = request.text(role).filter(|name| !name.is_empty()) {
            document.insert(role.to_owned(), json!(role_arn(cloud, name)));
        }
    }
    if let Some(units) = request.text("cpu").and_then(cpu_units) {
        document.insert("cpu".to_owned(), json!(units.to_string()));
    }
    if let Some(mebibytes) = request.text("memory").and_then(memory_mebibytes) {
        document.insert("memory".to_owned(), json!(mebibytes.to_string()));
    }
    let awsvpc = request.text("networkMode") == Some("awsvpc");
    let given = request.value("containerDefinitions").and_then(Value::as_array);
    let objects = given.into_iter().flatten().filter_map(Value::as_object);
    let containers: Vec<Value> = objects.map(|one| container(one.clone(), awsvpc)).collect();
    document.insert("requiresAttributes".to_owned(), required_attributes(request, &containers));
    document.insert("containerDefinitions".to_owned(), json!(containers));
    document.insert("compatibilities".to_owned(), compatibilities(request));
    document.insert("volumes".to_owned(), request.value("volumes").cloned().unwrap_or(json!([])));
    document.entry("placementConstraints").or_insert_with(|| json!([]));
    document
}

fn compatibilities(request: Parameters<'_>) -> Value {
    let fargate = is_fargate(request);
    if fargate { json!(["EC2", "FARGATE"]) } else { json!(["EC2"]) }
}

fn role_arn(cloud: &Cloud, name_or_arn: &str) -> String {
    if name_or_arn.starts_with("arn:") {
        return name_or_arn.to_owned();
    }
    format!("arn:{}:iam::{ACCOUNT}:role/{name_or_arn}", cloud.partition())
}

/// One container with AWS's defaults; environment and secrets in the order of their names, which
/// is as good as any since AWS promises none.
fn container(mut members: Map<String, Value>, awsvpc: bool) -> Value {
    members.retain(|_, value| !value.is_null() && value.as_array().is_none_or(|a| !a.is_empty()));
    let default = |members: &mut Map<String, Value>, name: &str, value: Value| {
        members.entry(name).or_insert(value);
    };
    default(&mut members, "essential", json!(true));
    default(&mut members, "cpu", json!(0));
    default(&mut members, "versionConsistency", json!("enabled"));
    for list in ["environment", "mountPoints", "volumesFrom", "portMappings", "systemControls"] {
        default(&mut members, list, json!([]));
    }
    for list in ["environment", "secrets"] {
        if let Some(Value::Array(items)) = members.get_mut(list) {
            items.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
        }
    }
    if let Some(Value::Array(mappings)) = members.get_mut("portMappings") {
        for mapping in mappings {
            complete_mapping(mapping, awsvpc);
        }
    }
    if let Some(check) = members.get_mut("healthCheck") {
        for (name, value) in [("interval", 30), ("timeout", 5), ("retries", 3)] {
            fill(check, name, json!(value));
        }
    }
    if let Some(linux) = members.get_mut("linuxParameters") {
        fill(linux, "capabilities", json!({"add": [], "drop": []}));
    }
    Value::Object(members)
}

fn complete_mapping(mapping: &mut Value, awsvpc: bool) {
    fill(mapping, "protocol", json!("tcp"));
    let host = if awsvpc { mapping["containerPort"].clone() } else { json!(0) };
    fill(mapping, "hostPort", host.clone());
    if awsvpc {
        mapping["hostPort"] = host;
    }
}

fn fill(structure: &mut Value, name: &str, value: Value) {
    if structure[name].is_null() {
        structure[name] = value;
    }
}

/// What an agent must be capable of, as AWS derives it from the definition.
fn required_attributes(request: Parameters<'_>, containers: &[Value]) -> Value {
    let any = |of: &dyn Fn(&Value) -> bool| containers.iter().any(of);
    let awslogs = any(&|container| container["logConfiguration"]["logDriver"] == "awslogs");
    let ecr = any(&|container| super::validate::is_ecr(container["image"].as_str().unwrap_or("")));
    let attributes = [
        (true, "com.amazonaws.ecs.capability.docker-remote-api.1.18"),
        (request.text("networkMode") == Some("awsvpc"), "ecs.capability.task-eni"),
        (request.has("taskRoleArn"), "com.amazonaws.ecs.capability.task-iam-role"),
        (awslogs, "com.amazonaws.ecs.capability.logging-driver.awslogs"),
        (awslogs && request.has("executionRoleArn"), "ecs.capability.execution-role-awslogs"),
        (ecr, "com.amazonaws.ecs.capability.ecr-auth"),
        (
            any(&|container| container["healthCheck"].is_object()),
            "ecs.capability.container-health-check",
        ),
        (
            any(&|container| container["secrets"].is_array()),
            "ecs.capability.secrets.asm.environment-variables",
        ),
    ];
    let needed = attributes.into_iter().filter(|(needed, _)| *needed);
    needed.map(|(_, name)| json!({"name": name})).collect()
}

/// `"256"` and `".25 vCPU"` in CPU units.
pub(super) fn cpu_units(text: &str) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    match lower.strip_suffix("vcpu") {
        Some(processors) => scaled(processors),
        None => lower.trim().parse().ok(),
    }
}

/// `"512"` and `"0.5 GB"` in MiB.
pub(super) fn memory_mebibytes(text: &str) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    match lower.strip_suffix("gb") {
        Some(gibibytes) => scaled(gibibytes),
        None => lower.trim().parse().ok(),
    }
}

/// A decimal number times 1024, which both units are worth.
fn scaled(number: &str) -> Option<i64> {
    let number: f64 = number.trim().parse().ok().filter(|n| (0.0..1000.0).contains(n))?;
    #[expect(clippy::cast_possible_truncation, reason = "bounded above, and rounded")]
    let whole = (number * 1024.0).round() as i64;
    Some(whole)
}
