//! What was last applied, in the place of what a file declares: for checks where no file is.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::aws::{OwnershipTags, Tags};
use crate::graph::{Graph, Node, Others};
use crate::resource::{Address, Reference};
use crate::state::{Record, State};

/// What was last applied, as if it were declared, and the tags that a user gave to all of it.
///
/// What others have changed is found by it as by the file: that is what differs between applied and
/// live. What the file wants by now it can't know, and what it leaves to `others` it has to be told.
pub fn as_applied(state: &State, others: &Others) -> (Graph, Tags) {
    let renewed = renewed(state);
    let nodes = state.resources.iter().map(|(address, record)| Node {
        address: address.clone(),
        suffix: String::new(),
        spec: with_references(record.applied.clone(), &renewed),
        waits: Vec::new(),
        others: others.get(address).cloned().unwrap_or_default(),
    });
    (Graph::of(nodes.collect()), common_tags(state))
}

/// The outputs that updates renew, by their values: what has one of them referred to it.
fn renewed(state: &State) -> BTreeMap<String, Reference> {
    let outputs = |(address, record): (&Address, &Record)| -> Vec<(String, Reference)> {
        let names = address.kind().facts().renewed.iter();
        let known = names.filter_map(|name| {
            let value = record.outputs.get(*name)?.as_str()?.to_owned();
            let (address, output) = (address.clone(), (*name).to_owned());
            Some((value, Reference { address, output }))
        });
        known.collect()
    };
    state.resources.iter().flat_map(outputs).collect()
}

/// The spec, with references where it has such outputs: what stands in their place is then compared
/// by what it says (aws-behaviour 13.g).
fn with_references(mut spec: Value, renewed: &BTreeMap<String, Reference>) -> Value {
    for value in spec.as_object_mut().into_iter().flat_map(|fields| fields.values_mut()) {
        if let Some(reference) = value.as_str().and_then(|text| renewed.get(text)) {
            *value = reference.as_value();
        }
    }
    spec
}

/// The tags that every resource was given, but for those of ownership: the user's own.
fn common_tags(state: &State) -> Tags {
    let mut records = state.resources.values().map(|record| &record.identity.tags);
    let mut common = records.next().cloned().unwrap_or_default();
    for tags in records {
        common.retain(|key, value| tags.get(key) == Some(value));
    }
    let own = [OwnershipTags::STACK, OwnershipTags::ENVIRONMENT, OwnershipTags::ADDRESS];
    common.retain(|key, _| !own.contains(&key.as_str()));
    common
}
