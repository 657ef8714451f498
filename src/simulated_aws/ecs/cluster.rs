//! Operations on clusters and their capacity providers (aws-behaviour 12).

use std::time::Duration;

use serde_json::{Value, json};

use super::error::{client, cluster_not_found, invalid};
use super::lookup::{active_cluster, cluster_name, missing, page, short};
use super::model::{Cluster, Phase, ServiceStatus};
use super::tag::{check_tags, tags_of};
use super::view;
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// How long a change of capacity providers takes; Fargate's need nothing made.
const PROVIDERS_SETTLE: Duration = Duration::from_secs(2);

/// The providers that exist without being made.
pub(super) const FARGATE_PROVIDERS: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];

/// An existing cluster of that name is answered as it is (aws-behaviour 12.b).
pub(super) fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = request.text("clusterName").unwrap_or("default").to_owned();
    check_name("Cluster name", &name)?;
    let live = cloud.ecs.clusters.get(&name).is_some_and(|cluster| cluster.deleted.is_none());
    if !live {
        let cluster = new_cluster(cloud, &name, request)?;
        cloud.ecs.clusters.insert(name.clone(), cluster);
    }
    answer_with(cloud, &name, &["SETTINGS", "TAGS", "CONFIGURATIONS", "ATTACHMENTS"])
}

fn new_cluster(cloud: &Cloud, name: &str, request: Parameters<'_>) -> Result<Cluster, ApiError> {
    check_tags(request)?;
    let mut cluster = Cluster {
        name: name.to_owned(),
        tags: tags_of(request),
        container_insights: default_insights(cloud),
        configuration: Value::Null,
        service_connect_defaults: Value::Null,
        capacity_providers: request.texts("capacityProviders"),
        default_strategy: strategy(request, "defaultCapacityProviderStrategy"),
        providers_settled: cloud.now,
        deleted: None,
    };
    change(&mut cluster, request)?;
    check_providers(&cluster.capacity_providers)?;
    check_strategy(&cluster, &cluster.default_strategy)?;
    Ok(cluster)
}

/// Container Insights follow the account setting where nothing is said (aws-behaviour 12.f).
fn default_insights(cloud: &Cloud) -> String {
    let setting = cloud.ecs.account_settings.get("containerInsights");
    setting.map_or_else(|| "disabled".to_owned(), Clone::clone)
}

pub(super) fn describe(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let mut names = request.texts("clusters");
    if names.len() > 100 {
        return Err(invalid("clusters can have at most 100 items."));
    }
    if names.is_empty() {
        names.push("default".to_owned());
    }
    let include = request.texts("include");
    let include: Vec<&str> = include.iter().map(String::as_str).collect();
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        match cloud.ecs.clusters.get(short(&name)) {
            Some(cluster) => clusters.push(view::cluster(cloud, cluster, &include)),
            None => failures.push(missing(cluster_arn(cloud, &name))),
        }
    }
    Ok(json!({"clusters": clusters, "failures": failures}))
}

pub(super) fn update(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = active_cluster(cloud, request)?.name.clone();
    let cluster = cloud.ecs.clusters.get_mut(&name).ok_or_else(cluster_not_found)?;
    change(cluster, request)?;
    answer_with(cloud, &name, &["SETTINGS", "TAGS", "CONFIGURATIONS"])
}

/// Changes what the request names, and keeps the rest.
fn change(cluster: &mut Cluster, request: Parameters<'_>) -> Result<(), ApiError> {
    for setting in request.structures("settings") {
        let (name, value) = (setting.text("name"), setting.text("value").unwrap_or_default());
        if name != Some("containerInsights") {
            return Err(invalid(format!("Invalid cluster setting name {}.", name.unwrap_or(""))));
        }
        if !["enabled", "enhanced", "disabled"].contains(&value) {
            return Err(invalid(format!("Invalid value {value} for setting containerInsights.")));
        }
        value.clone_into(&mut cluster.container_insights);
    }
    if let Some(configuration) = request.value("configuration") {
        cluster.configuration = configuration.clone();
    }
    // An empty namespace clears the default (aws-behaviour 12.f).
    if request.has("serviceConnectDefaults") {
        let namespace = request.structure("serviceConnectDefaults").text("namespace");
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        cluster.service_connect_defaults =
            namespace.map_or(Value::Null, |namespace| json!({"namespace": namespace}));
    }
    Ok(())
}

/// Replaces both lists whole (aws-behaviour 12.a, 12.c2).
pub(super) fn put_capacity_providers(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let now = cloud.now;
    let cluster = active_cluster(cloud, request)?;
    let name = cluster.name.clone();
    for list in ["capacityProviders", "defaultCapacityProviderStrategy"] {
        if !request.has(list) {
            return Err(invalid(format!("{list} must be specified.")));
        }
    }
    refuse_while_settling(cluster, cloud)?;
    let mut changed = cluster.clone();
    changed.capacity_providers = request.texts("capacityProviders");
    changed.default_strategy = strategy(request, "defaultCapacityProviderStrategy");
    check_providers(&changed.capacity_providers)?;
    check_strategy(&changed, &changed.default_strategy)?;
    refuse_removal_in_use(cloud, &changed)?;
    changed.providers_settled = now.after(PROVIDERS_SETTLE);
    cloud.ecs.clusters.insert(name.clone(), changed);
    answer_with(cloud, &name, &["SETTINGS", "TAGS", "ATTACHMENTS"])
}

fn refuse_while_settling(cluster: &Cluster, cloud: &Cloud) -> Result<(), ApiError> {
    if cluster.providers_settled <= cloud.now {
        return Ok(());
    }
    Err(ApiError::new(
        "UpdateInProgressException",
        "The specified cluster is in a busy state. Cluster attachments must be in UPDATE_COMPLETE \
         or UPDATE_FAILED state before they can be updated.",
    ))
}

fn refuse_removal_in_use(cloud: &Cloud, changed: &Cluster) -> Result<(), ApiError> {
    let live = cloud.ecs.services.values().filter(|service| {
        service.cluster == changed.name && service.status != ServiceStatus::Inactive
    });
    let mut used = live.flat_map(|service| provider_names(&service.template.strategy));
    match used.find(|provider| !changed.capacity_providers.contains(provider)) {
        Some(_) => Err(ApiError::new(
            "ResourceInUseException",
            "The specified capacity provider is in use and cannot be removed.",
        )),
        None => Ok(()),
    }
}

/// Refuses while anything is left in the cluster; DRAINING services count (aws-behaviour 12.e).
pub(super) fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = cluster_name(request).to_owned();
    let cluster = cloud.ecs.clusters.get(&name).ok_or_else(cluster_not_found)?;
    if cluster.deleted.is_none() {
        refuse_while_settling(cluster, cloud)?;
        refuse_while_used(cloud, &name)?;
        let now = cloud.now;
        if let Some(cluster) = cloud.ecs.clusters.get_mut(&name) {
            cluster.deleted = Some(now);
        }
    }
    answer_with(cloud, &name, &["SETTINGS", "TAGS"])
}

fn refuse_while_used(cloud: &Cloud, name: &str) -> Result<(), ApiError> {
    let services = cloud.ecs.services.values();
    if services.into_iter().any(|s| s.cluster == name && s.status != ServiceStatus::Inactive) {
        return Err(ApiError::new(
            "ClusterContainsServicesException",
            "The Cluster cannot be deleted while Services are active.",
        ));
    }
    let mut tasks = cloud.ecs.tasks.values();
    if tasks.any(|task| task.cluster == name && task.phase != Phase::Stopped) {
        return Err(ApiError::new(
            "ClusterContainsTasksException",
            "The Cluster cannot be deleted while Tasks are active.",
        ));
    }
    Ok(())
}

pub(super) fn list(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let live = cloud.ecs.clusters.values().filter(|cluster| cluster.deleted.is_none());
    let arns = live.map(|cluster| json!(cluster_arn(cloud, &cluster.name))).collect();
    page(request, "clusterArns", arns, 100)
}

/// The ARN of a cluster by its name; an ARN stays as it is.
pub(super) fn cluster_arn(cloud: &Cloud, name: &str) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    cloud.arn("ecs", &format!("cluster/{name}"))
}

fn answer_with(cloud: &Cloud, name: &str, include: &[&str]) -> Answer {
    let cluster = cloud.ecs.clusters.get(name).ok_or_else(cluster_not_found)?;
    Ok(json!({"cluster": view::cluster(cloud, cluster, include)}))
}

/// Refuses names that break the rule of aws-behaviour 29.
pub(super) fn check_name(what: &str, name: &str) -> Result<(), ApiError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() {
        Err(invalid(format!("{what} can not be blank.")))
    } else if name.len() > 255 || !name.chars().all(allowed) {
        Err(invalid(format!(
            "{what} must be at most 255 letters (uppercase and lowercase), numbers, hyphens and \
             underscores."
        )))
    } else {
        Ok(())
    }
}

fn check_providers(names: &[String]) -> Result<(), ApiError> {
    match names.iter().find(|name| !FARGATE_PROVIDERS.contains(&name.as_str())) {
        Some(name) => Err(invalid(format!(
            "The specified capacity provider '{name}' is not in an ACTIVE state. Specify a \
             capacity provider in the ACTIVE state and try again."
        ))),
        None => Ok(()),
    }
}

/// Refuses a strategy with a provider that the cluster does not have (aws-behaviour 12.c2).
pub(super) fn check_strategy(cluster: &Cluster, strategy: &[Value]) -> Result<(), ApiError> {
    if strategy.len() > 20 {
        return Err(client("A capacity provider strategy can contain a maximum of 20 providers."));
    }
    let names = provider_names(strategy);
    if let Some(name) = names.iter().find(|name| !cluster.capacity_providers.contains(name)) {
        return Err(invalid(format!(
            "The specified capacity provider strategy cannot contain a capacity provider that is \
             not associated with the cluster: {name}. Associate it and try again."
        )));
    }
    let bases = strategy.iter().filter(|item| item["base"].as_i64().unwrap_or(0) > 0).count();
    if bases > 1 {
        return Err(invalid("Only one capacity provider in a strategy can have a base defined."));
    }
    if !strategy.is_empty() && strategy.iter().all(|item| item["weight"].as_i64() == Some(0)) {
        return Err(invalid("At least one capacity provider must have a weight above zero."));
    }
    Ok(())
}

/// A strategy with the defaults filled in: weight 1 where it stands alone, else 0; base 0.
pub(super) fn strategy(request: Parameters<'_>, member: &str) -> Vec<Value> {
    let items: Vec<Parameters<'_>> = request.structures(member).collect();
    let weight = i64::from(items.len() == 1);
    let item = |item: &Parameters<'_>| {
        json!({
            "capacityProvider": item.text("capacityProvider").unwrap_or_default(),
            "weight": item.integer("weight").unwrap_or(weight),
            "base": item.integer("base").unwrap_or(0),
        })
    };
    items.iter().map(item).collect()
}

fn provider_names(strategy: &[Value]) -> Vec<String> {
    let names = strategy.iter().filter_map(|item| item["capacityProvider"].as_str());
    names.map(str::to_owned).collect()
}
