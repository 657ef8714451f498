//! Protection: what a protected stack refuses to lose, and what lifts it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use thiserror::Error;

use super::{Action, Course, Desired, Origin, Plan, Planned, Present, PropertyChange};
use crate::graph::Until;
use crate::observe::Observed;
use crate::resource::{Address, Kind, LiveValue};
use crate::state::{Record, State};

/// The property of a load balancer that has AWS refuse its removal.
const FIELD: &str = "deletion_protection";

/// A plan would lose what a protected stack keeps.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("this stack is protected. {}", losses.join(" "))]
pub struct Protected {
    /// What would be lost: one sentence each.
    pub losses: Vec<String>,
}

impl Plan {
    /// Checks that nothing is replaced or removed that can't be made again.
    ///
    /// # Errors
    ///
    /// [`Protected`] with everything that would be lost.
    pub fn keeps_what_is_protected(&self) -> Result<(), Protected> {
        let losses = self.losses();
        if losses.is_empty() { Ok(()) } else { Err(Protected { losses }) }
    }

    /// What has AWS let the stack's load balancers go: nothing where it does already.
    pub fn lifting_protection(state: &State, observed: &Observed) -> Self {
        let balancers =
            state.resources.iter().filter(|(address, _)| address.kind() == Kind::LoadBalancer);
        let resources = balancers.filter_map(|(address, record)| {
            let live = observed.live_of(address, record.generation)?;
            (live.spec[FIELD] == json!(true)).then(|| unlocked(address, record, live))
        });
        Self { basis: super::Basis::of(state), resources: resources.collect() }
    }
}

fn unlocked(address: &Address, record: &Record, live: &LiveValue) -> Planned {
    let mut spec =
        if record.applied.is_null() { live.spec.clone() } else { record.applied.clone() };
    spec[FIELD] = Value::Bool(false);
    let change = PropertyChange {
        path: FIELD.into(),
        old: json!(true),
        new: json!(false),
        origin: Origin::Configuration,
        hidden: false,
    };
    let needs = record.needs.iter().map(|need| (need.clone(), Until::Exists)).collect();
    let (identity, generation) = (record.identity.clone(), record.generation);
    Planned {
        address: address.clone(),
        action: Action::Update,
        reason: "the stack's protection is lifted".into(),
        changes: vec![change],
        course: Course::AtOnce,
        desired: Some(Desired { spec, identity, generation, needs, left: BTreeSet::new() }),
        present: Some(Present { record: record.clone(), live: Some(live.clone()) }),
    }
}
