//! A network's door to the internet.

use serde::{Deserialize, Serialize};

use super::reference::text_newtypes;
use super::vpc::VpcId;
use super::{Handle, Input};

text_newtypes! {
    /// `igw-0123456789abcdef0`.
    InternetGatewayId,
}

/// What is wanted of an internet gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InternetGateway {
    /// The network that it is attached to; an empty id where it is attached to none.
    pub vpc: Input<VpcId>,
}

/// What is known of an internet gateway once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its id.
    pub id: InternetGatewayId,
}

impl Handle<InternetGateway> {
    /// The gateway's id.
    pub fn id(&self) -> Input<InternetGatewayId> {
        self.output("id")
    }
}
