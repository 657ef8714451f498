//! What has moved between a plan that was saved and the one that would be made now.
//!
//! The rule: a saved plan is carried out only as it was shown. Anything that it would do otherwise
//! now counts, whether the configuration, the state or AWS has moved.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::{Action, Basis, Plan, Planned, PropertyChange};
use crate::resource::Address;

/// One thing in which a saved plan no longer fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It was made for something else.
    Basis {
        /// What: `account`.
        what: &'static str,
        /// For which it was made; empty where there was none.
        then: String,
        /// Which it is now; empty where there is none.
        now: String,
    },
    /// Something else is to be done to a resource; `None` where it is not in the plan at all.
    Action {
        /// To which.
        address: Address,
        /// What was to be done.
        then: Option<Action>,
        /// What is to be done now.
        now: Option<Action>,
    },
    /// The same is to be done to a resource, and in another way.
    Properties {
        /// To which.
        address: Address,
        /// What is to be done.
        action: Action,
        /// What differs: paths in its spec, `id` where it is another resource, `name`, `tags`.
        paths: BTreeSet<String>,
    },
}

impl fmt::Display for Moved {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |action: &Option<Action>| action.map_or("nothing", Action::word);
        match self {
            Self::Basis { what, then, now } if then.is_empty() => {
                write!(formatter, "it was made where no {what} was, and there is one now ({now})")
            }
            Self::Basis { what, then, now } if now.is_empty() => {
                write!(formatter, "it was made for the {what} {then}, and there is none now")
            }
            Self::Basis { what, then, now } => {
                write!(formatter, "it was made for the {what} {then}, and this is {now}")
            }
            Self::Action { address, then, now } => {
                write!(formatter, "{address}: then {}, now {}", word(then), word(now))
            }
            Self::Properties { address, action, paths } => {
                let paths: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
                let paths = paths.join(", ");
                write!(formatter, "{address}: {} as then, but {paths} moved", action.word())
            }
        }
    }
}

impl Plan {
    /// What `now` would do otherwise than this plan; nothing if it would do just the same.
    pub fn moved(&self, now: &Self) -> Vec<Moved> {
        let basis = self.basis.moved(&now.basis);
        if !basis.is_empty() {
            return basis;
        }
        let (then, now) = (self.entries(), now.entries());
        let places: BTreeSet<_> = then.keys().chain(now.keys()).collect();
        places.into_iter().filter_map(|place| moved(then.get(place), now.get(place))).collect()
    }

    /// What is to be done by address, and by which of several it is: what was replaced and is still
    /// there comes after what is there now.
    fn entries(&self) -> BTreeMap<(&Address, usize), &Planned> {
        let mut entries = BTreeMap::new();
        for planned in &self.resources {
            let earlier = entries.range((&planned.address, 0)..=(&planned.address, usize::MAX));
            let nth = earlier.count();
            entries.insert((&planned.address, nth), planned);
        }
        entries
    }
}

impl Basis {
    fn moved(&self, now: &Self) -> Vec<Moved> {
        [
            ("stack", &self.stack, &now.stack),
            ("environment", &self.environment, &now.environment),
            ("account", &self.account, &now.account),
            ("region", &self.region, &now.region),
            ("state", &self.lineage, &now.lineage),
        ]
        .into_iter()
        .filter(|(_, then, now)| then != now)
        .map(|(what, then, now)| Moved::Basis { what, then: then.clone(), now: now.clone() })
        .collect()
    }
}

fn moved(then: Option<&&Planned>, now: Option<&&Planned>) -> Option<Moved> {
    let address = then.or(now)?.address.clone();
    match (then, now) {
        (Some(then), Some(now)) if then.action == now.action => {
            // What stays, stays.
            if now.action == Action::Keep {
                return None;
            }
            let paths = differing(then, now);
            let action = now.action;
            (!paths.is_empty()).then_some(Moved::Properties { address, action, paths })
        }
        (then, now) => {
            let action = |planned: Option<&&Planned>| planned.map(|planned| planned.action);
            let (then, now) = (action(then), action(now));
            // What stays as it is, or is not there, is nothing to do.
            let does = |action: Option<Action>| action.is_some_and(|action| action != Action::Keep);
            (does(then) || does(now)).then_some(Moved::Action { address, then, now })
        }
    }
}

/// What differs between two plans to do the same to a resource.
fn differing(then: &Planned, now: &Planned) -> BTreeSet<String> {
    let id = |planned: &Planned| planned.present.as_ref().map(|present| present.record.id.clone());
    if id(then) != id(now) {
        return BTreeSet::from(["id".to_owned()]);
    }
    let mut paths = BTreeSet::new();
    let only_in = |one: &[PropertyChange], other: &[PropertyChange]| -> Vec<String> {
        one.iter()
            .filter(|change| !other.contains(change))
            .map(|change| change.path.clone())
            .collect()
    };
    paths.extend(only_in(&then.changes, &now.changes));
    paths.extend(only_in(&now.changes, &then.changes));
    if let (Some(then), Some(now)) = (&then.desired, &now.desired) {
        if paths.is_empty() {
            paths.extend(differing_fields(&then.spec, &now.spec));
        }
        if then.identity.name != now.identity.name {
            paths.insert("name".into());
        }
        if then.identity.tags != now.identity.tags && !has_tags(&paths) {
            paths.insert(super::diff::TAGS.into());
        }
    }
    paths
}

fn has_tags(paths: &BTreeSet<String>) -> bool {
    paths.iter().any(|path| path.starts_with(super::diff::TAGS))
}

fn differing_fields(one: &Value, other: &Value) -> BTreeSet<String> {
    let fields = |value: &Value| -> BTreeSet<String> {
        value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
    };
    let all = &fields(one) | &fields(other);
    all.into_iter().filter(|name| one.get(name) != other.get(name)).collect()
}
