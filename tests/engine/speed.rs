//! What a run takes: virtual time, calls, waves. Printed, and bounded where it is promised.

use std::time::Duration;

use crate::harness::timing::{critical_path, waves};
use crate::harness::{World, config};

/// What the simulated AWS takes to answer.
const LATENCY: Duration = Duration::from_millis(80);

/// Everything that a configuration may ask for.
const LARGE: &str = "network.nat = per-zone
    network.zones = 4
    services.app.autoscaling = { min = 2, max = 9, cpu = 60, memory = 60, requests_per_target = 9 }
    services.app.secrets.KEY = arn:aws:ssm:us-east-1:123456789012:parameter/key
    services.app.task_policies.managed = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]";

/// Documents that IAM gives one at a time, or all at once.
const INLINE: &str = "
    services.app.task_policies.inline.a = { Statement = [{ Effect = \"Deny\", Action = \"*\", \
    Resource = \"*\" }] }
    services.app.task_policies.inline.b = { Statement = [{ Effect = \"Deny\", Action = \"*\", \
    Resource = \"*\" }] }
    services.app.task_policies.inline.c = { Statement = [{ Effect = \"Deny\", Action = \"*\", \
    Resource = \"*\" }] }";

#[tokio::test(start_paused = true)]
async fn a_settled_plan_takes_two_waves_of_few_calls() {
    let inline = format!("{LARGE}{INLINE}");
    for (changes, most) in [("", 27), (LARGE, 30), (&inline, 30)] {
        let mut world = World::new();
        let config = config(changes);
        let up = world.up(&config).await;
        println!("up: {} calls in {:?}", up.calls.len(), up.took);
        let before = world.endpoint.calls().len();
        // Another process knows nothing of the account yet.
        world.aws = crate::harness::clients(&world.endpoint);
        world.assert_settled(&config).await;
        let calls = world.endpoint.calls().split_off(before);
        let operations: Vec<&str> = calls.iter().map(|call| call.operation.as_str()).collect();
        println!("plan: {} calls in {} waves", calls.len(), waves(&calls, LATENCY));
        assert!(calls.len() <= most, "{} calls: {operations:?}", calls.len());
        assert!(waves(&calls, LATENCY) <= 2, "{operations:?}");
        let down = world.down().await;
        println!("down: {} calls in {:?}", down.calls.len(), down.took);
    }
}

#[tokio::test(start_paused = true)]
async fn up_and_down_take_no_longer_than_their_longest_chains() {
    for changes in ["", "network.nat = per-zone\nnetwork.zones = 4", "services.app.count = 12"] {
        let mut world = World { observing: true, ..World::new() };
        let config = config(changes);
        let up = world.up(&config).await;
        let down = world.down().await;
        for (name, run) in [("up", &up), ("down", &down)] {
            let (least, path) = critical_path(run);
            let ratio = run.took.as_secs_f64() / least.as_secs_f64();
            println!("{name} {changes:?}: {:?}, at least {least:?}: {ratio:.3}", run.took);
            println!("    {}", path.join("\n    "));
            println!("    {:?}", counts(run));
            assert!(ratio <= 1.05, "{name} took {ratio:.3} times its longest chain");
        }
    }
}

/// How often each operation was called.
fn counts(run: &crate::harness::Run) -> std::collections::BTreeMap<&str, usize> {
    let mut counts = std::collections::BTreeMap::new();
    for call in &run.calls {
        *counts.entry(call.operation.as_str()).or_default() += 1;
    }
    counts
}
