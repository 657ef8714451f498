//! Operations by name, and which of their errors pass if one asks again.

use std::time::Duration;

use super::error::{AwsError, Class};

/// One operation of AWS, with the patience that it needs.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// As IAM policies spell it: `ec2:CreateVpc`.
    pub name: &'static str,
    /// The errors that pass, each group with its bound.
    pub patience: &'static [Patience],
}

/// Errors of one operation that pass by themselves, for how long to ask again, and why they do.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Wire codes, compared without regard to case (aws-behaviour 24.7).
    pub codes: &'static [&'static str],
    /// A fragment that the message must contain, compared without regard to case; empty for any.
    pub message: &'static str,
    /// How long to go on asking, from the first attempt.
    pub bound: Duration,
    /// Why it passes: for the log.
    pub because: &'static str,
    /// Whether it is about something that is not to be seen everywhere yet. It then passes only
    /// for what was just made (aws-behaviour 24.3).
    pub until_seen: bool,
}

/// Operations that are named like making something new, and may yet be repeated: they say what is
/// to be, or carry the token of their creation, which makes the second answer the first one's
/// (aws-behaviour 23).
const REPEATABLE: &[&str] = &[
    "ec2:CreateTags",
    "ec2:CreateRoute",
    "ec2:CreateRouteTable",
    "ec2:CreateNatGateway",
    "ecs:CreateService",
    "application-autoscaling:RegisterScalableTarget",
    "scheduler:CreateSchedule",
    "sns:CreateTopic",
];

/// Nothing was done, and it will be if asked later (aws-behaviour 24.1): many use the account at
/// once, so this is not given up fast.
const THROTTLED: Patience =
    Patience::with(&[], Duration::from_mins(10), "AWS is answering fewer calls than are made");

/// The call can be repeated whether or not it was carried out (aws-behaviour 24.2).
const LOST_ANSWER: Patience =
    Patience::with(&[], Duration::from_mins(3), "AWS did not say whether it was done");

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_LOOK: Duration = Duration::from_secs(3);

impl Operation {
    /// An operation none of whose errors pass.
    pub const fn new(name: &'static str) -> Self {
        Self { name, patience: &[] }
    }

    /// An operation some of whose errors pass.
    pub const fn patient(name: &'static str, patience: &'static [Patience]) -> Self {
        Self { name, patience }
    }

    /// The service's part of the name: `ec2`.
    pub fn service(&self) -> &'static str {
        self.name.split(':').next().unwrap_or(self.name)
    }

    /// The patience that covers `error`, if any does: the operation's own, or everybody's with
    /// throttling, or that of calls which can be repeated with an answer that was lost.
    pub fn patience_with(&self, error: &AwsError) -> Option<&'static Patience> {
        let own = self.patience.iter().find(|patience| patience.covers(error));
        own.or_else(|| match error.class() {
            Class::Throttled => Some(&THROTTLED),
            Class::UnknownOutcome if self.is_repeatable() => Some(&LOST_ANSWER),
            _ => None,
        })
    }

    /// Whether doing it twice does no more than doing it once.
    ///
    /// What makes something new does: its answer may be lost after the deed, and a second call
    /// would make another one (aws-behaviour 23). Whoever makes things looks before asking again.
    fn is_repeatable(&self) -> bool {
        let verb = self.name.split(':').nth(1).unwrap_or_default();
        !["Create", "Allocate", "Register"].iter().any(|making| verb.starts_with(making))
            || REPEATABLE.contains(&self.name)
    }
}

impl Patience {
    /// Patience with some codes, whatever the message.
    pub const fn with(
        codes: &'static [&'static str],
        bound: Duration,
        because: &'static str,
    ) -> Self {
        Self { codes, message: "", bound, because, until_seen: false }
    }

    /// Patience with codes that say that something is not there, which was just made.
    pub const fn until_seen(
        codes: &'static [&'static str],
        bound: Duration,
        because: &'static str,
    ) -> Self {
        Self { until_seen: true, ..Self::with(codes, bound, because) }
    }

    /// The same, for messages that contain `fragment` only.
    pub const fn saying(mut self, fragment: &'static str) -> Self {
        self.message = fragment;
        self
    }

    /// The pause after a failed attempt, half a second or longer: a fifth of the wait so far, up to
    /// three seconds, for what AWS is known to finish by itself, so that its end is noticed soon;
    /// doubling up to five where AWS is not answering, so that it is left alone.
    pub fn pause(&self, attempt: u32, waited: Duration) -> Duration {
        let (pause, longest) = if self.codes.is_empty() {
            (FIRST_PAUSE.saturating_mul(1 << attempt.saturating_sub(1).min(4)), LONGEST_PAUSE)
        } else {
            (waited / 5, LONGEST_LOOK)
        };
        pause.clamp(FIRST_PAUSE, longest)
    }

    /// Why it passes, in words for users: without the source that stands behind.
    pub fn reason(&self) -> &'static str {
        self.because.split(" (aws-behaviour").next().unwrap_or(self.because)
    }

    fn covers(&self, error: &AwsError) -> bool {
        let Some(code) = error.code() else { return false };
        self.codes.iter().any(|covered| covered.eq_ignore_ascii_case(code))
            && error.message().to_lowercase().contains(&self.message.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IN_USE: Patience = Patience::with(&["InUse"], Duration::from_mins(5), "it is in use");

    #[test]
    fn what_passes_by_itself_is_asked_for_the_more_rarely_the_longer_it_takes() {
        let pauses = [0, 10, 3600].map(|waited| IN_USE.pause(3, Duration::from_secs(waited)));
        assert_eq!(pauses, [FIRST_PAUSE, Duration::from_secs(2), LONGEST_LOOK]);
    }

    #[test]
    fn an_aws_that_does_not_answer_is_left_alone_longer_and_longer() {
        let pauses = [1, 2, 9].map(|attempt| THROTTLED.pause(attempt, Duration::from_secs(1)));
        assert_eq!(pauses, [FIRST_PAUSE, Duration::from_secs(1), LONGEST_PAUSE]);
    }
}
