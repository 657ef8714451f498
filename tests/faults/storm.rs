//! Everything at once: throttles, lost answers, flapping visibility, small buckets.

use std::time::Duration;

use provision::simulated_aws::faults::{Buckets, LaggingReplica, LostAnswers, Throttles};
use serde_json::Value;

use crate::world::{Cost, SMALL, World};

/// How many seeds are tried by default; all of them with `PROVISION_MATRIX=full`.
const SAMPLE: u64 = 10;
const ALL: u64 = 200;

/// How long what is on its way out may take until it is gone.
const DRAINED: Duration = Duration::from_mins(20);

/// The small stack with another image and size.
fn updated() -> String {
    let image = SMALL.replace("example/shop:1", "example/shop:2");
    image.replace("[services.app.auto", "cpu = 512\nmemory = 1024\n[services.app.auto")
}

/// What a stack's life cost, and what the account held in it.
struct Life {
    costs: [Cost; 3],
    held: Value,
    left: Value,
}

/// `up`, an update and `down`.
async fn life(world: &mut World, begin: impl Fn(&World)) -> Life {
    begin(world);
    let up = world.up(SMALL).await;
    let update = world.up(&updated()).await;
    world.calm();
    tokio::time::sleep(DRAINED).await;
    let held = world.inventory();
    let plan = world.plan(&updated()).await;
    assert!(plan.is_empty(), "{:#?}", plan.changes().collect::<Vec<_>>());
    begin(world);
    let down = world.down().await;
    world.calm();
    tokio::time::sleep(Duration::from_hours(2)).await;
    Life { costs: [up, update, down], held, left: world.inventory() }
}

fn storm(world: &World, seed: u64) {
    world
        .faults(seed)
        .with(Throttles { share: 0.2 })
        .with(LostAnswers { before: 0.1, after: 0.1, ..LostAnswers::default() })
        .with(Buckets::new(0.5))
        .with(LaggingReplica::new(Duration::from_secs(4), 0.3))
        .begin();
}

fn seeds() -> u64 {
    let full = std::env::var_os("PROVISION_MATRIX").is_some_and(|matrix| matrix == "full");
    if full { ALL } else { SAMPLE }
}

#[tokio::test(start_paused = true)]
async fn a_storm_costs_time_and_calls_and_nothing_else() {
    let calm = life(&mut World::new(7), World::calm).await;
    assert_eq!(calm.left, serde_json::json!({}));
    let mut factors = Vec::new();
    for seed in 0..seeds() {
        let mut world = World::new(7);
        let stormy = life(&mut world, |world| storm(world, seed)).await;
        assert_eq!(stormy.held, calm.held, "seed {seed} holds exactly what is declared");
        assert_eq!(stormy.left, calm.left, "seed {seed} leaves nothing");
        factors.push(Factors::of(&stormy, &calm));
    }
    report(&calm, &factors);
    let worst = Factors::worst(&factors);
    assert!(worst.calls <= 2.0 && worst.time <= 2.0, "{worst:?}");
}

/// How many times a calm life's calls and time a stormy one took.
#[derive(Clone, Copy, Debug)]
struct Factors {
    calls: f64,
    time: f64,
}

impl Factors {
    #[expect(clippy::cast_precision_loss, reason = "there are not that many calls")]
    fn of(stormy: &Life, calm: &Life) -> Self {
        let calls = |life: &Life| life.costs.iter().map(|cost| cost.calls).sum::<usize>() as f64;
        let time = |life: &Life| life.costs.iter().map(|cost| cost.time.as_secs_f64()).sum::<f64>();
        Self { calls: calls(stormy) / calls(calm), time: time(stormy) / time(calm) }
    }

    fn worst(all: &[Self]) -> Self {
        let worst = |one: fn(&Self) -> f64| all.iter().map(one).fold(0.0, f64::max);
        Self { calls: worst(|one| one.calls), time: worst(|one| one.time) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are not that many seeds")]
fn report(calm: &Life, factors: &[Factors]) {
    let mean =
        |one: fn(&Factors) -> f64| factors.iter().map(one).sum::<f64>() / factors.len() as f64;
    let worst = Factors::worst(factors);
    println!("calm: up, update, down: {:?}", calm.costs);
    println!(
        "storm over {} seeds: calls x{:.2} (worst {:.2}), time x{:.2} (worst {:.2})",
        factors.len(),
        mean(|one| one.calls),
        worst.calls,
        mean(|one| one.time),
        worst.time
    );
}
