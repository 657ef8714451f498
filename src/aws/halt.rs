//! Pauses that a run can cut short: it waits for answers to what it has asked, and for nothing
//! else.
//!
//! The rule: a call that was sent is never dropped. What lies between two calls, the wait for a
//! turn or before another attempt, ends nowhere once the run is halted; whoever drives the step
//! hears of it from [`Parked`] and drops the step. To the journal that is a death between two
//! calls.

use std::future::{Future, pending};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::{Aws, AwsError};

/// What the pauses of one step listen to.
#[derive(Clone, Debug)]
pub(super) struct Halt {
    asked: watch::Receiver<bool>,
    place: Arc<Place>,
}

/// Where a step stands that was halted.
#[derive(Debug, Default)]
struct Place {
    is_reached: Notify,
    last: Mutex<Option<AwsError>>,
}

/// Tells when a step stands still, since the run was halted.
#[derive(Debug)]
pub struct Parked(Arc<Place>);

impl Parked {
    /// Waits until the step stands still; gives the error after which it would have asked again.
    pub async fn reached(&self) -> Option<AwsError> {
        self.0.is_reached.notified().await;
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Aws {
    /// The same clients for one step, whose pauses end nowhere once `asked` turns true.
    #[must_use]
    pub fn halting(&self, asked: watch::Receiver<bool>) -> (Self, Parked) {
        let place = Arc::new(Place::default());
        let halt = Halt { asked, place: Arc::clone(&place) };
        (Self { halt: Some(halt), ..self.clone() }, Parked(place))
    }

    /// Sleeps between two calls, for `duration` at AWS's own pace.
    pub async fn pause(&self, duration: Duration) {
        self.unless_halted(self.pace.sleep(duration), None).await;
    }

    /// Waits for what lies between two calls; `after` is the error because of which there is to be
    /// another one.
    pub(super) async fn unless_halted(
        &self,
        between: impl Future<Output = ()>,
        after: Option<&AwsError>,
    ) {
        let Some(Halt { asked, place }) = &self.halt else { return between.await };
        let mut asked = asked.clone();
        tokio::select! {
            biased;
            () = between => (),
            () = is_true(&mut asked) => {
                *place.last.lock().unwrap_or_else(PoisonError::into_inner) = after.cloned();
                place.is_reached.notify_one();
                pending::<()>().await;
            }
        }
    }
}

/// Waits until `asked` is true: for ever, once nobody is left to say so.
async fn is_true(asked: &mut watch::Receiver<bool>) {
    if asked.wait_for(|asked| *asked).await.is_err() {
        pending::<()>().await;
    }
}
