//! EC2, as far as a VPC and what stands in it go.
//!
//! The rule: what a request would find refused by the real EC2 is refused here too, by the same
//! code, above all a delete of something that is still in use. States that change by themselves
//! are moments kept in the resource; only NAT gateways need [`pass`], since they take an interface
//! and an address with them when they go.
//!
//! Left out: the default VPC of a new account (its subnets and groups would stand in every list
//! without teaching anything), network ACLs, IPv6 addresses of VPCs and subnets, and secondary
//! addresses.
//!
//! - [`describe`], [`tags`], [`tokens`], [`error`]: what all resources have in common.
//! - one leaf a resource; [`interface`] is the door for the other rooms.
//! - [`bystander`]: endpoints and instances, which somebody else puts into a VPC.

mod account;
mod address;
mod association;
pub mod bystander;
mod describe;
mod error;
pub mod firewall;
mod group;
pub mod interface;
mod internet_gateway;
mod nat;
pub mod peering;
mod permission;
mod route;
mod rule;
mod subnet;
mod tags;
mod tokens;
mod vpc;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::clock::Moment;
use super::cloud::Cloud;
use super::endpoint::unknown_operation;
use super::wire::{Answer, ApiError, Parameters};

/// What the account holds here, each by its id.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ec2 {
    /// What the account may have at most.
    pub quotas: Quotas,
    /// VPCs.
    pub vpcs: BTreeMap<String, vpc::Vpc>,
    /// Internet gateways.
    pub internet_gateways: BTreeMap<String, internet_gateway::InternetGateway>,
    /// Subnets.
    pub subnets: BTreeMap<String, subnet::Subnet>,
    /// Elastic IP addresses, by allocation id.
    pub addresses: BTreeMap<String, address::Address>,
    /// NAT gateways, with those that are gone but still listed.
    pub nat_gateways: BTreeMap<String, nat::NatGateway>,
    /// Route tables, with their routes and associations.
    pub route_tables: BTreeMap<String, route::RouteTable>,
    /// Security groups, without their rules.
    pub groups: BTreeMap<String, group::SecurityGroup>,
    /// The rules of all groups.
    pub rules: BTreeMap<String, rule::Rule>,
    /// Network interfaces.
    pub interfaces: BTreeMap<String, interface::Interface>,
    /// VPC endpoints, which only others make.
    pub endpoints: BTreeMap<String, bystander::Endpoint>,
    /// Virtual machines, which only others make.
    pub instances: BTreeMap<String, bystander::Instance>,
    /// Peerings of networks, which only others make.
    #[serde(default)]
    pub peerings: BTreeMap<String, peering::Peering>,
    /// The tags of everything above, by resource id.
    pub tags: BTreeMap<String, BTreeMap<String, String>>,
    /// The account's only set of DHCP options; empty until the first VPC needs it.
    dhcp_options: String,
    tokens: tokens::Tokens,
}

/// Default quotas of an account in one region (aws-behaviour 28).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Quotas {
    /// VPCs in the region.
    pub vpcs: usize,
    /// Internet gateways in the region.
    pub internet_gateways: usize,
    /// Elastic IP addresses in the region.
    pub addresses: usize,
    /// Subnets of a VPC.
    pub subnets_per_vpc: usize,
    /// Route tables of a VPC.
    pub route_tables_per_vpc: usize,
    /// Routes of a table beside its local one.
    pub routes_per_table: usize,
    /// NAT gateways that are pending, available or deleting in a zone.
    pub nat_gateways_per_zone: usize,
    /// Security groups in the region.
    pub groups: usize,
    /// Rules of a group in one direction and of one address family.
    pub rules_per_group: usize,
    /// Security groups of an interface.
    pub groups_per_interface: usize,
    /// Network interfaces in the region.
    pub interfaces: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            vpcs: 5,
            internet_gateways: 5,
            addresses: 5,
            subnets_per_vpc: 200,
            route_tables_per_vpc: 200,
            routes_per_table: 50,
            nat_gateways_per_zone: 5,
            groups: 2500,
            rules_per_group: 60,
            groups_per_interface: 5,
            interfaces: 5000,
        }
    }
}

/// Answers an operation; with `DryRun`, says what the answer would be and changes nothing.
pub fn answer(cloud: &mut Cloud, operation: &str, request: Parameters<'_>) -> Answer {
    if request.flag("DryRun") == Some(true) {
        return perform(&mut cloud.clone(), operation, request).and(Err(would_succeed()));
    }
    perform(cloud, operation, request)
}

fn perform(cloud: &mut Cloud, operation: &str, request: Parameters<'_>) -> Answer {
    match operation {
        "CreateVpc" => vpc::create(cloud, request),
        "DescribeVpcs" => describe::describe::<vpc::Vpc>(cloud, request),
        "DescribeVpcAttribute" => vpc::describe_attribute(cloud, request),
        "ModifyVpcAttribute" => vpc::modify_attribute(cloud, request),
        "DeleteVpc" => vpc::delete(cloud, request),
        "CreateInternetGateway" => internet_gateway::create(cloud, request),
        "AttachInternetGateway" => internet_gateway::attach(cloud, request),
        "DetachInternetGateway" => internet_gateway::detach(cloud, request),
        "DescribeInternetGateways" => {
            describe::describe::<internet_gateway::InternetGateway>(cloud, request)
        }
        "DeleteInternetGateway" => internet_gateway::delete(cloud, request),
        "CreateSubnet" => subnet::create(cloud, request),
        "DescribeSubnets" => describe::describe::<subnet::Subnet>(cloud, request),
        "ModifySubnetAttribute" => subnet::modify_attribute(cloud, request),
        "DeleteSubnet" => subnet::delete(cloud, request),
        "AllocateAddress" => address::allocate(cloud, request),
        "DescribeAddresses" => address::describe(cloud, request),
        "ReleaseAddress" => address::release(cloud, request),
        "CreateNatGateway" => nat::create(cloud, request),
        "DescribeNatGateways" => describe::describe::<nat::NatGateway>(cloud, request),
        "DeleteNatGateway" => nat::delete(cloud, request),
        "CreateRouteTable" => route::create_table(cloud, request),
        "DescribeRouteTables" => describe::describe::<route::RouteTable>(cloud, request),
        "DeleteRouteTable" => route::delete_table(cloud, request),
        "CreateRoute" => route::create(cloud, request),
        "ReplaceRoute" => route::replace(cloud, request),
        "DeleteRoute" => route::delete(cloud, request),
        "AssociateRouteTable" => association::associate(cloud, request),
        "ReplaceRouteTableAssociation" => association::replace(cloud, request),
        "DisassociateRouteTable" => association::disassociate(cloud, request),
        "DescribeNetworkInterfaces" => describe::describe::<interface::Interface>(cloud, request),
        "DescribeVpcEndpoints" => describe::describe::<bystander::Endpoint>(cloud, request),
        "AssociateVpcCidrBlock" => vpc::associate_block(cloud, request),
        "DisassociateVpcCidrBlock" => vpc::disassociate_block(cloud, request),
        "DescribeVpcPeeringConnections" => describe::describe::<peering::Peering>(cloud, request),
        "DescribeInstances" => bystander::describe_instances(cloud, request),
        "CreateTags" => tags::create(cloud, request),
        "DeleteTags" => tags::delete(cloud, request),
        "DescribeTags" => tags::describe(cloud, request),
        "DescribeAvailabilityZones" => account::describe_zones(cloud, request),
        "DescribeRegions" => account::describe_regions(cloud, request),
        "DescribeAccountAttributes" => account::describe_attributes(cloud, request),
        _ => perform_on_group(cloud, operation, request),
    }
}

fn perform_on_group(cloud: &mut Cloud, operation: &str, request: Parameters<'_>) -> Answer {
    use rule::Direction::{Egress, Ingress};
    match operation {
        "CreateSecurityGroup" => group::create(cloud, request),
        "DescribeSecurityGroups" => group::describe(cloud, request),
        "DeleteSecurityGroup" => group::delete(cloud, request),
        "DescribeSecurityGroupRules" => describe::describe::<rule::Rule>(cloud, request),
        "AuthorizeSecurityGroupIngress" => permission::authorize(cloud, Ingress, request),
        "AuthorizeSecurityGroupEgress" => permission::authorize(cloud, Egress, request),
        "RevokeSecurityGroupIngress" => permission::revoke(cloud, Ingress, request),
        "RevokeSecurityGroupEgress" => permission::revoke(cloud, Egress, request),
        "ModifySecurityGroupRules" => permission::modify(cloud, request),
        _ => Err(unknown_operation(operation)),
    }
}

/// The next moment at which something changes by itself.
pub fn next_due(cloud: &Cloud) -> Option<Moment> {
    nat::next_due(&cloud.ec2)
}

/// Lets everything happen that is due at `cloud.now`.
pub fn pass(cloud: &mut Cloud) {
    nat::pass(cloud);
}

/// The answer of operations that only say that they did it.
fn done() -> Value {
    json!({"return": true})
}

fn would_succeed() -> ApiError {
    let message = "Request would have succeeded, but DryRun flag is set.";
    ApiError::new("DryRunOperation", message).with_status(412)
}
