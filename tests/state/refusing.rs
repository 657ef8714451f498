//! A disk that refuses: the run stops before AWS is asked for anything more, and goes on later.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::io;
use std::time::Duration;

use provision::execute::recovery::settle_doubts;
use provision::state::store::{Recorder, StoreError};
use provision::state::{Entry, State};
use tokio::sync::mpsc;

use super::world::{FILE, Memory, World, config};

/// Records in memory, and refuses a write and all after it, as a full disk does.
struct Refusing<'a> {
    memory: Memory,
    left: usize,
    world: &'a World,
    /// How many changes AWS had been asked for when the disk first refused.
    at: Option<usize>,
}

impl Recorder for Refusing<'_> {
    fn state(&self) -> &State {
        self.memory.state()
    }

    async fn record_all(&mut self, entries: Vec<Entry>) -> Result<(), StoreError> {
        for entry in entries {
            if self.left == 0 {
                self.at.get_or_insert(self.world.changes());
                let source = io::Error::from(io::ErrorKind::StorageFull);
                return Err(StoreError::Disk { action: "writing", path: "journal".into(), source });
            }
            self.left -= 1;
            self.memory.record(entry).await?;
        }
        Ok(())
    }
}

/// How often a whole `up` writes.
const PLENTY: usize = 10_000;

#[tokio::test(start_paused = true)]
async fn a_disk_that_refuses_any_write_stops_the_run_at_once_and_the_next_goes_on() {
    let whole = World::new();
    let plan = whole.plan(&config(FILE), &whole.blank().await).await;
    let memory = Memory(whole.blank().await);
    let mut recorder = Refusing { memory, left: PLENTY, world: &whole, at: None };
    whole.run(&plan, &mut recorder).await.unwrap();
    let writes = PLENTY - recorder.left;
    assert!(writes > 60, "{writes}");

    let mut tried = 0;
    for left in (0..writes).step_by(3) {
        let world = World::new();
        let memory = Memory(world.blank().await);
        let mut recorder = Refusing { memory, left, world: &world, at: None };
        let plan = world.plan(&config(FILE), recorder.state()).await;
        world.run(&plan, &mut recorder).await.unwrap_err();
        let at = recorder.at.unwrap();
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!(world.changes(), at, "write {left}: something was asked after the disk refused");
        goes_on(&world, recorder.memory.0).await;
        tried += 1;
    }
    println!("{tried} of {writes} writes refused");
}

async fn goes_on(world: &World, state: State) {
    let mut memory = Memory(state);
    let (events, _heard) = mpsc::unbounded_channel();
    settle_doubts(&world.aws, &mut memory, &events).await.unwrap();
    let state = world.up(&config(FILE), memory.0).await;
    assert!(world.plan(&config(FILE), &state).await.is_empty());
}
