//! After a run that was cut off: finds out what became of what it had begun.
//!
//! Only AWS knows, and reads lag behind creates, so what is not found is looked for again before
//! it is believed to be missing.

use std::time::Duration;

use futures::future::try_join_all;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::aws::{Aws, is_owned};
use crate::event::{Event, Verb};
use crate::resource::Address;
use crate::resource::kind::KindError;
use crate::state::store::{Recorder, StoreError};
use crate::state::{Entry, Intent, physical_id};

/// The pauses between looks for something that may have just been made (aws-behaviour 22, 23).
const LOOKS: &[Duration] =
    &[Duration::ZERO, Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(10)];

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
    for entry in answers(aws, recorder.state().in_doubt.clone()).await? {
        if let Some(event) = told(&entry) {
            // Nobody listening is no reason to stop.
            let _ = events.send(event);
        }
        recorder.record(entry)?;
    }
    Ok(())
}

/// What became of everything that is in doubt.
///
/// # Errors
///
/// [`RecoveryError::Look`] when AWS does not answer.
pub async fn answers(
    aws: &Aws,
    doubts: impl IntoIterator<Item = (Address, Intent)>,
) -> Result<Vec<Entry>, RecoveryError> {
    let looks = doubts.into_iter().map(|(address, intent)| async move {
        match intent.verb {
            // What is recorded of it still stands; the plan will see what is left to do.
            Verb::Delete | Verb::Await => Ok(Entry::Untouched { address }),
            Verb::Create | Verb::Update => look(aws, address, &intent).await,
        }
    });
    try_join_all(looks).await
}

async fn look(aws: &Aws, address: Address, intent: &Intent) -> Result<Entry, RecoveryError> {
    let kind = address.kind();
    for pause in LOOKS {
        aws.pace().sleep(*pause).await;
        let found = kind.find(aws, &intent.spec, &intent.identity).await;
        let found =
            found.map_err(|source| RecoveryError::Look { address: address.clone(), source })?;
        match found {
            Some(found) if is_owned(&found.tags, &intent.identity.tags) => {
                return Ok(Entry::Made { address, outputs: found.outputs, configured: false });
            }
            // Somebody else's: ours was never made. The plan will say that the name is taken.
            Some(_) => break,
            None => {}
        }
    }
    Ok(Entry::Untouched { address })
}

fn told(entry: &Entry) -> Option<Event> {
    match entry {
        Entry::Made { address, outputs, .. } => {
            Some(Event::Recovered { address: address.clone(), id: Some(physical_id(outputs)) })
        }
        Entry::Untouched { address } => {
            Some(Event::Recovered { address: address.clone(), id: None })
        }
        _ => None,
    }
}
