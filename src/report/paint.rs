//! Colours, where they are wanted: on a terminal, and not under `NO_COLOR`.

use std::fmt::Display;

use console::Style;

/// Whether colours are written. What is drawn for one stream is painted for that stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// No control codes at all.
    Plain,
    /// In colour.
    Coloured,
}

impl Paint {
    /// As standard output wants it.
    pub fn stdout() -> Self {
        if console::colors_enabled() { Self::Coloured } else { Self::Plain }
    }

    /// As standard error wants it.
    pub fn stderr() -> Self {
        if console::colors_enabled_stderr() { Self::Coloured } else { Self::Plain }
    }

    /// For what is new, or went well.
    pub fn green(self, text: impl Display) -> String {
        self.apply(Style::new().green(), text)
    }

    /// For what changes, or needs care.
    pub fn yellow(self, text: impl Display) -> String {
        self.apply(Style::new().yellow(), text)
    }

    /// For what goes, or went wrong.
    pub fn red(self, text: impl Display) -> String {
        self.apply(Style::new().red(), text)
    }

    /// For what is made anew.
    pub fn magenta(self, text: impl Display) -> String {
        self.apply(Style::new().magenta(), text)
    }

    /// For hints.
    pub fn cyan(self, text: impl Display) -> String {
        self.apply(Style::new().cyan(), text)
    }

    /// For what matters less.
    pub fn dim(self, text: impl Display) -> String {
        self.apply(Style::new().dim(), text)
    }

    /// For what matters most.
    pub fn bold(self, text: impl Display) -> String {
        self.apply(Style::new().bold(), text)
    }

    fn apply(self, style: Style, text: impl Display) -> String {
        style.force_styling(self == Self::Coloured).apply_to(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_has_no_control_codes() {
        assert_eq!(Paint::Plain.red("gone"), "gone");
        assert_eq!(Paint::Coloured.red("gone"), "\u{1b}[31mgone\u{1b}[0m");
    }
}
