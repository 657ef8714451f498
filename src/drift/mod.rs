//! What is live held against what was applied and what is declared, for a check.
//!
//! A check compares three sides: the file, the state, and AWS. [`check`] turns them into
//! [`Finding`]s, the most severe first: each says where, who moved it ([`Class`]), how much it
//! matters and why ([`Severity`]), what the three sides say, and has an id that stays the same for
//! as long as the place differs. Whoever draws a check, or sends it on, needs [`Drift`] alone.
//!
//! The rules: everything here is pure; one thing that somebody did is one finding; and what moves by
//! itself (aws-behaviour 26) is none.

mod applied;
mod compare;
mod decide;
mod effective;
mod finding;
mod ignore;
mod repair;
mod severity;
mod taking;
mod who;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

pub use crate::plan::place::field_of;
pub use applied::as_applied;
pub use compare::Difference;
pub use decide::{Answer, Decided, Group, Outside, decide, outside, planned, revocations};
pub use effective::Left;
pub use finding::{Class, Finding, Severity};
pub use ignore::{Expired, Ignored};
pub use repair::{Removal, Repair, Stays, repair};
pub use taking::{Setting, setting};
pub use who::{Deed, Who};

use crate::aws::Tags;
use crate::config::Ignore;
use crate::graph::{Graph, Node};
use crate::names;
use crate::observe::{Observed, StandIn, Surroundings};
use crate::plan::diff::{Sides, is_within};
use crate::resource::reference::{reference_in, resolve};
use crate::resource::{Address, Extra, Inspection, LiveValue, Readiness, Reference, Tagging};
use crate::state::{Known, Record, State};

/// What a check found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Drift {
    /// The stack's name.
    pub stack: String,
    /// Its environment.
    pub environment: String,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// How many resources were looked at.
    pub resources: usize,
    /// What differs, the most severe first.
    pub findings: Vec<Finding>,
    /// What differs, and is to be ignored.
    pub ignored: Vec<Ignored>,
    /// What was to be ignored until a day that has passed, and still differs.
    pub expired: Vec<Expired>,
}

impl Drift {
    /// The findings that are drift: not what the file wants and `up` has still to do.
    pub fn drifted(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.class.is_drift())
    }

    /// Whether something has drifted that matters at least so much.
    pub fn has_drifted(&self, least: Severity) -> bool {
        self.drifted().any(|finding| finding.severity >= least)
    }

    /// How many findings that are drift there are of each severity.
    pub fn counts(&self) -> BTreeMap<Severity, usize> {
        let mut counts = BTreeMap::new();
        for finding in self.drifted() {
            *counts.entry(finding.severity).or_default() += 1;
        }
        counts
    }
}

/// What a check looks at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What the file declares.
    pub graph: &'a Graph,
    /// What is recorded.
    pub state: &'a State,
    /// What AWS says of it.
    pub observed: &'a Observed,
    /// What AWS says besides.
    pub surroundings: &'a Surroundings,
    /// The tags that the file gives every resource.
    pub user: &'a Tags,
}

/// Finds all that differs; `ignore` says what of it is not to be told as drift, as of `today`.
pub fn check(subject: &Subject<'_>, ignore: &[Ignore], today: jiff::civil::Date) -> Drift {
    let state = subject.state;
    let addresses = state.resources.keys();
    let mut found: Vec<Finding> = addresses.flat_map(|address| subject.resource(address)).collect();
    found.extend(subject.unmade());
    found.sort_by(|one, other| {
        let key = |finding: &Finding| (finding.address.clone(), finding.property.clone());
        other.severity.cmp(&one.severity).then_with(|| key(one).cmp(&key(other)))
    });
    let sorted = ignore::sort_out(found, ignore, today);
    Drift {
        stack: state.stack.clone(),
        environment: state.environment.clone(),
        account: state.account.clone(),
        region: state.region.clone(),
        resources: state.resources.len(),
        findings: sorted.findings,
        ignored: sorted.ignored,
        expired: sorted.expired,
    }
}

impl Subject<'_> {
    /// What differs about a resource that is recorded.
    fn resource(&self, address: &Address) -> Vec<Finding> {
        let Some(record) = self.state.resources.get(address) else { return vec![] };
        let node = self.graph.get(address);
        let Some(live) = self.observed.live_of(address, record.generation) else {
            return vec![self.missing(address, record, node, "")];
        };
        if let Readiness::Leaving(status) = &live.readiness {
            return vec![self.missing(address, record, node, status)];
        }
        let mut found: Vec<Finding> = Vec::new();
        if node.is_none() {
            found.push(self.undeclared(address, record));
        }
        for difference in self.differences(address, record, node, live) {
            found.extend(self.judged(address, record, difference));
        }
        found.extend(self.extras(address, record));
        found
    }

    fn differences(
        &self,
        address: &Address,
        record: &Record,
        node: Option<&Node>,
        live: &LiveValue,
    ) -> Vec<Difference> {
        let facts = address.kind().facts();
        let declared = node.map_or_else(|| record.applied.clone(), |node| self.declared(node));
        let sides = Sides { declared: &declared, applied: &record.applied, live: &live.spec };
        let known = self.state.known(address, record);
        let mut found = compare::differences(sides, &facts, &known);
        found.retain(|one| node.is_none_or(|node| !is_others(node, &one.property)));
        if facts.tagging != Tagging::Never {
            let applied = &record.identity.tags;
            let wanted =
                node.map(|node| names::tags(node, self.state, self.user, &record.identity.name));
            let wanted = wanted.as_ref().unwrap_or(applied);
            found.extend(compare::tag_differences(wanted, applied, &live.tags, &known));
        }
        found
    }

    /// What is declared, with what is recorded of others in the place of references.
    fn declared(&self, node: &Node) -> Value {
        let spec = resolve(&node.spec, &|reference| self.output(reference));
        node.address.kind().canonical(&spec).unwrap_or(spec)
    }

    /// What is recorded of what a reference refers to.
    fn output(&self, reference: &Reference) -> Option<Value> {
        let record = self.state.resources.get(&reference.address)?;
        record.outputs.get(&reference.output).cloned()
    }

    /// A finding for a difference; none where it is only spelt differently.
    fn judged(
        &self,
        address: &Address,
        record: &Record,
        mut difference: Difference,
    ) -> Option<Finding> {
        let mut details = Vec::new();
        if let Some(stand_in) = self.stand_in(address, &difference) {
            if stand_in.is_empty() {
                return None;
            }
            details = stand_in;
            if self.is_as_declared(address, &difference.property) {
                difference.class = Class::Agreed;
            }
        }
        let inspection = self.surroundings.inspection(address);
        let member = inspection.and_then(|inspection| member_id(inspection, &difference));
        let accepted = self.is_accepted(address, &difference);
        let finding = self.finding(address, record, difference);
        let physical_id = member.unwrap_or(finding.physical_id);
        let reason = if accepted { ACCEPTED.into() } else { finding.reason };
        Some(Finding { reason, physical_id, details, ..finding })
    }

    /// What another thing that AWS has in the place of a declared one is: in what it differs from
    /// that, and where it comes from. `None` where nothing else was looked at; empty where it
    /// differs in nothing.
    fn stand_in(&self, address: &Address, difference: &Difference) -> Option<Vec<String>> {
        let within = self.within_stand_in(address, &difference.property)?;
        let stand_in = self.surroundings.stand_in(address, &difference.property)?;
        let hidden = stand_in.of.kind().facts().hidden;
        let words = within
            .iter()
            .map(|one| inner_words(&stand_in.of, one, is_hidden(hidden, &one.property)));
        let mut details: Vec<String> = words.collect();
        if !details.is_empty() {
            details.extend(stand_in.origin.clone());
        }
        Some(details)
    }

    /// In what the thing that AWS has in the place of a declared one differs from that, but for what
    /// is somebody else's to set. `None` where nothing else was looked at.
    pub fn within_stand_in(&self, address: &Address, property: &str) -> Option<Vec<Difference>> {
        let stand_in = self.surroundings.stand_in(address, property)?;
        let record = self.state.resources.get(&stand_in.of)?;
        Some(self.differences_of(stand_in, &record.applied))
    }

    /// Whether the thing that AWS has in the place of a declared one is as the file says it by now.
    fn is_as_declared(&self, address: &Address, property: &str) -> bool {
        self.surroundings.stand_in(address, property).is_some_and(|stand_in| {
            let node = self.graph.get(&stand_in.of);
            node.is_some_and(|node| self.differences_of(stand_in, &self.declared(node)).is_empty())
        })
    }

    /// In what a thing differs from a spec, but for what is somebody else's to set.
    fn differences_of(&self, stand_in: &StandIn, spec: &Value) -> Vec<Difference> {
        let sides = Sides { declared: spec, applied: spec, live: &stand_in.live.spec };
        let mut within = compare::differences(sides, &stand_in.of.kind().facts(), &Known::All);
        if let Some(node) = self.graph.get(&stand_in.of) {
            within.retain(|one| !is_others(node, &one.property));
        }
        within
    }

    /// Whether it was accepted that the live value is not the file's.
    fn is_accepted(&self, address: &Address, difference: &Difference) -> bool {
        let mut accepted = self.state.accepted_of(address);
        difference.class == Class::Unapplied
            && accepted.any(|(property, file)| {
                *property == difference.property && *file == difference.declared
            })
    }

    fn finding(&self, address: &Address, record: &Record, difference: Difference) -> Finding {
        let facts = address.kind().facts();
        let (severity, reason) = severity::judge(address.kind(), &difference);
        let hidden = is_hidden(facts.hidden, &difference.property);
        let shown = |value: Value| if hidden { Value::Null } else { value };
        Finding {
            id: self.id(address, &difference.property),
            address: address.clone(),
            type_name: facts.type_name,
            class: difference.class,
            severity,
            reason: reason.into(),
            declared: shown(difference.declared),
            applied: shown(difference.applied),
            live: shown(difference.live),
            hidden,
            physical_id: record.id.clone(),
            details: vec![],
            who: None,
            property: difference.property,
        }
    }

    /// The id of the finding at a place.
    fn id(&self, address: &Address, property: &str) -> String {
        let State { account, region, stack, environment, .. } = self.state;
        let place = format!("{account}/{region}/{stack}/{environment}/{address}/{property}");
        names::hex(&place)[..16].to_owned()
    }

    /// A resource that is recorded, and gone or going.
    fn missing(
        &self,
        address: &Address,
        record: &Record,
        node: Option<&Node>,
        status: &str,
    ) -> Finding {
        let id = Value::from(record.id.clone());
        let class = if node.is_some() { Class::Missing } else { Class::Agreed };
        let difference = Difference {
            property: String::new(),
            class,
            declared: node.map_or(Value::Null, |_| id.clone()),
            applied: id,
            live: Value::Null,
        };
        let finding = self.finding(address, record, difference);
        let details = (!status.is_empty()).then(|| format!("it is going: {status}"));
        Finding { details: details.into_iter().collect(), ..finding }
    }

    /// A resource that is recorded, and no longer declared.
    fn undeclared(&self, address: &Address, record: &Record) -> Finding {
        let id = Value::from(record.id.clone());
        let difference = Difference {
            property: String::new(),
            class: Class::Unapplied,
            declared: Value::Null,
            applied: id.clone(),
            live: id,
        };
        self.finding(address, record, difference)
    }

    /// What is declared, and was never made.
    fn unmade(&self) -> Vec<Finding> {
        let nodes = self.graph.nodes().iter();
        let unmade = nodes.filter(|node| !self.state.resources.contains_key(&node.address));
        unmade
            .map(|node| {
                let (severity, reason) = (Severity::Notice, "the next `up` makes it");
                Finding {
                    id: self.id(&node.address, ""),
                    address: node.address.clone(),
                    type_name: node.address.kind().facts().type_name,
                    property: String::new(),
                    class: Class::Unapplied,
                    severity,
                    reason: reason.into(),
                    declared: json!("declared"),
                    applied: Value::Null,
                    live: Value::Null,
                    hidden: false,
                    physical_id: String::new(),
                    details: vec![],
                    who: None,
                }
            })
            .collect()
    }

    /// What hangs on a resource or lies in it, and is nothing that the stack has recorded.
    fn extras(&self, address: &Address, record: &Record) -> Vec<Finding> {
        let Some(inspection) = self.surroundings.inspection(address) else { return vec![] };
        let extras = inspection.extras.iter().filter(|extra| !self.is_own(extra));
        extras
            .map(|extra| {
                let difference = Difference {
                    property: format!("{}[{}]", extra.collection, extra.id),
                    class: Class::Extra,
                    declared: Value::Null,
                    applied: Value::Null,
                    live: Value::from(extra.what.clone()),
                };
                let finding = self.finding(address, record, difference);
                Finding { physical_id: extra.id.clone(), ..finding }
            })
            .collect()
    }

    fn is_own(&self, extra: &Extra) -> bool {
        let replaced = self.state.replaced.iter().map(|old| &old.record);
        let mut records = self.state.resources.values().chain(replaced);
        records.any(|record| {
            let outputs = record.outputs.as_object().into_iter().flatten();
            let mut ids = outputs.filter(|(name, _)| matches!(name.as_str(), "id" | "arn"));
            record.id == extra.id || ids.any(|(_, id)| *id == *extra.id)
        })
    }
}

/// The reason of a finding that was accepted.
const ACCEPTED: &str = "it was accepted as it is, and stays until the file says something else";

/// Whether a property is somebody else's to set.
fn is_others(node: &Node, property: &str) -> bool {
    node.others.iter().any(|other| other == property)
}

/// What AWS calls the member of a collection that differs.
fn member_id(inspection: &Inspection, difference: &Difference) -> Option<String> {
    let value = if difference.live.is_null() { &difference.applied } else { &difference.live };
    let mut members = inspection.members.iter();
    let member =
        members.find(|member| member.collection == difference.field() && member.value == *value)?;
    Some(member.id.clone())
}

fn is_hidden(hidden: &[&str], property: &str) -> bool {
    let dotted = property.replace('[', ".");
    hidden.iter().any(|hidden| is_within(&dotted, hidden) || is_within(hidden, &dotted))
}

/// `task_definition.app: container.image is nginx:2, and was nginx:1`.
fn inner_words(of: &Address, difference: &Difference, is_hidden: bool) -> String {
    let Difference { property, applied, live, .. } = difference;
    if is_hidden {
        return format!("{of}: {property} is another");
    }
    format!("{of}: {property} is {}, and was {}", words(live), words(applied))
}

/// A value in words: text without quotes, `(none)` for nothing.
fn words(value: &Value) -> String {
    match value {
        Value::Null => "(none)".into(),
        Value::String(text) => text.clone(),
        other => match reference_in(other) {
            Some(reference) => reference.to_string(),
            None => other.to_string(),
        },
    }
}
