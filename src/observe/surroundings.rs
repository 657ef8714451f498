//! What only a check for drift asks of AWS, beyond the properties of what is recorded.
//!
//! The rule: as with [`super::observe`], each kind is asked once for all of its resources.

use std::collections::BTreeMap;

use futures::future::{try_join, try_join_all};
use serde_json::Value;

use super::{Depth, Observed};
use crate::aws::{Aws, AwsError};
use crate::graph::{Graph, Node};
use crate::resource::kind::KindError;
use crate::resource::reference::reference_in;
use crate::resource::{Address, Inspection, Kind, LiveValue, Place, SoughtValue};
use crate::state::State;

/// What was seen around the resources of a stack.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    inspections: BTreeMap<Address, Inspection>,
    stand_ins: BTreeMap<(Address, String), StandIn>,
}

/// What AWS has in the place of another resource of the stack: a revision that somebody else has
/// registered. What it says counts, and not which it is (aws-behaviour 13.g).
#[derive(Clone, Debug, PartialEq)]
pub struct StandIn {
    /// Whose place it has.
    pub of: Address,
    /// What it is.
    pub live: LiveValue,
    /// When it was made, and by whom.
    pub origin: Option<String>,
}

impl Surroundings {
    /// What was found in and on a resource.
    pub fn inspection(&self, address: &Address) -> Option<&Inspection> {
        self.inspections.get(address)
    }

    /// What a property of a resource refers to, where that is not what was applied.
    pub fn stand_in(&self, address: &Address, property: &str) -> Option<&StandIn> {
        self.stand_ins.get(&(address.clone(), property.to_owned()))
    }
}

/// One stack of those that are looked around.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// What is declared.
    pub graph: &'a Graph,
    /// What is recorded.
    pub state: &'a State,
    /// What AWS says of it.
    pub observed: &'a Observed,
}

/// Looks around everything that was `observed`.
///
/// # Errors
///
/// The first read that fails.
pub async fn look_around(
    aws: &Aws,
    graph: &Graph,
    state: &State,
    observed: &Observed,
) -> Result<Surroundings, KindError> {
    let found = look_around_all(aws, &[Scene { graph, state, observed }], Depth::Whole).await?;
    Ok(found.into_iter().next().unwrap_or_default())
}

/// Looks around everything of some stacks, in calls that they share; in their order.
///
/// # Errors
///
/// The first read that fails.
pub async fn look_around_all(
    aws: &Aws,
    scenes: &[Scene<'_>],
    depth: Depth,
) -> Result<Vec<Surroundings>, KindError> {
    let stand_ins = scenes.iter().map(|scene| stand_ins(aws, *scene));
    let (inspections, stand_ins) =
        try_join(inspections(aws, scenes, depth), try_join_all(stand_ins)).await?;
    let both = inspections.into_iter().zip(stand_ins);
    Ok(both.map(|(inspections, stand_ins)| Surroundings { inspections, stand_ins }).collect())
}

/// Looks only at what stands in the place of resources of the stack: nothing is asked where
/// everything refers to what was applied.
///
/// # Errors
///
/// The first read that fails.
pub async fn look_in_place(
    aws: &Aws,
    graph: &Graph,
    state: &State,
    observed: &Observed,
) -> Result<Surroundings, KindError> {
    let stand_ins = stand_ins(aws, Scene { graph, state, observed }).await?;
    Ok(Surroundings { stand_ins, ..Surroundings::default() })
}

async fn inspections(
    aws: &Aws,
    scenes: &[Scene<'_>],
    depth: Depth,
) -> Result<Vec<BTreeMap<Address, Inspection>>, KindError> {
    let mut by_kind: BTreeMap<Kind, (Vec<usize>, Vec<SoughtValue>)> = BTreeMap::new();
    for (place, Scene { state, observed, .. }) in scenes.iter().enumerate() {
        for (address, record) in &state.resources {
            let Some(live) = observed.live_of(address, record.generation) else { continue };
            let (places, sought) = by_kind.entry(address.kind()).or_default();
            places.push(place);
            sought.push(SoughtValue {
                address: address.clone(),
                outputs: live.outputs.clone(),
                applied: record.applied.clone(),
            });
        }
    }
    let asked = by_kind.into_iter().map(|(kind, (places, sought))| async move {
        let found = inspect(aws, kind, &sought, depth).await?;
        let addresses = sought.into_iter().map(|sought| sought.address);
        Ok::<_, KindError>(places.into_iter().zip(addresses.zip(found)).collect::<Vec<_>>())
    });
    let mut inspections = vec![BTreeMap::new(); scenes.len()];
    for (place, (address, found)) in try_join_all(asked).await?.into_iter().flatten() {
        inspections[place].insert(address, found);
    }
    Ok(inspections)
}

async fn inspect(
    aws: &Aws,
    kind: Kind,
    sought: &[SoughtValue],
    depth: Depth,
) -> Result<Vec<Inspection>, KindError> {
    if depth == Depth::Shared {
        return kind.inspect(aws, sought).await;
    }
    let (shared, each) =
        try_join(kind.inspect(aws, sought), kind.inspect_each(aws, sought)).await?;
    Ok(shared.into_iter().zip(each).map(|(shared, each)| shared.and(each)).collect())
}

async fn stand_ins(
    aws: &Aws,
    Scene { graph, state, observed }: Scene<'_>,
) -> Result<BTreeMap<(Address, String), StandIn>, KindError> {
    let strange: Vec<Strange> =
        graph.nodes().iter().flat_map(|node| strangers(node, state, observed)).collect();
    if strange.is_empty() {
        return Ok(BTreeMap::new());
    }
    let place = place(aws).await?;
    let looks = strange.into_iter().map(|strange| look(aws, &place, state, strange));
    Ok(try_join_all(looks).await?.into_iter().flatten().collect())
}

async fn place(aws: &Aws) -> Result<Place, AwsError> {
    Ok(Place {
        partition: aws.partition(),
        region: aws.region().to_owned(),
        account: aws.account().await?.to_owned(),
    })
}

/// A property that refers to something else than was applied.
struct Strange {
    address: Address,
    property: String,
    of: Address,
    id: String,
}

/// The properties of a resource that refer to what an update makes anew, and now refer to something
/// that no update of this stack has made.
fn strangers(node: &Node, state: &State, observed: &Observed) -> Vec<Strange> {
    let address = &node.address;
    let Some(record) = state.resources.get(address) else { return vec![] };
    let Some(live) = observed.live_of(address, record.generation) else { return vec![] };
    let fields = node.spec.as_object().into_iter().flatten();
    let strange = fields.filter_map(|(property, declared)| {
        let reference = reference_in(declared)?;
        let is_renewed =
            reference.address.kind().facts().renewed.contains(&reference.output.as_str());
        let id = live.spec.get(property)?;
        let is_strange = is_renewed && record.applied.get(property) != Some(id);
        let id = id.as_str().filter(|_| is_strange)?.to_owned();
        let (address, property) = (address.clone(), property.clone());
        Some(Strange { address, property, of: reference.address, id })
    });
    strange.collect()
}

async fn look(
    aws: &Aws,
    place: &Place,
    state: &State,
    strange: Strange,
) -> Result<Option<((Address, String), StandIn)>, KindError> {
    let Strange { address, property, of, id } = strange;
    let kind = of.kind();
    let Some(outputs) = kind.locate(&id, place)? else { return Ok(None) };
    let applied = state.resources.get(&of).map_or(Value::Null, |record| record.applied.clone());
    let sought = [SoughtValue { address: of.clone(), outputs, applied }];
    let (live, origin) = try_join(kind.read(aws, &sought), kind.origin(aws, &sought[0])).await?;
    let Some(live) = live.into_iter().next().flatten() else { return Ok(None) };
    Ok(Some(((address, property), StandIn { of, live, origin })))
}
