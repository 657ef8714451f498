//! A protected stack loses nothing, whatever the file says later.

use provision::aws::Tags;
use provision::deployment::draw_removal;
use provision::graph::Graph;
use provision::observe::observe;
use provision::plan::Plan;
use provision::resource::Address;
use serde_json::json;

use super::world::{FILE, World, config};

#[tokio::test(start_paused = true)]
async fn protection_outlives_its_line_in_the_file_until_it_is_lifted() {
    let world = World::new();
    let protected = format!("protect = true\n{FILE}");
    let state = world.up(&config(&protected), world.blank().await).await;
    let balancer: Address = "load_balancer.main".parse().unwrap();
    assert_eq!(state.resources[&balancer].applied["deletion_protection"], json!(true));

    assert!(
        world.plan(&config(FILE), &state).await.is_empty(),
        "the line is gone, the lock is not"
    );
    let mut state = state;
    state.protected = false;
    let observed = observe(&world.aws, &Graph::default(), &state, &Tags::new()).await.unwrap();
    let lifting = Plan::lifting_protection(&state, &observed);
    let changes = world.changes();
    let state = world.carry_out(&lifting, state).await;
    assert_eq!(world.changes(), changes + 1);
    assert!(world.plan(&config(FILE), &state).await.is_empty());
    assert!(world.down(state).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_loses_something_is_refused_and_one_that_does_not_is_not() {
    let world = World::new();
    let state = world.up(&config(FILE), world.blank().await).await;
    let losing = format!("{FILE}\n[network]\ncidr = \"10.9.0.0/16\"\n");
    let plan = world.plan(&config(&losing), &state).await;
    let refused = plan.keeps_what_is_protected().unwrap_err();
    assert!(refused.losses.iter().any(|loss| loss.contains("vpc.main")), "{refused}");
    assert!(refused.losses.iter().any(|loss| loss.contains("DNS name")), "{refused}");

    let harmless = world.plan(&config(&FILE.replace("8000", "9000")), &state).await;
    assert!(!harmless.is_empty());
    harmless.keeps_what_is_protected().unwrap();
    let removal = draw_removal(&world.aws, &state).await.unwrap().plan;
    removal.keeps_what_is_protected().unwrap_err();
}
