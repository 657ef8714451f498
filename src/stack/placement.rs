//! Which zones and which addresses the subnets have, and where the one gateway for all of them
//! stands: chosen once, and kept.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use thiserror::Error;

use crate::config::subnets::allocate;
use crate::config::{Network, Zones};
use crate::resource::{Address, Kind};
use crate::state::{Record, State};

/// The name of the NAT gateway that all zones share, where there is one for all.
pub(super) const SHARED_NAT: &str = "main";

/// Where each subnet is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The zones in order, each with its public and its private subnet's addresses.
    pub zones: Vec<Zone>,
    /// Which of them has the NAT gateway that all share.
    pub shared_nat: usize,
    /// The account that all of it is in; empty before one is known.
    pub account: String,
}

/// One zone of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// `eu-west-1a`.
    pub name: String,
    /// What tells it apart in its region: `a`.
    pub suffix: String,
    /// The addresses of what the internet may reach.
    pub public: Ipv4Net,
    /// The addresses of the tasks.
    pub private: Ipv4Net,
}

/// A stack that can't be placed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlacementError {
    /// The region has too few zones.
    #[error("{region} has {} zones ({}), and the stack wants {wanted}", available.len(), available.join(", "))]
    TooFewZones {
        /// The region.
        region: String,
        /// Its zones.
        available: Vec<String>,
        /// How many the stack wants.
        wanted: usize,
    },
    /// A zone that the configuration names is not there.
    #[error("{region} has no zone `{zone}`: it has {}", available.join(", "))]
    UnknownZone {
        /// The region.
        region: String,
        /// Its zones.
        available: Vec<String>,
        /// The zone.
        zone: String,
    },
    /// The network has no room left beside the subnets that are placed already.
    #[error("the {there} subnets that are there leave no room in {network} for {more} more")]
    NoRoom {
        /// The network.
        network: Ipv4Net,
        /// How many subnets it has.
        there: usize,
        /// How many are to come.
        more: usize,
    },
}

/// Places a stack's subnets: those that `state` knows stay where they are, new ones take the
/// lowest free block in the first free zone.
///
/// # Errors
///
/// [`PlacementError`] when zones or addresses do not suffice.
pub fn place(
    network: &Network,
    region: &str,
    available: &[String],
    state: Option<&State>,
) -> Result<Placement, PlacementError> {
    let placed = placed(network, state);
    let zones = zones(network, region, available, &placed)?;
    let suffixes: Vec<String> = zones.iter().map(|zone| suffix(zone, region)).collect();
    let names = |tier: &'static str| suffixes.iter().map(move |suffix| format!("{tier}-{suffix}"));
    let names: Vec<String> = names("public").chain(names("private")).collect();
    let remembered: BTreeMap<String, Ipv4Net> =
        placed.into_iter().map(|(name, (_, cidr))| (name, cidr)).collect();
    let blocks =
        allocate(network.cidr, &names, &remembered).map_err(|_| PlacementError::NoRoom {
            network: network.cidr,
            there: remembered.len(),
            more: names.iter().filter(|name| !remembered.contains_key(*name)).count(),
        })?;
    let block = |tier: &str, suffix: &str| blocks[&format!("{tier}-{suffix}")];
    let zone = |(name, suffix): (String, String)| Zone {
        public: block("public", &suffix),
        private: block("private", &suffix),
        name,
        suffix,
    };
    let account = state.map_or_else(String::new, |state| state.account.clone());
    // Another zone means another gateway, which can't have the address before the old one is gone.
    let nat = state.and_then(shared_nat);
    let shared_nat = suffixes.iter().position(|suffix| Some(suffix) == nat.as_ref()).unwrap_or(0);
    let zones = zones.into_iter().zip(suffixes).map(zone).collect();
    Ok(Placement { zones, shared_nat, account })
}

/// The zones that a state has placed subnets in: enough to place it again without asking AWS.
pub fn remembered_zones(network: &Network, state: &State) -> Vec<String> {
    let zones: BTreeSet<String> =
        placed(network, Some(state)).into_values().map(|(zone, _)| zone).collect();
    zones.into_iter().collect()
}

/// The zone, as its suffix, of the NAT gateway that a state has made for all zones.
fn shared_nat(state: &State) -> Option<String> {
    let address = Address::new(Kind::NatGateway, SHARED_NAT);
    let made = state.resources.get(&address).map(|record| &record.applied);
    let begun = || state.in_doubt.get(&address).map(|intent| &intent.spec);
    let subnet = made.or_else(begun)?.get("subnet")?.as_str()?;
    let is_there = |(address, record): &(&Address, &Record)| {
        address.kind() == Kind::Subnet && record.id == subnet
    };
    let (address, _) = state.resources.iter().find(is_there)?;
    address.name().strip_prefix("public-").map(str::to_owned)
}

/// Subnets by name with zone and addresses, as far as they lie in the network as it is declared.
fn placed(network: &Network, state: Option<&State>) -> BTreeMap<String, (String, Ipv4Net)> {
    let records = state.into_iter().flat_map(|state| {
        let made = state.resources.iter().map(|(address, record)| (address, &record.applied));
        let begun = state.in_doubt.iter().map(|(address, intent)| (address, &intent.spec));
        made.chain(begun)
    });
    records
        .filter(|(address, _)| address.kind() == Kind::Subnet)
        .filter_map(|(address, spec)| {
            let cidr: Ipv4Net = spec.get("cidr")?.as_str()?.parse().ok()?;
            let zone = spec.get("zone")?.as_str()?.to_owned();
            Some((address.name().to_owned(), (zone, cidr)))
        })
        .filter(|(_, (_, cidr))| network.cidr.contains(cidr))
        .collect()
}

fn zones(
    network: &Network,
    region: &str,
    available: &[String],
    placed: &BTreeMap<String, (String, Ipv4Net)>,
) -> Result<Vec<String>, PlacementError> {
    let used: BTreeSet<&String> = placed.values().map(|(zone, _)| zone).collect();
    let (region, listed) = (region.to_owned(), available.to_vec());
    match &network.zones {
        Zones::Named(names) => {
            let missing =
                names.iter().find(|name| !available.contains(name) && !used.contains(name));
            match missing {
                Some(zone) => Err(PlacementError::UnknownZone {
                    region,
                    available: listed,
                    zone: zone.clone(),
                }),
                None => Ok(names.clone()),
            }
        }
        Zones::Count(wanted) => {
            let wanted = usize::from(*wanted);
            let free = available.iter().filter(|zone| !used.contains(zone));
            let mut zones: Vec<String> =
                used.iter().copied().chain(free).take(wanted).cloned().collect();
            zones.sort();
            if zones.len() < wanted {
                return Err(PlacementError::TooFewZones { region, available: listed, wanted });
            }
            Ok(zones)
        }
    }
}

/// What tells a zone apart in its region: `a` of `eu-west-1a`.
fn suffix(zone: &str, region: &str) -> String {
    let suffix = zone.strip_prefix(region).unwrap_or(zone).trim_start_matches('-');
    if suffix.is_empty() { zone.to_owned() } else { suffix.to_owned() }
}
