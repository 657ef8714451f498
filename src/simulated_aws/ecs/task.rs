//! Operations on tasks.

use serde_json::{Value, json};

use super::error::{client, invalid};
use super::lifecycle;
use super::lookup::{
    active_cluster, cluster_name, missing, page, required, service_key, short, usable_definition,
};
use super::model::{Stop, Task, Template};
use super::service::{capacity, network, platform_version};
use super::start::{NewTask, start, unassumable};
use super::tag::{check_tags, tags_of};
use super::view;
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// Without `desiredStatus`, those that are to run are listed.
pub(super) fn list(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let cluster = active_cluster(cloud, request)?.name.clone();
    let service = request.text("serviceName").map(short);
    if let Some(service) = service
        && !cloud.ecs.services.contains_key(&service_key(&cluster, service))
    {
        return Err(super::error::service_not_found());
    }
    let running = match request.text("desiredStatus") {
        Some("RUNNING") | None => true,
        // A task is never desired to be pending.
        Some("PENDING") => return page(request, "taskArns", Vec::new(), 100),
        Some("STOPPED") => false,
        Some(other) => return Err(invalid(format!("Invalid desiredStatus {other}."))),
    };
    let matches = |wanted: Option<&str>, actual: &str| wanted.is_none_or(|wanted| wanted == actual);
    let tasks = cloud.ecs.tasks.values().filter(|task| {
        task.cluster == cluster
            && task.phase.is_alive() == running
            && service.is_none_or(|name| task.service.as_deref() == Some(name))
            && matches(request.text("startedBy"), &task.started_by)
            && matches(request.text("launchType"), &task.launch_type)
            && matches(
                request.text("family"),
                super::lookup::family_and_revision(&task.definition).0,
            )
    });
    let arns = tasks.map(|task| json!(task.arn)).collect();
    page(request, "taskArns", arns, 100)
}

pub(super) fn describe(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let cluster = active_cluster(cloud, request)?.name.clone();
    let names = request.texts("tasks");
    if names.is_empty() || names.len() > 100 {
        return Err(invalid("Tasks must have 1 to 100 items."));
    }
    let with_tags = request.texts("include").iter().any(|include| include == "TAGS");
    let (mut tasks, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        match cloud.ecs.tasks.get(short(&name)).filter(|task| task.cluster == cluster) {
            Some(task) => tasks.push(view::task(cloud, task, with_tags)),
            None => failures.push(missing(task_arn(cloud, &cluster, &name))),
        }
    }
    Ok(json!({"tasks": tasks, "failures": failures}))
}

fn task_arn(cloud: &Cloud, cluster: &str, name: &str) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    cloud.arn("ecs", &format!("task/{cluster}/{name}"))
}

/// A task of a service is stopped too; the service then starts another.
pub(super) fn stop(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let cluster = active_cluster(cloud, request)?.name.clone();
    let id = short(required(request, "task")?);
    let found = cloud.ecs.tasks.get(id).filter(|task| task.cluster == cluster);
    let found = found.ok_or_else(|| invalid("The referenced task was not found."))?;
    let service = found.service.clone();
    let reason = request.text("reason").unwrap_or("Task stopped by user");
    lifecycle::stop(cloud, id, Stop::new("UserInitiated", reason));
    if let Some(service) = service {
        super::scheduler::wake(cloud, &service_key(&cluster, &service));
    }
    let stopped = cloud.ecs.tasks.get(id).map(|task| view::task(cloud, task, true));
    Ok(json!({"task": stopped}))
}

pub(super) fn run(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    check_tags(request)?;
    let count = request.integer("count").unwrap_or(1);
    if !(1..=10).contains(&count) {
        return Err(invalid("count must be between 1 and 10."));
    }
    let template = template(cloud, request)?;
    let cluster = cluster_name(request).to_owned();
    let definition = usable_definition(&cloud.ecs, &template.task_definition)?;
    let family = format!("family:{}", definition.family);
    if let Some(error) = unassumable(cloud, &template.task_definition) {
        return Err(client(error));
    }
    let (mut tasks, mut failures) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let new = NewTask {
            cluster: cluster.clone(),
            service: None,
            group: request.text("group").unwrap_or(&family).to_owned(),
            started_by: request.text("startedBy").unwrap_or_default().to_owned(),
            template: &template,
            overrides: overrides(request),
            tags: tags_of(request),
            execute_command: request.flag("enableExecuteCommand").unwrap_or(false),
        };
        match start(cloud, new) {
            Ok(id) => tasks.extend(task_view(cloud, &id)),
            Err(refusal) => {
                failures.push(json!({"reason": refusal.reason, "detail": refusal.detail}));
            }
        }
    }
    Ok(json!({"tasks": tasks, "failures": failures}))
}

fn task_view(cloud: &Cloud, id: &str) -> Option<Value> {
    cloud.ecs.tasks.get(id).map(|task: &Task| view::task(cloud, task, true))
}

fn template(cloud: &Cloud, request: Parameters<'_>) -> Result<Template, ApiError> {
    let cluster = active_cluster(cloud, request)?;
    let name = required(request, "taskDefinition")?;
    let definition = usable_definition(&cloud.ecs, name)?;
    let (launch_type, strategy) = capacity(cluster, request)?;
    let network = network(cloud, request)?;
    if network.subnets.is_empty() {
        return Err(invalid(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ));
    }
    Ok(Template {
        task_definition: definition.arn.clone(),
        launch_type,
        strategy,
        platform_version: platform_version(request)?.unwrap_or_else(|| "LATEST".to_owned()),
        network,
        load_balancers: Vec::new(),
        service_registries: Vec::new(),
        service_connect: Value::Null,
        volumes: Vec::new(),
    })
}

/// What a task shows when nothing is overridden.
fn overrides(request: Parameters<'_>) -> Value {
    let mut overrides = request.value("overrides").cloned().unwrap_or_else(|| json!({}));
    for list in ["containerOverrides", "inferenceAcceleratorOverrides"] {
        if overrides[list].is_null() {
            overrides[list] = json!([]);
        }
    }
    overrides
}
