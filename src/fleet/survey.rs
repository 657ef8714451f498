//! How each of many stacks is.

use super::{Look, Recorded};
use crate::aws::Aws;
use crate::deployment::DrawingError;
use crate::observe::{Depth, Observed, observe_all};
use crate::resource::{Address, Readiness};
use crate::stack::outputs::outputs;
use crate::state::State;

/// Looks at how stacks are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Survey;

/// How a stack is.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Where it answers.
    pub url: Option<String>,
    /// How many resources it has.
    pub resources: usize,
    /// Those that do not work, the worst first.
    pub amiss: Vec<(Address, Readiness)>,
    /// What an interrupted run left in doubt.
    pub in_doubt: Vec<Address>,
}

impl Look for Survey {
    const IS_UNDISTURBED: bool = false;

    type Seen = Condition;

    async fn look(&self, aws: &Aws, stacks: &[Recorded]) -> Result<Vec<Condition>, DrawingError> {
        let states: Vec<&State> = stacks.iter().map(|stack| &stack.state).collect();
        let observed = observe_all(aws, &states, Depth::Shared).await?;
        let all = stacks.iter().zip(&observed);
        Ok(all.map(|(stack, observed)| condition(stack, observed)).collect())
    }
}

fn condition(stack: &Recorded, observed: &Observed) -> Condition {
    let Recorded { state, in_doubt, .. } = stack;
    let all = state.resources.iter().map(|(address, record)| {
        let live = observed.live_of(address, record.generation);
        (address.clone(), live.map_or(Readiness::Absent, |live| live.readiness.clone()))
    });
    let mut amiss: Vec<_> = all.filter(|(_, readiness)| gravity(readiness) > 0).collect();
    amiss.sort_by_key(|(_, readiness)| std::cmp::Reverse(gravity(readiness)));
    let url = outputs(state).get("url").and_then(|url| url.as_str()).map(str::to_owned);
    Condition { url, resources: state.resources.len(), amiss, in_doubt: in_doubt.clone() }
}

/// How bad it is, from 0 for what works.
pub fn gravity(readiness: &Readiness) -> u8 {
    match readiness {
        Readiness::Ready => 0,
        Readiness::Pending(_) => 1,
        Readiness::Leaving(_) => 2,
        Readiness::Failed(_) => 3,
        Readiness::Absent => 4,
    }
}
