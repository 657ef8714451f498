//! What a service starts tasks from, as requests say it: read and checked.

use serde_json::Value;

use super::super::cluster::{check_strategy, strategy};
use super::super::definition::check_port;
use super::super::error::{client, invalid};
use super::super::lookup::usable_definition;
use super::super::model::{Cluster, LoadBalancer, Network, TaskDefinition, Template};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::ec2::interface;
use crate::simulated_aws::elb::targets;
use crate::simulated_aws::wire::{ApiError, Parameters};

/// The platform that `LATEST` stands for.
pub(in super::super) const PLATFORM: &str = "1.4.0";

/// The template of a service to be created.
pub(super) fn new_template(
    cloud: &Cloud,
    cluster: &Cluster,
    request: Parameters<'_>,
) -> Result<Template, ApiError> {
    let named = request.text("taskDefinition").filter(|name| !name.is_empty());
    let named = named.ok_or_else(|| client("TaskDefinition can not be blank."))?;
    let definition = usable_definition(&cloud.ecs, named)?;
    let (launch_type, strategy) = capacity(cluster, request)?;
    let template = Template {
        task_definition: definition.arn.clone(),
        launch_type,
        strategy,
        platform_version: platform_version(request)?.unwrap_or_else(|| "LATEST".to_owned()),
        network: network(cloud, request)?,
        load_balancers: load_balancers(request)?,
        service_registries: values(request, "serviceRegistries"),
        service_connect: request.value("serviceConnectConfiguration").cloned().unwrap_or_default(),
        volumes: values(request, "volumeConfigurations"),
    };
    check(cloud, definition, &template)?;
    Ok(template)
}

/// Refuses a template whose parts do not fit together.
pub(super) fn check(
    cloud: &Cloud,
    definition: &TaskDefinition,
    template: &Template,
) -> Result<(), ApiError> {
    let compatible = definition.document.get("compatibilities").and_then(Value::as_array);
    let on_fargate = template.launch_type.as_deref() != Some("EC2");
    if on_fargate && !compatible.is_some_and(|kinds| kinds.iter().any(|kind| kind == "FARGATE")) {
        return Err(invalid("Task definition does not support launch_type FARGATE."));
    }
    let awsvpc = definition.document.get("networkMode").is_some_and(|mode| mode == "awsvpc");
    if awsvpc && template.network.subnets.is_empty() {
        return Err(invalid(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ));
    }
    template.load_balancers.iter().try_for_each(|balancer| {
        check_port(definition, &balancer.container, balancer.port)?;
        check_target_group(cloud, &balancer.target_group)
    })
}

/// A group that no listener forwards to is refused (aws-behaviour 17.c).
fn check_target_group(cloud: &Cloud, arn: &str) -> Result<(), ApiError> {
    match targets::target_group_is_served(cloud, arn) {
        Some(true) => Ok(()),
        Some(false) => Err(invalid(format!(
            "The target group with targetGroupArn {arn} does not have an associated load balancer."
        ))),
        None => Err(invalid(format!("Unable to find target group with targetGroupArn {arn}."))),
    }
}

/// Launch type or strategy, of which each excludes the other (aws-behaviour 17.f).
pub(in super::super) fn capacity(
    cluster: &Cluster,
    request: Parameters<'_>,
) -> Result<(Option<String>, Vec<Value>), ApiError> {
    let named = strategy(request, "capacityProviderStrategy");
    let launch_type = request.text("launchType");
    if launch_type.is_some() && !named.is_empty() {
        return Err(invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove \
             one and try again.",
        ));
    }
    if let Some(launch_type) = launch_type {
        if !["EC2", "FARGATE"].contains(&launch_type) {
            return Err(invalid(format!("Launch type {launch_type} is not supported.")));
        }
        return Ok((Some(launch_type.to_owned()), Vec::new()));
    }
    let strategy = if named.is_empty() { cluster.default_strategy.clone() } else { named };
    check_strategy(cluster, &strategy)?;
    let launch_type = strategy.is_empty().then(|| "EC2".to_owned());
    Ok((launch_type, strategy))
}

/// The platform version that the request names.
pub(in super::super) fn platform_version(
    request: Parameters<'_>,
) -> Result<Option<String>, ApiError> {
    match request.text("platformVersion") {
        Some(version) if ["LATEST", "1.4.0", "1.3.0"].contains(&version) => {
            Ok(Some(version.to_owned()))
        }
        Some(_) => Err(ApiError::new(
            "PlatformUnknownException",
            "The specified platform version does not exist.",
        )),
        None => Ok(None),
    }
}

/// The network configuration of a request; without one, no subnets.
pub(in super::super) fn network(
    cloud: &Cloud,
    request: Parameters<'_>,
) -> Result<Network, ApiError> {
    let given = request.structure("networkConfiguration").structure("awsvpcConfiguration");
    let network = Network {
        subnets: given.texts("subnets"),
        security_groups: given.texts("securityGroups"),
        public_address: given.text("assignPublicIp") == Some("ENABLED"),
    };
    if request.has("networkConfiguration") && !(1..=16).contains(&network.subnets.len()) {
        return Err(invalid("subnets must have 1 to 16 items."));
    }
    if network.security_groups.len() > 5 {
        return Err(invalid("securityGroups can have at most 5 items."));
    }
    check_network(cloud, &network)?;
    Ok(network)
}

fn check_network(cloud: &Cloud, network: &Network) -> Result<(), ApiError> {
    let mut vpc: Option<&str> = None;
    for id in &network.subnets {
        let subnet = interface::subnet(cloud, id).ok_or_else(|| {
            invalid(format!(
                "Error retrieving subnet information for [{id}]: The subnet ID '{id}' does not \
                 exist (ErrorCode: InvalidSubnetID.NotFound)"
            ))
        })?;
        if *vpc.get_or_insert(&subnet.vpc) != subnet.vpc {
            return Err(invalid("All subnets must belong to the same VPC."));
        }
    }
    for id in &network.security_groups {
        let group = interface::security_group(cloud, id).ok_or_else(|| {
            invalid(format!(
                "Error retrieving security group information for [{id}]: The security group '{id}' \
                 does not exist (ErrorCode: InvalidGroup.NotFound)"
            ))
        })?;
        if vpc.is_some_and(|vpc| vpc != group.vpc) {
            return Err(invalid("Security groups and subnets must belong to the same VPC."));
        }
    }
    Ok(())
}

/// The load balancers of a request, of which Fargate services know target groups alone.
pub(super) fn load_balancers(request: Parameters<'_>) -> Result<Vec<LoadBalancer>, ApiError> {
    let given: Vec<Parameters<'_>> = request.structures("loadBalancers").collect();
    if given.len() > 5 {
        return Err(invalid("loadBalancers can have at most 5 items."));
    }
    given.into_iter().map(load_balancer).collect()
}

fn load_balancer(given: Parameters<'_>) -> Result<LoadBalancer, ApiError> {
    let text = |member: &str| {
        given
            .text(member)
            .map(str::to_owned)
            .ok_or_else(|| invalid(format!("{member} can not be blank.")))
    };
    let port = given.integer("containerPort").and_then(|port| u16::try_from(port).ok());
    Ok(LoadBalancer {
        target_group: text("targetGroupArn")?,
        container: text("containerName")?,
        port: port.ok_or_else(|| invalid("containerPort can not be blank."))?,
    })
}

pub(super) fn values(request: Parameters<'_>, member: &str) -> Vec<Value> {
    request.value(member).and_then(Value::as_array).cloned().unwrap_or_default()
}
