//! What puts back what has drifted, and nothing else.
//!
//! The rule: a repair is an ordinary plan, made against what was applied rather than what the file
//! says, and restricted to what was found. So no change of the file is carried out on the way, and
//! what is ignored stays as it is.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::decide::{key_of, leave_tag, planned};
use super::effective::{Left, is_tag};
use super::{Class, Drift, Finding, Subject, field_of};
use crate::graph::{Graph, Node};
use crate::plan::diff::TAGS;
use crate::plan::place::graft;
use crate::plan::{Action, Origin, Plan, PlanError, Planned, PropertyChange};
use crate::resource::reference::references;
use crate::resource::{Address, Extra, SoughtValue, Standing};
use crate::state::Record;

/// What puts back what has drifted.
#[derive(Clone, Debug, PartialEq)]
pub struct Repair {
    /// What is to be done.
    pub plan: Plan,
    /// What is to be taken away before: what was hung on resources, and no plan knows.
    pub removals: Vec<Removal>,
    /// What can't be put back.
    pub left: Vec<Stays>,
}

/// Something that somebody has hung on a resource, and that is to be taken away.
#[derive(Clone, Debug, PartialEq)]
pub struct Removal {
    /// The resource, as its kind's calls want it.
    pub of: SoughtValue,
    /// What hangs on it.
    pub extra: Extra,
}

/// A finding that can't be put back, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stays {
    /// Where.
    pub address: Address,
    /// What of it.
    pub property: String,
    /// What AWS calls it.
    pub physical_id: String,
    /// Why: a sentence without its full stop.
    pub why: &'static str,
}

impl Repair {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.plan.is_empty() && self.removals.is_empty()
    }
}

/// Plans what puts back all that `drift` found.
///
/// # Errors
///
/// [`PlanError`] when something stands in the way of any plan.
pub fn repair(subject: &Subject<'_>, drift: &Drift) -> Result<Repair, Vec<PlanError>> {
    let graph = applied_graph(subject);
    let whole = planned(&Subject { graph: &graph, ..*subject }, &Left::new())?;
    let parts: Vec<Option<Planned>> = whole
        .resources
        .iter()
        .map(|planned| Part::of(drift, planned).restrict(planned.clone()))
        .collect();
    let resources = with_what_they_refer_to(parts, &whole.resources);
    let plan = Plan { resources, basis: whole.basis };
    let (mut removals, mut left) = (Vec::new(), Vec::new());
    for finding in drift.drifted().filter(|finding| !puts_back(&plan, finding)) {
        match subject.removal(finding) {
            Some(removal) => removals.push(removal),
            None => left.push(subject.stays(finding)),
        }
    }
    Ok(Repair { plan, removals, left })
}

/// The parts, and whatever they refer to that is to be made anew for it.
fn with_what_they_refer_to(mut parts: Vec<Option<Planned>>, whole: &[Planned]) -> Vec<Planned> {
    loop {
        let changes = parts.iter().flatten().flat_map(|planned| &planned.changes);
        let awaited: BTreeSet<Address> = changes
            .flat_map(|change| references(&change.new))
            .map(|reference| reference.address)
            .collect();
        let mut has_grown = false;
        for (part, planned) in parts.iter_mut().zip(whole) {
            let is_missing = part.is_none() && planned.action != Action::Keep;
            if is_missing && awaited.contains(&planned.address) {
                *part = Some(planned.clone());
                has_grown = true;
            }
        }
        if !has_grown {
            return parts.into_iter().flatten().collect();
        }
    }
}

/// Whether a plan puts back what was found.
fn puts_back(plan: &Plan, finding: &Finding) -> bool {
    let planned = plan.resources.iter().find(|planned| planned.address == finding.address);
    let Some(planned) = planned else { return false };
    let is_made_anew = matches!(planned.action, Action::Create | Action::Replace);
    is_made_anew
        || planned.changes.iter().any(|change| {
            let is_its_tag = change.path == format!("{TAGS}.{}", key_of(&finding.property));
            if is_tag(&finding.property) {
                is_its_tag
            } else {
                change.field() == field_of(&finding.property)
            }
        })
}

impl Subject<'_> {
    /// What takes away what was found, where it was hung on a resource of the stack and is a part of
    /// it. What only stands in one may be somebody's.
    fn removal(&self, finding: &Finding) -> Option<Removal> {
        let of = self.state.resources.get(&finding.address)?;
        let live = self.observed.live_of(&finding.address, of.generation)?;
        let inspection = self.surroundings.inspection(&finding.address)?;
        let mut extras = inspection.extras.iter();
        let extra = extras.find(|extra| {
            extra.collection == field_of(&finding.property) && extra.id == finding.physical_id
        })?;
        let of = SoughtValue {
            address: finding.address.clone(),
            outputs: live.outputs.clone(),
            applied: of.applied.clone(),
        };
        let is_part = finding.class == Class::Extra && extra.standing == Standing::Part;
        is_part.then(|| Removal { of, extra: extra.clone() })
    }

    /// A finding that can't be put back.
    fn stays(&self, finding: &Finding) -> Stays {
        let why = if self.graph.get(&finding.address).is_none() {
            "the file no longer declares the resource: the next `up` removes it"
        } else if finding.class == Class::Extra {
            "it stands in the network without being part of the stack: whoever put it there has to take it away"
        } else {
            "AWS can't change it in place: the next `up` replaces the resource"
        };
        let Finding { address, property, physical_id, .. } = finding.clone();
        Stays { address, property, physical_id, why }
    }
}

/// The recorded resources as they were last applied, with the references that they are declared
/// with, so that what is made anew is referred to again.
fn applied_graph(subject: &Subject<'_>) -> Graph {
    let recorded = &subject.state.resources;
    let nodes = subject.graph.nodes().iter().filter_map(|node| {
        let record = recorded.get(&node.address)?;
        let known = node.waits.iter().filter(|wait| recorded.contains_key(&wait.on));
        Some(Node {
            spec: referring(&record.applied, &values(node, subject)),
            waits: known.cloned().collect(),
            ..node.clone()
        })
    });
    Graph::of(nodes.collect())
}

/// The references of a resource by the values that stand for them.
fn values(node: &Node, subject: &Subject<'_>) -> Vec<(Value, Value)> {
    let value = |reference: crate::resource::Reference| {
        let record = subject.state.resources.get(&reference.address)?;
        let value = record.outputs.get(&reference.output)?.clone();
        Some((value, reference.as_value()))
    };
    references(&node.spec).into_iter().filter_map(value).collect()
}

/// A spec with references in the place of their values.
fn referring(spec: &Value, values: &[(Value, Value)]) -> Value {
    if let Some((_, reference)) = values.iter().find(|(value, _)| value == spec) {
        return reference.clone();
    }
    match spec {
        Value::Array(items) => items.iter().map(|item| referring(item, values)).collect(),
        Value::Object(members) => {
            let inner =
                |(name, member): (&String, &Value)| (name.clone(), referring(member, values));
            members.iter().map(inner).collect()
        }
        other => other.clone(),
    }
}

/// What was found of one resource.
struct Part<'a> {
    drifted: Vec<&'a Finding>,
    ignored: Vec<&'a Finding>,
}

impl<'a> Part<'a> {
    fn of(drift: &'a Drift, planned: &Planned) -> Self {
        let is_its = |finding: &&Finding| finding.address == planned.address;
        let ignored = drift.ignored.iter().map(|ignored| &ignored.finding);
        Self {
            drifted: drift.drifted().filter(is_its).collect(),
            ignored: ignored.filter(is_its).collect(),
        }
    }

    /// As much of what is planned for the resource as puts back what was found.
    fn restrict(&self, planned: Planned) -> Option<Planned> {
        match planned.action {
            Action::Create | Action::Replace => self.is_missing().then_some(planned),
            Action::Update => self.update(planned),
            Action::Delete | Action::Keep => None,
        }
    }

    fn is_missing(&self) -> bool {
        self.drifted
            .iter()
            .any(|finding| finding.class == Class::Missing && finding.property.is_empty())
    }

    fn update(&self, mut planned: Planned) -> Option<Planned> {
        let fields: BTreeSet<&str> =
            self.drifted.iter().map(|finding| field_of(&finding.property)).collect();
        planned.changes.retain(|change| {
            let is_renewed = !references(&change.new).is_empty();
            change.field() != TAGS && (is_renewed || fields.contains(change.field()))
        });
        let desired = planned.desired.as_mut()?;
        let present = planned.present.as_ref()?;
        let (record, live) = (&present.record, present.live.as_ref()?);
        for ignored in self.ignored.iter().filter(|ignored| !is_tag(&ignored.property)) {
            graft(&mut desired.spec, &live.spec, &ignored.property);
            desired.left.insert(ignored.property.clone());
        }
        desired.identity.tags.clone_from(&record.identity.tags);
        let tags = self.drifted.iter().filter(|finding| is_tag(&finding.property));
        planned.changes.extend(tags.map(|finding| tag_change(record, &live.tags, finding)));
        for ignored in self.ignored.iter().filter(|ignored| is_tag(&ignored.property)) {
            leave_tag(&mut planned, &key_of(&ignored.property));
        }
        planned.reason = "it was changed outside of provision".into();
        (!planned.changes.is_empty()).then_some(planned)
    }
}

/// A tag that is put back.
fn tag_change(record: &Record, live: &crate::aws::Tags, finding: &Finding) -> PropertyChange {
    let key = key_of(&finding.property);
    let value = |tags: &crate::aws::Tags| tags.get(&key).cloned().map_or(Value::Null, Value::from);
    PropertyChange {
        path: format!("{TAGS}.{key}"),
        old: value(live),
        new: value(&record.identity.tags),
        origin: Origin::Outside,
        hidden: false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_come_back_where_their_values_stand() {
        let reference = json!({"$output": "vpc.main:id"});
        let values = [(json!("vpc-1"), reference.clone())];
        let spec = json!({"vpc": "vpc-1", "subnets": ["vpc-1", "other"]});
        let expected = json!({"vpc": reference.clone(), "subnets": [reference, "other"]});
        assert_eq!(referring(&spec, &values), expected);
    }
}
