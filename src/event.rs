//! What happens during a run: the only language between the engine and the screen.

use std::time::Duration;

use serde::Serialize;

use crate::diagnose::{Finding, Rollout};
use crate::resource::{Address, Blocker};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// AWS is about to be asked.
    Started {
        /// For which resource.
        address: Address,
        /// For what.
        verb: Verb,
    },
    /// AWS has done it: others may refer to the resource. It may not work yet.
    Exists {
        /// Which resource.
        address: Address,
        /// What AWS calls it.
        id: String,
    },
    /// AWS has accepted the operation and is still at it.
    Waiting {
        /// Which resource is waited for.
        address: Address,
        /// What AWS says that it is doing.
        status: String,
        /// For how long already.
        #[serde(rename = "waited_seconds", serialize_with = "seconds")]
        waited: Duration,
    },
    /// How far the deployment of a service has come that is waited for.
    Rollout {
        /// Which service.
        address: Address,
        /// Its revision, tasks, targets and newest events.
        #[serde(flatten)]
        rollout: Rollout,
    },
    /// Something that keeps a service from coming up was found. Told once for each cause.
    Cause {
        /// Which service.
        address: Address,
        /// What was found.
        finding: Box<Finding>,
    },
    /// Asked again after an error that may pass. Never the last attempt.
    Retrying {
        /// For which resource.
        address: Address,
        /// Which attempt failed, from 1.
        attempt: u32,
        /// With which code.
        code: String,
        /// Why that passes by itself.
        because: String,
        /// How long until the next.
        #[serde(rename = "pause_seconds", serialize_with = "seconds")]
        pause: Duration,
    },
    /// AWS refuses to remove it, since something is in the way.
    Blocked {
        /// Which resource.
        address: Address,
        /// What is in the way.
        by: Vec<Blocker>,
    },
    /// The resource is as it is to be, and works.
    Finished {
        /// Which resource.
        address: Address,
        /// What was done.
        verb: Verb,
    },
    /// AWS refused, or what was waited for will not come.
    Failed {
        /// Which resource.
        address: Address,
        /// What was tried.
        verb: Verb,
        /// Why, with AWS's request id.
        error: String,
    },
    /// Not attempted, since something that it needs failed.
    Skipped {
        /// Which resource.
        address: Address,
        /// What would have been done.
        verb: Verb,
        /// What failed.
        because_of: Address,
    },
    /// A resource whose fate was in doubt after an interrupted run was looked up.
    Recovered {
        /// Which resource.
        address: Address,
        /// What AWS calls it; `None` when it was never made.
        id: Option<String>,
    },
    /// Nothing new is started any more; what is under way is finished.
    Stopping,
}

/// What is done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// It is changed in place as far as nothing is taken away that others still use; an update
    /// follows.
    Widen,
    /// It is removed.
    Delete,
    /// It is there already, and waited for.
    Await,
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}
