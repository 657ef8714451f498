//! Which requests get through the security groups: to a load balancer, and from it to a target.

use std::net::Ipv4Addr;

use super::super::cloud::Cloud;
use super::super::ec2::firewall::{End, lets_through};
use super::super::ec2::interface::{self, Interface};
use super::load_balancer::LoadBalancer;
use super::network;
use super::target::Target;
use super::target_group::TargetGroup;

/// Whether a load balancer is reached on a port from an address outside the account.
pub fn lets_in(cloud: &Cloud, balancer: &LoadBalancer, from: Ipv4Addr, port: u16) -> bool {
    let from = End::unguarded(from);
    nodes(cloud, balancer).all(|node| lets_through(cloud, &from, &End::of(node), port))
}

/// Whether a group's load balancer reaches a target on a port; nothing stands between the two
/// while no load balancer has the group.
pub fn reaches(cloud: &Cloud, group: &TargetGroup, target: &Target, port: u16) -> bool {
    let Some(balancer) = cloud.elb.server_of(&group.arn) else { return true };
    let Some(to) = end(cloud, group, target) else { return true };
    nodes(cloud, balancer).all(|node| lets_through(cloud, &End::of(node), &to, port))
}

/// Whether a target's health checks are kept from it.
pub fn is_barred(cloud: &Cloud, group: &TargetGroup, target: &Target) -> bool {
    !reaches(cloud, group, target, group.health_check.port.parse().unwrap_or(target.port))
}

/// The interfaces of a load balancer, any of which may send a request.
fn nodes<'c>(
    cloud: &'c Cloud,
    balancer: &'c LoadBalancer,
) -> impl Iterator<Item = &'c Interface> + 'c {
    let places = balancer.placements.iter();
    places.filter_map(|place| interface::interface(cloud, &place.interface))
}

fn end(cloud: &Cloud, group: &TargetGroup, target: &Target) -> Option<End> {
    match network::interface_with(cloud, &group.vpc, &target.ip) {
        Some(interface) => Some(End::of(interface)),
        None => target.ip.parse().ok().map(End::unguarded),
    }
}
