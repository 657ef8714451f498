//! A load balancer: what takes requests from the internet and hands them to healthy tasks.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::reference::text_newtypes;
use super::security_group::SecurityGroupId;
use super::subnet::SubnetId;
use super::vpc::VpcId;
use super::{Handle, Input};

text_newtypes! {
    /// `arn:aws:elasticloadbalancing:…:loadbalancer/app/<name>/<id>`.
    LoadBalancerArn,
}

/// What is wanted of a load balancer: an internet-facing application load balancer on IPv4.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// The network that it stands in. It is never sent, as the subnets imply it; a balancer can't
    /// move to another.
    pub vpc: Input<VpcId>,
    /// Where its nodes are: one subnet a zone, in two zones at least.
    pub subnets: BTreeSet<Input<SubnetId>>,
    /// The groups that say who may reach it.
    pub security_groups: BTreeSet<Input<SecurityGroupId>>,
    /// Whether AWS refuses to delete it.
    pub deletion_protection: bool,
    /// How long a connection may be silent, in seconds.
    pub idle_timeout_seconds: u32,
    /// Whether header fields with malformed names are kept from the tasks.
    pub drop_invalid_headers: bool,
}

/// What is known of a load balancer once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its ARN.
    pub arn: LoadBalancerArn,
    /// Its name, unique in account and region.
    pub name: String,
    /// The name that it answers to on the internet.
    pub dns_name: String,
    /// The hosted zone of that name: what an alias record refers to.
    pub zone_id: String,
    /// What metrics call it: `app/<name>/<id>`.
    pub full_name: String,
}

impl Handle<LoadBalancer> {
    /// The load balancer's ARN.
    pub fn arn(&self) -> Input<LoadBalancerArn> {
        self.output("arn")
    }

    /// The name that it answers to on the internet.
    pub fn dns_name(&self) -> Input<String> {
        self.output("dns_name")
    }

    /// What metrics call it: `app/<name>/<id>`.
    pub fn full_name(&self) -> Input<String> {
        self.output("full_name")
    }
}
