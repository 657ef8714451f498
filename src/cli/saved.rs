//! A plan in a file, and with it what overrode the configuration when it was made: `up FILE` takes
//! both from there, so that it can do exactly what was shown.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::report::json;
use crate::state::store::write_private;

use super::arguments::Overriding;
use super::failure::Failure;

/// What such a file holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// What was given on the command line besides the file.
    pub overriding: Overriding,
    /// What was to be done.
    pub plan: Plan,
    /// Where it was read from.
    #[serde(skip)]
    path: PathBuf,
}

impl Saved {
    /// What is to be written down of a plan.
    pub fn new(plan: Plan, overriding: Overriding) -> Self {
        Self { overriding, plan, path: PathBuf::new() }
    }

    /// Writes it for `up FILE`, for its owner's eyes: the values of environment variables are in it.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        Ok(write_private(path, json::document(self).as_bytes())?)
    }

    /// Reads it back.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Failure::Unreadable { path: path.to_owned(), source })?;
        let saved: Self = serde_json::from_str(&text)
            .map_err(|source| Failure::NoSavedPlan { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), ..saved })
    }

    /// Checks that just the same would be done now.
    pub fn check(&self, now: &Plan) -> Result<(), Failure> {
        let moved: Vec<String> = self.plan.moved(now).iter().map(ToString::to_string).collect();
        let path = self.path.clone();
        if moved.is_empty() { Ok(()) } else { Err(Failure::Moved { path, moved }) }
    }
}
