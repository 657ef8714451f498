//! Waits that end before what they wait for: the user asks to stop, or the time is up
//! (aws-behaviour 0.1.10, 22, 31.22).

use std::time::Duration;

use provision::config::Config;
use provision::execute::{Failure, Limits, Summary};
use provision::resource::Kind;
use provision::simulated_aws::faults::{LostAnswers, Refusals};
use provision::simulated_aws::wire::ApiError;

use crate::world::{SMALL, World, configured, said};

/// What an answer takes, and some more.
const SOON: Duration = Duration::from_secs(3);

const MINUTE: Duration = Duration::from_mins(1);

fn in_use() -> ApiError {
    ApiError::new("DependencyViolation", "resource has a dependent object")
}

/// A stack in an account that never lets go of its subnets.
async fn held() -> World {
    let mut world = World::new(7);
    world.up(SMALL).await;
    world.faults(1).with(Refusals::always("DeleteSubnet", in_use())).begin();
    world
}

fn given_up(summary: &Summary) -> Vec<String> {
    let mut given_up: Vec<_> =
        summary.given_up.iter().map(|(address, _)| address.to_string()).collect();
    given_up.sort();
    given_up
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_is_stopped_waits_for_nothing_any_more() {
    let mut world = held().await;
    // By then everything else is gone.
    let stop = Duration::from_mins(10);
    world.stopped_after = Some(stop);
    let (summary, cost) = world.tries_down().await;
    assert!(summary.failed.is_empty(), "{}", said(&summary));
    let subnets = ["subnet.private-a", "subnet.private-b", "subnet.public-a", "subnet.public-b"];
    assert_eq!(given_up(&summary), subnets);
    assert!(cost.time > stop && cost.time < stop + SOON + SOON, "{cost:?}");
    assert!(world.state().in_doubt.is_empty(), "AWS has said that it did nothing");

    world.calm();
    world.stopped_after = None;
    world.down().await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_before_aws_sees_what_it_made_goes_on_later() {
    let mut world = World::new(7);
    let error = ApiError::new("InvalidVpcID.NotFound", "The vpc ID does not exist");
    world.faults(1).with(Refusals::always("CreateSubnet", error)).begin();
    world.stopped_after = Some(MINUTE);
    let (summary, cost) = world.tries_up(SMALL, None).await;
    assert!(given_up(&summary).contains(&"subnet.public-a".to_owned()), "{summary:?}");
    assert!(cost.time < MINUTE + SOON, "{cost:?}");

    let mut calm = World::new(7);
    calm.up(SMALL).await;
    world.calm();
    world.stopped_after = None;
    world.up(SMALL).await;
    assert_eq!(world.inventory(), calm.inventory());
}

/// The answer to a call that was sent is waited for, so that nothing is in doubt that need not be.
#[tokio::test(start_paused = true)]
async fn a_call_that_was_sent_is_not_dropped() {
    let mut world = World::new(7);
    world.stopped_after = Some(Duration::from_millis(1));
    world.tries_up(SMALL, None).await;
    assert!(world.state().in_doubt.is_empty());
    assert!(!world.state().resources.is_empty(), "what was asked for is recorded");
}

#[tokio::test(start_paused = true)]
async fn a_look_for_a_lost_answer_is_left_to_the_next_run() {
    let mut world = World::new(7);
    let lost = LostAnswers { next: vec!["CreateVpc"], ..LostAnswers::default() };
    world.plan(SMALL).await;
    let looks = world.count("DescribeVpcs");
    let pattern = [vec![false; looks], vec![true; 100]].concat();
    let error = ApiError::new("InternalError", "not now");
    let unseen = Refusals::flapping(&pattern, "DescribeVpcs", error);
    world.faults(1).with(lost).with(unseen).begin();
    world.stopped_after = Some(Duration::from_secs(20));
    let (summary, cost) = world.tries_up(SMALL, None).await;
    assert!(given_up(&summary).contains(&"vpc.main".to_owned()), "{summary:?}");
    assert!(cost.time < Duration::from_secs(20) + SOON, "{cost:?}");
    assert_eq!(world.state().in_doubt.keys().next().unwrap().to_string(), "vpc.main");

    world.calm();
    world.stopped_after = None;
    world.up(SMALL).await;
    assert_eq!(world.count("CreateVpc"), 1);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_the_whole_run_ends_removals_that_are_refused() {
    let mut world = held().await;
    let timeout = Duration::from_mins(8);
    let (summary, cost) = world.tries_down_within(Some(timeout)).await;
    assert!(cost.time < timeout + SOON + SOON, "{cost:?}");
    assert!(summary.is_overdue);
    let (address, _, failure) = &summary.failed[0];
    assert_eq!(address.kind(), Kind::Subnet);
    assert!(matches!(failure, Failure::TimedOut { .. }), "{failure}");
    let words = failure.to_string();
    assert!(words.contains("DependencyViolation") && words.contains("still refused"), "{words}");
    world.calm();
    world.down().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_new_is_started_when_the_time_of_the_run_is_up() {
    let mut world = World::new(7);
    let (summary, cost) = world.tries_up(SMALL, Some(Duration::from_millis(500))).await;
    assert!(summary.is_overdue && !summary.is_complete());
    assert!(!summary.left.is_empty() && cost.time < MINUTE, "{cost:?}");
    assert_eq!(world.count("CreateService"), 0);
}

fn limits(lines: &str) -> Limits {
    let config: Config = configured(&format!("{SMALL}\n[timeouts]\n{lines}"));
    Limits::of(&config.timeouts)
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_as_long_as_the_file_says_of_its_kind() {
    for (minutes, works) in [(1, false), (20, true)] {
        let mut world = World::new(7);
        world.limits = limits(&format!("nat_gateway.ready = \"{minutes}m\""));
        let (summary, _) = world.tries_up(SMALL, None).await;
        assert_eq!(summary.is_complete(), works, "{}", said(&summary));
        if !works {
            let (address, _, failure) = &summary.failed[0];
            assert_eq!(address.to_string(), "nat_gateway.main");
            assert!(matches!(failure, Failure::TimedOut { waited, .. } if *waited < MINUTE + SOON));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_removal_is_refused_for_as_long_as_the_file_says_of_its_kind() {
    for minutes in [2, 40] {
        let mut world = held().await;
        world.limits = limits(&format!("subnet.gone = \"{minutes}m\""));
        let begun = world.endpoint.calls().len();
        let (summary, _) = world.tries_down().await;
        assert!(!summary.is_complete());
        let calls = world.endpoint.calls().split_off(begun);
        let arrived = calls.iter().filter(|call| call.operation == "DeleteSubnet");
        let arrived: Vec<u64> = arrived.map(|call| call.arrived.0).collect();
        let waited = Duration::from_millis(arrived[arrived.len() - 1] - arrived[0]);
        let bound = Duration::from_mins(minutes);
        assert!(waited + 2 * SOON > bound, "{minutes}: {waited:?}");
    }
}
