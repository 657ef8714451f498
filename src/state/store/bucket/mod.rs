//! A bucket of S3 that holds states.
//!
//! | object, behind the prefix | what it is |
//! |---|---|
//! | `{stack}-{environment}.json` | the snapshot, the same text as in a file |
//! | `{stack}-{environment}.journal/{serial}/{number}` | what happened since the snapshot of that serial, in batches |
//! | `{stack}-{environment}.lock` | the lease of whoever is at work |
//! | `{stack}-{environment}.drift.json` | what checks for drift remember; no part of the state |
//! | `{stack}-{environment}.backups/{serial}.json` | the last ten snapshots, the present one among them |
//!
//! The rules, which S3's own conditions enforce ("conditional writes" in its user guide):
//!
//! - A snapshot replaces only the one that was read (`If-Match`), so no two writers overwrite each
//!   other.
//! - The parts of a journal are numbered without a gap, and each is put only where nothing is yet
//!   (`If-None-Match`). Whoever takes over a stack puts an empty object, a *seal*, behind the last
//!   part of every open journal. From then on nobody can go on with it: who lost the lease while
//!   asleep finds the place of its next part taken, and has asked AWS for nothing. A seal stays.
//! - A serial belongs to whoever put the copy with it where there was none.

mod journal;
mod keys;
mod lease;
mod lock;
mod objects;
mod safety;
mod writer;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{StreamExt as _, TryStreamExt as _};

pub use lock::BucketLock;
pub use safety::{Caution, Exposure};
pub use writer::BucketWriter;

use self::journal::Journals;
use self::keys::Keys;
use self::lease::Tenancy;
use self::objects::{Condition, Objects, Put};
use super::StackName;
use super::error::StoreError;
use super::holder::Tenure;
use super::remembered::{Edition, Remembered};
use super::salvage::{Copy, Left, Salvage, serial_of};
use crate::aws::Aws;
use crate::state::State;

/// How many objects are read at the same time.
const AT_ONCE: usize = 16;

/// Which bucket, and where in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketPlace {
    /// The bucket's name.
    pub bucket: String,
    /// What all keys begin with; empty, or without a slash at its end.
    pub prefix: String,
    /// The KMS key to encrypt with; the bucket's own way, if there is none.
    pub kms_key: Option<String>,
}

impl std::fmt::Display for BucketPlace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(formatter, "s3://{}{slash}{}", self.bucket, self.prefix)
    }
}

/// A bucket that holds states.
#[derive(Clone, Debug)]
pub struct Bucket {
    place: BucketPlace,
    objects: Objects,
    /// The leases that were taken through this, to be given back when it is closed.
    tenancies: Arc<Mutex<Vec<Arc<Tenancy>>>>,
}

impl Bucket {
    /// The states of a bucket in the region of `aws`.
    pub fn new(aws: Aws, place: BucketPlace) -> Self {
        let objects = Objects::new(aws, &place);
        Self { place, objects, tenancies: Arc::default() }
    }

    /// Where it is.
    pub fn place(&self) -> &BucketPlace {
        &self.place
    }

    /// Reads a state, as it is between two writes; no lock is needed.
    ///
    /// # Errors
    ///
    /// When there is one and it can't be trusted, or S3 does not give it.
    pub async fn load(&self, stack: &str, environment: &str) -> Result<Option<State>, StoreError> {
        let keys = self.keys(stack, environment);
        // What is listed may be gone before it is read: then its snapshot is older than the next.
        for _ in 0..10 {
            match self.read(&keys).await {
                Err(error) if error.is_damage() => {}
                settled => return settled,
            }
        }
        match self.read(&keys).await {
            Err(error) if error.is_damage() => Err(error.knowing(self.last_good(&keys).await)),
            settled => settled,
        }
    }

    /// Reads the journals' names before the snapshot: a snapshot that is newer has taken them in.
    async fn read(&self, keys: &Keys) -> Result<Option<State>, StoreError> {
        let journals = Journals::list(&self.objects, keys).await?;
        let snapshot = self.objects.get(&keys.snapshot()).await?;
        let names = keys.names();
        let Some(snapshot) = snapshot else {
            let lost = journals.newest_with_entries().map(|_| &b""[..]);
            return names.state(lost, None);
        };
        let state = names.state(None, Some(&snapshot.body))?;
        let Some(serial) = state.as_ref().map(|state| state.serial) else { return Ok(None) };
        let journal = journals.text(&self.objects, keys, serial).await?;
        names.state(journal.as_deref(), Some(&snapshot.body))
    }

    /// The stacks that have a state here, readable or not, in order of their names.
    ///
    /// # Errors
    ///
    /// When S3 does not list them.
    pub async fn stacks(&self) -> Result<BTreeSet<StackName>, StoreError> {
        let within = keys::within(&self.place.prefix);
        let listed = self.objects.list(&within, Some("/")).await?;
        let snapshots = listed.into_iter().map(|object| object.key);
        let stems = snapshots.filter_map(|key| {
            let name = key.strip_prefix(&within)?;
            Some((name.strip_suffix(".json")?.to_owned(), key.clone()))
        });
        let names = futures::stream::iter(stems).map(async |(stem, key)| {
            let snapshot = match stem.matches('-').count() {
                1 => None,
                // Both names may have hyphens in them, and only the snapshot knows where one ends.
                _ => self.objects.get(&key).await?,
            };
            Ok::<_, StoreError>(StackName::read(
                &stem,
                snapshot.as_ref().map(|read| &read.body[..]),
            ))
        });
        let names: Vec<Option<StackName>> = names.buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(names.into_iter().flatten().collect())
    }

    /// The lease that somebody has on a stack; `None` when nobody has, or it has run out.
    ///
    /// # Errors
    ///
    /// When S3 does not say.
    pub async fn tenure(
        &self,
        stack: &str,
        environment: &str,
    ) -> Result<Option<Tenure>, StoreError> {
        let seen = lease::look(&self.objects, &self.keys(stack, environment)).await?;
        Ok(seen.filter(|seen| !seen.is_over()).map(|seen| Tenure {
            ends_in: seen.ends_in(),
            holder: seen.lease.holder,
            lease: Some(seen.lease.id),
        }))
    }

    /// Takes away the lease that was `shown` by [`Bucket::tenure`]: whoever has it finds out before
    /// their next step. `None` takes away what lies in its place and is no lease. Says whether there
    /// was anything to take away any more.
    ///
    /// # Errors
    ///
    /// [`StoreError::Held`] when the lease is another's than the one that was shown; otherwise when
    /// S3 refuses.
    pub async fn unlock(
        &self,
        stack: &str,
        environment: &str,
        shown: Option<&str>,
    ) -> Result<bool, StoreError> {
        lease::take_away(&self.objects, &self.keys(stack, environment), shown).await
    }

    /// The kept snapshots of a stack that check, newest first.
    ///
    /// # Errors
    ///
    /// When S3 does not give them.
    pub async fn copies(
        &self,
        stack: &str,
        environment: &str,
    ) -> Result<Vec<(Copy, State)>, StoreError> {
        self.good_copies(&self.keys(stack, environment)).await
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
        let keys = self.keys(stack, environment);
        let journals = Journals::list(&self.objects, &keys).await?;
        let snapshot = self.objects.get(&keys.snapshot()).await?;
        let present = snapshot.as_ref().and_then(|snapshot| keys.names().good(&snapshot.body));
        let journal = match journals.newest_with_entries() {
            Some(serial) => {
                Some(journals.text_as_far_as_it_goes(&self.objects, &keys, serial).await?)
            }
            None => None,
        };
        let path = keys.shown(&keys.snapshot());
        let left = Left {
            copies: self.good_copies(&keys).await?,
            present: present.map(|state| (Copy { serial: state.serial, path }, state)),
            has_snapshot: snapshot.is_some(),
            journal,
        };
        left.salvage(serial)
    }

    /// What checks of a stack remember; `None` before the first that does.
    ///
    /// # Errors
    ///
    /// When S3 does not give it.
    pub async fn remembered(
        &self,
        stack: &str,
        environment: &str,
    ) -> Result<Option<Remembered>, StoreError> {
        let object = self.objects.get(&self.keys(stack, environment).memory()).await?;
        Ok(object.map(|object| Remembered {
            text: object.body,
            edition: Edition(object.etag.into_bytes()),
        }))
    }

    /// Has checks of a stack remember something, where nobody has put anything since `over` was
    /// read; `None` where somebody has.
    ///
    /// # Errors
    ///
    /// When S3 refuses.
    pub async fn remember(
        &self,
        stack: &str,
        environment: &str,
        memory: &[u8],
        over: Option<&Edition>,
    ) -> Result<Option<Edition>, StoreError> {
        let key = self.keys(stack, environment).memory();
        let etag = over.map(|Edition(etag)| String::from_utf8_lossy(etag));
        let condition = etag.as_deref().map_or(Condition::Absent, Condition::Unchanged);
        Ok(match self.objects.put(&key, memory, "drift", condition).await? {
            Put::Done(etag) => Some(Edition(etag.into_bytes())),
            Put::Refused => None,
        })
    }

    /// Gives back every lease that was taken through this and is still held.
    pub async fn close(&self) {
        let tenancies = std::mem::take(&mut *self.tenancies());
        for tenancy in tenancies {
            // What can't be given back ends by itself.
            let _ = tenancy.release().await;
        }
    }

    async fn good_copies(&self, keys: &Keys) -> Result<Vec<(Copy, State)>, StoreError> {
        let copies = self.copies_there(keys).await?;
        let read = futures::stream::iter(copies).map(async |(serial, key)| {
            let object = self.objects.get(&key).await?;
            let state = object.and_then(|object| keys.names().good(&object.body));
            let copy = Copy { serial, path: keys.shown(&key) };
            Ok::<_, StoreError>(state.map(|state| (copy, state)))
        });
        let read: Vec<Option<(Copy, State)>> = read.buffered(AT_ONCE).try_collect().await?;
        let mut copies: Vec<_> = read.into_iter().flatten().collect();
        copies.reverse();
        Ok(copies)
    }

    /// The serials and the keys of the kept snapshots, oldest first; whether they check is not looked
    /// at.
    async fn copies_there(&self, keys: &Keys) -> Result<Vec<(u64, String)>, StoreError> {
        let listed = self.objects.list(&keys.backups(), None).await?;
        let copies = listed.into_iter().filter_map(|object| {
            let serial = serial_of(object.key.strip_prefix(&keys.backups())?)?;
            Some((serial, object.key))
        });
        Ok(copies.collect())
    }

    async fn last_good(&self, keys: &Keys) -> Option<Copy> {
        let copies = self.good_copies(keys).await.unwrap_or_default();
        copies.into_iter().next().map(|(copy, _)| copy)
    }

    fn keys(&self, stack: &str, environment: &str) -> Keys {
        Keys::new(&self.place, stack, environment)
    }

    fn tenancies(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Tenancy>>> {
        self.tenancies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
