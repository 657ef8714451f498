//! The right to change a stack's state, and what was there when it was taken.

use std::sync::Arc;

use super::Bucket;
use super::journal::Journals;
use super::keys::Keys;
use super::lease::Tenancy;
use super::objects::{Condition, Put};
use super::writer::BucketWriter;
use crate::state::State;
use crate::state::store::error::StoreError;
use crate::state::store::holder::Holder;

/// The right to change a stack's state, until it is given back, taken away or runs out.
#[derive(Debug)]
pub struct BucketLock {
    pub(super) bucket: Bucket,
    pub(super) keys: Keys,
    pub(super) tenancy: Arc<Tenancy>,
    /// The ETag of the snapshot that may be replaced; `None` where there is none.
    pub(super) base: Option<String>,
    pub(super) journals: Journals,
}

impl Bucket {
    /// Takes the lock of a stack, so that nobody else changes it. It does not wait.
    ///
    /// Whoever had it before and does not know that it is lost can write nothing any more.
    ///
    /// # Errors
    ///
    /// [`StoreError::Held`] when somebody has it. One whose holder died runs out in minutes.
    pub async fn lock(
        &self,
        stack: &str,
        environment: &str,
        holder: &Holder,
    ) -> Result<BucketLock, StoreError> {
        let keys = self.keys(stack, environment);
        let tenancy = Tenancy::take(&self.objects, &keys, holder).await?;
        self.tenancies().push(Arc::clone(&tenancy));
        let journals = Journals::seal(&self.objects, &keys, tenancy.id()).await?;
        // Behind the seals: whatever is there now, no earlier writer replaces it unseen.
        let base = self.objects.get(&keys.snapshot()).await?.map(|snapshot| snapshot.etag);
        Ok(BucketLock { bucket: self.clone(), keys, tenancy, base, journals })
    }
}

impl BucketLock {
    /// Begins to write a state: its snapshot is in the bucket afterwards, and an empty journal.
    ///
    /// # Errors
    ///
    /// When S3 refuses, or the lock was lost: then AWS must not be asked for anything.
    pub async fn begin(self, state: State) -> Result<BucketWriter, StoreError> {
        BucketWriter::begin(self, state).await
    }

    /// Keeps what is there of the state among the copies, under names of its own, before another
    /// is written in its place.
    ///
    /// # Errors
    ///
    /// When S3 refuses.
    pub async fn lay_aside(&self) -> Result<(), StoreError> {
        let objects = &self.bucket.objects;
        let snapshot = objects.get(&self.keys.snapshot()).await?.map(|snapshot| snapshot.body);
        let journal = match self.journals.newest_with_entries() {
            Some(serial) => {
                let text =
                    self.journals.text_as_far_as_it_goes(objects, &self.keys, serial).await?;
                Some(text)
            }
            None => None,
        };
        let parts = [("json", snapshot), ("journal", journal)];
        for (ending, body) in parts.into_iter().filter_map(|(ending, body)| Some((ending, body?))) {
            self.keep_aside(ending, &body).await?;
        }
        Ok(())
    }

    /// Puts a text under the first name that nothing laid aside has.
    async fn keep_aside(&self, ending: &str, body: &[u8]) -> Result<(), StoreError> {
        let backups = self.keys.backups();
        for count in 1..u32::MAX {
            let key = format!("{backups}laid-aside-{count}.{ending}");
            let put = self.bucket.objects.put(&key, body, self.tenancy.id(), Condition::Absent);
            if put.await? != Put::Refused {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Gives the lock back.
    ///
    /// # Errors
    ///
    /// When S3 does not take it: then it ends by itself.
    pub async fn release(self) -> Result<(), StoreError> {
        self.tenancy.release().await
    }
}
