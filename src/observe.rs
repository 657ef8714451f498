//! What AWS says of everything that the state records, and of what it should not hold yet.
//!
//! One batched read a kind, all kinds at once.

use std::collections::BTreeMap;

use futures::future::{try_join, try_join_all};
use serde_json::Value;

use crate::aws::{Aws, Tags};
use crate::graph::{Graph, Node};
use crate::names::prospective_identity;
use crate::resource::kind::KindError;
use crate::resource::{Address, Found, Kind, LiveValue, SoughtValue};
use crate::state::{Record, State};

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// What is there, by address and generation.
    live: BTreeMap<(Address, u32), LiveValue>,
    /// What was found at addresses of which nothing is recorded.
    pub unrecorded: BTreeMap<Address, Found<Value>>,
}

impl Observed {
    /// What AWS says of one generation of an address; `None` when it is not there.
    pub fn live_of(&self, address: &Address, generation: u32) -> Option<&LiveValue> {
        self.live.get(&(address.clone(), generation))
    }

    /// Takes in what AWS says of one generation of an address.
    pub fn insert(&mut self, address: Address, generation: u32, live: LiveValue) {
        self.live.insert((address, generation), live);
    }
}

/// Looks at everything that `state` records, and for whatever has the names of what `graph`
/// declares besides.
///
/// # Errors
///
/// The first read that fails.
pub async fn observe(
    aws: &Aws,
    graph: &Graph,
    state: &State,
    user: &Tags,
) -> Result<Observed, KindError> {
    let (live, unrecorded) =
        try_join(recorded(aws, state), unrecorded(aws, graph, state, user)).await?;
    Ok(Observed { live, unrecorded })
}

async fn recorded(
    aws: &Aws,
    state: &State,
) -> Result<BTreeMap<(Address, u32), LiveValue>, KindError> {
    let replaced = state.replaced.iter().map(|old| (&old.address, &old.record));
    let mut by_kind: BTreeMap<Kind, Vec<(&Address, &Record)>> = BTreeMap::new();
    for (address, record) in state.resources.iter().chain(replaced) {
        by_kind.entry(address.kind()).or_default().push((address, record));
    }
    let reads = by_kind.into_iter().map(|(kind, records)| read(aws, kind, records));
    Ok(try_join_all(reads).await?.into_iter().flatten().collect())
}

async fn read(
    aws: &Aws,
    kind: Kind,
    records: Vec<(&Address, &Record)>,
) -> Result<Vec<((Address, u32), LiveValue)>, KindError> {
    let sought: Vec<SoughtValue> = records
        .iter()
        .map(|(address, record)| SoughtValue {
            address: (*address).clone(),
            outputs: record.outputs.clone(),
            applied: record.applied.clone(),
        })
        .collect();
    let live = kind.read(aws, &sought).await?;
    let keys = records.into_iter().map(|(address, record)| (address.clone(), record.generation));
    Ok(keys.zip(live).filter_map(|(key, live)| Some((key, live?))).collect())
}

async fn unrecorded(
    aws: &Aws,
    graph: &Graph,
    state: &State,
    user: &Tags,
) -> Result<BTreeMap<Address, Found<Value>>, KindError> {
    let is_unrecorded = |node: &&Node| {
        !state.resources.contains_key(&node.address) && !state.in_doubt.contains_key(&node.address)
    };
    let finds = graph.nodes().iter().filter(is_unrecorded).map(|node| async move {
        let identity = prospective_identity(node, state, user);
        let found = node.address.kind().find(aws, &node.spec, &identity).await?;
        Ok::<_, KindError>(found.map(|found| (node.address.clone(), found)))
    });
    Ok(try_join_all(finds).await?.into_iter().flatten().collect())
}
