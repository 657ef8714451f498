//! One rule of a security group, in the one form that AWS reads back.

use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::SecurityGroupId;
use crate::resource::Input;

/// What one rule lets through.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rule {
    /// The protocol.
    pub protocol: Protocol,
    /// The first port, or ICMP's type; `None` for all.
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
