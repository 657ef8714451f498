//! Schedules over time.

use std::time::Duration;

use super::super::endpoint::Call;
use super::super::wire::{Service, parse_form};
use super::super::{cloudtrail, ec2, ecs};
use super::*;

const ROLE: &str = "arn:aws:iam::123456789012:role/start";

fn cloud(service: &str) -> Cloud {
    let mut cloud = Cloud::new("eu-west-1", "2026-01-01T00:00:00Z".parse().unwrap(), 7);
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]});
    let role = json!({"RoleName": "start", "AssumeRolePolicyDocument": trust.to_string()});
    iam::answer(&mut cloud, "CreateRole", Parameters::new(&role)).unwrap();
    cloud
}

fn ask(cloud: &mut Cloud, operation: &str, request: &Value) -> Answer {
    answer(cloud, operation, Parameters::new(request))
}

fn schedule(expression: &str) -> Value {
    json!({
        "Name": "shop", "ClientToken": "one", "ScheduleExpression": expression,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": "arn:aws:ecs:eu-west-1:123456789012:cluster/shop", "RoleArn": ROLE,
            "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600},
            "EcsParameters": {"TaskDefinitionArn":
                "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop:1"},
        },
    })
}

#[test]
fn a_second_create_is_a_conflict_unless_it_is_the_first_again() {
    let mut cloud = cloud(PRINCIPAL);
    let asked = schedule("rate(1 hour)");
    let made = ask(&mut cloud, "CreateSchedule", &asked).unwrap();
    assert_eq!(ask(&mut cloud, "CreateSchedule", &asked).unwrap(), made);
    let mut other = asked.clone();
    other["ClientToken"] = "two".into();
    assert_eq!(ask(&mut cloud, "CreateSchedule", &other).unwrap_err().code, "ConflictException");
}

#[test]
fn a_token_is_short_and_plain() {
    let mut cloud = cloud(PRINCIPAL);
    for odd in ["", "a b", &"t".repeat(65)] {
        let mut asked = schedule("rate(1 hour)");
        asked["ClientToken"] = odd.into();
        for operation in ["CreateSchedule", "UpdateSchedule", "DeleteSchedule"] {
            let refused = ask(&mut cloud, operation, &asked).unwrap_err();
            assert_eq!(refused.code, "ValidationException", "{operation} {odd:?}");
        }
    }
}

#[test]
fn a_role_that_somebody_else_takes_on_is_refused() {
    let mut cloud = cloud("lambda.amazonaws.com");
    let refused = ask(&mut cloud, "CreateSchedule", &schedule("rate(1 hour)")).unwrap_err();
    assert!(refused.message.contains("must allow AWS EventBridge Scheduler"), "{refused:?}");
}

#[test]
fn an_update_replaces_all_of_it() {
    let mut cloud = cloud(PRINCIPAL);
    let missing = ask(&mut cloud, "UpdateSchedule", &schedule("rate(1 hour)")).unwrap_err();
    assert_eq!((missing.code.as_str(), missing.status), ("ResourceNotFoundException", 404));
    let mut first = schedule("rate(1 hour)");
    first["Description"] = "mine".into();
    ask(&mut cloud, "CreateSchedule", &first).unwrap();
    ask(&mut cloud, "UpdateSchedule", &schedule("cron(0 6 * * ? *)")).unwrap();
    let shown = ask(&mut cloud, "GetSchedule", &json!({"Name": "shop"})).unwrap();
    assert_eq!(shown["ScheduleExpression"], "cron(0 6 * * ? *)");
    assert_eq!(shown["Description"], Value::Null);
}

#[test]
fn schedules_are_listed_by_how_they_begin_and_in_pages() {
    let mut cloud = cloud(PRINCIPAL);
    for name in ["shop-a", "other", "shop-b", "shop-c"] {
        let mut asked = schedule("rate(1 hour)");
        asked["Name"] = name.into();
        ask(&mut cloud, "CreateSchedule", &asked).unwrap();
    }
    let mut asked = json!({"NamePrefix": "shop", "MaxResults": "2"});
    let first = ask(&mut cloud, "ListSchedules", &asked).unwrap();
    asked["NextToken"] = first["NextToken"].clone();
    let last = ask(&mut cloud, "ListSchedules", &asked).unwrap();
    let names = |page: &Value| -> Vec<String> {
        let all = page["Schedules"].as_array().unwrap().iter();
        all.map(|one| one["Name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (names(&first), names(&last)),
        (vec!["shop-a".into(), "shop-b".into()], vec!["shop-c".to_owned()],)
    );
    assert_eq!(last["NextToken"], Value::Null);
    let refused = ask(&mut cloud, "ListSchedules", &json!({"MaxResults": "101"})).unwrap_err();
    assert_eq!(refused.code, "ValidationException");
}

#[test]
fn what_does_not_work_is_tried_again_as_often_as_it_says() {
    let mut cloud = cloud(PRINCIPAL);
    ask(&mut cloud, "CreateSchedule", &schedule("rate(1 hour)")).unwrap();
    cloud.settle(Moment::default().after(Duration::from_mins(59)));
    let attempts = &cloud.scheduler.attempts;
    assert_eq!(attempts.len(), 4, "{attempts:?}");
    let why = attempts[0].outcome.as_ref().unwrap_err();
    assert!(why.contains("not authorized to perform: ecs:RunTask"), "{why}");
    cloud.settle(Moment::default().after(Duration::from_mins(61)));
    assert_eq!(cloud.scheduler.attempts.len(), 6, "the next hour's, and its first repetition");
}

#[test]
fn one_that_is_off_is_never_due() {
    let mut cloud = cloud(PRINCIPAL);
    let mut off = schedule("rate(1 hour)");
    off["State"] = "DISABLED".into();
    ask(&mut cloud, "CreateSchedule", &off).unwrap();
    cloud.settle(Moment::default().after(Duration::from_hours(9)));
    assert!(cloud.scheduler.attempts.is_empty());
}

#[test]
fn what_the_scheduler_does_not_take_is_refused() {
    let mut cloud = cloud(PRINCIPAL);
    for odd in ["rate(1 fortnight)", "cron(0 6 * * *)", "hourly", "at(2027-01-31)"] {
        let refused = ask(&mut cloud, "CreateSchedule", &schedule(odd)).unwrap_err();
        assert_eq!(refused.code, "ValidationException", "{odd}");
    }
    let mut elsewhere = schedule("rate(1 hour)");
    elsewhere["GroupName"] = "mine".into();
    let refused = ask(&mut cloud, "CreateSchedule", &elsewhere).unwrap_err();
    assert_eq!(refused.code, "ResourceNotFoundException");
}

#[test]
fn what_is_out_of_bounds_is_refused_before_anything_else() {
    let mut cloud = cloud(PRINCIPAL);
    ask(&mut cloud, "CreateSchedule", &schedule("rate(1 hour)")).unwrap();
    let network = "/Target/EcsParameters/NetworkConfiguration/awsvpcConfiguration";
    let network = |member: &str| format!("{network}/{member}");
    for (place, value) in [
        ("/State".to_owned(), json!("enabled")),
        ("/ActionAfterCompletion".to_owned(), json!("STOP")),
        ("/Description".to_owned(), json!("d".repeat(513))),
        ("/Target/RoleArn".to_owned(), json!("start")),
        ("/Target/RoleArn".to_owned(), json!("arn:aws:iam::1:role/start")),
        ("/Target/EcsParameters/TaskCount".to_owned(), json!(0)),
        ("/Target/EcsParameters/TaskCount".to_owned(), json!(11)),
        ("/Target/EcsParameters/LaunchType".to_owned(), json!("SPOT")),
        (network("Subnets"), json!([])),
        (network("Subnets"), json!(vec!["subnet-1"; 17])),
        (network("SecurityGroups"), json!([])),
        (network("SecurityGroups"), json!(vec!["sg-1"; 6])),
        (network("AssignPublicIp"), json!("MAYBE")),
        ("/Target/Input".to_owned(), json!("not json")),
    ] {
        let mut asked = schedule("rate(1 hour)");
        asked["ClientToken"] = "two".into();
        asked["Description"] = "d".repeat(512).into();
        asked["State"] = "ENABLED".into();
        let parameters = &mut asked["Target"]["EcsParameters"];
        parameters["NetworkConfiguration"] =
            json!({"awsvpcConfiguration": {"Subnets": ["subnet-1"]}});
        set(&mut asked, &place, value);
        let refused = ask(&mut cloud, "CreateSchedule", &asked).unwrap_err();
        assert_eq!(refused.code, "ValidationException", "{place}");
    }
}

fn set(asked: &mut Value, place: &str, value: Value) {
    let (parent, member) = place.rsplit_once('/').unwrap();
    asked.pointer_mut(parent).unwrap()[member] = value;
}

#[test]
fn what_nobody_here_heeds_is_refused() {
    let mut cloud = cloud(PRINCIPAL);
    for (place, value) in [
        ("/StartDate", json!(1_767_225_600)),
        ("/EndDate", json!(1_767_225_600)),
        ("/KmsKeyArn", json!("arn:aws:kms:eu-west-1:123456789012:key/k")),
        ("/Target/DeadLetterConfig", json!({"Arn": "arn:aws:sqs:eu-west-1:123456789012:dead"})),
        ("/Target/EcsParameters/Tags", json!([{"team": "a"}])),
        ("/Target/EcsParameters/PropagateTags", json!("TASK_DEFINITION")),
        ("/Target/EcsParameters/EnableECSManagedTags", json!(true)),
    ] {
        let mut asked = schedule("rate(1 hour)");
        set(&mut asked, place, value);
        let refused = ask(&mut cloud, "CreateSchedule", &asked).unwrap_err();
        assert!(refused.message.ends_with("is not known here."), "{place}: {refused:?}");
    }
    let mut silent = schedule("rate(1 hour)");
    silent["Target"]["EcsParameters"]["Tags"] = json!([]);
    silent["Target"]["EcsParameters"]["EnableECSManagedTags"] = json!(false);
    ask(&mut cloud, "CreateSchedule", &silent).unwrap();
}

#[test]
fn schedules_are_listed_by_state_and_group() {
    let mut cloud = cloud(PRINCIPAL);
    for (name, state) in [("on", "ENABLED"), ("off", "DISABLED")] {
        let mut asked = schedule("rate(1 hour)");
        asked["Name"] = name.into();
        asked["State"] = state.into();
        ask(&mut cloud, "CreateSchedule", &asked).unwrap();
    }
    let off = ask(&mut cloud, "ListSchedules", &json!({"State": "DISABLED"})).unwrap();
    assert_eq!(off["Schedules"].as_array().unwrap().len(), 1);
    assert_eq!(off["Schedules"][0]["Name"], "off");
    assert_eq!(off["Schedules"][0]["CreationDate"], json!(1_767_225_600.0));
    for (asked, code) in [
        (json!({"GroupName": "mine"}), "ResourceNotFoundException"),
        (json!({"State": "off"}), "ValidationException"),
        (json!({"NextToken": "odd"}), "ValidationException"),
    ] {
        assert_eq!(ask(&mut cloud, "ListSchedules", &asked).unwrap_err().code, code, "{asked}");
    }
}

#[test]
fn a_rate_that_outlasts_the_world_is_due_once() {
    let mut cloud = cloud(PRINCIPAL);
    let endless = schedule("rate(213503982334601 days)");
    let refused = ask(&mut cloud, "CreateSchedule", &endless).unwrap_err();
    assert_eq!(refused.code, "ValidationException");
    let mut longest = schedule("rate(2147483647 days)");
    longest["Target"]["RetryPolicy"] = json!({"MaximumRetryAttempts": 0});
    ask(&mut cloud, "CreateSchedule", &longest).unwrap();
    cloud.settle(Moment::default().after(Duration::from_hours(24 * 365)));
    assert_eq!(cloud.scheduler.attempts.len(), 1);
}

const CLUSTER: &str = "arn:aws:ecs:eu-west-1:123456789012:cluster/shop";

/// A cluster with a task's definition, and a schedule that starts it at six.
struct World {
    cloud: Cloud,
    schedule: Value,
}

type Room = fn(&mut Cloud, &str, Parameters<'_>) -> Answer;

#[expect(clippy::needless_pass_by_value, reason = "requests are written where they are made")]
impl World {
    fn new() -> Self {
        let mut world = Self { cloud: cloud(PRINCIPAL), schedule: schedule("cron(0 6 * * ? *)") };
        let vpc = world.form("CreateVpc", "CidrBlock=10.0.0.0/16");
        let vpc = vpc["vpc"]["vpcId"].as_str().unwrap();
        let subnet = world.form("CreateSubnet", &format!("VpcId={vpc}&CidrBlock=10.0.0.0/24"));
        world.ask(ecs::answer, "CreateCluster", json!({"clusterName": "shop"}));
        world.role("execution", ecs::TASKS);
        world.ask(
            ecs::answer,
            "RegisterTaskDefinition",
            json!({
                "family": "shop", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc",
                "cpu": "256", "memory": "512",
                "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
                "containerDefinitions": [{"name": "shop", "image": "ghcr.io/example/shop:1"}],
            }),
        );
        let ecs = &mut world.schedule["Target"]["EcsParameters"];
        ecs["LaunchType"] = "FARGATE".into();
        ecs["NetworkConfiguration"] =
            json!({"awsvpcConfiguration": {"Subnets": [subnet["subnet"]["subnetId"]]}});
        world.schedule["Target"]["RetryPolicy"] = json!({"MaximumRetryAttempts": 0});
        world.trust(own());
        world.permit(rights());
        world
    }

    fn ask(&mut self, room: Room, operation: &str, request: Value) -> Value {
        let answer = room(&mut self.cloud, operation, Parameters::new(&request));
        answer.unwrap_or_else(|error| panic!("{operation}: {error:?}"))
    }

    fn form(&mut self, operation: &str, query: &str) -> Value {
        self.ask(ec2::answer, operation, parse_form(query.as_bytes()))
    }

    fn role(&mut self, name: &str, service: &str) {
        let trust = json!({"Statement": [
            {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]});
        let role = json!({"RoleName": name, "AssumeRolePolicyDocument": trust.to_string()});
        self.ask(iam::answer, "CreateRole", role);
    }

    fn trust(&mut self, statement: Value) {
        let document = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
        let request = json!({"RoleName": "start", "PolicyDocument": document});
        self.ask(iam::answer, "UpdateAssumeRolePolicy", request);
    }

    fn permit(&mut self, statements: Value) {
        let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        let request =
            json!({"RoleName": "start", "PolicyName": "start", "PolicyDocument": document});
        self.ask(iam::answer, "PutRolePolicy", request);
    }

    fn made(mut self) -> Self {
        self.ask(answer, "CreateSchedule", self.schedule.clone());
        self
    }

    /// What becomes of it at six.
    fn outcome(&mut self) -> Result<String, String> {
        self.cloud.settle(Moment::default().after(Duration::from_hours(7)));
        assert_eq!(self.cloud.scheduler.attempts.len(), 1);
        self.cloud.scheduler.attempts[0].outcome.clone()
    }
}

/// Trust in the scheduler as the user guide would have it.
fn own() -> Value {
    json!({
        "Effect": "Allow", "Principal": {"Service": PRINCIPAL}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {
            "aws:SourceAccount": "123456789012",
            "aws:SourceArn": "arn:aws:scheduler:eu-west-1:123456789012:schedule-group/default",
        }},
    })
}

/// The right to start the task in the cluster, and to pass its role on to it.
fn rights() -> Value {
    json!([
        {"Effect": "Allow", "Action": "ecs:RunTask",
            "Resource": "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop:*",
            "Condition": {"ArnEquals": {"ecs:cluster": CLUSTER}}},
        {"Effect": "Allow", "Action": "iam:PassRole",
            "Resource": "arn:aws:iam::123456789012:role/execution",
            "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}},
    ])
}

#[test]
fn a_role_with_exactly_the_rights_it_takes_starts_the_task() {
    let mut world = World::new();
    world.schedule["Name"] = "the-check-of-the-shop-for-drift".into();
    let mut world = world.made();
    let arn = world.outcome().unwrap();
    let asked = json!({"cluster": "shop", "tasks": [arn]});
    let tasks = world.ask(ecs::answer, "DescribeTasks", asked);
    assert_eq!(tasks["tasks"][0]["startedBy"], "chronos-schedule/the-check-of-the-sh");
}

#[test]
fn a_trust_that_names_something_else_keeps_the_schedule_from_being_made() {
    let group = "/Condition/StringEquals/aws:SourceArn";
    let schedule = "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/shop";
    for (place, value) in [
        ("/Principal/Service", json!("lambda.amazonaws.com")),
        ("/Action", json!("sts:TagSession")),
        ("/Condition/StringEquals/aws:SourceAccount", json!("210987654321")),
        (group, json!(schedule)),
        ("/Condition/StringEquals/aws:PrincipalOrgID", json!("o-1")),
        ("/Condition/Bool", json!({"aws:SecureTransport": "true"})),
    ] {
        let mut world = World::new();
        let mut statement = own();
        set(&mut statement, place, value);
        world.trust(statement.clone());
        let asked = world.schedule.clone();
        let refused = ask(&mut world.cloud, "CreateSchedule", &asked).unwrap_err();
        assert_eq!(refused.message, NOT_ASSUMED, "{place}");
        // It may have been another once.
        world.trust(own());
        let mut world = world.made();
        world.trust(json!([own(), {"Effect": "Deny", "Principal": {"Service": PRINCIPAL},
            "Action": "sts:*"}]));
        assert_eq!(world.outcome(), Err(NOT_ASSUMED.to_owned()), "{place}");
    }
}

#[test]
fn a_right_to_something_else_keeps_the_task_from_starting() {
    let other = "arn:aws:ecs:eu-west-1:123456789012:cluster/other";
    for (place, value, missing) in [
        ("/0/Action", json!("ecs:StartTask"), "ecs:RunTask"),
        (
            "/0/Resource",
            json!("arn:aws:ecs:eu-west-1:123456789012:task-definition/Shop:*"),
            "ecs:RunTask",
        ),
        ("/0/Condition/ArnEquals/ecs:cluster", json!(other), "ecs:RunTask"),
        ("/0/Condition/NumericEquals", json!({"ecs:cluster": "1"}), "ecs:RunTask"),
        ("/1/Resource", json!("arn:aws:iam::123456789012:role/other"), "iam:PassRole"),
        (
            "/1/Condition/StringEquals/iam:PassedToService",
            json!("ec2.amazonaws.com"),
            "iam:PassRole",
        ),
    ] {
        let mut world = World::new();
        let mut statements = rights();
        set(&mut statements, place, value);
        world.permit(statements);
        let why = world.made().outcome().unwrap_err();
        let expected = format!("is not authorized to perform: {missing} on resource: arn:aws:");
        assert!(why.contains(&expected), "{place}: {why}");
        let start = "AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/start/";
        assert!(why.starts_with(start), "{why}");
        let end = format!("because no identity-based policy allows the {missing} action");
        assert!(why.ends_with(&end), "{why}");
    }
}

#[test]
fn of_managed_policies_those_allow_it_that_do_on_aws() {
    for (policy, boundary, is_started) in [
        ("AdministratorAccess", None, true),
        ("AdministratorAccess", Some("PowerUserAccess"), false),
        ("PowerUserAccess", None, false),
        ("ReadOnlyAccess", None, false),
        ("AmazonSSMReadOnlyAccess", None, false),
    ] {
        let mut world = World::new();
        let arn = |name: &str| format!("arn:aws:iam::aws:policy/{name}");
        let request = json!({"RoleName": "start", "PolicyName": "start"});
        world.ask(iam::answer, "DeleteRolePolicy", request);
        let request = json!({"RoleName": "start", "PolicyArn": arn(policy)});
        world.ask(iam::answer, "AttachRolePolicy", request);
        if let Some(boundary) = boundary {
            let request = json!({"RoleName": "start", "PermissionsBoundary": arn(boundary)});
            world.ask(iam::answer, "PutRolePermissionsBoundary", request);
        }
        assert_eq!(world.made().outcome().is_ok(), is_started, "{policy} {boundary:?}");
    }
}

#[test]
fn a_task_whose_role_tasks_may_not_take_on_is_refused() {
    let mut world = World::new();
    let request = json!({"RoleName": "execution"});
    world.ask(iam::answer, "DeleteRole", request);
    world.role("execution", "ec2.amazonaws.com");
    let why = world.made().outcome().unwrap_err();
    let start = "ClientException: ECS was unable to assume the role \
                 'arn:aws:iam::123456789012:role/execution' that was provided for this task.";
    assert!(why.starts_with(start), "{why}");
}

#[test]
fn one_that_is_over_goes_where_it_says_so() {
    for (action, is_there) in [("NONE", true), ("DELETE", false)] {
        let mut world = World::new();
        world.schedule["ScheduleExpression"] = "at(2026-01-01T06:00:00)".into();
        world.schedule["ActionAfterCompletion"] = action.into();
        let mut world = world.made();
        world.outcome().unwrap();
        let seen = ask(&mut world.cloud, "GetSchedule", &json!({"Name": "shop"}));
        assert_eq!(seen.is_ok(), is_there, "{action}");
    }
}

#[test]
fn what_is_to_be_overridden_is() {
    let mut world = World::new();
    let overridden = json!({"containerOverrides": [{"name": "shop", "command": ["check"]}]});
    world.schedule["Target"]["Input"] = overridden.to_string().into();
    world.schedule["Target"]["EcsParameters"]["Group"] = "checks".into();
    let mut world = world.made();
    let arn = world.outcome().unwrap();
    let asked = json!({"cluster": "shop", "tasks": [arn]});
    let task = world.ask(ecs::answer, "DescribeTasks", asked)["tasks"][0].take();
    assert_eq!(task["overrides"]["containerOverrides"], overridden["containerOverrides"]);
    assert_eq!(task["group"], "checks");
}

/// The newest event of an operation.
fn event(cloud: &mut Cloud, operation: &str) -> Value {
    let by_name = json!({"AttributeKey": "EventName", "AttributeValue": operation});
    let call = Call {
        service: Service::CloudTrail,
        operation: "LookupEvents".into(),
        request: json!({"LookupAttributes": [by_name]}),
        arrived: cloud.now,
        access_key: "AKIASIMULATED".into(),
        region: cloud.region.clone(),
        user_agent: String::new(),
    };
    let events = cloudtrail::answer(cloud, &call).unwrap();
    serde_json::from_str(events["Events"][0]["CloudTrailEvent"].as_str().unwrap()).unwrap()
}

#[test]
fn the_history_says_that_the_scheduler_started_it_with_the_role() {
    let mut world = World::new().made();
    world.outcome().unwrap();
    let whole = event(&mut world.cloud, "RunTask");
    let identity = &whole["userIdentity"];
    assert_eq!(identity["type"], "AssumedRole");
    assert_eq!(identity["invokedBy"], PRINCIPAL);
    assert_eq!(identity["sessionContext"]["sessionIssuer"]["userName"], "start");
    assert_eq!(
        (&whole["sourceIPAddress"], &whole["userAgent"]),
        (&json!(PRINCIPAL), &json!(PRINCIPAL))
    );
    assert_eq!(whole["requestParameters"]["cluster"], CLUSTER);
}
