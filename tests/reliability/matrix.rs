//! Every point at which a run can die, one at a time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use provision::config::Config;
use provision::simulated_aws::endpoint::Call;

use crate::death::{Death, MOURNING};
use crate::inventory::{Inventory, inventory};
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
    /// What a run does that nobody kills.
    pub undisturbed: Ran,
}

impl Scenario {
    pub fn up() -> Self {
        Self::new("up", Remains::nothing(), Some(first())).0
    }

    pub fn other_port() -> Self {
        Self::new("another port", made(), Some(other_port())).0
    }

    pub fn other_network() -> Self {
        Self::new("another network", made(), Some(other_network())).0
    }

    pub fn down() -> Self {
        Self::new("down", made(), None).0
    }

    /// Does it once undisturbed, to know what is to come of it.
    pub fn new(name: &'static str, before: Remains, config: Option<Config>) -> (Self, Remains) {
        let copy = before.copy();
        let (undisturbed, after) = in_paused_time(async {
            let world = World::of(copy);
            let ran = world.run(command(config.as_ref()), &Death::Never).await.unwrap();
            assert_eq!(ran.end, End::Lived);
            world.is_settled(command(config.as_ref())).await.unwrap();
            (ran, world.ended().await)
        });
        let wanted = inventory(&after.cloud);
        (Self { name, before, config, wanted, undisturbed }, after)
    }

    /// Every death that a run can die, but for those in the middle of a write.
    ///
    /// A call that changes something is died of in four ways: not carried out or carried out, and
    /// with all that is under way beside it lost or carried out. One that only reads leaves the
    /// same behind in all four, unless a change is under way beside it.
    pub fn deaths(&self) -> Vec<Death> {
        let Ran { calls, writes, .. } = &self.undisturbed;
        let at_calls = (1..=calls.len()).flat_map(|number| {
            let deaths = [
                Death::AfterCall(number, InFlight::Lost),
                Death::AfterCall(number, InFlight::CarriedOut),
                Death::BeforeCall(number, InFlight::Lost),
                Death::BeforeCall(number, InFlight::CarriedOut),
            ];
            let call = &calls[number - 1];
            let beside = |other: &&Call| {
                other.is_mutating()
                    && other.arrived.since(call.arrived) < UNDER_WAY
                    && call.arrived.since(other.arrived) < UNDER_WAY
            };
            let ways = match (call.is_mutating(), calls.iter().any(|other| beside(&other))) {
                (true, _) => 4,
                (false, true) => 2,
                (false, false) => 1,
            };
            deaths.into_iter().take(ways)
        });
        let at_writes =
            (1..=*writes).flat_map(|write| [Death::BeforeWrite(write), Death::AfterWrite(write)]);
        at_calls.chain(at_writes).collect()
    }

    /// Dies as told, goes on, and checks that it is as if nothing had happened.
    ///
    /// Reads lag so far behind that whoever goes on does not see what was just made.
    pub fn survives(&self, deaths: &[Death], lag: Duration) -> Result<(), String> {
        let before = self.before.copy();
        in_paused_time(async {
            let world = World::of(before);
            let command = command(self.config.as_ref());
            world.endpoint.lag_behind(lag);
            for death in deaths {
                world.run(command, death).await?;
                tokio::time::sleep(MOURNING).await;
            }
            world.run(command, &Death::Never).await?;
            tokio::time::sleep(lag).await;
            world.endpoint.lag_behind(Duration::ZERO);
            world.is_settled(command).await?;
            let found = inventory(&world.ended().await.cloud);
            if found == self.wanted { Ok(()) } else { Err(difference(&self.wanted, &found)) }
        })
    }
}

/// How long a call is under way: the time that the simulated AWS takes to answer.
const UNDER_WAY: Duration = Duration::from_millis(80);

pub fn command(config: Option<&Config>) -> Command<'_> {
    config.map_or(Command::Down, Command::Up)
}

fn difference(wanted: &Inventory, found: &Inventory) -> String {
    let count = |inventory: &Inventory, key: &str| inventory.get(key).copied().unwrap_or_default();
    let mut keys: Vec<&String> = wanted.keys().chain(found.keys()).collect();
    keys.sort();
    keys.dedup();
    let differing = keys.into_iter().filter(|key| count(wanted, key) != count(found, key));
    let lines = differing.map(|key| {
        format!("{key}: {} where there should be {}", count(found, key), count(wanted, key))
    });
    lines.collect::<Vec<_>>().join("; ")
}

/// Tries all cases on two threads; none may fail.
pub fn try_all<T: std::fmt::Debug + Sync>(
    cases: &[T],
    survives: impl Fn(&T) -> Result<(), String> + Sync,
) {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(why) = survives(case) {
                failed.lock().unwrap().push(format!("{case:?}: {why}"));
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let failed = failed.into_inner().unwrap();
    let shown: Vec<_> = failed.iter().take(5).cloned().collect();
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), cases.len(), shown.join("\n"));
}

/// All cases, or every so many-th.
pub fn sample<T: Clone>(cases: &[T], every: usize, offset: usize) -> Vec<T> {
    if is_full() {
        return cases.to_vec();
    }
    cases.iter().skip(offset % every).step_by(every).cloned().collect()
}

fn matrix(scenario: &Scenario, every: usize) {
    let started = tokio::time::Instant::now();
    let deaths = sample(&scenario.deaths(), every, 3);
    try_all(&deaths, |death| scenario.survives(&[*death], Duration::ZERO));
    let Ran { calls, writes, .. } = &scenario.undisturbed;
    eprintln!(
        "{}: {} deaths survived, of a run of {} calls and {writes} writes, in {:.0?}",
        scenario.name,
        deaths.len(),
        calls.len(),
        started.elapsed(),
    );
}

#[test]
fn an_up_killed_anywhere_goes_on_without_duplicates() {
    matrix(&Scenario::up(), 60);
}

#[test]
fn a_move_to_another_port_killed_anywhere_goes_on() {
    matrix(&Scenario::other_port(), 30);
}

#[test]
fn a_replacement_of_the_network_killed_anywhere_goes_on() {
    matrix(&Scenario::other_network(), 120);
}

#[test]
fn a_down_killed_anywhere_goes_on_and_leaves_nothing() {
    let scenario = Scenario::down();
    let nothing = inventory(&Remains::nothing().cloud);
    let left = difference(&nothing, &scenario.wanted);
    assert_eq!(left, "", "something is left after a whole down");
    matrix(&scenario, 60);
}
