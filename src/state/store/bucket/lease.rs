//! The lease: one at a time, for as long as it is renewed, and everyone else is told who.
//!
//! It runs out by S3's own clock: what tells its age is when S3 says that it was put, and when S3
//! says that it is now. No two machines' clocks are compared. It keeps others from waiting for the
//! dead and from working at cross purposes; what keeps them from overwriting each other are the
//! conditions of every put, whoever believes to hold it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::task::AbortHandle;

use super::keys::Keys;
use super::objects::{Condition, Objects, Put};
use crate::state::store::error::StoreError;
use crate::state::store::holder::Holder;

/// How long a lease holds that nobody renews.
const VALID: Duration = Duration::from_mins(2);

/// How often it is renewed: three times may fail.
const RENEWAL: Duration = Duration::from_secs(30);

/// How often a lease is tried to be taken away that is renewed at that very moment.
const TRIES: u32 = 10;

/// A lease as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lease {
    /// Tells it from all others.
    pub id: String,
    /// Who has it.
    pub holder: Holder,
    /// How long it holds from when it was put, in seconds.
    pub valid_s: u64,
    /// How often it was renewed.
    pub renewed: u64,
}

/// A lease as it was read.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub lease: Lease,
    pub etag: String,
    age: Option<Duration>,
}

impl Seen {
    /// Whether it has run out.
    pub fn is_over(&self) -> bool {
        self.age.is_some_and(|age| age > Duration::from_secs(self.lease.valid_s))
    }

    /// How long it holds unless it is renewed; `None` where S3 did not say how old it is.
    pub fn ends_in(&self) -> Option<Duration> {
        Some(Duration::from_secs(self.lease.valid_s).saturating_sub(self.age?))
    }
}

impl Lease {
    fn text(&self) -> Vec<u8> {
        let mut text = serde_json::to_string_pretty(self).expect("a lease is made of scalars");
        text.push('\n');
        text.into_bytes()
    }
}

/// Reads the lease of a stack; `None` when nobody has one.
pub(super) async fn look(objects: &Objects, keys: &Keys) -> Result<Option<Seen>, StoreError> {
    let key = keys.lock();
    let Some(object) = objects.get(&key).await? else { return Ok(None) };
    let lease = serde_json::from_slice(&object.body)
        .map_err(|_| StoreError::NoLease { path: keys.shown(&key) })?;
    Ok(Some(Seen { lease, etag: object.etag, age: object.age }))
}

/// Takes away the lease that was `shown`, however often it was renewed since; `None` takes away what
/// is no lease. Says whether there was anything to take.
pub(super) async fn take_away(
    objects: &Objects,
    keys: &Keys,
    shown: Option<&str>,
) -> Result<bool, StoreError> {
    let mut holder = None;
    for _ in 0..TRIES {
        let Some(object) = objects.get(&keys.lock()).await? else { return Ok(false) };
        let lease = serde_json::from_slice::<Lease>(&object.body).ok();
        let is_shown = lease.as_ref().map(|lease| lease.id.as_str()) == shown;
        holder = lease.map(|lease| lease.holder);
        if !is_shown {
            break;
        }
        if objects.delete_if(&keys.lock(), &object.etag).await? {
            return Ok(true);
        }
    }
    Err(StoreError::Held { holder })
}

/// A lease that is held, and renewed for as long as this lives.
#[derive(Debug)]
pub(super) struct Tenancy {
    objects: Objects,
    keys: Keys,
    id: String,
    /// Whether somebody else was found in its place.
    is_lost: AtomicBool,
    current: Mutex<Current>,
    /// What renews it.
    renewal: OnceLock<AbortHandle>,
}

/// The lease as it was last put; nothing once it was given back.
#[derive(Debug)]
struct Current(Option<(Lease, String)>);

impl Tenancy {
    /// Takes the lease of a stack. It does not wait.
    ///
    /// # Errors
    ///
    /// [`StoreError::Held`] when somebody has it, and it has not run out.
    pub async fn take(
        objects: &Objects,
        keys: &Keys,
        holder: &Holder,
    ) -> Result<Arc<Self>, StoreError> {
        let id = uuid::Uuid::new_v4().to_string();
        let valid_s = VALID.as_secs();
        let lease = Lease { id: id.clone(), holder: holder.clone(), valid_s, renewed: 0 };
        let seen = look(objects, keys).await?;
        let condition = match &seen {
            None => Condition::Absent,
            Some(seen) if seen.is_over() => Condition::Unchanged(&seen.etag),
            Some(seen) => return Err(StoreError::Held { holder: Some(seen.lease.holder.clone()) }),
        };
        match objects.put(&keys.lock(), &lease.text(), &id, condition).await? {
            Put::Done(etag) => Ok(Self::begin(objects, keys, lease, etag)),
            Put::Refused => {
                let holder = look(objects, keys).await?.map(|seen| seen.lease.holder);
                Err(StoreError::Held { holder })
            }
        }
    }

    fn begin(objects: &Objects, keys: &Keys, lease: Lease, etag: String) -> Arc<Self> {
        let tenancy = Arc::new(Self {
            objects: objects.clone(),
            keys: keys.clone(),
            id: lease.id.clone(),
            is_lost: AtomicBool::new(false),
            current: Mutex::new(Current(Some((lease, etag)))),
            renewal: OnceLock::new(),
        });
        let (weak, pause) = (Arc::downgrade(&tenancy), objects.aws().pace().scaled(RENEWAL));
        let renewal = tokio::spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                let Some(tenancy) = weak.upgrade() else { return };
                if !tenancy.renew().await {
                    return;
                }
            }
        });
        tenancy.renewal.get_or_init(|| renewal.abort_handle());
        tenancy
    }

    /// What tells this tenant's objects from others'.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Makes sure that nobody has taken over, as far as is known here.
    ///
    /// # Errors
    ///
    /// [`StoreError::Lost`] when somebody has.
    pub async fn check(&self) -> Result<(), StoreError> {
        if self.is_lost.load(Ordering::Acquire) { Err(self.lost().await) } else { Ok(()) }
    }

    /// Makes sure by what lies in the bucket that nobody has taken over: a machine that has just
    /// woken knows nothing of it, since the time to renew the lease does not pass while it sleeps.
    ///
    /// # Errors
    ///
    /// [`StoreError::Lost`] when somebody has, or the lease was taken away.
    pub async fn confirm(&self) -> Result<(), StoreError> {
        self.check().await?;
        let seen = look(&self.objects, &self.keys).await?;
        let is_own = seen.is_some_and(|seen| seen.lease.id == self.id);
        if is_own { Ok(()) } else { Err(self.lost().await) }
    }

    /// What it means that somebody else was found where this tenant was to write.
    pub async fn lost(&self) -> StoreError {
        self.is_lost.store(true, Ordering::Release);
        let seen = look(&self.objects, &self.keys).await.ok().flatten();
        let other = seen.filter(|seen| seen.lease.id != self.id);
        StoreError::Lost { by: other.map(|seen| seen.lease.holder) }
    }

    /// Puts the lease anew; says whether it is to be renewed again.
    async fn renew(&self) -> bool {
        let mut current = self.current.lock().await;
        let Some((lease, etag)) = &current.0 else { return false };
        let next = Lease { renewed: lease.renewed + 1, ..lease.clone() };
        let unchanged = Condition::Unchanged(etag);
        match self.objects.put(&self.keys.lock(), &next.text(), &self.id, unchanged).await {
            Ok(Put::Done(etag)) => current.0 = Some((next, etag)),
            Ok(Put::Refused) => {
                self.is_lost.store(true, Ordering::Release);
                return false;
            }
            // It may pass before the lease runs out; and if it does not, others will be seen.
            Err(error) => tracing::warn!(%error, "the lock could not be renewed"),
        }
        true
    }

    /// Gives the lease back, if it is still held.
    ///
    /// # Errors
    ///
    /// When S3 does not take it: then it ends by itself.
    pub async fn release(&self) -> Result<(), StoreError> {
        let held = self.current.lock().await.0.take();
        match held.filter(|_| !self.is_lost.load(Ordering::Acquire)) {
            // One that is not what was put is somebody else's.
            Some((_, etag)) => self.objects.delete_if(&self.keys.lock(), &etag).await.map(drop),
            None => Ok(()),
        }
    }
}

impl Drop for Tenancy {
    fn drop(&mut self) {
        self.renewal.get().inspect(|renewal| renewal.abort());
    }
}
