//! What is to be done so that AWS becomes what is declared.
//!
//! Planning is pure: it takes the graph, the state and what was observed, and gives a [`Plan`]
//! that leaves nothing to decide. It walks the graph in order and fills in references from what
//! is known. The outputs of whatever is to be made or renewed are withheld, so what refers to
//! them is pending: a pending fixed field means another resource, any other an update. Nothing
//! else spreads a replacement.

mod course;
pub mod diff;
mod gap;
mod moved;
pub mod place;
mod protection;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

pub use course::Course;
pub use diff::{Origin, PropertyChange};
pub use moved::Moved;
pub use protection::Protected;

use crate::aws::{Tags, is_owned};
use crate::graph::{Graph, Node, Until};
use crate::names;
use crate::observe::Observed;
use crate::resource::reference::{references, resolve};
use crate::resource::{
    Address, Identity, LiveValue, Readiness, Reference, Replacement, SoughtValue, Tagging,
};
use crate::state::{Record, State};

/// What is to be done to every resource of a stack, in an order in which it can be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The state that it starts from.
    pub basis: Basis,
    /// One entry a resource: first the declared ones in order, then those to be removed.
    pub resources: Vec<Planned>,
}

/// Which state a plan starts from: another one makes it void.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// The stack's name.
    pub stack: String,
    /// Its environment.
    pub environment: String,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The state's lineage; empty before anything was ever recorded, since it is made then.
    pub lineage: String,
}

impl Basis {
    /// What a plan from `state` starts from.
    fn of(state: &State) -> Self {
        Self {
            stack: state.stack.clone(),
            environment: state.environment.clone(),
            account: state.account.clone(),
            region: state.region.clone(),
            lineage: if state.is_blank() { String::new() } else { state.lineage.clone() },
        }
    }
}

/// What is to be done to one resource, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// Which resource.
    pub address: Address,
    /// What is to be done.
    pub action: Action,
    /// Why, in words.
    pub reason: String,
    /// The properties that change, for updates and replacements.
    pub changes: Vec<PropertyChange>,
    /// How it goes, for updates.
    #[serde(default, skip_serializing_if = "Course::is_at_once")]
    pub course: Course,
    /// What it is to be; `None` when it is to be removed.
    pub desired: Option<Desired>,
    /// What is there; `None` when nothing is.
    pub present: Option<Present>,
}

/// What is to be done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// Another one is made, and this one removed.
    Replace,
    /// It is removed.
    Delete,
    /// It stays as it is.
    Keep,
}

impl Action {
    /// What it is called.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Keep => "keep",
        }
    }
}

/// What a resource is to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// Its spec, with references in it where they are not known yet.
    pub spec: Value,
    /// Its name, token and tags.
    pub identity: Identity,
    /// Which generation of its address it is.
    pub generation: u32,
    /// What it waits for.
    pub needs: BTreeMap<Address, Until>,
    /// The properties that stay as somebody else left them, and so are not recorded as applied.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub left: BTreeSet<String>,
}

impl Desired {
    /// What of `spec` is to be recorded as applied, where `before` was: what was left as it is
    /// keeps the value that this program last gave it. `None` where that is the spec itself.
    pub fn applied(&self, spec: &Value, before: &Value) -> Option<Value> {
        if self.left.is_empty() || before.is_null() || spec.is_null() {
            return None;
        }
        let mut applied = spec.clone();
        for property in &self.left {
            place::graft(&mut applied, before, property);
        }
        Some(applied)
    }
}

/// What is there of a resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Present {
    /// What is recorded of it.
    pub record: Record,
    /// What AWS says; `None` when it is not there any more.
    pub live: Option<LiveValue>,
}

impl Present {
    /// The resource as its kind's calls want it.
    pub fn sought(&self, address: &Address) -> SoughtValue {
        SoughtValue {
            address: address.clone(),
            outputs: self.record.outputs.clone(),
            applied: self.record.applied.clone(),
        }
    }

    /// The same, as it is now rather than as it was recorded.
    pub fn sought_live(&self, address: &Address) -> SoughtValue {
        let sought = self.sought(address);
        match &self.live {
            Some(live) => SoughtValue { outputs: live.outputs.clone(), ..sought },
            None => sought,
        }
    }
}

/// What carries the stack's tags, in words.
fn tagged(found: &[(Address, String)]) -> String {
    let named: Vec<String> =
        found.iter().map(|(address, id)| format!("{address} ({id})")).collect();
    let verb = if found.len() == 1 { "is" } else { "are" };
    format!("{} {verb} in AWS with this stack's tags", named.join(", "))
}

/// Something stands in the way of any plan.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// A name that the stack needs is taken by something that is not the stack's own.
    #[error("{address} can't be made: {id} has its name and does not carry this stack's tags")]
    Foreign {
        /// Which resource.
        address: Address,
        /// What has the name.
        id: String,
    },
    /// A name that the stack needs is taken by what it has recorded at another address.
    #[error("{address} can't be made: {id} has its name, and is recorded at {recorded}")]
    Elsewhere {
        /// Which resource.
        address: Address,
        /// What has the name.
        id: String,
        /// Where it is recorded.
        recorded: Address,
    },
    /// AWS has resources with this stack's tags that the state does not know.
    #[error("{}, but not in the stack's state", tagged(found))]
    LostState {
        /// Which, with their ids.
        found: Vec<(Address, String)>,
    },
}

impl Plan {
    /// A plan that does nothing.
    pub fn nothing(state: &State) -> Self {
        Self { basis: Basis::of(state), resources: vec![] }
    }

    /// The resources to which something is to be done.
    pub fn changes(&self) -> impl Iterator<Item = &Planned> {
        self.resources.iter().filter(|planned| planned.action != Action::Keep)
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes().next().is_none()
    }

    /// How many resources meet each action.
    pub fn counts(&self) -> BTreeMap<Action, usize> {
        let mut counts = BTreeMap::new();
        for planned in &self.resources {
            *counts.entry(planned.action).or_default() += 1;
        }
        counts
    }

    /// What will be lost for good if the plan is carried out: one sentence each.
    pub fn losses(&self) -> Vec<String> {
        self.changes()
            .filter_map(|planned| {
                let verb = match planned.action {
                    Action::Replace => "replacing",
                    Action::Delete => "deleting",
                    _ => return None,
                };
                let lost = planned.address.kind().facts().loses?;
                Some(format!("{verb} {} loses {lost}.", planned.address))
            })
            .collect()
    }
}

/// Plans what makes AWS as `graph` declares it.
///
/// `user` are the tags that the user gives every resource. An empty graph plans the removal of
/// everything.
///
/// # Errors
///
/// [`PlanError`] when a name is taken, by a stranger or by the stack's own, or the state has been
/// lost.
pub fn plan(
    graph: &Graph,
    state: &State,
    observed: &Observed,
    user: &Tags,
) -> Result<Plan, Vec<PlanError>> {
    let errors = obstacles(graph, state, observed, user);
    if errors.is_empty() { Ok(regardless(graph, state, observed, user)) } else { Err(errors) }
}

/// The plan as it would be if nothing stood in its way: to look at, and not to be carried out.
pub fn regardless(graph: &Graph, state: &State, observed: &Observed, user: &Tags) -> Plan {
    let mut planner = Planner { state, observed, user, known: BTreeMap::new() };
    let mut resources: Vec<Planned> = graph.nodes().iter().map(|node| planner.node(node)).collect();
    resources.extend(removed(graph, state, observed));
    course::straighten(&mut resources);
    let basis = Basis::of(state);
    Plan { basis, resources }
}

/// What stands in the way: strangers that have our names, our own that have them at other addresses,
/// and our own that nobody recorded.
fn obstacles(graph: &Graph, state: &State, observed: &Observed, user: &Tags) -> Vec<PlanError> {
    let mut errors = elsewhere(graph, state, user);
    let is_elsewhere = |address: &Address| {
        let mut moved = errors.iter();
        moved
            .any(|error| matches!(error, PlanError::Elsewhere { address: at, .. } if at == address))
    };
    let unrecorded: Vec<_> =
        observed.unrecorded.iter().filter(|(address, _)| !is_elsewhere(address)).collect();
    let mut lost = Vec::new();
    for (address, found) in unrecorded {
        let Some(node) = graph.get(address) else { continue };
        let id = crate::state::physical_id(&found.outputs);
        if is_owned(&found.tags, &names::prospective_identity(node, state, user).tags) {
            lost.push((address.clone(), id));
        } else {
            errors.push(PlanError::Foreign { address: address.clone(), id });
        }
    }
    if !lost.is_empty() {
        errors.push(PlanError::LostState { found: lost });
    }
    errors
}

/// What is recorded at another address under a name that a resource needs: to make one and delete the
/// other would be done to one and the same.
fn elsewhere(graph: &Graph, state: &State, user: &Tags) -> Vec<PlanError> {
    let recorded = |reference: &Reference| {
        state.resources.get(&reference.address)?.outputs.get(&reference.output).cloned()
    };
    let nodes = graph.nodes().iter().filter(|node| !state.resources.contains_key(&node.address));
    let taken = nodes.filter_map(|node| {
        let facts = node.address.kind().facts();
        let name = facts.naming.map(|_| names::prospective_identity(node, state, user).name);
        let spec = resolve(&node.spec, &recorded);
        let has_key = |applied: &Value| {
            !facts.key.is_empty()
                && facts.key.iter().all(|field| spec.get(field) == applied.get(field))
        };
        let mut records = state.resources.iter();
        let (recorded, record) = records.find(|(address, record)| {
            let is_same = name.as_ref() == Some(&record.identity.name) || has_key(&record.applied);
            address.kind() == node.address.kind() && is_same
        })?;
        let (address, recorded) = (node.address.clone(), recorded.clone());
        Some(PlanError::Elsewhere { address, id: record.id.clone(), recorded })
    });
    taken.collect()
}

struct Planner<'a> {
    state: &'a State,
    observed: &'a Observed,
    user: &'a Tags,
    /// The outputs that will still be true when the plan has been carried out.
    known: BTreeMap<Address, Value>,
}

impl Planner<'_> {
    fn node(&mut self, node: &Node) -> Planned {
        let spec = resolve(&node.spec, &|reference| self.output(reference));
        // What was put in may have changed the order of a set. A spec that came from the kind's
        // own type always fits it.
        let spec = node.address.kind().canonical(&spec).unwrap_or(spec);
        let Some(record) = self.state.resources.get(&node.address) else {
            let generation = self.state.next_generation(&node.address);
            return self.create(node, spec, generation, None, "it does not exist yet".into());
        };
        let live = self.observed.live_of(&node.address, record.generation).cloned();
        let present = Present { record: record.clone(), live };
        match present.live.clone() {
            None => {
                let reason = format!("{} was deleted outside of provision", record.id);
                self.create(node, spec, record.generation, Some(present), reason)
            }
            Some(LiveValue { readiness: Readiness::Leaving(status), .. }) => {
                self.leaving(node, spec, present, &status)
            }
            Some(live) => self.existing(node, spec, present, &live),
        }
    }

    /// A resource that somebody has deleted and that is not gone yet: made anew, and where both
    /// can't be at once not before it is gone.
    fn leaving(&self, node: &Node, spec: Value, present: Present, status: &str) -> Planned {
        let reason = format!("{} was deleted outside of provision: {status}", present.record.id);
        let generation = present.record.generation;
        match node.address.kind().facts().replacement {
            Replacement::OldFirst | Replacement::Sharing(_) => {
                self.replace(node, spec, present, vec![], reason)
            }
            Replacement::NewFirst => self.create(node, spec, generation, Some(present), reason),
        }
    }

    fn output(&self, reference: &Reference) -> Option<Value> {
        self.known.get(&reference.address)?.get(&reference.output).cloned()
    }

    fn create(
        &self,
        node: &Node,
        spec: Value,
        generation: u32,
        present: Option<Present>,
        reason: String,
    ) -> Planned {
        let identity = names::identity(node, self.state, self.user, generation);
        let desired = Some(desired(node, spec, identity, generation));
        let address = node.address.clone();
        let (action, changes, course) = (Action::Create, vec![], Course::AtOnce);
        Planned { address, action, reason, changes, course, desired, present }
    }

    /// A resource that is there: kept, changed or replaced.
    fn existing(
        &mut self,
        node: &Node,
        spec: Value,
        present: Present,
        live: &LiveValue,
    ) -> Planned {
        let facts = node.address.kind().facts();
        let anew = spec.clone();
        let spec = as_it_was_made(spec, live, facts.initial);
        let changes = self.changes(node, &spec, &present, live);
        let fixed: Vec<&str> = changes
            .iter()
            .filter(|change| !is_unfinished(&present.record, change))
            .map(PropertyChange::field)
            .filter(|field| facts.fixed.contains(field))
            .collect();
        let failure = match &live.readiness {
            Readiness::Failed(why) if facts.dies => Some(format!("it has failed: {why}")),
            _ => None,
        };
        if let Some(reason) = failure.or_else(|| replacement_reason(&fixed)) {
            return self.replace(node, anew, present, changes, reason);
        }
        let revival = match &live.readiness {
            Readiness::Failed(why) if facts.revives => Some(format!("it is tried again: {why}")),
            _ => None,
        };
        let (action, reason) = match update_reason(&changes).or(revival) {
            Some(reason) => (Action::Update, reason),
            None => (Action::Keep, "it is as declared".to_owned()),
        };
        // Tags are written to what is there: they renew nothing.
        let renews = changes.iter().any(|change| change.field() != diff::TAGS);
        let renewed = if renews { facts.renewed } else { &[] };
        self.known.insert(node.address.clone(), without(&live.outputs, renewed));
        let record = &present.record;
        let mut identity = record.identity.clone();
        identity.tags = names::tags(node, self.state, self.user, &identity.name);
        if action == Action::Update {
            // A token of its own: what an update makes anew must not answer for an earlier one.
            identity.token = names::identity(node, self.state, self.user, record.generation).token;
        }
        let desired = Some(desired(node, spec.clone(), identity, record.generation));
        let (address, course) = (node.address.clone(), Course::AtOnce);
        let present = Some(present);
        let mut planned = Planned { address, action, reason, changes, course, desired, present };
        if action == Action::Update {
            planned.course = Course::of(&planned, &spec, live);
        }
        planned
    }

    fn changes(
        &self,
        node: &Node,
        spec: &Value,
        present: &Present,
        live: &LiveValue,
    ) -> Vec<PropertyChange> {
        let facts = node.address.kind().facts();
        let record = &present.record;
        let sides = diff::Sides { declared: spec, applied: &record.applied, live: &live.spec };
        let mut changes = diff::differences(sides, facts.hidden);
        if facts.tagging != Tagging::Never {
            let wanted = names::tags(node, self.state, self.user, &record.identity.name);
            changes.extend(diff::tag_differences(&wanted, &record.identity.tags, &live.tags));
        }
        let known = self.state.known(&node.address, record);
        for change in changes.iter_mut().filter(|change| !known.has(change.field())) {
            change.origin = Origin::Unknown;
        }
        changes
    }

    fn replace(
        &self,
        node: &Node,
        spec: Value,
        present: Present,
        changes: Vec<PropertyChange>,
        reason: String,
    ) -> Planned {
        let generation = present.record.generation + 1;
        let planned = self.create(node, spec, generation, Some(present), reason);
        Planned { action: Action::Replace, changes, ..planned }
    }
}

/// A spec with what counted only while the live one was made.
fn as_it_was_made(mut spec: Value, live: &LiveValue, initial: &[&str]) -> Value {
    for field in initial {
        if let (Some(own), Some(made)) = (spec.get_mut(field), live.spec.get(field)) {
            *own = made.clone();
        }
    }
    spec
}

fn desired(node: &Node, spec: Value, identity: Identity, generation: u32) -> Desired {
    let needs = node.waits.iter().map(|wait| (wait.on.clone(), wait.until)).collect();
    Desired { spec, identity, generation, needs, left: BTreeSet::new() }
}

/// Whether a property was never given its value, since its creation was cut off: even one that is
/// fixed can be given its first (an internet gateway that was not attached yet).
fn is_unfinished(record: &Record, change: &PropertyChange) -> bool {
    let is_unset = change.old.is_null() || change.old == "";
    !record.configured && is_unset
}

fn replacement_reason(fixed: &[&str]) -> Option<String> {
    let fields: BTreeSet<&&str> = fixed.iter().collect();
    let names: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
    if names.is_empty() {
        return None;
    }
    Some(format!("AWS can't change {} in place", names.join(" and ")))
}

fn update_reason(changes: &[PropertyChange]) -> Option<String> {
    let origins: BTreeSet<&str> = changes
        .iter()
        .map(|change| match (references(&change.new).into_iter().next(), change.origin) {
            (Some(_), _) => "what it refers to is made anew",
            (None, Origin::Configuration) => "the configuration has changed",
            (None, Origin::Outside) => "it was changed outside of provision",
            (None, Origin::Both) => "the configuration and AWS have both changed",
            (None, Origin::Unknown) => "an earlier run did not finish it",
        })
        .collect();
    let reasons: Vec<&str> = origins.into_iter().collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// What is recorded and no longer declared, and what was replaced and is still there.
fn removed(graph: &Graph, state: &State, observed: &Observed) -> Vec<Planned> {
    let is_taken_down = graph.nodes().is_empty();
    let undeclared_reason =
        if is_taken_down { "the stack is taken down" } else { "it is no longer declared" };
    let undeclared = state
        .resources
        .iter()
        .filter(|(address, _)| graph.get(address).is_none())
        .map(|(address, record)| (address, record, undeclared_reason));
    let replaced = state
        .replaced
        .iter()
        .map(|old| (&old.address, &old.record, "it was replaced and is still to be removed"));
    undeclared
        .chain(replaced)
        .map(|(address, record, reason)| {
            let live = observed.live_of(address, record.generation).cloned();
            Planned {
                address: address.clone(),
                action: Action::Delete,
                reason: reason.into(),
                changes: vec![],
                course: Course::AtOnce,
                desired: None,
                present: Some(Present { record: record.clone(), live }),
            }
        })
        .collect()
}

fn without(outputs: &Value, names: &[&str]) -> Value {
    let mut outputs = outputs.clone();
    if let Some(members) = outputs.as_object_mut() {
        members.retain(|name, _| !names.contains(&name.as_str()));
    }
    outputs
}

impl Planned {
    /// Whether it is there and was never seen to work, or does not now.
    pub fn is_unready(&self) -> bool {
        self.present.as_ref().is_some_and(|present| {
            let live = present.live.as_ref().map(|live| &live.readiness);
            !present.record.ready || live != Some(&Readiness::Ready)
        })
    }

    /// Whether the old one must be gone before the new one can be made.
    pub fn old_goes_first(&self) -> bool {
        let is_shared = |field| self.changes.iter().all(|change| change.field() != field);
        self.action == Action::Replace
            && match self.address.kind().facts().replacement {
                Replacement::NewFirst => false,
                Replacement::OldFirst => true,
                Replacement::Sharing(field) => is_shared(field),
            }
    }
}
