//! One step against AWS: look first where the outcome of an earlier attempt is in doubt, ask, and
//! look again where the answer was lost.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::aws::{Aws, Class, is_owned};
use crate::event::Event;
use crate::plan::diff::{self, Sides};
use crate::resource::kind::KindError;
use crate::resource::{Address, Blocker, Identity, LiveValue, SoughtValue, Tagging};

/// What a step was to bring about, with nothing left to decide.
#[derive(Clone, Debug)]
pub enum Step {
    /// Make it.
    Create {
        /// What is wanted, resolved.
        spec: Value,
        /// By what it is to be known.
        identity: Identity,
    },
    /// Change it.
    Update {
        /// What is wanted, resolved.
        spec: Value,
        /// By what it is to be known.
        identity: Identity,
        /// What it was when the plan was made.
        from: Box<LiveValue>,
        /// Which fields are to change.
        fields: BTreeSet<String>,
    },
    /// Remove it.
    Delete {
        /// What is to go.
        gone: SoughtValue,
    },
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It exists, with these outputs.
    Made(Value),
    /// AWS has taken the order to remove it.
    Removed,
}

/// A step that failed.
#[derive(Debug, Error)]
pub enum StepError {
    /// AWS refused, or did not say.
    #[error(transparent)]
    Kind(#[from] KindError),
    /// Something of that name is there and is not the stack's own.
    #[error("{id} has the name of {address} and does not carry this stack's tags")]
    Foreign {
        /// Which resource.
        address: Address,
        /// What has its name.
        id: String,
    },
    /// Something that is not the stack's own keeps it from being removed.
    #[error("it is still in use by {}", by.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Blocked {
        /// What is in the way.
        by: Vec<Blocker>,
    },
}

impl StepError {
    /// Whether it is certain that nothing has changed.
    pub fn is_certain(&self) -> bool {
        match self {
            Self::Foreign { .. } | Self::Blocked { .. } | Self::Kind(KindError::Misfit { .. }) => {
                true
            }
            Self::Kind(KindError::Aws(error)) => error.class() != Class::UnknownOutcome,
        }
    }
}

/// How often a creation whose answer was lost is tried before it is left in doubt.
const ATTEMPTS: u32 = 4;

/// How long to wait before looking for what an unanswered call may have made: reads lag behind
/// creates (aws-behaviour 23).
const SETTLING: Duration = Duration::from_secs(5);

/// Carries a step out.
///
/// # Errors
///
/// [`StepError`]; whether anything was changed, [`StepError::is_certain`] says.
pub async fn perform(
    aws: &Aws,
    address: &Address,
    step: Step,
    tell: &mpsc::UnboundedSender<Event>,
) -> Result<Outcome, StepError> {
    match step {
        Step::Create { spec, identity } => create(aws, address, &spec, &identity).await,
        Step::Update { spec, identity, from, fields } => {
            let kind = address.kind();
            Ok(Outcome::Made(kind.update(aws, &spec, &identity, &from, &fields).await?))
        }
        Step::Delete { gone } => {
            super::removal::remove(aws, address, &gone, tell).await?;
            Ok(Outcome::Removed)
        }
    }
}

async fn create(
    aws: &Aws,
    address: &Address,
    spec: &Value,
    identity: &Identity,
) -> Result<Outcome, StepError> {
    let kind = address.kind();
    // Some creates answer with an equal one that somebody else has made (aws-behaviour 23).
    let mut look_first = kind.facts().adopts;
    for attempt in 1.. {
        if look_first && let Some(outputs) = adopt(aws, address, spec, identity).await? {
            return Ok(Outcome::Made(outputs));
        }
        match kind.create(aws, spec, identity).await {
            Ok(outputs) => return Ok(Outcome::Made(outputs)),
            Err(KindError::Aws(error))
                if error.class() == Class::UnknownOutcome && attempt < ATTEMPTS =>
            {
                tracing::warn!(%address, %error, "the answer was lost: looking before asking again");
                aws.pace().sleep(SETTLING).await;
                look_first = true;
            }
            Err(error) => return Err(error.into()),
        }
    }
    unreachable!("the last attempt returns")
}

/// Looks for a resource that an earlier attempt may have made; what is missing of it is made up.
async fn adopt(
    aws: &Aws,
    address: &Address,
    spec: &Value,
    identity: &Identity,
) -> Result<Option<Value>, StepError> {
    let kind = address.kind();
    let Some(found) = kind.find(aws, spec, identity).await? else { return Ok(None) };
    if !is_owned(&found.tags, &identity.tags) {
        let id = crate::state::physical_id(&found.outputs);
        return Err(StepError::Foreign { address: address.clone(), id });
    }
    let sought = SoughtValue {
        address: address.clone(),
        outputs: found.outputs.clone(),
        applied: spec.clone(),
    };
    let live = kind.read(aws, &[sought]).await?.pop().flatten();
    let Some(live) = live else { return Ok(Some(found.outputs)) };
    let fields = missing(address, spec, identity, &live);
    if fields.is_empty() {
        return Ok(Some(live.outputs));
    }
    Ok(Some(kind.update(aws, spec, identity, &live, &fields).await?))
}

/// The fields that an interrupted creation left as they were.
fn missing(
    address: &Address,
    spec: &Value,
    identity: &Identity,
    live: &LiveValue,
) -> BTreeSet<String> {
    let facts = address.kind().facts();
    let sides = Sides { declared: spec, applied: &Value::Null, live: &live.spec };
    let mut changes = diff::differences(sides, facts.hidden);
    if facts.tagging == Tagging::Always {
        changes.extend(diff::tag_differences(&identity.tags, &live.tags, &live.tags));
    }
    changes.iter().map(|change| change.field().to_owned()).collect()
}
