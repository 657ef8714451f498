//! The lock, for commands that change something: taken at once, or waited for.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::state::store::{Caution, Lock, Store, StoreError};

use super::arguments::duration;
use super::connect::holder;
use super::context::{Context, StackName};
use super::failure::{Failure, INTERRUPTED};
use super::passing;

/// How a command takes the lock.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Locking {
    /// Wait so long while somebody else works on the stack, `5m` for example.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub lock_timeout: Option<Duration>,
}

/// How often a lock that is held is tried again in a directory.
const INTERVAL: Duration = Duration::from_millis(250);

/// How often in a bucket, where every look is a request.
const BUCKET_INTERVAL: Duration = Duration::from_secs(2);

/// How long an interrupted command may take to give a lock back.
const LEAVE_TAKING: Duration = Duration::from_secs(5);

/// How often a lock is tried again, and after what pause, whose holder has not said yet who it is.
const NAMELESS: (u32, Duration) = (50, Duration::from_millis(20));

/// Takes the lock of a stack for a command, once its state is known to be safe where it is.
pub async fn lock(
    context: &Context,
    name: &StackName,
    command: &str,
    locking: Locking,
) -> Result<Lock, Failure> {
    let (store, me) = (context.store().await?, holder(command));
    let cautions = store.inspect().await?;
    context.warn(&cautions.iter().map(|caution| said(caution, store)).collect::<Vec<_>>());
    context.warn(&passing::warning(context, name).into_iter().collect::<Vec<_>>());
    let deadline = Instant::now() + locking.lock_timeout.unwrap_or_default();
    let mut nameless = 0;
    let mut told = None;
    loop {
        let held = match store.lock(&name.stack, &name.environment, &me).await {
            Err(StoreError::Held { holder }) => holder,
            settled => {
                let lock = settled?;
                tracing::info!(stack = %name, %store, command, "took the lock");
                give_back_when_interrupted(context, store)?;
                return Ok(lock);
            }
        };
        if held.is_none() && nameless < NAMELESS.0 {
            nameless += 1;
            tokio::time::sleep(NAMELESS.1).await;
            continue;
        }
        if Instant::now() >= deadline {
            return Err(StoreError::Held { holder: held }.into());
        }
        if told != held {
            if let Some(holder) = &held {
                context.tell(&format!("Waiting for {holder}."));
            }
            told = held;
        }
        tokio::time::sleep(interval(store)).await;
    }
}

/// Has a lock given back that would outlast its process, when that is interrupted. A run that is
/// under way hears of the interruption itself, and ends in its own time.
pub fn give_back_when_interrupted(context: &Context, store: &Store) -> Result<(), Failure> {
    if matches!(store, Store::Directory(_)) {
        return Ok(());
    }
    let (locked, run) = (context.locked(), context.run_under_way());
    let others = {
        let mut stores = locked.lock().unwrap_or_else(PoisonError::into_inner);
        stores.push(store.clone());
        stores.len() - 1
    };
    if others > 0 {
        return Ok(());
    }
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => (),
                _ = terminate.recv() => (),
            }
            if !run.load(Ordering::Acquire) {
                // What can't be given back in that time ends by itself.
                let stores = locked.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let closed = futures::future::join_all(stores.iter().map(Store::close));
                let _ = tokio::time::timeout(LEAVE_TAKING, closed).await;
                std::process::exit(i32::from(INTERRUPTED));
            }
        }
    });
    Ok(())
}

/// How often a lock that is held is tried again.
fn interval(store: &Store) -> Duration {
    match store {
        Store::Directory(_) => INTERVAL,
        Store::Bucket(_) => BUCKET_INTERVAL,
    }
}

fn said(caution: &Caution, store: &Store) -> String {
    match caution {
        Caution::Unversioned => format!(
            "{store} keeps no old versions: `aws s3api put-bucket-versioning --bucket NAME \
             --versioning-configuration Status=Enabled` has what is overwritten or deleted kept"
        ),
        Caution::Unseen(operation) => {
            format!("whether {store} is safe can't all be seen: allow `{operation}`")
        }
    }
}
