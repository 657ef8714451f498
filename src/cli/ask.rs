//! Questions, where there is somebody to answer them.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use super::failure::Failure;

/// Asks for the word `expected`; anything else is a no.
///
/// # Errors
///
/// [`Failure::NobodyToAsk`] without a terminal.
pub fn confirm(question: &str, expected: &str) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Failure::NobodyToAsk);
    }
    let mut error = std::io::stderr();
    let _ = write!(error, "{question} ").and_then(|()| error.flush());
    let mut answer = String::new();
    // Meanwhile a lock is renewed, and Ctrl-C is heard.
    let read = || std::io::stdin().lock().read_line(&mut answer);
    tokio::task::block_in_place(read).map_err(|_| Failure::NobodyToAsk)?;
    if answer.trim() == expected { Ok(()) } else { Err(Failure::Declined) }
}
