//! `docs/real-aws.md` names the tests that there are, and all of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../../docs/real-aws.md");

/// The modules here whose tests are each about one thing that the real AWS does.
const MODULES: [&str; 6] = ["halting", "reads", "removals", "rows", "runs", "storm"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The tests that the page names: `module::test`, within backticks.
fn named() -> BTreeSet<&'static str> {
    let is_test = |text: &&str| {
        let is_name = |part: &str| {
            !part.is_empty()
                && part.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
        };
        text.contains("::") && text.split("::").all(is_name)
    };
    PAGE.split('`').skip(1).step_by(2).filter(is_test).collect()
}

/// The file in which a test stands, and what it is called there.
fn place(test: &str) -> Option<(PathBuf, &str)> {
    let (path, name) = test.rsplit_once("::")?;
    let parts: Vec<&str> = path.split("::").collect();
    // A module may be within its file: `rows::in_use`.
    let longest_first = (1..=parts.len()).rev().map(|count| parts[..count].join("/"));
    let files = longest_first.flat_map(|path| {
        ["tests/faults", "tests", "src"].map(|room| root().join(room).join(format!("{path}.rs")))
    });
    files.filter(|file| file.is_file()).find(|file| holds(file, name)).map(|file| (file, name))
}

/// Whether a file has a test of that name: a function, or a row of a macro.
fn holds(file: &Path, name: &str) -> bool {
    let text = std::fs::read_to_string(file).expect("a source can be read");
    let (function, row) = (format!("fn {name}("), format!(" {name}: "));
    text.contains(&function) || text.contains(&row)
}

/// The tests of a module here.
fn tests_of(module: &str) -> Vec<String> {
    let file = root().join("tests/faults").join(format!("{module}.rs"));
    let text = std::fs::read_to_string(file).expect("a source can be read");
    let mut tests = Vec::new();
    let mut is_next = false;
    for line in text.lines() {
        let line = line.trim_start();
        let function = line.trim_start_matches("async ").strip_prefix("fn ");
        if let (true, Some(function)) = (is_next, function) {
            tests.extend(function.split('(').next().map(str::to_owned));
        }
        let row =
            [": Up, ", ": Update, ", ": Down, "].iter().find_map(|when| line.split_once(when));
        tests.extend(row.map(|(name, _)| name.to_owned()));
        is_next = line.starts_with("#[tokio::test") || line == "#[test]";
    }
    // The name in the macro that makes tests of rows.
    tests.retain(|test| !test.starts_with('$'));
    tests
}

#[test]
fn every_test_that_the_page_names_is_there() {
    let named = named();
    assert!(named.len() > 100, "{} are named", named.len());
    let missing: Vec<_> = named.iter().filter(|test| place(test).is_none()).collect();
    assert!(missing.is_empty(), "docs/real-aws.md names tests that are not there: {missing:#?}");
}

#[test]
fn every_test_of_what_aws_does_is_named_by_the_page() {
    let named = named();
    let is_named = |module: &str, test: &str| {
        let (begin, end) = (format!("{module}::"), format!("::{test}"));
        named.iter().any(|one| one.starts_with(&begin) && one.ends_with(&end))
    };
    for module in MODULES {
        let tests = tests_of(module);
        assert!(!tests.is_empty(), "{module}");
        for test in tests {
            assert!(is_named(module, &test), "docs/real-aws.md lacks {module}::{test}");
        }
    }
}
