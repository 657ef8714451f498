//! What every `Describe…` does alike: ids, filters, tags, pages.
//!
//! One id that is missing fails the whole call; a filter that matches nothing gives an empty set
//! (aws-behaviour 21).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Ec2, error};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// The most values that a filter may have.
const VALUES_A_FILTER: usize = 200;

/// A filter that a resource answers to: its name, and the values that a resource has under it.
pub(super) type Fact<T> = (&'static str, fn(&T, &Cloud) -> Vec<String>);

/// A kind of resource that a `Describe…` lists.
pub(super) trait Listed: Sized + 'static {
    /// The resource type of tags: `internet-gateway`.
    const KIND: &'static str;
    /// What comes before the id in messages: `vpc ID`.
    const NOUN: &'static str;
    /// The code for an id that nothing has.
    const NOT_FOUND: &'static str;
    /// The code for an id that nothing could have.
    const MALFORMED: &'static str;
    /// What ids begin with, without the hyphen.
    const ID_PREFIX: &'static str;
    /// The request's member with the ids asked for.
    const IDS: &'static str;
    /// The answer's member with the list.
    const SET: &'static str;
    /// The greatest `MaxResults`.
    const LARGEST_PAGE: usize = 1000;
    /// All filters but those on tags.
    const FACTS: &'static [Fact<Self>];

    /// All there are, by id.
    fn all(ec2: &Ec2) -> &BTreeMap<String, Self>;

    /// The same, to change.
    fn all_mut(ec2: &mut Ec2) -> &mut BTreeMap<String, Self>;

    /// What a caller gets to see.
    fn show(&self, cloud: &Cloud) -> Value;
}

/// The resource with this id.
pub(super) fn find<'e, T: Listed>(ec2: &'e Ec2, id: &str) -> Result<&'e T, ApiError> {
    check_form::<T>(id)?;
    T::all(ec2).get(id).ok_or_else(|| error::not_found::<T>(id))
}

/// The resource with this id, to change.
pub(super) fn find_mut<'e, T: Listed>(ec2: &'e mut Ec2, id: &str) -> Result<&'e mut T, ApiError> {
    check_form::<T>(id)?;
    T::all_mut(ec2).get_mut(id).ok_or_else(|| error::not_found::<T>(id))
}

fn check_form<T: Listed>(id: &str) -> Result<(), ApiError> {
    let digits = id.strip_prefix(T::ID_PREFIX).and_then(|rest| rest.strip_prefix('-'));
    let well_formed = digits.is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    if well_formed { Ok(()) } else { Err(error::malformed::<T>(id)) }
}

/// Answers a `Describe…` of this kind.
pub(super) fn describe<T: Listed>(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let (shown, next) = page(request, T::LARGEST_PAGE, chosen::<T>(cloud, request)?)?;
    Ok(json!({T::SET: shown, "nextToken": next}))
}

/// What the request's ids and filters choose, by id.
fn chosen<T: Listed>(
    cloud: &Cloud,
    request: Parameters<'_>,
) -> Result<Vec<(String, Value)>, ApiError> {
    let filters = Filters::read(request);
    filters.check(&T::FACTS.iter().map(|(name, _)| *name).collect::<Vec<_>>())?;
    let ids = request.texts(T::IDS);
    for id in &ids {
        find::<T>(&cloud.ec2, id)?;
    }
    let chosen = T::all(&cloud.ec2)
        .iter()
        .filter(|(id, _)| ids.is_empty() || ids.contains(id))
        .filter(|(id, item)| filters.accept(|name| values(cloud, id, *item, name)));
    Ok(chosen.map(|(id, item)| (id.clone(), item.show(cloud))).collect())
}

/// The values that a resource has under a filter's name.
fn values<T: Listed>(cloud: &Cloud, id: &str, item: &T, name: &str) -> Vec<String> {
    let tags = cloud.ec2.tags.get(id);
    if let Some(key) = name.strip_prefix("tag:") {
        return tags.and_then(|tags| tags.get(key)).into_iter().cloned().collect();
    }
    if name == "tag-key" {
        return tags.into_iter().flat_map(BTreeMap::keys).cloned().collect();
    }
    let fact = T::FACTS.iter().find(|(fact, _)| *fact == name);
    fact.map(|(_, values)| values(item, cloud)).unwrap_or_default()
}

/// The filters of a request: all must hold, each by any of its values.
pub(super) struct Filters(Vec<(String, Wanted)>);

/// The values of a filter, which may be very many: those that stand for themselves, and patterns.
struct Wanted {
    plain: BTreeSet<String>,
    patterns: Vec<String>,
}

impl Wanted {
    fn of(values: Vec<String>) -> Self {
        let is_pattern = |value: &String| value.contains(['*', '?', '\\']);
        let (patterns, plain): (Vec<_>, Vec<_>) = values.into_iter().partition(is_pattern);
        Self { plain: plain.into_iter().collect(), patterns }
    }

    fn len(&self) -> usize {
        self.plain.len() + self.patterns.len()
    }

    fn accepts(&self, value: &str) -> bool {
        self.plain.contains(value) || self.patterns.iter().any(|pattern| matches(pattern, value))
    }
}

impl Filters {
    pub(super) fn read(request: Parameters<'_>) -> Self {
        let filter = |filter: Parameters<'_>| {
            let name = filter.text("Name").unwrap_or_default().to_owned();
            (name, Wanted::of(filter.texts("Value")))
        };
        Self(request.structures("Filter").map(filter).collect())
    }

    /// Refuses filters of other names than these, and too many values; those on tags always pass.
    pub(super) fn check(&self, known: &[&str]) -> Result<(), ApiError> {
        if self.0.iter().any(|(_, values)| values.len() > VALUES_A_FILTER) {
            let message = "The maximum number of filter values specified on a single call is 200";
            return Err(ApiError::new("FilterLimitExceeded", message));
        }
        let is_known =
            |name: &str| name.starts_with("tag:") || name == "tag-key" || known.contains(&name);
        match self.0.iter().find(|(name, _)| !is_known(name)) {
            Some((name, _)) => Err(error::invalid_value(format!("The filter '{name}' is invalid"))),
            None => Ok(()),
        }
    }

    /// Whether something with these values under each name passes.
    pub(super) fn accept(&self, values: impl Fn(&str) -> Vec<String>) -> bool {
        self.0.iter().all(|(name, wanted)| values(name).iter().any(|value| wanted.accepts(value)))
    }
}

/// Whether a filter's pattern matches: `*` stands for any text, `?` for one character, and a
/// backslash takes their meaning away.
fn matches(pattern: &str, value: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => value.is_empty(),
        Some('*') => {
            value.char_indices().any(|(at, _)| matches(rest.as_str(), &value[at..]))
                || matches(rest.as_str(), "")
        }
        Some('?') => without_first(value, |_| true).is_some_and(|v| matches(rest.as_str(), v)),
        Some('\\') => {
            let literal = rest.next().unwrap_or('\\');
            without_first(value, |c| c == literal).is_some_and(|v| matches(rest.as_str(), v))
        }
        Some(literal) => {
            without_first(value, |c| c == literal).is_some_and(|v| matches(rest.as_str(), v))
        }
    }
}

fn without_first(value: &str, accept: impl FnOnce(char) -> bool) -> Option<&str> {
    let mut rest = value.chars();
    let first = rest.next()?;
    accept(first).then_some(rest.as_str())
}

/// Cuts the page that a request asks for out of items ordered by their keys, and gives the token
/// of the next one.
pub(super) fn page(
    request: Parameters<'_>,
    largest: usize,
    items: Vec<(String, Value)>,
) -> Result<(Vec<Value>, Option<String>), ApiError> {
    let size = page_size(request, largest)?;
    let first = request.text("NextToken").map(key_of_token).transpose()?.unwrap_or_default();
    let mut rest = items.into_iter().filter(|(key, _)| *key >= first);
    let shown = rest.by_ref().take(size).map(|(_, item)| item).collect();
    Ok((shown, rest.next().map(|(key, _)| token_of_key(&key))))
}

fn page_size(request: Parameters<'_>, largest: usize) -> Result<usize, ApiError> {
    let Some(asked) = request.integer("MaxResults") else { return Ok(largest) };
    match usize::try_from(asked) {
        Ok(size) if (5..=largest).contains(&size) => Ok(size),
        _ => Err(error::invalid_value(format!(
            "Value ( {asked} ) for parameter maxResults is invalid. \
             Expecting a value between 5 and {largest}."
        ))),
    }
}

/// A token says where to go on, in a form that nobody is tempted to read.
fn token_of_key(key: &str) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    let masked = key.bytes().map(|byte| byte ^ TOKEN_MASK);
    masked.flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn key_of_token(token: &str) -> Result<String, ApiError> {
    let unmask = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok().map(|byte| byte ^ TOKEN_MASK)
    };
    let bytes: Option<Vec<u8>> = token.as_bytes().chunks(2).map(unmask).collect();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| error::invalid_value("Unable to parse pagination token"))
}

const TOKEN_MASK: u8 = 0x5a;

/// A fact with one value.
#[expect(clippy::needless_pass_by_value, reason = "callers hand over both values and references")]
pub(super) fn text(value: impl ToString) -> Vec<String> {
    vec![value.to_string()]
}

/// A fact that may be absent.
pub(super) fn maybe(value: Option<impl ToString>) -> Vec<String> {
    value.map(|value| value.to_string()).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(matches("ELB app/*", "ELB app/main/1"));
        assert!(matches("*", ""));
        assert!(matches("a*c*", "abc"));
        assert!(!matches("a*d", "abc"));
    }

    #[test]
    fn an_escaped_star_is_a_star() {
        assert!(matches(r"a\*", "a*"));
        assert!(!matches(r"a\*", "ab"));
    }

    #[test]
    fn a_question_mark_stands_for_one_character() {
        assert!(matches("eu-west-1?", "eu-west-1a"));
        assert!(!matches("eu-west-1?", "eu-west-1"));
    }
}
