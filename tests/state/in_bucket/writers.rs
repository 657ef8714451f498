//! One writer after the other, and two at once.

use std::sync::atomic::Ordering;

use super::*;
use provision::simulated_aws::wire::ApiError;
use provision::state::store::Store;

async fn who(store: &Bucket) -> Option<Holder> {
    store.tenure(STACK, ENVIRONMENT).await.unwrap().map(|tenure| tenure.holder)
}

#[tokio::test(start_paused = true)]
async fn what_was_recorded_is_read_back_while_it_is_written_and_afterwards() {
    let world = World::new();
    let (store, reader) = (world.store(), world.store());
    assert_eq!(load(&reader).await, None);
    let mut writer = lock(&store).await.begin(new_state()).await.unwrap();
    for entries in [vec![begin("a"), begin("b")], vec![made("a")], vec![]] {
        writer.record_all(entries).await.unwrap();
        assert_eq!(load(&reader).await.as_ref(), Some(writer.state()));
    }
    let state = writer.finish().await.unwrap();
    assert_eq!(load(&reader).await, Some(state));
    assert!(!world.keys().iter().any(|key| key.starts_with("journal") || key == "lock"));
}

#[tokio::test(start_paused = true)]
async fn entries_that_wait_together_share_a_put() {
    let world = World::new();
    killed(&world).await;
    let parts: Vec<_> = world.keys().into_iter().filter(|key| key.starts_with("journal")).collect();
    let numbers = ["000000", "000001", "000002"];
    assert_eq!(parts, numbers.map(|number| format!("journal/0000000001/{number}")));
}

#[tokio::test(start_paused = true)]
async fn a_second_writer_is_told_who_the_first_is_and_waits_for_no_dead_one() {
    let world = World::new();
    let (one, other) = (world.store(), world.store());
    let held = lock(&one).await;
    let two = holder(2);
    let try_other = || other.lock(STACK, ENVIRONMENT, &two);
    let refused = try_other().await.unwrap_err();
    assert!(matches!(&refused, StoreError::Held { holder: Some(who) } if who.process == 1));
    assert_eq!(who(&other).await, Some(holder(1)));
    // As long as it lives, the lease is renewed.
    tokio::time::sleep(Duration::from_hours(1)).await;
    try_other().await.unwrap_err();
    drop((held, one));
    tokio::time::sleep(Duration::from_mins(1)).await;
    try_other().await.unwrap_err();
    tokio::time::sleep(MOURNING).await;
    assert_eq!(who(&other).await, None);
    try_other().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn of_many_who_come_at_once_one_gets_it() {
    let world = World::new();
    let stores: Vec<Bucket> = (0..10).map(|_| world.store()).collect();
    let holders: Vec<Holder> = (0..10).map(holder).collect();
    let locks = stores.iter().zip(&holders).map(|(store, who)| store.lock(STACK, ENVIRONMENT, who));
    let taken = futures::future::join_all(locks).await;
    assert_eq!(taken.iter().filter(|taken| taken.is_ok()).count(), 1);
    // And where a dead one's has run out.
    drop((taken, stores));
    tokio::time::sleep(MOURNING).await;
    let stores: Vec<Bucket> = (0..10).map(|_| world.store()).collect();
    let locks = stores.iter().zip(&holders).map(|(store, who)| store.lock(STACK, ENVIRONMENT, who));
    let taken = futures::future::join_all(locks).await;
    assert_eq!(taken.iter().filter(|taken| taken.is_ok()).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_given_back_when_its_store_is_closed() {
    let world = World::new();
    let (one, other) = (world.store(), world.store());
    drop(lock(&one).await);
    other.lock(STACK, ENVIRONMENT, &holder(2)).await.unwrap_err();
    one.close().await;
    other.lock(STACK, ENVIRONMENT, &holder(2)).await.unwrap();
}

/// A machine that is put to sleep: its program does nothing, and does not know it.
struct Sleeper {
    writer: BucketWriter,
    _store: Bucket,
}

const SLEEPER: &str = "SLEEPER";

/// Nothing comes from the machine that sleeps.
#[derive(Debug)]
struct Asleep;

impl Interference for Asleep {
    fn before(&self, _: usize, call: &Call) -> Verdict {
        if call.access_key == SLEEPER { Verdict::Disconnect } else { Verdict::Pass }
    }

    fn after(&self, _: usize, _: &Call, _: &Answer) -> Verdict {
        Verdict::Pass
    }
}

impl Sleeper {
    /// Falls asleep with an open journal, so long that its lease runs out.
    async fn with_journal(world: &World) -> Self {
        let store = world.store_of(SLEEPER);
        let mut writer = lock(&store).await.begin(new_state()).await.unwrap();
        writer.record(begin("a")).await.unwrap();
        world.endpoint.interfere(Some(Box::new(Asleep)));
        tokio::time::sleep(MOURNING).await;
        Self { writer, _store: store }
    }
}

#[tokio::test(start_paused = true)]
async fn who_sleeps_through_the_end_of_the_lease_finds_out_before_the_next_step() {
    let world = World::new();
    let mut sleeper = Sleeper::with_journal(&world).await;
    let other = world.store();
    let lock = other.lock(STACK, ENVIRONMENT, &holder(2)).await.unwrap();
    world.endpoint.interfere(None);
    let before = world.objects();
    let refused = sleeper.writer.record(begin("b")).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Lost { by: Some(who) } if who.process == 2),
        "{refused}"
    );
    assert_eq!(world.objects(), before, "it has written nothing");
    sleeper.writer.finish().await.unwrap_err();
    assert_eq!(world.objects(), before, "and writes nothing at its end");
    // What it had recorded is known to whoever took over.
    let state = load(&other).await.unwrap();
    assert!(state.in_doubt.contains_key(&address("a")));
    let mut writer = lock.begin(state).await.unwrap();
    writer.record(made("a")).await.unwrap();
    writer.finish().await.unwrap();
    assert!(load(&other).await.unwrap().resources.contains_key(&address("a")));
}

#[tokio::test(start_paused = true)]
async fn who_wakes_long_after_others_have_worked_can_still_write_nothing() {
    let world = World::new();
    let mut sleeper = Sleeper::with_journal(&world).await;
    let other = world.store();
    for round in 0..12 {
        let lock = other.lock(STACK, ENVIRONMENT, &holder(2)).await.unwrap();
        let state = load(&other).await.unwrap_or_else(new_state);
        let writer = lock.begin(state).await.unwrap();
        if round == 11 {
            writer.retire().await.unwrap();
        } else {
            writer.finish().await.unwrap();
        }
    }
    world.endpoint.interfere(None);
    let before = world.objects();
    let refused = sleeper.writer.record(begin("b")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Lost { by: None }), "{refused}");
    sleeper.writer.finish().await.unwrap_err();
    assert_eq!(world.objects(), before);
}

#[tokio::test(start_paused = true)]
async fn nobody_overwrites_the_snapshot_of_whoever_came_between() {
    let world = World::new();
    let (one, other) = (world.store(), world.store());
    let slow = lock(&one).await;
    unlock(&one).await;
    let fast = other.lock(STACK, ENVIRONMENT, &holder(2)).await.unwrap();
    let state = fast.begin(new_state()).await.unwrap().finish().await.unwrap();
    slow.begin(new_state()).await.unwrap_err();
    assert_eq!(load(&other).await, Some(state));
}

#[tokio::test(start_paused = true)]
async fn whose_lock_was_taken_away_can_not_go_on() {
    let world = World::new();
    let (one, other) = (world.store(), world.store());
    let mut writer = lock(&one).await.begin(new_state()).await.unwrap();
    unlock(&other).await;
    assert_eq!(who(&other).await, None);
    // Nobody has come yet: it finds out by itself when it renews the lease.
    tokio::time::sleep(Duration::from_secs(31)).await;
    let refused = writer.record(begin("a")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Lost { by: None }), "{refused}");
}

/// The lease that is shown.
async fn shown(store: &Bucket) -> Option<String> {
    store.tenure(STACK, ENVIRONMENT).await.unwrap().and_then(|tenure| tenure.lease)
}

async fn unlock(store: &Bucket) {
    let shown = shown(store).await;
    assert!(store.unlock(STACK, ENVIRONMENT, shown.as_deref()).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn no_lease_is_taken_away_but_the_one_that_was_shown() {
    let world = World::new();
    let (one, next, other) = (world.store(), world.store(), world.store());
    let held = lock(&one).await;
    let shown = shown(&other).await;
    // Renewed meanwhile, it still is the same.
    tokio::time::sleep(Duration::from_mins(1)).await;
    held.release().await.unwrap();
    assert!(!other.unlock(STACK, ENVIRONMENT, shown.as_deref()).await.unwrap());
    let _next = next.lock(STACK, ENVIRONMENT, &holder(2)).await.unwrap();
    let refused = other.unlock(STACK, ENVIRONMENT, shown.as_deref()).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Held { holder: Some(who) } if who.process == 2));
    assert_eq!(who(&other).await, Some(holder(2)));
}

/// Finds the lease renewed so many times when somebody is about to remove it.
#[derive(Debug)]
struct Renewed(std::sync::atomic::AtomicUsize);

impl Interference for Renewed {
    fn before(&self, _: usize, call: &Call) -> Verdict {
        let is_left = |left: usize| left.checked_sub(1);
        let count = || self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_left);
        if call.operation == "DeleteObject" && count().is_ok() {
            let moved = ApiError::new("PreconditionFailed", "At least one did not hold");
            return Verdict::Refuse(moved.with_status(412));
        }
        Verdict::Pass
    }

    fn after(&self, _: usize, _: &Call, _: &Answer) -> Verdict {
        Verdict::Pass
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_renewed_at_that_moment_is_taken_away_all_the_same() {
    let world = World::new();
    let (one, other) = (world.store(), world.store());
    let _held = lock(&one).await;
    let shown = shown(&other).await;
    world.endpoint.interfere(Some(Box::new(Renewed(2.into()))));
    assert!(other.unlock(STACK, ENVIRONMENT, shown.as_deref()).await.unwrap());
    assert_eq!(who(&other).await, None);
}

#[tokio::test(start_paused = true)]
async fn who_wakes_and_only_ends_leaves_nothing_of_an_old_state() {
    let world = World::new();
    let asleep = Sleeper::with_journal(&world).await;
    let other = world.store();
    let lock = other.lock(STACK, ENVIRONMENT, &holder(2)).await.unwrap();
    let state = load(&other).await.unwrap();
    let gone = State { in_doubt: BTreeMap::new(), ..state };
    lock.begin(gone).await.unwrap().retire().await.unwrap();
    world.endpoint.interfere(None);
    let before = world.objects();
    let refused = asleep.writer.finish().await.unwrap_err();
    assert!(matches!(refused, StoreError::Lost { by: None }), "{refused}");
    assert_eq!(world.objects(), before);
    let lost = Store::Bucket(other).lost(STACK, ENVIRONMENT).await.unwrap();
    assert_eq!(lost, None, "nobody takes the stack for lost");
}

#[tokio::test(start_paused = true)]
async fn who_wakes_before_it_has_begun_begins_nothing() {
    let world = World::new();
    let sleeper = world.store_of(SLEEPER);
    let held = lock(&sleeper).await;
    world.endpoint.interfere(Some(Box::new(Asleep)));
    tokio::time::sleep(MOURNING).await;
    let _other = lock(&world.store()).await;
    world.endpoint.interfere(None);
    let before = world.objects();
    let refused = held.begin(new_state()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Lost { by: Some(_) }), "{refused}");
    assert_eq!(world.objects(), before);
}

#[tokio::test(start_paused = true)]
async fn the_last_ten_snapshots_are_kept_and_no_serial_comes_twice() {
    let world = World::new();
    let store = world.store();
    let mut serials = Vec::new();
    for _ in 0..12 {
        let lock = lock(&store).await;
        let state = load(&store).await.unwrap_or_else(new_state);
        serials.push(lock.begin(state).await.unwrap().finish().await.unwrap().serial);
    }
    assert!(serials.is_sorted_by(|one, next| one < next), "{serials:?}");
    let copies = store.copies(STACK, ENVIRONMENT).await.unwrap();
    assert_eq!(copies.len(), 10);
    assert_eq!(copies[0].0.serial, *serials.last().unwrap());
    let lock = super::lock(&store).await;
    lock.begin(load(&store).await.unwrap()).await.unwrap().retire().await.unwrap();
    assert_eq!(load(&store).await, None);
    let again = super::lock(&store).await.begin(new_state()).await.unwrap();
    assert!(again.state().serial > *serials.last().unwrap() + 1);
}

#[tokio::test(start_paused = true)]
async fn the_stacks_of_a_bucket_are_listed() {
    let world = World::new();
    let store = world.store();
    for (stack, environment) in [("web", "dev"), ("shop-api", "blue-1"), ("shop", "prod")] {
        let lock = store.lock(stack, environment, &holder(1)).await.unwrap();
        let state = State::new(stack, environment, "000000000000", "eu-west-1");
        lock.begin(state).await.unwrap().finish().await.unwrap();
    }
    let names = store.stacks().await.unwrap();
    let names: Vec<_> =
        names.iter().map(|name| format!("{} {}", name.stack, name.environment)).collect();
    assert_eq!(names, ["shop prod", "shop-api blue-1", "web dev"]);
}
