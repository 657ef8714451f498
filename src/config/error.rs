//! What is wrong with a configuration, where, and what to do.

use std::cmp::Reverse;

use miette::{Diagnostic, LabeledSpan};
use thiserror::Error;

use super::tree::{Place, Text};

/// All that is wrong with a configuration.
#[derive(Debug, Error, Diagnostic)]
#[error("{name} has {}", count(.errors.len()))]
pub struct ConfigErrors {
    name: String,
    #[related]
    errors: Vec<ConfigError>,
}

fn count(errors: usize) -> String {
    if errors == 1 { "an error".into() } else { format!("{errors} errors") }
}

impl ConfigErrors {
    /// Errors in the order in which they stand in the file; each said once.
    pub(super) fn new(file: String, mut errors: Vec<ConfigError>) -> Self {
        errors.sort_by_key(ConfigError::order);
        errors.dedup_by_key(|error| error.order());
        let only_in_arguments = errors.iter().all(|error| error.source_name().starts_with('-'));
        let name = if only_in_arguments { "the command line".into() } else { file };
        Self { name, errors }
    }

    /// The errors, never none.
    pub fn errors(&self) -> &[ConfigError] {
        &self.errors
    }
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Error, Diagnostic)]
#[error("{message}")]
pub struct ConfigError {
    message: String,
    #[source_code]
    text: Text,
    #[label(collection)]
    labels: Vec<LabeledSpan>,
    #[help]
    advice: Option<String>,
}

impl ConfigError {
    /// An error at a place, with a few words to stand beside it.
    pub(super) fn at(place: Place, label: &str, message: impl Into<String>) -> Self {
        let span = (place.span.start, place.span.len());
        let label = LabeledSpan::new_primary_with_span(Some(label.into()), span);
        Self { message: message.into(), text: place.text, labels: vec![label], advice: None }
    }

    /// Says what to do.
    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Points at another place that has to do with it, if that is in the same text.
    pub(super) fn and(mut self, place: &Place, label: &str) -> Self {
        if std::sync::Arc::ptr_eq(&place.text, &self.text) {
            let span = (place.span.start, place.span.len());
            self.labels.push(LabeledSpan::new_with_span(Some(label.into()), span));
        }
        self
    }

    /// What is wrong, in one sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do.
    pub fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// The name of what it is in: the file's, or the command line's argument's.
    pub fn source_name(&self) -> &str {
        self.text.name()
    }

    /// Line and column, both from one.
    pub fn position(&self) -> (usize, usize) {
        let before = self.text.inner().get(..self.offset()).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    fn offset(&self) -> usize {
        self.labels.first().map_or(0, LabeledSpan::offset)
    }

    /// The file before the command line's arguments, whose names begin with hyphens.
    fn order(&self) -> (Reverse<bool>, String, usize, String) {
        let argument = self.source_name().starts_with('-');
        (Reverse(!argument), self.source_name().into(), self.offset(), self.message.clone())
    }
}
