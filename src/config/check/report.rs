//! Where checks write what they find.

use std::sync::Arc;

use miette::NamedSource;

use crate::config::error::ConfigError;
use crate::config::tree::{Node, Path, Place, Text};

/// What the checks have found so far.
pub(super) struct Report<'a> {
    tree: &'a Node,
    poisoned: Vec<Path>,
    base: Path,
    errors: Vec<ConfigError>,
}

impl<'a> Report<'a> {
    /// Nothing yet. What is found at a poisoned path will be left out.
    pub fn new(tree: &'a Node, poisoned: Vec<Path>) -> Self {
        Self { tree, poisoned, base: Path::new(), errors: Vec::new() }
    }

    /// All that was found.
    pub fn into_errors(self) -> Vec<ConfigError> {
        self.errors
    }

    /// Whether the user wrote a key.
    pub fn is_written(&self, key: &str) -> bool {
        self.tree.at(&self.path(key)).is_some()
    }

    /// Makes paths relative to a table.
    pub fn enter(&mut self, table: &[&str]) {
        self.base = table.iter().map(|key| (*key).to_owned()).collect();
    }

    /// Makes paths relative to the root again.
    pub fn leave(&mut self) {
        self.base.clear();
    }

    /// Notes that the values of some keys, written with dots, are wrong (together); the first is
    /// pointed at foremost.
    pub fn wrong(&mut self, keys: &[&str], message: impl Into<String>, advice: impl Into<String>) {
        let paths: Vec<Path> = keys.iter().map(|key| self.path(key)).collect();
        if paths.iter().any(|path| self.is_poisoned(path)) {
            return;
        }
        let written: Vec<(&Path, &Node)> =
            paths.iter().filter_map(|path| Some((path, self.tree.at(path)?))).collect();
        let mut error = match (&written[..], paths.first()) {
            ([(_, node), ..], _) => ConfigError::at(node.place.clone(), "here", message),
            ([], Some(path)) => ConfigError::at(self.tree.around(path), "here", message),
            ([], None) => return,
        };
        for (path, node) in written.iter().skip(1) {
            let key = path.last().map_or("", String::as_str);
            error = error.and(&node.place, &format!("`{key}`"));
        }
        self.errors.push(error.advise(advice));
    }

    /// Notes a number that is not within its bounds.
    pub fn within(&mut self, key: &str, number: u32, least: u32, most: u32) {
        if !(least..=most).contains(&number) {
            let message = format!("`{}` can't be {number}", self.path(key).join("."));
            self.wrong(&[key], message, format!("it is from {least} to {most}"));
        }
    }

    /// Notes that a key of a table is wrong.
    pub fn wrong_key(
        &mut self,
        table: &str,
        key: &str,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) {
        let path = self.entry(table, key);
        let place = self.tree.key_at(&path).cloned();
        self.wrong_at(&path, place, message.into(), advice.into());
    }

    /// Notes that the value of a table's key, or an element of a list, is wrong.
    pub fn wrong_entry(
        &mut self,
        table: &str,
        key: &str,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) {
        let path = self.entry(table, key);
        let place = self.tree.at(&path).map(|node| node.place.clone());
        self.wrong_at(&path, place, message.into(), advice.into());
    }

    /// Notes that an argument of the command line is wrong.
    pub fn wrong_argument(&mut self, option: &str, value: &str, message: String, advice: String) {
        let text: Text = Arc::new(NamedSource::new(option, value.to_owned()));
        let place = Place { text, span: 0..value.len() };
        self.errors.push(ConfigError::at(place, "here", message).advise(advice));
    }

    fn wrong_at(&mut self, path: &Path, place: Option<Place>, message: String, advice: String) {
        if self.is_poisoned(path) {
            return;
        }
        let place = place.unwrap_or_else(|| self.tree.around(path));
        self.errors.push(ConfigError::at(place, "here", message).advise(advice));
    }

    fn path(&self, key: &str) -> Path {
        self.base.iter().cloned().chain(key.split('.').map(Into::into)).collect()
    }

    fn entry(&self, table: &str, key: &str) -> Path {
        let mut path = self.path(table);
        path.push(key.into());
        path
    }

    fn is_poisoned(&self, path: &[String]) -> bool {
        let touches = |poisoned: &Path| path.starts_with(poisoned) || poisoned.starts_with(path);
        self.poisoned.iter().any(touches)
    }
}
