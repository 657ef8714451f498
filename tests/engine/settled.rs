//! After `up` there is nothing to do, whatever is declared.

use proptest::strategy::Strategy;
use proptest::test_runner::TestCaseError;
use provision::config::{Config, Nat};
use provision::deployment::DrawingError;
use provision::simulated_aws::faults::{Faults, Refusals};
use provision::simulated_aws::wire::{ApiError, Service};
use provision::stack::PlacementError;
use serde_json::json;

use super::configs::{configs, paused, runner};
use crate::harness::{Run, World, config};

/// How many configurations are tried: many more where PROVISION_MATRIX is `full`.
#[expect(clippy::disallowed_methods, reason = "how much to try is for whoever runs the tests")]
fn cases() -> u32 {
    if std::env::var("PROVISION_MATRIX").is_ok_and(|matrix| matrix == "full") { 400 } else { 20 }
}

/// A world in which such a stack can be made: without a way to the internet no task ever starts.
pub fn world_for(config: &Config) -> World {
    World { waiting: config.network.nat != Nat::None, ..World::new() }
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

#[tokio::test(start_paused = true)]
async fn a_network_that_is_full_of_subnets_takes_no_more_and_says_so() {
    let mut world = World::new();
    let full = "network.cidr = 100.64.0.0/24";
    world.up(&config(full)).await;
    let calls = world.endpoint.calls().len();
    let more = config(&format!("{full}\nnetwork.zones = 6"));
    let refused = world.try_up(&more).await.expect_err("there are four subnets of 64 addresses");
    let said = "the 4 subnets that are there leave no room in 100.64.0.0/24 for 8 more";
    assert_eq!(refused.to_string(), said);
    let after = world.endpoint.calls().split_off(calls);
    assert!(after.iter().all(|call| call.operation.starts_with("Describe")), "{after:?}");
    world.assert_settled(&config(full)).await;
}

/// Makes the stack so, and checks that nothing is left to do.
async fn reach(world: &mut World, config: &Config) -> Result<(), String> {
    let run = match world.try_up(config).await {
        // Subnets never move, so a small network may be full of large ones: it stays as it is.
        Err(DrawingError::Placement(PlacementError::NoRoom { .. })) => return Ok(()),
        run => run.map_err(|error| error.to_string())?,
    };
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

/// A stack whose task's role has so many policies of its own.
fn with_policies(count: usize) -> Config {
    let policy = |number| {
        format!(
            "services.app.task_policies.inline.p{number} = \
             {{ Statement = [{{ Effect = \"Deny\", Action = \"*\", Resource = \"*\" }}] }}"
        )
    };
    config(&(0..count).map(policy).collect::<Vec<_>>().join("\n"))
}

/// How often each operation of IAM is called for a settled plan.
async fn calls_to_iam(world: &World, config: &Config) -> Vec<String> {
    let before = world.endpoint.calls().len();
    world.assert_settled(config).await;
    let calls = world.endpoint.calls().split_off(before).into_iter();
    let of_roles = calls.filter(|call| call.service == Service::Iam);
    let mut operations: Vec<String> = of_roles.map(|call| call.operation).collect();
    operations.sort();
    operations
}

#[tokio::test(start_paused = true)]
async fn a_role_of_many_policies_takes_no_more_calls_than_one_of_few() {
    for count in [2, 20] {
        let (mut world, config) = (World::new(), with_policies(count));
        world.up(&config).await;
        let expected = ["GetAccountAuthorizationDetails", "GetRole", "GetRole"];
        assert_eq!(calls_to_iam(&world, &config).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_may_not_list_the_accounts_roles_reads_them_one_by_one() {
    let (mut world, config) = (World::new(), with_policies(3));
    world.up(&config).await;
    let denied = ApiError::new("AccessDenied", "User: x is not authorized").with_status(403);
    let refused = Refusals::always("GetAccountAuthorizationDetails", denied);
    Faults::new(&world.endpoint, 1).with(refused).begin();
    let calls = calls_to_iam(&world, &config).await;
    assert_eq!(calls.iter().filter(|call| *call == "GetRolePolicy").count(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_did_to_one_of_many_policies_is_seen() {
    let (mut world, config) = (World::new(), with_policies(3));
    world.up(&config).await;
    let role = world.output("role.app-task", "name");
    let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let document = json!({"Version": "2012-10-17", "Statement": [statement]});
    let put = json!({"RoleName": role, "PolicyName": "p1", "PolicyDocument": document.to_string()});
    world.ask("iam", "PutRolePolicy", &put);
    let plan = world.plan(&config).await;
    let changed: Vec<&str> = plan
        .changes()
        .flat_map(|planned| planned.changes.iter().map(|change| change.path.as_str()))
        .collect();
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert!(changed[0].starts_with("inline_policies"), "{changed:?}");
}
