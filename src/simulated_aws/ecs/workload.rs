//! What runs in the containers: how an image starts, what it answers, how it ends.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Ecs;

/// How an image behaves. The default starts, listens on its container port, and answers 200 on
/// every path until it is stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Workload {
    /// What pulling it meets.
    pub pull: Pull,
    /// How long it runs.
    pub run: Run,
    /// What a connection to it meets.
    pub reply: Reply,
    /// What it answers on paths that it does not answer like all others.
    pub paths: BTreeMap<String, u16>,
    /// The lines that it logs when it starts.
    pub lines: Vec<String>,
    /// Whether its container's own health check fails.
    pub fails_own_check: bool,
}

/// What the registry says when the image is pulled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pull {
    #[default]
    /// Gives the image.
    Works,
    /// Knows no such image.
    NotFound,
    /// Wants other credentials.
    Denied,
    /// Wants fewer pulls.
    RateLimited,
    /// The image has no manifest for the task's processor architecture.
    NoSuchPlatform,
}

/// How long the process runs, and how it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Run {
    #[default]
    /// Until it is stopped.
    Forever,
    /// Ends by itself.
    Exits {
        /// The exit code.
        code: i64,
        /// How long after its start.
        after_seconds: u64,
        /// The last lines that it logs.
        lines: Vec<String>,
    },
    /// Is killed for using more memory than it has.
    RunsOutOfMemory {
        /// How long after its start.
        after_seconds: u64,
    },
    /// Built for another processor than the task's.
    WrongArchitecture,
}

/// What a connection to the container port meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// An answer with this HTTP status.
    Status(u16),
    /// Nothing listens there: another port, or localhost only.
    Refused,
    /// Nothing comes back.
    TimesOut,
}

impl Default for Reply {
    fn default() -> Self {
        Self::Status(200)
    }
}

impl Workload {
    /// What the process answers on a path.
    #[must_use]
    pub fn reply_on(&self, path: &str) -> Reply {
        match (self.reply, self.paths.get(path)) {
            (Reply::Status(_), Some(status)) => Reply::Status(*status),
            (reply, _) => reply,
        }
    }
}

/// The workload of an image: that of the longest name that the image's begins with.
#[must_use]
pub fn workload(ecs: &Ecs, image: &str) -> Workload {
    let named = ecs.workloads.iter().filter(|(name, _)| image.starts_with(name.as_str()));
    named
        .max_by_key(|(name, _)| name.len())
        .map(|(_, workload)| workload.clone())
        .unwrap_or_default()
}
