//! A new revision that does not come up, beside one that serves.

use std::collections::BTreeMap;
use std::time::Duration;

use provision::diagnose::Cause;
use provision::execute::{Failure, Hopeless};
use provision::plan::Action;
use provision::simulated_aws::ecs::workload::{Pull, Workload};
use serde_json::json;

use super::failing::{behave, causes, findings};
use super::harness::{World, config};

const NEW: &str = "services.app.image = ghcr.io/acme/shop:2";

async fn serving() -> World {
    let mut world = World::new();
    world.up(&config("")).await;
    world
}

fn breaks_new_image(world: &World) {
    let workload = Workload { pull: Pull::NotFound, ..Workload::default() };
    world.endpoint.with_cloud(|cloud| {
        cloud.ecs.workloads.insert("ghcr.io/acme/shop:2".into(), workload);
    });
}

/// How many tasks of a revision run.
fn running(world: &World, revision: &str) -> usize {
    world.endpoint.with_cloud(|cloud| {
        let tasks = cloud.ecs.tasks.values();
        let own = tasks.filter(|task| task.definition.ends_with(revision));
        own.filter(|task| json!(task.phase) == "RUNNING").count()
    })
}

#[tokio::test(start_paused = true)]
async fn a_rollback_is_a_failure_and_the_state_says_what_runs() {
    let mut world = serving().await;
    world.hopeless = Hopeless::WaitOn;
    breaks_new_image(&world);
    let run = world.try_up(&config(NEW)).await.unwrap();
    assert_eq!(causes(&run), [Cause::ImageNotFound], "{:#?}", findings(&run));
    let (_, _, failure) = &run.summary.failed[0];
    let said = failure.to_string();
    assert!(matches!(failure, Failure::Deployment { .. }), "{said}");
    assert!(said.contains("rolled back to shop-dev:1"), "{said}");
    assert_eq!(running(&world, "shop-dev:1"), 2, "the old revision keeps serving");

    let service = "service.app".parse().unwrap();
    let record = &world.memory.state.resources[&service];
    let applied = record.applied["task_definition"].as_str().unwrap();
    assert!(applied.ends_with("shop-dev:1"), "{applied}");
    assert!(!record.ready);

    let plan = world.plan(&config(NEW)).await;
    let service = plan.changes().find(|planned| planned.address == service).expect("it differs");
    assert_eq!(service.action, Action::Update);
    assert_eq!(service.changes[0].path, "task_definition");

    world.endpoint.with_cloud(|cloud| cloud.ecs.workloads.clear());
    world.up(&config(NEW)).await;
    world.assert_settled(&config(NEW)).await;
    assert_eq!(running(&world, "shop-dev:2"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_given_up_goes_on_with_a_new_deployment() {
    let mut world = serving().await;
    breaks_new_image(&world);
    let run = world.try_up(&config(NEW)).await.unwrap();
    assert_eq!(causes(&run), [Cause::ImageNotFound]);
    world.endpoint.with_cloud(|cloud| cloud.ecs.workloads.clear());
    world.up(&config(NEW)).await;
    world.assert_settled(&config(NEW)).await;
}

#[tokio::test(start_paused = true)]
async fn going_back_to_the_old_image_after_a_rollback_works() {
    let mut world = serving().await;
    world.hopeless = Hopeless::WaitOn;
    breaks_new_image(&world);
    world.try_up(&config(NEW)).await.unwrap();
    world.up(&config("")).await;
    world.assert_settled(&config("")).await;
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_somebody_rolls_back_is_a_failure() {
    let mut world = serving().await;
    // Long enough under way to be stopped by hand.
    world.endpoint.with_cloud(|cloud| {
        let paths = BTreeMap::from([("/health".to_owned(), 503)]);
        let workload = Workload { paths, ..Workload::default() };
        cloud.ecs.workloads.insert("ghcr.io/acme/shop:2".into(), workload);
    });
    let endpoint = std::sync::Arc::clone(&world.endpoint);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let is_stopped = endpoint.with_cloud(|cloud| {
                let service = cloud.ecs.services.values().next().unwrap();
                let age = cloud.now.since(service.history[0].created);
                let is_young = age < Duration::from_secs(30) || service.history.len() < 2;
                let request = json!({"serviceDeploymentArn": service.history[0].arn});
                !is_young
                    && super::harness::ask(cloud, "ecs", "StopServiceDeployment", &request).is_ok()
            });
            if is_stopped {
                break;
            }
        }
    });
    let run = world.try_up(&config(NEW)).await.unwrap();
    let (_, _, failure) = &run.summary.failed[0];
    assert!(matches!(failure, Failure::Broken(_) | Failure::Deployment { .. }), "{failure}");
    assert!(failure.to_string().contains("rolled back to shop-dev:1"), "{failure}");
}

/// The same deployment, once more: what failed is not reported again, but tried again.
#[tokio::test(start_paused = true)]
async fn a_first_deployment_that_failed_is_tried_again() {
    let mut world = World::new();
    world.hopeless = Hopeless::WaitOn;
    world.endpoint.with_cloud(|cloud| {
        behave(cloud, Workload { pull: Pull::NotFound, ..Workload::default() });
    });
    let first = config("");
    assert_eq!(causes(&world.try_up(&first).await.unwrap()), [Cause::ImageNotFound]);

    let plan = world.plan(&first).await;
    let changes: Vec<_> = plan.changes().map(|planned| planned.address.to_string()).collect();
    assert_eq!(changes, ["service.app"]);
    let again = plan.changes().next().unwrap();
    assert_eq!((again.action, again.changes.len()), (Action::Update, 0));
    assert!(again.reason.contains("failed"), "{}", again.reason);

    world.endpoint.with_cloud(|cloud| cloud.ecs.workloads.clear());
    let run = world.up(&first).await;
    assert_eq!(run.mutations(), ["UpdateService"]);
    world.assert_settled(&first).await;
}

/// Reads lag behind updates: the old deployment alone, shown for a while, is no rollback.
#[tokio::test(start_paused = true)]
async fn a_read_that_is_older_than_the_deployment_is_no_rollback() {
    let mut world = serving().await;
    let endpoint = std::sync::Arc::clone(&world.endpoint);
    // Hides the new deployment for ten seconds after it began, as a replica that lags would.
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let hidden = endpoint.with_cloud(|cloud| {
                let service = cloud.ecs.services.values_mut().next().unwrap();
                (service.deployments.len() == 2).then(|| service.deployments.remove(0))
            });
            let Some(hidden) = hidden else { continue };
            tokio::time::sleep(Duration::from_secs(10)).await;
            endpoint.with_cloud(|cloud| {
                let service = cloud.ecs.services.values_mut().next().unwrap();
                service.deployments.insert(0, hidden);
            });
            break;
        }
    });
    world.up(&config(NEW)).await;
    world.assert_settled(&config(NEW)).await;
}
