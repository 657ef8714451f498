//! The history, asked directly and through the SDK.

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
use aws_types::SdkConfig;
use aws_types::region::Region;

use super::super::clock::Clock;
use super::super::connector::Connector;
use super::super::endpoint::{Endpoint, dispatch};
use super::super::sts::Caller;
use super::*;

fn cloud() -> Cloud {
    Cloud::new("eu-west-1", "2026-01-01T00:00:00Z".parse().unwrap(), 7)
}

fn call(service: Service, operation: &str, request: Value) -> Call {
    Call {
        service,
        operation: operation.into(),
        request,
        arrived: Moment::default(),
        access_key: "AKIAALICE".into(),
        region: "eu-west-1".into(),
        user_agent: "aws-cli/2".into(),
    }
}

fn done(cloud: &mut Cloud, service: Service, operation: &str, request: Value) -> Answer {
    dispatch(cloud, &call(service, operation, request))
}

/// Lets so many minutes pass.
fn wait(cloud: &mut Cloud, minutes: u64) {
    let now = cloud.now.after(Duration::from_mins(minutes));
    cloud.settle(now);
}

fn looked_up(cloud: &mut Cloud, request: Value) -> Vec<String> {
    let answer = done(cloud, Service::CloudTrail, "LookupEvents", request).unwrap();
    names(&answer)
}

fn names(answer: &Value) -> Vec<String> {
    let events = answer["Events"].as_array().unwrap().iter();
    events.map(|event| event["EventName"].as_str().unwrap().to_owned()).collect()
}

fn by(key: &str, value: &str) -> Value {
    json!({"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]})
}

fn refusal(cloud: &mut Cloud, request: Value) -> String {
    done(cloud, Service::CloudTrail, "LookupEvents", request).unwrap_err().code
}

#[test]
fn an_event_is_known_some_minutes_after_its_call_and_for_ninety_days() {
    let mut cloud = cloud();
    let group = json!({"logGroupName": "/a"});
    done(&mut cloud, Service::Logs, "CreateLogGroup", group.clone()).unwrap();
    done(&mut cloud, Service::Logs, "DescribeLogGroups", json!({})).unwrap();
    assert_eq!(looked_up(&mut cloud, json!({})), [""; 0], "too soon");
    wait(&mut cloud, 8);
    assert_eq!(looked_up(&mut cloud, json!({})), ["CreateLogGroup"], "reads are none");
    wait(&mut cloud, 90 * 24 * 60);
    assert_eq!(looked_up(&mut cloud, json!({})), [""; 0]);
}

#[test]
fn events_are_found_by_each_attribute() {
    let mut cloud = cloud();
    cloud.sts.furnish("AKIAALICE", Caller::User("alice".into()));
    let vpc = done(&mut cloud, Service::Ec2, "CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}));
    let vpc = vpc.unwrap()["vpc"]["vpcId"].as_str().unwrap().to_owned();
    done(&mut cloud, Service::Logs, "CreateLogGroup", json!({"logGroupName": "/a"})).unwrap();
    wait(&mut cloud, 8);
    for (key, value) in [
        ("EventName", "CreateVpc"),
        ("EventSource", "ec2.amazonaws.com"),
        ("ResourceName", vpc.as_str()),
        ("ResourceType", "AWS::EC2::VPC"),
    ] {
        assert_eq!(looked_up(&mut cloud, by(key, value)), ["CreateVpc"], "{key}");
    }
    for (key, value) in [("Username", "alice"), ("AccessKeyId", "AKIAALICE"), ("ReadOnly", "false")]
    {
        let newest_first = ["CreateLogGroup", "CreateVpc"];
        assert_eq!(looked_up(&mut cloud, by(key, value)), newest_first, "{key}");
    }
    assert_eq!(looked_up(&mut cloud, by("Username", "bob")), [""; 0]);
}

#[test]
fn a_refused_call_is_an_event_with_its_error() {
    let mut cloud = cloud();
    let group = json!({"logGroupName": "/none"});
    done(&mut cloud, Service::Logs, "DeleteLogGroup", group).unwrap_err();
    wait(&mut cloud, 8);
    let answer = done(&mut cloud, Service::CloudTrail, "LookupEvents", json!({})).unwrap();
    let whole = answer["Events"][0]["CloudTrailEvent"].as_str().unwrap();
    let whole: Value = serde_json::from_str(whole).unwrap();
    assert_eq!(whole["errorCode"], "ResourceNotFoundException");
    assert_eq!(whole["requestParameters"]["logGroupName"], "/none");
    assert_eq!(whole["responseElements"], Value::Null);
}

#[test]
fn events_of_iam_are_in_one_region_alone() {
    let mut cloud = cloud();
    let role = json!({"RoleName": "r", "AssumeRolePolicyDocument":
        "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \
         \"Principal\": {\"Service\": \"ec2.amazonaws.com\"}, \"Action\": \"sts:AssumeRole\"}]}"});
    done(&mut cloud, Service::Iam, "CreateRole", role).unwrap();
    wait(&mut cloud, 8);
    assert_eq!(looked_up(&mut cloud, json!({})), [""; 0]);
    let mut elsewhere = call(Service::CloudTrail, "LookupEvents", by("ResourceName", "r"));
    elsewhere.region = "us-east-1".into();
    assert_eq!(names(&dispatch(&mut cloud, &elsewhere).unwrap()), ["CreateRole"]);
}

#[test]
fn no_event_has_a_secret() {
    let mut cloud = cloud();
    let secret = json!({"Name": "s", "SecretString": "hush"});
    done(&mut cloud, Service::SecretsManager, "CreateSecret", secret).unwrap();
    let parameter = json!({"Name": "/p", "Value": "hush", "Type": "SecureString"});
    done(&mut cloud, Service::Ssm, "PutParameter", parameter).unwrap();
    let kept = serde_json::to_string(&cloud).unwrap();
    assert!(kept.contains(HIDDEN) && !kept.contains("hush"), "{kept}");
}

#[test]
fn what_is_asked_wrongly_is_refused() {
    let mut cloud = cloud();
    let two = json!({"LookupAttributes": [
        {"AttributeKey": "EventName", "AttributeValue": "a"},
        {"AttributeKey": "EventName", "AttributeValue": "b"},
    ]});
    assert_eq!(refusal(&mut cloud, two), "InvalidLookupAttributesException");
    assert_eq!(refusal(&mut cloud, by("Colour", "red")), "InvalidLookupAttributesException");
    let backwards = json!({"StartTime": 2.0, "EndTime": 1.0});
    assert_eq!(refusal(&mut cloud, backwards), "InvalidTimeRangeException");
    assert_eq!(refusal(&mut cloud, json!({"MaxResults": 51})), "InvalidMaxResultsException");
    assert_eq!(refusal(&mut cloud, json!({"NextToken": "abcd"})), "InvalidNextTokenException");
    let category = json!({"EventCategory": "data"});
    assert_eq!(refusal(&mut cloud, category), "InvalidEventCategoryException");
}

#[test]
fn events_come_in_pages_whose_tokens_count_for_one_question() {
    let mut cloud = cloud();
    for number in 0..5 {
        let group = json!({"logGroupName": format!("/{number}")});
        done(&mut cloud, Service::Logs, "CreateLogGroup", group).unwrap();
    }
    wait(&mut cloud, 8);
    let mut request = by("EventName", "CreateLogGroup");
    request["MaxResults"] = json!(2);
    let mut seen = Vec::new();
    loop {
        let page = done(&mut cloud, Service::CloudTrail, "LookupEvents", request.clone()).unwrap();
        let events = page["Events"].as_array().unwrap().clone();
        seen.extend(events.iter().map(|event| event["EventId"].to_string()));
        if page["NextToken"].is_null() {
            break;
        }
        request["NextToken"] = page["NextToken"].clone();
    }
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (5, 5));
    request["LookupAttributes"][0]["AttributeValue"] = json!("CreateVpc");
    assert_eq!(refusal(&mut cloud, request), "InvalidNextTokenException");
}

#[test]
fn only_so_many_events_are_kept_the_newest() {
    let mut cloud = cloud();
    for number in 0..=MOST_EVENTS {
        let group = json!({"logGroupName": format!("/{number}")});
        done(&mut cloud, Service::Logs, "CreateLogGroup", group).unwrap();
    }
    let events = &cloud.cloudtrail.events;
    assert_eq!((events.len(), events.front().unwrap().number), (MOST_EVENTS, 1));
}

#[tokio::test(start_paused = true)]
async fn the_sdk_reads_an_event_as_it_was_made() {
    let mut cloud = cloud();
    let role = Caller::Role { role: "Admin".into(), session: "bob".into() };
    cloud.sts.furnish("ASIABOB", role);
    let endpoint = Arc::new(Endpoint::new(cloud, Clock::starting_at(Moment::default(), 1.0)));
    let credentials = Credentials::new("ASIABOB", "secret", None, None, "simulated");
    let config = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(Connector::new(Arc::clone(&endpoint)))
        .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
        .build();
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config);
    logs.create_log_group().log_group_name("/a").send().await.unwrap();
    tokio::time::sleep(Duration::from_mins(8)).await;
    let attribute = LookupAttribute::builder()
        .attribute_key(LookupAttributeKey::EventName)
        .attribute_value("CreateLogGroup");
    let found = aws_sdk_cloudtrail::Client::new(&config)
        .lookup_events()
        .lookup_attributes(attribute.build().unwrap())
        .send()
        .await
        .unwrap();
    let [event] = found.events() else { panic!("{found:?}") };
    assert_eq!(event.username(), Some("bob"));
    assert_eq!(event.access_key_id(), Some("ASIABOB"));
    assert_eq!(event.event_time().unwrap().secs(), 1_767_225_600);
    let whole: Value = serde_json::from_str(event.cloud_trail_event().unwrap()).unwrap();
    assert_eq!(whole["userIdentity"]["type"], "AssumedRole");
    assert!(whole["userAgent"].as_str().unwrap().contains("api/cloudwatchlogs"), "{whole}");
}
