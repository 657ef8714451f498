//! The three sides of a spec, held against each other property by property.
//!
//! The rule: one place that differs is one difference. What the kind declares as one value is
//! compared as one; the members of a collection that the stack owns are compared each by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Class;
use crate::aws::Tags;
use crate::plan::diff::{Sides, TAGS};
use crate::plan::place::{field_of, name_of};
use crate::resource::Facts;
use crate::resource::reference::reference_in;
use crate::resource::value::equal;
use crate::state::Known;

/// One place in which the sides differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Where it is in the spec.
    pub property: String,
    /// Who made them differ.
    pub class: Class,
    /// What the file says; null for nothing.
    pub declared: Value,
    /// What was last applied; null for nothing.
    pub applied: Value,
    /// What AWS says; null for nothing.
    pub live: Value,
}

impl Difference {
    /// The field of the spec that it is in.
    pub fn field(&self) -> &str {
        field_of(&self.property)
    }
}

/// The differences of a spec's three sides, in order of their places.
///
/// Only what is declared, or was applied before, is compared: AWS may fill in the rest as it likes.
/// What counted only while the resource was made is not.
/// Where it is not `known` what was applied, nothing counts as changed by somebody else.
pub fn differences(sides: Sides<'_>, facts: &Facts, known: &Known) -> Vec<Difference> {
    let mut comparison = Comparison { facts, known, found: Vec::new() };
    let none = Map::new();
    let [declared, applied, live] =
        [sides.declared, sides.applied, sides.live].map(|side| side.as_object().unwrap_or(&none));
    let names: BTreeSet<&String> = declared.keys().chain(applied.keys()).collect();
    for name in names.into_iter().filter(|name| !facts.initial.contains(&name.as_str())) {
        comparison.compare(name, name, side_at([declared, applied, live], name));
    }
    comparison.found
}

/// The differences of tags: of those that are wanted, and of those that were applied. A stranger's
/// tags do not count, and neither do those of which it is not known what was applied.
pub fn tag_differences(
    wanted: &Tags,
    applied: &Tags,
    live: &Tags,
    known: &Known,
) -> Vec<Difference> {
    let keys: BTreeSet<&String> = wanted.keys().chain(applied.keys()).collect();
    let value = |tags: &Tags, key: &String| tags.get(key).cloned().map_or(Value::Null, Value::from);
    let sides = keys.into_iter().map(|key| {
        let sides = [value(wanted, key), value(applied, key), value(live, key)];
        (format!("{TAGS}[{key}]"), sides)
    });
    sides
        .filter_map(|(property, [declared, applied, live])| {
            let class = class_of(&declared, &applied, &live);
            let class = as_known(known.has(TAGS), class, &declared, &live)?;
            Some(Difference { property, class, declared, applied, live })
        })
        .collect()
}

struct Comparison<'a> {
    facts: &'a Facts,
    known: &'a Known,
    found: Vec<Difference>,
}

impl Comparison<'_> {
    /// `pattern` is the property with `*` for the names of a map's members.
    fn compare(&mut self, property: &str, pattern: &str, sides: [&Value; 3]) {
        let is_owned = self.facts.owned.contains(&pattern);
        if self.facts.whole.contains(&pattern) {
            return self.note(property, sides, false);
        }
        if let (true, Some(members)) = (is_owned, members(sides)) {
            return self.members(property, &members);
        }
        match sides.map(members_of_object) {
            [Some(declared), applied, Some(live)] => {
                let none = Map::new();
                let applied = applied.unwrap_or(&none);
                let names: BTreeSet<&String> =
                    declared.keys().chain(applied.keys()).chain(live.keys()).collect();
                for name in names {
                    let sides = side_at([declared, applied, live], name);
                    let inner = format!("{property}{}", step(name));
                    let pattern = self.pattern(pattern, name);
                    self.compare(&inner, &pattern, sides);
                }
            }
            _ => self.note(property, sides, false),
        }
    }

    /// The pattern of a member: by its name, or `*` where the kind knows it by that.
    fn pattern(&self, pattern: &str, name: &str) -> String {
        let any = format!("{pattern}.*");
        if self.facts.whole.contains(&any.as_str()) { any } else { format!("{pattern}.{name}") }
    }

    /// Compares the members of an owned collection, each by itself.
    fn members(&mut self, property: &str, members: &BTreeMap<String, [Value; 3]>) {
        for (name, [declared, applied, live]) in members {
            self.note(&format!("{property}[{name}]"), [declared, applied, live], true);
        }
    }

    fn note(&mut self, property: &str, sides: [&Value; 3], is_member: bool) {
        let [declared, applied, live] = sides;
        let class = match class_of(declared, applied, live) {
            Some(Class::Missing | Class::Extra) if !is_member => Some(Class::Outside),
            class => class,
        };
        let class = as_known(self.known.has(field_of(property)), class, declared, live);
        self.found.extend(class.map(|class| Difference {
            property: property.to_owned(),
            class,
            declared: declared.clone(),
            applied: applied.clone(),
            live: live.clone(),
        }));
    }
}

/// The class of a difference, where it may not be known what was applied: then nobody is accused.
fn as_known(is_known: bool, class: Option<Class>, declared: &Value, live: &Value) -> Option<Class> {
    if is_known { class } else { (!equal(declared, live)).then_some(Class::Unapplied) }
}

/// Who made three values differ; `None` where they do not.
fn class_of(declared: &Value, applied: &Value, live: &Value) -> Option<Class> {
    match (equal(declared, applied), equal(applied, live)) {
        // A number may be within the bounds that were applied, and within other ones of now.
        (_, true) if equal(declared, live) => None,
        (true, true) => None,
        (false, true) => Some(Class::Unapplied),
        (true, false) if applied.is_null() => Some(Class::Extra),
        (true, false) if live.is_null() => Some(Class::Missing),
        (true, false) => Some(Class::Outside),
        (false, false) if equal(declared, live) => Some(Class::Agreed),
        (false, false) => Some(Class::Conflicting),
    }
}

fn side_at<'a>(sides: [&'a Map<String, Value>; 3], name: &str) -> [&'a Value; 3] {
    sides.map(|side| side.get(name).unwrap_or(&Value::Null))
}

fn members_of_object(value: &Value) -> Option<&Map<String, Value>> {
    value.as_object().filter(|_| reference_in(value).is_none())
}

/// The members of a collection on its three sides, by what tells them apart. `None` where a side is
/// no collection.
fn members(sides: [&Value; 3]) -> Option<BTreeMap<String, [Value; 3]>> {
    let mut members: BTreeMap<String, [Value; 3]> = BTreeMap::new();
    for (side, value) in sides.into_iter().enumerate() {
        for (name, member) in items(value)? {
            members.entry(name).or_default()[side] = member.clone();
        }
    }
    Some(members)
}

fn items(collection: &Value) -> Option<Vec<(String, &Value)>> {
    match collection {
        Value::Array(items) => Some(items.iter().map(|item| (name_of(item), item)).collect()),
        Value::Object(items) if reference_in(collection).is_none() => {
            Some(items.iter().map(|(name, item)| (name.clone(), item)).collect())
        }
        Value::Null => Some(Vec::new()),
        _ => None,
    }
}

/// A step to a member: `.path`, or `[0.0.0.0/0]` where the name is no word.
fn step(name: &str) -> String {
    let is_word = !name.is_empty()
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if is_word { format!(".{name}") } else { format!("[{name}]") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::Kind;

    fn found(kind: Kind, [declared, applied, live]: [Value; 3]) -> Vec<(String, Class)> {
        let sides = Sides { declared: &declared, applied: &applied, live: &live };
        let found = differences(sides, &kind.facts(), &Known::All);
        found.into_iter().map(|one| (one.property, one.class)).collect()
    }

    fn rule(port: u16, description: &str) -> Value {
        json!({
            "protocol": "tcp", "from_port": port, "to_port": port,
            "peer": {"cidr": "0.0.0.0/0"}, "description": description,
        })
    }

    #[test]
    fn who_moved_a_property_is_told_from_three_sides() {
        let days = |days: u32| json!({"retention_days": days});
        let class = |sides: [u32; 3]| {
            found(Kind::LogGroup, sides.map(days)).first().map(|(_, class)| *class)
        };
        assert_eq!(class([30, 30, 30]), None);
        assert_eq!(class([30, 30, 7]), Some(Class::Outside));
        assert_eq!(class([7, 30, 30]), Some(Class::Unapplied));
        assert_eq!(class([7, 30, 7]), Some(Class::Agreed));
        assert_eq!(class([7, 30, 1]), Some(Class::Conflicting));
    }

    #[test]
    fn members_of_what_the_stack_owns_are_told_one_by_one() {
        let held = json!({"ingress": [rule(80, "web"), rule(443, "web")]});
        let live = json!({"ingress": [rule(80, "reworded"), rule(22, "")]});
        let found = found(Kind::SecurityGroup, [held.clone(), held, live]);
        let of = |port: u16| {
            format!("ingress[from_port={port} peer.cidr=0.0.0.0/0 protocol=tcp to_port={port}]")
        };
        let expected =
            [(of(22), Class::Extra), (of(443), Class::Missing), (of(80), Class::Outside)];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_route_that_leads_elsewhere_is_one_difference() {
        let held = json!({"routes": {"0.0.0.0/0": {"internet_gateway": "igw-1"}}});
        let live =
            json!({"routes": {"0.0.0.0/0": {"other": "tgw-1"}, "10.9.0.0/16": {"other": "pcx-1"}}});
        assert_eq!(
            found(Kind::RouteTable, [held.clone(), held, live]),
            [
                ("routes[0.0.0.0/0]".to_owned(), Class::Outside),
                ("routes[10.9.0.0/16]".to_owned(), Class::Extra),
            ]
        );
    }

    #[test]
    fn a_document_is_one_property() {
        let trust = |service: &str| json!({"trust": {"Version": service, "Statement": [{"Principal": service}]}});
        let found = found(Kind::Role, [trust("a"), trust("a"), trust("b")]);
        assert_eq!(found, [("trust".to_owned(), Class::Outside)]);
    }

    #[test]
    fn variables_are_told_one_by_one_however_deep() {
        let held = json!({"container": {"environment": {"A": "1", "B.C": "1"}}});
        let live = json!({"container": {"environment": {"A": "2", "D": "1"}}});
        assert_eq!(
            found(Kind::TaskDefinition, [held.clone(), held, live]),
            [
                ("container.environment.A".to_owned(), Class::Outside),
                ("container.environment[B.C]".to_owned(), Class::Outside),
                ("container.environment.D".to_owned(), Class::Outside),
            ]
        );
    }

    #[test]
    fn what_counted_only_at_the_beginning_is_no_difference_later() {
        let made = |port: u16| json!({"port": port});
        assert_eq!(found(Kind::TargetGroup, [made(9000), made(8000), made(8000)]), []);
    }

    #[test]
    fn a_number_within_bounds_that_moved_is_no_difference() {
        let bounds = |most: u32| json!({"count": {"initial": 3, "minimum": 2, "maximum": most}});
        let live = |count: u32| json!({"count": count});
        assert_eq!(found(Kind::Service, [bounds(8), bounds(6), live(3)]), []);
        let outside = [("count".to_owned(), Class::Outside)];
        assert_eq!(found(Kind::Service, [bounds(6), bounds(6), live(9)]), outside);
    }

    #[test]
    fn nobody_is_accused_where_it_is_not_known_what_was_applied() {
        let (declared, live) = (json!({"retention_days": 30}), json!({"retention_days": 7}));
        let sides = Sides { declared: &declared, applied: &Value::Null, live: &live };
        let found = differences(sides, &Kind::LogGroup.facts(), &Known::Nothing);
        assert_eq!(found[0].class, Class::Unapplied);
    }

    #[test]
    fn tags_of_strangers_do_not_count() {
        let tags = |pairs: &[(&str, &str)]| -> Tags {
            pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
        };
        let own = tags(&[("team", "blue"), ("cost", "1")]);
        let live = tags(&[("team", "red"), ("governance", "x")]);
        let found: Vec<_> = tag_differences(&own, &own, &live, &Known::All)
            .into_iter()
            .map(|one| (one.property, one.class))
            .collect();
        let expected = [("tags[cost]", Class::Missing), ("tags[team]", Class::Outside)];
        assert_eq!(found, expected.map(|(property, class)| (property.to_owned(), class)));
    }
}
