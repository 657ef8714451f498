//! What puts back what has drifted, and nothing else.
//!
//! The rule: a repair is an ordinary plan, made against what was applied rather than what the file
//! says, and restricted to what was found. So no change of the file is carried out on the way, and
//! what is ignored stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Class, Drift, Finding, Subject, compare, field_of};
use crate::graph::{Graph, Node};
use crate::plan::diff::TAGS;
use crate::plan::{Action, Origin, Plan, PlanError, Planned, PropertyChange, plan};
use crate::resource::Address;
use crate::resource::reference::{reference_in, references};
use crate::state::Record;

/// What puts back what has drifted.
#[derive(Clone, Debug, PartialEq)]
pub struct Repair {
    /// What is to be done.
    pub plan: Plan,
    /// What stays applied, whatever the plan records, of resources in which something is ignored.
    pub kept: BTreeMap<Address, Value>,
    /// The ids of the findings that no plan can put back: what was hung on a resource, or put into
    /// it, is for whoever did it to take away.
    pub left: Vec<String>,
}

/// Plans what puts back all that `drift` found.
///
/// # Errors
///
/// [`PlanError`] when something stands in the way of any plan.
pub fn repair(subject: &Subject<'_>, drift: &Drift) -> Result<Repair, Vec<PlanError>> {
    let graph = applied_graph(subject);
    let whole = plan(&graph, subject.state, subject.observed, subject.user)?;
    let mut kept = BTreeMap::new();
    let mut resources = Vec::new();
    for planned in whole.resources {
        let part = Part::of(drift, &planned);
        let Some(restricted) = part.restrict(planned) else { continue };
        if !part.ignored.is_empty() {
            let applied = restricted.present.as_ref().map(|present| present.record.applied.clone());
            kept.extend(applied.map(|applied| (restricted.address.clone(), applied)));
        }
        resources.push(restricted);
    }
    let plan = Plan { resources, ..whole };
    let left = drift.drifted().filter(|finding| !can_be_put_back(&graph, finding));
    Ok(Repair { plan, kept, left: left.map(|finding| finding.id.clone()).collect() })
}

/// Whether a plan knows what was found: a resource, one of its tags, or a property of its spec.
fn can_be_put_back(graph: &Graph, finding: &Finding) -> bool {
    let Some(node) = graph.get(&finding.address) else { return false };
    let field = field_of(&finding.property);
    field.is_empty() || field == TAGS || node.spec.get(field).is_some()
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
        for ignored in self.ignored.iter().filter(|ignored| field_of(&ignored.property) != TAGS) {
            graft(&mut desired.spec, &live.spec, &steps(&ignored.property));
        }
        desired.identity.tags.clone_from(&record.identity.tags);
        let tags = self.drifted.iter().filter(|finding| field_of(&finding.property) == TAGS);
        planned.changes.extend(tags.map(|finding| tag_change(record, &live.tags, finding)));
        planned.reason = "it was changed outside of provision".into();
        (!planned.changes.is_empty()).then_some(planned)
    }
}

/// A tag that is put back.
fn tag_change(record: &Record, live: &crate::aws::Tags, finding: &Finding) -> PropertyChange {
    let key = steps(&finding.property).pop().unwrap_or_default();
    let value = |tags: &crate::aws::Tags| tags.get(&key).cloned().map_or(Value::Null, Value::from);
    PropertyChange {
        path: format!("{TAGS}.{key}"),
        old: value(live),
        new: value(&record.identity.tags),
        origin: Origin::Outside,
        hidden: false,
    }
}

/// The steps of a property's path: `ingress[a.b]` is `ingress` and `a.b`.
fn steps(property: &str) -> Vec<String> {
    let mut steps = Vec::new();
    let mut rest = property;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        let end = if let Some(inner) = rest.strip_prefix('[') {
            // Only the last step may have brackets in its name.
            let end = inner.find("].").or_else(|| inner.rfind(']')).unwrap_or(inner.len());
            steps.push(inner[..end].to_owned());
            (end + 2).min(rest.len())
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            steps.push(rest[..end].to_owned());
            end
        };
        rest = &rest[end..];
    }
    steps
}

/// Takes over what `live` has at a place.
fn graft(target: &mut Value, live: &Value, steps: &[String]) {
    let Some((step, rest)) = steps.split_first() else {
        *target = live.clone();
        return;
    };
    match (target, live) {
        (Value::Array(items), Value::Array(there)) => {
            items.retain(|item| compare::name_of(item) != *step);
            items.extend(there.iter().filter(|item| compare::name_of(item) == *step).cloned());
        }
        (Value::Object(members), there) => match there.get(step) {
            Some(inner) => graft(members.entry(step).or_insert(Value::Null), inner, rest),
            None => drop(members.remove(step)),
        },
        (target, _) if reference_in(target).is_none() => *target = live.clone(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_is_taken_apart_into_its_steps() {
        assert_eq!(steps("health_check.path"), ["health_check", "path"]);
        assert_eq!(steps("routes[0.0.0.0/0]"), ["routes", "0.0.0.0/0"]);
        assert_eq!(steps("container.environment[A.B]"), ["container", "environment", "A.B"]);
        assert_eq!(steps("tags[a]b]"), ["tags", "a]b"]);
    }

    #[test]
    fn what_is_ignored_stays_as_it_is_beside_what_is_put_back() {
        let rule = |port: u16| json!({"protocol": "tcp", "from_port": port});
        let mut applied = json!({"ingress": [rule(80), rule(81)], "description": "x"});
        let live = json!({"ingress": [rule(80), rule(22)], "description": "y"});
        graft(&mut applied, &live, &steps("ingress[from_port=22 protocol=tcp]"));
        graft(&mut applied, &live, &steps("ingress[from_port=81 protocol=tcp]"));
        assert_eq!(applied, json!({"ingress": [rule(80), rule(22)], "description": "x"}));
    }

    #[test]
    fn references_come_back_where_their_values_stand() {
        let reference = json!({"$output": "vpc.main:id"});
        let values = [(json!("vpc-1"), reference.clone())];
        let spec = json!({"vpc": "vpc-1", "subnets": ["vpc-1", "other"]});
        let expected = json!({"vpc": reference.clone(), "subnets": [reference, "other"]});
        assert_eq!(referring(&spec, &values), expected);
    }
}
