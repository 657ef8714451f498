//! How gateways come, fail and go while nobody looks.

use std::time::Duration;

use super::{Connectivity, Ec2, Flaw, NatGateway, Phase};
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::ec2::{interface, internet_gateway};

/// How long a gateway that is gone or failed stays listed.
const LISTED: Duration = Duration::from_hours(1);

/// The next moment at which a gateway's phase ends.
pub(in super::super) fn next_due(ec2: &Ec2) -> Option<Moment> {
    ec2.nat_gateways.values().filter_map(|gateway| gateway.phase.end()).min()
}

/// Lets every phase end that is due.
pub(in super::super) fn pass(cloud: &mut Cloud) {
    let is_due = |gateway: &&NatGateway| gateway.phase.end().is_some_and(|end| end <= cloud.now);
    let due: Vec<NatGateway> = cloud.ec2.nat_gateways.values().filter(is_due).cloned().collect();
    for gateway in due {
        end_phase(cloud, gateway);
    }
}

fn end_phase(cloud: &mut Cloud, mut gateway: NatGateway) {
    match gateway.phase {
        Phase::Checked { .. } => check(cloud, &mut gateway),
        Phase::Starting { .. } => gateway.phase = Phase::Available,
        Phase::Available => {}
        Phase::Deleting { .. } => {
            let lag = Duration::from_millis(cloud.random().u64(2000..30_000));
            let held_until = cloud.now.after(lag);
            let_go(cloud, &gateway, held_until);
            gateway.deleted = Some(cloud.now);
            gateway.phase = Phase::Deleted { listed_until: cloud.now.after(LISTED) };
        }
        Phase::Failed { .. } | Phase::Deleted { .. } => {
            cloud.ec2.nat_gateways.remove(&gateway.id);
            cloud.ec2.tags.remove(&gateway.id);
            return;
        }
    }
    cloud.ec2.nat_gateways.insert(gateway.id.clone(), gateway);
}

/// Looks at what the gateway needs: it fails, or takes 100 to 130 s in all to become available.
fn check(cloud: &mut Cloud, gateway: &mut NatGateway) {
    gateway.flaw = find_flaw(&cloud.ec2, gateway);
    if gateway.flaw.is_some() {
        let now = cloud.now;
        let_go(cloud, gateway, now);
        gateway.deleted = Some(now);
        gateway.phase = Phase::Failed { listed_until: now.after(LISTED) };
    } else {
        let whole = Duration::from_millis(cloud.random().u64(100_000..130_000));
        gateway.phase = Phase::Starting { until: gateway.created.after(whole) };
    }
}

fn find_flaw(ec2: &Ec2, gateway: &NatGateway) -> Option<Flaw> {
    if gateway.doomed {
        return Some(Flaw::InternalError);
    }
    if gateway.interface.is_none() {
        return Some(Flaw::InsufficientFreeAddresses);
    }
    match &gateway.connectivity {
        Connectivity::Private => None,
        Connectivity::Public { association: None, .. } => Some(Flaw::AlreadyAssociated),
        Connectivity::Public { .. } => {
            let attached = internet_gateway::attached_to(ec2, &gateway.vpc);
            attached.is_none().then_some(Flaw::NotAttached)
        }
    }
}

/// Takes a gateway's interface away, which frees its address; that can be released from
/// `held_until` on.
fn let_go(cloud: &mut Cloud, gateway: &NatGateway, held_until: Moment) {
    for address in cloud.ec2.addresses.values_mut().filter(|address| gateway.holds(address)) {
        address.held_until = held_until;
    }
    if let Some(own) = &gateway.interface {
        interface::delete_interface(cloud, &own.id);
    }
}
