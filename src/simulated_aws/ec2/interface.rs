//! Network interfaces: what services put into a subnet, and what keeps it from being deleted.
//!
//! The account makes none by itself: gateways, load balancers and tasks bring theirs through
//! [`create_interface`] and must take them away with [`delete_interface`]. Other rooms also ask
//! here what an interface would find: its subnet, its groups, its way to the internet.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::address::{Mapping, internal_name, internet_name};
use super::describe::{Fact, Listed, find, maybe, text};
use super::group::SecurityGroup;
use super::route::{Destination, Target};
use super::subnet::Subnet;
use super::vpc::Vpc;
use super::{Ec2, account, error, group, nat, route, subnet, tags};
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::wire::ApiError;

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
    /// `eni-…`.
    pub id: String,
    /// The subnet's id.
    pub subnet: String,
    /// The VPC's id.
    pub vpc: String,
    /// The name of the availability zone.
    pub zone: String,
    /// Ids of its security groups.
    pub groups: Vec<String>,
    /// As in [`NewInterface`].
    pub description: String,
    /// As in [`NewInterface`].
    pub interface_type: String,
    /// As in [`NewInterface`].
    pub requester: String,
    /// Its address inside the VPC.
    pub private_address: Ipv4Addr,
    /// Its address on the internet.
    pub public_address: Option<PublicAddress>,
    /// Six hexadecimal bytes with colons.
    pub mac_address: String,
    /// The id of its attachment to what uses it.
    pub attachment: String,
    /// When it was made, and attached at once.
    pub attached: Moment,
}

/// The public address that is mapped to an interface.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PublicAddress {
    /// The address itself.
    pub address: Ipv4Addr,
    /// Set when it is an Elastic IP address.
    pub elastic: Option<Elastic>,
}

/// Whose Elastic IP address it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Elastic {
    /// The allocation's id.
    pub allocation: String,
    /// The association's id.
    pub association: String,
}

/// The way from a subnet to the internet: what its `0.0.0.0/0` leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InternetRoute {
    /// An attached internet gateway: it takes those that have a public address.
    Gateway,
    /// A NAT gateway; nothing gets through before it is available and has a way out itself.
    Nat {
        /// Whether something gets through by now.
        available: bool,
    },
    /// No route, or one into a black hole.
    None,
}

/// Makes an interface with a free private address of its subnet.
///
/// # Errors
///
/// `InvalidSubnetID.NotFound`, `InvalidGroup.NotFound` (also for a group of another VPC),
/// `SecurityGroupsPerInterfaceLimitExceeded`, `NetworkInterfaceLimitExceeded`,
/// `InsufficientFreeAddressesInSubnet`.
pub fn create_interface(cloud: &mut Cloud, new: NewInterface) -> Result<Interface, ApiError> {
    let subnet = find::<Subnet>(&cloud.ec2, &new.subnet)?.clone();
    check_quota(&cloud.ec2)?;
    let groups = effective_groups(&cloud.ec2, &subnet, &new)?;
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

/// Takes an interface away, which frees its addresses; one that is gone already stays gone.
pub fn delete_interface(cloud: &mut Cloud, id: &str) {
    let at_it = |mapping: &mut Mapping| mapping.interface == id;
    for address in cloud.ec2.addresses.values_mut() {
        address.mapping.take_if(at_it);
    }
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
    let table = route::table_of(&cloud.ec2, subnet)?;
    let target = table.target(&Destination::everywhere())?;
    route::is_active(&cloud.ec2, &subnet.vpc, target).then_some(target)
}

/// Whether packets pass through the gateway: it is available, and its own subnet has a way out.
fn nat_works(cloud: &Cloud, id: &str) -> bool {
    cloud.ec2.nat_gateways.get(id).is_some_and(|gateway| {
        matches!(gateway.phase, nat::Phase::Available)
            && matches!(default_target(cloud, &gateway.subnet), Some(Target::Gateway(_)))
    })
}

fn check_quota(ec2: &Ec2) -> Result<(), ApiError> {
    let quota = ec2.quotas.interfaces;
    if ec2.interfaces.len() >= quota {
        let code = "NetworkInterfaceLimitExceeded";
        return Err(error::over_quota(code, "network interfaces", quota));
    }
    Ok(())
}

/// The groups of a new interface: those asked for, else the VPC's default one. A NAT gateway's
/// has none at all.
fn effective_groups(
    ec2: &Ec2,
    subnet: &Subnet,
    new: &NewInterface,
) -> Result<Vec<String>, ApiError> {
    if new.interface_type == "nat_gateway" {
        return Ok(Vec::new());
    }
    if new.groups.is_empty() {
        return Ok(group::default_of(ec2, &subnet.vpc)
            .map(|group| group.id.clone())
            .into_iter()
            .collect());
    }
    for id in &new.groups {
        if find::<SecurityGroup>(ec2, id)?.vpc != subnet.vpc {
            return Err(error::not_found::<SecurityGroup>(id));
        }
    }
    let quota = ec2.quotas.groups_per_interface;
    if new.groups.len() > quota {
        let code = "SecurityGroupsPerInterfaceLimitExceeded";
        return Err(error::over_quota(code, "security groups per interface", quota));
    }
    Ok(new.groups.clone())
}

/// An address of the subnet that nothing has, neither an interface nor AWS itself: any of the
/// free ones.
fn free_address(cloud: &mut Cloud, subnet: &Subnet) -> Result<Ipv4Addr, ApiError> {
    let free = subnet::free_count(&cloud.ec2, subnet);
    if free == 0 {
        let message = format!("insufficient free addresses in subnet {}", subnet.id);
        return Err(ApiError::new("InsufficientFreeAddressesInSubnet", message));
    }
    let chosen = cloud.random().usize(..free);
    let others = cloud.ec2.interfaces.values().filter(|other| other.subnet == subnet.id);
    let taken: Vec<Ipv4Addr> = others.map(|other| other.private_address).collect();
    let mut addresses = subnet.cidr.hosts().skip(3).filter(|address| !taken.contains(address));
    let address = addresses.nth(chosen);
    Ok(address.expect("as many addresses are free as were counted"))
}

fn fresh_mac(cloud: &mut Cloud) -> String {
    let digits = cloud.fresh_hex(10);
    let pairs: Vec<&str> = (0..5).map(|at| &digits[2 * at..2 * at + 2]).collect();
    format!("02:{}", pairs.join(":"))
}

impl Listed for Interface {
    const KIND: &'static str = "network-interface";
    const NOUN: &'static str = "networkInterface ID";
    const NOT_FOUND: &'static str = "InvalidNetworkInterfaceID.NotFound";
    const MALFORMED: &'static str = "InvalidNetworkInterfaceId.Malformed";
    const ID_PREFIX: &'static str = "eni";
    const IDS: &'static str = "NetworkInterfaceId";
    const SET: &'static str = "networkInterfaceSet";
    const FACTS: &'static [Fact<Self>] = &[
        ("network-interface-id", |interface, _| text(&interface.id)),
        ("subnet-id", |interface, _| text(&interface.subnet)),
        ("vpc-id", |interface, _| text(&interface.vpc)),
        ("availability-zone", |interface, _| text(&interface.zone)),
        ("group-id", |interface, _| interface.groups.clone()),
        ("group-name", |interface, cloud| {
            let groups = interface.groups.iter().filter_map(|id| cloud.ec2.groups.get(id));
            groups.map(|group| group.name.clone()).collect()
        }),
        ("description", |interface, _| text(&interface.description)),
        ("interface-type", |interface, _| text(&interface.interface_type)),
        ("requester-id", |interface, _| text(&interface.requester)),
        ("requester-managed", |_, _| text(true)),
        ("owner-id", |_, _| text(ACCOUNT)),
        ("status", |_, _| text("in-use")),
        ("attachment.attachment-id", |interface, _| text(&interface.attachment)),
        ("attachment.instance-owner-id", |interface, _| text(&interface.requester)),
        ("attachment.status", |_, _| text("attached")),
        ("mac-address", |interface, _| text(&interface.mac_address)),
        ("private-ip-address", |interface, _| text(interface.private_address)),
        ("addresses.private-ip-address", |interface, _| text(interface.private_address)),
        ("association.public-ip", |interface, _| {
            maybe(interface.public_address.as_ref().map(|public| public.address))
        }),
        ("association.allocation-id", |interface, _| {
            maybe(interface.elastic().map(|elastic| &elastic.allocation))
        }),
        ("association.association-id", |interface, _| {
            maybe(interface.elastic().map(|elastic| &elastic.association))
        }),
    ];

    fn all(ec2: &Ec2) -> &BTreeMap<String, Self> {
        &ec2.interfaces
    }

    fn all_mut(ec2: &mut Ec2) -> &mut BTreeMap<String, Self> {
        &mut ec2.interfaces
    }

    fn show(&self, cloud: &Cloud) -> Value {
        let association = self.association(cloud);
        let private_name =
            self.has_names(cloud).then(|| internal_name(self.private_address, &cloud.region));
        json!({
            "networkInterfaceId": self.id,
            "subnetId": self.subnet,
            "vpcId": self.vpc,
            "availabilityZone": self.zone,
            "availabilityZoneId": account::zone_id(cloud, &self.zone),
            "description": self.description,
            "ownerId": ACCOUNT,
            "requesterId": self.requester,
            "requesterManaged": true,
            "status": "in-use",
            "interfaceType": self.interface_type,
            "macAddress": self.mac_address,
            "sourceDestCheck": self.interface_type != "nat_gateway",
            "privateIpAddress": self.private_address,
            "privateDnsName": private_name,
            "association": association,
            "attachment": {
                "attachmentId": self.attachment,
                "instanceOwnerId": self.requester,
                "deviceIndex": 1,
                "status": "attached",
                "attachTime": cloud.timestamp(self.attached).to_string(),
                "deleteOnTermination": false,
            },
            "groupSet": self.shown_groups(cloud),
            "privateIpAddressesSet": [{
                "privateIpAddress": self.private_address,
                "privateDnsName": private_name,
                "primary": true,
                "association": association,
            }],
            "tagSet": tags::set(&cloud.ec2, &self.id),
        })
    }
}

impl Interface {
    fn elastic(&self) -> Option<&Elastic> {
        self.public_address.as_ref()?.elastic.as_ref()
    }

    /// Whether the VPC's DNS has names for what stands in it.
    fn has_names(&self, cloud: &Cloud) -> bool {
        let vpc: Option<&Vpc> = cloud.ec2.vpcs.get(&self.vpc);
        vpc.is_some_and(|vpc| vpc.dns_hostnames)
    }

    fn association(&self, cloud: &Cloud) -> Option<Value> {
        let public = self.public_address.as_ref()?;
        let elastic = public.elastic.as_ref();
        let name = self.has_names(cloud).then(|| internet_name(public.address, &cloud.region));
        Some(json!({
            "publicIp": public.address,
            "publicDnsName": name,
            "ipOwnerId": elastic.map_or("amazon", |_| ACCOUNT),
            "allocationId": elastic.map(|elastic| &elastic.allocation),
            "associationId": elastic.map(|elastic| &elastic.association),
        }))
    }

    fn shown_groups(&self, cloud: &Cloud) -> Value {
        let groups = self.groups.iter().filter_map(|id| cloud.ec2.groups.get(id));
        groups.map(|group| json!({"groupId": group.id, "groupName": group.name})).collect()
    }
}
