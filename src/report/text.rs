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

/// The words in lines of at most so many columns, each behind `indent`; in one line where no width is
/// given. A word that is longer than a line stands alone.
pub(super) fn wrapped(words: &str, indent: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else { return vec![format!("{indent}{words}")] };
    let mut lines: Vec<String> = Vec::new();
    for word in words.split(' ') {
        match lines.last_mut() {
            Some(line)
                if console::measure_text_width(line) + 1 + console::measure_text_width(word)
                    <= width =>
            {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{indent}{word}")),
        }
    }
    lines
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
    fn words_are_wrapped_within_the_width() {
        assert_eq!(wrapped("one two three", "  ", Some(9)), ["  one two", "  three"]);
        assert_eq!(wrapped("one two", "  ", None), ["  one two"]);
        assert_eq!(wrapped("unbreakable x", "  ", Some(5)), ["  unbreakable", "  x"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_cut() {
        assert_eq!(cut("service.app", Some(8)), "service…");
        assert_eq!(cut("service.app", None), "service.app");
    }
}
