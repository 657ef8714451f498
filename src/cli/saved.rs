//! A plan in a file: what `plan --out` writes, and `up FILE` does.
//!
//! The rule: the file says with what it was planned, so that `up` plans with the same, and does it
//! only when the same comes of it.

use std::fs;
use std::path::Path;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::report::json;
use crate::state::store::{StoreError, write_private};

use super::arguments::Overriding;
use super::failure::Failure;
use super::outside::Deciding;

/// A plan, and what overrode the configuration when it was made.
#[derive(Debug, Serialize, Deserialize)]
struct Saved<P> {
    overriding: Overriding,
    #[serde(default)]
    deciding: Deciding,
    plan: P,
}

/// Checks that a plan can be written to a file, and overwrites nothing but another plan.
///
/// # Errors
///
/// [`Failure::NotOverwritten`], and [`Failure::NoDirectory`] where the file would be in none.
pub fn check_place(path: &Path, config: &Path) -> Result<(), Failure> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(directory) = directory.filter(|directory| !directory.is_dir()) {
        let (path, directory) = (path.to_owned(), directory.to_owned());
        return Err(Failure::NoDirectory { path, directory });
    }
    let is_config = path.canonicalize().is_ok_and(|path| Some(path) == config.canonicalize().ok());
    // A symbolic link that leads nowhere is there, too; and who reads a pipe may wait for ever.
    let there = path.symlink_metadata();
    let is_plan = |there: fs::Metadata| there.is_file() && read::<IgnoredAny>(path).is_ok();
    if is_config || !there.map_or(true, is_plan) {
        return Err(Failure::NotOverwritten(path.to_owned()));
    }
    Ok(())
}

/// Writes a plan for `up FILE`.
pub fn write(
    path: &Path,
    overriding: &Overriding,
    deciding: Deciding,
    plan: &Plan,
) -> Result<(), Failure> {
    let saved = Saved { overriding: overriding.clone(), deciding, plan };
    // It holds what it needs, the values of environment variables among it.
    write_private(path, json::document(&saved).as_bytes()).map_err(|error| match error {
        StoreError::Disk { path, source, .. } => Failure::NotWritable { path, source },
        other => other.into(),
    })
}

/// What overrode the configuration when a plan was saved, and what was to be done about the changes
/// of others.
pub fn said(path: &Path) -> Result<(Overriding, Deciding), Failure> {
    let saved = read::<Plan>(path)?;
    Ok((saved.overriding, saved.deciding))
}

/// Compares a saved plan with what would be done now.
///
/// # Errors
///
/// [`Failure::Moved`] when they differ.
pub fn check(path: &Path, now: &Plan) -> Result<(), Failure> {
    let moved = read::<Plan>(path)?.plan.moved(now);
    let moved: Vec<String> = moved.iter().map(ToString::to_string).collect();
    if moved.is_empty() { Ok(()) } else { Err(Failure::Moved { path: path.to_owned(), moved }) }
}

fn read<P: DeserializeOwned>(path: &Path) -> Result<Saved<P>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| Failure::Unreadable { path: path.to_owned(), source })?;
    serde_json::from_str(&text)
        .map_err(|source| Failure::NoSavedPlan { path: path.to_owned(), source })
}
