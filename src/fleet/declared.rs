//! What is declared of a stack: by its file where that is at hand, and otherwise what was last
//! applied to it, as if the file still said so.
//!
//! A state does not hold its file. Without one a check still finds all that others have changed,
//! since that is what differs between applied and live; it can't know what the file would have
//! ignored, or wants by now.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Against;
use crate::aws::{Aws, OwnershipTags, Tags};
use crate::config::{Config, Ignore};
use crate::deployment::{DrawingError, graph_of};
use crate::graph::{Graph, Node};
use crate::resource::{Address, Reference};
use crate::state::store::StackName;
use crate::state::{Record, State};

/// The configurations that are at hand.
#[derive(Clone, Debug, Default)]
pub struct Files(BTreeMap<StackName, Config>);

/// What is declared of one stack.
#[derive(Debug)]
pub(super) struct Declared {
    pub graph: Graph,
    pub user: Tags,
    pub ignore: Vec<Ignore>,
    pub against: Against,
}

impl FromIterator<Config> for Files {
    fn from_iter<I: IntoIterator<Item = Config>>(configs: I) -> Self {
        let named = configs.into_iter().map(|config| {
            let (stack, environment) = (config.name.clone(), config.environment.clone());
            (StackName { stack, environment }, config)
        });
        Self(named.collect())
    }
}

impl Files {
    /// What is declared of the stack whose state it is.
    pub(super) async fn declared(
        &self,
        aws: &Aws,
        state: &State,
    ) -> Result<Declared, DrawingError> {
        let (stack, environment) = (state.stack.clone(), state.environment.clone());
        let Some(config) = self.0.get(&StackName { stack, environment }) else {
            return Ok(as_applied(state));
        };
        Ok(Declared {
            graph: graph_of(aws, config, state).await?,
            user: config.tags.clone(),
            ignore: config.drift.ignore.clone(),
            against: Against::File,
        })
    }
}

/// What was last applied, as if it were declared.
fn as_applied(state: &State) -> Declared {
    let renewed = renewed(state);
    let nodes = state.resources.iter().map(|(address, record)| Node {
        address: address.clone(),
        suffix: String::new(),
        spec: with_references(record.applied.clone(), &renewed),
        waits: Vec::new(),
    });
    Declared {
        graph: Graph::of(nodes.collect()),
        user: common_tags(state),
        ignore: Vec::new(),
        against: Against::Applied,
    }
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
