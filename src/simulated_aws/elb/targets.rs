//! What the rest of the cloud does with targets: containers register, answer and leave here.
//!
//! The wire operations on targets are in [`super::target_health`]; both go the same ways.

use std::time::Duration;

use super::super::clock::Moment;
use super::super::cloud::Cloud;
use super::target::Target;
use super::target_group::TargetGroup;
use super::{network, passage};

pub use super::reach::answer_through;
pub use super::target::{TargetAnswer, TargetState};

/// Whether a listener or rule forwards to a target group; `None` when there is no such group.
#[must_use]
pub fn target_group_is_served(cloud: &Cloud, arn: &str) -> Option<bool> {
    cloud.elb.target_groups.contains_key(arn).then(|| cloud.elb.server_of(arn).is_some())
}

/// The path that a target group's health checks ask for; `None` when there is no such group.
#[must_use]
pub fn health_check_path(cloud: &Cloud, arn: &str) -> Option<String> {
    cloud.elb.target_groups.get(arn).map(|group| group.health_check.path.clone())
}

/// Registers an address in a target group, or has a registered one start anew.
///
/// A healthy target that is registered again stays healthy; a draining one is taken back. Without
/// such a group nothing happens: a service outlives its group (aws-behaviour 15.e).
pub fn register_target(cloud: &mut Cloud, arn: &str, ip: &str, port: u16, answer: TargetAnswer) {
    let Some(group) = cloud.elb.target_groups.get(arn) else { return };
    let standing =
        group.target(ip, port).is_some_and(|target| target.state != TargetState::Draining);
    if standing {
        set_answer(cloud, arn, ip, port, answer);
        return;
    }
    let interface = network::interface_with(cloud, &group.vpc, ip);
    let zone = interface.map_or_else(|| "all".to_owned(), |interface| interface.zone.clone());
    let mut target = Target {
        ip: ip.to_owned(),
        port,
        zone,
        answer,
        barred: false,
        state: TargetState::Unused,
        checked_from: cloud.now,
        turns: None,
    };
    target.barred = passage::is_barred(cloud, group, &target);
    if let Some(active) = cloud.elb.in_use_from(arn, &target.zone) {
        start_checks(cloud, arn, &mut target, active);
    }
    if let Some(group) = cloud.elb.target_groups.get_mut(arn) {
        group.remove(ip, port);
        group.targets.push(target);
    }
}

/// Says what a registered target does with requests from now on.
pub fn set_answer(cloud: &mut Cloud, arn: &str, ip: &str, port: u16, answer: TargetAnswer) {
    let now = cloud.now;
    let Some(group) = cloud.elb.target_groups.get_mut(arn) else { return };
    let TargetGroup { targets, health_check, .. } = group;
    for target in targets.iter_mut().filter(|target| target.is_at(ip, port)) {
        target.change_answer(answer, health_check, now);
    }
}

/// Takes an address out of a target group: it drains for the group's deregistration delay.
///
/// A target that was not in use is gone at once.
pub fn deregister_target(cloud: &mut Cloud, arn: &str, ip: &str, port: u16) {
    let now = cloud.now;
    let Some(group) = cloud.elb.target_groups.get_mut(arn) else { return };
    let gone = now.after(group.deregistration_delay());
    match group.target(ip, port).map(|target| target.state) {
        None | Some(TargetState::Draining) => {}
        Some(TargetState::Unused) => group.remove(ip, port),
        Some(TargetState::Initial | TargetState::Healthy | TargetState::Unhealthy) => {
            if let Some(target) = group.target_mut(ip, port) {
                target.drain(gone);
            }
        }
    }
}

/// The health of a target; `None` when it is not registered, or has drained.
#[must_use]
pub fn target_state(cloud: &Cloud, arn: &str, ip: &str, port: u16) -> Option<TargetState> {
    Some(cloud.elb.target_groups.get(arn)?.target(ip, port)?.state)
}

/// What the health checks of a target meet; `None` when it is not registered.
#[must_use]
pub fn met_by_checks(cloud: &Cloud, arn: &str, ip: &str, port: u16) -> Option<TargetAnswer> {
    Some(cloud.elb.target_groups.get(arn)?.target(ip, port)?.met())
}

/// Whether rules of security groups, or who has which group, have changed for some target.
pub(super) fn doors_have_changed(cloud: &Cloud) -> bool {
    let mut groups = cloud.elb.target_groups.values();
    groups.any(|group| {
        let mut targets = group.targets.iter();
        targets.any(|target| target.barred != passage::is_barred(cloud, group, target))
    })
}

/// Has every target that has come within reach of its checks, or out of it, notice.
pub(super) fn follow_doors(cloud: &mut Cloud) {
    let changed: Vec<(String, String, u16, bool)> = cloud
        .elb
        .target_groups
        .values()
        .flat_map(|group| group.targets.iter().map(move |target| (group, target)))
        .map(|(group, target)| (group, target, passage::is_barred(cloud, group, target)))
        .filter(|(_, target, barred)| target.barred != *barred)
        .map(|(group, target, barred)| (group.arn.clone(), target.ip.clone(), target.port, barred))
        .collect();
    let now = cloud.now;
    for (arn, ip, port, barred) in changed {
        let Some(group) = cloud.elb.target_groups.get_mut(&arn) else { continue };
        let TargetGroup { targets, health_check, .. } = group;
        for target in targets.iter_mut().filter(|target| target.is_at(&ip, port)) {
            target.bar(barred, health_check, now);
        }
    }
}

/// Begins or ends the checks of every target whose group has come into use or fallen out of it.
///
/// To be called after every change to listeners, rules and load balancers.
pub(super) fn follow_use(cloud: &mut Cloud) {
    let groups: Vec<String> = cloud.elb.target_groups.keys().cloned().collect();
    for arn in groups {
        let Some(group) = cloud.elb.target_groups.get_mut(&arn) else { continue };
        let mut targets = std::mem::take(&mut group.targets);
        for target in &mut targets {
            match (cloud.elb.in_use_from(&arn, &target.zone), target.state) {
                (Some(active), TargetState::Unused) => start_checks(cloud, &arn, target, active),
                (None, TargetState::Draining) | (Some(_), _) => {}
                (None, _) => target.stop(),
            }
        }
        if let Some(group) = cloud.elb.target_groups.get_mut(&arn) {
            group.targets = targets;
        }
    }
}

/// Starts a target's checks once its load balancer is active, at any point of the interval.
fn start_checks(cloud: &mut Cloud, arn: &str, target: &mut Target, active: Moment) {
    let mut random = cloud.random();
    let Some(group) = cloud.elb.target_groups.get(arn) else { return };
    let interval = group.health_check.interval();
    let offset = Duration::from_millis(random.u64(0..=millis(interval))).max(REGISTRATION);
    let first_check = cloud.now.max(active).after(offset);
    target.start(&group.health_check, first_check, cloud.now);
}

/// How long the nodes of a load balancer take at least to hear of a new target.
const REGISTRATION: Duration = Duration::from_secs(3);

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
