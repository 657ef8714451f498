//! The partitions of AWS: worlds of their own, in which accounts, ARNs and domains hold.
//!
//! The rule: a region's name says its partition, as in the table by which the SDKs find their
//! endpoints (`partitions.json` of botocore).

/// One of AWS's worlds.
struct Partition {
    /// How its regions begin.
    prefix: &'static str,
    /// What stands second in its ARNs.
    name: &'static str,
    /// The end of its services' addresses.
    domain: &'static str,
    /// The region in which its services without one leave their events.
    home: &'static str,
}

const STANDARD: Partition = Partition::of("", "aws", "amazonaws.com", "us-east-1");

const OTHERS: [Partition; 7] = [
    Partition::of("cn-", "aws-cn", "amazonaws.com.cn", "cn-north-1"),
    Partition::of("us-gov-", "aws-us-gov", "amazonaws.com", "us-gov-west-1"),
    Partition::of("eusc-", "aws-eusc", "amazonaws.eu", "eusc-de-east-1"),
    Partition::of("us-iso-", "aws-iso", "c2s.ic.gov", "us-iso-east-1"),
    Partition::of("us-isob-", "aws-iso-b", "sc2s.sgov.gov", "us-isob-east-1"),
    Partition::of("eu-isoe-", "aws-iso-e", "cloud.adc-e.uk", "eu-isoe-west-1"),
    Partition::of("us-isof-", "aws-iso-f", "csp.hci.ic.gov", "us-isof-south-1"),
];

impl Partition {
    const fn of(
        prefix: &'static str,
        name: &'static str,
        domain: &'static str,
        home: &'static str,
    ) -> Self {
        Self { prefix, name, domain, home }
    }
}

fn find(region: &str) -> &'static Partition {
    OTHERS.iter().find(|other| region.starts_with(other.prefix)).unwrap_or(&STANDARD)
}

/// The partition that a region belongs to, as ARNs name it: `aws`, `aws-cn`.
pub fn partition_of(region: &str) -> &'static str {
    find(region).name
}

/// The end of the addresses of a region's services: `amazonaws.com`.
pub fn domain_of(region: &str) -> &'static str {
    find(region).domain
}

/// The region of the same partition in which services without a region leave their events.
pub fn home_of(region: &str) -> &'static str {
    find(region).home
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regions_name_says_its_partition() {
        let known = [
            ("eu-west-1", "aws"),
            ("il-central-1", "aws"),
            ("us-east-1", "aws"),
            ("cn-northwest-1", "aws-cn"),
            ("us-gov-east-1", "aws-us-gov"),
            ("eusc-de-east-1", "aws-eusc"),
            ("us-iso-west-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
        ];
        for (region, partition) in known {
            assert_eq!(partition_of(region), partition, "{region}");
        }
    }

    #[test]
    fn a_partitions_home_is_in_it() {
        for other in OTHERS.iter().chain([&STANDARD]) {
            assert_eq!(partition_of(other.home), other.name);
        }
    }
}
