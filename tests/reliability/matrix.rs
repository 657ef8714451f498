//! Every point at which a run can die, one at a time.

use std::collections::BTreeSet;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use provision::config::Config;

use crate::death::{Death, MOURNING};
use crate::inventory::{Inventory, difference, inventory};
use crate::watch::Heir;
use crate::world::{Command, End, InFlight, Ran, Remains, World, config, in_paused_time};

/// Whether all deaths are to be tried, rather than a sample.
#[expect(clippy::disallowed_methods, reason = "this is the one switch of these tests")]
pub fn is_full() -> bool {
    std::env::var("PROVISION_MATRIX").is_ok_and(|value| value == "full")
}

const STACK: &str = r#"
name = "web"
region = "eu-west-1"

[services.app]
image = "ghcr.io/example/web:1"
port = 8000
count = 1
autoscaling = { min = 1, max = 3, cpu = 60 }
"#;

pub fn first() -> Config {
    config(STACK)
}

/// Another port: its group lets both in until the service has moved, and then the new one alone.
pub fn other_port() -> Config {
    config(&STACK.replace("8000", "8080"))
}

/// Other addresses are another network, with everything in it.
pub fn other_network() -> Config {
    config(&format!("{STACK}\n[network]\ncidr = \"10.7.0.0/16\"\n"))
}

/// What is left of an `up` that nobody disturbed.
pub fn made() -> Remains {
    Scenario::new("up", Remains::nothing(), Some(first())).1
}

/// What is to be done, from what, and what must be there when it is done.
pub struct Scenario {
    pub name: &'static str,
    pub before: Remains,
    pub config: Option<Config>,
    pub wanted: Inventory,
    /// What an account holds in which nothing was ever made.
    nothing: Inventory,
    /// What a run does that nobody kills.
    pub undisturbed: Ran,
}

impl Scenario {
    pub fn up() -> Arc<Self> {
        Arc::new(Self::new("up", Remains::nothing(), Some(first())).0)
    }

    pub fn other_port() -> Arc<Self> {
        Arc::new(Self::new("another port", made(), Some(other_port())).0)
    }

    pub fn other_network() -> Arc<Self> {
        Arc::new(Self::new("another network", made(), Some(other_network())).0)
    }

    pub fn down() -> Arc<Self> {
        Arc::new(Self::new("down", made(), None).0)
    }

    /// Does it once undisturbed, to know what is to come of it.
    pub fn new(name: &'static str, before: Remains, config: Option<Config>) -> (Self, Remains) {
        let (undisturbed, after) = in_paused_time(async {
            let world = World::of(before.clone());
            let ran = world.run(command(config.as_ref()), &Death::Never).await.unwrap();
            assert_eq!(ran.end, End::Lived);
            world.is_settled(command(config.as_ref())).await.unwrap();
            (ran, world.ended().await)
        });
        let wanted = inventory(&after.cloud);
        let nothing = inventory(&Remains::nothing().cloud);
        (Self { name, before, config, wanted, nothing, undisturbed }, after)
    }

    /// Dies, and gives what is left.
    pub fn dies(&self, death: Death) -> Result<Remains, String> {
        in_paused_time(async {
            let world = World::of(self.before.clone());
            tokio::time::sleep(MOURNING).await;
            world.run(self.command(), &death).await?;
            Ok(world.left(LAST_CALLS).await)
        })
    }

    pub fn command(&self) -> Command<'_> {
        command(self.config.as_ref())
    }

    /// Tells an heir of every death that a run from some remains could die.
    pub fn die_everywhere(&self, from: Remains, heir: Heir) -> Result<(), String> {
        in_paused_time(async {
            let world = World::of(from);
            tokio::time::sleep(MOURNING).await;
            world.run_watched(self.command(), heir).await
        })
    }

    /// Goes on from what a death has left, and checks that it is as if nothing had happened.
    pub fn goes_on(&self, from: Remains) -> Result<(), String> {
        in_paused_time(async {
            let world = World::of(from);
            tokio::time::sleep(MOURNING).await;
            world.run(self.command(), &Death::Never).await?;
            self.is_done(&world).await
        })
    }

    /// Whether a third run has nothing to do, everything is there once, and nothing is left of it
    /// after a `down`.
    pub async fn is_done(&self, world: &World) -> Result<(), String> {
        world.is_settled(self.command()).await?;
        holds(world, &self.wanted).await?;
        if self.config.is_none() {
            return Ok(());
        }
        world.run(Command::Down, &Death::Never).await?;
        world.is_settled(Command::Down).await?;
        holds(world, &self.nothing).await.map_err(|left| format!("after a down: {left}"))
    }
}

pub fn command(config: Option<&Config>) -> Command<'_> {
    config.map_or(Command::Down, Command::Up)
}

/// How long the calls of the dead may still be under way.
const LAST_CALLS: Duration = Duration::from_millis(100);

/// Whether an account holds this and nothing else, once everything has come to its end.
async fn holds(world: &World, wanted: &Inventory) -> Result<(), String> {
    let found = inventory(&world.ended().await.cloud);
    if found == *wanted { Ok(()) } else { Err(difference(wanted, &found)) }
}

/// A case to try: what it is called, and whether it holds.
pub struct Case {
    name: String,
    holds: Box<dyn FnOnce() -> Result<(), String> + Send>,
}

impl Case {
    pub fn new(name: String, holds: impl FnOnce() -> Result<(), String> + Send + 'static) -> Self {
        Self { name, holds: Box::new(holds) }
    }
}

/// Tries cases as they come, on all cores; none may fail. Gives how many there were.
pub fn try_all(cases: impl FnOnce(SyncSender<Case>)) -> usize {
    let (sender, receiver) = sync_channel::<Case>(2);
    let (receiver, tally) = (Mutex::new(receiver), Mutex::new((0, Vec::new())));
    let work = || {
        loop {
            let case = receiver.lock().unwrap().recv();
            let Ok(Case { name, holds }) = case else { return };
            let failed = holds().err().map(|why| format!("{name}: {why}"));
            let (count, all_failed) = &mut *tally.lock().unwrap();
            *count += 1;
            all_failed.extend(failed);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().unwrap().get() {
            scope.spawn(work);
        }
        cases(sender);
    });
    let (count, failed) = tally.into_inner().unwrap();
    let shown: Vec<_> = failed.iter().take(5).cloned().collect();
    assert!(failed.is_empty(), "{} of {count}:\n{}", failed.len(), shown.join("\n"));
    count
}

/// How many cases there are to each that is tried: only one when all are to be.
pub fn one_in(sample: usize) -> usize {
    if is_full() { 1 } else { sample }
}

/// How many deaths a run can die, and how many of them leave something else behind than the others.
#[derive(Clone, Copy, Debug, Default)]
struct Deaths {
    all: usize,
    distinct: usize,
}

impl Scenario {
    /// Every death that leaves something else behind than all before it, with its number from 1.
    pub fn each_distinct_death(
        &self,
        mut each: impl FnMut(usize, Death, Remains) + Send + 'static,
    ) -> (usize, usize) {
        let deaths = Arc::new(Mutex::new(Deaths::default()));
        let (counted, mut seen) = (Arc::clone(&deaths), BTreeSet::new());
        let heir = move |death: Death, remains: &dyn Fn() -> Remains| {
            let (remains, deaths) = (remains(), &mut *counted.lock().unwrap());
            deaths.all += 1;
            if seen.insert(remains.fingerprint()) {
                deaths.distinct += 1;
                each(deaths.distinct, death, remains);
            }
        };
        self.die_everywhere(self.before.clone(), Box::new(heir)).unwrap();
        let Deaths { all, distinct } = *deaths.lock().unwrap();
        (all, distinct)
    }

    /// Goes on from every death that leaves something of its own, or from one in so many.
    fn survives_everywhere(self: &Arc<Self>, sample: usize) {
        let (started, mut died) = (tokio::time::Instant::now(), (0, 0));
        let tried = try_all(|cases| {
            let (scenario, sample) = (Arc::clone(self), one_in(sample));
            died = self.each_distinct_death(move |count, death, left| {
                if count % sample == 0 {
                    let scenario = Arc::clone(&scenario);
                    let holds = move || scenario.goes_on(left);
                    cases.send(Case::new(format!("{death:?}"), holds)).unwrap();
                }
            });
        });
        let ((all, distinct), Ran { calls, writes, .. }) = (died, &self.undisturbed);
        eprintln!(
            "{}: a run of {} calls and {writes} writes can die {all} deaths, {distinct} of which \
             leave something of their own behind; {tried} were survived, in {:.0?}",
            self.name,
            calls.len(),
            started.elapsed(),
        );
    }
}

#[test]
fn an_up_killed_anywhere_goes_on_without_duplicates() {
    Scenario::up().survives_everywhere(40);
}

#[test]
fn a_move_to_another_port_killed_anywhere_goes_on() {
    Scenario::other_port().survives_everywhere(20);
}

#[test]
fn a_replacement_of_the_network_killed_anywhere_goes_on() {
    Scenario::other_network().survives_everywhere(80);
}

#[test]
fn a_down_killed_anywhere_goes_on_and_leaves_nothing() {
    let scenario = Scenario::down();
    let left = difference(&scenario.nothing, &scenario.wanted);
    assert_eq!(left, "", "something is left after a whole down");
    scenario.survives_everywhere(40);
}

/// What is noted beside a run that lives is what runs leave that really die. Which of the calls
/// under way are carried out first is open, so those of the dead are gone on from instead.
#[test]
fn what_is_noted_is_what_a_death_leaves() {
    let scenario = Scenario::up();
    let tried = try_all(|cases| {
        let (dying, mut count) = (Arc::clone(&scenario), 0);
        let sample = if is_full() { 17 } else { 97 };
        let heir = move |death: Death, noted: &dyn Fn() -> Remains| {
            count += 1;
            if count % sample == 0 {
                let (scenario, noted) = (Arc::clone(&dying), noted());
                let holds = move || match (scenario.dies(death)?, death.in_flight()) {
                    (left, InFlight::Lost) => is_same(noted, left),
                    (left, InFlight::CarriedOut) => scenario.goes_on(left),
                };
                cases.send(Case::new(format!("{death:?}"), holds)).unwrap();
            }
        };
        scenario.die_everywhere(scenario.before.clone(), Box::new(heir)).unwrap();
    });
    eprintln!("{tried} runs really killed: they left what was noted");
}

/// Whether two have become the same by the same moment.
fn is_same(mut one: Remains, mut other: Remains) -> Result<(), String> {
    let moment = one.cloud.now.max(other.cloud.now);
    one.cloud.settle(moment);
    other.cloud.settle(moment);
    let (noted, left) = (inventory(&one.cloud), inventory(&other.cloud));
    let is_same = one.fingerprint() == other.fingerprint();
    if is_same {
        Ok(())
    } else {
        Err(format!("it leaves something else: {}", difference(&noted, &left)))
    }
}
