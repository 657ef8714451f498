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
