//! What was probably meant.

use strsim::damerau_levenshtein;

/// The known word that is nearest to `word`, if one is near enough to have been meant.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distances = known.into_iter().map(|known| (distance(word, known), known));
    let (distance, nearest) = distances.min()?;
    let tolerated = (nearest.chars().count() / 3).clamp(1, 4);
    (distance <= tolerated).then_some(nearest)
}

/// How many slips of the keyboard lie between two words. A unit or another end forgotten or added
/// (`timeout` for `timeout_seconds`) counts as one.
fn distance(word: &str, known: &str) -> usize {
    let (word, known) = (simple(word), simple(known));
    let begins = |long: &str, short: &str| short.len() >= 3 && long.starts_with(short);
    if word != known && (begins(&known, &word) || begins(&word, &known)) {
        return 1;
    }
    damerau_levenshtein(&word, &known)
}

/// A word as it is compared: `healthCheck`, `health-check` and `health_check` are one.
fn simple(word: &str) -> String {
    word.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

/// The known environment that `name` is a slip of, if it is one.
///
/// Names that differ in their digits alone are different environments (`pr-12` and `pr-13`), and
/// so are names of which one extends the other by a part of its own (`prod` and `prod-eu`).
pub(super) fn misspelt<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let slip = |known: &&str| {
        let letters = |name: &str| name.replace(|c: char| c.is_ascii_digit(), "");
        let extends = |long: &str, short: &str| {
            long.strip_prefix(short).is_some_and(|end| end.starts_with('-'))
        };
        letters(name) != letters(known) && !extends(name, known) && !extends(known, name)
    };
    let near = |known: &&str| {
        let longest = name.len().max(known.len());
        let tolerated = if longest <= 4 { 1 } else { 2 };
        let begins = name.starts_with(known) || known.starts_with(name);
        longest >= 3 && (begins || damerau_levenshtein(name, known) <= tolerated)
    };
    known.into_iter().filter(slip).find(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_whatever_its_kind() {
        let known = ["image", "health_check", "timeout_seconds", "memory"];
        for (word, meant) in [
            ("imgae", "image"),
            ("healthCheck", "health_check"),
            ("health-check", "health_check"),
            ("timeout", "timeout_seconds"),
            ("memroy", "memory"),
        ] {
            assert_eq!(nearest(word, known), Some(meant), "{word}");
        }
        assert_eq!(nearest("replicas", known), None);
    }

    #[test]
    fn only_slips_of_an_environment_are_refused() {
        let known = ["prod", "staging", "pr-12"];
        for (name, meant) in [("prd", "prod"), ("production", "prod"), ("stagign", "staging")] {
            assert_eq!(misspelt(name, known), Some(meant), "{name}");
        }
        for name in ["dev", "pr-13", "prod-eu", "staging2", "test", "qa"] {
            assert_eq!(misspelt(name, known), None, "{name}");
        }
    }
}
