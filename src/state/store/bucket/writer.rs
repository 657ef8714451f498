//! Writing a state while it changes: a part of the journal for all entries that wait together.

use super::lock::BucketLock;
use super::objects::{Condition, Put};
use crate::state::journal::{self, Entry, Header};
use crate::state::store::error::StoreError;
use crate::state::store::salvage::{KEPT, serial_of};
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
    /// Whether a write has failed: nobody knows whether it will yet be there.
    is_broken: bool,
}

impl BucketWriter {
    pub(super) async fn begin(lock: BucketLock, mut state: State) -> Result<Self, StoreError> {
        lock.tenancy.check().await?;
        state.serial = state.serial.max(lock.journals.highest());
        let text = lock.keep(&mut state).await?;
        let header = Header { lineage: state.lineage.clone(), serial: state.serial };
        let header = journal::write_line(&header);
        // The journal before the snapshot: whoever takes over from here finds something to seal.
        lock.put(&lock.keys.part(state.serial, 0), header.as_bytes(), Condition::Absent).await?;
        let condition = lock.base.as_deref().map_or(Condition::Absent, Condition::Unchanged);
        let etag = lock.put(&lock.keys.snapshot(), text.as_bytes(), condition).await?;
        let taken_in = lock.journals.lines_before(&lock.keys, state.serial);
        lock.bucket.objects.delete(&taken_in).await?;
        Ok(Self { serial: state.serial, next: 1, lock, state, etag, is_broken: false })
    }

    /// Writes the snapshot anew, with all that the journal says, removes the journal, and gives
    /// the lock back.
    ///
    /// # Errors
    ///
    /// When S3 refuses, or the lock was lost: the old snapshot and the journal are still whole.
    pub async fn finish(mut self) -> Result<State, StoreError> {
        self.write_snapshot().await?;
        self.lock.tenancy.release().await?;
        Ok(self.state)
    }

    /// Writes the snapshot of a stack of which nothing is left, and removes the state from sight:
    /// the last snapshots stay among the copies.
    ///
    /// # Errors
    ///
    /// As [`BucketWriter::finish`].
    pub async fn retire(mut self) -> Result<(), StoreError> {
        // The snapshot outlives its journal: a journal alone is a state that was lost.
        self.write_snapshot().await?;
        let snapshot = self.lock.keys.snapshot();
        self.lock.bucket.objects.delete_if(&snapshot, &self.etag).await?;
        self.lock.tenancy.release().await
    }

    async fn write_snapshot(&mut self) -> Result<(), StoreError> {
        self.lock.tenancy.check().await?;
        let text = self.lock.keep(&mut self.state).await?;
        let (snapshot, unchanged) = (self.lock.keys.snapshot(), Condition::Unchanged(&self.etag));
        self.etag = self.lock.put(&snapshot, text.as_bytes(), unchanged).await?;
        let parts = (0..self.next).map(|number| self.lock.keys.part(self.serial, number));
        self.lock.bucket.objects.delete(&parts.collect::<Vec<_>>()).await
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

    /// Gives a state a serial that none before it had, and keeps a copy of it under that. Gives
    /// its text, and lets go of the oldest copies.
    async fn keep(&self, state: &mut State) -> Result<String, StoreError> {
        let objects = &self.bucket.objects;
        let listed = objects.list(&self.keys.backups(), None).await?;
        let copies = listed.into_iter().filter_map(|entry| {
            let serial = serial_of(entry.key.strip_prefix(&self.keys.backups())?)?;
            Some((serial, entry.key))
        });
        let copies: Vec<(u64, String)> = copies.collect();
        let highest = copies.last().map(|(serial, _)| *serial).unwrap_or_default();
        state.format = FORMAT;
        state.serial = state.serial.max(highest);
        let text = loop {
            state.serial += 1;
            let (key, text) = (self.keys.backup(state.serial), snapshot::render(state));
            let put =
                objects.put(&key, text.as_bytes(), self.tenancy.id(), Condition::Absent).await?;
            if put != Put::Refused {
                break text;
            }
        };
        let surplus = (copies.len() + 1).saturating_sub(KEPT);
        let oldest = copies.into_iter().take(surplus).map(|(_, key)| key);
        objects.delete(&oldest.collect::<Vec<_>>()).await?;
        Ok(text)
    }
}
