//! When checks are made: every so often, a little later each time by chance.
//!
//! The rule: chance never adds up. Each check has its place in a grid that began with the first, and
//! those whose place passed while another was made are left out.

use std::time::Duration;

use tokio::time::Instant;

/// The largest part of the interval that chance adds, and the longest time.
const JITTER: (u32, Duration) = (10, Duration::from_mins(1));

/// A rhythm of checks.
#[derive(Debug)]
pub struct Rhythm {
    began: Instant,
    every: Duration,
    random: fastrand::Rng,
    next: Instant,
}

impl Rhythm {
    /// A first check now, and one every so often; how much later each is depends on `seed`.
    pub fn new(every: Duration, seed: u64) -> Self {
        let began = Instant::now();
        Self { began, every, random: fastrand::Rng::with_seed(seed), next: began }
    }

    /// When the next check is due.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// A check was made: the next one is at the next place of the grid.
    pub fn advance(&mut self) {
        let passed = self.began.elapsed().as_nanos() / self.every.as_nanos().max(1);
        let place = u32::try_from(passed + 1).unwrap_or(u32::MAX);
        let jitter = (self.every / JITTER.0).min(JITTER.1).mul_f64(self.random.f64());
        self.next = self.began + self.every.saturating_mul(place) + jitter;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn chance_does_not_add_up_and_missed_places_are_left_out() {
        let every = Duration::from_mins(15);
        let mut rhythm = Rhythm::new(every, 7);
        let began = rhythm.next();
        for place in 1..=100 {
            tokio::time::sleep_until(rhythm.next()).await;
            rhythm.advance();
            let late = rhythm.next().duration_since(began + every * place);
            assert!(late < Duration::from_mins(1), "{late:?}");
        }
        tokio::time::sleep(every * 3).await;
        rhythm.advance();
        let late = rhythm.next() - Instant::now();
        assert!(late < every + Duration::from_mins(1), "{late:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn two_watches_that_began_together_drift_apart() {
        let every = Duration::from_hours(1);
        let next = |seed| {
            let mut rhythm = Rhythm::new(every, seed);
            rhythm.advance();
            rhythm.next()
        };
        assert_ne!(next(1), next(2));
    }
}
