//! Where states are kept: a directory of files, or a bucket of S3.
//!
//! The rules are the same in both, and what stands there is the same text. A snapshot is replaced
//! as a whole, a journal only grows; what can't be trusted is an error, never an empty state; one
//! writer at a time. How each place keeps them is said in [`directory`] and [`bucket`].

pub mod bucket;
mod contents;
pub mod directory;
mod error;
mod holder;
mod listing;
mod passage;
mod remembered;
mod salvage;
mod snapshot;

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;

pub use bucket::{Bucket, BucketLock, BucketPlace, BucketWriter, Caution, Exposure};
pub use directory::{Directory, DirectoryLock, DirectoryWriter, write_private};
pub use error::StoreError;
pub use holder::{Holder, Tenure};
pub use listing::StackName;
pub use passage::Passage;
pub use remembered::{Edition, Remembered};
pub use salvage::{Copy, Salvage};
pub use snapshot::{SnapshotFault, parse as parse_snapshot, render as render_snapshot};

use super::State;
use super::journal::Entry;

/// What writes down what happens, before and after it does.
pub trait Recorder: Send {
    /// The state with all that was recorded.
    fn state(&self) -> &State;

    /// Writes entries down, in their order; they are safe afterwards.
    ///
    /// # Errors
    ///
    /// When they are not: then nothing that depends on any of them may start.
    fn record_all(
        &mut self,
        entries: Vec<Entry>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes one entry down.
    ///
    /// # Errors
    ///
    /// As [`Recorder::record_all`].
    fn record(&mut self, entry: Entry) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.record_all(vec![entry])
    }
}

/// A place that holds states.
#[derive(Clone, Debug)]
pub enum Store {
    /// A directory of files.
    Directory(Directory),
    /// A bucket of S3.
    Bucket(Bucket),
}

impl fmt::Display for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(directory) => directory.path().display().fmt(formatter),
            Self::Bucket(bucket) => bucket.place().fmt(formatter),
        }
    }
}

impl Store {
    /// Reads a state, as it is between two writes; no lock is needed.
    ///
    /// # Errors
    ///
    /// When there is one and it can't be trusted. Never an empty state in place of a damaged one.
    pub async fn load(&self, stack: &str, environment: &str) -> Result<Option<State>, StoreError> {
        match self {
            Self::Directory(directory) => directory.load(stack, environment),
            Self::Bucket(bucket) => Box::pin(bucket.load(stack, environment)).await,
        }
    }

    /// The stacks that have a state here, readable or not, in order of their names.
    ///
    /// # Errors
    ///
    /// When the place is there and can't be listed.
    pub async fn stacks(&self) -> Result<BTreeSet<StackName>, StoreError> {
        match self {
            Self::Directory(directory) => directory.stacks(),
            Self::Bucket(bucket) => Box::pin(bucket.stacks()).await,
        }
    }

    /// Takes the lock of a stack, so that nobody else changes it. It does not wait.
    ///
    /// # Errors
    ///
    /// [`StoreError::Held`] when somebody has it. A holder that died has let go of it, in a bucket
    /// after minutes.
    pub async fn lock(
        &self,
        stack: &str,
        environment: &str,
        holder: &Holder,
    ) -> Result<Lock, StoreError> {
        Ok(match self {
            Self::Directory(directory) => {
                Lock::Directory(directory.lock(stack, environment, holder)?)
            }
            Self::Bucket(bucket) => {
                let lock = Box::pin(bucket.lock(stack, environment, holder)).await?;
                Lock::Bucket(Box::new(lock))
            }
        })
    }

    /// The lock that somebody has on a stack, for those who only look; `None` when nobody has. A
    /// holder that died is not at work.
    ///
    /// # Errors
    ///
    /// When the place can't be asked.
    pub async fn tenure(
        &self,
        stack: &str,
        environment: &str,
    ) -> Result<Option<Tenure>, StoreError> {
        match self {
            Self::Directory(directory) => {
                let holder = directory.at_work(stack, environment);
                Ok(holder.map(|holder| Tenure { holder, ends_in: None, lease: None }))
            }
            Self::Bucket(bucket) => Box::pin(bucket.tenure(stack, environment)).await,
        }
    }

    /// Who is at work on a stack; `None` when nobody is.
    ///
    /// # Errors
    ///
    /// As [`Store::tenure`].
    pub async fn at_work(
        &self,
        stack: &str,
        environment: &str,
    ) -> Result<Option<Holder>, StoreError> {
        Ok(self.tenure(stack, environment).await?.map(|tenure| tenure.holder))
    }

    /// Whether nobody is at work on a stack, and nobody was since `state` was read.
    ///
    /// # Errors
    ///
    /// As [`Store::tenure`] and [`Store::load`].
    pub async fn is_undisturbed(
        &self,
        StackName { stack, environment }: &StackName,
        state: Option<&State>,
    ) -> Result<bool, StoreError> {
        let is_at_work = self.at_work(stack, environment).await?.is_some();
        Ok(!is_at_work && self.load(stack, environment).await?.as_ref() == state)
    }

    /// The kept snapshots of a stack that check, newest first.
    ///
    /// # Errors
    ///
    /// When the place can't be asked.
    pub async fn copies(
        &self,
        stack: &str,
        environment: &str,
    ) -> Result<Vec<(Copy, State)>, StoreError> {
        match self {
            Self::Directory(directory) => Ok(directory.copies(stack, environment)),
            Self::Bucket(bucket) => Box::pin(bucket.copies(stack, environment)).await,
        }
    }

    /// The best that can be had of a stack's state; or the copy with a serial, as it was then.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoCopy`] when there is none.
    pub async fn salvage(
        &self,
        stack: &str,
        environment: &str,
        serial: Option<u64>,
    ) -> Result<Salvage, StoreError> {
        match self {
            Self::Directory(directory) => directory.salvage(stack, environment, serial),
            Self::Bucket(bucket) => Box::pin(bucket.salvage(stack, environment, serial)).await,
        }
    }

    /// The newest copy of a state that is not there any more, although it was never taken down.
    ///
    /// # Errors
    ///
    /// When the place can't be asked.
    pub async fn lost(&self, stack: &str, environment: &str) -> Result<Option<Copy>, StoreError> {
        let newest = self.copies(stack, environment).await?.into_iter().next();
        Ok(newest.filter(|(_, state)| !state.is_empty()).map(|(copy, _)| copy))
    }

    /// What is better mended about the place.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exposed`] where others could read the states.
    pub async fn inspect(&self) -> Result<Vec<Caution>, StoreError> {
        match self {
            Self::Directory(_) => Ok(Vec::new()),
            Self::Bucket(bucket) => Box::pin(bucket.inspect()).await,
        }
    }

    /// What checks of a stack remember beside its state; `None` before the first that does.
    ///
    /// # Errors
    ///
    /// When the place can't be asked.
    pub async fn remembered(
        &self,
        stack: &str,
        environment: &str,
    ) -> Result<Option<Remembered>, StoreError> {
        match self {
            Self::Directory(directory) => directory.remembered(stack, environment),
            Self::Bucket(bucket) => Box::pin(bucket.remembered(stack, environment)).await,
        }
    }

    /// Has checks of a stack remember something in the place of what was read there, `None` for
    /// nothing. Gives the edition that is there now; `None` if somebody else has written since. It
    /// needs no lock of the stack.
    ///
    /// # Errors
    ///
    /// When the place refuses.
    pub async fn remember(
        &self,
        StackName { stack, environment }: &StackName,
        memory: &[u8],
        over: Option<&Edition>,
    ) -> Result<Option<Edition>, StoreError> {
        match self {
            Self::Directory(directory) => directory.remember(stack, environment, memory, over),
            Self::Bucket(bucket) => {
                Box::pin(bucket.remember(stack, environment, memory, over)).await
            }
        }
    }

    /// Gives back every lock that was taken through this and is still held.
    pub async fn close(&self) {
        if let Self::Bucket(bucket) = self {
            bucket.close().await;
        }
    }
}

/// The right to change a stack's state.
#[derive(Debug)]
pub enum Lock {
    /// Given back when it is dropped, or its process dies.
    Directory(DirectoryLock),
    /// Given back when its store is closed, and runs out when its process dies.
    Bucket(Box<BucketLock>),
}

impl Lock {
    /// Begins to write a state: its snapshot is safe afterwards, and an empty journal.
    ///
    /// # Errors
    ///
    /// When the place refuses: then AWS must not be asked for anything.
    pub async fn begin(self, state: State) -> Result<Writer, StoreError> {
        Ok(match self {
            Self::Directory(lock) => Writer::Directory(Box::new(lock.begin(state)?)),
            Self::Bucket(lock) => Writer::Bucket(Box::new(Box::pin(lock.begin(state)).await?)),
        })
    }

    /// Keeps what is there of the state among the copies, so that another can be written.
    ///
    /// # Errors
    ///
    /// When the place refuses.
    pub async fn lay_aside(&self) -> Result<(), StoreError> {
        match self {
            Self::Directory(lock) => lock.lay_aside(),
            Self::Bucket(lock) => Box::pin(lock.lay_aside()).await,
        }
    }
}

/// Writes a state while it changes.
#[derive(Debug)]
pub enum Writer {
    /// Into files.
    Directory(Box<DirectoryWriter>),
    /// Into objects.
    Bucket(Box<BucketWriter>),
}

impl Writer {
    /// Writes the snapshot anew, with all that the journal says, and removes the journal.
    ///
    /// # Errors
    ///
    /// When the place refuses: the old snapshot and the journal are still whole.
    pub async fn finish(self) -> Result<State, StoreError> {
        let state = match self {
            Self::Directory(writer) => writer.finish()?,
            Self::Bucket(writer) => Box::pin(writer.finish()).await?,
        };
        tracing::info!(serial = state.serial, "wrote the state");
        Ok(state)
    }

    /// Writes the snapshot of a stack of which nothing is left, and removes the state from sight:
    /// the last snapshots stay among the copies.
    ///
    /// # Errors
    ///
    /// When the place refuses.
    pub async fn retire(self) -> Result<(), StoreError> {
        match self {
            Self::Directory(writer) => writer.retire(),
            Self::Bucket(writer) => Box::pin(writer.retire()).await,
        }
    }
}

impl Recorder for Writer {
    fn state(&self) -> &State {
        match self {
            Self::Directory(writer) => writer.state(),
            Self::Bucket(writer) => writer.state(),
        }
    }

    async fn record_all(&mut self, entries: Vec<Entry>) -> Result<(), StoreError> {
        match self {
            Self::Directory(writer) => writer.record_all(entries).await,
            Self::Bucket(writer) => Box::pin(writer.record_all(entries)).await,
        }
    }
}
