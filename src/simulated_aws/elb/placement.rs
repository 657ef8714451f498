//! Where a load balancer stands: one subnet in each of at least two zones, an interface in each.
//!
//! An interface outlives its place: it goes away only a while later, and until then holds its
//! subnet and its security groups (aws-behaviour 14.e).

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::clock::Moment;
use super::super::cloud::Cloud;
use super::super::ec2::interface::{self, NewInterface};
use super::super::wire::{Answer, ApiError, Parameters};
use super::load_balancer::{self, LoadBalancer};
use super::validate::{invalid, misfit};
use super::{network, targets};

/// One subnet of a load balancer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Placement {
    pub zone: String,
    pub subnet: String,
    pub interface: String,
}

/// An interface whose load balancer has left.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeavingInterface {
    pub id: String,
    pub gone: Moment,
}

/// A subnet that a load balancer is to stand in.
pub struct Place {
    pub zone: String,
    pub subnet: String,
    pub vpc: String,
}

/// The subnets that a request asks for, checked: of one VPC, each in a zone of its own, at least
/// two (aws-behaviour 14.f).
pub fn asked(cloud: &Cloud, request: Parameters<'_>) -> Result<Vec<Place>, ApiError> {
    let places = ids(request)?.iter().map(|id| place(cloud, id)).collect::<Result<Vec<_>, _>>()?;
    let zones: BTreeSet<&str> = places.iter().map(|place| place.zone.as_str()).collect();
    if zones.len() < places.len() {
        return Err(misfit(
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        ));
    }
    if zones.len() < 2 {
        return Err(invalid(
            "At least two subnets in two different Availability Zones must be specified",
        ));
    }
    if places.iter().any(|place| place.vpc != places[0].vpc) {
        return Err(misfit("All subnets must belong to the same VPC"));
    }
    Ok(places)
}

fn ids(request: Parameters<'_>) -> Result<Vec<String>, ApiError> {
    let plain = request.texts("Subnets");
    let mapped: Vec<String> = request
        .structures("SubnetMappings")
        .filter_map(|mapping| mapping.text("SubnetId").map(str::to_owned))
        .collect();
    match (plain.is_empty(), mapped.is_empty()) {
        (false, false) => Err(invalid("Only one of subnets and subnet mappings can be specified")),
        (true, _) => Ok(mapped),
        (_, true) => Ok(plain),
    }
}

fn place(cloud: &Cloud, id: &str) -> Result<Place, ApiError> {
    let subnet = interface::subnet(cloud, id).ok_or_else(|| {
        ApiError::new("SubnetNotFound", format!("The subnet ID '{id}' does not exist"))
    })?;
    Ok(Place { zone: subnet.zone.clone(), subnet: id.to_owned(), vpc: subnet.vpc.clone() })
}

/// Takes places for a load balancer, and keeps those that it has already.
///
/// When a subnet has no room, nothing is changed.
pub fn occupy(
    cloud: &mut Cloud,
    balancer: &LoadBalancer,
    places: Vec<Place>,
) -> Result<Vec<Placement>, ApiError> {
    let mut made = Vec::new();
    let mut placements = Vec::new();
    for place in places {
        let present = balancer.placements.iter().find(|present| present.subnet == place.subnet);
        let interface = match present {
            Some(present) => present.interface.clone(),
            None => match network::create_interface(cloud, interface_of(balancer, &place.subnet)) {
                Ok(interface) => {
                    made.push(interface.id.clone());
                    interface.id
                }
                Err(error) => {
                    for id in &made {
                        interface::delete_interface(cloud, id);
                    }
                    return Err(error);
                }
            },
        };
        placements.push(Placement { zone: place.zone, subnet: place.subnet, interface });
    }
    Ok(placements)
}

fn interface_of(balancer: &LoadBalancer, subnet: &str) -> NewInterface {
    NewInterface {
        subnet: subnet.to_owned(),
        groups: balancer.security_groups.clone(),
        description: format!("ELB app/{}/{}", balancer.name, balancer.id()),
        interface_type: "interface".to_owned(),
        requester: "amazon-elb".to_owned(),
        public_address: balancer.is_internet_facing(),
    }
}

/// Gives places up: their interfaces go 20 to 120 seconds from now, all at one moment.
pub fn vacate(cloud: &mut Cloud, placements: impl IntoIterator<Item = Placement>) {
    let pause = Duration::from_millis(cloud.random().u64(20_000..=120_000));
    let gone = cloud.now.after(pause);
    let leaving = placements.into_iter();
    let leaving = leaving.map(|place| LeavingInterface { id: place.interface, gone });
    cloud.elb.leaving.extend(leaving);
}

/// Deletes the interfaces whose time has come.
pub fn remove_left_interfaces(cloud: &mut Cloud) {
    let now = cloud.now;
    let gone: Vec<_> = cloud.elb.leaving.extract_if(.., |leaving| leaving.gone <= now).collect();
    for leaving in gone {
        interface::delete_interface(cloud, &leaving.id);
    }
}

/// Replaces the subnets of a load balancer (aws-behaviour 14.a).
pub fn set_subnets(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let balancer = load_balancer::named(&cloud.elb, request)?.clone();
    let places = asked(cloud, request)?;
    if places.iter().any(|place| place.vpc != balancer.vpc) {
        return Err(misfit("All subnets must belong to the load balancer's VPC"));
    }
    let placements = occupy(cloud, &balancer, places)?;
    let kept: BTreeSet<&str> = placements.iter().map(|place| place.interface.as_str()).collect();
    let left: Vec<Placement> = balancer
        .placements
        .iter()
        .filter(|place| !kept.contains(place.interface.as_str()))
        .cloned()
        .collect();
    let answer =
        json!({"AvailabilityZones": shown(&placements), "IpAddressType": balancer.ip_address_type});
    vacate(cloud, left);
    load_balancer::find_mut(&mut cloud.elb, &balancer.arn)?.placements = placements;
    targets::follow_use(cloud);
    Ok(answer)
}

/// Zones and subnets as the answers show them.
pub fn shown(placements: &[Placement]) -> Vec<Value> {
    let shown = placements.iter().map(|place| {
        json!({"ZoneName": place.zone, "SubnetId": place.subnet, "LoadBalancerAddresses": []})
    });
    shown.collect()
}
