//! Carries a plan out: starts what can start, writes down what happens, tells what it sees.
//!
//! One loop decides and is the only writer of journal and events; the calls themselves run beside
//! it. The rules of the journal are kept here: an intent is on disk before AWS hears of it, and
//! an outcome before anything that depends on it starts.
//!
//! A failure starts nothing behind it and lets what runs finish. There is no rollback of
//! infrastructure: run again, and it goes on.

pub mod extras;
mod halt;
mod inspection;
mod limits;
mod look;
mod operation;
mod poller;
pub mod recovery;
mod removal;
mod run;
pub mod schedule;
mod summary;

use std::time::Duration;

use tokio::sync::{mpsc, watch};

pub use limits::Limits;
pub use operation::StepError;
pub use summary::{Failure, Summary};

use self::run::Run;
use crate::aws::Aws;
use crate::event::Event;
use crate::plan::Plan;
use crate::state::store::{Recorder, StoreError};

/// How a plan is to be carried out.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether services are waited for until they run steadily.
    pub wait_for_services: bool,
    /// What is done about a deployment that can't succeed.
    pub hopeless: Hopeless,
    /// The longest that the whole run may wait; `None` for as long as each resource may.
    pub timeout: Option<Duration>,
    /// The longest that each kind is waited for, where it is other than usual.
    pub limits: Limits,
    /// Turns true when nothing new is to be started.
    pub stop: watch::Receiver<bool>,
}

/// What is done about a deployment that was found unable to succeed, while AWS still tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hopeless {
    /// The wait ends at once.
    GiveUp,
    /// It is waited for until AWS gives up too.
    WaitOn,
}

/// Carries `plan` out, writing to `recorder` and telling `events`.
///
/// # Errors
///
/// [`StoreError`] when something could not be written down. The run stops there: what is under
/// way is left to itself, and the journal says that it is in doubt.
pub async fn execute<R: Recorder>(
    aws: &Aws,
    plan: &Plan,
    recorder: &mut R,
    events: &mpsc::UnboundedSender<Event>,
    options: Options,
) -> Result<Summary, StoreError> {
    Run::new(aws, plan, recorder, events, options).finish_all().await
}
