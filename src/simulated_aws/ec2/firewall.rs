//! What security groups let through. They know what they let through before: whoever begins must
//! get out and in, and the answer comes back by itself.
//!
//! Network ACLs are left out, and prefix lists are empty.

use std::net::Ipv4Addr;

use super::Ec2;
use super::interface::Interface;
use super::rule::{self, Direction, Peer, Traffic};
use crate::simulated_aws::cloud::Cloud;

/// One end of a TCP connection.
#[derive(Clone, Debug)]
pub struct End {
    address: Ipv4Addr,
    /// The groups that guard it; nothing does where there are none.
    groups: Vec<String>,
}

impl End {
    /// Somewhere that no group of the account guards.
    #[must_use]
    pub fn unguarded(address: Ipv4Addr) -> Self {
        Self { address, groups: Vec::new() }
    }

    /// A network interface of the account.
    #[must_use]
    pub fn of(interface: &Interface) -> Self {
        Self { address: interface.private_address, groups: interface.groups.clone() }
    }
}

/// Whether a connection gets from one end to a port of the other.
#[must_use]
pub fn lets_through(cloud: &Cloud, from: &End, to: &End, port: u16) -> bool {
    guards_let(&cloud.ec2, from, Direction::Egress, to, port)
        && guards_let(&cloud.ec2, to, Direction::Ingress, from, port)
}

fn guards_let(ec2: &Ec2, guarded: &End, direction: Direction, other: &End, port: u16) -> bool {
    guarded.groups.is_empty()
        || guarded.groups.iter().any(|group| {
            let mut rules = rule::of_group(ec2, group, direction);
            rules.any(|rule| covers(&rule.traffic, port) && is_meant(&rule.peer, other))
        })
}

fn covers(traffic: &Traffic, port: u16) -> bool {
    match traffic.protocol.as_str() {
        "-1" => true,
        "tcp" => traffic.ports.is_none_or(|(from, to)| (from..=to).contains(&i64::from(port))),
        _ => false,
    }
}

fn is_meant(peer: &Peer, end: &End) -> bool {
    match peer {
        Peer::Ipv4(net) => net.contains(&end.address),
        Peer::Group(id) => end.groups.contains(id),
        Peer::Ipv6(_) | Peer::PrefixList(_) => false,
    }
}
