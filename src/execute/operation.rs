//! One step against AWS: look first where the outcome of an earlier attempt is in doubt, ask, and
//! look again where the answer was lost.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::look::{Seen, look_for};
use crate::aws::{Aws, AwsError, Class, Parked};
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
        /// What AWS calls the other generations at its address, which it is not.
        others: BTreeSet<String>,
        /// Whether an earlier attempt may have made it.
        in_doubt: bool,
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
    /// It was found where an earlier attempt had made it, and AWS does not say yet how it is.
    Found(Value),
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
    /// AWS refused, after an attempt of which it did not say what came of it.
    #[error(transparent)]
    Unsettled(KindError),
    /// It was waited for, and the run was halted.
    #[error("it was given up after {} s{}", waited.as_secs(), last.as_ref().map(|last| format!(": {last}")).unwrap_or_default())]
    Halted {
        /// The error after which AWS would have been asked again.
        last: Option<AwsError>,
        /// For how long it was at it.
        waited: Duration,
    },
    /// Something that is not the stack's own keeps it from being removed.
    #[error("it is still in use by {}", by.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Blocked {
        /// What is in the way.
        by: Vec<Blocker>,
    },
}

impl StepError {
    /// Whether AWS said no, rather than nothing at all.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Foreign { .. } | Self::Blocked { .. } | Self::Kind(KindError::Misfit { .. }) => {
                true
            }
            Self::Halted { last, .. } => last.as_ref().is_some_and(AwsError::is_refusal),
            Self::Unsettled { .. } => false,
            Self::Kind(KindError::Aws(error)) => error.is_refusal(),
        }
    }

    /// Whether it is certain that a creation has made nothing.
    ///
    /// Most creations are several calls. AWS's refusal is certain where it met the call that makes
    /// the resource; where it met a later one, something is there.
    pub fn made_nothing(&self, address: &Address) -> bool {
        match self {
            Self::Kind(KindError::Aws(error)) => {
                self.is_refusal() && error.operation() == address.kind().facts().made_by
            }
            // An attempt before the last one may not have been answered.
            Self::Halted { .. } => false,
            _ => self.is_refusal(),
        }
    }
}

/// How often what is not safe to be done twice is tried when the answer is lost.
const ATTEMPTS: u32 = 8;

/// How long to wait before anything is done again whose answer was lost.
const SETTLING: Duration = Duration::from_secs(5);

/// Carries a step out, or leaves it where it stands when the run is halted.
///
/// # Errors
///
/// As [`perform`], and [`StepError::Halted`].
pub async fn perform_unless_halted(
    (aws, parked): (Aws, Parked),
    address: &Address,
    step: Step,
    tell: &mpsc::UnboundedSender<Event>,
) -> Result<Outcome, StepError> {
    let since = Instant::now();
    tokio::select! {
        outcome = perform(&aws, address, step, tell) => outcome,
        last = parked.reached() => {
            Err(StepError::Halted { last, waited: aws.pace().unscaled(since.elapsed()) })
        }
    }
}

/// Carries a step out.
///
/// # Errors
///
/// [`StepError`]; whether a creation made anything, [`StepError::made_nothing`] says.
async fn perform(
    aws: &Aws,
    address: &Address,
    step: Step,
    tell: &mpsc::UnboundedSender<Event>,
) -> Result<Outcome, StepError> {
    match step {
        Step::Create { spec, identity, others, in_doubt } => {
            let creation = Creation { aws, address, spec, identity, others };
            creation.perform(in_doubt).await
        }
        Step::Update { spec, identity, from, fields } => {
            update(aws, address, &spec, &identity, &from, &fields).await.map(Outcome::Made)
        }
        Step::Delete { gone } => {
            super::removal::remove(aws, address, &gone, tell).await?;
            Ok(Outcome::Removed)
        }
    }
}

/// Changes a resource. What makes something new on the way looks for it first, so all of it can be
/// done again when an answer is lost.
async fn update(
    aws: &Aws,
    address: &Address,
    spec: &Value,
    identity: &Identity,
    from: &LiveValue,
    fields: &BTreeSet<String>,
) -> Result<Value, StepError> {
    for attempt in 1.. {
        match address.kind().update(aws, spec, identity, from, fields).await {
            Err(error) if is_lost(&error) && attempt < ATTEMPTS => {
                tracing::warn!(%address, %error, "the answer was lost: asking again");
                aws.pause(SETTLING).await;
            }
            answer => return Ok(answer?),
        }
    }
    unreachable!("the last attempt returns")
}

fn is_lost(error: &KindError) -> bool {
    matches!(error, KindError::Aws(error) if error.class() == Class::UnknownOutcome)
}

fn is_refusal(error: &KindError) -> bool {
    match error {
        KindError::Aws(error) => error.is_refusal(),
        KindError::Misfit { .. } => true,
    }
}

fn is_taken(error: &KindError) -> bool {
    matches!(error, KindError::Aws(error) if error.class() == Class::AlreadyExists)
}

/// Something that is to be made, once.
struct Creation<'a> {
    aws: &'a Aws,
    address: &'a Address,
    spec: Value,
    identity: Identity,
    others: BTreeSet<String>,
}

impl Creation<'_> {
    async fn perform(&self, in_doubt: bool) -> Result<Outcome, StepError> {
        let kind = self.address.kind();
        // Some creates answer with an equal one that somebody else has made (aws-behaviour 23).
        if (in_doubt || kind.facts().adopts)
            && let Some(outcome) = self.adopt(self.look().await?).await?
        {
            return Ok(outcome);
        }
        for attempt in 1.. {
            let error = match kind.create(self.aws, &self.spec, &self.identity).await {
                Ok(outputs) => return Ok(Outcome::Made(outputs)),
                Err(error) => error,
            };
            // A refusal says nothing of an attempt before it that was not answered.
            if is_refusal(&error) && attempt == 1 && !in_doubt {
                return Err(error.into());
            }
            if !(is_lost(&error) || is_taken(&error)) || attempt == ATTEMPTS {
                return Err(StepError::Unsettled(error));
            }
            let address = self.address;
            tracing::warn!(%address, %error, "the answer was lost: looking before asking again");
            // What was made moments ago may seem to lack its tags.
            let is_own = |seen: &Seen| matches!(seen, Seen::Own(_));
            let seen = self.aws.patiently(|| self.look(), is_own).await?;
            if let Some(outcome) = self.adopt(seen).await? {
                return Ok(outcome);
            }
        }
        unreachable!("the last attempt returns")
    }

    /// Looks for what an earlier attempt may have made.
    async fn look(&self) -> Result<Seen, StepError> {
        let Self { aws, address, spec, identity, others } = self;
        Ok(look_for(aws, address, spec, identity, others).await?)
    }

    /// Takes what an earlier attempt has made for the resource; what is missing of it is made up.
    async fn adopt(&self, seen: Seen) -> Result<Option<Outcome>, StepError> {
        let Self { aws, address, spec, identity, .. } = self;
        let outputs = match seen {
            Seen::Own(outputs) => outputs,
            Seen::Foreign(id) => {
                return Err(StepError::Foreign { address: (*address).clone(), id });
            }
            Seen::Nothing => return Ok(None),
        };
        let sought = SoughtValue {
            address: (*address).clone(),
            outputs: outputs.clone(),
            applied: spec.clone(),
        };
        let sought = [sought];
        let read = || address.kind().read(aws, &sought);
        let live = aws.patiently(read, |live| live.iter().all(Option::is_some)).await?;
        let Some(live) = live.into_iter().next().flatten() else {
            return Ok(Some(Outcome::Found(outputs)));
        };
        let fields = missing(address, spec, identity, &live);
        if fields.is_empty() {
            return Ok(Some(Outcome::Made(live.outputs)));
        }
        update(aws, address, spec, identity, &live, &fields).await.map(Outcome::Made).map(Some)
    }
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
