//! After `up` there is nothing to do, whatever is declared.

use proptest::strategy::Strategy;
use proptest::test_runner::TestCaseError;
use provision::config::{Config, Nat};

use super::configs::{configs, paused, runner};
use crate::harness::{Run, World};

/// How many configurations are tried: many more where PROVISION_MATRIX is `full`.
#[expect(clippy::disallowed_methods, reason = "how much to try is for whoever runs the tests")]
fn cases() -> u32 {
    if std::env::var("PROVISION_MATRIX").is_ok_and(|matrix| matrix == "full") { 400 } else { 20 }
}

/// A world in which such a stack can be made: without a way to the internet no task ever starts.
///
/// The account has room for a gateway in each of a region's zones: AWS's own quota is five addresses.
pub fn world_for(config: &Config) -> World {
    let world = World { waiting: config.network.nat != Nat::None, ..World::new() };
    world.endpoint.with_cloud(|cloud| cloud.ec2.quotas.addresses = 12);
    world
}

#[test]
fn a_settled_stack_plans_nothing_whatever_is_declared() {
    check(cases(), configs(), |config| {
        paused(async {
            let mut world = world_for(&config);
            reach(&mut world, &config).await
        })
    });
}

#[test]
fn any_configuration_leads_to_any_other() {
    // A protected load balancer is not replaced, as it is meant.
    let unprotected = configs().prop_map(|config| Config { protect: false, ..config });
    check(cases() / 2, (unprotected, configs()), |(one, other)| {
        paused(async {
            let mut world = world_for(&one);
            world.waiting &= other.network.nat != Nat::None;
            reach(&mut world, &one).await?;
            reach(&mut world, &other).await
        })
    });
}

/// Makes the stack so, and checks that nothing is left to do.
async fn reach(world: &mut World, config: &Config) -> Result<(), String> {
    let run = world.try_up(config).await.map_err(|error| error.to_string())?;
    if config.network.nat == Nat::None && fails_of_its_service(&run) {
        return Ok(());
    }
    run.check_complete()?;
    match world.check_settled(config).await {
        // Without a way to the internet no task ever starts: the next run tries that again.
        Err(said) if config.network.nat == Nat::None && is_only_tried_again(&said) => Ok(()),
        settled => settled,
    }
}

/// Whether nothing but the service failed: without a way to the internet no task ever starts, and
/// what the tasks of before still use stays.
fn fails_of_its_service(run: &Run) -> bool {
    let failed: Vec<String> =
        run.summary.failed.iter().map(|(address, ..)| address.to_string()).collect();
    failed == ["service.app"]
}

/// Whether all that is left to do is to try a failed deployment again.
fn is_only_tried_again(said: &str) -> bool {
    let steps: Vec<&str> = said.lines().filter(|line| line.contains(": ")).collect();
    matches!(steps[..], [step] if step.starts_with("Update service.app: it is tried again"))
}

fn check<S: Strategy>(cases: u32, strategy: S, test: impl Fn(S::Value) -> Result<(), String>) {
    let fallible = |value| test(value).map_err(TestCaseError::fail);
    runner(cases).run(&strategy, fallible).unwrap_or_else(|error| panic!("{error}"));
}
