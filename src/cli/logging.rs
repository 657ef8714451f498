//! The log: to standard error, as text or as JSON lines, as loud as was asked for.

use std::io::{self, IsTerminal as _, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use super::arguments::Global;

/// What is drawn on the terminal just now: the log goes above it.
static DRAWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Starts the log. `PROVISION_LOG` overrides how loud it is.
pub fn start(global: &Global) {
    heed_no_color();
    let level = match global.verbose {
        0 => "provision=warn",
        1 => "provision=info",
        2 => "provision=debug",
        _ => "debug",
    };
    let level = if global.quiet { "provision=error" } else { level };
    let asked = std::env::var_os("PROVISION_LOG").and_then(|asked| asked.into_string().ok());
    let asked = asked.filter(|asked| !asked.is_empty()).map(|asked| asked.parse::<Targets>());
    let usual = || level.parse().expect("every level is one");
    let (filter, unread) = match asked {
        Some(Ok(asked)) => (asked, None),
        Some(Err(error)) => (usual(), Some(error)),
        None => (usual(), None),
    };
    let log = fmt::layer().with_writer(|| Above).with_ansi(console::colors_enabled_stderr());
    let log = if global.json { log.json().boxed() } else { log.without_time().boxed() };
    tracing_subscriber::registry().with(log.with_filter(filter)).init();
    if let Some(error) = unread {
        tracing::warn!("PROVISION_LOG can't be read, and is passed over: {error}");
    }
}

/// An empty NO_COLOR means nothing (no-color.org), but the library for colours takes it for set.
fn heed_no_color() {
    let asked = |name: &str| std::env::var_os(name);
    let is_dumb = asked("TERM").is_none_or(|term| term == "dumb");
    let is_off = asked("CLICOLOR").is_some_and(|colour| colour == "0");
    if asked("NO_COLOR").is_some_and(|value| value.is_empty()) && !is_dumb && !is_off {
        console::set_colors_enabled(io::stdout().is_terminal());
        console::set_colors_enabled_stderr(io::stderr().is_terminal());
    }
}

/// Has the log written above what is drawn, from now on; `None` when nothing is drawn any more.
pub fn write_above(drawn: Option<ProgressBar>) {
    *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = drawn;
}

/// Whether something is drawn. Where that can't be told without waiting, it says so.
pub fn is_drawing() -> bool {
    DRAWN.try_lock().map_or(true, |drawn| drawn.is_some())
}

/// Standard error, above what is drawn there.
struct Above;

impl Write for Above {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let write = || io::stderr().write_all(bytes).map(|()| bytes.len());
        match drawn {
            Some(drawn) => drawn.suspend(write),
            None => write(),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
