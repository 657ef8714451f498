//! What checks for drift remember, in a file beside the state.
//!
//! The rule: it is no part of the state, and needs no lock. It is written as a whole, so the last of
//! two who write at once has it.

use std::path::PathBuf;

use super::Directory;
use super::disk::{create_directory, read_if_there, replace};
use crate::state::store::error::StoreError;
use crate::state::store::listing::MEMORY;

impl Directory {
    /// What checks of a stack remember; `None` before the first that does.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn remembered(
        &self,
        stack: &str,
        environment: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        read_if_there(&self.memory_path(stack, environment))
    }

    /// Has checks of a stack remember something.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn remember(
        &self,
        stack: &str,
        environment: &str,
        memory: &[u8],
    ) -> Result<(), StoreError> {
        create_directory(&self.path)?;
        replace(&self.memory_path(stack, environment), memory)
    }

    fn memory_path(&self, stack: &str, environment: &str) -> PathBuf {
        self.path.join(format!("{stack}-{environment}.{MEMORY}"))
    }
}
