//! What AWS says of everything that the state records, and of what it should not hold yet.
//!
//! One batched read a kind, all kinds at once.

mod surroundings;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{try_join, try_join_all};
use serde_json::Value;

use crate::aws::{Aws, Tags};
use crate::graph::{Graph, Node};
use crate::names::prospective_identity;
use crate::resource::kind::KindError;
use crate::resource::{Address, Found, Kind, LiveValue, SoughtValue};
use crate::state::{Record, State};

pub use surroundings::{StandIn, Surroundings, look_around, look_in_place};

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

/// The pauses before what is not as it is recorded is looked at again. AWS answers from copies that
/// may be behind: right after a change they show what was before, and what was just made they do
/// not know (aws-behaviour 0.1.1, 0.1.2). A stack that nobody has touched costs no second look.
const AGAIN: &[Duration] = &[Duration::from_secs(2), Duration::from_secs(4)];

/// Reads what is recorded of one kind, and once more what is missing or was changed: the look that
/// sees it as it is recorded is right, and the last one otherwise.
async fn read(
    aws: &Aws,
    kind: Kind,
    records: Vec<(&Address, &Record)>,
) -> Result<Vec<((Address, u32), LiveValue)>, KindError> {
    let is_new = |live: &Option<LiveValue>, record: &Record| live.is_none() && !record.ready;
    // What an interrupted run has just made may not be visible yet: taken for deleted, it would be
    // made once more.
    let mut seen = aws
        .patiently(
            || read_once(aws, kind, &records),
            |live| !live.iter().zip(&records).any(|(live, (_, record))| is_new(live, record)),
        )
        .await?;
    for pause in AGAIN {
        let doubtful: Vec<usize> = (0..records.len())
            .filter(|at| is_doubtful(kind, records[*at].1, seen[*at].as_ref()))
            .collect();
        if doubtful.is_empty() {
            break;
        }
        aws.pace().sleep(*pause).await;
        let some: Vec<_> = doubtful.iter().map(|at| records[*at]).collect();
        for (at, again) in doubtful.into_iter().zip(read_once(aws, kind, &some).await?) {
            seen[at] = again.or(seen[at].take());
        }
    }
    let keys = records.into_iter().map(|(address, record)| (address.clone(), record.generation));
    Ok(keys.zip(seen).filter_map(|(key, live)| Some((key, live?))).collect())
}

async fn read_once(
    aws: &Aws,
    kind: Kind,
    records: &[(&Address, &Record)],
) -> Result<Vec<Option<LiveValue>>, KindError> {
    let sought: Vec<SoughtValue> = records
        .iter()
        .map(|(address, record)| SoughtValue {
            address: (*address).clone(),
            outputs: record.outputs.clone(),
            applied: record.applied.clone(),
        })
        .collect();
    kind.read(aws, &sought).await
}

/// Whether a look shows something else than what was last applied and seen to work: it may have
/// been changed outside, or the look may have met a copy that is behind.
fn is_doubtful(kind: Kind, record: &Record, live: Option<&LiveValue>) -> bool {
    let Some(live) = live else { return record.ready };
    let initial = kind.facts().initial;
    let applied = record.applied.as_object().into_iter().flatten();
    let mut lasting = applied.filter(|(name, _)| !initial.contains(&name.as_str()));
    lasting.any(|(name, value)| live.spec.get(name) != Some(value))
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
