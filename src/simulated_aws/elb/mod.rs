//! Elastic Load Balancing v2: application load balancers, their listeners, and target groups.
//!
//! What refers to what is kept in one place each: a listener names its load balancer, a rule its
//! listener, an action its target groups. Whether a group is in use is always asked, never noted
//! down, so no deletion can forget to say so.
//!
//! Only application load balancers are known, with targets of type `ip` and `instance`; network
//! and gateway ones are refused.

mod action;
mod attributes;
mod balancer_settings;
mod condition;
mod health_check;
#[cfg(test)]
mod life;
mod limits;
mod listener;
mod load_balancer;
mod network;
mod page;
mod passage;
mod placement;
mod reach;
mod rule;
mod tags;
mod target;
mod target_group;
mod target_group_settings;
mod target_health;
pub mod targets;
#[cfg(test)]
mod tests;
mod validate;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use self::limits::Quotas;
use self::listener::Listener;
use self::load_balancer::LoadBalancer;
use self::placement::LeavingInterface;
use self::rule::Rule;
use self::target_group::TargetGroup;
use super::clock::Moment;
use super::cloud::Cloud;
use super::endpoint::unknown_operation;
use super::wire::{Answer, Parameters};

/// What the account holds here, each thing by its ARN.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Elb {
    load_balancers: BTreeMap<String, LoadBalancer>,
    target_groups: BTreeMap<String, TargetGroup>,
    listeners: BTreeMap<String, Listener>,
    rules: BTreeMap<String, Rule>,
    tags: BTreeMap<String, BTreeMap<String, String>>,
    /// Network interfaces that outlive their load balancer for a while.
    leaving: Vec<LeavingInterface>,
    /// What the account may have; tests lower it.
    pub quotas: Quotas,
}

impl Elb {
    /// Lets a load balancer be one that could not be set up (aws-behaviour 14.d).
    pub fn fail(&mut self, balancer: &str, reason: &str) {
        if let Some(balancer) = self.load_balancers.get_mut(balancer) {
            balancer.failed = Some(reason.to_owned());
        }
    }

    /// The listeners of a load balancer.
    fn listeners_of<'a>(&'a self, balancer: &'a str) -> impl Iterator<Item = &'a Listener> {
        self.listeners.values().filter(move |listener| listener.load_balancer == balancer)
    }

    /// The rules of a listener but for the default one, which is part of the listener.
    fn rules_of<'a>(&'a self, listener: &'a str) -> impl Iterator<Item = &'a Rule> {
        self.rules.values().filter(move |rule| rule.listener == listener)
    }

    /// The load balancer that forwards to a target group. AWS allows one (aws-behaviour 15).
    fn server_of(&self, target_group: &str) -> Option<&LoadBalancer> {
        let forwarding = self.listeners.values().find(|listener| {
            listener.action.forwards_to(target_group)
                || self.rules_of(&listener.arn).any(|rule| rule.action.forwards_to(target_group))
        })?;
        self.load_balancers.get(&forwarding.load_balancer)
    }

    /// When a target in `zone` can be sent requests; `None` when no load balancer reaches it, or
    /// one that failed.
    fn in_use_from(&self, target_group: &str, zone: &str) -> Option<Moment> {
        let server = self.server_of(target_group).filter(|server| server.reaches(zone))?;
        server.failed.is_none().then_some(server.active)
    }

    /// The target groups that a load balancer forwards to.
    fn groups_of<'a>(&'a self, balancer: &'a str) -> BTreeSet<&'a str> {
        self.listeners_of(balancer)
            .flat_map(|listener| {
                let rules = self.rules_of(&listener.arn).flat_map(|rule| rule.action.groups());
                listener.action.groups().chain(rules)
            })
            .collect()
    }

    /// Takes a listener away with all its rules.
    fn remove_listener(&mut self, arn: &str) {
        if let Some(listener) = self.listeners.remove(arn) {
            self.tags.remove(&listener.default_rule);
        }
        self.tags.remove(arn);
        let rules: Vec<String> = self.rules_of(arn).map(|rule| rule.arn.clone()).collect();
        for rule in rules {
            self.rules.remove(&rule);
            self.tags.remove(&rule);
        }
    }
}

/// Answers an operation.
pub fn answer(cloud: &mut Cloud, operation: &str, request: Parameters<'_>) -> Answer {
    match operation {
        "CreateLoadBalancer" => load_balancer::create(cloud, request),
        "DescribeLoadBalancers" => load_balancer::describe(cloud, request),
        "DeleteLoadBalancer" => load_balancer::delete(cloud, request),
        "SetSubnets" => placement::set_subnets(cloud, request),
        "SetSecurityGroups" => balancer_settings::set_security_groups(cloud, request),
        "SetIpAddressType" => balancer_settings::set_ip_address_type(cloud, request),
        "DescribeLoadBalancerAttributes" => balancer_settings::describe_attributes(cloud, request),
        "ModifyLoadBalancerAttributes" => balancer_settings::modify_attributes(cloud, request),
        "CreateTargetGroup" => target_group::create(cloud, request),
        "DescribeTargetGroups" => target_group::describe(cloud, request),
        "DeleteTargetGroup" => target_group::delete(cloud, request),
        "ModifyTargetGroup" => target_group_settings::modify(cloud, request),
        "DescribeTargetGroupAttributes" => {
            target_group_settings::describe_attributes(cloud, request)
        }
        "ModifyTargetGroupAttributes" => target_group_settings::modify_attributes(cloud, request),
        "RegisterTargets" => target_health::register(cloud, request),
        "DeregisterTargets" => target_health::deregister(cloud, request),
        "DescribeTargetHealth" => target_health::describe(cloud, request),
        "CreateListener" => listener::create(cloud, request),
        "DescribeListeners" => listener::describe(cloud, request),
        "ModifyListener" => listener::modify(cloud, request),
        "DeleteListener" => listener::delete(cloud, request),
        "DescribeListenerAttributes" => listener::describe_attributes(cloud, request),
        "ModifyListenerAttributes" => listener::modify_attributes(cloud, request),
        "CreateRule" => rule::create(cloud, request),
        "DescribeRules" => rule::describe(cloud, request),
        "ModifyRule" => rule::modify(cloud, request),
        "DeleteRule" => rule::delete(cloud, request),
        "SetRulePriorities" => rule::set_priorities(cloud, request),
        "AddTags" => tags::add(cloud, request),
        "RemoveTags" => tags::remove(cloud, request),
        "DescribeTags" => tags::describe(cloud, request),
        "DescribeAccountLimits" => limits::describe(cloud, request),
        _ => Err(unknown_operation(operation)),
    }
}

/// The next moment at which something changes by itself.
#[must_use]
pub fn next_due(cloud: &Cloud) -> Option<Moment> {
    let elb = &cloud.elb;
    let targets = elb.target_groups.values().flat_map(|group| &group.targets);
    let turns = targets.filter_map(|target| target.turns);
    turns.chain(elb.leaving.iter().map(|interface| interface.gone)).min()
}

/// Whether something was changed elsewhere that load balancers are to notice.
pub fn is_touched(cloud: &Cloud) -> bool {
    targets::doors_have_changed(cloud)
}

/// Lets everything happen that is due at `cloud.now`.
pub fn pass(cloud: &mut Cloud) {
    let now = cloud.now;
    targets::follow_doors(cloud);
    for group in cloud.elb.target_groups.values_mut() {
        group.turn_targets(now);
    }
    placement::remove_left_interfaces(cloud);
}
