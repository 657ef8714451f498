//! After a run that was cut off: finds out what became of what it had begun.
//!
//! Only AWS knows. What it does not show may still come, since reads lag behind creates: then the
//! doubt stays, and whoever makes the resource looks first.

use futures::future::try_join_all;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::mpsc;

use super::look::{Seen, look_for};
use crate::aws::Aws;
use crate::event::{Event, Verb};
use crate::resource::Address;
use crate::resource::kind::KindError;
use crate::state::store::{Recorder, StoreError};
use crate::state::{Entry, Intent, State, physical_id};

/// Doubts that could not be settled.
#[derive(Debug, Error)]
pub enum RecoveryError {
    /// AWS did not answer.
    #[error("looking for {address}, which an interrupted run had begun")]
    Look {
        /// What was looked for.
        address: Address,
        /// Why it failed.
        source: KindError,
    },
    /// The answer could not be written down.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Settles everything that is in doubt, and writes down how.
///
/// # Errors
///
/// [`RecoveryError`]; what was settled until then is recorded.
pub async fn settle_doubts<R: Recorder>(
    aws: &Aws,
    recorder: &mut R,
    events: &mpsc::UnboundedSender<Event>,
) -> Result<(), RecoveryError> {
    let entries = answers(aws, recorder.state()).await?;
    recorder.record_all(entries.clone()).await?;
    for event in entries.iter().filter_map(told) {
        // Nobody listening is no reason to stop.
        let _ = events.send(event);
    }
    Ok(())
}

/// What became of everything that is in doubt.
///
/// # Errors
///
/// [`RecoveryError::Look`] when AWS does not answer.
pub async fn answers(aws: &Aws, state: &State) -> Result<Vec<Entry>, RecoveryError> {
    let looks = state.in_doubt.iter().map(|(address, intent)| async move {
        let seen = match intent.verb {
            Verb::Create => created(aws, state, address, intent).await,
            Verb::Update | Verb::Widen => updated(aws, state, address, intent).await,
            // What is recorded of it still stands; the plan will see what is left to do.
            Verb::Delete | Verb::Await => Ok(None),
        };
        let seen =
            seen.map_err(|source| RecoveryError::Look { address: address.clone(), source })?;
        let address = address.clone();
        Ok(match seen {
            Some(outputs) => Entry::Made { address, outputs, configured: false },
            None => Entry::Unresolved { address },
        })
    });
    try_join_all(looks).await
}

/// The outputs of what an interrupted creation made. Where an earlier look was in vain already,
/// this one is not repeated.
async fn created(
    aws: &Aws,
    state: &State,
    address: &Address,
    intent: &Intent,
) -> Result<Option<Value>, KindError> {
    let others = state.others_at(address, intent.generation);
    let look = || look_for(aws, address, &intent.spec, &intent.identity, &others);
    // What was made moments ago may seem to lack its tags.
    let enough = |seen: &Seen| intent.unfound || matches!(seen, Seen::Own(_));
    Ok(match aws.patiently(look, enough).await? {
        Seen::Own(outputs) => Some(outputs),
        // Somebody else's: ours was never made. The plan will say that the name is taken.
        Seen::Foreign(_) | Seen::Nothing => None,
    })
}

/// The outputs that an interrupted update renewed, such as a task definition's revision; `None`
/// where what is recorded stands.
async fn updated(
    aws: &Aws,
    state: &State,
    address: &Address,
    intent: &Intent,
) -> Result<Option<Value>, KindError> {
    let Some(record) = state.resources.get(address) else { return Ok(None) };
    if address.kind().facts().renewed.is_empty() {
        return Ok(None);
    }
    let others = state.others_at(address, intent.generation);
    let look = || look_for(aws, address, &intent.spec, &intent.identity, &others);
    let is_other = |seen: &Seen| matches!(seen, Seen::Own(outputs) if *outputs != record.outputs);
    Ok(match aws.patiently(look, is_other).await? {
        Seen::Own(outputs) => Some(outputs).filter(|outputs| *outputs != record.outputs),
        Seen::Foreign(_) | Seen::Nothing => None,
    })
}

fn told(entry: &Entry) -> Option<Event> {
    match entry {
        Entry::Made { address, outputs, .. } => {
            Some(Event::Recovered { address: address.clone(), id: Some(physical_id(outputs)) })
        }
        Entry::Unresolved { address } => {
            Some(Event::Recovered { address: address.clone(), id: None })
        }
        _ => None,
    }
}
