//! What was found out, in plain words.

use serde::Serialize;

/// One cause for which a service does not come up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of cause it is.
    pub cause: Cause,
    /// What is wrong, in one line.
    pub title: String,
    /// What that means, for somebody who meets it for the first time.
    pub explanation: String,
    /// What to do about it: each a way of its own, the likeliest first.
    pub remedies: Vec<String>,
    /// What AWS and the containers said, in their own words.
    pub evidence: Vec<String>,
    /// Whether waiting may help.
    pub outlook: Outlook,
}

/// The kinds of causes, the most fundamental first: what comes earlier hides what comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The service itself is on its way out.
    ServiceGone,
    /// ECS can't act as the roles of the task.
    RoleNotAssumable,
    /// The account may not run more.
    QuotaReached,
    /// The subnets have no address left for a task.
    NoFreeAddress,
    /// AWS has no machine to spare.
    NoCapacity,
    /// Tasks reach neither registry nor secrets.
    NoRoute,
    /// A secret is not there, or is not what the task asks for.
    SecretMissing,
    /// The execution role may not read a secret.
    SecretDenied,
    /// The registry has no such image.
    ImageNotFound,
    /// The registry does not give the image to this task.
    ImageDenied,
    /// The registry gives no more images for now.
    ImageRateLimited,
    /// The image is for other processors than the task's.
    WrongArchitecture,
    /// The log group that the task writes to is not there.
    LogGroupMissing,
    /// The container could not be started as it is described.
    CannotStart,
    /// The container was killed for want of memory.
    OutOfMemory,
    /// The process ended by itself.
    Exited,
    /// Nothing accepts connections on the port.
    ConnectionRefused,
    /// The health check is answered with another status.
    UnhealthyAnswer,
    /// The health check is not answered in time.
    HealthCheckTimeout,
    /// The container's own health check fails.
    ContainerUnhealthy,
    /// AWS took its spare machine back.
    SpotInterrupted,
    /// Tasks stop for a reason that no rule knows.
    Other,
}

/// Whether a cause can pass by waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outlook {
    /// It may pass by itself.
    MayPass,
    /// It stays until somebody does something about it.
    Lasting,
}

impl Finding {
    /// A finding that may pass, with nothing to show for it yet.
    pub fn new(cause: Cause, title: impl Into<String>, explanation: impl Into<String>) -> Self {
        Self {
            cause,
            title: title.into(),
            explanation: explanation.into(),
            remedies: Vec::new(),
            evidence: Vec::new(),
            outlook: Outlook::MayPass,
        }
    }

    /// With something to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedies.push(remedy.into());
        self
    }

    /// With what was said, each only once.
    #[must_use]
    pub fn said<T: Into<String>>(mut self, said: impl IntoIterator<Item = T>) -> Self {
        for line in said.into_iter().map(Into::into) {
            if !self.evidence.contains(&line) {
                self.evidence.push(line);
            }
        }
        self
    }

    /// With the outlook that it lasts, if `lasting`.
    #[must_use]
    pub fn lasting_if(mut self, lasting: bool) -> Self {
        self.outlook = if lasting { Outlook::Lasting } else { Outlook::MayPass };
        self
    }

    /// Whether waiting can't help.
    pub fn is_lasting(&self) -> bool {
        self.outlook == Outlook::Lasting
    }
}
