//! How an update goes that takes something away.
//!
//! The rule is that of removals: what others of the stack may still use goes once nothing needs it
//! any more. So such an update comes last, and where it brings something too it has two steps: what
//! is new comes at once, and what is old goes when everything has moved.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::diff::{self, Sides};
use super::{Action, Planned};
use crate::resource::{Address, LiveValue};

/// How an update goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Course {
    /// All at once.
    #[default]
    AtOnce,
    /// It only takes away: once nothing needs that any more.
    Last,
    /// First to another spec, and all the way once nothing needs the old any more.
    InTwo {
        /// What is wanted, and what goes: with references in it where they are not known yet.
        first: Value,
    },
}

impl Course {
    /// Whether there is nothing special about it.
    pub fn is_at_once(&self) -> bool {
        *self == Self::AtOnce
    }

    /// The course of an update from `live` to `spec`, if everything around it were to move.
    pub(super) fn of(planned: &Planned, spec: &Value, live: &LiveValue) -> Self {
        let record = planned.present.as_ref().map(|present| &present.record);
        let applied = record.map(|record| &record.applied).filter(|applied| !applied.is_null());
        let widened =
            planned.address.kind().widened(spec, applied.unwrap_or(&live.spec), &live.spec);
        // Where it can't be told what was applied, nothing of it is known to be in use.
        let Ok(first) = widened else { return Self::AtOnce };
        let sides = Sides { declared: &first, applied: &Value::Null, live: &live.spec };
        let has_other_tags = planned.changes.iter().any(|change| change.field() == diff::TAGS);
        if first == *spec {
            Self::AtOnce
        } else if has_other_tags || !diff::differences(sides, &[]).is_empty() {
            Self::InTwo { first }
        } else {
            Self::Last
        }
    }
}

/// Lets updates go at once that nobody else has to move for.
pub(super) fn straighten(resources: &mut [Planned]) {
    let awaited: BTreeSet<Address> = resources
        .iter()
        .filter(|planned| planned.action != Action::Keep || planned.is_unready())
        .filter_map(|planned| planned.present.as_ref())
        .flat_map(|present| present.record.needs.iter().cloned())
        .collect();
    for planned in resources.iter_mut().filter(|planned| !awaited.contains(&planned.address)) {
        planned.course = Course::AtOnce;
    }
}
