//! The program killed for real: SIGKILL, against a simulated AWS in another process.
//!
//! The server is told to leave one call without an answer, before it is carried out or after; when
//! it says that the call came, the caller is killed. Or the caller is killed when its journal has so
//! many lines, which is between two calls as often as not. Or it is not killed, and only loses its
//! connection: then it must cope by itself. The same command then runs again, and the cloud's own
//! file must show exactly what was declared, each once; after a `down`, nothing.
//!
//! A dozen points by default; 66 with `PROVISION_MATRIX=full`. A run makes more or fewer calls as the
//! machine is busy, so the last points may come too late to strike; those are told apart.
//!
//! `PROVISION_BINARY` names another
//! build of the program, a release build for example.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]
#![expect(clippy::disallowed_methods, reason = "a test of processes takes real time and variables")]

#[path = "../reliability/inventory.rs"]
mod inventory;
mod point;
mod world;

use inventory::{Inventory, difference};
use point::{How, Point};
use world::{Deed, World};

fn is_full() -> bool {
    std::env::var("PROVISION_MATRIX").is_ok_and(|value| value == "full")
}

/// The three things that are killed, in the order in which a stack lives through them.
const LIFE: [Deed; 3] = [Deed::Up, Deed::Change, Deed::Down];

/// What a deed does when nobody disturbs it: how many calls it makes, how many lines its journal
/// gets, and what the account holds afterwards.
struct Undisturbed {
    calls: usize,
    lines: usize,
    holds: Inventory,
}

fn undisturbed() -> [Undisturbed; 3] {
    let world = World::new();
    LIFE.map(|deed| {
        let ran = world.does(deed);
        world.goes_on(deed);
        assert!(ran.calls() > 20 && ran.lines > 5, "{ran:?}");
        Undisturbed { calls: ran.calls(), lines: ran.lines, holds: world.inventory() }
    })
}

#[test]
fn a_killed_run_goes_on_wherever_it_was_killed() {
    let undisturbed = undisturbed();
    let lives: usize = if is_full() { 22 } else { 4 };
    let (mut struck, mut tried) = (0, 0);
    for life in 0..lives {
        let world = World::new();
        for (at, (deed, whole)) in LIFE.into_iter().zip(&undisturbed).enumerate() {
            // Spread evenly, and each deed's in other places than the last one's.
            let part = (4 * life + at + 1, 4 * lives);
            let how = How::ALL[(life + at) % How::ALL.len()];
            let point = Point::at(how, part, whole.calls, whole.lines);
            struck += usize::from(world.disturb(deed, point));
            world.goes_on(deed);
            let left = difference(&whole.holds, &world.inventory());
            assert_eq!(left, "", "{deed:?}, {point:?}");
            tried += 1;
        }
    }
    eprintln!("{tried} runs disturbed for real, {struck} of them where they were meant to be");
    assert!(struck * 10 >= tried * 6, "{struck} of {tried} were struck");
}
