//! The network: public subnets for the load balancer, private ones for the tasks, and the ways
//! in and out.

use std::collections::{BTreeMap, BTreeSet};

use super::placement::{Placement, SHARED_NAT, Zone};
use crate::config::{self, Nat};
use crate::graph::{Graph, Wait};
use crate::resource::elastic_ip::ElasticIp;
use crate::resource::internet_gateway::InternetGateway;
use crate::resource::nat_gateway::NatGateway;
use crate::resource::route_table::{RouteTable, RouteTarget};
use crate::resource::subnet::Subnet;
use crate::resource::vpc::Vpc;
use crate::resource::{Handle, Input};

/// Everywhere.
pub(super) const ANYWHERE: &str = "0.0.0.0/0";

/// What the rest of a stack builds on.
pub(super) struct Network {
    pub vpc: Handle<Vpc>,
    pub gateway: Handle<InternetGateway>,
    pub public: Vec<Handle<Subnet>>,
    /// Which way packets of the public subnets go.
    pub public_table: Handle<RouteTable>,
    pub private: Vec<Handle<Subnet>>,
    /// What must work before a task can reach the internet; without gateways, where its packets go.
    pub way_out: Vec<Wait>,
}

pub(super) fn add(graph: &mut Graph, config: &config::Network, placement: &Placement) -> Network {
    let spec = Vpc { cidr: config.cidr, dns_support: true, dns_hostnames: true };
    let vpc = graph.add("main", spec);
    let gateway = graph.add("main", InternetGateway { vpc: vpc.id() });
    let public = subnets(graph, &vpc, placement, "public", |zone| zone.public);
    let private = subnets(graph, &vpc, placement, "private", |zone| zone.private);
    let to_internet = RouteTarget::InternetGateway(gateway.id());
    let public_table = add_table(graph, "public", &vpc, Some(to_internet), &public);
    let mut way_out = add_ways_out(graph, config.nat, placement, &vpc, &gateway, &public, &private);
    if config.nat != Nat::None {
        let why = "the way through a NAT gateway goes on through it";
        way_out.push(Wait::ready(&public_table, why));
    }
    Network { vpc, gateway, public, public_table, private, way_out }
}

fn subnets(
    graph: &mut Graph,
    vpc: &Handle<Vpc>,
    placement: &Placement,
    tier: &str,
    cidr: impl Fn(&Zone) -> ipnet::Ipv4Net,
) -> Vec<Handle<Subnet>> {
    let add = |zone: &Zone| {
        let spec = Subnet {
            vpc: vpc.id(),
            cidr: cidr(zone),
            zone: zone.name.clone(),
            public_addresses: false,
        };
        graph.add(&format!("{tier}-{}", zone.suffix), spec)
    };
    placement.zones.iter().map(add).collect()
}

/// The private subnets' ways to the internet: one for all, one a zone, or none.
fn add_ways_out(
    graph: &mut Graph,
    nat: Nat,
    placement: &Placement,
    vpc: &Handle<Vpc>,
    gateway: &Handle<InternetGateway>,
    public: &[Handle<Subnet>],
    private: &[Handle<Subnet>],
) -> Vec<Wait> {
    match nat {
        Nat::None => {
            let table = add_table(graph, "private", vpc, None, private);
            vec![Wait::exists(&table, "its tasks' packets go where it says")]
        }
        Nat::Single => {
            let public = &public[placement.shared_nat];
            let nat = add_nat(graph, SHARED_NAT, "nat", public, gateway);
            let target = RouteTarget::NatGateway(nat.id());
            let table = add_table(graph, "private", vpc, Some(target), private);
            way_out(&nat, &table)
        }
        Nat::PerZone => {
            let mut waits = Vec::new();
            let subnets = public.iter().zip(private);
            for (zone, (public, private)) in placement.zones.iter().zip(subnets) {
                let suffix = &zone.suffix;
                let nat = add_nat(graph, suffix, &format!("nat-{suffix}"), public, gateway);
                let target = Some(RouteTarget::NatGateway(nat.id()));
                let name = format!("private-{suffix}");
                let table = add_table(graph, &name, vpc, target, std::slice::from_ref(private));
                waits.extend(way_out(&nat, &table));
            }
            waits
        }
    }
}

fn add_nat(
    graph: &mut Graph,
    name: &str,
    address_name: &str,
    public: &Handle<Subnet>,
    gateway: &Handle<InternetGateway>,
) -> Handle<NatGateway> {
    let address = graph.add(address_name, ElasticIp {});
    let spec = NatGateway { subnet: public.id(), address: address.allocation() };
    let why = "it fails in a network without an attached internet gateway";
    graph.add_after(name, spec, [Wait::exists(gateway, why)])
}

fn add_table(
    graph: &mut Graph,
    name: &str,
    vpc: &Handle<Vpc>,
    target: Option<RouteTarget>,
    subnets: &[Handle<Subnet>],
) -> Handle<RouteTable> {
    let routes: BTreeMap<String, RouteTarget> =
        target.into_iter().map(|target| (ANYWHERE.to_owned(), target)).collect();
    let subnets: BTreeSet<Input<_>> = subnets.iter().map(Handle::<Subnet>::id).collect();
    graph.add(name, RouteTable { vpc: vpc.id(), routes, subnets })
}

fn way_out(nat: &Handle<NatGateway>, table: &Handle<RouteTable>) -> Vec<Wait> {
    let why = "tasks fetch their image and secrets through it";
    vec![Wait::ready(nat, why), Wait::ready(table, why)]
}
