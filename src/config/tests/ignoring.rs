//! What a check for drift is not to tell, as it is written.

use jiff::civil::date;

use super::*;

fn ignoring(entries: &str) -> String {
    format!("{SMALLEST}[drift]\nignore = [{entries}]\n")
}

#[test]
fn a_day_is_a_date_of_toml_or_text() {
    let entries =
        "{ address = \"*\", until = 2027-01-31 }, { address = \"*\", until = \"2027-01-31\" }";
    let drift = load(&ignoring(entries)).drift;
    let days: Vec<_> = drift.ignore.iter().map(|entry| entry.until).collect();
    assert_eq!(days, [Some(date(2027, 1, 31)); 2]);
}

#[test]
fn what_is_no_day_is_told() {
    let said = errors(&ignoring("{ address = \"*\", until = \"soon\" }"));
    assert!(said.contains("`soon` is not a day"), "{said}");
    assert!(said.contains("2027-01-31"), "{said}");
    assert!(errors(&ignoring("{ address = \"*\", until = 2027 }")).contains("a date such as"));
}

#[test]
fn a_date_is_no_text_anywhere_else() {
    assert!(errors(&ignoring("{ address = 2027-01-31 }")).contains("a date"));
}

#[test]
fn an_entry_says_of_which_resources() {
    assert!(errors(&ignoring("{ property = \"count\" }")).contains("`address` is missing"));
}
