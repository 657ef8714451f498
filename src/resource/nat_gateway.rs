//! A NAT gateway: the private subnets' way out to the internet.

use serde::{Deserialize, Serialize};

use super::elastic_ip::AllocationId;
use super::reference::text_newtypes;
use super::subnet::SubnetId;
use super::{Handle, Input};

text_newtypes! {
    /// `nat-0123456789abcdef0`.
    NatGatewayId,
}

/// What is wanted of a NAT gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NatGateway {
    /// The public subnet that it stands in.
    pub subnet: Input<SubnetId>,
    /// The address that the world sees.
    pub address: Input<AllocationId>,
}

/// What is known of a NAT gateway once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its id.
    pub id: NatGatewayId,
}

impl Handle<NatGateway> {
    /// The gateway's id.
    pub fn id(&self) -> Input<NatGatewayId> {
        self.output("id")
    }
}
