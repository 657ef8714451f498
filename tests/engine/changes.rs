//! A change does exactly what it says, and taking it back does too.

use provision::plan::Action;
use provision::simulated_aws::wire::Service;
use serde_json::json;

use crate::harness::{World, config};

/// A change, and the calls that carry it out and that take it back, by name and in no order.
struct Case {
    change: &'static str,
    forth: &'static [&'static str],
    back: &'static [&'static str],
}

const fn case(change: &'static str, calls: &'static [&'static str]) -> Case {
    Case { change, forth: calls, back: calls }
}

/// What a new revision of the task takes: nothing else is touched.
const REVISION: &[&str] = &["RegisterTaskDefinition", "UpdateService"];

const CASES: &[Case] = &[
    case("services.app.image = ghcr.io/acme/shop:2", REVISION),
    case("services.app.cpu = 512\nservices.app.memory = 1024", REVISION),
    case("services.app.environment.LEVEL = debug", REVISION),
    case("services.app.command = [\"serve\", \"--fast\"]", REVISION),
    case("services.app.user = 1000", REVISION),
    case("services.app.read_only_root = true", REVISION),
    case("services.app.stop_timeout_seconds = 60", REVISION),
    case("services.app.architecture = ARM64", REVISION),
    case("services.app.container_health_check = { command = \"true\" }", REVISION),
    case("services.app.count = 3", &["UpdateService"]),
    case("services.app.grace_period_seconds = 10", &["UpdateService"]),
    Case {
        change: "services.app.execute_command = true",
        forth: &["PutRolePolicy", "UpdateService"],
        back: &["DeleteRolePolicy", "UpdateService"],
    },
    case("services.app.deployment.minimum_healthy_percent = 50", &["UpdateService"]),
    case(
        "services.app.deployment = { minimum_healthy_percent = 50, maximum_percent = 100 }",
        &["UpdateService"],
    ),
    case("services.app.deployment.rollback = false", &["UpdateService"]),
    case("services.app.spot = { base = 1 }", &["UpdateService"]),
    case("services.app.health_check.path = /ready", &["ModifyTargetGroup"]),
    case("services.app.health_check.codes = 200-299", &["ModifyTargetGroup"]),
    case("services.app.health_check.interval_seconds = 10", &["ModifyTargetGroup"]),
    case("services.app.deregistration_delay_seconds = 5", &["ModifyTargetGroupAttributes"]),
    case("services.app.log_retention_days = 7", &["PutRetentionPolicy"]),
    Case {
        change: "services.app.log_retention_days = never",
        forth: &["DeleteRetentionPolicy"],
        back: &["PutRetentionPolicy"],
    },
    Case {
        change: "services.app.ingress = [\"0.0.0.0/0\", \"10.0.0.0/8\"]",
        forth: &["AuthorizeSecurityGroupIngress"],
        back: &["RevokeSecurityGroupIngress"],
    },
    case("cluster.container_insights = enhanced", &["UpdateCluster"]),
    case("cluster.container_insights = disabled", &["UpdateCluster"]),
    Case {
        change: "services.app.task_policies.managed = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]",
        forth: &["AttachRolePolicy"],
        back: &["DetachRolePolicy"],
    },
    Case {
        change: "services.app.task_policies.inline.all = { Statement = [{ Effect = \"Allow\", \
                 Action = \"s3:*\", Resource = \"*\" }] }",
        forth: &["PutRolePolicy"],
        back: &["DeleteRolePolicy"],
    },
    Case {
        change: "services.app.secrets.KEY = arn:aws:ssm:us-east-1:123456789012:parameter/key",
        forth: &["PutRolePolicy", "RegisterTaskDefinition", "UpdateService"],
        back: &["DeleteRolePolicy", "RegisterTaskDefinition", "UpdateService"],
    },
    Case {
        change: "services.app.autoscaling = { min = 1, max = 4, cpu = 60 }",
        forth: &["RegisterScalableTarget", "PutScalingPolicy"],
        // The count is the stack's again, and already what it is to be.
        back: &["DeleteScalingPolicy", "DeregisterScalableTarget"],
    },
    case(
        "services.app.listener_port = 8080",
        &["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress", "ModifyListener"],
    ),
    case(
        "services.app.port = 9000",
        &[
            "AuthorizeSecurityGroupIngress",
            "RegisterTaskDefinition",
            "UpdateService",
            "RevokeSecurityGroupIngress",
        ],
    ),
    case("protect = true", &["ModifyLoadBalancerAttributes"]),
];

#[tokio::test(start_paused = true)]
async fn every_change_makes_its_own_calls_and_no_others() {
    let mut world = World::new();
    let before = config("");
    world.up(&before).await;
    let mut wrong = Vec::new();
    for Case { change, forth, back } in CASES {
        let after = config(change);
        for (to, expected) in [(&after, forth), (&before, back)] {
            let run = world.up(to).await;
            if let Err(left) = world.check_settled(to).await {
                wrong.push(format!("{change}: {left}"));
            }
            if sorted(run.mutations()) != sorted(expected.to_vec()) {
                wrong.push(format!("{change}: {:?} and not {expected:?}", run.mutations()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn sorted(mut calls: Vec<&str>) -> Vec<&str> {
    calls.sort_unstable();
    calls
}

#[tokio::test(start_paused = true)]
async fn new_tags_are_written_and_old_ones_removed_and_nothing_is_deployed() {
    let mut world = World::new();
    world.up(&config("tags.team = blue\ntags.cost = 12")).await;
    let deployment = world.output("service.app", "deployment");
    let after = config("tags.team = red");
    let run = world.up(&after).await;
    assert!(run.actions().iter().all(|(action, _)| *action == Action::Update));
    let allowed = ["Tag", "Untag", "CreateTags", "DeleteTags", "AddTags", "RemoveTags"];
    let others: Vec<&str> = run
        .mutations()
        .into_iter()
        .filter(|call| !allowed.iter().any(|allowed| call.starts_with(allowed)))
        .collect();
    assert_eq!(others, [""; 0]);
    assert_eq!(world.output("service.app", "deployment"), deployment);
    world.assert_settled(&after).await;
}

/// They take a call for each target, which a plan goes without.
#[tokio::test(start_paused = true)]
async fn a_scalable_targets_tags_follow_and_are_not_read() {
    let mut world = World::new();
    world.up(&config(&format!("tags.team = blue\ntags.cost = 12\n{SCALED}"))).await;
    let after = config(&format!("tags.team = red\n{SCALED}"));
    world.up(&after).await;
    let before = world.endpoint.calls().len();
    world.assert_settled(&after).await;
    let read = world.endpoint.calls().split_off(before).into_iter().filter(|call| {
        call.service == Service::Autoscaling && call.operation == "ListTagsForResource"
    });
    assert_eq!(read.count(), 0);
    let arn = world.output("scalable_target.app", "arn");
    let tags = world.ask("autoscaling", "ListTagsForResource", &json!({"ResourceARN": arn}));
    assert_eq!((&tags["Tags"]["team"], tags["Tags"].get("cost")), (&json!("red"), None));
}

/// What was made before there was a word for it is brought to what is declared, and deploys nothing.
#[tokio::test(start_paused = true)]
async fn a_service_of_before_is_told_in_place_to_give_its_tasks_its_tags() {
    let (mut world, config) = (World::new(), config(""));
    world.up(&config).await;
    let names = (world.output("cluster.main", "name"), world.output("service.app", "name"));
    let off = json!({"cluster": names.0, "service": names.1, "propagateTags": "NONE",
        "enableECSManagedTags": false});
    world.ask("ecs", "UpdateService", &off);
    let service = "service.app".parse().unwrap();
    let record = world.memory.state.resources.get_mut(&service).unwrap();
    record.applied.as_object_mut().unwrap().remove("propagate_tags");
    let deployment = world.output("service.app", "deployment");
    let run = world.up(&config).await;
    assert_eq!(run.mutations(), ["UpdateService"]);
    let reasons = run.plan.changes().map(|planned| planned.reason.as_str());
    assert_eq!(reasons.collect::<Vec<_>>(), ["the configuration has changed"]);
    assert_eq!(world.output("service.app", "deployment"), deployment);
    let seen =
        world.ask("ecs", "DescribeServices", &json!({"cluster": names.0, "services": [names.1]}));
    let seen = &seen["services"][0];
    assert_eq!(
        (&seen["propagateTags"], &seen["enableECSManagedTags"]),
        (&json!("SERVICE"), &json!(true))
    );
    world.assert_settled(&config).await;
}

#[tokio::test(start_paused = true)]
async fn the_autoscalers_count_is_left_to_it() {
    let mut world = World::new();
    let scaled = config("services.app.autoscaling = { min = 1, max = 4, cpu = 60 }");
    world.up(&scaled).await;
    set_count(&world, 4);
    tokio::time::sleep(std::time::Duration::from_mins(5)).await;
    world.assert_settled(&scaled).await;
    // Another version takes over with as many tasks as the autoscaler wants.
    let image = "services.app.image = ghcr.io/acme/shop:2\n";
    let run = world.up(&config(&format!("{image}{SCALED}"))).await;
    assert_eq!(run.mutations(), REVISION);
    let update = run.calls.iter().find(|call| call.operation == "UpdateService").unwrap();
    assert!(update.request.get("desiredCount").is_none(), "{}", update.request);
    assert_eq!(count(&world), 4);
}

const SCALED: &str = "services.app.autoscaling = { min = 1, max = 4, cpu = 60 }";

#[tokio::test(start_paused = true)]
async fn a_count_beyond_the_autoscalers_bounds_is_brought_back() {
    let mut world = World::new();
    world.up(&config(SCALED)).await;
    set_count(&world, 0);
    let run = world.up(&config(SCALED)).await;
    assert_eq!(run.mutations(), ["UpdateService"]);
    assert_eq!(count(&world), 1);
}

/// Sets the service's count as the autoscaler does.
fn set_count(world: &World, count: u32) {
    let (cluster, service) =
        (world.output("cluster.main", "name"), world.output("service.app", "name"));
    let request = json!({"cluster": cluster, "service": service, "desiredCount": count});
    world.ask("ecs", "UpdateService", &request);
}

fn count(world: &World) -> u64 {
    let (cluster, service) =
        (world.output("cluster.main", "name"), world.output("service.app", "name"));
    let request = json!({"cluster": cluster, "services": [service]});
    let found = world.ask("ecs", "DescribeServices", &request);
    found["services"][0]["desiredCount"].as_u64().unwrap_or_default()
}
