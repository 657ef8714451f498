//! Any bytes as a snapshot: the state that was written, or refused. Never a panic.
//!
//! The first byte chooses: the rest is taken as it is, or put into a snapshot with a checksum that
//! fits, so that what lies behind the checksum is reached too.

#![no_main]

use libfuzzer_sys::fuzz_target;
use provision::state::journal::checksum;
use provision::state::store::parse_snapshot;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    if choice % 2 == 0 {
        let _ = parse_snapshot(rest);
        return;
    }
    let Ok(members) = std::str::from_utf8(rest) else { return };
    let sum = checksum(&format!("{{\n{members}"));
    let text = format!("{{\n  \"checksum\": \"{sum}\",\n{members}");
    if let Ok(state) = parse_snapshot(text.as_bytes()) {
        assert_eq!(state.format, provision::state::FORMAT, "an older one has been brought here");
    }
});
