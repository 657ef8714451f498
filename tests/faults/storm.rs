//! Everything at once: throttles, lost answers, flapping visibility, small buckets.
//!
//! The storm blows over many seeds, on all cores. `docs/real-aws.md` has its figures.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use provision::simulated_aws::faults::{Buckets, LaggingReplica, LostAnswers, Throttles};
use serde_json::{Value, json};

use crate::world::{Cost, SMALL, World};

/// How many seeds are tried by default; all of them with `PROVISION_MATRIX=full`.
const SAMPLE: u64 = 10;
const ALL: u64 = 200;

/// How many times the calls and the time of a calm life a stormy one may take.
const ALLOWED: f64 = 2.0;

/// How long what is on its way out may take until it is gone.
const DRAINED: Duration = Duration::from_mins(20);

/// The small stack with another image and size.
fn updated() -> String {
    let image = SMALL.replace("example/shop:1", "example/shop:2");
    image.replace("[services.app.auto", "cpu = 512\nmemory = 1024\n[services.app.auto")
}

/// What a stack's life cost, and what the account held in it.
struct Life {
    /// Of `up`, the update and `down`.
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

/// Has a life lived to its end, on a clock of its own.
fn live(begin: impl Fn(&World)) -> Life {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async { life(&mut World::new(7), begin).await })
}

/// Three stacks in one account, which share clients and limiter: all come up, are changed and go.
async fn shared(seed: u64) -> [Value; 2] {
    let first = World::new(7);
    first.endpoint.with_cloud(|cloud| {
        let quotas = &mut cloud.ec2.quotas;
        (quotas.vpcs, quotas.internet_gateways, quotas.addresses) = (10, 10, 10);
    });
    let names = ["shop", "cart", "till"];
    let renamed = |config: &str, name: &str| config.replace("\"shop\"", &format!("\"{name}\""));
    let mut stacks = names.map(|name| first.neighbour(name));
    storm(&first, seed);
    let ups = stacks.iter_mut().zip(names).map(|(world, name)| async move {
        world.up(&renamed(SMALL, name)).await;
        world.up(&renamed(&updated(), name)).await;
    });
    futures::future::join_all(ups).await;
    first.calm();
    tokio::time::sleep(DRAINED).await;
    let held = first.inventory();
    storm(&first, seed);
    futures::future::join_all(stacks.iter_mut().map(World::down)).await;
    first.calm();
    tokio::time::sleep(Duration::from_hours(2)).await;
    [held, first.inventory()]
}

/// Each count of an inventory, three times.
fn threefold(inventory: &Value) -> Value {
    let counts = inventory.as_object().into_iter().flatten();
    counts
        .map(|(name, count)| (name.clone(), json!(count.as_u64().unwrap_or_default() * 3)))
        .collect()
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

#[test]
fn a_storm_costs_time_and_calls_and_nothing_else() {
    let calm = live(World::calm);
    assert_eq!(calm.left, json!({}));
    let weathered = on_all_cores(seeds(), |seed| weather(&calm, seed));
    let broken: Vec<&String> = weathered.iter().filter_map(|one| one.as_ref().err()).collect();
    assert!(broken.is_empty(), "{} of the seeds: {broken:#?}", broken.len());
    let factors: Vec<Factors> = weathered.into_iter().flatten().collect();
    report(&calm, &factors);
}

#[tokio::test(start_paused = true)]
async fn stacks_that_share_a_storm_all_come_through_it() {
    let calm = life(&mut World::new(7), World::calm).await;
    for seed in 0..3 {
        let [held, left] = shared(seed).await;
        assert_eq!(held, threefold(&calm.held), "seed {seed} holds exactly what is declared");
        assert_eq!(left, json!({}), "seed {seed} leaves nothing");
    }
}

/// Lives through the storm of a seed: how much more it cost, or what went wrong.
fn weather(calm: &Life, seed: u64) -> Result<Factors, String> {
    let stormy = catch_unwind(AssertUnwindSafe(|| live(|world| storm(world, seed))));
    let stormy = stormy.map_err(|panic| {
        let said = panic.downcast_ref::<String>().map_or("it panicked", String::as_str);
        format!("seed {seed}: {said}")
    })?;
    let factors = Factors::of(&stormy, calm);
    if stormy.held != calm.held {
        Err(format!("seed {seed} holds {} instead of {}", stormy.held, calm.held))
    } else if stormy.left != calm.left {
        Err(format!("seed {seed} leaves {}", stormy.left))
    } else if factors.calls > ALLOWED || factors.time > ALLOWED {
        Err(format!("seed {seed} costs {factors:?} times as much"))
    } else {
        Ok(factors)
    }
}

/// What `one` gives for each of so many numbers, in their order.
fn on_all_cores<T: Send>(count: u64, one: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let (next, done) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(number) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < count) {
            let result = one(number);
            done.lock().unwrap().push((number, result));
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
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
}

/// Tells what the storm cost: the figures of `docs/real-aws.md`.
fn report(calm: &Life, factors: &[Factors]) {
    println!("calm: up, update, down: {:?}", calm.costs);
    println!("a storm over {} seeds, in times of that: least, median, most:", factors.len());
    println!("calls {}", spread(factors.iter().map(|one| one.calls)));
    println!("time  {}", spread(factors.iter().map(|one| one.time)));
}

fn spread(values: impl Iterator<Item = f64>) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (least, most) = (values[0], values[values.len() - 1]);
    format!("{least:.2}, {:.2}, {most:.2}", values[values.len() / 2])
}
