//! Who made a difference, and when, as far as CloudTrail tells.

use jiff::Timestamp;
use serde::Serialize;

/// CloudTrail's answer for one finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Who {
    /// It was somebody, by these calls.
    Known {
        /// The newest first.
        calls: Vec<Deed>,
    },
    /// CloudTrail has no call that fits. It may yet have: it tells of a call minutes after it.
    NotKnownYet,
    /// It was not asked, since it had been asked for as much or as long as it may be.
    NotAsked,
    /// It could not be asked, which is told once for all.
    NotReadable,
}

/// A call by which somebody changed something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deed {
    /// Who made it: `alice`, `bob (role Admin)`, `AWS (ecs.amazonaws.com)`.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The operation: `AuthorizeSecurityGroupIngress`.
    pub event: String,
    /// The address that the call came from.
    pub from: Option<String>,
    /// The program that made it, in its own words.
    pub agent: Option<String>,
    /// CloudTrail's id of it.
    pub event_id: String,
}
