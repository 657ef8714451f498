//! What moves a service's count, if anything does.

use super::balancer::Balancer;
use crate::config;
use crate::graph::{Graph, Wait};
use crate::resource::Handle;
use crate::resource::scalable_target::ScalableTarget;
use crate::resource::scaling_policy::{Metric, ScalingPolicy};
use crate::resource::service::Service;

pub(super) fn add(
    graph: &mut Graph,
    name: &str,
    config: &config::Service,
    service: &Handle<Service>,
    balancer: &Balancer,
) {
    let Some(scaling) = &config.autoscaling else { return };
    let spec = ScalableTarget {
        service: service.scaling_id(),
        minimum: scaling.min,
        maximum: scaling.max,
    };
    let target = graph.add(name, spec);
    let requests = Metric::RequestsPerTarget {
        load_balancer: balancer.itself.full_name(),
        target_group: balancer.targets.full_name(),
    };
    let wanted = [
        ("cpu", Metric::Cpu, scaling.cpu),
        ("memory", Metric::Memory, scaling.memory),
        ("requests", requests, scaling.requests_per_target),
    ];
    for (metric_name, metric, value) in wanted {
        let Some(target_value) = value else { continue };
        let spec = ScalingPolicy {
            service: service.scaling_id(),
            metric,
            target_value,
            scale_in_cooldown_seconds: scaling.scale_in_cooldown_seconds,
            scale_out_cooldown_seconds: scaling.scale_out_cooldown_seconds,
        };
        let why = "a policy hangs on a scalable target";
        let name = format!("{name}-{metric_name}");
        let policy = graph.add_after(&name, spec, [Wait::exists(&target, why)]);
        graph.name_with(&policy, metric_name);
    }
}
