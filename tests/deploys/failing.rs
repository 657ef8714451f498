//! What every failing deployment is put through.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::time::Duration;

use provision::diagnose::{Cause, Finding};
use provision::event::Event;
use provision::execute::{Failure, Hopeless};
use provision::simulated_aws::cloud::Cloud;
use provision::simulated_aws::ecs::workload::Workload;

use super::harness::{Run, World, config};

/// The image that the tests run.
pub const IMAGE: &str = "ghcr.io/acme/shop:1";

/// One thing that is wrong.
pub struct Fault {
    pub changes: &'static str,
    pub breaks: fn(&mut Cloud),
    pub mends: fn(&mut Cloud),
}

/// Has the image behave in some way.
pub fn behave(cloud: &mut Cloud, workload: Workload) {
    cloud.ecs.workloads.insert(IMAGE.to_owned(), workload);
}

pub fn all_is_well(cloud: &mut Cloud) {
    cloud.ecs.workloads.clear();
}

/// The causes that a run's failed deployment was put down to, the first one first.
pub fn causes(run: &Run) -> Vec<Cause> {
    findings(run).iter().map(|finding| finding.cause).collect()
}

pub fn findings(run: &Run) -> &[Finding] {
    let [(address, _, failure)] = run.summary.failed.as_slice() else {
        panic!("one thing fails: {:?}", run.summary.failed)
    };
    assert_eq!(address.to_string(), "service.app");
    match failure {
        Failure::Deployment { findings, .. } | Failure::TimedOut { findings, .. } => findings,
        other => panic!("no cause: {other}"),
    }
}

/// From the service's creation or change to the end of the wait for it.
pub fn waited(run: &Run) -> Duration {
    let is_service = |event: &Event| match event {
        Event::Exists { address, .. } | Event::Failed { address, .. } => {
            address.to_string() == "service.app"
        }
        _ => false,
    };
    let of: Vec<Duration> =
        run.events.iter().filter(|(_, event)| is_service(event)).map(|(at, _)| *at).collect();
    let started = of.first().copied().unwrap_or_default();
    of.last().copied().unwrap_or_default().saturating_sub(started)
}

/// A first deployment with a fault, and the next `up` when it is mended.
pub async fn fails_and_is_mended(fault: Fault, expected: Cause) -> (Run, World) {
    let config = config(fault.changes);
    let patient = {
        let mut world = World::new();
        world.hopeless = Hopeless::WaitOn;
        world.endpoint.with_cloud(|cloud| (fault.breaks)(cloud));
        world.try_up(&config).await.unwrap()
    };
    assert_eq!(causes(&patient).first(), Some(&expected), "{:#?}", findings(&patient));

    let mut world = World::new();
    world.endpoint.with_cloud(|cloud| (fault.breaks)(cloud));
    let run = world.try_up(&config).await.unwrap();
    assert_eq!(causes(&run).first(), Some(&expected), "{:#?}", findings(&run));
    let finding = &findings(&run)[0];
    assert!(!finding.remedies.is_empty() && !finding.evidence.is_empty(), "{finding:#?}");
    assert!(finding.is_lasting(), "{finding:#?}");
    let (early, late) = (waited(&run), waited(&patient));
    assert!(early < late, "{expected:?}: gave up after {early:?}, ECS after {late:?}");
    let told = run.events.iter().any(
        |(_, event)| matches!(event, Event::Cause { finding, .. } if finding.cause == expected),
    );
    assert!(told, "the cause is told while the run goes on");

    world.endpoint.with_cloud(|cloud| (fault.mends)(cloud));
    world.up(&config).await;
    world.assert_settled(&config).await;
    (run, world)
}
