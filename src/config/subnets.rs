//! How a network's addresses are shared out among its subnets.
//!
//! The rule: blocks that are taken never move. Subnets are as large as they can be, but have at
//! most 256 addresses, so that a later zone finds room: in a `/16` they are `/24`s.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use thiserror::Error;

/// The fewest bits that a subnet's blocks fix: 256 addresses.
const LARGEST: u8 = 24;

/// The most bits that AWS lets a subnet fix: 16 addresses.
const SMALLEST: u8 = 28;

/// The subnets of a network, by zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubnetPlan {
    /// One a zone, for load balancers and NAT gateways: the blocks from 0.
    pub public: Vec<Ipv4Net>,
    /// One a zone, for tasks: the blocks that follow.
    pub private: Vec<Ipv4Net>,
}

/// A network has no room for the subnets that it is to hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{vpc} has no room for {subnets} subnets")]
pub struct NoRoom {
    /// The network.
    pub vpc: Ipv4Net,
    /// How many subnets were to be cut from it.
    pub subnets: usize,
}

/// Cuts a public and a private subnet a zone from a network's addresses.
///
/// The blocks are what Terraform's `cidrsubnet(vpc, bits, i)` gives: `i` for the public ones and
/// `i + zones` for the private ones, where `bits` is 8 in a `/16`. In other networks the blocks
/// are the largest of which there are enough, between a `/24` and AWS's smallest, a `/28`.
pub fn subnets(vpc: Ipv4Net, zones: usize) -> Result<SubnetPlan, NoRoom> {
    let wanted = zones * 2;
    let prefix = block_prefix(vpc, wanted).ok_or(NoRoom { vpc, subnets: wanted })?;
    let mut blocks = vpc.subnets(prefix).map_err(|_| NoRoom { vpc, subnets: wanted })?;
    let public = blocks.by_ref().take(zones).collect();
    Ok(SubnetPlan { public, private: blocks.take(zones).collect() })
}

/// Gives every name a block: the one that is remembered for it, or else the lowest that overlaps
/// none that is taken.
///
/// What is remembered and not named is taken all the same, since it may still exist. What is
/// remembered and lies outside the network belongs to one that is being replaced, and is forgotten.
/// New blocks are as large as [`subnets`] would make them, or smaller where only that fits.
pub fn allocate(
    vpc: Ipv4Net,
    names: &[String],
    remembered: &BTreeMap<String, Ipv4Net>,
) -> Result<BTreeMap<String, Ipv4Net>, NoRoom> {
    let no_room = NoRoom { vpc, subnets: names.len() };
    let kept: BTreeMap<_, _> =
        remembered.iter().filter(|(_, block)| vpc.contains(*block)).collect();
    let taken: Vec<Ipv4Net> = kept.values().map(|block| **block).collect();
    let new: Vec<&String> = names.iter().filter(|name| !kept.contains_key(*name)).collect();
    let preferred = block_prefix(vpc, names.len()).ok_or(no_room.clone())?;
    let mut fits = (preferred..=SMALLEST).filter_map(|p| free_blocks(vpc, p, &taken, new.len()));
    let fresh = fits.next().ok_or(no_room)?;
    let old = names.iter().filter_map(|name| Some((name.clone(), **kept.get(name)?)));
    Ok(old.chain(new.into_iter().cloned().zip(fresh)).collect())
}

/// The lowest free blocks of a size, if there are as many as are wanted.
fn free_blocks(vpc: Ipv4Net, prefix: u8, taken: &[Ipv4Net], wanted: usize) -> Option<Vec<Ipv4Net>> {
    let overlaps = |a: &Ipv4Net, b: &Ipv4Net| a.contains(b) || b.contains(a);
    let free = vpc.subnets(prefix).ok()?.filter(|block| !taken.iter().any(|t| overlaps(t, block)));
    let found: Vec<Ipv4Net> = free.take(wanted).collect();
    (found.len() == wanted).then_some(found)
}

/// How many bits blocks fix of which a network holds so many.
fn block_prefix(vpc: Ipv4Net, blocks: usize) -> Option<u8> {
    let bits = u8::try_from(blocks.next_power_of_two().trailing_zeros()).ok()?;
    let prefix = (vpc.prefix_len() + bits).max(LARGEST);
    (prefix <= SMALLEST).then_some(prefix)
}

/// How many bits the smallest network fixes that has room for so many zones.
pub(super) fn smallest_vpc(zones: usize) -> u8 {
    let bits = (zones * 2).next_power_of_two().trailing_zeros();
    SMALLEST.saturating_sub(u8::try_from(bits).unwrap_or(SMALLEST))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    fn texts(blocks: &[Ipv4Net]) -> Vec<String> {
        blocks.iter().map(ToString::to_string).collect()
    }

    fn names(zones: usize) -> Vec<String> {
        let named = |kind: &'static str| (0..zones).map(move |zone| format!("{kind}-{zone}"));
        named("public").chain(named("private")).collect()
    }

    #[test]
    fn a_16_is_cut_into_24s_as_cidrsubnet_does() {
        let plan = subnets(net("10.0.0.0/16"), 2).unwrap();
        assert_eq!(texts(&plan.public), ["10.0.0.0/24", "10.0.1.0/24"]);
        assert_eq!(texts(&plan.private), ["10.0.2.0/24", "10.0.3.0/24"]);
    }

    #[test]
    fn smaller_networks_get_smaller_subnets() {
        let first = |vpc: &str, zones| subnets(net(vpc), zones).map(|p| p.public[0].to_string());
        assert_eq!(first("10.0.0.0/20", 3).unwrap(), "10.0.0.0/24");
        assert_eq!(first("10.0.0.0/24", 2).unwrap(), "10.0.0.0/26");
        assert_eq!(first("10.0.0.0/26", 2).unwrap(), "10.0.0.0/28");
        assert!(first("10.0.0.0/27", 2).is_err());
        assert!(first("10.0.0.0/26", 3).is_err());
    }

    #[test]
    fn a_third_zone_moves_nothing() {
        let vpc = net("10.0.0.0/16");
        let two = allocate(vpc, &names(2), &BTreeMap::new()).unwrap();
        let three = allocate(vpc, &names(3), &two).unwrap();
        assert!(two.iter().all(|(name, block)| three[name] == *block));
        assert_eq!(three["public-2"], net("10.0.4.0/24"));
        assert_eq!(three["private-2"], net("10.0.5.0/24"));
    }

    #[test]
    fn blocks_of_a_network_that_is_replaced_are_forgotten() {
        let old = allocate(net("10.0.0.0/16"), &names(2), &BTreeMap::new()).unwrap();
        let new = allocate(net("10.1.0.0/16"), &names(2), &old).unwrap();
        assert_eq!(new["public-0"], net("10.1.0.0/24"));
    }

    proptest! {
        #[test]
        fn subnets_are_disjoint_inside_and_enough(
            address in any::<u32>(), prefix in 16u8..=28, zones in 2usize..=6,
        ) {
            let vpc = Ipv4Net::new(address.into(), prefix).unwrap().trunc();
            let Ok(plan) = subnets(vpc, zones) else {
                prop_assert!(prefix > smallest_vpc(zones));
                return Ok(());
            };
            let all: Vec<_> = plan.public.iter().chain(&plan.private).collect();
            prop_assert_eq!((plan.public.len(), plan.private.len()), (zones, zones));
            for (index, block) in all.iter().enumerate() {
                prop_assert!(vpc.contains(*block) && (24..=28).contains(&block.prefix_len()));
                prop_assert!(all[..index].iter().all(|other| !other.contains(*block) && !block.contains(*other)));
            }
            let fresh = allocate(vpc, &names(zones), &BTreeMap::new()).unwrap();
            for zone in 0..zones {
                prop_assert_eq!(fresh[&format!("public-{zone}")], plan.public[zone]);
                prop_assert_eq!(fresh[&format!("private-{zone}")], plan.private[zone]);
            }
        }

        #[test]
        fn remembered_blocks_stay_and_new_ones_overlap_none(
            prefix in 16u8..=24, steps in proptest::collection::vec(2usize..=6, 1..5),
        ) {
            let vpc = Ipv4Net::new([10, 0, 0, 0].into(), prefix).unwrap();
            let mut remembered = BTreeMap::new();
            for zones in steps {
                let Ok(next) = allocate(vpc, &names(zones), &remembered) else { break };
                prop_assert_eq!(next.len(), zones * 2);
                for (name, block) in &next {
                    let before: Option<&Ipv4Net> = remembered.get(name);
                    prop_assert!(before.is_none_or(|before| before == block));
                    prop_assert!(next.iter().all(|(n, b)| n == name || !b.contains(block)));
                }
                remembered.extend(next);
            }
        }
    }
}
