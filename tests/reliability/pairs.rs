//! Two deaths in a row, and deaths before what was made is visible.

use std::time::Duration;

use crate::death::Death;
use crate::matrix::{Scenario, is_full, sample, try_all};

/// How far reads lag behind (aws-behaviour 22, 23).
const LAGS: [Duration; 3] =
    [Duration::from_secs(2), Duration::from_secs(7), Duration::from_secs(15)];

fn pick<'a, T>(random: &mut fastrand::Rng, some: &'a [T]) -> &'a T {
    &some[random.usize(..some.len())]
}

/// Two deaths at random points of a run, of which the second may come too late to strike.
fn pairs(seed: u64, deaths: &[Death], count: usize) -> Vec<[Death; 2]> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..count).map(|_| [*pick(&mut random, deaths), *pick(&mut random, deaths)]).collect()
}

fn two_deaths(scenario: &Scenario, seed: u64) {
    let pairs = pairs(seed, &scenario.deaths(), if is_full() { 500 } else { 4 });
    try_all(&pairs, |deaths| scenario.survives(deaths, Duration::ZERO));
    eprintln!("{}: {} pairs of deaths survived", scenario.name, pairs.len());
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

/// Deaths of which every one is tried with a lag of its own.
fn late_reads(scenario: &Scenario, every: usize) {
    let cases: Vec<(Death, Duration)> =
        scenario.deaths().into_iter().zip(LAGS.into_iter().cycle()).collect();
    let every = if is_full() { 5 } else { every };
    let cases: Vec<_> = cases.into_iter().skip(1).step_by(every).collect();
    try_all(&cases, |(death, lag)| scenario.survives(&[*death], *lag));
    eprintln!("{}: {} deaths survived with reads that lag behind", scenario.name, cases.len());
}

#[test]
fn what_is_not_visible_yet_is_not_made_twice() {
    late_reads(&Scenario::up(), 100);
}

#[test]
fn what_is_not_gone_yet_goes() {
    late_reads(&Scenario::down(), 200);
}

#[test]
fn a_run_that_dies_in_the_middle_of_a_write_goes_on() {
    let scenario = Scenario::up();
    let cuts: Vec<Death> = (1..=scenario.undisturbed.writes)
        .flat_map(|write| [1, 60, 300].map(|bytes| Death::InWrite(write, bytes)))
        .collect();
    let cuts = sample(&cuts, 70, 5);
    try_all(&cuts, |death| scenario.survives(&[*death], Duration::ZERO));
    eprintln!("{}: {} cut records survived", scenario.name, cuts.len());
}
