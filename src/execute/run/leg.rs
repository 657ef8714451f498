//! One step of an update: from where, to where, and in which fields.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::event::Verb;
use crate::plan::{Course, Desired, Planned, Present};
use crate::resource::LiveValue;

/// What a step of an update changes into what.
pub(super) struct Leg {
    /// What is there when it begins.
    pub from: LiveValue,
    /// What is wanted of it, resolved.
    pub to: Value,
    /// The fields that differ.
    pub fields: BTreeSet<String>,
}

/// The step that `verb` is of a planned update; `resolved` fills in references.
pub(super) fn of(
    verb: Verb,
    planned: &Planned,
    desired: &Desired,
    present: &Present,
    resolved: impl Fn(&Value) -> Value,
) -> Leg {
    let from = own_view(present);
    let fields = planned.changes.iter().map(|change| change.field().to_owned()).collect();
    match (&planned.course, verb) {
        (Course::InTwo { first }, Verb::Widen) => Leg { from, to: resolved(first), fields },
        (Course::InTwo { first }, _) => {
            let fields = differing(first, &desired.spec);
            let tags = desired.identity.tags.clone();
            let from = LiveValue { spec: resolved(first), tags, ..from };
            Leg { from, to: resolved(&desired.spec), fields }
        }
        (Course::AtOnce | Course::Last, _) => Leg { from, to: resolved(&desired.spec), fields },
    }
}

/// The fields in which two specs of one kind differ.
fn differing(one: &Value, other: &Value) -> BTreeSet<String> {
    let fields = one.as_object().into_iter().flatten();
    let differing = fields.filter(|(name, value)| other.get(name) != Some(value));
    differing.map(|(name, _)| name.clone()).collect()
}

/// The live resource as far as it is the stack's own: a stranger's tags are not to be touched.
fn own_view(present: &Present) -> LiveValue {
    let mut live = present.live.clone().expect("what is updated was seen");
    let own: BTreeMap<_, _> = live
        .tags
        .into_iter()
        .filter(|(key, _)| present.record.identity.tags.contains_key(key))
        .collect();
    live.tags = own;
    live
}
