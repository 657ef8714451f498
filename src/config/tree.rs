//! What the layers say before it has types: values that remember where they were written.
//!
//! The rule: a value is replaced or merged together with its place, so that whatever is found
//! wrong later can be shown where the user wrote it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use miette::NamedSource;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::ConfigError;

/// A text that values come from: the file, or an argument of the command line.
pub(super) type Text = Arc<NamedSource<String>>;

/// Keys from the root to a value; an index, as text, within a list.
pub(super) type Path = Vec<String>;

/// Where something was written.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub text: Text,
    pub span: Range<usize>,
}

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub value: Value,
    pub place: Place,
    /// The characters themselves, where they were given without TOML's quotes: `--set` may mean
    /// the text `80` as well as the number.
    pub bare: Option<String>,
}

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Table(BTreeMap<String, Entry>),
    List(Vec<Node>),
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    /// A date or a time, as it was written.
    Datetime(String),
}

/// A key of a table, and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: Place,
    pub node: Node,
}

impl Node {
    /// A value that nobody wrote as TOML: the whole of `text`.
    pub fn whole(value: Value, text: &Text) -> Self {
        let place = Place { text: text.clone(), span: 0..text.inner().len() };
        Self { value, place, bare: None }
    }

    /// Wraps a value into the tables that lead to it.
    pub fn under(self, path: &[&str]) -> Self {
        path.iter().rev().fold(self, |node, key| {
            let place = node.place.clone();
            let entry = Entry { key: place.clone(), node };
            let table = BTreeMap::from([((*key).to_owned(), entry)]);
            Self { value: Value::Table(table), place, bare: None }
        })
    }

    /// The characters by which it was written.
    pub fn written(&self) -> &str {
        self.place.text.inner().get(self.place.span.clone()).unwrap_or_default()
    }

    /// Its entries, if it is a table.
    pub fn table(&self) -> Option<&BTreeMap<String, Entry>> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// Its entries, if it is a table.
    pub fn table_mut(&mut self) -> Option<&mut BTreeMap<String, Entry>> {
        match &mut self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// Lays another layer over this one: tables are merged key by key, anything else is replaced.
    pub fn overlay(&mut self, over: Self) {
        match (&mut self.value, over.value) {
            (Value::Table(under), Value::Table(over)) => merge(under, over),
            (_, value) => *self = Self { value, place: over.place, bare: over.bare },
        }
    }

    /// The value at a path.
    pub fn at<S: AsRef<str>>(&self, path: &[S]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| match &node.value {
            Value::Table(table) => table.get(key.as_ref()).map(|entry| &entry.node),
            Value::List(list) => list.get(key.as_ref().parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Where the key at a path was written; for an element of a list, the element.
    pub fn key_at<S: AsRef<str>>(&self, path: &[S]) -> Option<&Place> {
        let (last, parents) = path.split_last()?;
        match &self.at(parents)?.value {
            Value::Table(table) => table.get(last.as_ref()).map(|entry| &entry.key),
            _ => self.at(path).map(|node| &node.place),
        }
    }

    /// Where the nearest table around a path was written, or the beginning of the text.
    pub fn around<S: AsRef<str>>(&self, path: &[S]) -> Place {
        let mut depths = (1..=path.len()).rev();
        let nearest = depths.find_map(|depth| self.key_at(path.get(..depth)?));
        nearest.cloned().unwrap_or_else(|| Place { text: self.place.text.clone(), span: 0..0 })
    }

    /// Takes the value at a path away, with the whole list if it is in one. Says whether it was
    /// there.
    pub fn remove(&mut self, path: &[String]) -> bool {
        let Some((key, rest)) = path.split_first() else { return false };
        let Some(table) = self.table_mut() else { return false };
        let Some(entry) = table.get_mut(key) else { return false };
        if !rest.is_empty() && entry.node.remove(rest) {
            return true;
        }
        table.remove(key).is_some()
    }

    /// Puts a value at a path whose parents exist. Says whether they do.
    pub fn insert(&mut self, path: &[String], value: Value) -> bool {
        let Some((key, rest)) = path.split_first() else { return false };
        let place = self.place.clone();
        let Some(table) = self.table_mut() else { return false };
        if !rest.is_empty() {
            return table.get_mut(key).is_some_and(|entry| entry.node.insert(rest, value));
        }
        let node = Self { value, place: place.clone(), bare: None };
        table.insert(key.clone(), Entry { key: place, node });
        true
    }
}

fn merge(under: &mut BTreeMap<String, Entry>, over: BTreeMap<String, Entry>) {
    for (key, entry) in over {
        match under.get_mut(&key) {
            Some(existing) => {
                existing.key = entry.key;
                existing.node.overlay(entry.node);
            }
            None => drop(under.insert(key, entry)),
        }
    }
}

/// Parses a TOML document.
pub(super) fn parse(text: &Text) -> Result<Node, ConfigError> {
    let table = DeTable::parse(text.inner()).map_err(|error| syntax_error(text, &error))?;
    let span = table.span();
    let value = Value::Table(entries(text, table.into_inner()));
    Ok(Node { value, place: Place { text: text.clone(), span }, bare: None })
}

fn syntax_error(text: &Text, error: &toml::de::Error) -> ConfigError {
    let span = error.span().unwrap_or(0..0);
    let place = Place { text: text.clone(), span: within(text.inner(), span) };
    ConfigError::at(place, "here", format!("this is not TOML: {}", error.message()))
        .advise("TOML is made of `key = value` lines and `[table]` headers; text stands in quotes")
}

/// A span that lies within the text, on characters' boundaries.
fn within(text: &str, span: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.floor_char_boundary(span.end.min(text.len()));
    start..end.max(start)
}

fn entries(text: &Text, table: DeTable<'_>) -> BTreeMap<String, Entry> {
    let entries = table.into_iter().map(|(key, value)| {
        let place = Place { text: text.clone(), span: key.span() };
        (key.into_inner().into_owned(), Entry { key: place, node: node(text, value) })
    });
    entries.collect()
}

fn node(text: &Text, spanned: Spanned<DeValue<'_>>) -> Node {
    let place = Place { text: text.clone(), span: spanned.span() };
    let value = match spanned.into_inner() {
        DeValue::String(characters) => Value::Text(characters.into_owned()),
        DeValue::Integer(digits) => integer(digits.as_str(), digits.radix()),
        DeValue::Float(digits) => float(digits.as_str()),
        DeValue::Boolean(on) => Value::Boolean(on),
        DeValue::Datetime(moment) => Value::Datetime(moment.to_string()),
        DeValue::Array(list) => Value::List(list.into_iter().map(|v| node(text, v)).collect()),
        DeValue::Table(table) => Value::Table(entries(text, table)),
    };
    Node { value, place, bare: None }
}

/// A whole number; one that 64 bits do not hold becomes the nearest that they do, since no setting
/// is that large and its check will say so.
fn integer(digits: &str, radix: u32) -> Value {
    let largest = if digits.starts_with('-') { i64::MIN } else { i64::MAX };
    Value::Integer(i64::from_str_radix(digits, radix).unwrap_or(largest))
}

fn float(digits: &str) -> Value {
    Value::Float(digits.parse().unwrap_or(f64::NAN))
}

/// Reads `path = value` as given to `--set`: the value is TOML if it can be, and text otherwise.
pub(super) fn assignment(path: &str, value: &str) -> Result<Node, ConfigError> {
    let text: Text = Arc::new(NamedSource::new("--set", format!("{path}={value}")));
    if let Some(parsed) = typed_assignment(&text) {
        return Ok(parsed);
    }
    let keys: Text = Arc::new(NamedSource::new("--set", format!("{path}=\"\"")));
    let malformed = |_| malformed_path(path, value);
    let mut parsed = parse(&keys).map_err(malformed)?;
    if path.contains('\n') {
        return Err(malformed_path(path, value));
    }
    let start = path.len() + 1;
    let place = Place { text, span: start..start + value.len() };
    relabel(&mut parsed, &place, Value::Text(value.into()));
    Ok(parsed)
}

/// The assignment as TOML, unless its value is more than one line: that would be able to set other
/// keys as well.
fn typed_assignment(text: &Text) -> Option<Node> {
    if text.inner().contains('\n') {
        return None;
    }
    let mut parsed = parse(text).ok()?;
    bare(&mut parsed);
    Some(parsed)
}

/// Notes the characters of all scalars that the tables lead to.
fn bare(node: &mut Node) {
    match &mut node.value {
        Value::Table(table) => {
            for entry in table.values_mut() {
                bare(&mut entry.node);
            }
        }
        Value::List(_) | Value::Text(_) => {}
        _ => node.bare = Some(node.written().into()),
    }
}

fn relabel(node: &mut Node, place: &Place, value: Value) {
    node.place = place.clone();
    match &mut node.value {
        Value::Table(table) => {
            for entry in table.values_mut() {
                entry.key.text = place.text.clone();
                relabel(&mut entry.node, place, value.clone());
            }
        }
        other => *other = value,
    }
}

fn malformed_path(path: &str, value: &str) -> ConfigError {
    let text: Text = Arc::new(NamedSource::new("--set", format!("{path}={value}")));
    let place = Place { text, span: 0..path.len() };
    ConfigError::at(place, "not a key's path", format!("`{path}` is not the path of a key"))
        .advise("keys joined by dots, as in `--set services.app.count=3`")
}
