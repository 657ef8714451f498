//! A state on its way from one place to another, cut off at every call that changes something.

use super::failures::Reaper;
use super::*;
use provision::state::store::{Directory, Passage, Store};

/// From where to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    IntoABucket,
    OutOfIt,
    WithinIt,
}

struct Places {
    world: World,
    directory: tempfile::TempDir,
    way: Way,
}

impl Places {
    /// The place where the state is, and where it is to go, as some process has them.
    fn stores(&self) -> (Store, Store) {
        let bucket = |prefix: &str| {
            let place = BucketPlace { prefix: prefix.into(), ..self.world.store().place().clone() };
            Store::Bucket(Bucket::new(self.world.aws("MACHINE"), place))
        };
        let directory = || Store::Directory(Directory::new(self.directory.path()));
        match self.way {
            Way::IntoABucket => (directory(), bucket("team")),
            Way::OutOfIt => (bucket("team"), directory()),
            Way::WithinIt => (bucket("team"), bucket("other")),
        }
    }

    /// Places of which the first has a state with a journal. Gives the state.
    async fn new(way: Way) -> (Self, State) {
        let places = Self { world: World::new(), directory: tempfile::tempdir().unwrap(), way };
        let (from, _) = places.stores();
        let lock = from.lock(STACK, ENVIRONMENT, &holder(1)).await.unwrap();
        let mut writer = lock.begin(new_state()).await.unwrap();
        writer.record_all(vec![begin("a"), made("a"), begin("b")]).await.unwrap();
        let state = writer.state().clone();
        drop((writer, from));
        tokio::time::sleep(MOURNING).await;
        (places, state)
    }
}

async fn go(from: &Store, to: &Store) -> Result<(), StoreError> {
    let target = to.lock(STACK, ENVIRONMENT, &holder(1)).await?;
    let left = from.lock(STACK, ENVIRONMENT, &holder(1)).await?;
    let state = from.load(STACK, ENVIRONMENT).await?.unwrap();
    let present = to.load(STACK, ENVIRONMENT).await?;
    let passage = Passage::of(&state, present.as_ref()).expect("it is no other state");
    passage.go(state, target, left).await
}

#[tokio::test(start_paused = true)]
async fn a_passage_that_dies_after_any_change_goes_on() {
    for way in [Way::IntoABucket, Way::OutOfIt, Way::WithinIt] {
        let (undisturbed, _) = Places::new(way).await;
        let before = undisturbed.world.endpoint.calls().len();
        let (from, to) = undisturbed.stores();
        go(&from, &to).await.unwrap();
        // What comes between two changes leaves nothing behind that the first has not left.
        let is_change =
            |call: &Call| !["Get", "List"].iter().any(|verb| call.operation.starts_with(verb));
        let calls = undisturbed.world.endpoint.calls();
        let changes = (1..).zip(&calls).skip(before).filter(|(_, call)| is_change(call));
        for (number, _) in changes {
            dies_and_goes_on(way, number).await;
        }
    }
}

async fn dies_and_goes_on(way: Way, number: usize) {
    let at = format!("{way:?}, call {number}");
    let (places, state) = Places::new(way).await;
    places.world.endpoint.interfere(Some(Box::new(Reaper { number, carried_out: true })));
    let (from, to) = places.stores();
    // Before a lease is renewed: that would never end.
    let died = tokio::time::timeout(Duration::from_secs(20), go(&from, &to)).await;
    died.expect_err("it is dead");
    drop((from, to));
    places.world.endpoint.interfere(None);
    tokio::time::sleep(MOURNING).await;
    let (from, to) = places.stores();
    if from.load(STACK, ENVIRONMENT).await.unwrap().is_some() {
        go(&from, &to).await.unwrap_or_else(|error| panic!("{at}: {error:?}"));
    }
    let there = to.load(STACK, ENVIRONMENT).await.unwrap().expect(&at);
    assert_eq!(State { serial: state.serial, ..there }, state, "{at}");
    assert_eq!(from.load(STACK, ENVIRONMENT).await.unwrap(), None, "{at}");
    assert_eq!(from.lost(STACK, ENVIRONMENT).await.unwrap(), None, "{at}");
}
