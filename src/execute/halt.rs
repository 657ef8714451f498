//! When a run starts nothing new any more: it was asked to stop, or its time is up.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Whether a run goes on.
#[derive(Debug)]
pub(super) struct Halt {
    called: watch::Sender<bool>,
    /// Until when the run may wait at the longest.
    deadline: Option<Instant>,
}

impl Halt {
    /// A run that goes on, for as long as `timeout` says from now on.
    pub fn new(timeout: Option<Duration>) -> Self {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        Self { called: watch::Sender::new(false), deadline }
    }

    /// Has everybody stop who listens.
    pub fn call(&self) {
        self.called.send_replace(true);
    }

    pub fn is_called(&self) -> bool {
        *self.called.borrow()
    }

    /// Turns true when the run is halted.
    pub fn heard(&self) -> watch::Receiver<bool> {
        self.called.subscribe()
    }

    /// The sooner of a wait's own deadline and the whole run's.
    pub fn sooner(&self, own: Instant) -> Instant {
        self.deadline.map_or(own, |whole| whole.min(own))
    }

    /// Waits until the time of the run is up, and halts it; for ever, once it is halted. May be
    /// dropped and called again at any time.
    pub async fn time_is_up(&self) {
        match self.deadline {
            Some(deadline) if !self.is_called() => tokio::time::sleep_until(deadline).await,
            _ => std::future::pending().await,
        }
        self.call();
    }
}
