use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_cloudwatchlogs::config::{BehaviorVersion, Region};
use aws_sdk_cloudwatchlogs::types::{InputLogEvent, LogGroupClass};
use serde_json::{Value, json};

use super::{answer, log_group_exists, put_log_line};
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::connector::Connector;
use crate::simulated_aws::wire::{Answer, Parameters};
use crate::simulated_aws::{Clock, Cloud, Endpoint};

const EPOCH_MS: i64 = 1_767_225_600_000;

fn cloud() -> Cloud {
    Cloud::new("eu-west-1", "2026-01-01T00:00:00Z".parse().unwrap(), 7)
}

fn ask(cloud: &mut Cloud, operation: &str, request: &Value) -> Answer {
    answer(cloud, operation, Parameters::new(request))
}

fn create(cloud: &mut Cloud, name: &str) {
    ask(cloud, "CreateLogGroup", &json!({"logGroupName": name})).unwrap();
}

fn code(answer: Answer) -> String {
    answer.unwrap_err().code
}

fn members(list: &Value, name: &str) -> Vec<Value> {
    list.as_array().unwrap().iter().map(|item| item[name].clone()).collect()
}

#[test]
fn a_prefix_finds_siblings_before_the_group_itself() {
    let mut cloud = cloud();
    for name in ["/ecs/shop", "/ecs/shop-two", "/ecs/shop/db", "/ecs/other"] {
        create(&mut cloud, name);
    }
    let request = json!({"logGroupNamePrefix": "/ecs/shop", "limit": 2});
    let first = ask(&mut cloud, "DescribeLogGroups", &request).unwrap();
    assert_eq!(members(&first["logGroups"], "logGroupName"), ["/ecs/shop-two", "/ecs/shop/db"]);
    let request = json!({"logGroupNamePrefix": "/ecs/shop", "nextToken": first["nextToken"]});
    let second = ask(&mut cloud, "DescribeLogGroups", &request).unwrap();
    assert_eq!(members(&second["logGroups"], "logGroupName"), ["/ecs/shop"]);
    assert_eq!(second["nextToken"], Value::Null);
}

#[test]
fn a_page_holds_fifty_groups_at_most() {
    let mut cloud = cloud();
    for number in 0..51 {
        create(&mut cloud, &format!("group-{number}"));
    }
    let page = ask(&mut cloud, "DescribeLogGroups", &json!({})).unwrap();
    assert_eq!(page["logGroups"].as_array().unwrap().len(), 50);
    assert!(page["nextToken"].is_string());
    let refused = ask(&mut cloud, "DescribeLogGroups", &json!({"limit": 51}));
    assert_eq!(code(refused), "InvalidParameterException");
}

#[test]
fn a_second_group_of_the_same_name_is_refused() {
    let mut cloud = cloud();
    create(&mut cloud, "/ecs/shop");
    let refused = ask(&mut cloud, "CreateLogGroup", &json!({"logGroupName": "/ecs/shop"}));
    assert_eq!(code(refused), "ResourceAlreadyExistsException");
}

#[test]
fn names_that_aws_does_not_take_are_refused() {
    let mut cloud = cloud();
    for name in ["", "with space", "aws/mine", &"x".repeat(513)] {
        let refused = ask(&mut cloud, "CreateLogGroup", &json!({"logGroupName": name}));
        assert_eq!(code(refused), "InvalidParameterException", "{name}");
    }
}

#[test]
fn only_some_retentions_are_allowed_and_none_means_for_ever() {
    let mut cloud = cloud();
    create(&mut cloud, "g");
    let put = |days: i64| json!({"logGroupName": "g", "retentionInDays": days});
    assert_eq!(code(ask(&mut cloud, "PutRetentionPolicy", &put(10))), "InvalidParameterException");
    ask(&mut cloud, "PutRetentionPolicy", &put(14)).unwrap();
    let read = |cloud: &mut Cloud| {
        ask(cloud, "DescribeLogGroups", &json!({})).unwrap()["logGroups"][0]["retentionInDays"]
            .clone()
    };
    assert_eq!(read(&mut cloud), json!(14));
    ask(&mut cloud, "DeleteRetentionPolicy", &json!({"logGroupName": "g"})).unwrap();
    assert_eq!(read(&mut cloud), Value::Null);
}

#[test]
fn the_retention_of_a_delivery_group_is_fixed() {
    let mut cloud = cloud();
    let request = json!({"logGroupName": "g", "logGroupClass": "DELIVERY"});
    ask(&mut cloud, "CreateLogGroup", &request).unwrap();
    let put = json!({"logGroupName": "g", "retentionInDays": 14});
    assert_eq!(code(ask(&mut cloud, "PutRetentionPolicy", &put)), "InvalidParameterException");
}

#[test]
fn a_protected_group_stays() {
    let mut cloud = cloud();
    let request = json!({"logGroupName": "g", "deletionProtectionEnabled": true});
    ask(&mut cloud, "CreateLogGroup", &request).unwrap();
    let delete = json!({"logGroupName": "g"});
    assert_eq!(code(ask(&mut cloud, "DeleteLogGroup", &delete)), "ValidationException");
    let lift = json!({"logGroupIdentifier": "g", "deletionProtectionEnabled": false});
    ask(&mut cloud, "PutLogGroupDeletionProtection", &lift).unwrap();
    ask(&mut cloud, "DeleteLogGroup", &delete).unwrap();
    assert!(!log_group_exists(&cloud, "g"));
    assert_eq!(code(ask(&mut cloud, "DeleteLogGroup", &delete)), "ResourceNotFoundException");
}

#[test]
fn tags_want_the_arn_without_its_star() {
    let mut cloud = cloud();
    create(&mut cloud, "g");
    let group = ask(&mut cloud, "DescribeLogGroups", &json!({})).unwrap()["logGroups"][0].clone();
    let with_star = json!({"resourceArn": group["arn"]});
    assert_eq!(
        code(ask(&mut cloud, "ListTagsForResource", &with_star)),
        "InvalidParameterException"
    );
    let without = json!({"resourceArn": group["logGroupArn"]});
    assert_eq!(ask(&mut cloud, "ListTagsForResource", &without).unwrap(), json!({"tags": {}}));
}

#[test]
fn a_line_for_a_group_that_does_not_exist_is_lost() {
    let mut cloud = cloud();
    put_log_line(&mut cloud, "gone", "app/1", "hello");
    assert!(!log_group_exists(&cloud, "gone"));
}

#[test]
fn readers_follow_a_stream_by_its_forward_token() {
    let mut cloud = cloud();
    create(&mut cloud, "g");
    let read = |cloud: &mut Cloud, token: &Value| {
        let request = json!({
            "logGroupName": "g", "logStreamName": "s", "startFromHead": true, "limit": 2,
            "nextToken": token,
        });
        let page = ask(cloud, "GetLogEvents", &request).unwrap();
        (members(&page["events"], "message"), page["nextForwardToken"].clone())
    };
    for text in ["one", "two", "three"] {
        put_log_line(&mut cloud, "g", "s", text);
    }
    let (texts, token) = read(&mut cloud, &Value::Null);
    assert_eq!(texts, ["one", "two"]);
    let (texts, token) = read(&mut cloud, &token);
    assert_eq!(texts, ["three"]);
    let (texts, end) = read(&mut cloud, &token);
    assert_eq!((texts.len(), &end), (0, &token));
    cloud.settle(Moment(0).after(Duration::from_secs(1)));
    put_log_line(&mut cloud, "g", "s", "four");
    assert_eq!(read(&mut cloud, &end).0, ["four"]);
}

#[test]
fn without_a_token_the_newest_lines_come() {
    let mut cloud = cloud();
    create(&mut cloud, "g");
    for text in ["one", "two", "three"] {
        put_log_line(&mut cloud, "g", "s", text);
    }
    let request = json!({"logGroupName": "g", "logStreamName": "s", "limit": 2});
    let newest = ask(&mut cloud, "GetLogEvents", &request).unwrap();
    assert_eq!(members(&newest["events"], "message"), ["two", "three"]);
    let request = json!({
        "logGroupName": "g", "logStreamName": "s", "limit": 2,
        "nextToken": newest["nextBackwardToken"],
    });
    let older = ask(&mut cloud, "GetLogEvents", &request).unwrap();
    assert_eq!(members(&older["events"], "message"), ["one"]);
}

#[test]
fn a_search_goes_through_all_streams_in_the_order_of_time() {
    let mut cloud = cloud();
    create(&mut cloud, "g");
    for (second, stream) in [(1, "b"), (2, "a"), (3, "b")] {
        cloud.settle(Moment(0).after(Duration::from_secs(second)));
        put_log_line(&mut cloud, "g", stream, &format!("ERROR {second}"));
        put_log_line(&mut cloud, "g", stream, &format!("INFO {second}"));
    }
    let request =
        json!({"logGroupName": "g", "filterPattern": "ERROR", "startTime": EPOCH_MS + 2000});
    let found = ask(&mut cloud, "FilterLogEvents", &request).unwrap();
    assert_eq!(members(&found["events"], "message"), ["ERROR 2", "ERROR 3"]);
    assert_eq!(members(&found["events"], "logStreamName"), ["a", "b"]);
}

#[test]
fn lines_of_a_batch_must_be_in_order_and_of_these_days() {
    let mut cloud = cloud();
    create(&mut cloud, "g");
    let stream = json!({"logGroupName": "g", "logStreamName": "s"});
    ask(&mut cloud, "CreateLogStream", &stream).unwrap();
    let batch = |times: &[i64]| {
        let lines: Vec<Value> =
            times.iter().map(|at| json!({"timestamp": at, "message": "m"})).collect();
        json!({"logGroupName": "g", "logStreamName": "s", "logEvents": lines})
    };
    let unordered = ask(&mut cloud, "PutLogEvents", &batch(&[EPOCH_MS, EPOCH_MS - 1]));
    assert_eq!(code(unordered), "InvalidParameterException");
    let day_ms = 24 * 3600 * 1000;
    let times = [EPOCH_MS - 15 * day_ms, EPOCH_MS, EPOCH_MS + day_ms];
    let taken = ask(&mut cloud, "PutLogEvents", &batch(&times)).unwrap();
    let rejected = json!({"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2});
    assert_eq!(taken["rejectedLogEventsInfo"], rejected);
    let read = ask(&mut cloud, "GetLogEvents", &stream).unwrap();
    assert_eq!(members(&read["events"], "timestamp"), [EPOCH_MS]);
}

#[tokio::test(start_paused = true)]
async fn the_sdk_reads_the_life_of_a_log_group() {
    let endpoint = Endpoint::new(cloud(), Clock::starting_at(Moment::default(), 1.0));
    let config = aws_sdk_cloudwatchlogs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("AKIASIMULATED", "secret", None, None, "simulated"))
        .http_client(Connector::new(Arc::new(endpoint)))
        .build();
    let logs = aws_sdk_cloudwatchlogs::Client::from_conf(config);

    let create = || logs.create_log_group().log_group_name("/ecs/shop");
    create().tags("provision:stack", "shop").send().await.unwrap();
    let again = create().send().await.unwrap_err();
    assert!(again.as_service_error().unwrap().is_resource_already_exists_exception());
    logs.put_retention_policy()
        .log_group_name("/ecs/shop")
        .retention_in_days(30)
        .send()
        .await
        .unwrap();

    let described = logs.describe_log_groups().log_group_name_prefix("/ecs").send().await.unwrap();
    let group = &described.log_groups()[0];
    assert_eq!(group.log_group_name(), Some("/ecs/shop"));
    assert_eq!(group.retention_in_days(), Some(30));
    assert_eq!(group.arn(), Some("arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/shop:*"));
    assert_eq!(group.log_group_class(), Some(&LogGroupClass::Standard));
    let arn = group.log_group_arn().unwrap();

    logs.tag_resource().resource_arn(arn).tags("team", "orders").send().await.unwrap();
    logs.untag_resource().resource_arn(arn).tag_keys("provision:stack").send().await.unwrap();
    let tags = logs.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    assert_eq!(tags.tags(), Some(&HashMap::from([("team".to_owned(), "orders".to_owned())])));

    let stream = "app/app/0123456789abcdef";
    logs.create_log_stream()
        .log_group_name("/ecs/shop")
        .log_stream_name(stream)
        .send()
        .await
        .unwrap();
    let line = InputLogEvent::builder().timestamp(EPOCH_MS).message("hello").build().unwrap();
    logs.put_log_events()
        .log_group_name("/ecs/shop")
        .log_stream_name(stream)
        .log_events(line)
        .send()
        .await
        .unwrap();
    let streams = logs.describe_log_streams().log_group_name("/ecs/shop").send().await.unwrap();
    assert_eq!(streams.log_streams()[0].last_event_timestamp(), Some(EPOCH_MS));
    let read = logs
        .get_log_events()
        .log_group_name("/ecs/shop")
        .log_stream_name(stream)
        .send()
        .await
        .unwrap();
    assert_eq!(read.events()[0].message(), Some("hello"));
    let found = logs
        .filter_log_events()
        .log_group_name("/ecs/shop")
        .filter_pattern("hello")
        .send()
        .await
        .unwrap();
    assert_eq!(found.events()[0].log_stream_name(), Some(stream));

    logs.delete_log_group().log_group_name("/ecs/shop").send().await.unwrap();
    let gone = logs.delete_log_group().log_group_name("/ecs/shop").send().await.unwrap_err();
    assert!(gone.as_service_error().unwrap().is_resource_not_found_exception());
}
