//! One operation that is refused, so many times (aws-behaviour 24, 31).

use super::{Fault, Scene};
use crate::simulated_aws::endpoint::Verdict;
use crate::simulated_aws::wire::ApiError;

/// Refuses an operation with an error, call by call as it was told.
#[derive(Clone, Debug)]
pub struct Refusals {
    operation: &'static str,
    error: ApiError,
    /// Whether each of the next calls is refused; those beyond the end are not.
    pattern: Vec<bool>,
    /// Whether those beyond the end are.
    for_ever: bool,
    seen: usize,
    after: bool,
}

impl Refusals {
    /// Refuses the first `times` calls of `operation` (`CreateVpc`).
    #[must_use]
    pub fn first(times: usize, operation: &'static str, error: ApiError) -> Self {
        Self::flapping(&vec![true; times], operation, error)
    }

    /// Refuses those of the first calls for which `pattern` says so.
    #[must_use]
    pub fn flapping(pattern: &[bool], operation: &'static str, error: ApiError) -> Self {
        Self { operation, error, pattern: pattern.to_vec(), for_ever: false, seen: 0, after: false }
    }

    /// Refuses every call of `operation`.
    #[must_use]
    pub fn always(operation: &'static str, error: ApiError) -> Self {
        Self { for_ever: true, ..Self::first(0, operation, error) }
    }

    /// The same, but answering so once the call has been carried out.
    #[must_use]
    pub fn once_done(self) -> Self {
        Self { after: true, ..self }
    }

    fn judge(&mut self, scene: &Scene<'_>) -> Verdict {
        if scene.call.operation != self.operation {
            return Verdict::Pass;
        }
        let refused = self.pattern.get(self.seen).copied().unwrap_or(self.for_ever);
        self.seen += 1;
        if refused { Verdict::Refuse(self.error.clone()) } else { Verdict::Pass }
    }
}

impl Fault for Refusals {
    fn before(&mut self, scene: &mut Scene<'_>) -> Verdict {
        if self.after { Verdict::Pass } else { self.judge(scene) }
    }

    fn after(&mut self, scene: &mut Scene<'_>, _: &crate::simulated_aws::wire::Answer) -> Verdict {
        if self.after { self.judge(scene) } else { Verdict::Pass }
    }
}
