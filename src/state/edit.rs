//! Changes to what is recorded, by hand: forgetting, and moving to another address.
//!
//! The rule: AWS is not asked and not told. What is forgotten goes on existing, and what is moved
//! gets its new tags with the next `up`.

use thiserror::Error;

use super::{Record, State};
use crate::resource::Address;

/// What is recorded can't be changed like that.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EditError {
    /// Nothing is recorded at the address.
    #[error("nothing is recorded at {address}")]
    Unknown {
        /// The address.
        address: Address,
        /// Those at which something is.
        known: Vec<Address>,
    },
    /// Something is recorded at the address already.
    #[error("{address} is taken by {id}")]
    Taken {
        /// The address.
        address: Address,
        /// What is there.
        id: String,
    },
    /// The addresses are of different kinds.
    #[error("{from} can't become {to}: they are of different kinds")]
    OtherKind {
        /// The one.
        from: Address,
        /// The other.
        to: Address,
    },
    /// A run was interrupted at the address, and nobody knows what came of it.
    #[error("{address} is in doubt: a run was interrupted while it worked on it")]
    InDoubt {
        /// The address.
        address: Address,
    },
}

impl State {
    /// Forgets the resource at an address, and what it has replaced; it goes on existing.
    ///
    /// An address in doubt is forgotten with the doubt. Gives what was recorded, newest first.
    ///
    /// # Errors
    ///
    /// [`EditError::Unknown`] when there is nothing to forget.
    pub fn forget(&mut self, address: &Address) -> Result<Vec<Record>, EditError> {
        let doubt = self.in_doubt.remove(address);
        self.forget_others(address);
        let mut forgotten: Vec<Record> = self.resources.remove(address).into_iter().collect();
        let (gone, kept) =
            std::mem::take(&mut self.replaced).into_iter().partition(|old| old.address == *address);
        self.replaced = kept;
        forgotten.extend(Vec::into_iter(gone).map(|old: super::Replaced| old.record));
        if forgotten.is_empty() && doubt.is_none() {
            return Err(self.unknown(address));
        }
        Ok(forgotten)
    }

    /// Moves the resource at one address to another, and whatever needs it along.
    ///
    /// # Errors
    ///
    /// [`EditError`] when there is none, the place is taken, or a run was interrupted there.
    pub fn rename(&mut self, from: &Address, to: &Address) -> Result<(), EditError> {
        for address in [from, to] {
            if self.in_doubt.contains_key(address) {
                return Err(EditError::InDoubt { address: address.clone() });
            }
        }
        if from.kind() != to.kind() {
            return Err(EditError::OtherKind { from: from.clone(), to: to.clone() });
        }
        if let Some(record) = self.resources.get(to) {
            return Err(EditError::Taken { address: to.clone(), id: record.id.clone() });
        }
        let record = self.resources.remove(from).ok_or_else(|| self.unknown(from))?;
        self.resources.insert(to.clone(), record);
        self.move_others(from, to);
        self.replaced.iter_mut().filter(|old| old.address == *from).for_each(|old| {
            old.address = to.clone();
        });
        let doubts = self.in_doubt.values_mut().map(|intent| &mut intent.needs);
        let replaced = self.replaced.iter_mut().map(|old| &mut old.record.needs);
        let needs = self.resources.values_mut().map(|record| &mut record.needs);
        for needs in needs.chain(replaced).chain(doubts) {
            if needs.remove(from) {
                needs.insert(to.clone());
            }
        }
        // Tokens are made of an address and its outcomes: the new one must not repeat the old one's.
        let outcomes = self.outcomes_of(from).max(self.outcomes_of(to));
        if outcomes > 0 {
            self.outcomes.insert(to.clone(), outcomes);
        }
        Ok(())
    }

    fn unknown(&self, address: &Address) -> EditError {
        let known = self.resources.keys().cloned().collect();
        EditError::Unknown { address: address.clone(), known }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::event::Verb;
    use crate::resource::Identity;
    use crate::state::{Entry, Intent};

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    /// A network with a subnet in it.
    fn state() -> State {
        let mut state = State::new("web", "dev", "000000000000", "eu-west-1");
        for (name, needs) in [("vpc.main", vec![]), ("subnet.a", vec![address("vpc.main")])] {
            let identity =
                Identity { name: "web-dev".into(), token: "token".into(), tags: [].into() };
            let needs = BTreeSet::from_iter(needs);
            let (verb, spec) = (Verb::Create, json!({}));
            let intent = Intent {
                verb,
                generation: 0,
                identity,
                spec,
                needs,
                unfound: false,
                applied: None,
            };
            let address = address(name);
            state.apply(Entry::Begin { address: address.clone(), intent });
            let outputs = json!({"id": format!("{name}-id")});
            state.apply(Entry::Made { address, outputs, configured: true });
        }
        state
    }

    #[test]
    fn what_is_forgotten_is_recorded_no_more_and_the_rest_is() {
        let mut state = state();
        let forgotten = state.forget(&address("subnet.a")).unwrap();
        assert_eq!(forgotten[0].id, "subnet.a-id");
        assert_eq!(state.resources.keys().collect::<Vec<_>>(), [&address("vpc.main")]);
        let refused = state.forget(&address("subnet.a")).unwrap_err();
        assert!(
            matches!(refused, EditError::Unknown { known, .. } if known == [address("vpc.main")])
        );
    }

    #[test]
    fn what_was_replaced_and_what_is_in_doubt_is_forgotten_too() {
        let mut state = state();
        let (subnet, intent) = (address("subnet.a"), {
            let record = &state.resources[&address("subnet.a")];
            Intent {
                verb: Verb::Create,
                generation: 1,
                identity: record.identity.clone(),
                spec: json!({}),
                needs: BTreeSet::new(),
                unfound: false,
                applied: None,
            }
        });
        state.apply(Entry::Begin { address: subnet.clone(), intent });
        assert_eq!(state.forget(&subnet).unwrap().len(), 1);
        assert!(state.replaced.is_empty() && state.in_doubt.is_empty());
    }

    #[test]
    fn what_is_moved_takes_those_that_need_it_along() {
        let mut state = state();
        state.rename(&address("vpc.main"), &address("vpc.other")).unwrap();
        assert_eq!(state.resources[&address("vpc.other")].id, "vpc.main-id");
        let subnet = &state.resources[&address("subnet.a")];
        assert_eq!(subnet.needs, BTreeSet::from([address("vpc.other")]));
        assert_eq!(state.outcomes_of(&address("vpc.other")), 1);
    }

    #[test]
    fn nothing_is_moved_over_another_to_another_kind_or_from_nowhere() {
        let before = state();
        let refused = |from: &str, to: &str| {
            let mut state = before.clone();
            let refused = state.rename(&address(from), &address(to)).unwrap_err();
            assert_eq!(state, before);
            refused
        };
        assert!(matches!(refused("vpc.main", "vpc.main"), EditError::Taken { .. }));
        assert!(matches!(refused("vpc.main", "subnet.b"), EditError::OtherKind { .. }));
        assert!(matches!(refused("vpc.none", "vpc.other"), EditError::Unknown { .. }));
    }
}
