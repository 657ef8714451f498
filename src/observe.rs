//! What AWS says of everything that states record, and of what one should not hold yet.
//!
//! One batched read a kind, all kinds at once, for however many states.

mod surroundings;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{try_join, try_join_all};
use serde_json::Value;

use crate::aws::{Aws, Tags};
use crate::graph::{Graph, Node};
use crate::names::prospective_identity;
use crate::resource::kind::KindError;
use crate::resource::value::equal;
use crate::resource::{Address, Found, Kind, LiveValue, SoughtValue, Tagging};
use crate::state::{Record, State};

pub use surroundings::{Scene, StandIn, Surroundings, look_around, look_around_all, look_in_place};

/// How closely is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// At everything.
    Whole,
    /// Without what takes a call for each resource and a look at many stacks can do without:
    /// [`crate::resource::Resource::glance`], and no
    /// [`crate::resource::Resource::inspect_each`]. Tags that are left out count as those that were
    /// written.
    Shared,
}

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
    let (observed, unrecorded) =
        try_join(observe_all(aws, &[state], Depth::Whole), unrecorded(aws, graph, state, user))
            .await?;
    let live = observed.into_iter().flat_map(|one| one.live).collect();
    Ok(Observed { live, unrecorded })
}

/// Looks at everything that some states record, in calls that they share; in their order.
///
/// # Errors
///
/// The first read that fails.
pub async fn observe_all(
    aws: &Aws,
    states: &[&State],
    depth: Depth,
) -> Result<Vec<Observed>, KindError> {
    let mut by_kind: BTreeMap<Kind, Vec<Seat<'_>>> = BTreeMap::new();
    for (state, of) in states.iter().enumerate() {
        let replaced = of.replaced.iter().map(|old| (&old.address, &old.record));
        for (address, record) in of.resources.iter().chain(replaced) {
            by_kind.entry(address.kind()).or_default().push(Seat { state, address, record });
        }
    }
    let reads = by_kind.into_iter().map(|(kind, seats)| read(aws, kind, seats, depth));
    let mut observed = vec![Observed::default(); states.len()];
    for (seat, live) in try_join_all(reads).await?.into_iter().flatten() {
        observed[seat.state].insert(seat.address.clone(), seat.record.generation, live);
    }
    Ok(observed)
}

/// A record of one of several states.
#[derive(Clone, Copy)]
struct Seat<'a> {
    /// Which state's, by its place.
    state: usize,
    address: &'a Address,
    record: &'a Record,
}

/// The pauses before what is not as it is recorded is looked at again. AWS answers from copies that
/// may be behind: right after a change they show what was before, and what was just made they do
/// not know (aws-behaviour 0.1.1, 0.1.2). A stack that nobody has touched costs no second look.
const AGAIN: &[Duration] = &[Duration::from_secs(2), Duration::from_secs(4)];

/// Reads what is recorded of one kind, and once more what is missing or was changed: the look that
/// sees it as it is recorded is right, and the last one otherwise.
async fn read<'a>(
    aws: &Aws,
    kind: Kind,
    seats: Vec<Seat<'a>>,
    depth: Depth,
) -> Result<Vec<(Seat<'a>, LiveValue)>, KindError> {
    let is_new = |live: &Option<LiveValue>, seat: &Seat<'_>| live.is_none() && !seat.record.ready;
    // What an interrupted run has just made may not be visible yet: taken for deleted, it would be
    // made once more.
    let mut seen = aws
        .patiently(
            || read_once(aws, kind, &seats, depth),
            |live| !live.iter().zip(&seats).any(|(live, seat)| is_new(live, seat)),
        )
        .await?;
    for pause in AGAIN {
        let doubtful: Vec<usize> = (0..seats.len())
            .filter(|at| is_doubtful(kind, seats[*at].record, seen[*at].as_ref()))
            .collect();
        if doubtful.is_empty() {
            break;
        }
        aws.pace().sleep(*pause).await;
        let some: Vec<_> = doubtful.iter().map(|at| seats[*at]).collect();
        for (at, again) in doubtful.into_iter().zip(read_once(aws, kind, &some, depth).await?) {
            seen[at] = again.or(seen[at].take());
        }
    }
    Ok(seats.into_iter().zip(seen).filter_map(|(seat, live)| Some((seat, live?))).collect())
}

async fn read_once(
    aws: &Aws,
    kind: Kind,
    seats: &[Seat<'_>],
    depth: Depth,
) -> Result<Vec<Option<LiveValue>>, KindError> {
    let sought: Vec<SoughtValue> = seats
        .iter()
        .map(|Seat { address, record, .. }| SoughtValue {
            address: (*address).clone(),
            outputs: record.outputs.clone(),
            applied: record.applied.clone(),
        })
        .collect();
    let facts = kind.facts();
    let mut live = match depth {
        Depth::Whole => kind.read(aws, &sought).await?,
        Depth::Shared => kind.glance(aws, &sought).await?,
    };
    let apart = depth == Depth::Shared && facts.tags_apart;
    if apart || facts.tagging == Tagging::Recorded {
        for (live, seat) in live.iter_mut().zip(seats) {
            if let Some(live) = live {
                live.tags.clone_from(&seat.record.identity.tags);
            }
        }
    }
    Ok(live)
}

/// Whether a look shows something else than what was last applied and seen to work: it may have
/// been changed outside, or the look may have met a copy that is behind.
fn is_doubtful(kind: Kind, record: &Record, live: Option<&LiveValue>) -> bool {
    let Some(live) = live else { return record.ready };
    let initial = kind.facts().initial;
    let applied = record.applied.as_object().into_iter().flatten();
    let mut lasting = applied.filter(|(name, _)| !initial.contains(&name.as_str()));
    lasting.any(|(name, value)| !live.spec.get(name).is_some_and(|live| equal(value, live)))
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
