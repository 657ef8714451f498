//! How many tasks run: count, autoscaling, Spot, deployments.

use super::Report;
use crate::config::service::{Autoscaling, Deployment, Service, Spot};

/// How many tasks ECS runs for one service.
const MOST_TASKS: u32 = 5000;

const LARGEST_BASE: u32 = 100_000;
const LARGEST_WEIGHT: u32 = 1000;

pub(super) fn check(service: &Service, report: &mut Report<'_>) {
    report.within("count", service.count, 0, MOST_TASKS);
    if let Some(scaling) = &service.autoscaling {
        check_bounds(service, scaling, report);
        check_targets(scaling, report);
    }
    if let Some(spot) = &service.spot {
        check_spot(spot, report);
    }
    check_deployment(service, report);
}

fn check_bounds(service: &Service, scaling: &Autoscaling, report: &mut Report<'_>) {
    let Autoscaling { min, max, .. } = *scaling;
    report.within("autoscaling.max", max, 1, MOST_TASKS);
    if min > max {
        let message = format!("the fewest tasks, {min}, are more than the most, {max}");
        report.wrong(&["autoscaling.min", "autoscaling.max"], message, "`min` is at most `max`");
    } else if !(min..=max).contains(&service.count) {
        let message =
            format!("{} tasks are outside of autoscaling's {min} to {max}", service.count);
        let advice = format!("choose a count from {min} to {max}, or leave it out");
        report.wrong(&["count", "autoscaling.min", "autoscaling.max"], message, advice);
    }
}

fn check_targets(scaling: &Autoscaling, report: &mut Report<'_>) {
    let Autoscaling { cpu, memory, requests_per_target, .. } = *scaling;
    for (key, percent) in [("autoscaling.cpu", cpu), ("autoscaling.memory", memory)] {
        if percent.is_some_and(|percent| !(percent > 0.0 && percent <= 100.0)) {
            report.wrong(&[key], format!("`{key}` is not a percentage"), "more than 0, up to 100");
        }
    }
    if requests_per_target.is_some_and(|requests| !(requests > 0.0 && requests.is_finite())) {
        let message = "`autoscaling.requests_per_target` is not a number of requests";
        report.wrong(&["autoscaling.requests_per_target"], message, "more than 0");
    }
    if cpu.is_none() && memory.is_none() && requests_per_target.is_none() {
        let advice =
            "give `cpu`, `memory` or `requests_per_target`: `cpu = 60` holds the average at 60 %";
        let keys = [
            "autoscaling",
            "autoscaling.cpu",
            "autoscaling.memory",
            "autoscaling.requests_per_target",
        ];
        report.wrong(&keys, "autoscaling has nothing to go by", advice);
    }
}

fn check_spot(spot: &Spot, report: &mut Report<'_>) {
    report.within("spot.base", spot.base, 0, LARGEST_BASE);
    report.within("spot.on_demand_weight", spot.on_demand_weight, 0, LARGEST_WEIGHT);
    report.within("spot.spot_weight", spot.spot_weight, 0, LARGEST_WEIGHT);
    if spot.on_demand_weight == 0 && spot.spot_weight == 0 {
        report.wrong(
            &["spot.spot_weight", "spot.on_demand_weight"],
            "both weights are 0: tasks beyond `base` could run nowhere",
            "give one of them a weight: `spot_weight = 1`",
        );
    }
}

fn check_deployment(service: &Service, report: &mut Report<'_>) {
    let Deployment { minimum_healthy_percent, maximum_percent, .. } = service.deployment;
    report.within("deployment.minimum_healthy_percent", minimum_healthy_percent, 0, 100);
    report.within("deployment.maximum_percent", maximum_percent, 100, 200);
    let fewest = fewest_tasks(service);
    let (kept, most) = task_bounds(fewest, &service.deployment);
    if fewest > 0 && kept >= most && (100..=200).contains(&maximum_percent) {
        let message = format!(
            "no deployment could ever proceed: of {} it must keep {kept} and may run no more than {most}",
            if fewest == 1 { "1 task".into() } else { format!("{fewest} tasks") }
        );
        let keys = ["deployment.maximum_percent", "deployment.minimum_healthy_percent"];
        report.wrong(&keys, message, "raise `maximum_percent`, or lower `minimum_healthy_percent`");
    }
}

/// The fewest tasks that a deployment may meet, unless there are none.
fn fewest_tasks(service: &Service) -> u32 {
    let scaled = service.autoscaling.as_ref().map(|scaling| scaling.min.max(1));
    scaled.map_or(service.count, |fewest| fewest.min(service.count))
}

/// How many tasks a deployment must keep healthy and how many may run meanwhile: ECS rounds the one
/// up and the other down.
fn task_bounds(count: u32, deployment: &Deployment) -> (u64, u64) {
    let count = u64::from(count);
    let share = |percent: u32| count * u64::from(percent);
    (
        share(deployment.minimum_healthy_percent).div_ceil(100),
        share(deployment.maximum_percent) / 100,
    )
}
