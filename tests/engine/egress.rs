//! Tasks reach the internet while the network changes around them.

use crate::harness::{World, config};

/// A stack that is led through these changes, with a way out for every task at every moment.
async fn changed(changes: &[&str]) -> World {
    let mut world = World::new();
    for (place, change) in changes.iter().enumerate() {
        let after = config(change);
        if place == 0 {
            world.up(&after).await;
        } else {
            world.up_with_a_way_out(&after).await;
        }
        world.assert_settled(&after).await;
    }
    world
}

const IMAGE: &str = "services.app.image = ghcr.io/acme/shop:2";

#[tokio::test(start_paused = true)]
async fn gateways_come_and_go_and_tasks_keep_their_way_out() {
    changed(&["", "network.nat = per-zone"]).await;
}

#[tokio::test(start_paused = true)]
async fn so_they_do_while_another_version_comes() {
    let both = format!("network.nat = per-zone\n{IMAGE}");
    changed(&["", &both, "", &both]).await;
}

#[tokio::test(start_paused = true)]
async fn so_they_do_while_zones_come_and_go() {
    let per_zone = |zones: &str| format!("network.nat = per-zone\n{zones}");
    let (three, two) = ("network.zones = 3", "");
    let without_one = "network.zones = [\"us-east-1a\", \"us-east-1c\"]";
    changed(&[&per_zone(two), &per_zone(three), &per_zone(two)]).await;
    changed(&[three, &per_zone(two), three, &per_zone(without_one), three]).await;
    changed(&[two, without_one, two]).await;
}
