//! A live service in the form in which it is declared.

use aws_sdk_ecs::types::{
    AwsVpcConfiguration, DeploymentCircuitBreaker, DeploymentConfiguration, LoadBalancer,
    NetworkConfiguration, PropagateTags, Service as LiveService,
};

use super::super::cluster::ClusterName;
use super::super::ecs::{given, name_in};
use super::super::{Input, text};
use super::readiness::primary;
use super::{Capacity, Count, Outputs, ScalingId, Service, ServiceArn};

/// What is recorded of a service: with the deployment that stands now.
pub fn outputs(live: &LiveService, cluster: &ClusterName) -> Outputs {
    let name = text(live.service_name());
    Outputs {
        arn: ServiceArn(text(live.service_arn())),
        scaling_id: ScalingId(format!("service/{cluster}/{name}")),
        name,
        cluster: cluster.clone(),
        deployment: text(primary(live).and_then(|deployment| deployment.id())),
    }
}

/// What a service is made of; `applied` says what a breaker that is off differs from.
pub fn spec(live: &LiveService, applied: Option<&Service>) -> Service {
    let network = live.network_configuration().and_then(NetworkConfiguration::awsvpc_configuration);
    let subnets = network.map(AwsVpcConfiguration::subnets).unwrap_or_default();
    let groups = network.map(AwsVpcConfiguration::security_groups).unwrap_or_default();
    let balancer = live.load_balancers().first();
    let deployment = live.deployment_configuration();
    let port = balancer.and_then(LoadBalancer::container_port);
    Service {
        cluster: Input::Known(name_in(live.cluster_arn().unwrap_or_default()).into()),
        task_definition: Input::Known(text(live.task_definition()).into()),
        count: Count::Fixed(given(live.desired_count())),
        subnets: subnets.iter().map(|id| Input::Known(id.as_str().into())).collect(),
        security_groups: groups.iter().map(|id| Input::Known(id.as_str().into())).collect(),
        target_group: Input::Known(target_groups(live).into()),
        container: text(balancer.and_then(LoadBalancer::container_name)),
        port: port.and_then(|port| port.try_into().ok()).unwrap_or_default(),
        capacity: live
            .capacity_provider_strategy()
            .iter()
            .map(|item| Capacity {
                provider: item.capacity_provider().to_owned(),
                base: given(item.base()),
                weight: given(item.weight()),
            })
            .collect(),
        grace_period_seconds: live.health_check_grace_period_seconds().map_or(0, given),
        minimum_healthy_percent: deployment
            .and_then(DeploymentConfiguration::minimum_healthy_percent)
            .map_or(100, given),
        maximum_percent: deployment
            .and_then(DeploymentConfiguration::maximum_percent)
            .map_or(200, given),
        rollback: rollback(deployment, applied),
        execute_command: live.enable_execute_command(),
        propagate_tags: live.propagate_tags() == Some(&PropagateTags::Service),
    }
}

/// The target group; of several all, which is no target group's ARN and so differs.
fn target_groups(live: &LiveService) -> String {
    let arns = live.load_balancers().iter().filter_map(LoadBalancer::target_group_arn);
    arns.collect::<Vec<_>>().join(", ")
}

/// Whether a failed deployment is rolled back.
///
/// A breaker that is off is always a difference: it reads as the opposite of what was applied.
fn rollback(live: Option<&DeploymentConfiguration>, applied: Option<&Service>) -> bool {
    let breaker = live.and_then(DeploymentConfiguration::deployment_circuit_breaker);
    match breaker.filter(|breaker| breaker.enable()) {
        Some(breaker) => DeploymentCircuitBreaker::rollback(breaker),
        None => applied.is_some_and(|applied| !applied.rollback),
    }
}

#[cfg(test)]
pub mod tests {
    use std::collections::BTreeSet;

    use super::super::request;
    use super::*;

    /// A service for the tests of this kind.
    pub fn wanted() -> Service {
        Service {
            cluster: Input::Known("shop".into()),
            task_definition: Input::Known("definition:1".into()),
            count: Count::Fixed(2),
            subnets: ["subnet-b", "subnet-a"].map(|id| Input::Known(id.into())).into(),
            security_groups: BTreeSet::from([Input::Known("sg-1".into())]),
            target_group: Input::Known("group-1".into()),
            container: "web".into(),
            port: 8080,
            capacity: BTreeSet::from([Capacity { provider: "FARGATE".into(), base: 0, weight: 1 }]),
            grace_period_seconds: 30,
            minimum_healthy_percent: 100,
            maximum_percent: 200,
            rollback: true,
            execute_command: false,
            propagate_tags: true,
        }
    }

    /// What is recorded of it.
    pub fn outputs() -> Outputs {
        super::outputs(&live(&wanted()), &"shop".into())
    }

    fn live(wanted: &Service) -> LiveService {
        LiveService::builder()
            .service_name("web")
            .cluster_arn("arn:aws:ecs:eu-west-1:123456789012:cluster/shop")
            .task_definition("definition:1")
            .desired_count(2)
            .network_configuration(request::network(wanted))
            .load_balancers(request::load_balancer(wanted))
            .set_capacity_provider_strategy(Some(request::capacity(wanted)))
            .health_check_grace_period_seconds(30)
            .deployment_configuration(request::deployment(wanted))
            .propagate_tags(request::tag_source(wanted))
            .build()
    }

    #[test]
    fn what_was_sent_reads_as_it_was_declared() {
        assert_eq!(spec(&live(&wanted()), None), wanted());
    }

    #[test]
    fn a_count_is_written_as_a_number_or_as_bounds() {
        let scaled = Count::Scaled { initial: 1, minimum: 1, maximum: 3 };
        let bounds = serde_json::json!({ "initial": 1, "minimum": 1, "maximum": 3 });
        assert_eq!(serde_json::to_value(scaled).unwrap(), bounds);
        assert_eq!(serde_json::from_value::<Count>(bounds).unwrap(), scaled);
        assert_eq!(serde_json::to_value(Count::Fixed(2)).unwrap(), serde_json::json!(2));
        assert_eq!(serde_json::from_str::<Count>("2").unwrap(), Count::Fixed(2));
    }

    #[test]
    fn a_breaker_that_is_off_differs_from_whatever_was_applied() {
        for wanted in [wanted(), Service { rollback: false, ..wanted() }] {
            let mut off = live(&wanted);
            off.deployment_configuration = None;
            assert_ne!(spec(&off, Some(&wanted)).rollback, wanted.rollback);
        }
    }

    #[test]
    fn a_second_target_group_is_a_difference() {
        let mut two = live(&wanted());
        let other = LoadBalancer::builder().target_group_arn("group-2").build();
        two.load_balancers.as_mut().unwrap().push(other);
        assert_eq!(spec(&two, None).target_group, Input::Known("group-1, group-2".into()));
    }

    #[test]
    fn the_autoscaler_knows_a_service_by_cluster_and_name() {
        assert_eq!(outputs().scaling_id.as_str(), "service/shop/web");
    }
}
