//! What a stack is made of: from the configuration to a graph of resources.
//!
//! The rule: these files read like a description. They decide nothing that depends on what is
//! there already, but for the subnets, which never move once they are placed.

mod autoscaling;
mod balancer;
pub mod drift;
mod identity;
mod keys;
mod network;
pub mod outputs;
mod placement;
mod service;

pub use keys::key_of;
pub use placement::{Placement, PlacementError, place, remembered_zones};

use crate::aws::partition_of;
use crate::config::Config;
use crate::graph::Graph;

/// Describes the whole stack.
pub fn build(config: &Config, placement: &Placement) -> Graph {
    let mut graph = Graph::default();
    let network = network::add(&mut graph, &config.network, placement);
    let cluster = service::add_cluster(&mut graph, &config.cluster);
    let mut services = Vec::new();
    for (name, service) in &config.services {
        let identity = identity::add(&mut graph, name, service, &config.region);
        let balancer = balancer::add(&mut graph, name, service, &network, config.protect);
        let running = service::Surroundings {
            region: &config.region,
            network: &network,
            cluster: &cluster,
            identity: &identity,
            balancer: &balancer,
        };
        let handle = service::add(&mut graph, name, service, &running);
        autoscaling::add(&mut graph, name, service, &handle, &balancer);
        services.push(handle);
    }
    let around = drift::Around {
        network: &network,
        cluster: &cluster,
        account: &placement.account,
        partition: partition_of(&config.region),
        services: &services,
    };
    drift::add(&mut graph, config, &around);
    graph
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::{Overrides, Source};

    /// A stack with all that one can have, whose service has this name.
    fn graph(service: &str) -> Option<Graph> {
        let text = format!(
            "name = \"shop\"\nregion = \"eu-west-1\"\n[state]\nbucket = \"acme-states\"\n\
             [drift]\nschedule = \"rate(1 hour)\"\nimage = \"acme/provision:1\"\n\
             [services.{service}]\nimage = \"acme/shop:1\"\n\
             autoscaling = {{ min = 1, max = 9, cpu = 50, memory = 50, requests_per_target = 9 }}\n"
        );
        let source = Source { path: "provision.toml".into(), text };
        let overrides = Overrides { environment: "dev".into(), ..Overrides::default() };
        let config = Config::load(&source, &overrides).ok()?;
        let zones = ["eu-west-1a", "eu-west-1b"].map(str::to_owned);
        let placement = place(&config.network, &config.region, &zones, None).ok()?;
        Some(build(&config, &placement))
    }

    #[test]
    fn a_service_may_be_named_as_any_part_that_is_of_another_kind() {
        let whole = graph("app").expect("a stack of usual names");
        let names: BTreeSet<&str> = whole.nodes().iter().map(|node| node.address.name()).collect();
        let refused: Vec<&str> = names.into_iter().filter(|name| graph(name).is_none()).collect();
        assert_eq!(refused, ["balancer", "drift"]);
    }
}
