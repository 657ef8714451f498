//! Standard output: where data goes.
//!
//! The rule: a reader that has gone away is no failure. Whatever else keeps data from being written
//! (a full disk) is one, and is told once the command is over: a run is not cut off by it.

use std::io::{self, ErrorKind, Write as _};
use std::sync::OnceLock;

use super::failure::Failure;

/// What first kept data from being written.
static UNWRITTEN: OnceLock<io::Error> = OnceLock::new();

/// Prints data to standard output.
pub fn print(text: &str) {
    let mut out = io::stdout().lock();
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    note(write!(out, "{text}{newline}").and_then(|()| out.flush()));
}

/// Takes in how writing went.
fn note(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        UNWRITTEN.get_or_init(|| error);
    }
}

/// Whether everything was written that was to be.
///
/// # Errors
///
/// [`Failure::Unwritten`] where it was not.
pub fn check() -> Result<(), Failure> {
    UNWRITTEN.get().map_or(Ok(()), |error| Err(Failure::Unwritten(error)))
}

/// Prints what the reading of arguments has to say: the help, the version, or an error.
pub fn usage(error: &clap::Error) -> Result<(), Failure> {
    note(error.print());
    check()
}
