//! A panic: a broken rule of the program's own, told so that nobody is left in the middle.
//!
//! The rule: whichever task it is in, it ends the program at once and with the exit code of an
//! error. That is as safe as being killed: what was done is in the journal.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, Location, PanicHookInfo};

use serde_json::json;

use crate::report::json;

use super::{failure, logging};

/// What to do about a fault of the program.
const HINTS: [&str; 2] = [
    "this is a fault of provision, not yours: please report it, with this message and the command",
    "what was done until then is recorded: run the same command again, and it goes on from there",
];

/// Has every panic told, and the program left with it.
pub fn end_with_panics(as_json: bool) {
    panic::set_hook(Box::new(move |panic| {
        let below = if logging::is_drawing() { "\n" } else { "" };
        failure::write(&format!("{below}{}", told(&broken(panic), as_json)));
        // Somebody who wants it asks for it with RUST_BACKTRACE.
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            failure::write(&format!("{backtrace}\n"));
        }
        std::process::exit(1);
    }));
}

/// Which rule is broken, and where.
fn broken(panic: &PanicHookInfo<'_>) -> String {
    let message = panic.payload_as_str().unwrap_or("it does not say which");
    let place = panic.location().map(Location::to_string).unwrap_or_default();
    format!("a rule of the program's own is broken: {message} ({place})")
}

fn told(error: &str, as_json: bool) -> String {
    if as_json {
        let error = json!({"error": error, "hints": HINTS, "details": [], "exit_code": 1});
        return format!("{}\n", json::line(&error));
    }
    failure::told(error, &HINTS.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Says to the test that it is the process that is to panic.
    const IS_TO_PANIC: &str = "PROVISION_TEST_IS_TO_PANIC";

    /// Runs this very test in a process of its own, where it panics on another thread.
    #[test]
    fn a_panic_anywhere_ends_the_program_and_says_what_to_do() {
        if let Some(form) = std::env::var_os(IS_TO_PANIC) {
            end_with_panics(form == "json");
            let _ = std::thread::spawn(|| panic!("a subnet has no network")).join();
            std::process::exit(0);
        }
        let error = panicked("text");
        assert!(
            error.contains("error: a rule of the program's own is broken: a subnet"),
            "{error}"
        );
        assert!(error.contains("panic.rs:"), "{error}");
        assert!(error.contains("run the same command again"), "{error}");
        let error: serde_json::Value = serde_json::from_str(&panicked("json")).unwrap();
        assert_eq!(error["exit_code"], 1);
    }

    fn panicked(form: &str) -> String {
        let name = "cli::panic::tests::a_panic_anywhere_ends_the_program_and_says_what_to_do";
        let mut test = Command::new(std::env::current_exe().unwrap());
        test.args(["--exact", name, "--nocapture"]).env_remove("RUST_BACKTRACE");
        let output = test.env(IS_TO_PANIC, form).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}
