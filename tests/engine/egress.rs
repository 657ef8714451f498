//! Tasks reach the internet while the network changes around them.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::collections::BTreeSet;

use provision::resource::{Address, Kind};

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

const CIDR: &str = "network.cidr = 10.1.0.0/16";
const IMAGE: &str = "services.app.image = ghcr.io/acme/shop:2";

#[tokio::test(start_paused = true)]
async fn gateways_come_and_go_and_tasks_keep_their_way_out() {
    changed(&["", "network.nat = per-zone", "", "network.nat = per-zone"]).await;
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

#[tokio::test(start_paused = true)]
async fn tasks_that_are_to_end_have_their_way_out_until_they_have() {
    for change in ["network.nat = per-zone", ""] {
        changed(&["", "network.nat = per-zone", change]).await.down_with_a_way_out().await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_gateway_for_all_stays_where_it_is_while_that_zone_is_declared() {
    let zones = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| format!("\"us-east-1{name}\"")).collect();
        format!("network.zones = [{}]", names.join(", "))
    };
    let orders =
        [zones(&["c", "b"]), zones(&["b", "c"]), zones(&["a", "b", "c"]), zones(&["a", "c"])];
    let mut world = World::new();
    world.up(&config(&orders[0])).await;
    let gateway = world.output("nat_gateway.main", "id");
    for order in orders.iter().map(|order| config(order)).chain([config("network.zones = 3")]) {
        world.up_with_a_way_out(&order).await;
        assert_eq!(world.output("nat_gateway.main", "id"), gateway);
        world.assert_settled(&order).await;
    }
}

/// Only another address could be at two gateways at once.
#[tokio::test(start_paused = true)]
async fn a_gateway_that_has_to_move_leaves_a_gap_and_the_plan_warns_of_it() {
    let mut world = World::new();
    world.up(&config("")).await;
    let address = world.output("elastic_ip.nat", "allocation");
    for change in ["network.zones = [\"us-east-1b\", \"us-east-1c\"]", CIDR] {
        let after = config(change);
        let gaps = world.plan(&after).await.gaps();
        assert!(matches!(&gaps[..], [gap] if gap.contains("nat_gateway.main")), "{gaps:?}");
        world.up(&after).await;
        assert_eq!(world.output("elastic_ip.nat", "allocation"), address);
        world.assert_settled(&after).await;
    }
    for change in ["network.nat = per-zone", IMAGE] {
        assert_eq!(world.plan(&config(&format!("{CIDR}\n{change}"))).await.gaps(), [""; 0]);
    }
}

/// What the service needs by what is recorded.
fn recorded(world: &World) -> BTreeSet<String> {
    let service: Address = "service.app".parse().unwrap();
    let needs = &world.memory.state.resources[&service].needs;
    needs.iter().map(Address::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn what_a_service_needs_is_recorded_though_it_stays_as_it_is() {
    let mut world = changed(&[""]).await;
    let single = recorded(&world);
    let shared = ["nat_gateway.main", "route_table.private"].map(str::to_owned);
    assert!(shared.iter().all(|address| single.contains(address)), "{single:?}");
    let run = world.up(&config("network.nat = per-zone")).await;
    assert!(run.plan.changes().all(|planned| planned.address.kind() != Kind::Service));
    let own = ["nat_gateway.a", "nat_gateway.b", "route_table.private-a", "route_table.private-b"];
    let others = single.iter().filter(|address| !shared.contains(address)).cloned();
    let expected: BTreeSet<String> = others.chain(own.map(str::to_owned)).collect();
    assert_eq!(recorded(&world), expected);
    world.up(&config("")).await;
    assert_eq!(recorded(&world), single);
}

/// As versions before have left it.
#[tokio::test(start_paused = true)]
async fn needs_that_are_recorded_wrongly_are_put_right_and_nothing_else_is_done() {
    let mut world = changed(&[""]).await;
    let right = recorded(&world);
    let service: Address = "service.app".parse().unwrap();
    let record = world.memory.state.resources.get_mut(&service).unwrap();
    let gone: Address = "nat_gateway.a".parse().unwrap();
    record.needs = BTreeSet::from([gone]);
    let run = world.up(&config("")).await;
    assert_eq!(recorded(&world), right);
    assert!(run.plan.is_empty() && run.summary.done.is_empty() && run.mutations().is_empty());
    let entries = world.memory.entries.len();
    world.up(&config("")).await;
    assert_eq!(world.memory.entries.len(), entries, "nothing is written without need");
}
