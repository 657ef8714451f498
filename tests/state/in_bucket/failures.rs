//! Every way in which a put can fail, and whatever can be wrong with what lies there.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use provision::simulated_aws::faults::throttle;
use provision::simulated_aws::wire::{ApiError, Service};

/// What becomes of the nth put.
#[derive(Clone, Debug)]
enum Trouble {
    /// Answered so instead of being carried out, so many times.
    Refused(ApiError, usize),
    /// Answered so although it was carried out.
    RefusedOnceDone(ApiError),
    /// Carried out, and never answered.
    LostOnceDone,
    /// Lost on its way.
    Lost,
}

#[derive(Debug)]
struct Nth {
    number: usize,
    trouble: Trouble,
    puts: AtomicUsize,
    left: AtomicUsize,
}

impl Nth {
    fn is_meant(&self, call: &Call, count: usize) -> bool {
        if call.operation != "PutObject" {
            return false;
        }
        self.puts.fetch_add(count, Ordering::Relaxed) + count >= self.number
            && self
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_ok()
    }
}

impl Interference for Nth {
    fn before(&self, _: usize, call: &Call) -> Verdict {
        match &self.trouble {
            Trouble::Refused(error, _) if self.is_meant(call, 1) => Verdict::Refuse(error.clone()),
            Trouble::Lost if self.is_meant(call, 1) => Verdict::Disconnect,
            _ => Verdict::Pass,
        }
    }

    fn after(&self, _: usize, call: &Call, _: &Answer) -> Verdict {
        match &self.trouble {
            Trouble::RefusedOnceDone(error) if self.is_meant(call, 1) => {
                Verdict::Refuse(error.clone())
            }
            Trouble::LostOnceDone if self.is_meant(call, 1) => Verdict::Disconnect,
            _ => Verdict::Pass,
        }
    }
}

/// All that a run does with its state; gives the state.
async fn whole_run(store: &Bucket) -> Result<State, StoreError> {
    let lock = store.lock(STACK, ENVIRONMENT, &holder(1)).await?;
    let state = store.load(STACK, ENVIRONMENT).await?;
    let mut writer = lock.begin(state.unwrap_or_else(new_state)).await?;
    writer.record_all(vec![begin("a"), begin("b")]).await?;
    writer.record(made("a")).await?;
    writer.finish().await
}

/// How many puts a whole run makes: the lease, and for snapshots and journal.
const PUTS: usize = 8;

fn troubles() -> Vec<Trouble> {
    let internal =
        ApiError::new("InternalError", "We encountered an internal error.").with_status(500);
    let unavailable = ApiError::new("ServiceUnavailable", "Service is unable to handle request.")
        .with_status(503);
    let conflict = ApiError::new("ConditionalRequestConflict", "A conflicting operation occurred.")
        .with_status(409);
    vec![
        Trouble::Refused(internal.clone(), 3),
        Trouble::Refused(unavailable.clone(), 2),
        Trouble::Refused(conflict, 2),
        Trouble::Refused(throttle(Service::S3), 5),
        Trouble::RefusedOnceDone(internal),
        Trouble::RefusedOnceDone(unavailable),
        Trouble::LostOnceDone,
        Trouble::Lost,
    ]
}

#[tokio::test(start_paused = true)]
async fn a_put_that_fails_in_any_way_that_passes_is_done_once_in_the_end() {
    let undisturbed = World::new();
    whole_run(&undisturbed.store()).await.unwrap();
    let puts =
        undisturbed.endpoint.calls().iter().filter(|call| call.operation == "PutObject").count();
    assert_eq!(puts, PUTS);
    let mut tried = 0;
    for number in 1..=PUTS {
        for trouble in troubles() {
            let world = World::new();
            let left = if let Trouble::Refused(_, times) = &trouble { *times } else { 1 };
            let nth = Nth {
                number,
                trouble: trouble.clone(),
                puts: AtomicUsize::new(0),
                left: left.into(),
            };
            world.endpoint.interfere(Some(Box::new(nth)));
            let store = world.store();
            let state = whole_run(&store).await;
            let state =
                state.unwrap_or_else(|error| panic!("put {number}, {trouble:?}: {error:?}"));
            assert_eq!(load(&world.store()).await, Some(state), "put {number}, {trouble:?}");
            assert_eq!(world.keys(), undisturbed.keys(), "put {number}, {trouble:?}");
            tried += 1;
        }
    }
    assert_eq!(tried, PUTS * troubles().len());
}

/// Refused for good: nothing further is written, and the next run goes on from what was.
#[tokio::test(start_paused = true)]
async fn a_put_that_fails_for_good_stops_the_run_and_loses_nothing() {
    let denied = ApiError::new("AccessDenied", "Access Denied").with_status(403);
    for number in 1..=PUTS {
        let world = World::new();
        let trouble = Trouble::Refused(denied.clone(), usize::MAX);
        let nth = Nth { number, trouble, puts: AtomicUsize::new(0), left: usize::MAX.into() };
        world.endpoint.interfere(Some(Box::new(nth)));
        let store = world.store();
        let refused = whole_run(&store).await.unwrap_err();
        assert!(matches!(refused, StoreError::Bucket { .. }), "put {number}: {refused:?}");
        world.endpoint.interfere(None);
        store.close().await;
        whole_run(&world.store()).await.unwrap_or_else(|error| panic!("put {number}: {error:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_put_of_which_nobody_knows_nothing_more_is_written() {
    let world = World::new();
    let store = world.store();
    let mut writer = lock(&store).await.begin(new_state()).await.unwrap();
    let nth = Nth {
        number: 1,
        trouble: Trouble::LostOnceDone,
        puts: AtomicUsize::new(0),
        left: usize::MAX.into(),
    };
    world.endpoint.interfere(Some(Box::new(nth)));
    let refused = writer.record(begin("a")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Bucket { .. } | StoreError::Lost { .. }), "{refused:?}");
    world.endpoint.interfere(None);
    let refused = writer.record(begin("b")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Broken { .. }), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_dies_after_any_call_leaves_what_the_next_goes_on_from() {
    let undisturbed = World::new();
    whole_run(&undisturbed.store()).await.unwrap();
    let calls = undisturbed.endpoint.calls().len();
    for number in 1..=calls {
        for carried_out in [false, true] {
            let world = World::new();
            world.endpoint.interfere(Some(Box::new(Reaper { number, carried_out })));
            let store = world.store();
            let died = tokio::time::timeout(Duration::from_mins(1), whole_run(&store)).await;
            died.expect_err("it is dead");
            drop(store);
            world.endpoint.interfere(None);
            tokio::time::sleep(MOURNING).await;
            let heir = world.store();
            // The state before the run, while it went on, or after it: never half of one.
            let left = load(&heir).await;
            let state = whole_run(&heir).await;
            let state = state.unwrap_or_else(|error| panic!("call {number}: {error:?}"));
            assert!(left.is_none_or(|left| left.lineage == state.lineage), "call {number}");
            assert_eq!(load(&heir).await, Some(state), "call {number}");
        }
    }
}

/// Silences everything from the nth call on.
#[derive(Debug)]
pub(super) struct Reaper {
    pub number: usize,
    pub carried_out: bool,
}

impl Interference for Reaper {
    fn before(&self, number: usize, _: &Call) -> Verdict {
        let is_late = number > self.number || (number == self.number && !self.carried_out);
        if is_late { Verdict::Silence } else { Verdict::Pass }
    }

    fn after(&self, number: usize, _: &Call, _: &Answer) -> Verdict {
        if number >= self.number { Verdict::Silence } else { Verdict::Pass }
    }
}

#[tokio::test(start_paused = true)]
async fn a_journal_of_which_a_part_is_missing_or_changed_is_damage() {
    for (part, is_lost) in
        [("000000", true), ("000001", true), ("000000", false), ("000001", false)]
    {
        let world = World::new();
        killed(&world).await;
        let key = format!("journal/0000000001/{part}");
        if is_lost {
            world.delete(&key);
        } else {
            world.put(&key, "other\n");
        }
        let store = world.store();
        let refused = store.load(STACK, ENVIRONMENT).await.unwrap_err();
        assert!(refused.is_damage(), "{key}: {refused:?}");
        let StoreError::DamagedJournal { last_good: Some(copy), .. } = &refused else {
            panic!("{refused:?}")
        };
        assert_eq!(copy.serial, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_damaged_snapshot_is_put_together_again_from_its_copy_and_the_journal() {
    let world = World::new();
    let recorded = killed(&world).await;
    world.put("json", "{}");
    let store = world.store();
    assert!(store.load(STACK, ENVIRONMENT).await.unwrap_err().is_damage());
    let salvage = store.salvage(STACK, ENVIRONMENT, None).await.unwrap();
    assert!(salvage.is_whole);
    assert_eq!((salvage.entries, &salvage.state), (3, &recorded));
    tokio::time::sleep(MOURNING).await;
    let lock = lock(&store).await;
    lock.lay_aside().await.unwrap();
    let restored = lock.begin(salvage.into_state()).await.unwrap().finish().await.unwrap();
    assert_eq!(load(&store).await, Some(restored));
    let objects = world.objects();
    assert_eq!(objects["backups/laid-aside-1.json"], "{}");
    assert!(objects["backups/laid-aside-1.journal"].contains("subnet.a"));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_was_deleted_is_missed_and_an_older_one_does_not_fit() {
    let world = World::new();
    killed(&world).await;
    let store = world.store();
    let snapshot = world.objects()["json"].clone();
    world.delete("json");
    let refused = store.load(STACK, ENVIRONMENT).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::MissingSnapshot { last_good: Some(_), .. }),
        "{refused:?}"
    );
    world.put("json", &snapshot);
    tokio::time::sleep(MOURNING).await;
    let mut writer = lock(&store).await.begin(load(&store).await.unwrap()).await.unwrap();
    writer.record(begin("c")).await.unwrap();
    world.put("json", &snapshot);
    let refused = store.load(STACK, ENVIRONMENT).await.unwrap_err();
    assert!(matches!(refused, StoreError::ForeignJournal { .. }), "{refused:?}");
    // Whoever writes it finds that it is not what was read, and leaves no copy of it.
    let copies = store.copies(STACK, ENVIRONMENT).await.unwrap();
    assert!(matches!(writer.finish().await.unwrap_err(), StoreError::Lost { .. }));
    assert_eq!(store.copies(STACK, ENVIRONMENT).await.unwrap(), copies);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_lease_keeps_everybody_out_until_it_is_taken_away() {
    let world = World::new();
    world.put("lock", "somebody's notes");
    let store = world.store();
    let refused = store.lock(STACK, ENVIRONMENT, &holder(1)).await.unwrap_err();
    assert!(matches!(refused, StoreError::NoLease { .. }), "{refused:?}");
    // Somebody's lease is not what was shown.
    assert!(store.unlock(STACK, ENVIRONMENT, Some("lease")).await.is_err());
    assert!(store.unlock(STACK, ENVIRONMENT, None).await.unwrap());
    lock(&store).await;
}

/// What S3 says of single objects in the answer to a request that removes many.
#[derive(Debug)]
struct Slow {
    code: &'static str,
    left: AtomicUsize,
}

impl Interference for Slow {
    fn before(&self, _: usize, call: &Call) -> Verdict {
        let is_left = |left: usize| left.checked_sub(1);
        let count = || self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_left);
        if call.operation != "DeleteObjects" || count().is_err() {
            return Verdict::Pass;
        }
        let key = "team/web-dev.journal/0000000001/000001";
        let error = json!({"Key": key, "Code": self.code, "Message": "Please try again."});
        Verdict::Answer(json!({"Error": [error]}))
    }

    fn after(&self, _: usize, _: &Call, _: &Answer) -> Verdict {
        Verdict::Pass
    }
}

fn slow(world: &World, code: &'static str, times: usize) {
    world.endpoint.interfere(Some(Box::new(Slow { code, left: times.into() })));
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_removed_for_a_moment_is_removed_in_the_end() {
    let undisturbed = World::new();
    whole_run(&undisturbed.store()).await.unwrap();
    for code in ["SlowDown", "InternalError"] {
        let world = World::new();
        slow(&world, code, 3);
        whole_run(&world.store()).await.unwrap();
        assert_eq!(world.keys(), undisturbed.keys(), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_removed_fails_no_run_that_is_done() {
    let world = World::new();
    slow(&world, "AccessDenied", usize::MAX);
    let store = world.store();
    let state = whole_run(&store).await.unwrap();
    assert_eq!(load(&store).await, Some(state.clone()));
    // Not even one that has nothing left: its empty state stays, for a journal alone is a lost one.
    let nothing = State { resources: BTreeMap::new(), in_doubt: BTreeMap::new(), ..state };
    lock(&store).await.begin(nothing).await.unwrap().retire().await.unwrap();
    assert!(load(&store).await.unwrap().is_empty());
    world.endpoint.interfere(None);
    let state = load(&store).await.unwrap();
    lock(&store).await.begin(state).await.unwrap().retire().await.unwrap();
    assert_eq!(load(&store).await, None);
    // Besides copies, nothing stays but seals.
    let objects = world.objects();
    let is_kept = |(key, text): (&String, &String)| key.starts_with("backups/") || text.is_empty();
    assert!(objects.iter().all(is_kept), "{:?}", world.keys());
}

#[tokio::test(start_paused = true)]
async fn what_a_run_can_not_remove_as_it_begins_it_removes_as_it_ends() {
    let world = World::new();
    let killed = killed(&world).await;
    tokio::time::sleep(MOURNING).await;
    let store = world.store();
    slow(&world, "AccessDenied", 1);
    let nothing = State { resources: BTreeMap::new(), in_doubt: BTreeMap::new(), ..killed };
    lock(&store).await.begin(nothing).await.unwrap().retire().await.unwrap();
    // A journal of the killed run would be that of a state that was lost.
    assert_eq!(load(&store).await, None);
    let objects = world.objects();
    let is_kept = |(key, text): (&String, &String)| key.starts_with("backups/") || text.is_empty();
    assert!(objects.iter().all(is_kept), "{:?}", world.keys());
}

/// Nothing is given back.
#[derive(Debug)]
struct Unreturned;

impl Interference for Unreturned {
    fn before(&self, _: usize, call: &Call) -> Verdict {
        if call.operation != "DeleteObject" {
            return Verdict::Pass;
        }
        Verdict::Refuse(ApiError::new("AccessDenied", "Access Denied").with_status(403))
    }

    fn after(&self, _: usize, _: &Call, _: &Answer) -> Verdict {
        Verdict::Pass
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_can_not_be_given_back_fails_no_run_that_is_done() {
    let world = World::new();
    world.endpoint.interfere(Some(Box::new(Unreturned)));
    let state = whole_run(&world.store()).await.unwrap();
    assert_eq!(load(&world.store()).await, Some(state));
}
