//! A service in ECS's words.
//!
//! The rule: an update names what changed and nothing else, since sending a block that ECS has
//! already can start a deployment (aws-behaviour 17.f).

use aws_sdk_ecs::operation::update_service::builders::UpdateServiceInputBuilder;
use aws_sdk_ecs::types::{
    AssignPublicIp, AvailabilityZoneRebalancing, AwsVpcConfiguration, CapacityProviderStrategyItem,
    DeploymentCircuitBreaker, DeploymentConfiguration, LoadBalancer, NetworkConfiguration,
    PropagateTags,
};

use super::super::ecs::sent;
use super::super::{Change, Readiness};
use super::{Count, Service};

/// The part of UpdateService that brings a service to `spec`; `None` when no field needs it.
pub fn update(spec: &Service, change: &Change<Service>) -> Option<UpdateServiceInputBuilder> {
    let touches = |fields: &[&str]| fields.iter().any(|field| change.touches(field));
    let nothing = UpdateServiceInputBuilder::default();
    let mut update = nothing.clone();
    if touches(&["task_definition"]) {
        update = update.task_definition(spec.task_definition.get().as_str());
    }
    if touches(&["count"]) {
        update = update.set_desired_count(spec.count.over(change.from.spec.count).map(sent));
    }
    if touches(&["subnets", "security_groups"]) {
        update = update.network_configuration(network(spec));
    }
    if touches(&["target_group", "container", "port"]) {
        update = update.load_balancers(load_balancer(spec));
    }
    if touches(&["capacity"]) {
        // Without force, tasks that run already stay where they are.
        update = update.set_capacity_provider_strategy(Some(capacity(spec)));
        update = update.force_new_deployment(true);
    }
    if touches(&["grace_period_seconds"]) {
        update = update.health_check_grace_period_seconds(sent(spec.grace_period_seconds));
    }
    if touches(&["minimum_healthy_percent", "maximum_percent", "rollback"]) {
        update = update.deployment_configuration(deployment(spec));
    }
    if touches(&["maximum_percent"]) {
        update = update.availability_zone_rebalancing(rebalancing(spec));
    }
    if touches(&["execute_command"]) {
        // Tasks that run already keep what they were started with (aws-behaviour 17.f).
        update = update.enable_execute_command(spec.execute_command);
        update = update.force_new_deployment(true);
    }
    if touches(&["propagate_tags"]) {
        update = update.propagate_tags(tag_source(spec));
        update = update.enable_ecs_managed_tags(spec.propagate_tags);
    }
    if matches!(change.from.readiness, Readiness::Failed(_)) {
        // ECS does not try a failed deployment again by itself, nor for the same definition.
        update = update.force_new_deployment(true);
    }
    (update != nothing).then_some(update)
}

impl Count {
    /// The count to begin with.
    pub fn at_first(self) -> u32 {
        match self {
            Self::Fixed(count) | Self::Scaled { initial: count, .. } => count,
        }
    }

    /// The count to send to a service that has `live`.
    ///
    /// Within the autoscaler's bounds the count is the autoscaler's (aws-behaviour 26). Beyond
    /// them it is the nearest bound's, since the autoscaler acts on alarms and not on bounds.
    fn over(self, live: Self) -> Option<u32> {
        match (self, live) {
            (Self::Fixed(count), _) => Some(count),
            (Self::Scaled { minimum, .. }, Self::Fixed(live)) if live < minimum => Some(minimum),
            (Self::Scaled { maximum, .. }, Self::Fixed(live)) if live > maximum => Some(maximum),
            (Self::Scaled { .. }, _) => None,
        }
    }
}

/// Where tasks have their network interfaces: always behind the load balancer, never in public.
pub fn network(spec: &Service) -> NetworkConfiguration {
    let subnets = spec.subnets.iter().map(|subnet| subnet.get().0.clone()).collect();
    let groups = spec.security_groups.iter().map(|group| group.get().0.clone()).collect();
    let network = AwsVpcConfiguration::builder()
        .set_subnets(Some(subnets))
        .set_security_groups(Some(groups))
        .assign_public_ip(AssignPublicIp::Disabled)
        .build()
        .expect("a network configuration has subnets");
    NetworkConfiguration::builder().awsvpc_configuration(network).build()
}

/// Where tasks are registered.
pub fn load_balancer(spec: &Service) -> LoadBalancer {
    LoadBalancer::builder()
        .target_group_arn(spec.target_group.get().as_str())
        .container_name(&spec.container)
        .container_port(i32::from(spec.port))
        .build()
}

/// On whose capacity tasks are placed.
pub fn capacity(spec: &Service) -> Vec<CapacityProviderStrategyItem> {
    let items = spec.capacity.iter().map(|capacity| {
        CapacityProviderStrategyItem::builder()
            .capacity_provider(&capacity.provider)
            .base(sent(capacity.base))
            .weight(sent(capacity.weight))
            .build()
            .expect("an item of a strategy has a provider")
    });
    items.collect()
}

/// How deployments go. The breaker is sent whole: what is left out of it is reset
/// (aws-behaviour 17.f).
pub fn deployment(spec: &Service) -> DeploymentConfiguration {
    let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(spec.rollback).build();
    DeploymentConfiguration::builder()
        .minimum_healthy_percent(sent(spec.minimum_healthy_percent))
        .maximum_percent(sent(spec.maximum_percent))
        .deployment_circuit_breaker(breaker)
        .build()
}

/// Whether tasks are moved to even out zones. ECS does so where nothing is said, but refuses it where
/// no task more than the count may run meanwhile ("Balancing an Amazon ECS service across Availability
/// Zones" in the ECS developer guide).
pub fn rebalancing(spec: &Service) -> AvailabilityZoneRebalancing {
    if spec.maximum_percent > 100 {
        AvailabilityZoneRebalancing::Enabled
    } else {
        AvailabilityZoneRebalancing::Disabled
    }
}

/// Whose tags tasks are given. ECS's own, which name cluster and service, go with them.
pub fn tag_source(spec: &Service) -> PropagateTags {
    if spec.propagate_tags { PropagateTags::Service } else { PropagateTags::None }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::super::Live;
    use super::super::canonical::tests::{outputs, wanted};
    use super::*;
    use crate::aws::Tags;

    fn change(fields: &[&str]) -> Change<Service> {
        let from = Live {
            spec: wanted(),
            outputs: outputs(),
            tags: Tags::new(),
            readiness: Readiness::Ready,
        };
        Change { from, fields: fields.iter().map(|field| (*field).to_owned()).collect() }
    }

    #[test]
    fn a_failed_deployment_is_tried_again_though_nothing_else_changes() {
        let mut change = change(&[]);
        change.from.readiness = Readiness::Failed("tasks failed to start".into());
        let update = update(&wanted(), &change).unwrap();
        assert_eq!(update, UpdateServiceInputBuilder::default().force_new_deployment(true));
    }

    #[test]
    fn new_tags_are_no_update_of_the_service() {
        assert_eq!(update(&wanted(), &change(&["tags"])), None);
    }

    #[test]
    fn another_task_definition_is_all_that_is_sent_of_it() {
        let sent = update(&wanted(), &change(&["task_definition"])).unwrap();
        let expected = UpdateServiceInputBuilder::default().task_definition("definition:1");
        assert_eq!(sent, expected);
    }

    #[test]
    fn only_what_running_tasks_would_not_get_forces_a_deployment() {
        for field in ["task_definition", "count", "subnets", "port", "rollback", "propagate_tags"] {
            let sent = update(&wanted(), &change(&[field])).unwrap();
            assert_eq!(sent.get_force_new_deployment(), &None, "{field}");
        }
        for field in ["capacity", "execute_command"] {
            let sent = update(&wanted(), &change(&[field])).unwrap();
            assert_eq!(sent.get_force_new_deployment(), &Some(true), "{field}");
        }
    }

    #[test]
    fn zones_are_evened_out_only_where_another_task_may_run_meanwhile() {
        for (maximum_percent, expected) in [(100, "DISABLED"), (101, "ENABLED"), (200, "ENABLED")] {
            let spec = Service { maximum_percent, ..wanted() };
            let sent = update(&spec, &change(&["maximum_percent"])).unwrap();
            let sent = sent
                .get_availability_zone_rebalancing()
                .as_ref()
                .map(AvailabilityZoneRebalancing::as_str);
            assert_eq!(sent, Some(expected), "{maximum_percent}");
        }
    }

    #[test]
    fn a_record_of_before_says_that_tasks_have_no_tags() {
        let mut recorded = serde_json::to_value(wanted()).unwrap();
        recorded.as_object_mut().unwrap().remove("propagate_tags");
        let recorded: Service = serde_json::from_value(recorded).unwrap();
        assert!(!recorded.propagate_tags);
        assert_eq!(serde_json::to_value(&recorded).unwrap().get("propagate_tags"), None);
    }

    #[test]
    fn the_breaker_is_always_on_and_whole() {
        let sent = deployment(&Service { rollback: false, ..wanted() });
        let breaker = sent.deployment_circuit_breaker().unwrap();
        assert_eq!((breaker.enable(), breaker.rollback()), (true, false));
    }

    #[test]
    fn the_autoscaler_is_not_overruled_within_its_bounds() {
        let scaled = Count::Scaled { initial: 2, minimum: 2, maximum: 4 };
        assert_eq!(scaled.over(Count::Fixed(3)), None);
        assert_eq!(scaled.over(Count::Scaled { initial: 1, minimum: 1, maximum: 9 }), None);
        let spec = Service { count: scaled, ..wanted() };
        assert_eq!(update(&spec, &change(&["count"])), None);
    }

    #[test]
    fn a_count_beyond_its_bounds_is_brought_to_the_nearest() {
        let scaled = Count::Scaled { initial: 2, minimum: 2, maximum: 4 };
        assert_eq!(scaled.over(Count::Fixed(0)), Some(2));
        assert_eq!(scaled.over(Count::Fixed(9)), Some(4));
        assert_eq!(Count::Fixed(3).over(scaled), Some(3));
    }

    #[test]
    fn a_service_begins_with_what_is_wanted_at_first() {
        assert_eq!(Count::Fixed(3).at_first(), 3);
        assert_eq!(Count::Scaled { initial: 2, minimum: 1, maximum: 4 }.at_first(), 2);
    }

    #[test]
    fn subnets_are_sent_without_public_addresses() {
        let sent = network(&wanted());
        let sent = sent.awsvpc_configuration().unwrap();
        assert_eq!(sent.assign_public_ip(), Some(&AssignPublicIp::Disabled));
        let subnets: BTreeSet<&str> = sent.subnets().iter().map(String::as_str).collect();
        assert_eq!(subnets, BTreeSet::from(["subnet-a", "subnet-b"]));
    }
}
