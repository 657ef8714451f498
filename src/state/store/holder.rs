//! Who is at work on a state.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Who is at work on a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The machine's name.
    pub host: String,
    /// The process's number.
    pub process: u32,
    /// The user's name.
    pub user: String,
    /// Since when.
    pub since: jiff::Timestamp,
    /// With which command.
    pub command: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, process, user, since, command } = self;
        write!(formatter, "{user} on {host} (process {process}), `{command}` since {since:.0}")
    }
}

/// A lock that somebody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenure {
    /// Who.
    pub holder: Holder,
    /// How long it lasts if nobody renews it; `None` where it lasts as long as their process.
    pub ends_in: Option<Duration>,
    /// What tells a lease from all others; `None` where the operating system holds the lock.
    pub lease: Option<String>,
}
