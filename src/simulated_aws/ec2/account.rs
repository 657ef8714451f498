//! What the account finds in its region: zones, other regions, its own attributes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::describe::{Filters, text};
use super::error;
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// The regions of the partition `aws` that an account has without opting in.
const REGIONS: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// An availability zone.
pub(super) struct Zone {
    /// `eu-west-1a`: the account's own name for it.
    pub name: String,
    /// `euw1-az1`: the same for every account.
    pub id: String,
}

/// The zones of a region that an account can use.
pub(super) fn zones(region: &str) -> Vec<Zone> {
    let letters: &[char] = match region {
        "us-east-1" => &['a', 'b', 'c', 'd', 'e', 'f'],
        "us-west-2" => &['a', 'b', 'c', 'd'],
        "us-west-1" => &['a', 'c'],
        "ap-northeast-1" => &['a', 'c', 'd'],
        _ => &['a', 'b', 'c'],
    };
    let short = short_region(region);
    let zone = |(number, letter): (usize, &char)| Zone {
        name: format!("{region}{letter}"),
        id: format!("{short}-az{}", number + 1),
    };
    letters.iter().enumerate().map(zone).collect()
}

/// A region as zone ids begin: `eu-west-1` is `euw1`, `ap-southeast-2` is `apse2`.
fn short_region(region: &str) -> String {
    let mut parts = region.split('-');
    let continent = parts.next().unwrap_or_default();
    let direction = |part: &str| match part {
        "northeast" => "ne".to_owned(),
        "northwest" => "nw".to_owned(),
        "southeast" => "se".to_owned(),
        "southwest" => "sw".to_owned(),
        other => other.chars().take(1).collect(),
    };
    parts.fold(continent.to_owned(), |short, part| short + &direction(part))
}

/// The id of a zone by its name; empty for a zone of another region.
pub(super) fn zone_id(cloud: &Cloud, name: &str) -> String {
    let zone = zones(&cloud.region).into_iter().find(|zone| zone.name == name);
    zone.map(|zone| zone.id).unwrap_or_default()
}

pub(super) fn describe_zones(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let zones = zones(&cloud.region);
    let (names, ids) = (request.texts("ZoneName"), request.texts("ZoneId"));
    check_known("availability zone", &names, |name| zones.iter().any(|zone| zone.name == name))?;
    check_known("availability zone", &ids, |id| zones.iter().any(|zone| zone.id == id))?;
    let filters = Filters::read(request);
    let known = [
        "group-name",
        "opt-in-status",
        "region-name",
        "state",
        "zone-id",
        "zone-name",
        "zone-state",
        "zone-type",
    ];
    filters.check(&known)?;
    let values = |zone: &Zone, filter: &str| match filter {
        "group-name" => text(format!("{}-zg-1", cloud.region)),
        "opt-in-status" => text("opt-in-not-required"),
        "region-name" => text(&cloud.region),
        "state" | "zone-state" => text("available"),
        "zone-id" => text(&zone.id),
        "zone-name" => text(&zone.name),
        "zone-type" => text("availability-zone"),
        _ => Vec::new(),
    };
    let chosen = zones.iter().filter(|zone| {
        (names.is_empty() || names.contains(&zone.name))
            && (ids.is_empty() || ids.contains(&zone.id))
            && filters.accept(|filter| values(zone, filter))
    });
    let shown: Vec<Value> = chosen.map(|zone| show_zone(cloud, zone)).collect();
    Ok(json!({"availabilityZoneInfo": shown}))
}

fn show_zone(cloud: &Cloud, zone: &Zone) -> Value {
    json!({
        "zoneName": zone.name,
        "zoneId": zone.id,
        "zoneType": "availability-zone",
        "zoneState": "available",
        "regionName": cloud.region,
        "groupName": format!("{}-zg-1", cloud.region),
        "networkBorderGroup": cloud.region,
        "optInStatus": "opt-in-not-required",
        "messageSet": [],
    })
}

/// The account's regions: its own, and in the partition `aws` those that need no opting in.
fn regions(cloud: &Cloud) -> BTreeSet<&str> {
    let others = if cloud.partition() == "aws" { REGIONS.as_slice() } else { &[] };
    others.iter().copied().chain([cloud.region.as_str()]).collect()
}

pub(super) fn describe_regions(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let regions = regions(cloud);
    let names = request.texts("RegionName");
    check_known("region", &names, |name| regions.contains(name))?;
    let filters = Filters::read(request);
    filters.check(&["endpoint", "opt-in-status", "region-name"])?;
    let endpoint = |region: &str| format!("ec2.{region}.amazonaws.com");
    let values = |region: &str, filter: &str| match filter {
        "endpoint" => text(endpoint(region)),
        "opt-in-status" => text("opt-in-not-required"),
        "region-name" => text(region),
        _ => Vec::new(),
    };
    let chosen = regions.iter().filter(|region| {
        (names.is_empty() || names.iter().any(|name| name == *region))
            && filters.accept(|filter| values(region, filter))
    });
    let show = |region: &&str| {
        json!({
            "regionName": region,
            "regionEndpoint": endpoint(region),
            "optInStatus": "opt-in-not-required",
        })
    };
    Ok(json!({"regionInfo": chosen.map(show).collect::<Vec<_>>()}))
}

fn check_known(
    what: &str,
    names: &[String],
    is_known: impl Fn(&str) -> bool,
) -> Result<(), ApiError> {
    match names.iter().find(|name| !is_known(name)) {
        Some(name) => Err(error::invalid_value(format!("Invalid {what}: [{name}]"))),
        None => Ok(()),
    }
}

pub(super) fn describe_attributes(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let quotas = &cloud.ec2.quotas;
    let attributes = [
        ("default-vpc", "none".to_owned()),
        ("max-elastic-ips", quotas.addresses.to_string()),
        ("max-instances", "20".to_owned()),
        ("supported-platforms", "VPC".to_owned()),
        ("vpc-max-elastic-ips", quotas.addresses.to_string()),
        ("vpc-max-security-groups-per-interface", quotas.groups_per_interface.to_string()),
    ];
    let names = request.texts("AttributeName");
    check_known("attribute name", &names, |name| {
        attributes.iter().any(|(attribute, _)| *attribute == name)
    })?;
    let chosen = attributes
        .iter()
        .filter(|(name, _)| names.is_empty() || names.iter().any(|asked| asked == name));
    let show = |(name, value): &(&str, String)| json!({"attributeName": name, "attributeValueSet": [{"attributeValue": value}]});
    Ok(json!({"accountAttributeSet": chosen.map(show).collect::<Vec<_>>()}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_ids_begin_with_the_region_in_short() {
        assert_eq!(zones("eu-west-1")[0].id, "euw1-az1");
        assert_eq!(zones("ap-southeast-2")[2].id, "apse2-az3");
        assert_eq!(zones("us-east-1").len(), 6);
    }
}
