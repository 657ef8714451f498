//! What a run that was cut off has left half made is finished.

use std::time::Duration;

use provision::plan::Action;
use provision::simulated_aws::endpoint::{Call, Interference, Verdict};
use provision::simulated_aws::wire::Answer;

use crate::harness::{World, actions, config};

/// Lets one operation take effect and never answers it.
#[derive(Debug)]
struct Unanswered(&'static str);

impl Interference for Unanswered {
    fn before(&self, _: usize, _: &Call) -> Verdict {
        Verdict::Pass
    }

    fn after(&self, _: usize, call: &Call, _: &Answer) -> Verdict {
        if call.operation == self.0 { Verdict::Silence } else { Verdict::Pass }
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_was_not_attached_yet_is_attached_and_not_replaced() {
    let mut world = World::new();
    world.endpoint.interfere(Some(Box::new(Unanswered("CreateInternetGateway"))));
    let cut_off = tokio::time::timeout(Duration::from_mins(10), world.try_up(&config(""))).await;
    assert!(cut_off.is_err(), "it was not cut off");
    world.endpoint.interfere(None);
    world.settle().await.expect("what was begun can be looked up");
    let plan = world.plan(&config("")).await;
    let gateway = (Action::Update, "internet_gateway.main".to_owned());
    assert!(actions(&plan).contains(&gateway), "{:?}", actions(&plan));
    let run = world.up(&config("")).await;
    assert!(!run.mutations().contains(&"CreateInternetGateway"));
    world.assert_settled(&config("")).await;
}
