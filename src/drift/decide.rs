//! What becomes of the changes of others when the file is applied.
//!
//! A plan would put everything back as the file says it. [`outside`] tells what of that somebody
//! else has changed, [`decide`] takes an [`Answer`] for each resource and gives the plan that keeps
//! to it.
//!
//! The rules: nobody's change is undone without an answer. What somebody deleted is made again
//! without one, since nothing that runs is taken away by that; it is told all the same. And what AWS
//! itself took back of a deployment that was never seen to work is nobody's change.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::effective::{Left, effective, is_tag};
use super::taking::{Setting, setting};
use super::{Class, Drift, Finding, Ignored, Subject, field_of};
use crate::aws::{Tags, is_owned};
use crate::config::Config;
use crate::plan::diff::TAGS;
use crate::plan::place::{at, graft, steps};
use crate::plan::{Action, Course, Origin, Plan, PlanError, Planned, PropertyChange, plan};
use crate::resource::reference::references;
use crate::resource::value::{bounds_of, equal};
use crate::resource::{Address, Readiness};
use crate::state::{Entry, State};

/// What others have changed, as far as a plan has to do with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outside {
    /// What the plan undoes.
    pub undone: Vec<Group>,
    /// What was deleted, and is made again.
    pub anew: Vec<Finding>,
    /// What the file says to ignore: it is left as it is.
    pub ignored: Vec<Ignored>,
    /// What was accepted as it is, and is not in the file yet.
    pub accepted: Vec<Finding>,
}

/// What others have changed about one resource.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Which resource.
    pub address: Address,
    /// What of it.
    pub findings: Vec<Finding>,
}

/// What is to become of the changes of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It becomes what the file says.
    PutBack,
    /// It stays as it is, and counts as applied until the file says something else.
    Accept,
    /// It stays as it is this time.
    Leave,
}

/// A plan with every answer taken into account.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// What is to be done.
    pub plan: Plan,
    /// What is to be recorded before it is: what was accepted, and what no longer is.
    pub records: Vec<Entry>,
}

impl Subject<'_> {
    /// The keys that would have to be set in the file for it to say what was found, each with the
    /// finding's property; `None` for a property that has no key.
    pub fn settings(&self, config: &Config, finding: &Finding) -> Vec<(String, Option<Setting>)> {
        let Some(record) = self.state.resources.get(&finding.address) else { return vec![] };
        let Some(live) = self.observed.live_of(&finding.address, record.generation) else {
            return vec![];
        };
        let Some(stand_in) = self.surroundings.stand_in(&finding.address, &finding.property) else {
            let mut spec = live.spec.clone();
            spec[TAGS] = serde_json::json!(live.tags);
            let setting = setting(config, &finding.address, &finding.property, &spec);
            return vec![(finding.property.clone(), setting)];
        };
        let within = self.within_stand_in(&finding.address, &finding.property);
        let within = within.into_iter().flatten().map(|one| {
            let setting = setting(config, &stand_in.of, &one.property, &stand_in.live.spec);
            (format!("{}: {}", stand_in.of, one.property), setting)
        });
        within.collect()
    }
}

impl Outside {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same answer for every group.
    pub fn all(&self, answer: Answer) -> BTreeMap<Address, Answer> {
        self.undone.iter().map(|group| (group.address.clone(), answer)).collect()
    }
}

/// Plans what brings about what is declared, leaving what is `left`.
///
/// # Errors
///
/// [`PlanError`] when something stands in the way of any plan.
pub fn planned(subject: &Subject<'_>, left: &Left) -> Result<Plan, Vec<PlanError>> {
    let (graph, left) = effective(subject, left);
    let mut plan = plan(&graph, subject.state, subject.observed, subject.user)?;
    for planned in &mut plan.resources {
        spare(planned, subject.state, left.get(&planned.address).into_iter().flatten());
        if subject.is_taken_back(planned) {
            planned.changes.iter_mut().for_each(|change| change.origin = Origin::Unknown);
            planned.reason = "what an earlier run deployed was taken back".into();
        }
    }
    Ok(plan)
}

/// What of a check's findings a plan has to do with that leaves nothing yet.
pub fn outside(subject: &Subject<'_>, drift: &Drift, plan: &Plan) -> Outside {
    let is_accepted = |finding: &&Finding| subject.is_still_accepted(finding);
    let accepted = drift.findings.iter().filter(is_accepted).cloned().collect();
    let mut outside = Outside { accepted, ..Outside::default() };
    for planned in &plan.resources {
        let is_its = |finding: &&Finding| finding.address == planned.address;
        let (whole, mut parts): (Vec<Finding>, Vec<Finding>) =
            drift.drifted().filter(is_its).cloned().partition(|one| one.property.is_empty());
        if matches!(planned.action, Action::Create | Action::Replace) {
            outside.anew.extend(whole);
        }
        for ignored in drift.ignored.iter().filter(|one| is_its(&&one.finding)) {
            if gives_way(planned, &ignored.finding) {
                parts.push(ignored.finding.clone());
            } else {
                outside.ignored.push(ignored.clone());
            }
        }
        parts.retain(|finding| undoes(planned, finding));
        if !parts.is_empty() {
            outside.undone.push(Group { address: planned.address.clone(), findings: parts });
        }
    }
    outside
}

/// Whether a plan changes what was found, and not only finishes what an earlier run began.
fn undoes(planned: &Planned, finding: &Finding) -> bool {
    let is_changed = matches!(planned.action, Action::Update | Action::Replace);
    is_changed && its_changes(planned, finding).any(|change| change.origin != Origin::Unknown)
}

/// Whether what is to be ignored is in the way of a change of the file.
fn gives_way(planned: &Planned, ignored: &Finding) -> bool {
    let is_renewed = |change: &PropertyChange| !references(&change.new).is_empty();
    ignored.class == Class::Conflicting || its_changes(planned, ignored).any(is_renewed)
}

fn its_changes<'a>(
    planned: &'a Planned,
    finding: &'a Finding,
) -> impl Iterator<Item = &'a PropertyChange> {
    let field = field_of(&finding.property);
    planned.changes.iter().filter(move |change| change.field() == field)
}

impl Subject<'_> {
    /// Whether a finding is what was accepted, and the file does not say it yet.
    fn is_still_accepted(&self, finding: &Finding) -> bool {
        let mut accepted = self.state.accepted_of(&finding.address);
        finding.class == Class::Unapplied && accepted.any(|(one, _)| *one == finding.property)
    }

    /// Whether AWS itself has taken back what an earlier run has begun: what runs is an earlier one
    /// of the stack's own, and the later one was never seen to work (aws-behaviour 17.d2).
    fn is_taken_back(&self, planned: &Planned) -> bool {
        let Some(present) = &planned.present else { return false };
        let is_earlier = |change: &PropertyChange| {
            let stand_in = self.surroundings.stand_in(&planned.address, change.field());
            stand_in.is_some_and(|stand_in| {
                let record = self.state.resources.get(&stand_in.of);
                record.is_some_and(|own| is_owned(&stand_in.live.tags, &own.identity.tags))
            })
        };
        planned.address.kind().facts().converges
            && !present.record.ready
            && planned.changes.iter().any(is_earlier)
    }

    /// What is recorded where the changes of a resource are accepted.
    fn acceptance(&self, group: &Group) -> Option<Entry> {
        let record = self.state.resources.get(&group.address)?;
        let node = self.graph.get(&group.address)?;
        let live = self.observed.live_of(&group.address, record.generation)?;
        let declared = self.declared(node);
        let wanted = crate::names::tags(node, self.state, self.user, &record.identity.name);
        let mut applied = record.applied.clone();
        let mut tags = record.identity.tags.clone();
        let mut over = self.standing(&group.address);
        for finding in &group.findings {
            let property = finding.property.clone();
            if is_tag(&property) {
                let key = key_of(&property);
                over.insert(property, tag(&wanted, &key));
                set(&mut tags, &key, live.tags.get(&key));
            } else {
                graft(&mut applied, &live.spec, &property);
                over.insert(property.clone(), at(&declared, &property));
            }
        }
        Some(Entry::Accepted { address: group.address.clone(), applied, tags, over })
    }

    /// What was accepted of a resource, and still is: the file says of it what it said then, and the
    /// live value is another.
    fn standing(&self, address: &Address) -> BTreeMap<String, Value> {
        let Some(record) = self.state.resources.get(address) else { return BTreeMap::new() };
        let Some(node) = self.graph.get(address) else { return BTreeMap::new() };
        let declared = self.declared(node);
        let wanted = crate::names::tags(node, self.state, self.user, &record.identity.name);
        let says = |property: &str| {
            if is_tag(property) { tag(&wanted, &key_of(property)) } else { at(&declared, property) }
        };
        let accepted = self.state.accepted_of(address);
        let standing = accepted.filter(|(property, file)| says(property) == **file);
        standing.map(|(property, file)| (property.clone(), file.clone())).collect()
    }

    /// What is recorded where bounds were declared anew around a number that is within them: nothing
    /// is to be done about that, and checks without a file go by what was applied.
    fn bounds_moved(&self) -> Vec<Entry> {
        let moved = self.graph.nodes().iter().filter_map(|node| {
            let record = self.state.resources.get(&node.address)?;
            let live = self.observed.live_of(&node.address, record.generation)?;
            let mut applied = record.applied.clone();
            for (name, declared) in self.declared(node).as_object()? {
                let before = applied.get_mut(name)?;
                let has_bounds = [declared, before].into_iter().any(|one| bounds_of(one).is_some());
                let is_fulfilled = live.spec.get(name).is_some_and(|live| equal(declared, live));
                if has_bounds && is_fulfilled {
                    *before = declared.clone();
                }
            }
            let (address, tags) = (node.address.clone(), record.identity.tags.clone());
            let over = self.standing(&address);
            (applied != record.applied).then_some(Entry::Accepted { address, applied, tags, over })
        });
        moved.collect()
    }

    /// What is recorded where what was accepted no longer stands.
    fn lapsed(&self) -> Vec<Entry> {
        let lapsed = self.state.accepted.iter().filter_map(|(address, over)| {
            let record = self.state.resources.get(address)?;
            let standing = self.standing(address);
            let (applied, tags) = (record.applied.clone(), record.identity.tags.clone());
            let entry =
                Entry::Accepted { address: address.clone(), applied, tags, over: standing.clone() };
            (standing != *over).then_some(entry)
        });
        lapsed.collect()
    }
}

/// What is to be left: what the file says to ignore, and what `answers` say of the rest.
///
/// What is accepted is left too, in this run even where it is in the way of a change of the file.
fn left(outside: &Outside, answers: &BTreeMap<Address, Answer>) -> Left {
    let ignored = outside.ignored.iter().map(|ignored| &ignored.finding);
    let mut left = Left::new();
    let mut leave = |finding: &Finding| {
        left.entry(finding.address.clone()).or_default().insert(finding.property.clone());
    };
    // Others refer to a resource, so none can be left away.
    ignored.filter(|finding| !finding.property.is_empty()).for_each(&mut leave);
    for group in &outside.undone {
        let answer = answers.get(&group.address).unwrap_or(&Answer::PutBack);
        let stays = |finding: &&Finding| match answer {
            Answer::PutBack => false,
            Answer::Leave => true,
            Answer::Accept => !is_tag(&finding.property),
        };
        group.findings.iter().filter(stays).for_each(&mut leave);
    }
    left
}

/// Plans as [`planned`] does, with an answer for the resources in `outside`: those without one are
/// put back.
///
/// # Errors
///
/// [`PlanError`] when something stands in the way of any plan.
pub fn decide(
    subject: &Subject<'_>,
    outside: &Outside,
    answers: &BTreeMap<Address, Answer>,
) -> Result<Decided, Vec<PlanError>> {
    let is_accepted = |group: &&Group| answers.get(&group.address) == Some(&Answer::Accept);
    let accepted = outside.undone.iter().filter(is_accepted);
    let mut records = subject.bounds_moved();
    let mut state = subject.state.clone();
    for entry in &records {
        state.apply(entry.clone());
    }
    let moved = state;
    let subject = Subject { state: &moved, ..*subject };
    records.extend(subject.lapsed());
    records.extend(accepted.filter_map(|group| subject.acceptance(group)));
    let mut state = subject.state.clone();
    for entry in &records {
        state.apply(entry.clone());
    }
    let subject = Subject { state: &state, ..subject };
    Ok(Decided { plan: planned(&subject, &left(outside, answers))?, records })
}

/// What is recorded where nothing counts as accepted any more: the next plan makes all of it what the
/// file says.
pub fn revocations(state: &State) -> Vec<Entry> {
    let accepted = state.accepted.keys().filter_map(|address| {
        let record = state.resources.get(address)?;
        let (applied, tags) = (record.applied.clone(), record.identity.tags.clone());
        Some(Entry::Accepted { address: address.clone(), applied, tags, over: BTreeMap::new() })
    });
    accepted.collect()
}

/// Takes out of what is planned for a resource what is to stay as it is.
fn spare<'a>(planned: &mut Planned, state: &State, left: impl Iterator<Item = &'a String>) {
    let (tags, properties): (Vec<&String>, Vec<&String>) = left.partition(|one| is_tag(one));
    if let Some(desired) = &mut planned.desired {
        desired.left.extend(properties.into_iter().cloned());
    }
    for property in tags {
        leave_tag(planned, &key_of(property));
    }
    let address = planned.address.clone();
    for (property, file) in state.accepted_of(&address).filter(|(one, _)| is_tag(one)) {
        keep_tag(planned, &key_of(property), file);
    }
    if planned.action == Action::Update && planned.changes.is_empty() && !is_revived(planned) {
        planned.action = Action::Keep;
        planned.course = Course::AtOnce;
        planned.reason = "what differs was changed outside of provision, and is left".into();
    }
}

/// Lets an update take a tag for what it is to be: nothing is done about it, and what is recorded
/// still tells that it is another.
pub(super) fn leave_tag(planned: &mut Planned, key: &str) {
    let Some(desired) = &planned.desired else { return };
    if let Some(live) = planned.present.as_mut().and_then(|present| present.live.as_mut()) {
        set(&mut live.tags, key, desired.identity.tags.get(key));
    }
    forget_tag(planned, key);
}

/// Declares a tag as it was accepted, as long as the file says what it said then.
fn keep_tag(planned: &mut Planned, key: &str, file: &Value) {
    let (Some(present), Some(desired)) = (&planned.present, &mut planned.desired) else { return };
    if tag(&desired.identity.tags, key) != *file {
        return;
    }
    let accepted = present.record.identity.tags.get(key);
    set(&mut desired.identity.tags, key, accepted);
    let accepted = tag(&present.record.identity.tags, key);
    let path = format!("{TAGS}.{key}");
    for change in planned.changes.iter_mut().filter(|change| change.path == path) {
        change.new = accepted.clone();
    }
    planned.changes.retain(|change| change.path != path || change.old != change.new);
}

fn forget_tag(planned: &mut Planned, key: &str) {
    let path = format!("{TAGS}.{key}");
    planned.changes.retain(|change| change.path != path);
}

/// Whether an update tries once more what has failed.
fn is_revived(planned: &Planned) -> bool {
    let live = planned.present.as_ref().and_then(|present| present.live.as_ref());
    let has_failed = live.is_some_and(|live| matches!(live.readiness, Readiness::Failed(_)));
    has_failed && planned.address.kind().facts().revives
}

/// The key of a tag, by its property: `tags[team]`.
pub(super) fn key_of(property: &str) -> String {
    steps(property).pop().unwrap_or_default()
}

fn tag(tags: &Tags, key: &str) -> Value {
    tags.get(key).cloned().map_or(Value::Null, Value::from)
}

fn set(tags: &mut Tags, key: &str, value: Option<&String>) {
    match value {
        Some(value) => drop(tags.insert(key.to_owned(), value.clone())),
        None => drop(tags.remove(key)),
    }
}
