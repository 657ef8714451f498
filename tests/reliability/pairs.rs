//! Two deaths in a row, and deaths before what was made is visible.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::death::{Death, MOURNING};
use crate::matrix::{Case, Scenario, is_full, one_in, try_all};
use crate::world::{Remains, World, in_paused_time};

/// How many second deaths are tried of a run that goes on after a first.
const SECONDS: usize = 4;

/// How far reads lag behind (aws-behaviour 22, 23).
const LAGS: [Duration; 3] =
    [Duration::from_secs(2), Duration::from_secs(7), Duration::from_secs(15)];

/// Keeps so many of those that come by, each as likely as any other.
struct Draw<T> {
    random: fastrand::Rng,
    seen: usize,
    kept: Vec<T>,
}

impl<T> Draw<T> {
    fn new(seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), seen: 0, kept: Vec::new() }
    }

    fn offer(&mut self, count: usize, one: impl FnOnce() -> T) {
        self.seen += 1;
        if self.kept.len() < count {
            self.kept.push(one());
            return;
        }
        let place = self.random.usize(..self.seen);
        if place < count {
            self.kept[place] = one();
        }
    }
}

impl Scenario {
    /// So many of the deaths that a run from some remains can die, drawn at random from those that
    /// leave something of their own.
    fn some_deaths(&self, from: Remains, seed: u64, count: usize) -> Vec<(Death, Remains)> {
        let (drawn, mut known) = (Arc::new(Mutex::new(Draw::new(seed))), BTreeSet::new());
        let drawing = Arc::clone(&drawn);
        let heir = move |death: Death, remains: &dyn Fn() -> Remains| {
            let remains = remains();
            if known.insert(remains.fingerprint()) {
                drawing.lock().unwrap().offer(count, || (death, remains));
            }
        };
        self.die_everywhere(from, Box::new(heir)).unwrap();
        std::mem::take(&mut drawn.lock().unwrap().kept)
    }
}

/// Kills a run at random points, and each run that goes on after it at others.
fn two_deaths(scenario: &Arc<Scenario>, seed: u64) {
    let firsts = if is_full() { 125 } else { 1 };
    let tried = try_all(|cases| {
        let firsts = scenario.some_deaths(scenario.before.clone(), seed, firsts);
        for ((first, remains), seed) in firsts.into_iter().zip(seed * 1000..) {
            let seconds = scenario.some_deaths(remains, seed, SECONDS);
            for (second, remains) in seconds {
                let scenario = Arc::clone(scenario);
                let name = format!("{first:?}, {second:?}");
                cases.send(Case::new(name, move || scenario.goes_on(remains))).unwrap();
            }
        }
    });
    eprintln!("{}: {tried} pairs of deaths survived", scenario.name);
}

#[test]
fn an_up_killed_twice_goes_on() {
    two_deaths(&Scenario::up(), 1);
}

#[test]
fn replacements_killed_twice_go_on() {
    two_deaths(&Scenario::other_port(), 2);
    two_deaths(&Scenario::other_network(), 3);
}

#[test]
fn a_down_killed_twice_goes_on() {
    two_deaths(&Scenario::down(), 4);
}

impl Scenario {
    /// Dies and goes on while reads lag so far behind that what was just made is not seen.
    fn survives_late_reads(&self, death: Death, lag: Duration) -> Result<(), String> {
        in_paused_time(async {
            let world = World::of(self.before.clone());
            world.endpoint.lag_behind(lag);
            world.run(self.command(), &death).await?;
            tokio::time::sleep(MOURNING).await;
            world.run(self.command(), &Death::Never).await?;
            tokio::time::sleep(lag).await;
            world.endpoint.lag_behind(Duration::ZERO);
            self.is_done(&world).await
        })
    }
}

/// Deaths at everything that a run does, each with a lag of its own.
fn late_reads(scenario: &Arc<Scenario>, sample: usize) {
    let (deaths, mut seen) = (Arc::new(Mutex::new(Vec::new())), BTreeSet::new());
    let noted = Arc::clone(&deaths);
    let heir = move |death: Death, remains: &dyn Fn() -> Remains| {
        if seen.insert(remains().fingerprint()) {
            noted.lock().unwrap().push(death);
        }
    };
    scenario.die_everywhere(scenario.before.clone(), Box::new(heir)).unwrap();
    let deaths = std::mem::take(&mut *deaths.lock().unwrap());
    let tried = try_all(|cases| {
        let deaths = deaths.into_iter().zip(LAGS.into_iter().cycle());
        for (death, lag) in deaths.skip(1).step_by(one_in(sample)) {
            let scenario = Arc::clone(scenario);
            let holds = move || scenario.survives_late_reads(death, lag);
            cases.send(Case::new(format!("{death:?}, {lag:?} late"), holds)).unwrap();
        }
    });
    eprintln!("{}: {tried} deaths survived with reads that lag behind", scenario.name);
}

#[test]
fn what_is_not_visible_yet_is_not_made_twice() {
    late_reads(&Scenario::up(), 100);
}

#[test]
fn what_is_not_gone_yet_goes() {
    late_reads(&Scenario::down(), 150);
}
