//! Looking at a stack on which nobody is at work.
//!
//! While a run is under way, what it has made and not yet recorded, or changed and not yet finished,
//! looks like somebody else's doing. So a look counts only if nobody was at work from its beginning
//! to its end, and what is recorded stayed the same.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::state::State;
use crate::state::store::{Holder, StackName, Store, StoreError};

/// How long a check waits for those who are at work, unless told otherwise: longer than most
/// deployments take, with their taking back.
pub const PATIENCE: Duration = Duration::from_mins(15);

/// How often it is asked whether they still are. In a bucket it is a request.
const INTERVAL: Duration = Duration::from_secs(5);

/// Looks at a stack's recorded state, `None` if there is none, once nobody is at work on it; again if
/// somebody was meanwhile. `waits_for` hears of everybody who is waited for.
///
/// # Errors
///
/// What `look` says, what the store says, and [`StoreError::Held`] when somebody is at work for
/// longer than `patience`.
pub async fn undisturbed<S, E: From<StoreError>>(
    store: &Store,
    name: &StackName,
    patience: Duration,
    look: impl AsyncFn(Option<State>) -> Result<S, E>,
    mut waits_for: impl FnMut(&Holder),
) -> Result<S, E> {
    let deadline = Instant::now() + patience;
    let mut told = None;
    loop {
        let Some(holder) = store.at_work(&name.stack, &name.environment).await? else {
            let state = store.load(&name.stack, &name.environment).await?;
            let seen = Box::pin(look(state.clone())).await;
            if store.is_undisturbed(name, state.as_ref()).await? {
                return seen;
            }
            continue;
        };
        if Instant::now() >= deadline {
            return Err(StoreError::Held { holder: Some(holder) }.into());
        }
        if told.as_ref() != Some(&holder) {
            waits_for(&holder);
        }
        told = Some(holder);
        sleep(INTERVAL).await;
    }
}
