//! What came of a run, and why something of it failed.

use std::time::Duration;

use thiserror::Error;

use super::StepError;
use super::inspection::Ending;
use crate::diagnose::Finding;
use crate::event::Verb;
use crate::resource::Address;

/// What came of a run.
#[derive(Debug, Default)]
pub struct Summary {
    /// What was done.
    pub done: Vec<(Address, Verb)>,
    /// What failed, and how.
    pub failed: Vec<(Address, Verb, Failure)>,
    /// What was not attempted, and because of what.
    pub skipped: Vec<(Address, Verb, Address)>,
    /// What was not started, or is left for AWS to finish, since the run was halted.
    pub left: Vec<(Address, Verb)>,
    /// What AWS would have been asked again for, since it refused for the time being.
    pub given_up: Vec<(Address, Verb)>,
    /// Whether the time of the whole run was up.
    pub is_overdue: bool,
}

/// Why something failed.
#[derive(Debug, Error)]
pub enum Failure {
    /// The step itself.
    #[error(transparent)]
    Step(#[from] StepError),
    /// It exists, and will not work.
    #[error("{0}")]
    Broken(String),
    /// The deployment of a service failed, or can't succeed.
    #[error("{reason}")]
    Deployment {
        /// What AWS says of the deployment, or why it can't succeed.
        reason: String,
        /// What was found, the most fundamental first.
        findings: Vec<Finding>,
    },
    /// It was waited for as long as it may be waited for.
    #[error("it was still {status} after {} s", waited.as_secs())]
    TimedOut {
        /// AWS's last word.
        status: String,
        /// For how long it was waited.
        waited: Duration,
        /// What was found to keep it from working.
        findings: Vec<Finding>,
    },
}

impl Summary {
    /// Whether all of the plan was carried out.
    pub fn is_complete(&self) -> bool {
        let Self { failed, skipped, left, given_up, .. } = self;
        failed.is_empty() && skipped.is_empty() && left.is_empty() && given_up.is_empty()
    }
}

impl Failure {
    /// The failure of a step: want of time, where the run was halted before AWS let it be done.
    pub(super) fn of_step(error: StepError) -> Self {
        let StepError::Halted { last, waited } = error else { return Self::Step(error) };
        let status = last.map_or("under way".to_owned(), |last| format!("refused ({last})"));
        Self::TimedOut { status, waited, findings: Vec::new() }
    }

    /// The failure that a wait ended with, and what was found to have caused it.
    pub(super) fn of(ending: Ending, findings: Vec<Finding>) -> Self {
        match ending {
            Ending::Failed(reason) if findings.is_empty() => Self::Broken(reason),
            Ending::Failed(reason) => Self::Deployment { reason, findings },
            Ending::Hopeless => {
                let lasting = findings.iter().find(|finding| finding.is_lasting());
                let title = lasting.map_or("what was found lasts", |finding| &finding.title);
                Self::Deployment { reason: format!("waiting does not help: {title}"), findings }
            }
            Ending::TimedOut { status, waited } => Self::TimedOut { status, waited, findings },
        }
    }
}
