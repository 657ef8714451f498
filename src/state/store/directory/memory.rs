//! What checks for drift remember, in a file beside the state.
//!
//! The rule: it is no part of the state, and needs no lock of the stack. It is written as a whole,
//! over what was read and nothing else: a lock of its own is held from the comparison to the writing.

use std::path::PathBuf;

use super::Directory;
use super::disk::{create_directory, open_if_there, private, read_if_there, replace};
use crate::state::store::error::{StoreError, disk};
use crate::state::store::listing::MEMORY;
use crate::state::store::remembered::{Edition, Remembered};

/// What the name of that lock ends in.
const LOCK: &str = "drift.lock";

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
    ) -> Result<Option<Remembered>, StoreError> {
        let text = read_if_there(&self.beside(stack, environment, MEMORY))?;
        Ok(text.map(|text| Remembered { edition: Edition(text.clone()), text }))
    }

    /// Has checks of a stack remember something, where nobody has written anything since `over` was
    /// read; `None` where somebody has.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn remember(
        &self,
        stack: &str,
        environment: &str,
        memory: &[u8],
        over: Option<&Edition>,
    ) -> Result<Option<Edition>, StoreError> {
        create_directory(&self.path)?;
        let path = self.beside(stack, environment, LOCK);
        // Given back when it is dropped; whoever has it needs no longer than a file takes to write.
        let lock = open_if_there(&path, private().create(true).truncate(false))?;
        if let Some(lock) = &lock {
            lock.lock().map_err(disk("locking", &path))?;
        }
        if self.remembered(stack, environment)?.map(|there| there.edition).as_ref() != over {
            return Ok(None);
        }
        replace(&self.beside(stack, environment, MEMORY), memory)?;
        Ok(Some(Edition(memory.to_owned())))
    }

    fn beside(&self, stack: &str, environment: &str, ending: &str) -> PathBuf {
        self.path.join(format!("{stack}-{environment}.{ending}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_over_what_was_not_read() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::new(place.path());
        let write = |text: &[u8], over: Option<&Edition>| {
            directory.remember("shop", "dev", text, over).unwrap()
        };
        let first = write(b"1", None);
        assert!(first.is_some());
        assert_eq!(write(b"2", None), None);
        let second = write(b"2", first.as_ref());
        assert_eq!(write(b"3", first.as_ref()), None);
        let there = directory.remembered("shop", "dev").unwrap().unwrap();
        assert_eq!((there.text, Some(there.edition)), (b"2".to_vec(), second));
        assert_eq!(directory.stacks().unwrap().len(), 0);
    }
}
