//! Changes to a load balancer that stands; each replaces what it names (aws-behaviour 14.a).

use serde_json::json;

use super::super::cloud::Cloud;
use super::super::wire::{Answer, Parameters};
use super::attributes::{self, LOAD_BALANCER};
use super::load_balancer::{IP_ADDRESS_TYPES, find_mut, named};
use super::network;
use super::validate::{missing, one_of};

pub fn set_security_groups(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let balancer = named(&cloud.elb, request)?.clone();
    let asked = request.texts("SecurityGroups");
    if asked.is_empty() {
        return Err(missing("SecurityGroups"));
    }
    let groups = network::security_groups(cloud, &balancer.vpc, asked)?;
    for place in &balancer.placements {
        network::change_groups(cloud, &place.interface, &groups);
    }
    let answer = json!({"SecurityGroupIds": groups});
    find_mut(&mut cloud.elb, &balancer.arn)?.security_groups = groups;
    Ok(answer)
}

pub fn set_ip_address_type(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let arn = named(&cloud.elb, request)?.arn.clone();
    let ip_address_type = one_of(request, "IpAddressType", IP_ADDRESS_TYPES)?
        .ok_or_else(|| missing("IpAddressType"))?;
    ip_address_type.clone_into(&mut find_mut(&mut cloud.elb, &arn)?.ip_address_type);
    Ok(json!({"IpAddressType": ip_address_type}))
}

pub fn describe_attributes(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    Ok(attributes::shown(&named(&cloud.elb, request)?.attributes))
}

pub fn modify_attributes(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let balancer = named(&cloud.elb, request)?;
    let arn = balancer.arn.clone();
    let attributes = LOAD_BALANCER.merged(&balancer.attributes, request)?;
    let answer = attributes::shown(&attributes);
    find_mut(&mut cloud.elb, &arn)?.attributes = attributes;
    Ok(answer)
}
