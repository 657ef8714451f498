//! Elastic IP addresses (aws-behaviour 4).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::describe::{self, Fact, Listed, find, maybe, text};
use super::interface::Interface;
use super::nat::{NatGateway, Phase};
use super::{Ec2, done, error, tags};
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// A public address that the account keeps.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Address {
    /// The allocation id.
    pub id: String,
    /// The address itself.
    pub public: Ipv4Addr,
    /// What it is mapped to.
    pub mapping: Option<Mapping>,
    /// Until when a release is still refused, after whoever held it is gone.
    pub held_until: Moment,
}

/// An Elastic IP address at an interface.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mapping {
    /// The association's id.
    pub association: String,
    /// The interface's id.
    pub interface: String,
}

impl Listed for Address {
    const KIND: &'static str = "elastic-ip";
    const NOUN: &'static str = "allocation ID";
    const NOT_FOUND: &'static str = "InvalidAllocationID.NotFound";
    const MALFORMED: &'static str = "InvalidAllocationID.Malformed";
    const ID_PREFIX: &'static str = "eipalloc";
    const IDS: &'static str = "AllocationId";
    const SET: &'static str = "addressesSet";
    /// All addresses come in one answer.
    const LARGEST_PAGE: usize = usize::MAX;
    const FACTS: &'static [Fact<Self>] = &[
        ("allocation-id", |address, _| text(&address.id)),
        ("association-id", |address, _| {
            maybe(address.mapping.as_ref().map(|mapping| &mapping.association))
        }),
        ("domain", |_, _| text("vpc")),
        ("network-border-group", |_, cloud| text(&cloud.region)),
        ("network-interface-id", |address, _| {
            maybe(address.mapping.as_ref().map(|mapping| &mapping.interface))
        }),
        ("network-interface-owner-id", |address, _| {
            maybe(address.mapping.as_ref().map(|_| ACCOUNT))
        }),
        ("private-ip-address", |address, cloud| {
            maybe(interface_of(address, &cloud.ec2).map(|interface| interface.private_address))
        }),
        ("public-ip", |address, _| text(address.public)),
    ];

    fn all(ec2: &Ec2) -> &BTreeMap<String, Self> {
        &ec2.addresses
    }

    fn all_mut(ec2: &mut Ec2) -> &mut BTreeMap<String, Self> {
        &mut ec2.addresses
    }

    fn show(&self, cloud: &Cloud) -> Value {
        let interface = interface_of(self, &cloud.ec2);
        json!({
            "allocationId": self.id,
            "publicIp": self.public,
            "domain": "vpc",
            "publicIpv4Pool": "amazon",
            "networkBorderGroup": cloud.region,
            "associationId": self.mapping.as_ref().map(|mapping| &mapping.association),
            "networkInterfaceId": self.mapping.as_ref().map(|mapping| &mapping.interface),
            "networkInterfaceOwnerId": interface.map(|_| ACCOUNT),
            "privateIpAddress": interface.map(|interface| interface.private_address),
            "subnetId": interface.map(|interface| &interface.subnet),
            "tagSet": tags::set(&cloud.ec2, &self.id),
        })
    }
}

fn interface_of<'e>(address: &Address, ec2: &'e Ec2) -> Option<&'e Interface> {
    ec2.interfaces.get(&address.mapping.as_ref()?.interface)
}

pub(super) fn allocate(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let tags = tags::requested(request, Address::KIND)?;
    if request.text("Domain").is_some_and(|domain| domain != "vpc") {
        return Err(error::invalid_value("Addresses can only be allocated for domain vpc"));
    }
    let quota = cloud.ec2.quotas.addresses;
    if cloud.ec2.addresses.len() >= quota {
        return Err(error::over_quota("AddressLimitExceeded", "addresses", quota));
    }
    let address = Address {
        id: cloud.fresh_id("eipalloc"),
        public: fresh_public(cloud),
        mapping: None,
        held_until: cloud.now,
    };
    tags::put(cloud, &address.id, tags);
    cloud.ec2.addresses.insert(address.id.clone(), address.clone());
    Ok(json!({
        "allocationId": address.id,
        "publicIp": address.public,
        "domain": "vpc",
        "publicIpv4Pool": "amazon",
        "networkBorderGroup": cloud.region,
    }))
}

/// A public address that nobody has, out of the range that RFC 2544 sets aside for benchmarks:
/// no host of the real internet answers there.
pub(super) fn fresh_public(cloud: &mut Cloud) -> Ipv4Addr {
    let mut random = cloud.random();
    loop {
        let address = Ipv4Addr::new(198, random.u8(18..=19), random.u8(..), random.u8(1..255));
        if !is_taken(&cloud.ec2, address) {
            return address;
        }
    }
}

fn is_taken(ec2: &Ec2, address: Ipv4Addr) -> bool {
    let mut mapped = ec2.interfaces.values().filter_map(|other| other.public_address.as_ref());
    ec2.addresses.values().any(|other| other.public == address)
        || mapped.any(|public| public.address == address)
}

/// Lists addresses by allocation id or by the address itself.
pub(super) fn describe(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let asked = request.texts("PublicIp");
    let known = |text: &String| {
        cloud.ec2.addresses.values().any(|address| address.public.to_string() == *text)
    };
    if let Some(unknown) = asked.iter().find(|text| !known(text)) {
        let message = format!("Address '{unknown}' not found.");
        return Err(ApiError::new("InvalidAddress.NotFound", message));
    }
    let mut answer = describe::describe::<Address>(cloud, request)?;
    if let Some(shown) = answer[Address::SET].as_array_mut().filter(|_| !asked.is_empty()) {
        shown.retain(|address| asked.iter().any(|text| address["publicIp"] == text.as_str()));
    }
    Ok(answer)
}

/// Gives an address back.
///
/// One at a live NAT gateway is in use; while the gateway goes, and for a moment afterwards, the
/// refusal reads as if the address were somebody else's (aws-behaviour 4.e).
pub(super) fn release(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let address: &Address = find(&cloud.ec2, request.required("AllocationId")?)?;
    let border_group = request.text("NetworkBorderGroup").unwrap_or(&cloud.region);
    if border_group != cloud.region {
        let message = format!("Address '{}' not found.", address.public);
        return Err(ApiError::new("InvalidAddress.NotFound", message));
    }
    if cloud.now < address.held_until || is_at_leaving_gateway(&cloud.ec2, address) {
        let message = "You do not have permission to access the specified resource.";
        return Err(ApiError::new("AuthFailure", message));
    }
    if address.mapping.is_some() {
        let message = format!("Address {} is in use.", address.public);
        return Err(ApiError::new("InvalidIPAddress.InUse", message));
    }
    let id = address.id.clone();
    cloud.ec2.addresses.remove(&id);
    cloud.ec2.tags.remove(&id);
    Ok(done())
}

fn is_at_leaving_gateway(ec2: &Ec2, address: &Address) -> bool {
    let leaving = |gateway: &NatGateway| matches!(gateway.phase, Phase::Deleting { .. });
    let mut gateways = ec2.nat_gateways.values();
    gateways.any(|gateway| gateway.holds(address) && leaving(gateway))
}

/// The name that the DNS has for a public address.
pub(super) fn internet_name(address: Ipv4Addr, region: &str) -> String {
    let domain = match region {
        "us-east-1" => "compute-1".to_owned(),
        other => format!("{other}.compute"),
    };
    format!("ec2-{}.{domain}.amazonaws.com", address.to_string().replace('.', "-"))
}

/// The name that the DNS inside a VPC has for a private address.
pub(super) fn internal_name(address: Ipv4Addr, region: &str) -> String {
    let domain = match region {
        "us-east-1" => "ec2".to_owned(),
        other => format!("{other}.compute"),
    };
    format!("ip-{}.{domain}.internal", address.to_string().replace('.', "-"))
}
