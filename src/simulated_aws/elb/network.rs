//! What this room asks of the VPC.

use std::net::Ipv4Addr;

use serde_json::json;

use super::super::cloud::Cloud;
use super::super::ec2;
use super::super::ec2::interface::{self, Interface, NewInterface};
use super::super::wire::{ApiError, Parameters};
use super::validate::{invalid, misfit};

/// How many addresses must be free in a subnet that a load balancer is put into.
const FEWEST_FREE_ADDRESSES: i64 = 8;
/// How many security groups an interface can have (aws-behaviour 28).
const MOST_SECURITY_GROUPS: usize = 5;

/// Whether there is such a VPC.
pub fn vpc_exists(cloud: &Cloud, vpc: &str) -> bool {
    cloud.ec2.vpcs.contains_key(vpc)
}

/// The interface that has this private address in a VPC.
pub fn interface_with<'c>(cloud: &'c Cloud, vpc: &str, address: &str) -> Option<&'c Interface> {
    let address: Ipv4Addr = address.parse().ok()?;
    let mut interfaces = cloud.ec2.interfaces.values();
    interfaces.find(|interface| interface.vpc == vpc && interface.private_address == address)
}

/// Refuses a VPC without a way to the internet.
pub fn require_internet_gateway(cloud: &Cloud, vpc: &str) -> Result<(), ApiError> {
    if cloud.ec2.internet_gateways.values().any(|gateway| gateway.vpc.as_deref() == Some(vpc)) {
        return Ok(());
    }
    Err(ApiError::new("InvalidSubnet", format!("VPC {vpc} has no internet gateway")))
}

/// The security groups for a load balancer: those asked for, or else the VPC's default one
/// (aws-behaviour 14.f).
pub fn security_groups(
    cloud: &Cloud,
    vpc: &str,
    asked: Vec<String>,
) -> Result<Vec<String>, ApiError> {
    if asked.len() > MOST_SECURITY_GROUPS {
        return Err(misfit(format!(
            "A load balancer can have at most {MOST_SECURITY_GROUPS} security groups"
        )));
    }
    for id in &asked {
        let group = interface::security_group(cloud, id).ok_or_else(|| {
            let message = format!("The security group '{id}' does not exist");
            ApiError::new("InvalidSecurityGroup", message)
        })?;
        if group.vpc != vpc {
            return Err(misfit(format!("The security group '{id}' is not in VPC '{vpc}'")));
        }
    }
    if !asked.is_empty() {
        return Ok(asked);
    }
    let groups = cloud.ec2.groups.values();
    let mut defaults = groups.filter(|group| group.vpc == vpc && group.name == "default");
    let default = defaults.next().ok_or_else(|| invalid("The VPC has no default group"))?;
    Ok(vec![default.id.clone()])
}

/// Puts a load balancer's interface into a subnet, which must have room for more than one, since
/// load balancers grow (aws-behaviour 14.f).
pub fn create_interface(cloud: &mut Cloud, new: NewInterface) -> Result<Interface, ApiError> {
    let free = free_addresses(cloud, &new.subnet)?;
    if free < FEWEST_FREE_ADDRESSES {
        return Err(ApiError::new(
            "InvalidSubnet",
            format!(
                "Not enough IP space available in {}. ELB requires at least \
                 {FEWEST_FREE_ADDRESSES} free IP addresses in each subnet",
                new.subnet
            ),
        ));
    }
    interface::create_interface(cloud, new)
}

/// How many addresses of a subnet are free, as EC2 says.
fn free_addresses(cloud: &mut Cloud, subnet: &str) -> Result<i64, ApiError> {
    let request = json!({"SubnetId": [subnet]});
    let answer = ec2::answer(cloud, "DescribeSubnets", Parameters::new(&request))?;
    let subnet = Parameters::new(&answer["subnetSet"][0]);
    Ok(subnet.integer("availableIpAddressCount").unwrap_or_default())
}

/// Has an interface take other security groups.
pub fn change_groups(cloud: &mut Cloud, interface: &str, groups: &[String]) {
    if let Some(interface) = cloud.ec2.interfaces.get_mut(interface) {
        interface.groups = groups.to_vec();
    }
}
