//! How things are shown: their JSON in answers.

mod service;
mod task;

pub(super) use service::{load_balancers, network, platform, revision_summary, service};
pub(super) use task::{digest, task};

use serde_json::{Value, json};

use super::model::{Cluster, Phase, ServiceStatus};
use super::tag::shown;
use crate::simulated_aws::cloud::Cloud;

/// A cluster; some members are shown only on request (aws-behaviour 12.a).
pub(super) fn cluster(cloud: &Cloud, cluster: &Cluster, include: &[&str]) -> Value {
    let tasks = || cloud.ecs.tasks.values().filter(|task| task.cluster == cluster.name);
    let services = cloud.ecs.services.values().filter(|service| {
        service.cluster == cluster.name && service.status == ServiceStatus::Active
    });
    let on_request = |name: &str, value: Value| {
        if include.contains(&name) { value } else { Value::Null }
    };
    let settled = cluster.providers_settled <= cloud.now;
    let attachments_status = if settled { "UPDATE_COMPLETE" } else { "UPDATE_IN_PROGRESS" };
    json!({
        "clusterArn": cloud.arn("ecs", &format!("cluster/{}", cluster.name)),
        "clusterName": cluster.name,
        "status": if cluster.deleted.is_some() { "INACTIVE" } else { "ACTIVE" },
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": tasks().filter(|task| task.phase == Phase::Running).count(),
        "pendingTasksCount": tasks().filter(|task| task.phase < Phase::Running).count(),
        "activeServicesCount": services.count(),
        "statistics": [],
        "tags": on_request("TAGS", shown(&cluster.tags)),
        "settings": on_request(
            "SETTINGS",
            json!([{"name": "containerInsights", "value": cluster.container_insights}]),
        ),
        "configuration": on_request("CONFIGURATIONS", cluster.configuration.clone()),
        "attachments": on_request("ATTACHMENTS", json!([])),
        "attachmentsStatus": on_request("ATTACHMENTS", json!(attachments_status)),
        "capacityProviders": cluster.capacity_providers,
        "defaultCapacityProviderStrategy": cluster.default_strategy,
        "serviceConnectDefaults": cluster.service_connect_defaults,
    })
}
