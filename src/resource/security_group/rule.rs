//! One rule of a security group, in the one form that AWS reads back.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{
    IpPermission, IpRange, Ipv6Range, PrefixListId, SecurityGroupRule, SecurityGroupRuleRequest,
    UserIdGroupPair,
};
use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::SecurityGroupId;
use crate::resource::Input;

/// What one rule lets through.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rule {
    /// The protocol.
    pub protocol: Protocol,
    /// The first port, or ICMP's type; `None`, together with the last, for all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from_port: Option<u16>,
    /// The last port, or ICMP's code; `None` for all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to_port: Option<u16>,
    /// The other side.
    pub peer: Peer,
    /// What the rule is for. Not part of what tells rules apart (aws-behaviour 7.f).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
}

/// The other side of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peer {
    /// Addresses, without host bits.
    Cidr(Ipv4Net),
    /// IPv6 addresses, without host bits.
    Cidr6(Ipv6Net),
    /// The members of a group.
    Group(Input<SecurityGroupId>),
    /// The addresses of a prefix list, `pl-0123456789abcdef0`.
    PrefixList(String),
}

/// The protocol of a rule; serialized as AWS's name for it, its number, or `all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP.
    Icmp,
    /// ICMP for IPv6.
    Icmpv6,
    /// Every protocol.
    All,
    /// Any other, by its number.
    Number(u8),
}

/// Neither a protocol's name nor its number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no protocol")]
pub struct NotAProtocol(pub String);

impl TryFrom<String> for Protocol {
    type Error = NotAProtocol;

    /// Names and numbers become one and the same value, as they do in AWS (aws-behaviour 7.f).
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Ok(match text.to_lowercase().as_str() {
            "tcp" | "6" => Self::Tcp,
            "udp" | "17" => Self::Udp,
            "icmp" | "1" => Self::Icmp,
            "icmpv6" | "58" => Self::Icmpv6,
            "all" | "-1" => Self::All,
            number => Self::Number(number.parse().map_err(|_| NotAProtocol(text))?),
        })
    }
}

impl From<Protocol> for String {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Tcp => "tcp".into(),
            Protocol::Udp => "udp".into(),
            Protocol::Icmp => "icmp".into(),
            Protocol::Icmpv6 => "icmpv6".into(),
            Protocol::All => "all".into(),
            Protocol::Number(number) => number.to_string(),
        }
    }
}

/// The port range that stands for all ports (aws-behaviour 7.f).
const ALL_PORTS: (i32, i32) = (0, 65535);

/// The type and code that stand for all of ICMP's.
const ALL_ICMP: i32 = -1;

impl Rule {
    /// The rule without what it is for: what tells it apart (aws-behaviour 7.f).
    pub(super) fn opening(&self) -> Self {
        Self { description: None, ..self.clone() }
    }

    /// The rule as Authorize and Revoke take it.
    pub(super) fn permission(&self) -> IpPermission {
        let (from, to) = self.ports();
        let permission = IpPermission::builder()
            .ip_protocol(self.protocol.on_the_wire())
            .set_from_port(from)
            .set_to_port(to);
        let said = self.description.clone();
        match &self.peer {
            Peer::Cidr(range) => permission.ip_ranges(
                IpRange::builder().cidr_ip(range.to_string()).set_description(said).build(),
            ),
            Peer::Cidr6(range) => permission.ipv6_ranges(
                Ipv6Range::builder().cidr_ipv6(range.to_string()).set_description(said).build(),
            ),
            Peer::Group(id) => permission.user_id_group_pairs(
                UserIdGroupPair::builder()
                    .group_id(id.get().as_str())
                    .set_description(said)
                    .build(),
            ),
            Peer::PrefixList(id) => permission.prefix_list_ids(
                PrefixListId::builder().prefix_list_id(id).set_description(said).build(),
            ),
        }
        .build()
    }

    /// The rule as Modify takes it; without a description it removes the one there is.
    pub(super) fn request(&self) -> SecurityGroupRuleRequest {
        let (from, to) = self.ports();
        let request = SecurityGroupRuleRequest::builder()
            .ip_protocol(self.protocol.on_the_wire())
            .set_from_port(from)
            .set_to_port(to)
            .set_description(self.description.clone());
        match &self.peer {
            Peer::Cidr(range) => request.cidr_ipv4(range.to_string()),
            Peer::Cidr6(range) => request.cidr_ipv6(range.to_string()),
            Peer::Group(id) => request.referenced_group_id(id.get().as_str()),
            Peer::PrefixList(id) => request.prefix_list_id(id),
        }
        .build()
    }

    /// The rule that a row of DescribeSecurityGroupRules stands for.
    pub(super) fn from_row(row: &SecurityGroupRule) -> Option<Self> {
        let ports = Ports::of(row.ip_protocol()?, row.from_port(), row.to_port())?;
        let group = row.referenced_group_info().and_then(|group| group.group_id());
        let peer = None
            .or_else(|| cidr(row.cidr_ipv4()))
            .or_else(|| cidr6(row.cidr_ipv6()))
            .or_else(|| group.map(|id| Peer::Group(SecurityGroupId(id.into()).into())))
            .or_else(|| row.prefix_list_id().map(|id| Peer::PrefixList(id.into())))?;
        Some(ports.rule(peer, row.description()))
    }

    fn ports(&self) -> (Option<i32>, Option<i32>) {
        let or = |port: Option<u16>, all: i32| Some(port.map_or(all, i32::from));
        match self.protocol {
            Protocol::Tcp | Protocol::Udp => {
                (or(self.from_port, ALL_PORTS.0), or(self.to_port, ALL_PORTS.1))
            }
            Protocol::Icmp | Protocol::Icmpv6 => {
                (or(self.from_port, ALL_ICMP), or(self.to_port, ALL_ICMP))
            }
            Protocol::All | Protocol::Number(_) => (None, None),
        }
    }
}

impl Protocol {
    fn on_the_wire(self) -> String {
        if self == Self::All { "-1".into() } else { self.into() }
    }
}

/// The rules in AWS's permissions, each of which stands for as many as it has peers
/// (aws-behaviour 7.f).
pub(super) fn from_permissions(permissions: &[IpPermission]) -> BTreeSet<Rule> {
    permissions.iter().flat_map(from_permission).collect()
}

fn from_permission(permission: &IpPermission) -> Vec<Rule> {
    let (from, to) = (permission.from_port(), permission.to_port());
    let protocol = permission.ip_protocol().unwrap_or_default();
    let Some(ports) = Ports::of(protocol, from, to) else { return Vec::new() };
    let ranges = permission.ip_ranges().iter();
    let ranges = ranges.map(|range| (cidr(range.cidr_ip()), range.description()));
    let ranges6 = permission.ipv6_ranges().iter();
    let ranges6 = ranges6.map(|range| (cidr6(range.cidr_ipv6()), range.description()));
    let groups = permission.user_id_group_pairs().iter().map(|pair| {
        (
            pair.group_id().map(|id| Peer::Group(SecurityGroupId(id.into()).into())),
            pair.description(),
        )
    });
    let lists = permission.prefix_list_ids().iter();
    let lists = lists.map(|list| {
        (list.prefix_list_id().map(|id| Peer::PrefixList(id.into())), list.description())
    });
    let peers = ranges.chain(ranges6).chain(groups).chain(lists);
    peers.filter_map(|(peer, said)| Some(ports.rule(peer?, said))).collect()
}

fn cidr(text: Option<&str>) -> Option<Peer> {
    Some(Peer::Cidr(text?.parse::<Ipv4Net>().ok()?.trunc()))
}

fn cidr6(text: Option<&str>) -> Option<Peer> {
    Some(Peer::Cidr6(text?.parse::<Ipv6Net>().ok()?.trunc()))
}

/// A rule's protocol and ports, once for all its peers.
struct Ports {
    protocol: Protocol,
    from: Option<u16>,
    to: Option<u16>,
}

impl Ports {
    /// The canonical form of what AWS says: all ports are none.
    fn of(protocol: &str, from: Option<i32>, to: Option<i32>) -> Option<Self> {
        let protocol = Protocol::try_from(protocol.to_owned()).ok()?;
        let all = match protocol {
            Protocol::Tcp | Protocol::Udp => from.zip(to) == Some(ALL_PORTS),
            Protocol::Icmp | Protocol::Icmpv6 => false,
            Protocol::All | Protocol::Number(_) => true,
        };
        // Not a port: ICMP's "all".
        let port = |port: Option<i32>| port.filter(|_| !all).and_then(|port| port.try_into().ok());
        Some(Self { protocol, from: port(from), to: port(to) })
    }

    fn rule(&self, peer: Peer, description: Option<&str>) -> Rule {
        let description = description.filter(|text| !text.is_empty()).map(str::to_owned);
        let Self { protocol, from: from_port, to: to_port } = *self;
        Rule { protocol, from_port, to_port, peer, description }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(protocol: Protocol, ports: Option<(u16, u16)>, peer: Peer) -> Rule {
        let (from_port, to_port) = ports.unzip();
        Rule { protocol, from_port, to_port, peer, description: Some("why".into()) }
    }

    fn peers() -> [Peer; 4] {
        [
            Peer::Cidr("10.0.0.0/8".parse().unwrap()),
            Peer::Cidr6("::/0".parse().unwrap()),
            Peer::Group(SecurityGroupId("sg-1".into()).into()),
            Peer::PrefixList("pl-1".into()),
        ]
    }

    #[test]
    fn what_is_sent_is_what_is_read() {
        for peer in peers() {
            for (protocol, ports) in [
                (Protocol::Tcp, Some((80, 80))),
                (Protocol::Udp, None),
                (Protocol::Icmp, None),
                (Protocol::Icmp, Some((8, 0))),
                (Protocol::All, None),
                (Protocol::Number(47), None),
            ] {
                let rule = rule(protocol, ports, peer.clone());
                let read = from_permissions(&[rule.permission()]);
                assert_eq!(read, BTreeSet::from([rule]));
            }
        }
    }

    #[test]
    fn a_permission_is_as_many_rules_as_it_has_peers() {
        let range = |cidr: &str| IpRange::builder().cidr_ip(cidr).build();
        let permission = IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(443)
            .to_port(443)
            .ip_ranges(range("10.0.0.0/8"))
            .ip_ranges(range("192.168.0.0/16"))
            .user_id_group_pairs(UserIdGroupPair::builder().group_id("sg-1").build())
            .build();
        assert_eq!(from_permissions(&[permission]).len(), 3);
    }

    #[test]
    fn a_row_is_the_same_rule_as_a_permission() {
        let row = SecurityGroupRule::builder()
            .ip_protocol("6")
            .from_port(0)
            .to_port(65535)
            .cidr_ipv4("10.1.2.3/8")
            .description("why")
            .build();
        let [range, ..] = peers();
        assert_eq!(Rule::from_row(&row), Some(rule(Protocol::Tcp, None, range)));
    }

    #[test]
    fn protocols_have_one_name_each() {
        for (said, meant) in [
            ("6", "tcp"),
            ("TCP", "tcp"),
            ("17", "udp"),
            ("58", "icmpv6"),
            ("-1", "all"),
            ("47", "47"),
        ] {
            let protocol = Protocol::try_from(said.to_owned()).unwrap();
            assert_eq!(String::from(protocol), meant);
        }
        assert!(Protocol::try_from("tcq".to_owned()).is_err());
    }
}
