//! The wire operations on targets: register, deregister, ask for their health.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::super::clock::Moment;
use super::super::cloud::Cloud;
use super::super::wire::{Answer, ApiError, Parameters};
use super::limits::within;
use super::target::{Target, TargetAnswer, TargetState};
use super::target_group::{TargetGroup, named};
use super::targets::{deregister_target, register_target};
use super::validate::{invalid, missing, optional_port, required};

/// Registers addresses. One that is new, and that no room speaks for, answers nothing.
pub fn register(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let group = named(&cloud.elb, request)?;
    let arn = group.arn.clone();
    let chosen = chosen(group, request)?;
    if chosen.is_empty() {
        return Err(missing("Targets"));
    }
    let registered = |target: &&Chosen| group.target(&target.ip, target.port_in(group)).is_some();
    let fresh = chosen.len() - chosen.iter().filter(registered).count();
    let most = cloud.elb.quotas.targets_per_target_group;
    within(group.targets.len() + fresh, most, "TooManyTargets")?;
    let addresses: Vec<_> = chosen
        .into_iter()
        .map(|target| {
            let port = target.port_in(group);
            let present = group.target(&target.ip, port).map(|present| present.answer);
            (target.ip, port, present.unwrap_or(TargetAnswer::TimesOut))
        })
        .collect();
    for (ip, port, answer) in addresses {
        register_target(cloud, &arn, &ip, port, answer);
    }
    Ok(json!({}))
}

/// Deregisters addresses: on all their ports where none is given. One that is not there is well.
pub fn deregister(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let group = named(&cloud.elb, request)?;
    let arn = group.arn.clone();
    let chosen = chosen(group, request)?;
    let leaving: Vec<_> = group
        .targets
        .iter()
        .filter(|target| chosen.iter().any(|chosen| chosen.means(target)))
        .map(|target| (target.ip.clone(), target.port))
        .collect();
    for (ip, port) in leaving {
        deregister_target(cloud, &arn, &ip, port);
    }
    Ok(json!({}))
}

pub fn describe(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let group = named(&cloud.elb, request)?;
    let served = cloud.elb.server_of(&group.arn).is_some();
    let chosen = chosen(group, request)?;
    let registered = group
        .targets
        .iter()
        .filter(|target| chosen.is_empty() || chosen.iter().any(|chosen| chosen.means(target)))
        .map(|target| description(group, target, served, cloud.now));
    let unknown = chosen
        .iter()
        .filter(|chosen| !group.targets.iter().any(|target| chosen.means(target)))
        .map(|chosen| not_registered(group, chosen));
    Ok(json!({"TargetHealthDescriptions": registered.chain(unknown).collect::<Vec<_>>()}))
}

/// A target as a request names it.
struct Chosen {
    ip: String,
    port: Option<u16>,
}

impl Chosen {
    fn port_in(&self, group: &TargetGroup) -> u16 {
        self.port.unwrap_or(group.port)
    }

    fn means(&self, target: &Target) -> bool {
        self.ip == target.ip && self.port.is_none_or(|port| port == target.port)
    }
}

fn chosen(group: &TargetGroup, request: Parameters<'_>) -> Result<Vec<Chosen>, ApiError> {
    request
        .structures("Targets")
        .map(|target| {
            let ip = address(group, required(target, "Id")?)?;
            Ok(Chosen { ip, port: optional_port(target, "Port")? })
        })
        .collect()
}

/// Checks that an id is one that the group can hold: a private address, since the simulated
/// account has no instances.
fn address(group: &TargetGroup, id: &str) -> Result<String, ApiError> {
    if group.target_type == "instance" {
        let message = format!("The following targets are not valid instances: '{id}'");
        return Err(ApiError::new("InvalidTarget", message));
    }
    let address: Ipv4Addr = id
        .parse()
        .map_err(|_| invalid(format!("The IP address '{id}' is not a valid IPv4 address")))?;
    let [first, second, ..] = address.octets();
    let is_shared = first == 100 && (64..128).contains(&second);
    if !address.is_private() && !is_shared {
        return Err(invalid(format!("The IP address '{id}' is not within a private range")));
    }
    Ok(id.to_owned())
}

fn description(group: &TargetGroup, target: &Target, served: bool, now: Moment) -> Value {
    let health = match target.state {
        TargetState::Initial if now < target.checked_from => {
            health("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
        }
        TargetState::Initial => {
            health("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
        }
        TargetState::Healthy => json!({"State": "healthy"}),
        TargetState::Unhealthy => unhealthy(target.met()),
        TargetState::Draining => health(
            "draining",
            "Target.DeregistrationInProgress",
            "Target deregistration is in progress",
        ),
        TargetState::Unused => unused(served),
    };
    let zone = Some(target.zone.as_str());
    shown(group, &target.ip, target.port, zone, &health)
}

fn unused(served: bool) -> Value {
    let description = if served {
        "Target is in an Availability Zone that is not enabled for the load balancer"
    } else {
        "Target group is not configured to receive traffic from the load balancer"
    };
    health("unused", "Target.NotInUse", description)
}

fn unhealthy(answer: TargetAnswer) -> Value {
    match answer {
        TargetAnswer::Status(status) => health(
            "unhealthy",
            "Target.ResponseCodeMismatch",
            &format!("Health checks failed with these codes: [{status}]"),
        ),
        TargetAnswer::Refused => {
            health("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
        }
        TargetAnswer::TimesOut => health("unhealthy", "Target.Timeout", "Request timed out"),
    }
}

fn not_registered(group: &TargetGroup, chosen: &Chosen) -> Value {
    let description = "Target is not registered to the target group";
    let health = health("unused", "Target.NotRegistered", description);
    shown(group, &chosen.ip, chosen.port_in(group), None, &health)
}

fn health(state: &str, reason: &str, description: &str) -> Value {
    json!({"State": state, "Reason": reason, "Description": description})
}

fn shown(group: &TargetGroup, ip: &str, port: u16, zone: Option<&str>, health: &Value) -> Value {
    let check_port = match group.health_check.port.as_str() {
        "traffic-port" => port.to_string(),
        fixed => fixed.to_owned(),
    };
    json!({
        "Target": {"Id": ip, "Port": port, "AvailabilityZone": zone},
        "HealthCheckPort": check_port,
        "TargetHealth": health,
    })
}
