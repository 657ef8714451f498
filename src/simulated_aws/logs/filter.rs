//! Filter patterns: the terms that a line must contain.

use super::invalid;
use crate::simulated_aws::wire::ApiError;

/// A pattern of plain terms, told apart by case as the service does.
///
/// Terms with `?` in front are looked for only when all terms have it: beside others, the service
/// does not heed them. Patterns of JSON members (`{ $.x = 1 }`) and of columns (`[a, b]`) are
/// refused.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    /// All of them must be there.
    all: Vec<String>,
    /// One of them must be there.
    any: Vec<String>,
    /// None of them may be there.
    none: Vec<String>,
}

impl Filter {
    pub(super) fn parse(pattern: &str) -> Result<Self, ApiError> {
        let pattern = pattern.trim();
        if pattern.starts_with(['{', '[', '%']) {
            return Err(invalid("The simulated AWS reads filter patterns of plain terms only."));
        }
        let mut filter = Self::default();
        let mut rest = pattern;
        while !rest.is_empty() {
            let (list, after) = match rest.split_at_checked(1) {
                Some(("?", after)) => (&mut filter.any, after),
                Some(("-", after)) => (&mut filter.none, after),
                _ => (&mut filter.all, rest),
            };
            let (term, after) = term(after)?;
            list.push(term.to_owned());
            rest = after.trim_start();
        }
        Ok(filter)
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        let has = |term: &String| text.contains(term.as_str());
        let any = self.any.is_empty() || !self.all.is_empty() || self.any.iter().any(has);
        any && self.all.iter().all(has) && !self.none.iter().any(has)
    }
}

/// The first term of a pattern, in quotes or up to a space, and what follows it.
fn term(pattern: &str) -> Result<(&str, &str), ApiError> {
    match pattern.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or_else(|| invalid("Invalid filter pattern")),
        None => Ok(pattern.split_once(char::is_whitespace).unwrap_or((pattern, ""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Filter::parse(pattern).unwrap().matches(text)
    }

    #[test]
    fn terms_are_all_needed_and_heed_case() {
        assert!(matches("ERROR \"not found\"", "ERROR: file not found"));
        assert!(!matches("ERROR timeout", "ERROR: file not found"));
        assert!(!matches("error", "ERROR"));
        assert!(matches("", "anything"));
    }

    #[test]
    fn one_of_the_optional_terms_is_enough_and_an_excluded_one_too_much() {
        assert!(matches("?ERROR ?WARN", "WARN: slow"));
        assert!(!matches("?ERROR ?WARN", "INFO: fine"));
        assert!(!matches("ERROR -health", "ERROR in health check"));
    }

    #[test]
    fn a_pattern_that_starts_with_a_letter_of_several_bytes_is_a_term() {
        assert!(matches("größe", "die größe"));
        assert!(matches("übel", "ein übel"));
    }

    #[test]
    fn other_patterns_are_refused() {
        assert!(Filter::parse("{ $.level = \"error\" }").is_err());
        assert!(Filter::parse("\"open").is_err());
    }
}
