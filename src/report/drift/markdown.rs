//! A check as Markdown, for a pull request or a chat.
//!
//! The rule: it fits into one comment, the worst first, and what does not fit is counted; nothing
//! that somebody else has written is taken for markup.

use std::fmt::Write as _;

use super::sentence;
use crate::drift::{Drift, Finding, Severity};
use crate::report::clean;

/// The most characters of a comment on GitHub. Bytes are counted, which are never fewer.
pub const LONGEST: usize = 65_536;

/// What is kept free for saying what was left out.
const LAST_WORD: usize = 256;

/// A section a stack, in `longest` bytes at most: a line that says it all, and a table of what has
/// drifted.
pub fn document(checks: &[&Drift], longest: usize) -> String {
    let mut text = String::new();
    let mut left_out = 0;
    for drift in checks {
        let room = longest.saturating_sub(text.len() + LAST_WORD);
        match section(drift, room) {
            Some(section) if left_out == 0 => text.push_str(&section),
            _ => left_out += 1,
        }
    }
    if left_out > 0 {
        // Writing into a string does not fail.
        let _ = writeln!(text, "_{left_out} more stacks did not fit into this comment._");
    }
    text
}

/// What is to be said of a stack in `room` bytes; `None` where not even its first line fits.
fn section(drift: &Drift, room: usize) -> Option<String> {
    let (head, foot) = (head(drift), foot(drift));
    let mut room = room.checked_sub(head.len() + foot.len() + LAST_WORD)?;
    let mut text = head;
    let mut left_out = 0;
    for row in drift.drifted().map(row) {
        match room.checked_sub(row.len()) {
            Some(rest) if left_out == 0 => {
                text.push_str(&row);
                room = rest;
            }
            _ => left_out += 1,
        }
    }
    if left_out > 0 {
        let _ = writeln!(
            text,
            "\n_{left_out} more findings did not fit into this comment: `provision drift` shows all._"
        );
    }
    text.push_str(&foot);
    Some(text)
}

fn head(drift: &Drift) -> String {
    let Drift { stack, environment, account, region, resources, .. } = drift;
    let place = cell(&format!("{stack}-{environment} ({account}, {region})"));
    let counts = counts(drift);
    let mut head = format!("### Drift of {place}\n\n");
    let _ = if counts.is_empty() {
        writeln!(head, "**No drift**: all {resources} resources are as they were left.")
    } else {
        writeln!(head, "**{}** in {resources} resources.", counts.join(", "))
    };
    if !counts.is_empty() {
        head.push_str("\n| severity | where | what | why it matters |\n|---|---|---|---|\n");
    }
    head
}

/// `2 critical`, `1 low`: the worst first.
fn counts(drift: &Drift) -> Vec<String> {
    let counts = drift.counts();
    let told = |severity: Severity| {
        counts.get(&severity).map(|count| format!("{count} {}", severity.word()))
    };
    Severity::ALL.into_iter().filter_map(told).collect()
}

/// What is no drift, and yet worth a line.
fn foot(drift: &Drift) -> String {
    let mut foot = String::new();
    let pending = drift.findings.iter().filter(|finding| !finding.class.is_drift()).count();
    if pending > 0 {
        let _ = writeln!(foot, "\nChanges of the file that are still to be applied: {pending}.");
    }
    if !drift.ignored.is_empty() {
        let _ = writeln!(foot, "\nDifferences that are ignored: {}.", drift.ignored.len());
    }
    if !drift.expired.is_empty() {
        let count = drift.expired.len();
        let _ = writeln!(foot, "\nEntries of `ignore` whose day has passed: {count}.");
    }
    foot.push('\n');
    foot
}

fn row(finding: &Finding) -> String {
    let mut what = cell(&sentence::difference(finding));
    for note in sentence::notes(finding) {
        what.push_str("<br>");
        what.push_str(&cell(&note));
    }
    format!(
        "| {} | {} | {what} | {} |\n",
        finding.severity.word(),
        code(&sentence::place(finding)),
        cell(&finding.reason),
    )
}

/// Text that stands as it is in a cell: nothing in it ends the cell, calls somebody, or is taken
/// for markup.
fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in clean(text).replace("://", ":\u{200b}//").chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // People and issues are looked for in what was made of the markup: a backslash is gone
            // by then, a space without width is not.
            '@' | '#' => safe.extend([letter, '\u{200b}']),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '$' => safe.extend(['\\', letter]),
            other => safe.push(other),
        }
    }
    safe
}

/// Text as code in a cell, where only what ends the code or the cell has to go.
fn code(text: &str) -> String {
    format!("`{}`", clean(text).replace('`', "'").replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{drift, finding};
    use super::*;
    use crate::drift::Class;

    fn many(count: usize) -> Drift {
        let details = vec!["a word ".repeat(40)];
        let one = finding("service.app", "count", Class::Outside, [json!(2), json!(0)]);
        let light = Finding { severity: Severity::Low, ..one.clone() };
        let one = Finding { details, ..one };
        let mut all = vec![one; count];
        all.push(light);
        drift(all)
    }

    #[test]
    fn a_check_is_a_line_and_a_table() {
        let drift =
            drift(vec![finding("service.app", "count", Class::Outside, [json!(2), json!(0)])]);
        assert_eq!(
            document(&[&drift], LONGEST),
            "### Drift of shop-dev (123456789012, eu-west-1)\n\n\
             **1 critical** in 21 resources.\n\n\
             | severity | where | what | why it matters |\n|---|---|---|---|\n\
             | critical | `service.app count` | was 2, is 0<br>seen\u{fffd}\\[2J \
             | it is open to the internet |\n\n"
        );
    }

    #[test]
    fn a_calm_stack_is_a_line() {
        let text = document(&[&drift(vec![])], LONGEST);
        assert!(text.contains("**No drift**: all 21 resources are as they were left."), "{text}");
        assert!(!text.contains('|'), "{text}");
    }

    #[test]
    fn nothing_that_somebody_wrote_is_markup() {
        let said = "a|b\n| **x** | <img src=x> @team `c` [l](https://x) &lt; \\|";
        let finding = finding("role.app", "description", Class::Outside, [json!("a"), json!(said)]);
        let text = document(&[&drift(vec![finding])], LONGEST);
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| crit")).collect();
        assert_eq!(rows.len(), 1, "{text}");
        // Five bars that no backslash stands before: the cell's own.
        let unescaped = rows[0].replace("\\\\", "").replace("\\|", "");
        assert_eq!(unescaped.matches('|').count(), 5, "{text}");
        for markup in ["<img", "@team", " **x", "://"] {
            assert!(!text.contains(markup), "{markup} in {text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_counted_and_the_worst_stays() {
        let all = many(500);
        let text = document(&[&all], LONGEST);
        assert!(text.len() <= LONGEST, "{}", text.len());
        assert!(text.len() > LONGEST * 9 / 10, "{}", text.len());
        let shown = text.matches("\n| critical ").count();
        assert!(text.contains(&format!("_{} more findings", 501 - shown)), "{text}");
        assert!(
            !text.contains("\n| low "),
            "what matters less never comes before what is left out"
        );
    }

    #[test]
    fn stacks_that_do_not_fit_are_counted() {
        let one = many(1);
        let stacks = vec![&one; 500];
        let text = document(&stacks, LONGEST);
        assert!(text.len() <= LONGEST, "{}", text.len());
        let shown = text.matches("### Drift of").count();
        assert!(
            text.ends_with(&format!(
                "_{} more stacks did not fit into this comment._\n",
                500 - shown
            ))
        );
    }
}
