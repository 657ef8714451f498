//! How a stack is now: its resources as AWS has them, and how its services run.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::DeploymentRolloutState;

use crate::aws::{Aws, AwsError, Operation, unless_gone};
use crate::observe::Observed;
use crate::report::status::{ResourceStatus, ServiceStatus, StackStatus};
use crate::resource::{Kind, Readiness};
use crate::stack::outputs::outputs;
use crate::state::State;

/// Looks at how a stack is. `observed` is what AWS says of what the state records.
///
/// # Errors
///
/// The first read that fails.
pub async fn survey(
    aws: &Aws,
    state: &State,
    observed: &Observed,
) -> Result<StackStatus, AwsError> {
    let resources = state.resources.iter().map(|(address, record)| {
        let live = observed.live_of(address, record.generation);
        ResourceStatus {
            address: address.clone(),
            type_name: address.kind().facts().type_name,
            id: record.id.clone(),
            readiness: live.map_or(Readiness::Absent, |live| live.readiness.clone()),
        }
    });
    let url = outputs(state).get("url").and_then(|url| url.as_str()).map(str::to_owned);
    Ok(StackStatus {
        stack: state.stack.clone(),
        environment: state.environment.clone(),
        account: state.account.clone(),
        region: state.region.clone(),
        url,
        services: services(aws, state).await?,
        resources: resources.collect(),
        in_doubt: vec![],
    })
}

async fn services(aws: &Aws, state: &State) -> Result<Vec<ServiceStatus>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ecs:DescribeServices");
    let mut services = Vec::new();
    let records = state.resources.iter().filter(|(address, _)| address.kind() == Kind::Service);
    for (_, record) in records {
        let text = |name: &str| record.outputs[name].as_str().unwrap_or_default().to_owned();
        let send =
            || aws.ecs().describe_services().cluster(text("cluster")).services(text("arn")).send();
        let Some(output) = unless_gone(aws.call(DESCRIBE, send).await)? else { continue };
        // Deleted ones are described for about an hour (aws-behaviour 17.d).
        for service in output.services().iter().filter(|one| one.status() != Some("INACTIVE")) {
            services.push(one(aws, service).await?);
        }
    }
    Ok(services)
}

async fn one(aws: &Aws, service: &aws_sdk_ecs::types::Service) -> Result<ServiceStatus, AwsError> {
    let primary = service.deployments().iter().find(|one| one.status() == Some("PRIMARY"));
    let rollout = primary.and_then(|one| one.rollout_state()).map(DeploymentRolloutState::as_str);
    let definition = service.task_definition().unwrap_or_default();
    let mut targets = BTreeMap::new();
    for group in service.load_balancers().iter().filter_map(|one| one.target_group_arn()) {
        for state in health(aws, group).await? {
            *targets.entry(state).or_default() += 1;
        }
    }
    Ok(ServiceStatus {
        name: service.service_name().unwrap_or_default().to_owned(),
        desired: service.desired_count(),
        running: service.running_count(),
        pending: service.pending_count(),
        task_definition: definition.rsplit('/').next().unwrap_or_default().to_owned(),
        rollout: rollout.unwrap_or_default().to_lowercase().replace('_', " "),
        targets,
    })
}

async fn health(aws: &Aws, group: &str) -> Result<Vec<String>, AwsError> {
    const DESCRIBE: Operation = Operation::new("elasticloadbalancing:DescribeTargetHealth");
    let send = || aws.elb().describe_target_health().target_group_arn(group).send();
    let Some(output) = unless_gone(aws.call(DESCRIBE, send).await)? else { return Ok(vec![]) };
    let states = output.target_health_descriptions().iter();
    let states = states.filter_map(|one| one.target_health()?.state());
    Ok(states.map(|state| state.as_str().to_owned()).collect())
}
