//! A public address that stays when what uses it goes.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::reference::text_newtypes;
use super::{Handle, Input};

text_newtypes! {
    /// `eipalloc-0123456789abcdef0`.
    AllocationId,
}

/// What is wanted of an address: nothing but that there is one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ElasticIp {}

/// What is known of an address once it is allocated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// What others refer to it by.
    pub allocation: AllocationId,
    /// The address itself.
    pub address: Ipv4Addr,
}

impl Handle<ElasticIp> {
    /// What others refer to the address by.
    pub fn allocation(&self) -> Input<AllocationId> {
        self.output("allocation")
    }

    /// The address itself.
    pub fn public_address(&self) -> Input<Ipv4Addr> {
        self.output("address")
    }
}
