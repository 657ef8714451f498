use super::super::workload::{Pull, Reply, Run};
use super::*;

/// Creates the service in a world that was changed before, and waits.
fn stopped_after(change: impl FnOnce(&mut World), seconds: u64) -> (World, Value) {
    let mut world = World::ready();
    change(&mut world);
    let service = world.service();
    world.done("CreateService", service);
    world.wait(seconds);
    let stopped = world.tasks("STOPPED").into_iter().next();
    let stopped = stopped.unwrap_or_else(|| panic!("no task stopped: {:?}", world.events()));
    (world, stopped)
}

fn behaving(workload: Workload) -> impl FnOnce(&mut World) {
    move |world| world.behave(IMAGE, workload)
}

#[test]
fn an_image_that_is_not_there_cannot_be_pulled() {
    let workload = Workload { pull: Pull::NotFound, ..Workload::default() };
    let (_, task) = stopped_after(behaving(workload), 120);
    assert_eq!(task["stopCode"], "TaskFailedToStart");
    assert!(text(&task["stoppedReason"]).starts_with("CannotPullContainerError: "));
    assert!(text(&task["containers"][0]["reason"]).ends_with("not found"));
    assert!(task["containers"][0]["exitCode"].is_null() && task["startedAt"].is_null());
}

#[test]
fn a_process_that_exits_leaves_its_code_and_last_words() {
    let run = Run::Exits { code: 3, after_seconds: 2, lines: vec!["no database".to_owned()] };
    let (mut world, task) = stopped_after(behaving(Workload { run, ..Workload::default() }), 120);
    assert_eq!(task["stopCode"], "EssentialContainerExited");
    assert_eq!(task["stoppedReason"], "Essential container in task exited");
    assert_eq!(task["containers"][0]["exitCode"], 3);
    let stream =
        format!("app/app/{}", super::super::lookup::short(task["taskArn"].as_str().unwrap()));
    let request = json!({"logGroupName": "/app", "logStreamName": stream});
    let logged = logs::answer(&mut world.cloud, "GetLogEvents", Parameters::new(&request)).unwrap();
    assert_eq!(logged["events"][0]["message"], "no database");
}

#[test]
fn a_process_without_memory_is_killed() {
    let run = Run::RunsOutOfMemory { after_seconds: 5 };
    let (_, task) = stopped_after(behaving(Workload { run, ..Workload::default() }), 120);
    assert_eq!(task["containers"][0]["exitCode"], 137);
    assert!(text(&task["containers"][0]["reason"]).starts_with("OutOfMemoryError: "));
}

#[test]
fn a_port_that_nobody_listens_on_fails_the_load_balancers_checks() {
    let workload = Workload { reply: Reply::Refused, ..Workload::default() };
    let (mut world, task) = stopped_after(behaving(workload), 600);
    assert!(
        text(&task["stoppedReason"]).starts_with("Task failed ELB health checks in (target-group")
    );
    assert!(said(&world.events(), "is unhealthy in (target-group"));
}

#[test]
fn a_container_that_fails_its_own_check_is_replaced() {
    let (mut world, task) = stopped_after(
        |world| {
            let mut checked = definition();
            checked["containerDefinitions"][0]["healthCheck"] =
                json!({"command": ["CMD", "false"], "interval": 5});
            world.done("RegisterTaskDefinition", checked);
            world.behave(IMAGE, Workload { fails_own_check: true, ..Workload::default() });
        },
        600,
    );
    assert_eq!(task["stoppedReason"], "Task failed container health checks");
    assert!(said(&world.events(), "failed container health checks."));
}

#[test]
fn a_missing_log_group_keeps_a_task_from_starting() {
    let (_, task) = stopped_after(
        |world| {
            let request = json!({"logGroupName": "/app"});
            logs::answer(&mut world.cloud, "DeleteLogGroup", Parameters::new(&request)).unwrap();
        },
        120,
    );
    assert!(text(&task["stoppedReason"]).contains("The specified log group does not exist"));
}

#[test]
fn a_secret_that_cannot_be_read_keeps_a_task_from_starting() {
    let (_, task) = stopped_after(
        |world| {
            let mut secret = definition();
            let from = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-a1b2c3";
            secret["containerDefinitions"][0]["secrets"] =
                json!([{"name": "PASSWORD", "valueFrom": from}]);
            world.done("RegisterTaskDefinition", secret);
            world.cloud.ecs.unreadable_secrets.insert("arn:aws:secretsmanager".to_owned());
        },
        120,
    );
    assert!(
        text(&task["stoppedReason"])
            .starts_with("ResourceInitializationError: unable to pull secrets")
    );
}

#[test]
fn what_a_security_group_does_not_let_out_is_not_pulled() {
    let shut = |world: &mut World| {
        let everywhere = format!(
            "GroupId={}&IpPermissions.1.IpProtocol=-1&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0",
            world.group
        );
        form(&mut world.cloud, ec2::answer, "RevokeSecurityGroupEgress", &everywhere);
    };
    let (_, task) = stopped_after(shut, 300);
    assert!(text(&task["stoppedReason"]).ends_with("dial tcp: i/o timeout"), "{task}");
}

#[test]
fn a_security_group_that_shuts_out_the_load_balancer_fails_its_checks() {
    let shut = |world: &mut World| {
        let opening = format!(
            "GroupId={}&IpProtocol=tcp&FromPort=8000&ToPort=8000&CidrIp=0.0.0.0/0",
            world.group
        );
        form(&mut world.cloud, ec2::answer, "RevokeSecurityGroupIngress", &opening);
    };
    let (mut world, task) = stopped_after(shut, 600);
    assert!(text(&task["stoppedReason"]).starts_with("Task failed ELB health checks"), "{task}");
    assert!(said(&world.events(), "due to (reason Request timed out)"), "{:?}", world.events());
}

#[test]
fn without_public_address_nothing_is_reached_through_an_internet_gateway() {
    let mut world = World::ready();
    let mut service = world.service();
    service["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] = json!("DISABLED");
    world.done("CreateService", service);
    world.wait(100);
    assert!(world.tasks("STOPPED").is_empty(), "a timeout takes its time");
    world.wait(100);
    assert!(text(&world.tasks("STOPPED")[0]["stoppedReason"]).contains("i/o timeout"));
}

#[test]
fn a_role_that_is_gone_shows_in_the_events_alone() {
    let mut world = World::ready();
    form(&mut world.cloud, iam::answer, "DeleteRole", "RoleName=execution");
    let service = world.service();
    world.done("CreateService", service);
    world.wait(120);
    assert!(world.tasks("STOPPED").is_empty() && world.tasks("RUNNING").is_empty());
    assert!(said(&world.events(), "ECS was unable to assume the role"));
    assert!(world.primary()["failedTasks"].as_u64() > Some(1));
}

#[test]
fn sold_out_spot_capacity_shows_in_the_events_alone() {
    let mut world = World::ready();
    let strategy = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
    world.done(
        "PutClusterCapacityProviders",
        json!({
            "cluster": "main",
            "capacityProviders": ["FARGATE_SPOT"],
            "defaultCapacityProviderStrategy": strategy,
        }),
    );
    world.cloud.ecs.spot_is_sold_out = true;
    let mut service = world.service();
    service["launchType"] = Value::Null;
    world.done("CreateService", service);
    world.wait(60);
    assert!(said(&world.events(), "was unable to place a task. Reason: Capacity is unavailable"));
    assert_eq!(world.look()["capacityProviderStrategy"][0]["capacityProvider"], "FARGATE_SPOT");
    assert!(world.look()["launchType"].is_null());
    world.cloud.ecs.spot_is_sold_out = false;
    world.wait(300);
    assert_eq!(world.look()["runningCount"], 2);
}
