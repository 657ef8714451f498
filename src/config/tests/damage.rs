//! A file that is not what anybody would write: an error that points at it, and never a panic.

use proptest::prelude::*;

use crate::config::{Config, Guess, Overrides, Source, template};

/// Reads a text to the end: as a configuration with its warnings, or as errors with their words.
fn read(text: String) -> bool {
    let source = Source { path: "provision.toml".into(), text };
    let overrides = Overrides { environment: "prod".into(), ..Overrides::default() };
    match Config::load(&source, &overrides) {
        Ok(config) => drop(config.warnings()),
        Err(errors) => {
            assert!(!errors.to_string().is_empty());
            return false;
        }
    }
    true
}

/// A real file, long enough to have everything in it.
fn real() -> String {
    // What is commented out there is part of it here.
    let text = template(&Guess::of_directory("web"));
    text.lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line))
        .fold(String::new(), |text, line| text + line + "\n")
}

proptest! {
    #[test]
    fn arbitrary_text_is_read_without_a_panic(text in any::<String>()) {
        read(text);
    }

    #[test]
    fn arbitrary_keys_and_values_are_read_without_a_panic(
        text in "(\\[{0,2}[a-z._\"]{1,12}\\]{0,2}\n|[a-z_.\"]{1,10} ?= ?[-0-9a-z\\[\\]{}\"'.,:/*]{0,12}\n){0,12}",
    ) {
        read(text);
    }

    #[test]
    fn a_mutated_file_is_read_without_a_panic(
        place in any::<prop::sample::Index>(),
        length in 0..12_usize,
        with in "[-0-9a-z\\[\\]{}\"'.,:/*= \n]{0,12}",
    ) {
        let text: Vec<char> = real().chars().collect();
        let start = place.index(text.len());
        let end = (start + length).min(text.len());
        let mutated = text[..start].iter().copied().chain(with.chars());
        read(mutated.chain(text[end..].iter().copied()).collect());
    }
}

#[test]
fn deep_nesting_and_huge_numbers_are_refused_and_no_more() {
    assert!(!read(format!("a = {}1{}", "[".repeat(100_000), "]".repeat(100_000))));
    assert!(!read(format!("{} = 1", vec!["a"; 50_000].join("."))));
    assert!(!read(format!("name = {}", "9".repeat(100_000))));
}
