//! Questions, where there is somebody to answer them.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use super::failure::Failure;

/// Asks for the word `expected`; anything else is a no.
///
/// # Errors
///
/// [`Failure::NobodyToAsk`] without a terminal.
pub fn confirm(question: &str, expected: &str) -> Result<(), Failure> {
    let answer = asked(question)?;
    if answer.trim() == expected { Ok(()) } else { Err(Failure::Declined) }
}

/// Asks for one of several words, or its first letter, until one of them is said.
///
/// # Errors
///
/// [`Failure::NobodyToAsk`] without a terminal, and [`Failure::Declined`] when nothing more comes.
pub fn choose<T: Copy>(question: &str, choices: &[(&str, T)]) -> Result<T, Failure> {
    loop {
        let answer = asked(question)?;
        if answer.is_empty() {
            return Err(Failure::Declined);
        }
        let said = answer.trim();
        let is_meant = |word: &str| word == said || (said.len() == 1 && word.starts_with(said));
        if let Some((_, chosen)) = choices.iter().find(|(word, _)| is_meant(word)) {
            return Ok(*chosen);
        }
    }
}

/// Whether there is a terminal to ask on.
pub fn is_anybody_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// A line of an answer with its end; empty when no more come.
fn asked(question: &str) -> Result<String, Failure> {
    if !is_anybody_there() {
        return Err(Failure::NobodyToAsk);
    }
    let mut error = std::io::stderr();
    let _ = write!(error, "{question} ").and_then(|()| error.flush());
    let mut answer = String::new();
    // Meanwhile a lock is renewed, and Ctrl-C is heard.
    let read = || std::io::stdin().lock().read_line(&mut answer);
    tokio::task::block_in_place(read).map_err(|_| Failure::NobodyToAsk)?;
    Ok(answer)
}
