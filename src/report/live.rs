//! A run while it goes on, on the screen.
//!
//! On a terminal what is under way is drawn in place, and what is done scrolls away above it;
//! elsewhere everything is a plain line.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::board::Board;
use super::text::cut;
use crate::event::Event;

/// Shows events as they come.
#[derive(Debug)]
pub struct Live {
    board: Board,
    /// What is drawn in place; nothing where there is no terminal.
    drawing: Option<ProgressBar>,
    beat: usize,
}

impl Live {
    /// Draws in place.
    pub fn on_terminal(board: Board) -> Self {
        let drawing = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{msg}");
        drawing.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self { board, drawing: Some(drawing), beat: 0 }
    }

    /// Gives plain lines.
    pub fn in_lines(board: Board) -> Self {
        Self { board, drawing: None, beat: 0 }
    }

    /// What is drawn in place, so that others can write above it.
    pub fn drawing(&self) -> Option<ProgressBar> {
        self.drawing.clone()
    }

    /// Takes in an event that came at `now`; gives the lines that are to be written.
    pub fn show(&mut self, event: &Event, now: Duration) -> Vec<String> {
        let line = self.board.take(event, now);
        let Some(drawing) = &self.drawing else { return line.into_iter().collect() };
        if let Some(line) = line {
            // Why something failed is worth more than one line.
            let whole = matches!(event, Event::Failed { .. } | Event::Stopping);
            drawing.println(if whole { line } else { cut(&line, Some(size().0)) });
        }
        self.draw(now);
        vec![]
    }

    /// Lets time pass; gives the lines that are to be written.
    pub fn pass(&mut self, now: Duration) -> Vec<String> {
        if self.drawing.is_none() {
            return self.board.reminders(now);
        }
        self.beat += 1;
        self.draw(now);
        vec![]
    }

    fn draw(&self, now: Duration) {
        if let Some(drawing) = &self.drawing {
            let (width, height) = size();
            drawing.set_message(self.board.frame(now, width, height, self.beat).join("\n"));
            drawing.tick();
        }
    }

    /// Takes away what was drawn in place; what the run was at, remains.
    pub fn close(self) -> Board {
        if let Some(drawing) = self.drawing {
            drawing.finish_and_clear();
        }
        self.board
    }
}

/// Columns and lines of the terminal; a line that fills the last column might break.
fn size() -> (usize, usize) {
    let (height, width) = console::Term::stderr().size();
    (usize::from(width).saturating_sub(1).max(20), usize::from(height))
}
