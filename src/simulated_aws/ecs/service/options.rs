//! The settings of a service that start no deployment, as requests say them.

use serde_json::{Value, json};

use super::super::error::invalid;
use super::super::model::{Breaker, DeploymentConfiguration, Options};
use super::template::values;
use crate::simulated_aws::wire::{ApiError, Parameters};

/// The settings of a service of which nothing was said (aws-behaviour 17.f).
pub(super) fn defaults() -> Options {
    Options {
        deployment: DeploymentConfiguration {
            maximum_percent: 200,
            minimum_healthy_percent: 100,
            strategy: "ROLLING".to_owned(),
            bake_minutes: 0,
            alarms: json!({"alarmNames": [], "enable": false, "rollback": false}),
            breaker: Breaker {
                enable: false,
                rollback: false,
                reset_on_healthy_task: true,
                threshold: json!({"type": "BOUNDED_PERCENT", "value": 50}),
            },
        },
        health_check_grace: None,
        zone_rebalancing: "ENABLED".to_owned(),
        execute_command: false,
        managed_tags: false,
        propagate_tags: "NONE".to_owned(),
        placement_constraints: Vec::new(),
        placement_strategy: Vec::new(),
    }
}

/// Changes what the request names, and keeps the rest.
pub(super) fn change(options: &mut Options, request: Parameters<'_>) -> Result<(), ApiError> {
    if request.has("deploymentConfiguration") {
        change_deployment(&mut options.deployment, request.structure("deploymentConfiguration"))?;
    }
    if let Some(seconds) = request.integer("healthCheckGracePeriodSeconds") {
        let seconds = u64::try_from(seconds)
            .map_err(|_| invalid("healthCheckGracePeriodSeconds must not be negative."))?;
        options.health_check_grace = Some(seconds);
    }
    let texts = [
        ("availabilityZoneRebalancing", &mut options.zone_rebalancing, ["ENABLED", "DISABLED", ""]),
        ("propagateTags", &mut options.propagate_tags, ["SERVICE", "TASK_DEFINITION", "NONE"]),
    ];
    for (member, option, known) in texts {
        match request.text(member) {
            Some(text) if known.contains(&text) => text.clone_into(option),
            Some(text) => return Err(invalid(format!("Invalid value {text} for {member}."))),
            None => {}
        }
    }
    check_rebalancing(options)?;
    let flags = [
        ("enableExecuteCommand", &mut options.execute_command),
        ("enableECSManagedTags", &mut options.managed_tags),
    ];
    for (member, option) in flags {
        *option = request.flag(member).unwrap_or(*option);
    }
    let lists = [
        ("placementConstraints", &mut options.placement_constraints),
        ("placementStrategy", &mut options.placement_strategy),
    ];
    for (member, option) in lists {
        if request.has(member) {
            *option = values(request, member);
        }
    }
    Ok(())
}

/// To even out zones, tasks are started before others are stopped ("Balancing an Amazon ECS service
/// across Availability Zones" in the developer guide). A service is made to do so unless it is said
/// otherwise (API reference of CreateService).
fn check_rebalancing(options: &Options) -> Result<(), ApiError> {
    if options.zone_rebalancing == "ENABLED" && options.deployment.maximum_percent <= 100 {
        return Err(invalid("AvailabilityZoneRebalancing does not support maximumPercent <= 100"));
    }
    Ok(())
}

/// Merges member by member (aws-behaviour 17.f).
fn change_deployment(
    deployment: &mut DeploymentConfiguration,
    given: Parameters<'_>,
) -> Result<(), ApiError> {
    let integer = |member: &str, old: i64| given.integer(member).unwrap_or(old);
    deployment.maximum_percent = integer("maximumPercent", deployment.maximum_percent);
    deployment.minimum_healthy_percent =
        integer("minimumHealthyPercent", deployment.minimum_healthy_percent);
    deployment.bake_minutes = integer("bakeTimeInMinutes", deployment.bake_minutes);
    match given.text("strategy") {
        Some("ROLLING") | None => {}
        Some(other) => {
            return Err(invalid(format!("The simulated AWS does not know the strategy {other}.")));
        }
    }
    if let Some(alarms) = given.value("alarms") {
        deployment.alarms = alarms.clone();
    }
    if given.has("deploymentCircuitBreaker") {
        change_breaker(&mut deployment.breaker, given.structure("deploymentCircuitBreaker"));
    }
    check_percents(deployment)
}

/// The two flags are replaced together, the newer members are kept when absent (aws-behaviour
/// 17.f).
fn change_breaker(breaker: &mut Breaker, given: Parameters<'_>) {
    breaker.enable = given.flag("enable").unwrap_or(false);
    breaker.rollback = given.flag("rollback").unwrap_or(false);
    breaker.reset_on_healthy_task =
        given.flag("resetOnHealthyTask").unwrap_or(breaker.reset_on_healthy_task);
    if let Some(threshold) = given.value("thresholdConfiguration") {
        breaker.threshold = threshold.clone();
    }
}

fn check_percents(deployment: &DeploymentConfiguration) -> Result<(), ApiError> {
    let (minimum, maximum) = (deployment.minimum_healthy_percent, deployment.maximum_percent);
    if !(0..=100).contains(&minimum) || !(100..=200).contains(&maximum) {
        return Err(invalid(
            "minimumHealthyPercent must be between 0 and 100, maximumPercent between 100 and 200.",
        ));
    }
    if minimum == 100 && maximum == 100 {
        return Err(invalid(
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block \
             deployments.",
        ));
    }
    Ok(())
}

/// The configuration as AWS shows it.
pub(in super::super) fn shown(deployment: &DeploymentConfiguration) -> Value {
    json!({
        "maximumPercent": deployment.maximum_percent,
        "minimumHealthyPercent": deployment.minimum_healthy_percent,
        "strategy": deployment.strategy,
        "bakeTimeInMinutes": deployment.bake_minutes,
        "alarms": deployment.alarms,
        "deploymentCircuitBreaker": {
            "enable": deployment.breaker.enable,
            "rollback": deployment.breaker.rollback,
            "resetOnHealthyTask": deployment.breaker.reset_on_healthy_task,
            "thresholdConfiguration": deployment.breaker.threshold,
        },
    })
}
