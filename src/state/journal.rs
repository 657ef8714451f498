//! The journal: what was begun and what came of it, one line each.
//!
//! The rules, which the rest of the program keeps:
//!
//! 1. A `Begin` is on disk before AWS hears of the operation.
//! 2. Its outcome is on disk before anything that depends on it starts.
//! 3. A `Begin` without an outcome is in doubt: only AWS knows.
//! 4. A last line without its newline was being written when the process died, and nothing acted
//!    on it. Any other line that does not check is damage.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::Intent;
use crate::aws::Tags;
use crate::resource::Address;

/// Something that happened to a stack's resources.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// AWS is about to be asked.
    Begin {
        /// For which resource.
        address: Address,
        /// For what.
        intent: Intent,
    },
    /// What was begun exists, or was changed.
    Made {
        /// Which resource.
        address: Address,
        /// Its outputs.
        outputs: Value,
        /// Whether all of the intent is known to have been carried out.
        configured: bool,
    },
    /// It is gone.
    Unmade {
        /// Which resource.
        address: Address,
        /// Which generation of it.
        generation: u32,
    },
    /// AWS refused, and nothing has changed.
    Untouched {
        /// Which resource.
        address: Address,
    },
    /// Nobody can say what came of what was begun: what was recorded before stands, and whoever
    /// goes on looks at AWS first.
    Unresolved {
        /// Which resource.
        address: Address,
    },
    /// It was seen to work.
    Ready {
        /// Which resource.
        address: Address,
    },
    /// It did not become what was wanted: this is what it is.
    Seen {
        /// Which resource.
        address: Address,
        /// What is there.
        spec: Value,
        /// Its outputs.
        outputs: Value,
    },
    /// It was seen to be as it is wanted, after a run that could not say so.
    Confirmed {
        /// Which resource.
        address: Address,
        /// What is wanted, and there.
        spec: Value,
        /// Its outputs as they were seen.
        outputs: Value,
    },
    /// It stays as it is, and what it needs is another set than before.
    Needing {
        /// Which resource.
        address: Address,
        /// What it needs.
        needs: BTreeSet<Address>,
    },
    /// What others have changed about it was accepted: it is as good as applied.
    Accepted {
        /// Which resource.
        address: Address,
        /// What counts as applied from now on.
        applied: Value,
        /// The tags that do.
        tags: Tags,
        /// By property, what the file said when it was accepted. What was accepted before and is
        /// not among them no longer is.
        over: BTreeMap<String, Value>,
    },
}

/// The journal's first line: which snapshot it follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The snapshot's lineage.
    pub lineage: String,
    /// The snapshot's serial.
    pub serial: u64,
}

/// A journal that can't be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line} of the journal is damaged: {what}")]
pub struct Damage {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// Writes one line: a checksum of the text, a space, the text, a newline.
pub fn write_line<T: Serialize>(content: &T) -> String {
    let text = serde_json::to_string(content).expect("entries are made of maps, lists and scalars");
    format!("{} {text}\n", checksum(&text))
}

/// Reads a journal: its header and its entries.
///
/// An empty one, or one whose header was still being written, is no journal: `None`.
///
/// # Errors
///
/// [`Damage`] for any line that does not check, but for a last one without its newline.
pub fn read(text: &[u8]) -> Result<Option<(Header, Vec<Entry>)>, Damage> {
    match read_prefix(text) {
        (_, Some(damage)) => Err(damage),
        (journal, None) => Ok(journal),
    }
}

/// Reads a journal as far as it checks: what there is before the first damage, and the damage.
pub fn read_prefix(text: &[u8]) -> (Option<(Header, Vec<Entry>)>, Option<Damage>) {
    // What follows the last newline was being written when the process died (rule 4).
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let mut lines = text[..whole].split_inclusive(|byte| *byte == b'\n').zip(1..);
    let Some((header, number)) = lines.next() else { return (None, None) };
    let header = match read_line(header, number) {
        Ok(header) => header,
        Err(damage) => return (None, Some(damage)),
    };
    let mut entries = Vec::new();
    for (line, number) in lines {
        match read_line(line, number) {
            Ok(entry) => entries.push(entry),
            Err(damage) => return (Some((header, entries)), Some(damage)),
        }
    }
    (Some((header, entries)), None)
}

fn read_line<T: for<'de> Deserialize<'de>>(line: &[u8], number: usize) -> Result<T, Damage> {
    let damage = |what: &str| Damage { line: number, what: what.into() };
    let line = std::str::from_utf8(line).map_err(|_| damage("it is not text"))?;
    let line = line.strip_suffix('\n').unwrap_or(line);
    let (sum, text) = line.split_once(' ').ok_or_else(|| damage("it has no checksum"))?;
    if sum != checksum(text) {
        return Err(damage("its checksum does not match"));
    }
    serde_json::from_str(text).map_err(|error| damage(&error.to_string()))
}

/// The first 16 hexadecimal digits of the SHA-256 of `text`.
pub fn checksum(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let mut digits = format!("{:x}", Bytes::copy_from_slice(&digest));
    digits.truncate(16);
    digits
}
