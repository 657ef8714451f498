//! The way of a state from one place to another.
//!
//! The rule: it may be cut off anywhere, and goes on from there; at no time is the state nowhere, and
//! in the end it is in one place.

use std::collections::BTreeMap;

use super::Lock;
use super::error::StoreError;
use crate::state::State;

/// How much of it is left to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// All of it.
    Whole,
    /// The state is where it was to go: what is left is to take it out of sight where it was.
    Rest,
}

impl Passage {
    /// What is left to go for a state to where `present` is; `None` where that is another state.
    pub fn of(state: &State, present: Option<&State>) -> Option<Self> {
        let Some(present) = present else { return Some(Self::Whole) };
        // Emptied is what a passage leaves behind that was cut off at its end.
        let is_left_behind = state.is_empty() && state.lineage == present.lineage;
        (is_left_behind || is_same(state, present)).then_some(Self::Rest)
    }

    /// Goes it, from the place that `left` has locked to the one that `target` has.
    ///
    /// # Errors
    ///
    /// When one of the places refuses.
    pub async fn go(self, state: State, target: Lock, left: Lock) -> Result<(), StoreError> {
        if self == Self::Whole {
            target.begin(state.clone()).await?.finish().await?;
        }
        // What is left behind says that nothing is there: nobody takes it for a state that was lost.
        left.begin(emptied(state)).await?.retire().await
    }
}

/// Whether two are one state, however often they were written.
fn is_same(one: &State, other: &State) -> bool {
    let unnumbered = |state: &State| State { serial: 0, ..state.clone() };
    unnumbered(one) == unnumbered(other)
}

fn emptied(state: State) -> State {
    State { resources: BTreeMap::new(), replaced: Vec::new(), in_doubt: BTreeMap::new(), ..state }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Verb;
    use crate::resource::Identity;
    use crate::state::Intent;

    fn state(lineage: &str, serial: u64) -> State {
        let state = State::new("web", "dev", "000000000000", "eu-west-1");
        State { lineage: lineage.into(), serial, ..state }
    }

    fn with_something(lineage: &str) -> State {
        let mut state = state(lineage, 1);
        let identity = Identity { name: "a".into(), token: "token".into(), tags: BTreeMap::new() };
        let intent = Intent {
            verb: Verb::Create,
            generation: 0,
            identity,
            spec: serde_json::Value::Null,
            needs: std::collections::BTreeSet::new(),
            unfound: false,
            applied: None,
        };
        state.in_doubt.insert("subnet.a".parse().expect("it is an address"), intent);
        state
    }

    #[test]
    fn a_state_is_the_same_wherever_it_was_written() {
        assert_eq!(Passage::of(&state("a", 1), None), Some(Passage::Whole));
        assert_eq!(Passage::of(&state("a", 1), Some(&state("a", 7))), Some(Passage::Rest));
        assert_eq!(Passage::of(&state("a", 1), Some(&state("b", 1))), None);
    }

    #[test]
    fn what_a_passage_left_behind_is_in_nobodys_way() {
        let state = with_something("a");
        assert_eq!(Passage::of(&emptied(state.clone()), Some(&state)), Some(Passage::Rest));
        assert_eq!(Passage::of(&state, Some(&emptied(state.clone()))), None);
        assert_eq!(Passage::of(&emptied(with_something("b")), Some(&state)), None);
    }
}
