//! The calls that services need.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_ecs::operation::update_service::builders::UpdateServiceInputBuilder;
use aws_sdk_ecs::types::{
    DesiredStatus, Service as LiveService, ServiceDeploymentBrief, ServiceField,
};
use aws_sdk_elasticloadbalancingv2::types::TargetHealthStateEnum;
use aws_smithy_types::DateTime;

use super::super::cluster::ClusterName;
use super::super::ecs::{self, PASSABLE_ROLE, SERVICE_LINKED_ROLE};
use super::super::{Identity, text};
use super::{Outputs, Service, readiness, request};
use crate::aws::{Aws, AwsError, Operation, Patience, gone_is_done, pages, unless_gone};

/// The status of a service that is neither going nor gone.
pub const ACTIVE: &str = "ACTIVE";
const INACTIVE: &str = "INACTIVE";

/// How many services one DescribeServices takes (aws-behaviour 21).
const SERVICES_A_CALL: usize = 10;
/// How many tasks one DescribeTasks takes (aws-behaviour 21).
const TASKS_A_CALL: usize = 100;

/// What a service is told to use may have just been made (aws-behaviour 17.c).
const UNWIRED: Patience = Patience::with(
    &["InvalidParameterException"],
    Duration::from_mins(4),
    "the target group's listener was just made",
)
.saying("does not have an associated load balancer");

const SERVICE_ROLE: Patience = Patience::with(
    &["InvalidParameterException"],
    Duration::from_mins(4),
    "the service's role was just made",
)
.saying("verify that the ecs service role being passed");

const INFRASTRUCTURE_ROLE: Patience = Patience::with(
    &["InvalidParameterException"],
    Duration::from_mins(4),
    "the infrastructure role was just made",
)
.saying("unable to assume the configured ecs infrastructure role");

const INACTIVE_CAPACITY: Patience = Patience::with(
    &["InvalidParameterException"],
    Duration::from_mins(10),
    "the cluster's capacity is not active yet",
)
.saying("not in an active state");

const INACTIVE_CLUSTER: Patience = Patience::with(
    &["InvalidParameterException", "ClientException"],
    Duration::from_mins(10),
    "the cluster is not active yet",
)
.saying("cluster was not active");

/// Makes a service, patient with all that was made just before it (aws-behaviour 17.c, 24.3).
pub const CREATE: Operation = Operation::patient(
    "ecs:CreateService",
    &[
        PASSABLE_ROLE,
        SERVICE_LINKED_ROLE,
        UNWIRED,
        SERVICE_ROLE,
        INFRASTRUCTURE_ROLE,
        INACTIVE_CAPACITY,
        INACTIVE_CLUSTER,
        Patience::with(
            &["ClusterNotFoundException"],
            Duration::from_mins(4),
            "the cluster was just made",
        ),
        Patience::with(
            &["InvalidParameterException"],
            Duration::from_mins(20),
            "the service that had the name is still draining",
        )
        .saying("still draining"),
    ],
);

/// Makes the service that `identity` names.
pub async fn create(
    aws: &Aws,
    spec: &Service,
    identity: &Identity,
) -> Result<LiveService, AwsError> {
    let request = aws
        .ecs()
        .create_service()
        .cluster(spec.cluster.get().as_str())
        .service_name(&identity.name)
        .client_token(&identity.token)
        .task_definition(spec.task_definition.get().as_str())
        .desired_count(ecs::sent(spec.count.at_first()))
        .network_configuration(request::network(spec))
        .load_balancers(request::load_balancer(spec))
        .set_capacity_provider_strategy(Some(request::capacity(spec)))
        .health_check_grace_period_seconds(ecs::sent(spec.grace_period_seconds))
        .deployment_configuration(request::deployment(spec))
        .availability_zone_rebalancing(request::rebalancing(spec))
        .enable_execute_command(spec.execute_command)
        .propagate_tags(request::tag_source(spec))
        .enable_ecs_managed_tags(spec.propagate_tags)
        .set_tags(Some(ecs::to_tags(&identity.tags)));
    let made = aws.call(CREATE, || request.clone().send()).await?.service;
    made.ok_or_else(|| AwsError::incomplete(CREATE, "service"))
}

/// Changes a service; what the builder does not name stays as it is.
pub async fn update(
    aws: &Aws,
    outputs: &Outputs,
    update: UpdateServiceInputBuilder,
) -> Result<LiveService, AwsError> {
    const UPDATE: Operation = Operation::patient(
        "ecs:UpdateService",
        &[
            PASSABLE_ROLE,
            UNWIRED,
            SERVICE_ROLE,
            INFRASTRUCTURE_ROLE,
            INACTIVE_CAPACITY,
            INACTIVE_CLUSTER,
        ],
    );
    let update = update.cluster(outputs.cluster.as_str()).service(&outputs.name);
    let send = || update.clone().send_with(aws.ecs());
    let changed = aws.call(UPDATE, send).await?.service;
    changed.ok_or_else(|| AwsError::incomplete(UPDATE, "service"))
}

/// Has a service stop its tasks; one that is going already is left alone, since it never comes
/// back (aws-behaviour 17.e).
pub async fn scale_to_none(aws: &Aws, outputs: &Outputs) -> Result<(), AwsError> {
    const SCALE: Operation = Operation::new("ecs:UpdateService");
    let send = || {
        let request = aws.ecs().update_service().cluster(outputs.cluster.as_str());
        request.service(&outputs.name).desired_count(0).send()
    };
    gone_is_done(aws.call(SCALE, send).await.map(drop))
}

/// Deletes a service, whatever it still runs.
pub async fn delete(aws: &Aws, outputs: &Outputs) -> Result<(), AwsError> {
    const DELETE: Operation = Operation::patient(
        "ecs:DeleteService",
        &[Patience::with(
            &["InvalidParameterException"],
            Duration::from_mins(20),
            "a deployment of the service is not done",
        )
        .saying("deployments are active")],
    );
    let send = || {
        let request = aws.ecs().delete_service().cluster(outputs.cluster.as_str());
        request.service(&outputs.name).force(true).send()
    };
    gone_is_done(aws.call(DELETE, send).await.map(drop))
}

/// The services of those clusters and names that are there, be it on their way out.
///
/// Missing ones are left out of the answer; deleted ones are inactive for about an hour
/// (aws-behaviour 17.d).
pub async fn describe<'a>(
    aws: &Aws,
    sought: impl IntoIterator<Item = (&'a ClusterName, &'a str)>,
) -> Result<Vec<LiveService>, AwsError> {
    let mut clusters: BTreeMap<&ClusterName, BTreeSet<&str>> = BTreeMap::new();
    for (cluster, name) in sought {
        clusters.entry(cluster).or_default().insert(name);
    }
    let mut questions = Vec::new();
    for (cluster, names) in clusters {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let chunks = names.chunks(SERVICES_A_CALL);
        questions.extend(chunks.map(|some| describe_some(aws, cluster, some.to_vec())));
    }
    let services = futures::future::try_join_all(questions).await?;
    let services = services.into_iter().flatten();
    Ok(services.filter(|service| service.status() != Some(INACTIVE)).collect())
}

async fn describe_some(
    aws: &Aws,
    cluster: &ClusterName,
    names: Vec<String>,
) -> Result<Vec<LiveService>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ecs:DescribeServices");
    let request = aws.ecs().describe_services().cluster(cluster.as_str());
    let request = request.set_services(Some(names)).include(ServiceField::Tags);
    let described = unless_gone(aws.call(DESCRIBE, || request.clone().send()).await)?;
    Ok(described.and_then(|output| output.services).unwrap_or_default())
}

/// The service that `outputs` record, if it is among `services`.
pub fn pick<'a>(services: &'a [LiveService], outputs: &Outputs) -> Option<&'a LiveService> {
    services.iter().find(|service| {
        service.service_name() == Some(&outputs.name)
            && service.cluster_arn().map(ecs::name_in) == Some(outputs.cluster.as_str())
    })
}

/// How long a deployment that was just started may be missing in what is read: reads lag behind
/// updates, and show the one before it as if nothing had happened (aws-behaviour 0.1, 17.d2).
const LISTED_WITHIN: Duration = Duration::from_secs(30);
const LISTED_PAUSE: Duration = Duration::from_secs(3);

/// The service as soon as it lists the recorded deployment, or tells what became of it; or as it
/// is when it has had the time to.
pub async fn listing_deployment(
    aws: &Aws,
    outputs: &Outputs,
    mut service: LiveService,
) -> Result<LiveService, AwsError> {
    let mut waited = Duration::ZERO;
    while readiness::has_lost(&service, &outputs.deployment) && waited < LISTED_WITHIN {
        aws.pace().sleep(LISTED_PAUSE).await;
        waited += LISTED_PAUSE;
        let services = describe(aws, [(&outputs.cluster, outputs.name.as_str())]).await?;
        let Some(again) = pick(&services, outputs) else { break };
        service = again.clone();
    }
    Ok(service)
}

/// Why the service's latest deployment was rolled back, if it was: once a rollback is over, the
/// service itself no longer tells of it.
pub async fn rollback(aws: &Aws, outputs: &Outputs) -> Result<Option<String>, AwsError> {
    const LIST: Operation = Operation::new("ecs:ListServiceDeployments");
    let send = || {
        let request = aws.ecs().list_service_deployments().cluster(outputs.cluster.as_str());
        request.service(outputs.arn.as_str()).send()
    };
    let Some(output) = unless_gone(aws.call(LIST, send).await)? else { return Ok(None) };
    let deployments = output.service_deployments.unwrap_or_default();
    let began = |one: &ServiceDeploymentBrief| one.created_at().map_or(0.0, DateTime::as_secs_f64);
    let latest = deployments.into_iter().max_by(|one, other| began(one).total_cmp(&began(other)));
    let rolled_back = latest.filter(|latest| {
        latest.status().is_some_and(|status| status.as_str().starts_with("ROLLBACK"))
    });
    Ok(rolled_back.map(|latest| text(latest.status_reason())))
}

/// How many of a service's tasks are on their way out.
///
/// A service is inactive when its tasks are only stopping, and until they have stopped they hold
/// on to subnets and security groups (aws-behaviour 17.e).
pub async fn stopping_tasks(aws: &Aws, outputs: &Outputs) -> Result<usize, AwsError> {
    const LIST: Operation = Operation::new("ecs:ListTasks");
    let arns = pages(|token| async move {
        let request = aws.ecs().list_tasks().cluster(outputs.cluster.as_str());
        let request = request.service_name(&outputs.name).desired_status(DesiredStatus::Stopped);
        let send = || request.clone().set_next_token(token.clone()).send();
        let page = unless_gone(aws.call(LIST, send).await)?;
        let page = page.map(|page| (page.task_arns.unwrap_or_default(), page.next_token));
        Ok(page.unwrap_or_default())
    });
    let arns = arns.await?;
    let counts = arns.chunks(TASKS_A_CALL).map(|some| stopping_among(aws, outputs, some.to_vec()));
    Ok(futures::future::try_join_all(counts).await?.into_iter().sum())
}

async fn stopping_among(
    aws: &Aws,
    outputs: &Outputs,
    arns: Vec<String>,
) -> Result<usize, AwsError> {
    const DESCRIBE: Operation = Operation::new("ecs:DescribeTasks");
    let request = aws.ecs().describe_tasks().cluster(outputs.cluster.as_str());
    let request = request.set_tasks(Some(arns));
    let described = unless_gone(aws.call(DESCRIBE, || request.clone().send()).await)?;
    let tasks = described.and_then(|output| output.tasks).unwrap_or_default();
    Ok(tasks.iter().filter(|task| task.last_status() != Some("STOPPED")).count())
}

/// How many targets of the service's target group are healthy. Not asked while nothing runs.
pub async fn healthy_targets(aws: &Aws, service: &LiveService) -> Result<usize, AwsError> {
    const DESCRIBE: Operation = Operation::new("elasticloadbalancing:DescribeTargetHealth");
    let group = service.load_balancers().first().and_then(|balancer| balancer.target_group_arn());
    let Some(group) = group.filter(|_| service.running_count() > 0) else { return Ok(0) };
    let send = || aws.elb().describe_target_health().target_group_arn(group).send();
    let described = unless_gone(aws.call(DESCRIBE, send).await)?;
    let targets = described.and_then(|output| output.target_health_descriptions);
    let targets = targets.unwrap_or_default();
    let states = targets.iter().filter_map(|target| target.target_health()?.state());
    Ok(states.filter(|state| **state == TargetHealthStateEnum::Healthy).count())
}
