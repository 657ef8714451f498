//! The regions of AWS.

use crate::aws::partition_of;

/// The regions of AWS's public partitions, as of 2026.
pub const REGIONS: [&str; 39] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// Whether AWS has a region of that name. Those of the isolated partitions, of which there is no
/// public list, are known by their pattern: `us-iso-east-1`, `eu-isoe-west-1`.
pub fn exists(name: &str) -> bool {
    REGIONS.contains(&name) || is_isolated(name)
}

fn is_isolated(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let [_, _, direction, number] = parts[..] else { return false };
    let direction = ["north", "south", "east", "west", "central"].contains(&direction);
    let isolated = partition_of(name).starts_with("aws-iso");
    isolated && direction && number.parse::<u8>().is_ok()
}

/// Whether `zone` names an availability zone of `region`: the region and a letter.
pub fn has_zone(region: &str, zone: &str) -> bool {
    let letter = zone.strip_prefix(region).map(str::as_bytes);
    matches!(letter, Some([letter]) if letter.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_known_by_list_or_as_isolated() {
        for name in ["eu-west-1", "us-gov-west-1", "eusc-de-east-1", "us-isob-east-1"] {
            assert!(exists(name), "{name}");
        }
        for name in [
            "",
            "eu-west-9",
            "eu-west",
            "EU-WEST-1",
            "us-isox-east-1",
            "eu-iso-east-1",
            "eu-west-1a",
        ] {
            assert!(!exists(name), "{name}");
        }
    }

    #[test]
    fn every_region_is_of_the_partition_that_its_name_says() {
        let others: Vec<(&str, &str)> = REGIONS
            .into_iter()
            .map(|region| (region, partition_of(region)))
            .filter(|(_, partition)| *partition != "aws")
            .collect();
        let known = [
            ("cn-north-1", "aws-cn"),
            ("cn-northwest-1", "aws-cn"),
            ("eusc-de-east-1", "aws-eusc"),
            ("us-gov-east-1", "aws-us-gov"),
            ("us-gov-west-1", "aws-us-gov"),
        ];
        assert_eq!(others, known);
    }

    #[test]
    fn a_zone_is_its_region_and_a_letter() {
        assert!(has_zone("eu-west-1", "eu-west-1a"));
        for zone in ["eu-west-1", "eu-west-2a", "eu-west-1A", "eu-west-1ab", "1a"] {
            assert!(!has_zone("eu-west-1", zone), "{zone}");
        }
    }
}
