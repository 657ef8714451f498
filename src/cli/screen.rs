//! Where the events of a run go: drawn on a terminal, written as lines, or as JSON.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::aws::Pace;
use crate::event::Event;
use crate::report::board::Board;
use crate::report::live::Live;
use crate::report::{Paint, json};
use crate::resource::Address;

use super::chronicle::Chronicle;
use super::context::Context;
use super::{logging, printing};

/// How often time passes on the screen.
const BEAT: Duration = Duration::from_millis(100);

/// The time of a run, as AWS has it: faster than everybody's where AWS is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    pub started: Instant,
    pub pace: Pace,
}

impl Clock {
    /// How long the run has gone on.
    pub fn now(&self) -> Duration {
        self.pace.unscaled(self.started.elapsed())
    }
}

/// Where events go.
#[derive(Debug)]
pub enum Screen {
    /// One line an event, to standard output.
    Json(Board),
    /// To standard error, for people.
    Live(Live),
    /// Nowhere: what failed is told at the end.
    Nothing(Board),
}

impl Screen {
    /// The screen for a run that is about `addresses`.
    pub fn of(context: &Context, addresses: &[Address]) -> Self {
        let board = Board::new(addresses, Paint::stderr());
        if context.global.json {
            Self::Json(board)
        } else if context.global.quiet {
            Self::Nothing(board)
        } else if can_draw() {
            let live = Live::on_terminal(board);
            logging::write_above(live.drawing());
            Self::Live(live)
        } else {
            Self::Live(Live::in_lines(board))
        }
    }

    fn take(&mut self, event: &Event, now: Duration) {
        match self {
            Self::Json(board) => {
                board.take(event, now);
                printing::print(&json::event(event, now));
            }
            Self::Live(live) => write(live.show(event, now)),
            Self::Nothing(board) => drop(board.take(event, now)),
        }
    }

    fn pass(&mut self, now: Duration) {
        if let Self::Live(live) = self {
            write(live.pass(now));
        }
    }

    fn close(self) -> Board {
        match self {
            Self::Json(board) | Self::Nothing(board) => board,
            Self::Live(live) => {
                logging::write_above(None);
                live.close()
            }
        }
    }
}

/// Whether lines can be drawn in place on standard error.
fn can_draw() -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    std::io::stderr().is_terminal() && !is_dumb
}

fn write(lines: Vec<String>) {
    for line in lines {
        // A screen that has gone away is no reason to stop.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

/// Shows events until there are no more; gives what the run was at then.
pub async fn show(
    mut events: mpsc::UnboundedReceiver<Event>,
    mut screen: Screen,
    clock: Clock,
) -> Board {
    let mut chronicle = Chronicle::default();
    let mut beat = tokio::time::interval(BEAT);
    loop {
        tokio::select! {
            biased;
            event = events.recv() => match event {
                Some(event) => {
                    chronicle.log(&event, clock.now());
                    screen.take(&event, clock.now());
                }
                None => return screen.close(),
            },
            _ = beat.tick() => screen.pass(clock.now()),
        }
    }
}
