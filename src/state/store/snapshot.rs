//! A snapshot as text: a JSON document whose first member is a checksum of all the rest.
//!
//! The checksum is over the bytes as they are written, so no flipped bit gets through, and no
//! number has to survive being read and written again.

use serde_json::Value;

use crate::state::journal::checksum;
use crate::state::{FORMAT, State};

/// What stands before the checksum.
const BEFORE: &str = "{\n  \"checksum\": \"";
/// What stands behind it, in place of which the rest begins with a brace.
const BEHIND: &str = "\",\n";

/// A snapshot that can't be taken for a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotFault {
    /// A newer version wrote it, in this format.
    Newer(u64),
    /// It is not what was written.
    Damaged(String),
}

/// Brings a snapshot of one format into the next: the first from 1 to 2, and so on.
type Migration = fn(&mut serde_json::Map<String, Value>);

const MIGRATIONS: &[Migration] = &[one_to_two];

const _: () = assert!(MIGRATIONS.len() + 1 == FORMAT as usize, "every older format has a way on");

/// Format 2 tells whether the stack is protected. No stack of format 1 was.
fn one_to_two(members: &mut serde_json::Map<String, Value>) {
    members.insert("protected".into(), Value::Bool(false));
}

/// The snapshot as it is written: equal states are equal bytes.
pub fn render(state: &State) -> String {
    let rest = serde_json::to_string_pretty(state).expect("a state is made of maps and scalars");
    let rest = format!("{rest}\n");
    let sum = checksum(&rest);
    let members = rest.strip_prefix("{\n").expect("a state has members");
    format!("{BEFORE}{sum}{BEHIND}{members}")
}

/// Reads a snapshot.
///
/// # Errors
///
/// [`SnapshotFault`] for anything that [`State`]s of this format, or of an older one, are not
/// written as.
pub fn parse(text: &[u8]) -> Result<State, SnapshotFault> {
    let damaged = |what: &str| SnapshotFault::Damaged(what.to_owned());
    let text = std::str::from_utf8(text).map_err(|_| damaged("it is not text"))?;
    let snapshot: Value = serde_json::from_str(text)
        .map_err(|error| SnapshotFault::Damaged(format!("it is not JSON: {error}")))?;
    let Value::Object(mut members) = snapshot else { return Err(damaged("it is not an object")) };
    let format = members.get("format").and_then(Value::as_u64);
    let format = format.ok_or_else(|| damaged("it names no format"))?;
    let sum = members.remove("checksum");
    let sum = sum.as_ref().and_then(Value::as_str).ok_or_else(|| damaged("it has no checksum"))?;
    if format > u64::from(FORMAT) {
        return Err(SnapshotFault::Newer(format));
    }
    let content = if format == 1 { in_order(&members) } else { guarded(text).unwrap_or_default() };
    if checksum(&content) != sum {
        return Err(damaged("its checksum does not match its content"));
    }
    migrate(&mut members, format).ok_or_else(|| damaged("it has a format that never was"))?;
    serde_json::from_value(Value::Object(members))
        .map_err(|error| SnapshotFault::Damaged(error.to_string()))
}

/// What the checksum of a snapshot is over: the text without it.
fn guarded(text: &str) -> Option<String> {
    let (_, members) = text.strip_prefix(BEFORE)?.split_once(BEHIND)?;
    Some(format!("{{\n{members}"))
}

/// What the checksum of a snapshot of format 1 is over: its members, in order.
fn in_order(members: &serde_json::Map<String, Value>) -> String {
    Value::Object(members.clone()).to_string()
}

/// Brings a snapshot of an older format into this version's.
fn migrate(members: &mut serde_json::Map<String, Value>, format: u64) -> Option<()> {
    let from = usize::try_from(format).ok()?.checked_sub(1)?;
    for migration in MIGRATIONS.get(from..)? {
        migration(members);
    }
    members.insert("format".into(), FORMAT.into());
    Some(())
}
