//! Network interfaces: what services put into a subnet, and what keeps it from being deleted.
//!
//! The account makes none by itself: gateways, load balancers and tasks bring theirs through
//! [`create_interface`] and must take them away with [`delete_interface`]. Other rooms also ask
//! here what an interface would find: its subnet, its groups, its way to the internet.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::address::internet_name;
use super::describe::{Facts, Listed, text};
use super::group::SecurityGroup;
use super::route::{Destination, Target};
use super::subnet::Subnet;
use super::{error, nat};
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::wire::{ApiError, Parameters};

/// An interface that a service wants in a subnet.
#[derive(Clone, Debug)]
pub struct NewInterface {
    /// The id of the subnet.
    pub subnet: String,
    /// Ids of security groups; none stands for the VPC's default group, as everywhere in EC2.
    pub groups: Vec<String>,
    /// `ELB app/main/50dc6c495c0c9188`: how people recognise whose it is.
    pub description: String,
    /// `interface`, `nat_gateway`, …
    pub interface_type: String,
    /// Who makes it: `amazon-elb`, …
    pub requester: String,
    /// Whether it gets a public address for its lifetime.
    pub public_address: bool,
}

/// A network interface.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Interface {
    pub id: String,
    pub subnet: String,
    pub vpc: String,
    /// The name of the availability zone.
    pub zone: String,
    pub groups: Vec<String>,
    pub description: String,
    pub interface_type: String,
    pub requester: String,
    pub private_address: Ipv4Addr,
    pub public_address: Option<PublicAddress>,
    pub mac_address: String,
    pub attachment: String,
    pub attached: Moment,
}

/// The public address that is mapped to an interface.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PublicAddress {
    pub address: Ipv4Addr,
    /// The ids of allocation and association when it is an Elastic IP address.
    pub elastic: Option<(String, String)>,
}

/// The way from a subnet to the internet: what its `0.0.0.0/0` leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InternetRoute {
    /// An attached internet gateway: open to whoever has a public address.
    Gateway,
    /// A NAT gateway; nothing gets through before it is available and has a way out itself.
    Nat { available: bool },
    /// No route, or one into a black hole.
    None,
}

/// Makes an interface with a free private address of its subnet.
///
/// # Errors
///
/// `InvalidSubnetID.NotFound`, `InvalidGroup.NotFound` (also for a group of another VPC),
/// `SecurityGroupsPerInterfaceLimitExceeded`, `InsufficientFreeAddressesInSubnet`.
pub fn create_interface(cloud: &mut Cloud, new: NewInterface) -> Result<Interface, ApiError> {
    let subnet = subnet(cloud, &new.subnet).cloned();
    let subnet = subnet.ok_or_else(|| error::not_found::<Subnet>(&new.subnet))?;
    let groups = effective_groups(cloud, &subnet, new.groups)?;
    let private_address = free_address(cloud, &subnet)?;
    let public_address = new
        .public_address
        .then(|| PublicAddress { address: super::address::fresh_public(cloud), elastic: None });
    let interface = Interface {
        id: cloud.fresh_id("eni"),
        subnet: subnet.id,
        vpc: subnet.vpc,
        zone: subnet.zone,
        groups,
        description: new.description,
        interface_type: new.interface_type,
        requester: new.requester,
        private_address,
        public_address,
        mac_address: fresh_mac(cloud),
        attachment: cloud.fresh_id("eni-attach"),
        attached: cloud.now,
    };
    cloud.ec2.interfaces.insert(interface.id.clone(), interface.clone());
    Ok(interface)
}

/// Takes an interface away, and its addresses with it; one that is gone already stays gone.
pub fn delete_interface(cloud: &mut Cloud, id: &str) {
    cloud.ec2.interfaces.remove(id);
    cloud.ec2.tags.remove(id);
}

/// The interface with this id.
pub fn interface<'c>(cloud: &'c Cloud, id: &str) -> Option<&'c Interface> {
    cloud.ec2.interfaces.get(id)
}

/// The subnet with this id.
pub fn subnet<'c>(cloud: &'c Cloud, id: &str) -> Option<&'c Subnet> {
    cloud.ec2.subnets.get(id)
}

/// The security group with this id.
pub fn security_group<'c>(cloud: &'c Cloud, id: &str) -> Option<&'c SecurityGroup> {
    cloud.ec2.groups.get(id)
}

/// What an interface in this subnet can reach the internet through.
///
/// Follows the `0.0.0.0/0` of the associated route table, or of the VPC's main one.
pub fn internet_route(cloud: &Cloud, subnet_id: &str) -> InternetRoute {
    let Some(target) = default_target(cloud, subnet_id) else { return InternetRoute::None };
    match target {
        Target::Gateway(_) => InternetRoute::Gateway,
        Target::Nat(id) => InternetRoute::Nat { available: nat_works(cloud, id) },
        Target::Local | Target::Interface(_) => InternetRoute::None,
    }
}

/// The live target of the subnet's default route.
fn default_target<'c>(cloud: &'c Cloud, subnet_id: &str) -> Option<&'c Target> {
    let subnet = subnet(cloud, subnet_id)?;
    let table = super::route::table_of(&cloud.ec2, subnet)?;
    let target = table.routes.get(&Destination::everywhere())?;
    super::route::is_active(&cloud.ec2, &subnet.vpc, target).then_some(target)
}

/// Whether packets pass through the gateway: it is available, and its own subnet has a way out.
fn nat_works(cloud: &Cloud, id: &str) -> bool {
    cloud.ec2.nat_gateways.get(id).is_some_and(|gateway| {
        matches!(gateway.phase, nat::Phase::Available)
            && matches!(default_target(cloud, &gateway.subnet), Some(Target::Gateway(_)))
    })
}
