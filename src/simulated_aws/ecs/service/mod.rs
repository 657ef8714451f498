//! Operations on services (aws-behaviour 17).

mod create;
mod options;
mod template;
mod update;

pub(super) use create::create;
pub(super) use options::shown as shown_configuration;
pub(super) use template::{PLATFORM, capacity, network, platform_version};
pub(super) use update::update;

use serde_json::{Value, json};

use super::error::{cluster_not_found, invalid};
use super::lookup::{
    active_cluster, cluster_name, missing, page, requested_service, service_key, service_of, short,
    tasks_of,
};
use super::model::ServiceStatus;
use super::{scheduler, view};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, Parameters};

/// What is absent is no error but a failure in the answer (aws-behaviour 17.d).
pub(super) fn describe(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let names = request.texts("services");
    if names.is_empty() {
        return Err(invalid("Services cannot be empty."));
    }
    if names.len() > 10 {
        return Err(invalid("Services cannot have more than 10 elements."));
    }
    let cluster = active_cluster(cloud, request)?.name.clone();
    let with_tags = request.texts("include").iter().any(|include| include == "TAGS");
    let (mut services, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        match cloud.ecs.services.get(&service_key(&cluster, short(&name))) {
            Some(service) => services.push(view::service(cloud, service, with_tags)),
            None if name.starts_with("arn:") => failures.push(missing(name)),
            None => failures.push(missing(cloud.arn("ecs", &format!("service/{cluster}/{name}")))),
        }
    }
    Ok(json!({"services": services, "failures": failures}))
}

/// Draining services are not listed (aws-behaviour 17.a).
pub(super) fn list(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let cluster = active_cluster(cloud, request)?.name.clone();
    let launch_type = request.text("launchType");
    let services = cloud.ecs.services.values().filter(|service| {
        service.cluster == cluster
            && service.status == ServiceStatus::Active
            && launch_type
                .is_none_or(|wanted| service.template.launch_type.as_deref() == Some(wanted))
    });
    let arns: Vec<Value> = services.map(|service| json!(service.arn)).collect();
    page(request, "serviceArns", arns, 10)
}

/// Deleting what is deleted already answers as if it were not (aws-behaviour 17.e).
pub(super) fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    if !cloud.ecs.clusters.contains_key(cluster_name(request)) {
        return Err(cluster_not_found());
    }
    let key = requested_service(cloud, request)?;
    let service = service_of(&mut cloud.ecs, &key)?.clone();
    if service.status == ServiceStatus::Active {
        let alive = tasks_of(&cloud.ecs, &service).any(|task| task.phase.is_alive());
        if request.flag("force") != Some(true) && (service.desired > 0 || alive) {
            return Err(invalid("The service cannot be stopped while it is scaled above 0."));
        }
        let stored = service_of(&mut cloud.ecs, &key)?;
        stored.status = ServiceStatus::Draining;
        stored.desired = 0;
        scheduler::wake(cloud, &key);
        crate::simulated_aws::autoscaling::service_deleted(cloud, &service.cluster, &service.name);
    }
    answer_with(cloud, &key)
}

fn answer_with(cloud: &mut Cloud, key: &str) -> Answer {
    let service = service_of(&mut cloud.ecs, key)?.clone();
    Ok(json!({"service": view::service(cloud, &service, true)}))
}
