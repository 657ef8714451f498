//! What differs between what is declared, what was last applied, and what is live.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::aws::Tags;
use crate::resource::reference::{reference_in, references};
use crate::resource::value::equal;

pub use crate::state::TAGS;

/// One property that is to change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PropertyChange {
    /// Where it is in the spec: `health_check.path`.
    pub path: String,
    /// What it is now; null when there is none.
    pub old: Value,
    /// What it is to be; null when there is to be none. References in it are known later.
    pub new: Value,
    /// Who moved it.
    pub origin: Origin,
    /// Whether its values are not for every eye.
    pub hidden: bool,
}

/// Who made declared and live differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The configuration was changed since the last run.
    Configuration,
    /// Somebody changed it in AWS since the last run.
    Outside,
    /// Both have changed, and do not agree.
    Both,
    /// A run was interrupted, or what was applied is not known.
    Unknown,
}

impl PropertyChange {
    /// The field of the spec that the property is in.
    pub fn field(&self) -> &str {
        self.path.split(['.', '[']).next().unwrap_or(&self.path)
    }
}

/// The three sides of a spec. `applied` is null when nobody knows.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// What the configuration says, resolved as far as can be.
    pub declared: &'a Value,
    /// What was last applied.
    pub applied: &'a Value,
    /// What AWS says.
    pub live: &'a Value,
}

/// The properties in which live differs from declared, in order of their paths.
///
/// Only what is declared, or was applied before, is compared: AWS may fill in the rest as it
/// likes. `hidden` names paths whose values are not for every eye.
pub fn differences(sides: Sides<'_>, hidden: &[&str]) -> Vec<PropertyChange> {
    let mut found = Vec::new();
    let comparison = Comparison { is_known: !sides.applied.is_null(), hidden };
    comparison.compare("", sides, &mut found);
    found
}

/// What is the same for every property of a spec.
struct Comparison<'a> {
    /// Whether it is known what was applied.
    is_known: bool,
    hidden: &'a [&'a str],
}

/// The difference in tags: those that are wanted, and those that were applied and no longer are.
/// A stranger's tags do not count.
pub fn tag_differences(wanted: &Tags, applied: &Tags, live: &Tags) -> Vec<PropertyChange> {
    let keys: BTreeSet<&String> = wanted.keys().chain(applied.keys()).collect();
    let value = |tags: &Tags, key: &String| tags.get(key).cloned().map_or(Value::Null, Value::from);
    keys.into_iter()
        .filter(|key| wanted.get(*key) != live.get(*key))
        .map(|key| {
            let (old, new, before) = (value(live, key), value(wanted, key), value(applied, key));
            PropertyChange {
                path: format!("{TAGS}.{key}"),
                origin: origin(Sides { declared: &new, applied: &before, live: &old }),
                old,
                new,
                hidden: false,
            }
        })
        .collect()
}

impl Comparison<'_> {
    fn compare(&self, path: &str, sides: Sides<'_>, found: &mut Vec<PropertyChange>) {
        let Sides { declared, applied, live } = sides;
        match (declared, live) {
            _ if equal(declared, live) => {}
            (Value::Object(wanted), Value::Object(there)) if reference_in(declared).is_none() => {
                for name in members(path, wanted, applied, there) {
                    let sides = Sides {
                        declared: wanted.get(name).unwrap_or(&Value::Null),
                        applied: applied.get(name).unwrap_or(&Value::Null),
                        live: there.get(name).unwrap_or(&Value::Null),
                    };
                    let path =
                        if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    self.compare(&path, sides, found);
                }
            }
            _ => found.push(PropertyChange {
                path: path.to_owned(),
                old: live.clone(),
                new: declared.clone(),
                origin: self.origin(sides),
                // What holds something hidden is hidden whole.
                hidden: self
                    .hidden
                    .iter()
                    .any(|hidden| is_within(path, hidden) || is_within(hidden, path)),
            }),
        }
    }

    fn origin(&self, sides: Sides<'_>) -> Origin {
        let is_pending = !references(sides.declared).is_empty();
        if self.is_known || is_pending { origin(sides) } else { Origin::Unknown }
    }
}

/// The members to compare: at the top the declared and the applied ones; further in all of them,
/// since a map that is declared at all is declared whole.
fn members<'a>(
    path: &str,
    declared: &'a Map<String, Value>,
    applied: &'a Value,
    live: &'a Map<String, Value>,
) -> BTreeSet<&'a String> {
    let applied = applied.as_object().into_iter().flat_map(Map::keys);
    let live = live.keys().filter(|_| !path.is_empty());
    declared.keys().chain(applied).chain(live).collect()
}

/// Who made declared and live differ, where it is known what was applied.
fn origin(Sides { declared, applied, live }: Sides<'_>) -> Origin {
    match (equal(declared, applied), equal(applied, live)) {
        (_, true) => Origin::Configuration,
        (true, false) => Origin::Outside,
        (false, false) => Origin::Both,
    }
}

/// Whether a property is another one, or lies in it.
pub fn is_within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paths(declared: &Value, applied: &Value, live: &Value) -> Vec<(String, Origin)> {
        let found = differences(Sides { declared, applied, live }, &[]);
        found.into_iter().map(|change| (change.path, change.origin)).collect()
    }

    #[test]
    fn equal_sides_differ_in_nothing() {
        let spec = json!({"cidr": "10.0.0.0/16", "target": 60.0});
        assert_eq!(paths(&spec, &spec, &json!({"cidr": "10.0.0.0/16", "target": 60})), []);
    }

    #[test]
    fn who_moved_a_property_is_told_apart() {
        let old = json!({"days": 30});
        let new = json!({"days": 7});
        let other = json!({"days": 1});
        assert_eq!(paths(&new, &old, &old), [("days".into(), Origin::Configuration)]);
        assert_eq!(paths(&old, &old, &new), [("days".into(), Origin::Outside)]);
        assert_eq!(paths(&new, &old, &other), [("days".into(), Origin::Both)]);
        assert_eq!(paths(&new, &Value::Null, &old), [("days".into(), Origin::Unknown)]);
    }

    #[test]
    fn a_number_within_the_declared_bounds_is_as_declared() {
        let bounds = |initial: u32, most: u32| json!({"count": {"initial": initial, "minimum": 2, "maximum": most}});
        let live = |count: u32| json!({"count": count});
        assert_eq!(paths(&bounds(4, 6), &bounds(3, 6), &live(3)), []);
        assert_eq!(paths(&bounds(3, 8), &bounds(3, 6), &live(7)), []);
        let found = |origin| [("count".to_owned(), origin)];
        assert_eq!(paths(&bounds(3, 6), &bounds(4, 6), &live(7)), found(Origin::Outside));
        assert_eq!(paths(&bounds(3, 4), &bounds(3, 6), &live(5)), found(Origin::Configuration));
    }

    #[test]
    fn what_was_never_declared_is_not_compared() {
        assert_eq!(paths(&json!({}), &json!({}), &json!({"filled_in_by_aws": true})), []);
    }

    #[test]
    fn a_setting_that_was_removed_is_reset() {
        let applied = json!({"user": "1000"});
        assert_eq!(paths(&json!({}), &applied, &applied), [("user".into(), Origin::Configuration)]);
    }

    #[test]
    fn a_map_that_is_declared_is_declared_whole() {
        let declared = json!({"environment": {"A": "1"}});
        let live = json!({"environment": {"A": "1", "B": "2"}});
        assert_eq!(paths(&declared, &declared, &live), [("environment.B".into(), Origin::Outside)]);
    }

    #[test]
    fn what_holds_something_hidden_is_hidden_whole() {
        let (declared, live) = (json!({"container": {"environment": {"A": "1"}}}), json!({}));
        let sides = Sides { declared: &declared, applied: &Value::Null, live: &live };
        let found = differences(sides, &["container.environment"]);
        assert_eq!((found[0].path.as_str(), found[0].hidden), ("container", true));
    }

    #[test]
    fn strange_tags_are_left_alone_and_own_ones_kept() {
        let tags = |pairs: &[(&str, &str)]| -> Tags {
            pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
        };
        let wanted = tags(&[("team", "blue")]);
        let applied = tags(&[("team", "blue"), ("old", "1")]);
        let live = tags(&[("team", "red"), ("old", "1"), ("governance", "x")]);
        let found = tag_differences(&wanted, &applied, &live);
        let paths: Vec<_> = found.iter().map(|change| change.path.as_str()).collect();
        assert_eq!(paths, ["tags.old", "tags.team"]);
    }
}
