//! A subnet: one availability zone's share of the network's addresses.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::reference::text_newtypes;
use super::vpc::VpcId;
use super::{Handle, Input};

text_newtypes! {
    /// `subnet-0123456789abcdef0`.
    SubnetId,
}

/// What is wanted of a subnet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subnet {
    /// The network whose addresses it has a share of.
    pub vpc: Input<VpcId>,
    /// Its addresses.
    pub cidr: Ipv4Net,
    /// The availability zone, `eu-west-1a`.
    pub zone: String,
    /// Whether what starts in it gets a public address without asking.
    pub public_addresses: bool,
}

/// What is known of a subnet once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its id.
    pub id: SubnetId,
}

impl Handle<Subnet> {
    /// The subnet's id.
    pub fn id(&self) -> Input<SubnetId> {
        self.output("id")
    }
}
