//! Which stacks have a state in a directory.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::Directory;
use super::disk::read_if_there;
use crate::state::store::StackName;
use crate::state::store::error::{StoreError, disk};

impl Directory {
    /// The stacks that have a state here, readable or not, in order of their names.
    ///
    /// # Errors
    ///
    /// When the directory is there and can't be listed.
    pub fn stacks(&self) -> Result<BTreeSet<StackName>, StoreError> {
        let directory = self.path();
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
            Err(error) => return Err(disk("listing", directory)(error)),
        };
        let mut stacks = BTreeSet::new();
        for entry in entries {
            stacks.extend(name_of(&entry.map_err(disk("listing", directory))?.path()));
        }
        Ok(stacks)
    }
}

/// The stack of which a file is the snapshot or the journal, if it is either.
fn name_of(path: &Path) -> Option<StackName> {
    // A journal alone is a state that was lost.
    let is_state = match path.extension().and_then(OsStr::to_str) {
        Some("json") => true,
        Some("journal") => !path.with_extension("json").exists(),
        _ => false,
    };
    let stem = path.file_stem()?.to_str().filter(|_| is_state)?;
    StackName::read(stem, read_if_there(path).ok().flatten().as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::State;

    fn listed(files: &[(&str, &str)]) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        let stacks = Directory::new(directory.path()).stacks().unwrap();
        stacks.iter().map(|name| format!("{} in {}", name.stack, name.environment)).collect()
    }

    #[test]
    fn a_directory_that_is_not_there_holds_no_state() {
        let directory = tempfile::tempdir().unwrap();
        let stacks = Directory::new(directory.path().join("none")).stacks().unwrap();
        assert_eq!(stacks, BTreeSet::new());
    }

    #[test]
    fn the_snapshot_says_where_the_name_of_a_stack_ends() {
        let state = State::new("shop", "blue-1", "123456789012", "eu-west-1");
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(listed(&[("shop-blue-1.json", &text)]), ["shop in blue-1"]);
    }

    #[test]
    fn what_can_not_be_read_is_listed_and_what_is_no_state_is_not() {
        let files = [
            ("shop-api-dev.json", "{ damaged"),
            ("lost-dev.journal", ""),
            ("shop-api-dev.journal", ""),
            ("eu-west-1.json", "{}"),
            ("shop-api-dev.lock", ""),
            ("notes.json", "{}"),
            ("shop-api-dev.drift.json", "{\"stack\": \"shop-api\", \"environment\": \"dev\"}"),
        ];
        assert_eq!(listed(&files), ["lost in dev", "shop-api in dev"]);
    }
}
