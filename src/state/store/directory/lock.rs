//! The lock: one at a time, and everyone else is told who.
//!
//! The operating system holds it for as long as the process lives, so a holder that died is no
//! obstacle. The file stays when the lock is given back: removing it would let two processes lock
//! two files of the same name.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};

use super::disk::{create_directory, lay_aside, open_if_there, private};
use super::writer::DirectoryWriter;
use super::{Directory, Files};
use crate::state::State;
use crate::state::store::error::{StoreError, disk};
use crate::state::store::holder::Holder;

/// The right to change a stack's state; given back when it is dropped, or its process dies.
#[derive(Debug)]
pub struct DirectoryLock {
    pub(super) files: Files,
    file: File,
}

impl Directory {
    /// Takes the lock of a stack, so that nobody else changes it. It does not wait.
    ///
    /// # Errors
    ///
    /// [`StoreError::Held`] when somebody has it. A holder that died has let go of it.
    pub fn lock(
        &self,
        stack: &str,
        environment: &str,
        holder: &Holder,
    ) -> Result<DirectoryLock, StoreError> {
        let files = self.files(stack, environment);
        create_directory(&self.path)?;
        let mut options = private();
        options.create(true).truncate(false).read(true);
        let file = open_if_there(&files.lock, &options)?;
        // It is created where it is not there.
        let mut file = file.ok_or(StoreError::Held { holder: None })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut said = String::new();
                let _ = file.read_to_string(&mut said);
                return Err(StoreError::Held { holder: serde_json::from_str(&said).ok() });
            }
            Err(TryLockError::Error(source)) => return Err(disk("locking", &files.lock)(source)),
        }
        let said = serde_json::to_string(holder).expect("a holder is made of scalars");
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(said.as_bytes()))
            .map_err(disk("writing", &files.lock))?;
        Ok(DirectoryLock { files, file })
    }
}

impl Directory {
    /// Who is at work on a stack, for those who only look; `None` when nobody is, or nobody can
    /// tell. A holder that died is not at work.
    pub fn at_work(&self, stack: &str, environment: &str) -> Option<Holder> {
        let path = self.files(stack, environment).lock;
        let mut file = open_if_there(&path, File::options().read(true)).ok().flatten()?;
        let mut said = String::new();
        file.read_to_string(&mut said).ok()?;
        let holder = serde_json::from_str(&said).ok()?;
        // Held for a moment where nobody holds it; whoever comes in that moment tries again.
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)).then_some(holder)
    }
}

impl DirectoryLock {
    /// Begins to write a state: its snapshot is on disk afterwards, and an empty journal.
    ///
    /// # Errors
    ///
    /// When the disk refuses: then AWS must not be asked for anything.
    pub fn begin(self, state: State) -> Result<DirectoryWriter, StoreError> {
        DirectoryWriter::begin(self, state)
    }

    /// Lays what is there of the state aside, among the copies, so that another can be written.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn lay_aside(&self) -> Result<(), StoreError> {
        let files = &self.files;
        create_directory(&files.backups)?;
        // A name that nothing laid aside has: what can't be read must not be lost either.
        let name =
            |count: u32, ending: &str| files.backups.join(format!("laid-aside-{count}.{ending}"));
        let is_free =
            |count: &u32| !name(*count, "json").exists() && !name(*count, "journal").exists();
        let count = (1..u32::MAX).find(is_free).unwrap_or(u32::MAX);
        lay_aside(&files.snapshot, &name(count, "json"))?;
        lay_aside(&files.journal, &name(count, "journal"))
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // What it says is only ever read while it is held; an empty one misleads nobody who looks.
        let _ = self.file.set_len(0);
    }
}
