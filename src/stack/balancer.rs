//! The way in: a load balancer that anybody named may reach, and tasks that only it may reach.

use std::collections::BTreeSet;

use super::network::Network;
use crate::config::{self, Service};
use crate::graph::{Graph, Wait};
use crate::resource::Handle;
use crate::resource::listener::Listener;
use crate::resource::load_balancer::LoadBalancer;
use crate::resource::security_group::{Peer, Protocol, Rule, SecurityGroup};
use crate::resource::subnet::Subnet;
use crate::resource::target_group::{HealthCheck, TargetGroup};

/// What stands between the internet and a service.
pub(super) struct Balancer {
    pub itself: Handle<LoadBalancer>,
    pub listener: Handle<Listener>,
    pub targets: Handle<TargetGroup>,
    /// The group that lets only the load balancer in.
    pub service_group: Handle<SecurityGroup>,
}

/// AWS's own default: long enough for a slow answer, short enough for a dead client.
const IDLE_TIMEOUT_SECONDS: u32 = 60;

pub(super) fn add(
    graph: &mut Graph,
    name: &str,
    service: &Service,
    network: &Network,
    protect: bool,
) -> Balancer {
    let group = add_balancer_group(graph, service, network);
    let service_group = add_service_group(graph, name, service, network, &group);
    let spec = LoadBalancer {
        vpc: network.vpc.id(),
        subnets: network.public.iter().map(Handle::<Subnet>::id).collect(),
        security_groups: BTreeSet::from([group.id()]),
        deletion_protection: protect,
        idle_timeout_seconds: IDLE_TIMEOUT_SECONDS,
        drop_invalid_headers: true,
    };
    let why = "one that faces the internet needs an attached internet gateway";
    let way_in = "its nodes answer through it, as long as they are there";
    let waits = [Wait::exists(&network.gateway, why), Wait::exists(&network.public_table, way_in)];
    let balancer = graph.add_after("main", spec, waits);
    let targets = graph.add(name, target_group(service, network));
    let spec = Listener {
        load_balancer: balancer.arn(),
        port: service.listener_port,
        target_group: targets.arn(),
    };
    let why = "a port is let in before it is listened on, and as long as it is";
    let listener = graph.add_after("http", spec, [Wait::exists(&group, why)]);
    Balancer { itself: balancer, listener, targets, service_group }
}

fn add_balancer_group(
    graph: &mut Graph,
    service: &Service,
    network: &Network,
) -> Handle<SecurityGroup> {
    let ingress = service.ingress.iter().map(|cidr| Rule {
        description: Some("Requests to the listener".into()),
        ..tcp(service.listener_port, Peer::Cidr(*cidr))
    });
    let spec = SecurityGroup {
        vpc: network.vpc.id(),
        description: "Requests from outside to the load balancer".into(),
        ingress: ingress.collect(),
        egress: everywhere(),
    };
    let group = graph.add("balancer", spec);
    graph.name_with(&group, "balancer");
    group
}

fn add_service_group(
    graph: &mut Graph,
    name: &str,
    service: &Service,
    network: &Network,
    balancer: &Handle<SecurityGroup>,
) -> Handle<SecurityGroup> {
    let from_balancer = Rule {
        description: Some("Requests from the load balancer".into()),
        ..tcp(service.port, Peer::Group(balancer.id()))
    };
    let spec = SecurityGroup {
        vpc: network.vpc.id(),
        description: "Requests from the load balancer to the tasks".into(),
        ingress: BTreeSet::from([from_balancer]),
        egress: everywhere(),
    };
    let group = graph.add(name, spec);
    graph.name_with(&group, "service");
    group
}

fn tcp(port: u16, peer: Peer) -> Rule {
    Rule {
        protocol: Protocol::Tcp,
        from_port: Some(port),
        to_port: Some(port),
        peer,
        description: None,
    }
}

pub(super) fn everywhere() -> BTreeSet<Rule> {
    let peer = Peer::Cidr(ipnet::Ipv4Net::default());
    let rule =
        Rule { protocol: Protocol::All, from_port: None, to_port: None, peer, description: None };
    BTreeSet::from([rule])
}

fn target_group(service: &Service, network: &Network) -> TargetGroup {
    let config::HealthCheck {
        path,
        interval_seconds,
        timeout_seconds,
        healthy_threshold,
        unhealthy_threshold,
        codes,
    } = service.health_check.clone();
    TargetGroup {
        vpc: network.vpc.id(),
        port: service.port,
        health_check: HealthCheck {
            path,
            interval_seconds,
            timeout_seconds,
            healthy_threshold,
            unhealthy_threshold,
            codes,
        },
        deregistration_delay_seconds: service.deregistration_delay_seconds,
    }
}
