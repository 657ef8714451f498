//! Subnets, each in one zone (aws-behaviour 3).

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::describe::{Fact, Listed, find, find_mut, text};
use super::vpc::{self, Vpc};
use super::{Ec2, account, association, done, error, tags};
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// How many addresses of each subnet AWS keeps: the first four and the last.
const KEPT_ADDRESSES: usize = 5;

/// One zone's share of a VPC's addresses.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Subnet {
    pub id: String,
    pub vpc: String,
    /// The name of its availability zone.
    pub zone: String,
    pub cidr: Ipv4Net,
    /// Whether what is launched here gets a public address unless it says otherwise.
    pub maps_public_addresses: bool,
    /// `ip-name` or `resource-name`.
    pub hostname_type: String,
    pub resource_name_record: bool,
    /// When it stops being `pending`.
    pub available: Moment,
}

impl Listed for Subnet {
    const KIND: &'static str = "subnet";
    const NOUN: &'static str = "subnet ID";
    const NOT_FOUND: &'static str = "InvalidSubnetID.NotFound";
    const MALFORMED: &'static str = "InvalidSubnetID.Malformed";
    const ID_PREFIX: &'static str = "subnet";
    const IDS: &'static str = "SubnetId";
    const SET: &'static str = "subnetSet";
    const FACTS: &'static [Fact<Self>] = &[
        ("subnet-id", |subnet, _| text(&subnet.id)),
        ("vpc-id", |subnet, _| text(&subnet.vpc)),
        ("cidr-block", |subnet, _| text(subnet.cidr)),
        ("cidrBlock", |subnet, _| text(subnet.cidr)),
        ("cidr", |subnet, _| text(subnet.cidr)),
        ("availability-zone", |subnet, _| text(&subnet.zone)),
        ("availabilityZone", |subnet, _| text(&subnet.zone)),
        ("availability-zone-id", |subnet, cloud| text(account::zone_id(cloud, &subnet.zone))),
        ("available-ip-address-count", |subnet, cloud| text(free_count(&cloud.ec2, subnet))),
        ("default-for-az", |_, _| text(false)),
        ("map-public-ip-on-launch", |subnet, _| text(subnet.maps_public_addresses)),
        ("owner-id", |_, _| text(ACCOUNT)),
        ("state", |subnet, cloud| text(vpc::state(subnet.available, cloud))),
        ("subnet-arn", |subnet, cloud| text(arn(subnet, cloud))),
    ];

    fn all(ec2: &Ec2) -> &BTreeMap<String, Self> {
        &ec2.subnets
    }

    fn all_mut(ec2: &mut Ec2) -> &mut BTreeMap<String, Self> {
        &mut ec2.subnets
    }

    fn show(&self, cloud: &Cloud) -> Value {
        json!({
            "subnetId": self.id,
            "subnetArn": arn(self, cloud),
            "ownerId": ACCOUNT,
            "vpcId": self.vpc,
            "state": vpc::state(self.available, cloud),
            "cidrBlock": self.cidr,
            "availableIpAddressCount": free_count(&cloud.ec2, self),
            "availabilityZone": self.zone,
            "availabilityZoneId": account::zone_id(cloud, &self.zone),
            "defaultForAz": false,
            "mapPublicIpOnLaunch": self.maps_public_addresses,
            "mapCustomerOwnedIpOnLaunch": false,
            "assignIpv6AddressOnCreation": false,
            "ipv6CidrBlockAssociationSet": [],
            "ipv6Native": false,
            "enableDns64": false,
            "privateDnsNameOptionsOnLaunch": {
                "hostnameType": self.hostname_type,
                "enableResourceNameDnsARecord": self.resource_name_record,
                "enableResourceNameDnsAAAARecord": false,
            },
            "tagSet": tags::set(&cloud.ec2, &self.id),
        })
    }
}

fn arn(subnet: &Subnet, cloud: &Cloud) -> String {
    cloud.arn("ec2", &format!("subnet/{}", subnet.id))
}

/// How many private addresses are left.
pub(super) fn free_count(ec2: &Ec2, subnet: &Subnet) -> usize {
    let all = 1_usize << (32 - subnet.cidr.prefix_len());
    let used = ec2.interfaces.values().filter(|interface| interface.subnet == subnet.id).count();
    all.saturating_sub(KEPT_ADDRESSES + used)
}

pub(super) fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let tags = tags::requested(request, Subnet::KIND)?;
    let vpc: &Vpc = find(&cloud.ec2, request.required("VpcId")?)?;
    let vpc = vpc.clone();
    let cidr = vpc::block(request.required("CidrBlock")?, "InvalidSubnet.Range")?;
    check_place(&cloud.ec2, &vpc, cidr)?;
    let zone = choose_zone(cloud, request)?;
    let subnet = Subnet {
        id: cloud.fresh_id("subnet"),
        vpc: vpc.id,
        zone,
        cidr,
        maps_public_addresses: false,
        hostname_type: "ip-name".to_owned(),
        resource_name_record: false,
        available: vpc::soon(cloud),
    };
    tags::put(cloud, &subnet.id, tags);
    cloud.ec2.subnets.insert(subnet.id.clone(), subnet.clone());
    Ok(json!({"subnet": subnet.show(cloud)}))
}

/// Checks that the VPC has room for one more subnet, and just there.
fn check_place(ec2: &Ec2, vpc: &Vpc, cidr: Ipv4Net) -> Result<(), ApiError> {
    if !vpc.cidr.contains(&cidr) {
        return Err(ApiError::new("InvalidSubnet.Range", format!("The CIDR '{cidr}' is invalid.")));
    }
    let siblings = || ec2.subnets.values().filter(|subnet| subnet.vpc == vpc.id);
    let overlaps = |other: &Subnet| other.cidr.contains(&cidr) || cidr.contains(&other.cidr);
    if siblings().any(overlaps) {
        let message = format!("The CIDR '{cidr}' conflicts with another subnet");
        return Err(ApiError::new("InvalidSubnet.Conflict", message));
    }
    let quota = ec2.quotas.subnets_per_vpc;
    if siblings().count() >= quota {
        return Err(error::over_quota("SubnetLimitExceeded", "subnets", quota));
    }
    Ok(())
}

/// The zone asked for by name or id; any when none is asked for.
fn choose_zone(cloud: &mut Cloud, request: Parameters<'_>) -> Result<String, ApiError> {
    let zones = account::zones(&cloud.region);
    let asked = request.text("AvailabilityZone").or(request.text("AvailabilityZoneId"));
    let Some(asked) = asked else {
        let any = cloud.random().usize(..zones.len());
        return Ok(zones[any].name.clone());
    };
    let found = zones.iter().find(|zone| zone.name == asked || zone.id == asked);
    found.map(|zone| zone.name.clone()).ok_or_else(|| {
        let names: Vec<&str> = zones.iter().map(|zone| zone.name.as_str()).collect();
        error::invalid_value(format!(
            "Value ({asked}) for parameter availabilityZone is invalid. Subnets can currently \
             only be created in the following availability zones: {}.",
            names.join(", ")
        ))
    })
}

/// Changes one attribute, as only one can be changed at a time.
pub(super) fn modify_attribute(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let subnet: &mut Subnet = find_mut(&mut cloud.ec2, request.required("SubnetId")?)?;
    let attributes = [
        "MapPublicIpOnLaunch",
        "PrivateDnsHostnameTypeOnLaunch",
        "EnableResourceNameDnsARecordOnLaunch",
    ];
    let (attribute, value) = vpc::only_attribute(request, &attributes)?;
    let flag = || value.flag("Value").ok_or_else(|| error::invalid_value("Invalid boolean"));
    match attribute {
        "MapPublicIpOnLaunch" => subnet.maps_public_addresses = flag()?,
        "EnableResourceNameDnsARecordOnLaunch" => subnet.resource_name_record = flag()?,
        _ => {
            let hostname_type = request.required(attribute)?;
            if !["ip-name", "resource-name"].contains(&hostname_type) {
                let message = format!("Invalid hostname type: {hostname_type}");
                return Err(error::invalid_value(message));
            }
            hostname_type.clone_into(&mut subnet.hostname_type);
        }
    }
    Ok(done())
}

/// Deletes a subnet without interfaces; its route table association goes with it.
pub(super) fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let id = find::<Subnet>(&cloud.ec2, request.required("SubnetId")?)?.id.clone();
    let holds = |subnets: &[String]| subnets.contains(&id);
    if cloud.ec2.interfaces.values().any(|interface| interface.subnet == id)
        || cloud.ec2.endpoints.values().any(|endpoint| holds(&endpoint.subnets))
        || cloud.ec2.instances.values().any(|other| other.subnet == id && other.holds_its_vpc())
    {
        let message = format!("The subnet '{id}' has dependencies and cannot be deleted.");
        return Err(error::dependency(message));
    }
    association::forget_subnet(&mut cloud.ec2, &id);
    cloud.ec2.subnets.remove(&id);
    cloud.ec2.tags.remove(&id);
    Ok(done())
}
