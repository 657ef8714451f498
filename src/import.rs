//! Taking in a resource that exists: on request only, and only after showing what would change.
//!
//! The rule: nothing in AWS is changed here. What is taken in is recorded, and gets the stack's
//! tags and properties with the next `up`. What another stack owns, and what the next `up` would
//! have to replace, is not taken in.

use thiserror::Error;

use crate::aws::{Aws, AwsError, OwnershipTags, Tags};
use crate::config::Config;
use crate::deployment::{DrawingError, graph_of};
use crate::graph::{Graph, Node};
use crate::names;
use crate::observe::observe;
use crate::plan::{Action, Plan, Planned, plan};
use crate::resource::kind::KindError;
use crate::resource::{Address, Identity, LiveValue, Place, SoughtValue};
use crate::state::{Record, State, physical_id};

/// A resource that could be taken in.
#[derive(Clone, Debug)]
pub struct Import {
    /// The state with it.
    pub state: State,
    /// What AWS calls it.
    pub id: String,
    /// What the next `up` would change about it.
    pub plan: Plan,
}

/// A resource that can't be taken in.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The configuration knows no such address.
    #[error("the stack has no {address}")]
    Undeclared {
        /// The address.
        address: Address,
        /// Those of its kind that there are.
        known: Vec<Address>,
    },
    /// Something is recorded at the address already.
    #[error("{address} is {id} already")]
    Recorded {
        /// The address.
        address: Address,
        /// What is there.
        id: String,
    },
    /// A run was interrupted at the address, and nobody knows what came of it.
    #[error("{address} is in doubt: a run was interrupted while it worked on it")]
    InDoubt {
        /// The address.
        address: Address,
    },
    /// The resource is recorded at another address.
    #[error("{id} is in this stack already, as {address}")]
    Elsewhere {
        /// The resource.
        id: String,
        /// Where it is recorded.
        address: Address,
    },
    /// Nothing of that kind is called that.
    #[error("`{id}` is not what AWS calls a {kind}")]
    NoId {
        /// What was given.
        id: String,
        /// The kind's name.
        kind: &'static str,
    },
    /// AWS has no such resource, in this account and region.
    #[error("there is no {kind} {id} in account {account} and region {region}")]
    NotThere {
        /// What was given.
        id: String,
        /// The kind's name.
        kind: &'static str,
        /// Where it was looked for.
        account: String,
        /// Where it was looked for.
        region: String,
    },
    /// Another stack owns it.
    #[error("{id} belongs to the stack {owner}")]
    Owned {
        /// The resource.
        id: String,
        /// Whose it is: stack and environment.
        owner: String,
    },
    /// The next `up` would replace it.
    #[error("{id} can't become {address}: it would be replaced, since {reason}")]
    Replaced {
        /// The resource.
        id: String,
        /// What it was to become.
        address: Address,
        /// Why it can't.
        reason: String,
    },
    /// What there is could not be read.
    #[error(transparent)]
    Drawing(#[from] DrawingError),
}

impl From<AwsError> for ImportError {
    fn from(error: AwsError) -> Self {
        Self::Drawing(error.into())
    }
}

impl From<KindError> for ImportError {
    fn from(error: KindError) -> Self {
        Self::Drawing(error.into())
    }
}

/// Looks at what AWS calls `id`, and at what would become of it as `address`.
///
/// # Errors
///
/// [`ImportError`].
pub async fn import(
    aws: &Aws,
    config: &Config,
    state: &State,
    address: &Address,
    id: &str,
) -> Result<Import, ImportError> {
    let graph = graph_of(aws, config, state).await?;
    let node = free_place(&graph, state, address)?;
    let live = look(aws, node, id).await?;
    let id = physical_id(&live.outputs);
    stranger(state, &id, &live.tags)?;
    let mut state = state.clone();
    let record = record(node, &state, &config.tags, &live);
    state.resources.insert(address.clone(), record);
    let planned = becomes(aws, &graph, &state, config, address).await?;
    if planned.resources.iter().any(|planned| planned.action == Action::Replace) {
        let reason = planned.resources.into_iter().next().map(|planned| planned.reason);
        let reason = reason.unwrap_or_default();
        return Err(ImportError::Replaced { id, address: address.clone(), reason });
    }
    Ok(Import { state, id, plan: planned })
}

/// What is declared at an address, if nothing is recorded there.
fn free_place<'a>(
    graph: &'a Graph,
    state: &State,
    address: &Address,
) -> Result<&'a Node, ImportError> {
    if let Some(record) = state.resources.get(address) {
        return Err(ImportError::Recorded { address: address.clone(), id: record.id.clone() });
    }
    if state.in_doubt.contains_key(address) {
        return Err(ImportError::InDoubt { address: address.clone() });
    }
    graph.get(address).ok_or_else(|| {
        let of_kind = graph.nodes().iter().map(|node| &node.address);
        let known = of_kind.filter(|other| other.kind() == address.kind()).cloned().collect();
        ImportError::Undeclared { address: address.clone(), known }
    })
}

async fn look(aws: &Aws, node: &Node, id: &str) -> Result<LiveValue, ImportError> {
    let kind = node.address.kind();
    let place = Place {
        partition: aws.partition(),
        region: aws.region().to_owned(),
        account: aws.account().await?.to_owned(),
    };
    let outputs = kind.locate(id, &place)?;
    let outputs = outputs.ok_or_else(|| ImportError::NoId { id: id.into(), kind: kind.name() })?;
    // A kind reads what can be said in several ways as it is declared.
    let applied = node.spec.clone();
    let sought = SoughtValue { address: node.address.clone(), outputs, applied };
    let live = kind.read(aws, &[sought]).await?.pop().flatten();
    live.ok_or_else(|| ImportError::NotThere {
        id: id.into(),
        kind: kind.name(),
        account: place.account,
        region: place.region,
    })
}

/// Refuses what is recorded already, and what another stack has tagged as its own.
fn stranger(state: &State, id: &str, tags: &Tags) -> Result<(), ImportError> {
    if let Some((address, _)) = state.resources.iter().find(|(_, record)| record.id == id) {
        return Err(ImportError::Elsewhere { id: id.into(), address: address.clone() });
    }
    let tag = |key: &str| tags.get(key).map_or("", String::as_str);
    let owner = (tag(OwnershipTags::STACK), tag(OwnershipTags::ENVIRONMENT));
    if owner.0.is_empty() || owner == (&state.stack, &state.environment) {
        return Ok(());
    }
    Err(ImportError::Owned { id: id.into(), owner: format!("{}-{}", owner.0, owner.1) })
}

fn record(node: &Node, state: &State, user: &Tags, live: &LiveValue) -> Record {
    let prospective = names::identity(node, state, user, 0);
    let named = ["name", "family"].iter().find_map(|name| live.outputs.get(name)?.as_str());
    Record {
        type_name: node.address.kind().facts().type_name.into(),
        id: physical_id(&live.outputs),
        identity: Identity {
            name: named.map_or(prospective.name, str::to_owned),
            token: prospective.token,
            // No tag of it is ours yet: none of those that it has may go.
            tags: Tags::new(),
        },
        generation: 0,
        outputs: live.outputs.clone(),
        applied: live.spec.clone(),
        needs: node.waits.iter().map(|wait| wait.on.clone()).collect(),
        ready: false,
        configured: true,
    }
}

/// What the next `up` would do to one address.
async fn becomes(
    aws: &Aws,
    graph: &Graph,
    state: &State,
    config: &Config,
    address: &Address,
) -> Result<Plan, ImportError> {
    // Only what is recorded is looked at: what else stands in the way is another matter.
    let observed = observe(aws, &Graph::default(), state, &config.tags).await?;
    let plan = plan(graph, state, &observed, &config.tags).map_err(DrawingError::Obstacles)?;
    let is_it = |planned: &Planned| planned.address == *address;
    Ok(Plan { resources: plan.resources.into_iter().filter(is_it).collect(), ..plan })
}
