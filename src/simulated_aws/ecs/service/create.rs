//! `CreateService` and what it refuses (aws-behaviour 17.b, 17.c).

use std::collections::VecDeque;

use serde_json::{Map, Value};

use super::super::cluster::check_name;
use super::super::error::{cluster_not_found, invalid};
use super::super::lookup::{active_cluster, required, service_key};
use super::super::model::{Service, ServiceStatus};
use super::super::scheduler;
use super::super::tag::{check_tags, tags_of};
use super::template::new_template;
use super::{answer_with, options};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// The members that make one creation differ from another; the token is not among them.
const MEMBERS: [&str; 21] = [
    "cluster",
    "serviceName",
    "taskDefinition",
    "availabilityZoneRebalancing",
    "loadBalancers",
    "serviceRegistries",
    "desiredCount",
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "role",
    "deploymentConfiguration",
    "networkConfiguration",
    "healthCheckGracePeriodSeconds",
    "schedulingStrategy",
    "deploymentController",
    "tags",
    "enableECSManagedTags",
    "propagateTags",
    "enableExecuteCommand",
    "serviceConnectConfiguration",
];

pub(in super::super) fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let cluster = active_cluster(cloud, request)?.name.clone();
    let name = required(request, "serviceName")?;
    check_name("Service name", name)?;
    check_token(request)?;
    check_tags(request)?;
    let key = service_key(&cluster, name);
    if stands_already(cloud, &key, request)? {
        return answer_with(cloud, &key);
    }
    let service = new_service(cloud, &cluster, name, request)?;
    cloud.ecs.services.insert(key.clone(), service);
    scheduler::begin(cloud, &key)?;
    answer_with(cloud, &key)
}

fn check_token(request: Parameters<'_>) -> Result<(), ApiError> {
    let Some(token) = request.text("clientToken") else { return Ok(()) };
    if token.is_empty() || token.len() > 36 || !token.bytes().all(|byte| (33..=126).contains(&byte))
    {
        return Err(invalid("clientToken must be 1 to 36 visible ASCII characters."));
    }
    Ok(())
}

/// Whether the request repeats the one that made the service of that name.
///
/// # Errors
///
/// When there is another service of that name, or one that is still draining.
fn stands_already(cloud: &Cloud, key: &str, request: Parameters<'_>) -> Result<bool, ApiError> {
    let Some(standing) = cloud.ecs.services.get(key) else { return Ok(false) };
    match standing.status {
        ServiceStatus::Inactive => Ok(false),
        ServiceStatus::Draining => {
            Err(invalid("Unable to Start a service that is still Draining."))
        }
        ServiceStatus::Active => {
            let token = request.text("clientToken").map(str::to_owned);
            if standing.request == remembered(request) && standing.client_token == token {
                return Ok(true);
            }
            Err(invalid("Creation of service was not idempotent."))
        }
    }
}

fn remembered(request: Parameters<'_>) -> Value {
    let given = MEMBERS.iter().filter_map(|name| Some((name, request.value(name)?)));
    let members: Map<String, Value> =
        given.map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Value::Object(members)
}

fn new_service(
    cloud: &Cloud,
    cluster: &str,
    name: &str,
    request: Parameters<'_>,
) -> Result<Service, ApiError> {
    check_kind(request)?;
    let standing = cloud.ecs.clusters.get(cluster).ok_or_else(cluster_not_found)?;
    let template = new_template(cloud, standing, request)?;
    let mut chosen = options::defaults();
    options::change(&mut chosen, request)?;
    check_grace(template.load_balancers.is_empty(), chosen.health_check_grace)?;
    if !template.load_balancers.is_empty() {
        chosen.health_check_grace.get_or_insert(0);
    }
    Ok(Service {
        name: name.to_owned(),
        cluster: cluster.to_owned(),
        arn: cloud.arn("ecs", &format!("service/{cluster}/{name}")),
        status: ServiceStatus::Active,
        created: cloud.now,
        desired: desired_count(request)?
            .ok_or_else(|| invalid("desiredCount can not be blank."))?,
        client_token: request.text("clientToken").map(str::to_owned),
        request: remembered(request),
        tags: tags_of(request),
        template,
        options: chosen,
        deployments: Vec::new(),
        events: VecDeque::new(),
        history: Vec::new(),
        revisions: Vec::new(),
        steady: false,
        wake: None,
        inactive_since: None,
    })
}

/// Refuses the kinds of services that the module leaves out, and those that Fargate does not have.
fn check_kind(request: Parameters<'_>) -> Result<(), ApiError> {
    if request.text("schedulingStrategy") == Some("DAEMON") {
        return Err(invalid("The DAEMON scheduling strategy is not supported on Fargate."));
    }
    match request.structure("deploymentController").text("type") {
        Some("ECS") | None => Ok(()),
        Some(other) => Err(invalid(format!(
            "The simulated AWS does not know the deployment controller {other}."
        ))),
    }
}

/// The desired count that a request names.
pub(super) fn desired_count(request: Parameters<'_>) -> Result<Option<i64>, ApiError> {
    match request.integer("desiredCount") {
        Some(count) if !(0..=5000).contains(&count) => {
            Err(invalid("desiredCount must be between 0 and 5000."))
        }
        count => Ok(count),
    }
}

pub(super) fn check_grace(no_balancer: bool, grace: Option<u64>) -> Result<(), ApiError> {
    if no_balancer && grace.is_some_and(|seconds| seconds > 0) {
        return Err(invalid(
            "Health check grace period is only valid for services configured to use load balancers",
        ));
    }
    Ok(())
}
