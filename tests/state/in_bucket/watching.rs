//! Checks that wait for whoever is at work.

use std::sync::Mutex;

use provision::state::store::{StackName, Store};
use provision::watch::undisturbed;
use provision::watch::undisturbed::PATIENCE;
use tokio::time::Instant;

use super::*;

/// Whom a look has waited for, and how many looks it took.
#[derive(Debug, Default)]
struct Seen {
    looks: Mutex<Vec<Option<State>>>,
    waited_for: Mutex<Vec<u32>>,
}

impl Seen {
    /// Looks at the stack; each look takes ten seconds.
    async fn look(&self, world: &World) -> Result<Option<State>, StoreError> {
        let store = Store::Bucket(world.store());
        let name = StackName { stack: STACK.into(), environment: ENVIRONMENT.into() };
        let look = async |state: Option<State>| {
            tokio::time::sleep(Duration::from_secs(10)).await;
            self.looks.lock().unwrap().push(state.clone());
            Ok(state)
        };
        let waits_for = |holder: &Holder| self.waited_for.lock().unwrap().push(holder.process);
        undisturbed(&store, &name, PATIENCE, look, waits_for).await
    }

    /// How many looks there were, and who was waited for.
    fn counts(&self) -> (usize, Vec<u32>) {
        (self.looks.lock().unwrap().len(), self.waited_for.lock().unwrap().clone())
    }
}

/// Records something, and ends after so long.
async fn work(lock: BucketLock, of: State, name: &str, takes: Duration) -> State {
    let mut writer = lock.begin(of).await.unwrap();
    writer.record(begin(name)).await.unwrap();
    tokio::time::sleep(takes).await;
    writer.record(made(name)).await.unwrap();
    writer.finish().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn nobody_is_waited_for_where_nobody_is_at_work() {
    let (world, seen) = (World::new(), Seen::default());
    assert_eq!(seen.look(&world).await.unwrap(), None);
    assert_eq!(seen.counts(), (1, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_look_sees_what_whoever_is_at_work_leaves() {
    let (world, seen) = (World::new(), Seen::default());
    let store = world.store();
    let lock = lock(&store).await;
    let work = work(lock, new_state(), "a", Duration::from_mins(4));
    let (state, looked) = tokio::join!(work, seen.look(&world));
    assert_eq!(looked.unwrap(), Some(state));
    assert_eq!(seen.counts(), (1, vec![1]));
}

#[tokio::test(start_paused = true)]
async fn a_look_is_repeated_where_somebody_came_or_came_and_went_meanwhile() {
    // The first is done before the look is, the second is not.
    for takes in [Duration::from_secs(1), Duration::from_mins(1)] {
        let (world, seen) = (World::new(), Seen::default());
        let store = world.store();
        let come = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            work(lock(&store).await, new_state(), "a", takes).await
        };
        let (state, looked) = tokio::join!(come, seen.look(&world));
        assert_eq!(looked.unwrap(), Some(state), "{takes:?}");
        assert_eq!(seen.counts().0, 2, "{takes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_holder_is_waited_for_as_long_as_its_lease_lasts() {
    let (world, seen) = (World::new(), Seen::default());
    let state = killed(&world).await;
    let began = Instant::now();
    assert_eq!(seen.look(&world).await.unwrap(), Some(state));
    assert!(began.elapsed() < MOURNING + Duration::from_secs(10));
    assert_eq!(seen.counts(), (1, vec![1]));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_at_work_for_too_long_is_named() {
    let (world, seen) = (World::new(), Seen::default());
    let store = world.store();
    let _held = lock(&store).await;
    let began = Instant::now();
    let error = seen.look(&world).await.unwrap_err();
    assert!(matches!(&error, StoreError::Held { holder: Some(who) } if who.process == 1));
    assert!(began.elapsed() >= PATIENCE && began.elapsed() < PATIENCE + Duration::from_secs(10));
    assert_eq!(seen.counts().0, 0);
}
