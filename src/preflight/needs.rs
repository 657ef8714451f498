//! What a plan is about to take from the account.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::first_use::Linked;
use super::quota::Scarce;
use crate::plan::{Action, Plan, Planned};
use crate::resource::reference::reference_in;
use crate::resource::service::{Capacity, Count, Service};
use crate::resource::task_definition::TaskDefinition;
use crate::resource::{Address, Kind};

/// What a plan takes, and what it counts on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// The region that it takes it in.
    pub region: String,
    /// How many more of each it will have.
    pub more: BTreeMap<Scarce, f64>,
    /// How many more NAT gateways it will have in each zone.
    pub gateways: BTreeMap<String, usize>,
    /// How many processors the autoscaler may ask for beyond what the service begins with.
    pub later: BTreeMap<Scarce, f64>,
    /// The variables that are filled from each secret or parameter, by its ARN as it is declared.
    pub secrets: BTreeMap<String, BTreeSet<Variable>>,
    /// The roles of AWS's own services without which it can't be done.
    pub linked: BTreeSet<Linked>,
}

/// An environment variable of a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Variable {
    /// The service, as the configuration calls it.
    pub service: String,
    /// The variable.
    pub name: String,
}

impl std::fmt::Display for Variable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "`services.{}.secrets.{}`", self.service, self.name)
    }
}

impl Needs {
    /// The needs of a plan.
    pub fn of(plan: &Plan) -> Self {
        let mut needs = Self { region: plan.basis.region.clone(), ..Self::default() };
        for planned in plan.changes() {
            if is_one_more(planned) {
                needs.count(plan, planned);
            }
            if planned.action != Action::Delete {
                needs.take_secrets(planned);
            }
        }
        needs
    }

    /// Whether nothing is taken and nothing counted on.
    pub fn is_empty(&self) -> bool {
        let Self { region: _, more, gateways, later, secrets, linked } = self;
        more.is_empty()
            && gateways.is_empty()
            && later.is_empty()
            && secrets.is_empty()
            && linked.is_empty()
    }

    fn count(&mut self, plan: &Plan, planned: &Planned) {
        let kind = planned.address.kind();
        if let Some(scarce) = Scarce::of(kind) {
            *self.more.entry(scarce).or_default() += 1.0;
        }
        self.linked.extend(Linked::of(kind));
        match kind {
            Kind::NatGateway => {
                if let Some(zone) = zone_of(plan, planned) {
                    *self.gateways.entry(zone).or_default() += 1;
                }
            }
            Kind::Service => self.count_processors(plan, planned),
            _ => {}
        }
    }

    fn count_processors(&mut self, plan: &Plan, planned: &Planned) {
        let Some(service) = spec::<Service>(planned) else { return };
        let Some(cpu) = cpu_of(plan, planned) else { return };
        let (first, last) = match service.count {
            Count::Fixed(count) => (count, count),
            Count::Scaled { initial, maximum, .. } => (initial, maximum),
        };
        let at_first = split(&service.capacity, first);
        let at_last = split(&service.capacity, last);
        for (scarce, count) in at_first {
            *self.more.entry(scarce).or_default() += f64::from(count) * cpu;
        }
        for (scarce, count) in at_last {
            let more = self.more.get(&scarce).copied().unwrap_or_default();
            let most = f64::from(count) * cpu;
            if most > more {
                self.later.insert(scarce, most - more);
            }
        }
    }

    fn take_secrets(&mut self, planned: &Planned) {
        let Some(definition) = spec::<TaskDefinition>(planned) else { return };
        for (name, arn) in definition.container.secrets {
            let variable = Variable { service: planned.address.name().to_owned(), name };
            self.secrets.entry(arn).or_default().insert(variable);
        }
    }
}

/// Whether there will be one more for a while at least: what is replaced after the old one has
/// gone takes its place.
fn is_one_more(planned: &Planned) -> bool {
    match planned.action {
        Action::Create => true,
        Action::Replace => !planned.old_goes_first(),
        Action::Update | Action::Delete | Action::Keep => false,
    }
}

/// What a resource is to be, if it is of the kind.
fn spec<R: crate::resource::Resource>(planned: &Planned) -> Option<R> {
    if planned.address.kind() != R::KIND {
        return None;
    }
    serde_json::from_value(planned.desired.as_ref()?.spec.clone()).ok()
}

/// The zone of the subnet that a gateway is to stand in.
fn zone_of(plan: &Plan, planned: &Planned) -> Option<String> {
    let subnet = &planned.desired.as_ref()?.spec["subnet"];
    let found = plan.resources.iter().find(|other| is_named(other, Kind::Subnet, subnet, "id"))?;
    Some(found.desired.as_ref()?.spec["zone"].as_str()?.to_owned())
}

/// How many processors each task of a service is to have.
fn cpu_of(plan: &Plan, planned: &Planned) -> Option<f64> {
    let definition = &planned.desired.as_ref()?.spec["task_definition"];
    let is_its = |other: &&Planned| is_named(other, Kind::TaskDefinition, definition, "arn");
    let found = plan.resources.iter().find(is_its)?;
    Some(found.desired.as_ref()?.spec["cpu"].as_f64()? / 1024.0)
}

/// Whether `value` stands for a resource: refers to it, or is its recorded id.
fn is_named(planned: &Planned, kind: Kind, value: &Value, output: &str) -> bool {
    let refers = |address: &Address| {
        reference_in(value).is_some_and(|reference| reference.address == *address)
    };
    let recorded = planned.present.as_ref().map(|present| &present.record.outputs[output]);
    planned.address.kind() == kind && (refers(&planned.address) || recorded == Some(value))
}

/// On whose capacity so many tasks are placed: the bases first, and the rest by the weights, each
/// share rounded up.
fn split(capacity: &BTreeSet<Capacity>, count: u32) -> BTreeMap<Scarce, u32> {
    let weights: u32 = capacity.iter().map(|share| share.weight).sum();
    let bases: u32 = capacity.iter().map(|share| share.base.min(count)).sum();
    let rest = count.saturating_sub(bases);
    let share = |share: &Capacity| {
        let scarce =
            if share.provider == "FARGATE_SPOT" { Scarce::SpotVcpus } else { Scarce::Vcpus };
        let part = (u64::from(rest) * u64::from(share.weight)).div_ceil(u64::from(weights.max(1)));
        let part = u32::try_from(part).unwrap_or(u32::MAX);
        (scarce, share.base.min(count).saturating_add(part).min(count))
    };
    capacity.iter().map(share).filter(|(_, count)| *count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity(provider: &str, base: u32, weight: u32) -> Capacity {
        Capacity { provider: provider.into(), base, weight }
    }

    #[test]
    fn tasks_are_split_by_base_and_then_by_weight() {
        let mixed = BTreeSet::from([capacity("FARGATE", 2, 1), capacity("FARGATE_SPOT", 0, 3)]);
        let split_10 = split(&mixed, 10);
        assert_eq!(split_10, BTreeMap::from([(Scarce::Vcpus, 4), (Scarce::SpotVcpus, 6)]));
        assert_eq!(split(&mixed, 1), BTreeMap::from([(Scarce::Vcpus, 1)]));
        let alone = BTreeSet::from([capacity("FARGATE", 0, 1)]);
        assert_eq!(split(&alone, 3), BTreeMap::from([(Scarce::Vcpus, 3)]));
    }
}
