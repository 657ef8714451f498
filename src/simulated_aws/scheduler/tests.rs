//! Schedules over time.

use std::time::Duration;

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
    for odd in ["rate(1 fortnight)", "cron(0 6 * * *)", "hourly"] {
        let refused = ask(&mut cloud, "CreateSchedule", &schedule(odd)).unwrap_err();
        assert_eq!(refused.code, "ValidationException", "{odd}");
    }
    let mut elsewhere = schedule("rate(1 hour)");
    elsewhere["GroupName"] = "mine".into();
    let refused = ask(&mut cloud, "CreateSchedule", &elsewhere).unwrap_err();
    assert_eq!(refused.code, "ResourceNotFoundException");
}
