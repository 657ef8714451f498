//! Tasks, their containers and network interface.

use serde_json::{Value, json};

use super::super::definition::containers;
use super::super::lookup::definition;
use super::super::model::{Phase, Task, TaskDefinition};
use super::super::tag::shown;
use super::super::timestamp;
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::ec2::interface;

/// A task; tags are shown only on request.
pub(in super::super) fn task(cloud: &Cloud, task: &Task, with_tags: bool) -> Value {
    let moment = |at: Option<Moment>| at.map_or(Value::Null, |at| timestamp(cloud, at));
    let definition = definition(&cloud.ecs, &task.definition);
    let size = |member: &str| definition.and_then(|found| found.document.get(member).cloned());
    let connected = task.phase > Phase::Provisioning;
    let connected_at = task.pull_started.unwrap_or(task.created);
    let mut members = json!({
        "taskArn": task.arn,
        "clusterArn": cloud.arn("ecs", &format!("cluster/{}", task.cluster)),
        "taskDefinitionArn": task.definition,
        "group": task.group,
        "startedBy": task.started_by,
        "launchType": task.launch_type,
        "capacityProviderName": task.capacity_provider,
        "platformVersion": task.platform_version,
        "platformFamily": "Linux",
        "availabilityZone": task.interface.zone,
        "cpu": size("cpu"),
        "memory": size("memory"),
        "lastStatus": task.phase,
        "desiredStatus": if task.phase.is_alive() { "RUNNING" } else { "STOPPED" },
        "healthStatus": task.health,
        "enableExecuteCommand": task.execute_command,
        "overrides": task.overrides,
        "version": 1 + task.phase as u8,
        "createdAt": timestamp(cloud, task.created),
        "pullStartedAt": moment(task.pull_started),
        "pullStoppedAt": moment(task.pull_stopped),
        "startedAt": moment(task.started),
        "stoppingAt": moment(task.stopping),
        "executionStoppedAt": moment(task.execution_stopped),
        "stoppedAt": moment(task.stopped),
        "stopCode": task.stop.as_ref().map(|stop| &stop.code),
        "stoppedReason": task.stop.as_ref().map(|stop| &stop.reason),
        "connectivity": connected.then_some("CONNECTED"),
        "connectivityAt": connected.then(|| timestamp(cloud, connected_at)),
        "ephemeralStorage": {"sizeInGiB": 20},
        "attributes": [{"name": "ecs.cpu-architecture", "value": architecture(definition)}],
    });
    members["attachments"] = json!([attachment(cloud, task)]);
    members["containers"] = match definition {
        Some(definition) => {
            containers(definition).iter().map(|one| container(cloud, task, one)).collect()
        }
        None => json!([]),
    };
    if with_tags {
        members["tags"] = shown(&task.tags);
    }
    members
}

fn architecture(definition: Option<&TaskDefinition>) -> &'static str {
    let platform = definition.and_then(|found| found.document.get("runtimePlatform"));
    match platform.and_then(|platform| platform["cpuArchitecture"].as_str()) {
        Some("ARM64") => "arm64",
        _ => "x86_64",
    }
}

fn attachment(cloud: &Cloud, task: &Task) -> Value {
    let status = match task.phase {
        Phase::Provisioning => "ATTACHING",
        Phase::Stopped => "DELETED",
        _ => "ATTACHED",
    };
    let of = &task.interface;
    let mut details = vec![
        json!({"name": "subnetId", "value": of.subnet}),
        json!({"name": "networkInterfaceId", "value": of.id}),
    ];
    if let Some(interface) = interface::interface(cloud, &of.id) {
        details.push(json!({"name": "macAddress", "value": interface.mac_address}));
    }
    details.push(json!({"name": "privateIPv4Address", "value": of.address}));
    json!({
        "id": of.attachment,
        "type": "ElasticNetworkInterface",
        "status": status,
        "details": details,
    })
}

fn container(cloud: &Cloud, task: &Task, definition: &Value) -> Value {
    let name = definition["name"].as_str().unwrap_or_default();
    let stop = task.stop.as_ref();
    let culprit = stop.is_some_and(|stop| stop.container.as_deref().is_none_or(|c| c == name));
    let ran = task.started.is_some();
    let ended = task.phase >= Phase::Deprovisioning;
    let exit_code = stop.filter(|_| ended && ran).map(|stop| match stop.exit_code {
        Some(code) if culprit => code,
        _ => 0,
    });
    let reason = stop.filter(|_| culprit).and_then(|stop| stop.container_reason.as_ref());
    let checked = definition["healthCheck"].is_object();
    let image = definition["image"].as_str().unwrap_or_default();
    let mebibytes = |member: &str| definition[member].as_i64().map(|number| number.to_string());
    json!({
        "containerArn": cloud.arn("ecs", &format!("container/{}/{}/{name}", task.cluster, task.id)),
        "taskArn": task.arn,
        "name": name,
        "image": definition["image"],
        "imageDigest": task.pull_stopped.map(|_| digest(image)),
        "runtimeId": ran.then(|| format!("{}-{}", task.id, runtime_number(name))),
        "lastStatus": container_status(task),
        "exitCode": exit_code,
        "reason": reason,
        "healthStatus": if checked { json!(task.health) } else { json!("UNKNOWN") },
        "networkBindings": [],
        "networkInterfaces": [{
            "attachmentId": task.interface.attachment,
            "privateIpv4Address": task.interface.address,
        }],
        "cpu": definition["cpu"].to_string(),
        "memory": mebibytes("memory"),
        "memoryReservation": mebibytes("memoryReservation"),
    })
}

fn container_status(task: &Task) -> &'static str {
    match task.phase {
        Phase::Provisioning | Phase::Pending => "PENDING",
        Phase::Running | Phase::Deactivating | Phase::Stopping => "RUNNING",
        Phase::Deprovisioning | Phase::Stopped => "STOPPED",
    }
}

/// A digest that depends on the image's name alone: the same image, the same digest.
pub(in super::super) fn digest(image: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(image.as_bytes());
    let hexadecimal: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", hexadecimal.concat())
}

fn runtime_number(name: &str) -> u32 {
    name.bytes().fold(265_927_825, |number, byte| number.wrapping_mul(31) ^ u32::from(byte))
}
