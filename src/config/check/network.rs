//! The network: its addresses and its zones.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;

use super::Report;
use crate::config::model::{Config, Network, Zones};
use crate::config::region;
use crate::config::subnets::{smallest_vpc, subnets};

/// The sizes that AWS has for VPCs.
const LARGEST_VPC: u8 = 16;
const SMALLEST_VPC: u8 = 28;

const FEWEST_ZONES: usize = 2;
const MOST_ZONES: usize = 6;

/// Blocks in which AWS makes no VPC.
const RESERVED: [([u8; 4], u8); 5] = [
    ([0, 0, 0, 0], 8),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

pub(super) fn check(config: &Config, report: &mut Report<'_>) {
    report.enter(&["network"]);
    check_zones(&config.network, report);
    check_cidr(&config.network, report);
    report.leave();
    check_named_zones(config, report);
}

fn check_zones(network: &Network, report: &mut Report<'_>) {
    let count = network.zones.count();
    if count < FEWEST_ZONES {
        let message =
            format!("a load balancer needs {FEWEST_ZONES} zones at least, and here is {count}");
        report.wrong(&["zones"], message, "`zones = 2`, or the names of two or more");
    }
    if count > MOST_ZONES {
        let message = format!("{count} zones are too many: no region has more than {MOST_ZONES}");
        report.wrong(&["zones"], message, "most regions have 3");
    }
}

fn check_cidr(network: &Network, report: &mut Report<'_>) {
    let cidr = network.cidr;
    let prefix = cidr.prefix_len();
    if prefix < LARGEST_VPC {
        let smaller = Ipv4Net::new_assert(cidr.addr(), LARGEST_VPC);
        let message = format!("{cidr} is larger than AWS's largest VPC, a /{LARGEST_VPC}");
        report.wrong(&["cidr"], message, format!("for example `{smaller}`"));
    } else if prefix > SMALLEST_VPC {
        let message = format!("{cidr} is smaller than AWS's smallest VPC, a /{SMALLEST_VPC}");
        report.wrong(&["cidr"], message, format!("for example `10.0.0.0/{LARGEST_VPC}`"));
    } else {
        check_room(network, report);
    }
    let reserved =
        RESERVED.iter().map(|(address, prefix)| Ipv4Net::new_assert((*address).into(), *prefix));
    if let Some(reserved) = reserved.into_iter().find(|reserved| reserved.contains(&cidr)) {
        let message = format!("{cidr} lies in {reserved}, where AWS makes no VPC");
        report.wrong(&["cidr"], message, "use a private block, such as `10.0.0.0/16`");
    }
}

fn check_room(network: &Network, report: &mut Report<'_>) {
    let count = network.zones.count();
    if !(FEWEST_ZONES..=MOST_ZONES).contains(&count) || subnets(network.cidr, count).is_ok() {
        return;
    }
    let smallest = smallest_vpc(count);
    let message = format!("{} is too small for {count} zones", network.cidr);
    let advice = format!(
        "{count} zones need {} subnets of at least 16 addresses each: a /{smallest} or larger",
        count * 2
    );
    report.wrong(&["cidr", "zones"], message, advice);
}

fn check_named_zones(config: &Config, report: &mut Report<'_>) {
    let Zones::Named(names) = &config.network.zones else { return };
    let mut seen = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let index = index.to_string();
        if region::exists(&config.region) && !region::has_zone(&config.region, name) {
            let message = format!("`{name}` is not an availability zone of {}", config.region);
            let advice = format!("its zones are named `{0}a`, `{0}b` and so on", config.region);
            report.wrong_entry("network.zones", &index, message, advice);
        }
        if !seen.insert(name) {
            let message = format!("the zone `{name}` is listed twice");
            report.wrong_entry("network.zones", &index, message, "list each once");
        }
    }
}
