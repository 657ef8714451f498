//! What of the declared graph a plan is to bring about, once the changes of others are taken into
//! account.
//!
//! The rule: what others changed stays where the file gives it to them, where what they put in its
//! place says the same, where it was accepted, and where it is to be left this time. There the graph
//! declares what is there, and so no plan touches it. The first two and what was accepted give way
//! to a change of the file: what refers to something that is made anew refers to the new one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Subject;
use crate::graph::{Graph, Node};
use crate::plan::diff::TAGS;
use crate::plan::place::{at, field_of, graft};
use crate::plan::{Action, Planned, regardless};
use crate::resource::reference::{reference_in, references, resolve};
use crate::resource::{Address, LiveValue};
use crate::state::Record;

/// The properties that are to be left as they are, by the resources that have them.
pub type Left = BTreeMap<Address, BTreeSet<String>>;

/// The graph that a plan is to bring about, and all that it leaves as it is.
pub(super) fn effective(subject: &Subject<'_>, left: &Left) -> (Graph, Left) {
    let unchanged = map(subject, own_values);
    let first = regardless(&unchanged, subject.state, subject.observed, subject.user);
    let renewed = first.resources.iter().filter(|planned| renews(planned));
    let renewed: BTreeSet<&Address> = renewed.map(|planned| &planned.address).collect();
    let mut left = left.clone();
    for (address, field) in subject.equal_stand_ins(&renewed) {
        left.entry(address.clone()).or_default().insert(field.clone());
    }
    let spared = map(subject, |node, present| {
        let left = left.get(&node.address);
        Sparing { subject, node, present, renewed: &renewed }.spec(left)
    });
    let within = Subject { graph: &spared, ..*subject };
    let graph = map(&within, |node, _| within.with_values_of_others(node));
    (graph, left)
}

/// A recorded resource that is there.
#[derive(Clone, Copy)]
struct Present<'a> {
    record: &'a Record,
    live: &'a LiveValue,
}

/// The graph with the specs of what is there made over.
fn map(subject: &Subject<'_>, spec: impl Fn(&Node, Present<'_>) -> Value) -> Graph {
    let nodes = subject.graph.nodes().iter().map(|node| {
        let record = subject.state.resources.get(&node.address);
        let present = record.and_then(|record| {
            let live = subject.observed.live_of(&node.address, record.generation)?;
            Some(Present { record, live })
        });
        let spec = present.map_or_else(|| node.spec.clone(), |present| spec(node, present));
        Node { spec, ..node.clone() }
    });
    Graph::of(nodes.collect())
}

/// Whether what refers to a resource has to refer to another one afterwards.
fn renews(planned: &Planned) -> bool {
    match planned.action {
        Action::Create | Action::Replace => true,
        Action::Update => {
            let is_renewing = !planned.address.kind().facts().renewed.is_empty();
            is_renewing && planned.changes.iter().any(|change| change.field() != TAGS)
        }
        Action::Delete | Action::Keep => false,
    }
}

/// A spec with the values that this program last gave what is somebody else's to set.
fn own_values(node: &Node, present: Present<'_>) -> Value {
    let mut spec = node.spec.clone();
    for property in &node.others {
        graft(&mut spec, &present.record.applied, property);
    }
    spec
}

/// A resource of which some is to stay as it is.
struct Sparing<'a> {
    subject: &'a Subject<'a>,
    node: &'a Node,
    present: Present<'a>,
    /// What is made anew.
    renewed: &'a BTreeSet<&'a Address>,
}

impl Sparing<'_> {
    /// A spec that declares what is to stay.
    fn spec(&self, left: Option<&BTreeSet<String>>) -> Value {
        let Present { record, live } = self.present;
        let mut spec = own_values(self.node, self.present);
        for property in self.accepted() {
            self.put(&mut spec, property, &record.applied);
        }
        for property in left.into_iter().flatten().filter(|property| !is_tag(property)) {
            self.put(&mut spec, property, &live.spec);
        }
        spec
    }

    /// What was accepted, and is neither declared otherwise by now nor refers to what is made anew.
    fn accepted(&self) -> impl Iterator<Item = &String> {
        let declared = self.subject.declared(self.node);
        let accepted = self.subject.state.accepted_of(&self.node.address);
        let stands = move |(property, file): &(&String, &Value)| {
            let is_in_spec = !is_tag(property) && !follows(self.node, property, self.renewed);
            is_in_spec && at(&declared, property) == **file
        };
        accepted.filter(stands).map(|(property, _)| property)
    }

    /// Declares at a place what `source` says there. The rest of its field goes on referring to what
    /// is made anew.
    fn put(&self, spec: &mut Value, property: &str, source: &Value) {
        if let Some(field) = spec.get_mut(field_of(property)) {
            *field = resolve(field, &|reference| {
                let is_kept = !self.renewed.contains(&reference.address);
                self.subject.output(reference).filter(|_| is_kept)
            });
        }
        graft(spec, source, property);
    }
}

/// Whether a property refers to something that is made anew.
fn follows(node: &Node, property: &str, renewed: &BTreeSet<&Address>) -> bool {
    let field = node.spec.get(field_of(property));
    let targets = field.map(references).unwrap_or_default();
    targets.iter().any(|target| renewed.contains(&target.address))
}

impl Subject<'_> {
    /// The properties in which something of somebody else's stands in the place of one of the
    /// stack's, says the same, and is not made anew.
    fn equal_stand_ins<'a>(
        &'a self,
        renewed: &'a BTreeSet<&'a Address>,
    ) -> impl Iterator<Item = (&'a Address, &'a String)> {
        self.graph.nodes().iter().flat_map(move |node| {
            let fields = node.spec.as_object().into_iter().flatten().map(|(field, _)| field);
            let equal = fields.filter(move |field| {
                let within = self.within_stand_in(&node.address, field);
                within.is_some_and(|within| within.is_empty()) && !follows(node, field, renewed)
            });
            equal.map(|field| (&node.address, field))
        })
    }

    /// A spec with the values that others have given what is theirs to set, where the resource is
    /// made anew or what stands in its place is not to stay.
    fn with_values_of_others(&self, node: &Node) -> Value {
        let mut spec = node.spec.clone();
        if node.others.is_empty() {
            return spec;
        }
        let referring = self.graph.nodes().iter().flat_map(|holder| {
            let fields = holder.spec.as_object().into_iter().flatten();
            fields.filter_map(move |(field, value)| {
                let target = reference_in(value)?.address;
                (target == node.address).then_some((&holder.address, field))
            })
        });
        // A reference that still is one is to lead to what this node declares.
        let stand_in = referring.filter_map(|(holder, field)| {
            self.surroundings.stand_in(holder, field).filter(|found| found.of == node.address)
        });
        if let Some(stand_in) = stand_in.into_iter().next() {
            for property in &node.others {
                graft(&mut spec, &stand_in.live.spec, property);
            }
        }
        spec
    }
}

/// Whether a property is a tag.
pub(super) fn is_tag(property: &str) -> bool {
    field_of(property) == TAGS
}
