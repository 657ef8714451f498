//! What there is no room for.

use super::super::evidence::{Evidence, Limit, Seen, Source, Used};
use super::super::finding::{Check, Finding, Weight};
use super::super::needs::Needs;
use super::super::quota::Scarce;

/// What is compared: so much more, where there is so much already.
struct Demand<'a> {
    scarce: Scarce,
    /// Where it is counted: a region or a zone.
    place: &'a str,
    more: f64,
    used: Used,
    limit: Limit,
}

pub(super) fn judge(needs: &Needs, evidence: &Evidence) -> Vec<Finding> {
    let regional = needs.more.iter().filter(|(scarce, _)| **scarce != Scarce::NatGateways);
    let regional = regional.filter_map(|(scarce, more)| {
        let used = known(evidence.used.get(scarce));
        demand(evidence, *scarce, &needs.region, *more, used)
    });
    let gateways = evidence.gateways.as_ref().and_then(|seen| seen.as_ref().ok());
    let zonal = needs.gateways.iter().filter_map(|(zone, more)| {
        let used = gateways.and_then(|used| used.get(zone)).copied().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a stack has a handful")]
        demand(evidence, Scarce::NatGateways, zone, *more as f64, used)
    });
    let now: Vec<Finding> =
        regional.chain(zonal).filter_map(|demand| shortage(needs, &demand)).collect();
    let later = needs.later.iter().filter_map(|(scarce, more)| {
        let at_first = needs.more.get(scarce).copied().unwrap_or_default();
        let used = known(evidence.used.get(scarce));
        let now = demand(evidence, *scarce, &needs.region, at_first, used)?;
        if weight(&now).is_some() {
            return None;
        }
        shortage_later(needs, &Demand { more: at_first + more, ..now })
    });
    now.into_iter().chain(later).collect()
}

/// What was counted; nothing where it was not: then only what is needed can be too much.
fn known(used: Option<&Seen<Used>>) -> Used {
    used.and_then(|used| used.as_ref().ok()).copied().unwrap_or_default()
}

fn demand<'a>(
    evidence: &Evidence,
    scarce: Scarce,
    place: &'a str,
    more: f64,
    used: Used,
) -> Option<Demand<'a>> {
    let documented = |value| Limit { value, source: Source::Documented };
    let limit = match evidence.limits.get(&scarce)? {
        Ok(limit) => *limit,
        Err(_) => documented(scarce.quota().documented?),
    };
    Some(Demand { scarce, place, more, used, limit })
}

/// How sure it is that there is no room; `None` when there is.
fn weight(demand: &Demand<'_>) -> Option<Weight> {
    let Demand { scarce, more, used, limit, .. } = demand;
    let is_exceeded = |used: f64| used + more > limit.value;
    if !is_exceeded(used.count) {
        return None;
    }
    // Whoever has more than the default was given more, whatever is told.
    if limit.source != Source::Applied && used.count > limit.value {
        return None;
    }
    let comes_and_goes = matches!(scarce, Scarce::Vcpus | Scarce::SpotVcpus);
    let may_pass = is_exceeded(0.0) || !comes_and_goes && is_exceeded(used.count - used.leaving);
    let is_sure = limit.source != Source::Documented && may_pass;
    Some(if is_sure { Weight::Certain } else { Weight::Doubtful })
}

fn shortage(needs: &Needs, demand: &Demand<'_>) -> Option<Finding> {
    let weight = weight(demand)?;
    let Demand { scarce, place, more, used, limit } = demand;
    let quota = scarce.quota();
    let what = if is_one(*more) {
        format!("another {}", quota.one)
    } else {
        format!("{more} more {}", quota.many)
    };
    let title = format!("{place} has no room for {what}");
    let mut explanation = format!(
        "{}{} of {} {} are in use there, and this plan needs {more} more.",
        if used.at_least { "At least " } else { "" },
        used.count,
        limit.value,
        quota.many
    );
    if used.leaving > 0.0 {
        explanation.push_str(&format!(
            " {} of them {} being deleted, and {} until gone: a few minutes.",
            used.leaving,
            if is_one(used.leaving) { "is" } else { "are" },
            if is_one(used.leaving) { "counts" } else { "count" },
        ));
    }
    if limit.source == Source::Documented {
        explanation.push_str(&format!(
            " How many this account may have could not be read: {} is what AWS gives a new one.",
            limit.value
        ));
    }
    let finding = Finding::new(weight, Check::Quota, title, explanation);
    Some(with_remedies(finding, needs, demand))
}

/// What the autoscaler will not get, some day.
fn shortage_later(needs: &Needs, demand: &Demand<'_>) -> Option<Finding> {
    weight(demand)?;
    let Demand { scarce, place, more, used, limit } = demand;
    let many = scarce.quota().many;
    let title = format!("{place} has no room to scale out as far as declared");
    let explanation = format!(
        "With all its tasks the service takes {more} {many}. The account may use {} at a time, of \
         which {}{} are in use.",
        limit.value,
        if used.at_least { "at least " } else { "" },
        used.count
    );
    let finding = Finding::new(Weight::Doubtful, Check::Quota, title, explanation);
    Some(with_remedies(finding, needs, demand))
}

fn with_remedies(finding: Finding, needs: &Needs, demand: &Demand<'_>) -> Finding {
    let region = &needs.region;
    let quota = demand.scarce.quota();
    let wanted = (demand.used.count + demand.more).ceil();
    // Where nothing is in use, there is nothing to remove.
    let listing = clean_up(demand.scarce).filter(|_| demand.used.count > 0.0);
    let finding = match listing {
        Some(listing) => finding.remedy(format!(
            "remove what is no longer needed; `aws {listing} --region {region}` lists them"
        )),
        None => finding
            .remedy("lower the service's `count`, `cpu` or `autoscaling.max`, or stop other tasks"),
    };
    let finding = match thrift(demand) {
        Some(thrift) => finding.remedy(thrift),
        None => finding,
    };
    finding.remedy(format!(
        "ask AWS for more: {} or `aws service-quotas request-service-quota-increase \
         --service-code {} --quota-code {} --desired-value {wanted} --region {region}`",
        quota.console(region),
        quota.service,
        quota.code
    ))
}

fn is_one(amount: f64) -> bool {
    (amount - 1.0).abs() < f64::EPSILON
}

/// What lists those that there are.
fn clean_up(scarce: Scarce) -> Option<&'static str> {
    match scarce {
        Scarce::Vpcs => Some("ec2 describe-vpcs"),
        Scarce::InternetGateways => Some("ec2 describe-internet-gateways"),
        Scarce::Addresses => Some("ec2 describe-addresses"),
        Scarce::NatGateways => Some("ec2 describe-nat-gateways"),
        Scarce::SecurityGroups => Some("ec2 describe-security-groups"),
        Scarce::LoadBalancers => Some("elbv2 describe-load-balancers"),
        Scarce::Vcpus | Scarce::SpotVcpus => None,
    }
}

/// How the stack itself can do with less.
fn thrift(demand: &Demand<'_>) -> Option<&'static str> {
    let is_for_gateways = demand.scarce == Scarce::Addresses && demand.more > 1.0;
    is_for_gateways.then_some("`network.nat = \"single\"` takes one address, for all zones")
}
