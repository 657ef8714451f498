//! Virtual time: tokio's clock, scaled, so that a paused test runs three minutes in milliseconds.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// A moment of the simulated cloud, in milliseconds since the cloud was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment this much later; the last that there is for a duration that leads past it.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long ago `earlier` was; zero if it is yet to come.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Tells the cloud's time from tokio's clock.
///
/// `scale` virtual seconds pass in one second of tokio's clock, so `--time-scale 30` makes a
/// gateway that takes two minutes take four seconds.
#[derive(Clone, Debug)]
pub struct Clock {
    started: Instant,
    origin: Moment,
    scale: f64,
}

impl Clock {
    /// Starts a clock that shows `origin` now.
    #[must_use]
    pub fn starting_at(origin: Moment, scale: f64) -> Self {
        Self { started: Instant::now(), origin, scale }
    }

    /// How long `duration` of the cloud's time takes on tokio's clock.
    #[must_use]
    pub fn scaled(&self, duration: Duration) -> Duration {
        duration.div_f64(self.scale)
    }

    /// Goes on from `moment`, unless the clock is past it already.
    pub fn advance_to(&mut self, moment: Moment) {
        if self.now() < moment {
            *self = Self::starting_at(moment, self.scale);
        }
    }

    /// The cloud's time.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.origin.after(self.started.elapsed().mul_f64(self.scale))
    }
}
