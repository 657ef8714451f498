//! Peerings between networks, which only others make: a test puts them into [`Ec2::peerings`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::describe::{Fact, Listed, text};
use super::{Ec2, tags};
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};

/// A peering of two networks.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Peering {
    /// `pcx-…`.
    pub id: String,
    /// The VPC that asked for it.
    pub requester: String,
    /// The VPC that it was asked of.
    pub accepter: String,
    /// `pending-acceptance`, `active`, `deleted`.
    pub status: String,
}

impl Listed for Peering {
    const KIND: &'static str = "vpc-peering-connection";
    const NOUN: &'static str = "vpcPeeringConnection ID";
    const NOT_FOUND: &'static str = "InvalidVpcPeeringConnectionID.NotFound";
    const MALFORMED: &'static str = "InvalidVpcPeeringConnectionId.Malformed";
    const ID_PREFIX: &'static str = "pcx";
    const IDS: &'static str = "VpcPeeringConnectionId";
    const SET: &'static str = "vpcPeeringConnectionSet";
    const FACTS: &'static [Fact<Self>] = &[
        ("vpc-peering-connection-id", |peering, _| text(&peering.id)),
        ("requester-vpc-info.vpc-id", |peering, _| text(&peering.requester)),
        ("accepter-vpc-info.vpc-id", |peering, _| text(&peering.accepter)),
        ("status-code", |peering, _| text(&peering.status)),
    ];

    fn all(ec2: &Ec2) -> &BTreeMap<String, Self> {
        &ec2.peerings
    }

    fn all_mut(ec2: &mut Ec2) -> &mut BTreeMap<String, Self> {
        &mut ec2.peerings
    }

    fn show(&self, cloud: &Cloud) -> Value {
        json!({
            "vpcPeeringConnectionId": self.id,
            "requesterVpcInfo": {"vpcId": self.requester, "ownerId": ACCOUNT},
            "accepterVpcInfo": {"vpcId": self.accepter, "ownerId": ACCOUNT},
            "status": {"code": self.status},
            "tagSet": tags::set(&cloud.ec2, &self.id),
        })
    }
}
