use super::*;

#[test]
fn a_service_reaches_its_steady_state() {
    let mut world = World::steady();
    let service = world.look();
    assert_eq!((&service["runningCount"], &service["pendingCount"]), (&json!(2), &json!(0)));
    assert_eq!(service["deployments"].as_array().unwrap().len(), 1);
    let events = world.events();
    for fragment in [
        "has started 2 tasks: (task ",
        "registered 1 targets in (target-group arn:",
        "has reached a steady state.",
    ] {
        assert!(said(&events, fragment), "{fragment}: {events:?}");
    }
    let tasks = world.tasks("RUNNING");
    let zones: Vec<String> = tasks.iter().map(|task| text(&task["availabilityZone"])).collect();
    assert_ne!(zones[0], zones[1]);
    assert_eq!(world.interfaces(), 2);
}

#[test]
fn counts_are_right_before_the_rollout_is_complete() {
    let mut world = World::ready();
    let service = world.service();
    world.done("CreateService", service);
    let mut early = 0;
    for _ in 0..300 {
        world.wait(1);
        let service = world.look();
        let stable =
            service["runningCount"] == 2 && service["deployments"].as_array().unwrap().len() == 1;
        early += u32::from(stable && service["deployments"][0]["rolloutState"] == "IN_PROGRESS");
    }
    assert!(early >= 5, "{early}");
}

#[test]
fn a_creation_is_repeated_only_word_for_word() {
    let mut world = World::ready();
    let mut service = world.service();
    service["clientToken"] = json!("token-1");
    let first = world.done("CreateService", service.clone());
    let again = world.done("CreateService", service.clone());
    assert_eq!(first["service"]["deployments"][0]["id"], again["service"]["deployments"][0]["id"]);
    service["desiredCount"] = json!(3);
    let refused = world.refused("CreateService", service);
    let expected = ("InvalidParameterException", "Creation of service was not idempotent.");
    assert_eq!((refused.0.as_str(), refused.1.as_str()), expected);
}

#[test]
fn what_a_service_refers_to_must_be_there() {
    let mut world = World::ready();
    let vpc = world.cloud.ec2.subnets.values().next().unwrap().vpc.clone();
    let query = format!("Name=lonely&Protocol=HTTP&Port=8000&VpcId={vpc}&TargetType=ip");
    let lonely = form(&mut world.cloud, elb::answer, "CreateTargetGroup", &query);
    let lonely = lonely["TargetGroups"][0]["TargetGroupArn"].clone();
    let cases = [
        ("/cluster", json!("other"), "ClusterNotFoundException", "Cluster not found."),
        ("/taskDefinition", json!("other"), "ClientException", "TaskDefinition not found."),
        (
            "/loadBalancers/0/targetGroupArn",
            lonely,
            "InvalidParameterException",
            "does not have an associated load balancer",
        ),
        (
            "/loadBalancers/0/containerName",
            json!("web"),
            "InvalidParameterException",
            "The container web does not exist",
        ),
        (
            "/loadBalancers/0/containerPort",
            json!(80),
            "InvalidParameterException",
            "did not have a container port 80",
        ),
        (
            "/networkConfiguration/awsvpcConfiguration/subnets",
            json!(["subnet-1"]),
            "InvalidParameterException",
            "InvalidSubnetID.NotFound",
        ),
        (
            "/networkConfiguration/awsvpcConfiguration/securityGroups",
            json!(["sg-1"]),
            "InvalidParameterException",
            "InvalidGroup.NotFound",
        ),
    ];
    for (path, value, code, fragment) in cases {
        let mut service = world.service();
        *service.pointer_mut(path).unwrap() = value;
        let refused = world.refused("CreateService", service);
        assert!(refused.0 == code && refused.1.contains(fragment), "{path}: {refused:?}");
    }
}

#[test]
fn launch_type_and_strategy_exclude_each_other() {
    let mut world = World::ready();
    let mut service = world.service();
    service["capacityProviderStrategy"] = json!([{"capacityProvider": "FARGATE"}]);
    assert!(world.refused("CreateService", service.clone()).1.contains("launch type"));
    service["launchType"] = Value::Null;
    assert!(world.refused("CreateService", service).1.contains("not associated with the cluster"));
}

#[test]
fn a_deleted_service_drains_then_is_inactive_then_forgotten() {
    let mut world = World::steady();
    let request = json!({"cluster": "main", "service": "app"});
    assert_eq!(world.refused("DeleteService", request.clone()).0, "InvalidParameterException");
    world.update(json!({"desiredCount": 0}));
    world.done("DeleteService", json!({"cluster": "main", "service": "app", "force": true}));
    assert_eq!(world.look()["status"], "DRAINING");
    let listed = world.done("ListServices", json!({"cluster": "main"}));
    assert_eq!(listed["serviceArns"], json!([]));
    let service = world.service();
    let refused = world.refused("CreateService", service);
    assert_eq!(refused.1, "Unable to Start a service that is still Draining.");
    world.wait(290);
    assert_eq!(world.look()["status"], "DRAINING");
    world.wait(15);
    assert_eq!(world.look()["status"], "INACTIVE");
    assert_eq!(world.interfaces(), 2, "interfaces outlive the service");
    world.done("DeleteService", request);
    world.wait(120);
    assert_eq!(world.interfaces(), 0);
    world.wait(3600);
    let gone = world.done("DescribeServices", json!({"cluster": "main", "services": ["app"]}));
    assert_eq!(gone["failures"][0]["reason"], "MISSING");
}

#[test]
fn a_namesake_of_an_inactive_service_can_be_made() {
    let mut world = World::steady();
    world.done("DeleteService", json!({"cluster": "main", "service": "app", "force": true}));
    world.wait(400);
    let service = world.service();
    world.done("CreateService", service);
    world.wait(200);
    assert_eq!(world.look()["status"], "ACTIVE");
    assert_eq!(world.look()["runningCount"], 2);
}

#[test]
fn a_stopped_task_is_replaced_and_readable_for_an_hour() {
    let mut world = World::steady();
    let task = world.tasks("RUNNING")[0]["taskArn"].clone();
    world.done("StopTask", json!({"cluster": "main", "task": task, "reason": "by hand"}));
    world.wait(400);
    assert_eq!(world.look()["runningCount"], 2);
    let stopped = world.tasks("STOPPED");
    assert_eq!((stopped.len(), &stopped[0]["stoppedReason"]), (1, &json!("by hand")));
    assert_eq!(stopped[0]["stopCode"], "UserInitiated");
    world.wait(3700);
    assert!(world.tasks("STOPPED").is_empty());
}

#[test]
fn a_task_runs_by_itself_too() {
    let mut world = World::ready();
    let service = world.service();
    let run = json!({
        "cluster": "main", "taskDefinition": "app", "launchType": "FARGATE",
        "networkConfiguration": service["networkConfiguration"],
    });
    let task = world.done("RunTask", run)["tasks"][0].take();
    assert_eq!(task["lastStatus"], "PROVISIONING");
    world.wait(70);
    let request = json!({"cluster": "main", "tasks": [task["taskArn"]]});
    let seen = world.done("DescribeTasks", request)["tasks"][0].take();
    assert_eq!((&seen["lastStatus"], &seen["group"]), (&json!("RUNNING"), &json!("family:app")));
}

#[test]
fn tags_are_changed_and_reserved_ones_refused() {
    let mut world = World::steady();
    let arn = world.look()["serviceArn"].clone();
    let tags = |key: &str| json!({"resourceArn": arn, "tags": [{"key": key, "value": "1"}]});
    world.done("TagResource", tags("owner"));
    assert_eq!(world.look()["tags"], json!([{"key": "owner", "value": "1"}]));
    assert_eq!(world.refused("TagResource", tags("aws:owner")).0, "InvalidParameterException");
    world.done("UntagResource", json!({"resourceArn": arn, "tagKeys": ["owner"]}));
    assert_eq!(world.done("ListTagsForResource", json!({"resourceArn": arn}))["tags"], json!([]));
}

#[test]
fn the_other_rooms_scale_a_service_without_a_deployment() {
    let mut world = World::steady();
    let before = world.primary()["id"].clone();
    super::super::api::set_desired_count(&mut world.cloud, "main", "app", 1);
    world.wait(400);
    assert_eq!(world.look()["runningCount"], 1);
    assert_eq!(world.primary()["id"], before);
    assert_eq!(super::super::api::desired_count(&world.cloud, "main", "app"), Some(1));
    assert!(!super::super::api::service_exists(&world.cloud, "main", "other"));
}

/// "Balancing an Amazon ECS service across Availability Zones" in the developer guide.
#[test]
fn zones_are_evened_out_only_where_another_task_may_run_meanwhile() {
    let mut world = World::steady();
    let most = |percent: u32| json!({"maximumPercent": percent, "minimumHealthyPercent": 50});
    let ask = |request: Value| {
        let mut whole = json!({"cluster": "main", "service": "app"});
        whole.as_object_mut().unwrap().extend(request.as_object().unwrap().clone());
        whole
    };
    let refused =
        world.refused("UpdateService", ask(json!({"deploymentConfiguration": most(100)})));
    assert_eq!(refused.0, "InvalidParameterException");
    let off =
        json!({"deploymentConfiguration": most(100), "availabilityZoneRebalancing": "DISABLED"});
    world.done("UpdateService", ask(off));
    let on = json!({"availabilityZoneRebalancing": "ENABLED"});
    assert_eq!(world.refused("UpdateService", ask(on)).0, "InvalidParameterException");
    assert_eq!(world.look()["availabilityZoneRebalancing"], "DISABLED");
}
