//! A service whose image is somebody else's to deploy.

use provision::config::{Config, ImageOwner};
use provision::deployment::graph_of;
use provision::drift::Drift;
use provision::graph::Others;
use provision::watch::check_alone;
use serde_json::json;

use crate::extras::deploy;
use crate::harness::World;
use crate::world::{check, fix, full, lines};

const NIGHT: &str = "ghcr.io/acme/shop:night";

fn external() -> Config {
    let mut config = full();
    config.services.get_mut("app").expect("there is one").image_owner = ImageOwner::External;
    config
}

/// The image and the variable that the service runs with.
fn runs(world: &World) -> (String, String) {
    let request = json!({"cluster": world.output("cluster.main", "name"),
        "services": [world.output("service.app", "name")]});
    let found = world.ask("ecs", "DescribeServices", &request);
    let request = json!({"taskDefinition": found["services"][0]["taskDefinition"]});
    let found = world.ask("ecs", "DescribeTaskDefinition", &request);
    let container = &found["taskDefinition"]["containerDefinitions"][0];
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    (text(&container["image"]), text(&container["environment"][0]["value"]))
}

async fn deployed() -> World {
    let mut world = World::new();
    world.up(&external()).await;
    deploy(&world, &[("image", json!(NIGHT))]);
    world
}

#[tokio::test(start_paused = true)]
async fn another_image_is_neither_drift_nor_in_the_way_of_up() {
    let mut world = deployed().await;
    assert_eq!(lines(&check(&world, &external()).await), [""; 0]);
    let mut config = external();
    config.services.get_mut("app").expect("there is one").image = "ghcr.io/acme/shop:9".into();
    for config in [external(), config] {
        let run = world.up(&config).await;
        assert_eq!(run.mutations(), [""; 0]);
    }
    assert_eq!(runs(&world).0, NIGHT);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_something_else_keeps_the_image_that_runs() {
    let mut world = deployed().await;
    let mut config = external();
    let service = config.services.get_mut("app").expect("there is one");
    service.environment.insert("LEVEL".into(), "debug".into());
    world.up(&config).await;
    assert_eq!(runs(&world), (NIGHT.into(), "debug".into()));
    assert_eq!(lines(&check(&world, &config).await), [""; 0]);
    world.assert_settled(&config).await;
    // What is no part of the task is changed beside what runs.
    deploy(&world, &[("image", json!("ghcr.io/acme/shop:morning"))]);
    config.services.get_mut("app").expect("there is one").grace_period_seconds = 7;
    world.up(&config).await;
    assert_eq!(runs(&world).0, "ghcr.io/acme/shop:morning");
    assert_eq!(lines(&check(&world, &config).await), [""; 0]);
    world.assert_settled(&config).await;
}

#[tokio::test(start_paused = true)]
async fn whatever_else_differs_in_what_runs_is_drift_and_is_put_back_without_the_image() {
    let mut world = deployed().await;
    let level = json!([{"name": "LEVEL", "value": "trace"}]);
    deploy(&world, &[("image", json!("ghcr.io/acme/shop:noon")), ("environment", level)]);
    let drift = check(&world, &external()).await;
    assert_eq!(lines(&drift), ["high service.app task_definition"]);
    let details = drift.findings[0].details.join("\n");
    assert!(details.contains("container.environment.LEVEL"), "{details}");
    assert!(!details.contains("container.image"), "{details}");
    fix(&mut world, &external()).await;
    assert_eq!(runs(&world), ("ghcr.io/acme/shop:noon".into(), "info".into()));
    assert_eq!(lines(&check(&world, &external()).await), [""; 0]);
    world.assert_settled(&external()).await;
}

/// Where the file is to say the image again, the one that runs is in its way until it is told.
#[tokio::test(start_paused = true)]
async fn a_stack_that_takes_its_image_back_finds_the_other_one_drifted() {
    let world = deployed().await;
    let found = lines(&check(&world, &full()).await);
    assert_eq!(found[0], "high service.app task_definition");
    // What the check in the account is told to leave to others is the file's change.
    assert!(found[1..].iter().all(|line| line.starts_with("pending ")), "{found:?}");
}

/// What a check finds that has no file, and is told what is left to others.
async fn without_file(world: &World, others: &Others) -> Drift {
    let (aws, state) = (&world.aws, world.memory.state.clone());
    let checked = check_alone(aws, state, others, &[], jiff::civil::date(2026, 1, 1)).await;
    checked.expect("what is recorded can be read").1
}

#[tokio::test(start_paused = true)]
async fn a_check_without_a_file_is_told_whose_the_image_is() {
    let world = deployed().await;
    let graph = graph_of(&world.aws, &external(), &world.memory.state).await.unwrap();
    assert_eq!(lines(&without_file(&world, &graph.others()).await), [""; 0]);
    assert_eq!(without_file(&world, &Others::new()).await.findings.len(), 1);
}
