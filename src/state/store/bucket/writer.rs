//! Writing a state while it changes: a part of the journal for all entries that wait together.

use super::lock::BucketLock;
use super::objects::{Condition, Put};
use crate::state::journal::{self, Entry, Header};
use crate::state::store::error::StoreError;
use crate::state::store::salvage::KEPT;
use crate::state::store::{Recorder, snapshot};
use crate::state::{FORMAT, State};

/// Writes a state while it changes.
#[derive(Debug)]
pub struct BucketWriter {
    lock: BucketLock,
    state: State,
    /// The serial that the journal follows.
    serial: u64,
    /// The number of the journal's next part.
    next: u64,
    /// The ETag of the snapshot.
    etag: String,
    /// Journals that are taken in already, and could not be removed.
    remains: Vec<String>,
    /// Whether a write has failed: nobody knows whether it will yet be there.
    is_broken: bool,
}

/// A snapshot that is among the copies, and not in its place yet.
#[derive(Debug)]
struct Kept {
    text: String,
    key: String,
    etag: String,
    /// The oldest copies, to be let go of once it is in its place.
    surplus: Vec<String>,
}

impl BucketWriter {
    pub(super) async fn begin(lock: BucketLock, mut state: State) -> Result<Self, StoreError> {
        lock.tenancy.confirm().await?;
        state.serial = state.serial.max(lock.journals.highest());
        let kept = lock.keep(&mut state).await?;
        let header = Header { lineage: state.lineage.clone(), serial: state.serial };
        let header = journal::write_line(&header);
        // The journal before the snapshot: whoever takes over from here finds something to seal.
        lock.put(&lock.keys.part(state.serial, 0), header.as_bytes(), Condition::Absent).await?;
        let condition = lock.base.as_deref().map_or(Condition::Absent, Condition::Unchanged);
        let etag = lock.put_in_place(&kept, condition).await?;
        let mut remains = lock.journals.lines_before(&lock.keys, state.serial);
        if lock.clear_away(&[remains.as_slice(), &kept.surplus].concat()).await {
            remains.clear();
        }
        Ok(Self { serial: state.serial, next: 1, lock, state, etag, remains, is_broken: false })
    }

    /// Writes the snapshot anew, with all that the journal says, removes the journal, and gives
    /// the lock back. What is to be removed and can't be is passed over by all who read.
    ///
    /// # Errors
    ///
    /// When S3 refuses, or the lock was lost: the old snapshot and the journal are still whole.
    pub async fn finish(mut self) -> Result<State, StoreError> {
        self.write_snapshot().await?;
        self.lock.give_back().await;
        Ok(self.state)
    }

    /// Writes the snapshot of a stack of which nothing is left, and removes the state from sight:
    /// the last snapshots stay among the copies.
    ///
    /// # Errors
    ///
    /// As [`BucketWriter::finish`].
    pub async fn retire(mut self) -> Result<(), StoreError> {
        // The snapshot outlives every journal: a journal alone is a state that was lost.
        if self.write_snapshot().await? {
            let snapshot = self.lock.keys.snapshot();
            if let Err(error) = self.lock.bucket.objects.delete_if(&snapshot, &self.etag).await {
                tracing::warn!(%error, "the empty state stays in sight");
            }
        }
        self.lock.give_back().await;
        Ok(())
    }

    /// Says whether all journals are removed too, this one and those before it.
    async fn write_snapshot(&mut self) -> Result<bool, StoreError> {
        self.lock.tenancy.confirm().await?;
        let kept = self.lock.keep(&mut self.state).await?;
        self.etag = self.lock.put_in_place(&kept, Condition::Unchanged(&self.etag)).await?;
        let parts = (0..self.next).map(|number| self.lock.keys.part(self.serial, number));
        let keys = parts.chain(self.remains.drain(..)).chain(kept.surplus);
        Ok(self.lock.clear_away(&keys.collect::<Vec<_>>()).await)
    }
}

impl Recorder for BucketWriter {
    fn state(&self) -> &State {
        &self.state
    }

    async fn record_all(&mut self, entries: Vec<Entry>) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let key = self.lock.keys.part(self.serial, self.next);
        if self.is_broken {
            return Err(StoreError::Broken { path: self.lock.keys.shown(&key) });
        }
        self.lock.tenancy.check().await?;
        let lines: String = entries.iter().map(journal::write_line).collect();
        let put = self.lock.put(&key, lines.as_bytes(), Condition::Absent).await;
        self.is_broken = put.is_err();
        put?;
        self.next += 1;
        for entry in entries {
            self.state.apply(entry);
        }
        Ok(())
    }
}

impl BucketLock {
    /// Puts an object, or finds that the lock was lost.
    async fn put(
        &self,
        key: &str,
        body: &[u8],
        condition: Condition<'_>,
    ) -> Result<String, StoreError> {
        match self.bucket.objects.put(key, body, self.tenancy.id(), condition).await? {
            Put::Done(etag) => Ok(etag),
            Put::Refused => Err(self.tenancy.lost().await),
        }
    }

    /// Gives a state a serial that none before it had, and keeps a copy of it under that.
    async fn keep(&self, state: &mut State) -> Result<Kept, StoreError> {
        let objects = &self.bucket.objects;
        let copies = self.bucket.copies_there(&self.keys).await?;
        let highest = copies.last().map(|(serial, _)| *serial).unwrap_or_default();
        state.format = FORMAT;
        state.serial = state.serial.max(highest);
        let surplus = (copies.len() + 1).saturating_sub(KEPT);
        let surplus = copies.into_iter().take(surplus).map(|(_, key)| key).collect();
        loop {
            state.serial += 1;
            let (key, text) = (self.keys.backup(state.serial), snapshot::render(state));
            let put = objects.put(&key, text.as_bytes(), self.tenancy.id(), Condition::Absent);
            if let Put::Done(etag) = put.await? {
                return Ok(Kept { text, key, etag, surplus });
            }
        }
    }

    /// Puts a snapshot in its place. Where somebody else's is there by now, it is no copy of the
    /// state either: it would be taken for the newest.
    async fn put_in_place(
        &self,
        kept: &Kept,
        condition: Condition<'_>,
    ) -> Result<String, StoreError> {
        let put = self.put(&self.keys.snapshot(), kept.text.as_bytes(), condition).await;
        if matches!(put, Err(StoreError::Lost { .. }))
            && let Err(error) = self.bucket.objects.delete_if(&kept.key, &kept.etag).await
        {
            tracing::warn!(%error, "a copy stays that is of no state");
        }
        put
    }

    /// Removes what is not needed any more; says whether it could. What stays is removed by a later
    /// run, and is no reason to fail one that is done.
    async fn clear_away(&self, keys: &[String]) -> bool {
        let cleared = self.bucket.objects.delete(keys).await;
        cleared
            .inspect_err(|error| tracing::warn!(%error, "what is not needed any more stays"))
            .is_ok()
    }

    async fn give_back(&self) {
        if let Err(error) = self.tenancy.release().await {
            tracing::warn!(%error, "the lock is not given back, and ends by itself");
        }
    }
}
