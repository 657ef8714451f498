//! Somebody asks the load balancer every second while the stack changes under the service.

use provision::event::{Event, Verb};
use provision::plan::{Action, Course};
use serde_json::json;

use crate::harness::{Run, World, config};

/// A changed configuration, and the ports of which one always answers.
async fn changed(changes: &[&str], ports: &[u16]) -> World {
    let mut world = World::new();
    world.up(&config("")).await;
    tokio::time::sleep(std::time::Duration::from_mins(5)).await;
    for change in changes {
        let after = config(change);
        world.up_while_asked(&after, ports).await;
        world.assert_settled(&after).await;
    }
    world
}

#[tokio::test(start_paused = true)]
async fn another_version_takes_over_without_a_bad_answer() {
    changed(&["services.app.image = ghcr.io/acme/shop:2", "services.app.memory = 1024", ""], &[80])
        .await;
}

#[tokio::test(start_paused = true)]
async fn another_container_port_takes_over_without_a_bad_answer() {
    for count in [1, 2, 5] {
        let count = format!("services.app.count = {count}");
        let port = format!("{count}\nservices.app.port = 9000");
        changed(&[&count, &port, &count], &[80]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn zones_come_and_go_without_a_bad_answer() {
    let zones = |names: &str| format!("network.zones = {names}");
    let (three, others) = (zones("3"), zones("[\"us-east-1b\", \"us-east-1c\"]"));
    let single = format!("{others}\nservices.app.count = 1");
    changed(&[&three, "", &others, &single, "services.app.count = 1"], &[80]).await;
}

#[tokio::test(start_paused = true)]
async fn gateways_and_capacity_change_without_a_bad_answer() {
    let spot = "services.app.spot = { base = 1 }";
    let scaled = "services.app.autoscaling = { min = 2, max = 4, cpu = 60 }";
    let changes = ["network.nat = per-zone", spot, "services.app.count = 5", scaled, ""];
    changed(&changes, &[80]).await;
}

#[tokio::test(start_paused = true)]
async fn checks_and_doors_change_without_a_bad_answer() {
    let changes = [
        "services.app.health_check.interval_seconds = 20",
        "services.app.health_check.codes = 200-299",
        "services.app.deregistration_delay_seconds = 0",
        "services.app.ingress = [\"192.0.2.0/24\", \"10.0.0.0/8\"]",
        "services.app.ingress = [\"192.0.0.0/16\"]",
        "",
    ];
    changed(&changes, &[80]).await;
}

#[tokio::test(start_paused = true)]
async fn old_tasks_may_take_an_hour_to_end_their_work() {
    let patient = "services.app.deregistration_delay_seconds = 3600";
    let next = format!("{patient}\nservices.app.image = ghcr.io/acme/shop:2");
    changed(&[patient, &next], &[80]).await;
}

#[tokio::test(start_paused = true)]
async fn one_of_two_listener_ports_answers_all_the_while() {
    changed(&["services.app.listener_port = 8080", ""], &[80, 8080]).await;
}

#[tokio::test(start_paused = true)]
async fn what_tasks_still_use_goes_last_and_the_plan_says_so() {
    let mut world = World::new();
    world.up(&config("")).await;
    let run = world.up(&config("services.app.port = 9000")).await;
    let planned = run.plan.changes().find(|planned| planned.address.to_string() == GROUP).unwrap();
    assert!(matches!(planned.course, Course::InTwo { .. }), "{planned:#?}");
    let told = [("widen", GROUP), ("update", "service.app"), ("update", GROUP)];
    let ends = told.map(|(verb, address)| finished(&run, verb, address));
    assert!(ends.is_sorted() && ends.iter().all(Option::is_some), "{ends:?}");
    let groups = world.ask("elb", "DescribeTargetGroups", &json!({}));
    assert_eq!(groups["TargetGroups"].as_array().map(Vec::len), Some(1));
}

const GROUP: &str = "security_group.app";

/// Which event of a run says that something was done to an address.
fn finished(run: &Run, wanted: &str, of: &str) -> Option<usize> {
    run.events.iter().position(|(_, event)| match event {
        Event::Finished { address, verb } => address.to_string() == of && json!(verb) == wanted,
        _ => false,
    })
}

/// The next run goes on where tasks of before are served still.
#[tokio::test(start_paused = true)]
async fn a_port_stays_open_as_long_as_a_failed_deployment_left_tasks_on_it() {
    let mut world = World::new();
    world.up(&config("")).await;
    let broken = config("services.app.port = 9000\nservices.app.image = broken/shop:1");
    world.endpoint.with_cloud(|cloud| {
        let workload = json!({"run": {"exits": {"code": 1, "after_seconds": 1, "lines": []}}});
        let workload = serde_json::from_value(workload).unwrap();
        cloud.ecs.workloads.insert("broken/".into(), workload);
    });
    let failed = world.try_up(&broken).await.unwrap();
    assert!(failed.check_complete().is_err());
    let skipped: Vec<_> = failed
        .summary
        .skipped
        .iter()
        .map(|(address, verb, _)| (address.to_string(), *verb))
        .collect();
    assert_eq!(skipped, [(GROUP.to_owned(), Verb::Update)]);
    let mended = config("services.app.port = 9000");
    let run = world.up_while_asked(&mended, &[80]).await;
    let group = run.plan.changes().find(|planned| planned.address.to_string() == GROUP).unwrap();
    assert_eq!((group.action, &group.course), (Action::Update, &Course::Last));
    world.assert_settled(&mended).await;
}

/// What nobody declared goes at once: it is not ours, and nothing of ours uses it.
#[tokio::test(start_paused = true)]
async fn a_foreign_rule_does_not_stay_until_the_tasks_have_moved() {
    let mut world = World::new();
    world.up(&config("")).await;
    let group = world.output(GROUP, "id");
    let opening = json!({"GroupId": group, "IpPermissions": [{
        "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
        "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
    }]});
    world.ask("ec2", "AuthorizeSecurityGroupIngress", &opening);
    let run = world.up(&config("services.app.port = 9000")).await;
    let revoked: Vec<_> = run
        .calls
        .iter()
        .filter(|call| call.operation == "RevokeSecurityGroupIngress")
        .map(|call| call.request.to_string())
        .collect();
    assert_eq!(revoked.len(), 2, "{revoked:?}");
    assert!(revoked[0].contains("22") && !revoked[0].contains("8000"), "{revoked:?}");
}

/// Without waiting for the service, what its old tasks use would go from under them.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_not_to_wait_waits_before_it_takes_something_away() {
    let mut world = World::new();
    world.up(&config("")).await;
    tokio::time::sleep(std::time::Duration::from_mins(5)).await;
    world.waiting = false;
    let run = world.up_while_asked(&config("services.app.port = 9000"), &[80]).await;
    assert!(run.took.as_secs() > 30, "{:?}", run.took);
    let run = world
        .up_while_asked(&config("services.app.port = 9000\nservices.app.memory = 1024"), &[80])
        .await;
    assert!(run.took.as_secs() < 10, "{:?}", run.took);
}
