//! The check that needs no file: what was last applied held against AWS.

use jiff::civil::Date;

use crate::aws::Aws;
use crate::config::Ignore;
use crate::deployment::{DrawingError, Seen, check_place, settled};
use crate::drift::Drift;
use crate::graph::Others;
use crate::state::State;

/// Checks a stack, but for what is left to `others`. Gives the state too, with everything settled
/// that an interrupted run left in doubt. Nothing of the account is asked for but what is the stack's.
///
/// # Errors
///
/// [`DrawingError`] when AWS does not answer, or the credentials are for another place.
pub async fn check_alone(
    aws: &Aws,
    state: State,
    others: &Others,
    ignore: &[Ignore],
    today: Date,
) -> Result<(State, Drift), DrawingError> {
    let aws = &aws.keeping_to_own();
    check_place(aws, &state).await?;
    let state = settled(aws, state).await?;
    let drift = Seen::alone(aws, &state, others).await?.check(&state, ignore, today);
    Ok((state, drift))
}
