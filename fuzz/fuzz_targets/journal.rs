//! Any bytes as a journal: entries that a state takes in, or damage. Never a panic.
//!
//! Each line is given a checksum that fits when the first byte is odd, so that what lies behind
//! the checksum is reached too.

#![no_main]

use libfuzzer_sys::fuzz_target;
use provision::state::State;
use provision::state::journal::{checksum, read, read_prefix};

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let text = if choice % 2 == 0 { rest.to_vec() } else { checked(rest) };
    let (prefix, damage) = read_prefix(&text);
    assert_eq!(read(&text).is_err(), damage.is_some());
    let mut state = State::new("web", "dev", "000000000000", "eu-west-1");
    for entry in prefix.into_iter().flat_map(|(_, entries)| entries) {
        state.apply(entry);
    }
});

fn checked(rest: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(rest);
    text.lines().flat_map(|line| format!("{} {line}\n", checksum(line)).into_bytes()).collect()
}
