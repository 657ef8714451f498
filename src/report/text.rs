//! Text that is safe to show, and fits.

use std::borrow::Cow;

/// The text without control codes: what AWS or a user put into a name can't move the cursor.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) {
        Cow::Owned(text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// A duration as people say it: `7 s`, `2 min 5 s`, `1 h 4 min`.
pub fn duration(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, seconds) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// The line cut to a number of columns, so that it does not break; whole where none is given.
pub(super) fn cut(line: &str, width: Option<usize>) -> String {
    match width {
        Some(width) => console::truncate_str(line, width, "…").into_owned(),
        None => line.to_owned(),
    }
}

/// The text in lines that fit into `width` columns: the first after `first`, the others after
/// `rest`. What stands between backticks is to be copied, and is never broken.
pub(super) fn wrapped(text: &str, first: &str, rest: &str, width: Option<usize>) -> String {
    let columns = console::measure_text_width;
    let width = width.unwrap_or(usize::MAX);
    let (mut lines, mut line) = (String::new(), first.to_owned());
    let mut is_empty = true;
    for word in words(text) {
        if !is_empty && columns(&line) + 1 + columns(&word) > width {
            lines.push_str(&line);
            lines.push('\n');
            rest.clone_into(&mut line);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(&word);
        is_empty = false;
    }
    lines + &line + "\n"
}

/// The words of a text; what stands between backticks is one word.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_quoted = false;
    for part in text.split(' ') {
        match words.last_mut().filter(|_| is_quoted) {
            Some(word) => {
                word.push(' ');
                word.push_str(part);
            }
            None => words.push(part.to_owned()),
        }
        is_quoted ^= part.matches('`').count() % 2 == 1;
    }
    words
}

/// `one`, `one and another`, `one, another and a third`.
pub fn listed<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn control_codes_are_made_visible() {
        assert_eq!(clean("\u{1b}[31mred"), "\u{fffd}[31mred");
        assert_eq!(clean("plain"), "plain");
    }

    #[test]
    fn durations_are_said_as_people_say_them() {
        let said = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!(said(0), "0 s");
        assert_eq!(said(60), "1 min");
        assert_eq!(said(64), "1 min 4 s");
        assert_eq!(said(3600), "1 h");
        assert_eq!(said(3899), "1 h 4 min");
    }

    #[test]
    fn lists_read_like_speech() {
        assert_eq!(listed::<&str>(&[]), "");
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
    }

    #[test]
    fn text_is_wrapped_between_words_and_never_within_what_is_to_be_copied() {
        let text = "remove one: `aws ec2 describe-vpcs --region eu-west-1` lists them";
        assert_eq!(
            wrapped(text, "→ ", "  ", Some(20)),
            "→ remove one:\n  `aws ec2 describe-vpcs --region eu-west-1`\n  lists them\n"
        );
        assert_eq!(wrapped("one two", "", "", None), "one two\n");
    }

    #[test]
    fn a_line_that_is_too_long_is_cut() {
        assert_eq!(cut("service.app", Some(8)), "service…");
        assert_eq!(cut("service.app", None), "service.app");
    }
}
