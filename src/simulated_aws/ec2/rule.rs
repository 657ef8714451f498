//! The rules of security groups, in the one form that AWS gives all ways to say the same
//! (aws-behaviour 7.f).
//!
//! A rule is direction, protocol, ports and peer; its description is not part of what it is.

use std::collections::BTreeMap;

use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::describe::{Fact, Listed, find, text};
use super::group::SecurityGroup;
use super::{Ec2, error, tags};
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::wire::{ApiError, Parameters};

/// Which way packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    Ingress,
    Egress,
}

/// A protocol and its ports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Traffic {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, the number of another one, or `-1` for all.
    pub protocol: String,
    /// First and last port, or type and code of ICMP; only for the four named protocols.
    pub ports: Option<(i64, i64)>,
}

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Peer {
    Ipv4(Ipv4Net),
    Ipv6(Ipv6Net),
    /// The interfaces of a group, by id.
    Group(String),
    PrefixList(String),
}

/// A rule of a security group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rule {
    pub id: String,
    /// The id of its group.
    pub group: String,
    pub direction: Direction,
    pub traffic: Traffic,
    pub peer: Peer,
    pub description: Option<String>,
}

impl Traffic {
    /// Every protocol on every port.
    pub(super) fn all() -> Self {
        Self { protocol: "-1".to_owned(), ports: None }
    }

    /// Reads `IpProtocol`, `FromPort` and `ToPort`.
    pub(super) fn of_request(request: Parameters<'_>) -> Result<Self, ApiError> {
        let protocol = canonical_protocol(request.required("IpProtocol")?)?;
        let (from, to) = (request.integer("FromPort"), request.integer("ToPort"));
        let ports = match protocol.as_str() {
            "tcp" | "udp" => Some(port_range(&protocol, from, to)?),
            "icmp" | "icmpv6" => Some((from.unwrap_or(-1), to.unwrap_or(-1))),
            _ => None,
        };
        Ok(Self { protocol, ports })
    }
}

/// A protocol as AWS reads it back: four by name, all others by number.
fn canonical_protocol(given: &str) -> Result<String, ApiError> {
    let lower = given.to_ascii_lowercase();
    let canonical = match lower.as_str() {
        "1" | "icmp" => "icmp",
        "6" | "tcp" => "tcp",
        "17" | "udp" => "udp",
        "58" | "icmpv6" => "icmpv6",
        "-1" | "all" => "-1",
        number if number.parse::<u8>().is_ok() => number,
        _ => {
            let message = format!("Invalid value '{given}' for IP protocol. Unknown protocol.");
            return Err(error::invalid_value(message));
        }
    };
    Ok(canonical.to_owned())
}

fn port_range(protocol: &str, from: Option<i64>, to: Option<i64>) -> Result<(i64, i64), ApiError> {
    let (Some(from), Some(to)) = (from, to) else {
        let message =
            "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.";
        return Err(error::invalid_value(message));
    };
    let ports = 0..=65_535;
    if ports.contains(&from) && ports.contains(&to) && from <= to {
        return Ok((from, to));
    }
    let protocol = protocol.to_ascii_uppercase();
    Err(error::invalid_value(format!("Invalid {protocol} port range ({from}:{to})")))
}

impl Peer {
    pub(super) fn ipv4(text: &str) -> Result<Self, ApiError> {
        let net = text.parse().map(|net: Ipv4Net| Self::Ipv4(net.trunc()));
        net.map_err(|_| invalid_block(text))
    }

    pub(super) fn ipv6(text: &str) -> Result<Self, ApiError> {
        let net = text.parse().map(|net: Ipv6Net| Self::Ipv6(net.trunc()));
        net.map_err(|_| invalid_block(text))
    }

    /// A group that a rule of `group` may name: one of the same VPC.
    pub(super) fn group(ec2: &Ec2, group: &SecurityGroup, id: &str) -> Result<Self, ApiError> {
        if find::<SecurityGroup>(ec2, id)?.vpc != group.vpc {
            let message = "You have specified two resources that belong to different networks.";
            return Err(ApiError::new("InvalidGroup.NotFound", message));
        }
        Ok(Self::Group(id.to_owned()))
    }

    pub(super) fn is_group(&self, id: &str) -> bool {
        matches!(self, Self::Group(own) if own == id)
    }

    fn cidr_ipv4(&self) -> Option<&Ipv4Net> {
        if let Self::Ipv4(net) = self { Some(net) } else { None }
    }

    fn cidr_ipv6(&self) -> Option<&Ipv6Net> {
        if let Self::Ipv6(net) = self { Some(net) } else { None }
    }

    fn group_id(&self) -> Option<&str> {
        if let Self::Group(id) = self { Some(id) } else { None }
    }

    fn prefix_list(&self) -> Option<&str> {
        if let Self::PrefixList(id) = self { Some(id) } else { None }
    }
}

fn invalid_block(text: &str) -> ApiError {
    error::invalid_value(format!("CIDR block {text} is malformed"))
}

impl Rule {
    /// A rule without a description.
    pub(super) fn new(
        cloud: &mut Cloud,
        group: &str,
        direction: Direction,
        traffic: Traffic,
        peer: Peer,
    ) -> Self {
        let id = cloud.fresh_id("sgr");
        Self { id, group: group.to_owned(), direction, traffic, peer, description: None }
    }

    /// Whether two rules let the same through, whatever they are called.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.group == other.group
            && self.direction == other.direction
            && self.traffic == other.traffic
            && self.peer == other.peer
    }

    /// The row of an answer about a rule that was revoked.
    pub(super) fn show_revoked(&self) -> Value {
        let (from, to) = self.shown_ports();
        json!({
            "securityGroupRuleId": self.id,
            "groupId": self.group,
            "isEgress": self.direction == Direction::Egress,
            "ipProtocol": self.traffic.protocol,
            "fromPort": from,
            "toPort": to,
            "cidrIpv4": self.peer.cidr_ipv4(),
            "cidrIpv6": self.peer.cidr_ipv6(),
            "prefixListId": self.peer.prefix_list(),
            "referencedGroupId": self.peer.group_id(),
            "description": self.description,
        })
    }

    /// Ports in a flat row, where -1 stands for all.
    fn shown_ports(&self) -> (i64, i64) {
        self.traffic.ports.unwrap_or((-1, -1))
    }
}

impl Listed for Rule {
    const KIND: &'static str = "security-group-rule";
    const NOUN: &'static str = "security group rule ID";
    const NOT_FOUND: &'static str = "InvalidSecurityGroupRuleId.NotFound";
    const MALFORMED: &'static str = "InvalidSecurityGroupRuleId.Malformed";
    const ID_PREFIX: &'static str = "sgr";
    const IDS: &'static str = "SecurityGroupRuleId";
    const SET: &'static str = "securityGroupRuleSet";
    const FACTS: &'static [Fact<Self>] = &[
        ("group-id", |rule, _| text(&rule.group)),
        ("security-group-rule-id", |rule, _| text(&rule.id)),
    ];

    fn all(ec2: &Ec2) -> &BTreeMap<String, Self> {
        &ec2.rules
    }

    fn all_mut(ec2: &mut Ec2) -> &mut BTreeMap<String, Self> {
        &mut ec2.rules
    }

    fn show(&self, cloud: &Cloud) -> Value {
        let (from, to) = self.shown_ports();
        let referenced = |id| json!({"groupId": id, "userId": ACCOUNT});
        let arn = cloud.arn("ec2", &format!("security-group-rule/{}", self.id));
        json!({
            "securityGroupRuleId": self.id,
            "securityGroupRuleArn": arn,
            "groupId": self.group,
            "groupOwnerId": ACCOUNT,
            "isEgress": self.direction == Direction::Egress,
            "ipProtocol": self.traffic.protocol,
            "fromPort": from,
            "toPort": to,
            "cidrIpv4": self.peer.cidr_ipv4(),
            "cidrIpv6": self.peer.cidr_ipv6(),
            "prefixListId": self.peer.prefix_list(),
            "referencedGroupInfo": self.peer.group_id().map(referenced),
            "description": self.description,
            "tagSet": tags::set(&cloud.ec2, &self.id),
        })
    }
}

/// The rules of a group in one direction.
pub(super) fn of_group<'e>(
    ec2: &'e Ec2,
    group: &str,
    direction: Direction,
) -> impl Iterator<Item = &'e Rule> {
    ec2.rules.values().filter(move |rule| rule.group == group && rule.direction == direction)
}

/// Adds a rule.
pub(super) fn insert(cloud: &mut Cloud, rule: Rule) {
    cloud.ec2.rules.insert(rule.id.clone(), rule);
}

/// The rules of a group as permissions: one for each kind of traffic, with all its peers.
pub(super) fn grouped(ec2: &Ec2, group: &str, direction: Direction) -> Value {
    let mut permissions: BTreeMap<&Traffic, Vec<&Rule>> = BTreeMap::new();
    for rule in of_group(ec2, group, direction) {
        permissions.entry(&rule.traffic).or_default().push(rule);
    }
    permissions.iter().map(|(traffic, rules)| show_permission(traffic, rules)).collect()
}

fn show_permission(traffic: &Traffic, rules: &[&Rule]) -> Value {
    fn peers(rules: &[&Rule], show: impl Fn(&Rule) -> Option<Value>) -> Value {
        rules.iter().filter_map(|rule| show(rule)).collect()
    }
    json!({
        "ipProtocol": traffic.protocol,
        "fromPort": traffic.ports.map(|(from, _)| from),
        "toPort": traffic.ports.map(|(_, to)| to),
        "ipRanges": peers(rules, |rule| {
            let cidr = rule.peer.cidr_ipv4()?;
            Some(json!({"cidrIp": cidr, "description": rule.description}))
        }),
        "ipv6Ranges": peers(rules, |rule| {
            let cidr = rule.peer.cidr_ipv6()?;
            Some(json!({"cidrIpv6": cidr, "description": rule.description}))
        }),
        "prefixListIds": peers(rules, |rule| {
            let list = rule.peer.prefix_list()?;
            Some(json!({"prefixListId": list, "description": rule.description}))
        }),
        "groups": peers(rules, |rule| {
            let group = rule.peer.group_id()?;
            let description = &rule.description;
            Some(json!({"groupId": group, "userId": ACCOUNT, "description": description}))
        }),
    })
}

/// How many rules count for each address family: those of a group or a list count for both.
pub(super) fn family_counts<'r>(rules: impl Iterator<Item = &'r Rule>) -> (usize, usize) {
    rules.fold((0, 0), |(v4, v6), rule| match rule.peer {
        Peer::Ipv4(_) => (v4 + 1, v6),
        Peer::Ipv6(_) => (v4, v6 + 1),
        Peer::Group(_) | Peer::PrefixList(_) => (v4 + 1, v6 + 1),
    })
}
