//! A route table: where packets of its subnets go.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::internet_gateway::InternetGatewayId;
use super::nat_gateway::NatGatewayId;
use super::reference::text_newtypes;
use super::subnet::SubnetId;
use super::vpc::VpcId;
use super::{Handle, Input};

text_newtypes! {
    /// `rtb-0123456789abcdef0`.
    RouteTableId,
}

/// What is wanted of a route table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteTable {
    /// The network that it belongs to.
    pub vpc: Input<VpcId>,
    /// Targets by destination, a CIDR without host bits: `0.0.0.0/0`.
    pub routes: BTreeMap<String, RouteTarget>,
    /// The subnets that follow it.
    pub subnets: BTreeSet<Input<SubnetId>>,
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteTarget {
    /// To the internet, both ways.
    InternetGateway(Input<InternetGatewayId>),
    /// To the internet, from inside only.
    NatGateway(Input<NatGatewayId>),
    /// To something that no stack declares, by its id: only ever read.
    Other(String),
}

/// What is known of a route table once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its id.
    pub id: RouteTableId,
}

impl Handle<RouteTable> {
    /// The table's id.
    pub fn id(&self) -> Input<RouteTableId> {
        self.output("id")
    }
}
