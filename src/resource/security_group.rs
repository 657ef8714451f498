//! A security group: who may talk to its members, and to whom they may talk.

mod rule;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::reference::text_newtypes;
use super::vpc::VpcId;
use super::{Handle, Input};

pub use rule::{NotAProtocol, Peer, Protocol, Rule};

text_newtypes! {
    /// `sg-0123456789abcdef0`.
    SecurityGroupId,
}

/// What is wanted of a security group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// The network that it belongs to.
    pub vpc: Input<VpcId>,
    /// What it is for; AWS wants one.
    pub description: String,
    /// Who may talk to its members.
    pub ingress: BTreeSet<Rule>,
    /// To whom its members may talk.
    pub egress: BTreeSet<Rule>,
}

/// What is known of a security group once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its id.
    pub id: SecurityGroupId,
    /// Its name.
    pub name: String,
}

impl Handle<SecurityGroup> {
    /// The group's id.
    pub fn id(&self) -> Input<SecurityGroupId> {
        self.output("id")
    }
}
