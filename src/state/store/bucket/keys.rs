//! The names of a state's objects.

use std::path::PathBuf;

use super::BucketPlace;
use crate::state::store::contents::Names;
use crate::state::store::listing::MEMORY;
use crate::state::store::salvage::copy_name;

/// The keys of one stack in one environment.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    bucket: String,
    stack: String,
    environment: String,
    base: String,
}

/// What the keys within a prefix begin with.
pub(super) fn within(prefix: &str) -> String {
    if prefix.is_empty() { String::new() } else { format!("{prefix}/") }
}

impl Keys {
    pub fn new(place: &BucketPlace, stack: &str, environment: &str) -> Self {
        Self {
            bucket: place.bucket.clone(),
            stack: stack.into(),
            environment: environment.into(),
            base: format!("{}{stack}-{environment}", within(&place.prefix)),
        }
    }

    pub fn snapshot(&self) -> String {
        format!("{}.json", self.base)
    }

    pub fn lock(&self) -> String {
        format!("{}.lock", self.base)
    }

    /// What checks for drift remember.
    pub fn memory(&self) -> String {
        format!("{}.{MEMORY}", self.base)
    }

    /// What the keys of all journals begin with.
    pub fn journals(&self) -> String {
        format!("{}.journal/", self.base)
    }

    /// A part of the journal that follows the snapshot of a serial; the first is 0.
    pub fn part(&self, serial: u64, number: u64) -> String {
        format!("{}{serial:010}/{number:06}", self.journals())
    }

    /// The serial and the number in the key of a part.
    pub fn part_of(&self, key: &str) -> Option<(u64, u64)> {
        let (serial, number) = key.strip_prefix(&self.journals())?.split_once('/')?;
        Some((serial.parse().ok()?, number.parse().ok()?))
    }

    /// What the keys of the kept snapshots begin with.
    pub fn backups(&self) -> String {
        format!("{}.backups/", self.base)
    }

    pub fn backup(&self, serial: u64) -> String {
        format!("{}{}", self.backups(), copy_name(serial))
    }

    /// A key as it is shown.
    pub fn shown(&self, key: &str) -> PathBuf {
        format!("s3://{}/{key}", self.bucket).into()
    }

    pub fn names(&self) -> Names {
        Names {
            stack: self.stack.clone(),
            environment: self.environment.clone(),
            snapshot: self.shown(&self.snapshot()),
            journal: self.shown(&self.journals()),
        }
    }
}
