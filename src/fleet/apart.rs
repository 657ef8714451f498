//! Keeping what is wrong with one stack apart from the others that are read together with it.
//!
//! The rule: a call that fails for many says nothing of each. The stacks are halved until those
//! that fail stand alone, unless the error is plainly everybody's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;

use super::{Look, Recorded, Trouble};
use crate::aws::{Aws, AwsError, Class};
use crate::deployment::DrawingError;
use crate::execute::recovery::RecoveryError;
use crate::resource::kind::KindError;

/// How many stacks must have been refused an operation one by one, and none let through, until it
/// counts as refused to all.
const PROOF: usize = 3;

/// Looks at stacks together, and apart where that fails.
pub struct Apart<'a, L> {
    aws: &'a Aws,
    look: &'a L,
    history: Mutex<History>,
}

/// What is known of an account and region by now.
#[derive(Debug, Default)]
struct History {
    /// Whether any stack could be read.
    any_seen: bool,
    /// How many stacks were refused each operation by themselves.
    refused: BTreeMap<&'static str, usize>,
}

impl<'a, L: Look> Apart<'a, L> {
    pub fn new(aws: &'a Aws, look: &'a L) -> Self {
        Self { aws, look, history: Mutex::default() }
    }

    /// What came of the look at each, in their order.
    pub fn look_at<'s>(
        &'s self,
        stacks: &'s [Recorded],
    ) -> LocalBoxFuture<'s, Vec<Result<L::Seen, Arc<Trouble>>>> {
        async move {
            if stacks.is_empty() {
                return Vec::new();
            }
            let error = match self.look.look(self.aws, stacks).await {
                Ok(seen) => {
                    self.history().any_seen = true;
                    return seen.into_iter().map(Ok).collect();
                }
                Err(error) => error,
            };
            let is_alone = stacks.len() == 1;
            if is_alone {
                self.history().note(&error);
            }
            if is_alone || self.history().is_everybodys(&error) {
                let trouble = Arc::new(Trouble::Look(error));
                return stacks.iter().map(|_| Err(Arc::clone(&trouble))).collect();
            }
            let (some, others) = stacks.split_at(stacks.len() / 2);
            let mut found = self.look_at(some).await;
            found.extend(self.look_at(others).await);
            found
        }
        .boxed_local()
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl History {
    /// Takes in what a stack met by itself.
    fn note(&mut self, error: &DrawingError) {
        if let Some(error) = from_aws(error).filter(|error| error.class() == Class::Denied) {
            *self.refused.entry(error.operation()).or_default() += 1;
        }
    }

    /// Whether what some stacks met together would meet each of them.
    fn is_everybodys(&self, error: &DrawingError) -> bool {
        let Some(error) = from_aws(error) else { return false };
        match error.class() {
            Class::Credentials | Class::Unavailable | Class::Throttled | Class::UnknownOutcome => {
                true
            }
            Class::Denied => {
                let refused = self.refused.get(error.operation()).copied().unwrap_or_default();
                !names_a_resource(error.message()) || (!self.any_seen && refused >= PROOF)
            }
            _ => false,
        }
    }
}

/// What AWS said, if it was AWS.
fn from_aws(error: &DrawingError) -> Option<&AwsError> {
    match error {
        DrawingError::Aws(error)
        | DrawingError::Kind(KindError::Aws(error))
        | DrawingError::Recovery(RecoveryError::Look { source: KindError::Aws(error), .. }) => {
            Some(error)
        }
        _ => None,
    }
}

/// Whether a refusal is about one resource: "… is not authorized to perform: ecs:DescribeServices on
/// resource: arn:…". Operations that are allowed or not as a whole say `*`, or nothing at all.
fn names_a_resource(message: &str) -> bool {
    message.split_once("on resource: ").is_some_and(|(_, resource)| !resource.starts_with('*'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Operation;

    const SERVICES: Operation = Operation::new("ecs:DescribeServices");

    fn denied(message: &str) -> DrawingError {
        AwsError::reported(SERVICES, "AccessDeniedException", message).into()
    }

    fn of_one() -> DrawingError {
        denied("User: u is not authorized to perform: x on resource: arn:aws:ecs:r:1:service/a/b")
    }

    #[test]
    fn what_is_refused_as_a_whole_is_refused_to_all() {
        let history = History::default();
        assert!(
            history.is_everybodys(&denied("You are not authorized to perform this operation."))
        );
        assert!(history.is_everybodys(&denied("not authorized to perform: x on resource: *")));
        assert!(!history.is_everybodys(&of_one()));
    }

    #[test]
    fn what_is_refused_to_one_after_the_other_is_refused_to_all_until_one_is_let_through() {
        let mut history = History::default();
        for _ in 0..PROOF {
            assert!(!history.is_everybodys(&of_one()));
            history.note(&of_one());
        }
        assert!(history.is_everybodys(&of_one()));
        history.any_seen = true;
        assert!(!history.is_everybodys(&of_one()));
    }

    #[test]
    fn credentials_are_everybodys_and_a_bad_id_is_not() {
        let history = History::default();
        let said = |code: &str| AwsError::reported(SERVICES, code, "said").into();
        assert!(history.is_everybodys(&said("ExpiredTokenException")));
        assert!(!history.is_everybodys(&said("InvalidParameterException")));
    }
}
