use super::*;

const BREAKER: &str = "ECS deployment circuit breaker:";

fn with_breaker(rollback: bool) -> Value {
    json!({"deploymentConfiguration": {
        "deploymentCircuitBreaker": {"enable": true, "rollback": rollback},
    }})
}

fn broken() -> Workload {
    Workload { reply: super::super::workload::Reply::Status(500), ..Workload::default() }
}

#[test]
fn a_new_revision_replaces_the_old_without_falling_below_the_desired_count() {
    let mut world = World::steady();
    let definition = world.register_image("ghcr.io/example/app:2.0.0");
    let updated = world.update(json!({"taskDefinition": definition}));
    let id = updated["deployments"][0]["id"].clone();
    assert_eq!(updated["deployments"][1]["status"], "ACTIVE");
    for _ in 0..500 {
        world.wait(1);
        let service = world.look();
        assert!(service["runningCount"].as_u64() >= Some(2), "{}", service["deployments"]);
        assert!(service["runningCount"].as_u64() <= Some(4));
    }
    let primary = world.primary();
    assert_eq!((&primary["id"], &primary["rolloutState"]), (&id, &json!("COMPLETED")));
    assert_eq!(world.look()["deployments"].as_array().unwrap().len(), 1);
    assert_eq!(world.tasks("RUNNING").len(), 2);
}

#[test]
fn without_room_for_more_old_tasks_go_first() {
    let mut world = World::steady();
    world.update(json!({
        "forceNewDeployment": true,
        "deploymentConfiguration": {"maximumPercent": 100, "minimumHealthyPercent": 50},
        "availabilityZoneRebalancing": "DISABLED",
    }));
    let mut most = 0;
    let mut least = u64::MAX;
    for _ in 0..900 {
        world.wait(1);
        let service = world.look();
        let running = service["runningCount"].as_u64().unwrap();
        most = most.max(running + service["pendingCount"].as_u64().unwrap());
        least = least.min(running);
    }
    assert_eq!((least, most), (1, 2));
    assert_eq!(world.primary()["rolloutState"], "COMPLETED");
}

#[test]
fn only_some_changes_start_a_deployment() {
    let mut world = World::steady();
    let network = world.service()["networkConfiguration"].clone();
    let cases = [
        (json!({"desiredCount": 3}), false),
        (json!({"healthCheckGracePeriodSeconds": 30}), false),
        (json!({"taskDefinition": "app"}), false),
        (json!({"enableExecuteCommand": true}), false),
        (with_breaker(true), false),
        (json!({"networkConfiguration": network}), true),
        (json!({"forceNewDeployment": true}), true),
    ];
    for (change, deploys) in cases {
        let before = world.primary()["id"].clone();
        let after = world.update(change.clone())["deployments"][0]["id"].clone();
        assert_eq!(before != after, deploys, "{change}");
    }
}

#[test]
fn omitted_settings_are_kept_and_the_breakers_flags_replaced_together() {
    let mut world = World::steady();
    world.update(with_breaker(true));
    world.update(json!({"deploymentConfiguration": {"maximumPercent": 150}}));
    let kept = world.look()["deploymentConfiguration"].take();
    assert_eq!(kept["deploymentCircuitBreaker"]["rollback"], true);
    world
        .update(json!({"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true}}}));
    let replaced = world.look()["deploymentConfiguration"].take();
    assert_eq!(replaced["deploymentCircuitBreaker"]["rollback"], false);
    assert_eq!(replaced["deploymentCircuitBreaker"]["resetOnHealthyTask"], true);
    assert_eq!(replaced["maximumPercent"], 150);
}

#[test]
fn a_broken_revision_is_rolled_back() {
    let mut world = World::steady();
    let good = world.look()["taskDefinition"].clone();
    let old = world.primary()["id"].clone();
    world.behave("ghcr.io/example/app:broken", broken());
    let definition = world.register_image("ghcr.io/example/app:broken");
    let mut change = with_breaker(true);
    change["taskDefinition"] = json!(definition);
    let new = text(&world.update(change)["deployments"][0]["id"]);
    world.wait(3000);
    let primary = world.primary();
    assert_eq!((&primary["id"], &primary["rolloutState"]), (&old, &json!("COMPLETED")));
    assert_eq!(world.look()["taskDefinition"], good);
    assert_eq!(world.look()["runningCount"], 2);
    let events = world.events();
    assert!(said(&events, "Health checks failed with these codes: [500]"), "{events:?}");
    assert!(said(
        &events,
        &format!("(deployment {new}) deployment failed: tasks failed to start.")
    ));
    assert!(said(&events, &format!("rolling back to deployment {}.", text(&old))));
    let history =
        world.done("ListServiceDeployments", json!({"cluster": "main", "service": "app"}));
    assert_eq!(history["serviceDeployments"][0]["status"], "ROLLBACK_SUCCESSFUL");
}

#[test]
fn while_it_is_rolled_back_the_failed_deployment_is_still_listed() {
    let mut world = World::steady();
    world.behave("ghcr.io/example/app:broken", broken());
    let definition = world.register_image("ghcr.io/example/app:broken");
    let mut change = with_breaker(true);
    change["taskDefinition"] = json!(definition);
    world.update(change);
    let rolled_back = (0..3000).find_map(|_| {
        world.wait(1);
        let deployments = world.look()["deployments"].take();
        (deployments[1]["rolloutState"] == "FAILED").then_some(deployments)
    });
    let deployments = rolled_back.expect("the rollback was never seen");
    assert_eq!(deployments[1]["rolloutStateReason"], format!("{BREAKER} tasks failed to start."));
    assert_eq!(deployments[0]["rolloutState"], "IN_PROGRESS");
    assert!(
        text(&deployments[0]["rolloutStateReason"])
            .contains("rolling back to deploymentId ecs-svc/")
    );
}

#[test]
fn a_first_deployment_that_fails_has_nothing_to_go_back_to() {
    let mut world = World::ready();
    world.behave(IMAGE, broken());
    let mut service = world.service();
    merge(&mut service, with_breaker(true));
    world.done("CreateService", service);
    world.wait(3000);
    let primary = world.primary();
    assert_eq!(primary["rolloutState"], "FAILED");
    let stopped = world.tasks("STOPPED").len();
    world.wait(1000);
    assert_eq!(world.tasks("STOPPED").len(), stopped, "nothing is started any more");
}

#[test]
fn without_breaker_a_failing_deployment_goes_on_forever_with_growing_pauses() {
    let mut world = World::ready();
    world.behave(IMAGE, broken());
    let service = world.service();
    world.done("CreateService", service);
    world.wait(3 * 3600);
    let primary = world.primary();
    assert_eq!(primary["rolloutState"], "IN_PROGRESS");
    let failed = primary["failedTasks"].as_u64().unwrap();
    assert!((10..80).contains(&failed), "{failed}");
    assert!(said(&world.events(), "is unhealthy in (target-group"));
}

#[test]
fn a_rollout_is_stopped_by_request() {
    let mut world = World::steady();
    let old = world.primary()["id"].clone();
    let definition = world.register_image("ghcr.io/example/app:2.0.0");
    let arn =
        world.update(json!({"taskDefinition": definition}))["currentServiceDeployment"].clone();
    world.wait(20);
    world.done(
        "StopServiceDeployment",
        json!({"serviceDeploymentArn": arn, "stopType": "ROLLBACK"}),
    );
    assert_eq!(world.primary()["id"], old);
    world.wait(400);
    assert_eq!(world.primary()["rolloutState"], "COMPLETED");
    let request = json!({"serviceDeploymentArn": arn});
    assert_eq!(world.refused("StopServiceDeployment", request).0, "ConflictException");
    let request = json!({"serviceDeploymentArns": [arn]});
    let seen = world.done("DescribeServiceDeployments", request)["serviceDeployments"][0].take();
    assert_eq!(seen["status"], "ROLLBACK_SUCCESSFUL");
    let request = json!({"serviceRevisionArns": [seen["targetServiceRevision"]["arn"]]});
    let revision = world.done("DescribeServiceRevisions", request)["serviceRevisions"][0].take();
    assert_eq!(revision["taskDefinition"], definition);
}

#[test]
fn how_often_one_looks_changes_nothing() {
    let run = |pause: u64| {
        let mut world = World::ready();
        let service = world.service();
        world.done("CreateService", service);
        (0..600 / pause).for_each(|_| world.wait(pause));
        serde_json::to_value(&world.cloud).unwrap()
    };
    assert_eq!(run(1), run(600));
}

#[test]
fn a_service_that_falls_ill_is_replaced_until_it_is_well_again() {
    let mut world = World::steady();
    world.behave(IMAGE, broken());
    world.wait(400);
    assert!(said(&world.events(), "Health checks failed with these codes: [500]"));
    assert_eq!(world.primary()["rolloutState"], "COMPLETED", "the rollout was over before");
    world.behave(IMAGE, Workload::default());
    world.wait(1200);
    assert_eq!(world.look()["runningCount"], 2);
    assert!(world.events().last().unwrap().ends_with("has reached a steady state."));
}

#[test]
fn a_path_that_the_application_does_not_know_fails_the_checks() {
    let mut world = World::steady();
    let paths = [("/health".to_owned(), 404)].into();
    world.behave(IMAGE, Workload { paths, ..Workload::default() });
    world.wait(300);
    assert!(world.tasks("STOPPED").is_empty());
    let query = format!("TargetGroupArn={}&HealthCheckPath=/health", world.target_group);
    form(&mut world.cloud, elb::answer, "ModifyTargetGroup", &query);
    world.wait(300);
    assert!(said(&world.events(), "Health checks failed with these codes: [404]"));
}
