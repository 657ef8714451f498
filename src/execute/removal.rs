//! One removal: while AWS refuses, what is in the way is looked up and told; what only its owner
//! can take away ends the wait at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use super::operation::StepError;
use crate::aws::Aws;
use crate::event::Event;
use crate::resource::blockers::{Blocker, Passage};
use crate::resource::{Address, SoughtValue};

/// How long between two looks at what is in the way.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// How often in a row something foreign must be seen before it is believed to stay: what a task or
/// a balancer leaves behind may lose its description before it goes.
const SIGHTINGS: u32 = 2;

/// Removes a resource.
///
/// # Errors
///
/// [`StepError::Blocked`] when something that is not the stack's own is in the way, or AWS's own
/// refusal.
pub async fn remove(
    aws: &Aws,
    address: &Address,
    gone: &SoughtValue,
    tell: &mpsc::UnboundedSender<Event>,
) -> Result<(), StepError> {
    let refused = Arc::new(Notify::new());
    let aws = aws.telling_also({
        let refused = Arc::clone(&refused);
        Arc::new(move |_| refused.notify_one())
    });
    tokio::select! {
        deleted = address.kind().delete(&aws, gone) => Ok(deleted?),
        by = foreign_blockers(&aws, address, gone, &refused, tell) => {
            Err(StepError::Blocked { by })
        }
    }
}

/// Waits until AWS has refused, and then looks again and again at what is in the way; ends only
/// when something foreign is.
async fn foreign_blockers(
    aws: &Aws,
    address: &Address,
    gone: &SoughtValue,
    refused: &Notify,
    tell: &mpsc::UnboundedSender<Event>,
) -> Vec<Blocker> {
    let mut sightings = 0;
    let mut told = Vec::new();
    loop {
        refused.notified().await;
        // A look that fails says nothing: the delete goes on by itself.
        let blockers = address.kind().blockers(aws, gone).await.unwrap_or_default();
        let is_foreign = |blocker: &&Blocker| blocker.passage == Passage::Foreign;
        let foreign: Vec<Blocker> = blockers.iter().filter(is_foreign).cloned().collect();
        if !blockers.is_empty() && blockers != told {
            // Nobody listening is no reason to stop.
            let _ = tell.send(Event::Blocked { address: address.clone(), by: blockers.clone() });
            told = blockers;
        }
        sightings = if foreign.is_empty() { 0 } else { sightings + 1 };
        if sightings >= SIGHTINGS {
            return foreign;
        }
        aws.pace().sleep(LOOK_EVERY).await;
    }
}
