//! How fast waits go: as they are against AWS, faster against a simulation that is scaled down.

use std::time::Duration;

/// Divides every wait by a factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace(f64);

impl Pace {
    /// Waits as long as they say.
    pub const REAL: Self = Self(1.0);

    /// Waits `factor` times shorter. A factor that is not above zero counts as 1.
    pub fn faster_by(factor: f64) -> Self {
        Self(if factor > 0.0 { factor } else { 1.0 })
    }

    /// How long `duration` takes at this pace.
    pub fn scaled(self, duration: Duration) -> Duration {
        duration.div_f64(self.0)
    }

    /// What `elapsed` at this pace stands for: the opposite of [`Pace::scaled`].
    pub fn unscaled(self, elapsed: Duration) -> Duration {
        elapsed.mul_f64(self.0)
    }

    /// Sleeps for `duration` at this pace.
    pub async fn sleep(self, duration: Duration) {
        tokio::time::sleep(self.scaled(duration)).await;
    }
}
