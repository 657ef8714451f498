//! Placeholder while the room is being written.
use super::clock::Moment;
use super::cloud::Cloud;
use super::endpoint::unknown_operation;
use super::wire::{Answer, Parameters};
use serde::{Deserialize, Serialize};

/// What the account holds here.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ecs {}

/// Answers an operation.
pub fn answer(_cloud: &mut Cloud, operation: &str, _request: Parameters<'_>) -> Answer {
    Err(unknown_operation(operation))
}
/// The next moment at which something changes by itself.
pub fn next_due(_cloud: &Cloud) -> Option<Moment> {
    None
}
/// Lets everything happen that is due at `cloud.now`. Afterwards nothing here is due any more at that moment.
pub fn pass(_cloud: &mut Cloud) {}
