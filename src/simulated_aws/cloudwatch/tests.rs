//! Alarms over time.

use super::*;

const ARN: &str = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:shop";
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:shop";

fn cloud() -> Cloud {
    let mut cloud = Cloud::new("eu-west-1", "2026-01-01T00:00:00Z".parse().unwrap(), 7);
    let topic = json!({"Name": "shop"});
    super::super::sns::answer(&mut cloud, "CreateTopic", Parameters::new(&topic)).unwrap();
    cloud
}

fn ask(cloud: &mut Cloud, operation: &str, request: &Value) -> Answer {
    answer(cloud, operation, Parameters::new(request))
}

fn alarm(missing: &str) -> Value {
    json!({
        "AlarmName": "shop", "Namespace": "provision", "MetricName": "Drift",
        "Dimensions": [{"Name": "Severity", "Value": "high"}], "Statistic": "Maximum",
        "Period": 3600, "EvaluationPeriods": 1, "Threshold": 0.0,
        "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": missing,
        "AlarmActions": [TOPIC], "OKActions": [TOPIC],
        "Tags": [{"Key": "team", "Value": "a"}],
    })
}

fn put(cloud: &mut Cloud, value: f64) {
    let dimensions = json!([{"Name": "Severity", "Value": "high"}]);
    let datum = json!({"MetricName": "Drift", "Dimensions": dimensions, "Value": value});
    ask(cloud, "PutMetricData", &json!({"Namespace": "provision", "MetricData": [datum]})).unwrap();
}

fn minutes(cloud: &mut Cloud, minutes: u64) {
    cloud.settle(cloud.now.after(Duration::from_mins(minutes)));
}

fn told(cloud: &Cloud) -> Vec<&str> {
    cloud.sns.published("shop").iter().map(|one| one.message.as_str()).collect()
}

#[test]
fn an_alarm_tells_when_it_changes_and_only_then() {
    let mut cloud = cloud();
    ask(&mut cloud, "PutMetricAlarm", &alarm("ignore")).unwrap();
    minutes(&mut cloud, 60);
    assert_eq!(cloud.cloudwatch.state_of("shop"), Some(State::InsufficientData));
    for value in [0.0, 2.0, 3.0] {
        put(&mut cloud, value);
        minutes(&mut cloud, 70);
    }
    assert_eq!(told(&cloud), ["OK", "ALARM"]);
    put(&mut cloud, 0.0);
    minutes(&mut cloud, 5);
    assert_eq!(told(&cloud), ["OK", "ALARM", "OK"]);
}

#[test]
fn what_is_missing_counts_as_it_was_said() {
    for (missing, expected) in [
        ("breaching", State::Alarm),
        ("notBreaching", State::Ok),
        ("missing", State::InsufficientData),
        ("ignore", State::Ok),
    ] {
        let mut cloud = cloud();
        ask(&mut cloud, "PutMetricAlarm", &alarm(missing)).unwrap();
        put(&mut cloud, 0.0);
        // One period is judged, and the two before it are looked at.
        for _ in 0..2 {
            minutes(&mut cloud, 85);
            assert_eq!(cloud.cloudwatch.state_of("shop"), Some(State::Ok), "{missing}");
        }
        minutes(&mut cloud, 20);
        assert_eq!(cloud.cloudwatch.state_of("shop"), Some(expected), "{missing}");
    }
}

/// The examples of the user guide: of five periods that are looked at, three are judged.
#[test]
fn what_is_missing_counts_only_where_the_data_is_too_little() {
    use State::{Alarm, InsufficientData, Ok};
    let missings = ["missing", "ignore", "breaching", "notBreaching"];
    for (periods, expected) in [
        ("0-X-X", [Ok; 4]),
        ("0----", [Ok; 4]),
        ("-----", [InsufficientData, Ok, Alarm, Ok]),
        ("0XX-X", [Alarm; 4]),
        ("--X--", [Alarm, Ok, Alarm, Ok]),
    ] {
        for (missing, expected) in missings.into_iter().zip(expected) {
            let mut cloud = cloud();
            let mut three = alarm(missing);
            three["EvaluationPeriods"] = json!(3);
            ask(&mut cloud, "PutMetricAlarm", &three).unwrap();
            for period in periods.chars() {
                cloud.cloudwatch.alarms.get_mut("shop").unwrap().state = Ok;
                minutes(&mut cloud, 30);
                match period {
                    '0' => put(&mut cloud, 0.0),
                    'X' => put(&mut cloud, 1.0),
                    _ => {}
                }
                minutes(&mut cloud, 30);
            }
            let state = cloud.cloudwatch.state_of("shop");
            assert_eq!(state, Some(expected), "{periods} {missing}");
        }
    }
}

#[test]
fn a_second_put_changes_all_but_the_tags() {
    let mut cloud = cloud();
    ask(&mut cloud, "PutMetricAlarm", &alarm("missing")).unwrap();
    let mut other = alarm("breaching");
    other["Tags"] = json!([{"Key": "team", "Value": "b"}]);
    ask(&mut cloud, "PutMetricAlarm", &other).unwrap();
    let shown =
        ask(&mut cloud, "DescribeAlarms", &json!({"AlarmNames": ["shop", "none"]})).unwrap();
    assert_eq!(shown["MetricAlarms"][0]["TreatMissingData"], "breaching");
    assert_eq!(shown["MetricAlarms"].as_array().unwrap().len(), 1);
    let tags = ask(&mut cloud, "ListTagsForResource", &json!({"ResourceARN": ARN})).unwrap();
    assert_eq!(tags["Tags"][0]["Value"], "a");
}

#[test]
fn what_aws_refuses_is_refused() {
    let mut cloud = cloud();
    for (member, value) in [
        ("Period", json!(90)),
        ("EvaluationPeriods", json!(1000)),
        ("Statistic", json!("Median")),
        ("TreatMissingData", json!("whatever")),
        ("AlarmName", json!("a".repeat(256))),
        ("AlarmDescription", json!("d".repeat(1025))),
        ("AlarmActions", json!(vec![TOPIC; 6])),
        ("Period", json!(6_148_914_691_236_517_260_u64)),
        ("EvaluationPeriods", json!(0)),
        ("DatapointsToAlarm", json!(2)),
        ("Unit", json!("Count")),
        ("ExtendedStatistic", json!("p99")),
    ] {
        let mut odd = alarm("missing");
        odd[member] = value;
        assert_eq!(
            ask(&mut cloud, "PutMetricAlarm", &odd).unwrap_err().code,
            "ValidationError",
            "{member}"
        );
    }
    let gone = ask(&mut cloud, "DeleteAlarms", &json!({"AlarmNames": ["shop"]}));
    assert_eq!(gone.unwrap_err().code, "ResourceNotFound");
    let reserved = json!({"Namespace": "AWS/ECS", "MetricData": []});
    assert!(ask(&mut cloud, "PutMetricData", &reserved).is_err());
}

#[test]
fn alarms_are_described_in_pages() {
    let mut cloud = cloud();
    for number in 0..60 {
        let mut one = alarm("missing");
        one["AlarmName"] = format!("shop-{number:02}").into();
        ask(&mut cloud, "PutMetricAlarm", &one).unwrap();
    }
    let count = |page: &Value| page["MetricAlarms"].as_array().unwrap().len();
    let first = ask(&mut cloud, "DescribeAlarms", &json!({})).unwrap();
    let asked = json!({"NextToken": first["NextToken"]});
    let second = ask(&mut cloud, "DescribeAlarms", &asked).unwrap();
    assert_eq!((count(&first), count(&second)), (50, 10));
    assert_eq!(second["MetricAlarms"][0]["AlarmName"], "shop-50");
    assert_eq!(second["NextToken"], Value::Null);
    let whole = ask(&mut cloud, "DescribeAlarms", &json!({"MaxRecords": 100})).unwrap();
    assert_eq!((count(&whole), &whole["NextToken"]), (60, &Value::Null));
    let error = ask(&mut cloud, "DescribeAlarms", &json!({"MaxRecords": 101})).unwrap_err();
    assert_eq!(error.code, "ValidationError");
}

#[test]
fn data_are_refused_with_the_codes_that_they_have_there() {
    let mut cloud = cloud();
    cloud.settle(Moment::default().after(Duration::from_hours(24 * 20)));
    let start = 1_767_225_600;
    let day = 86_400;
    for (datum, code) in [
        (json!({"Value": "NaN"}), "InvalidParameterValue"),
        (json!({"Value": 1e300}), "InvalidParameterValue"),
        (json!({"Value": 1.0, "Values": [1.0]}), "InvalidParameterCombination"),
        (json!({"Values": [1.0]}), "InvalidParameterValue"),
        (json!({}), "MissingParameter"),
        (json!({"Value": 1.0, "Timestamp": start + 5 * day}), "InvalidParameterValue"),
        (json!({"Value": 1.0, "Timestamp": start + 21 * day}), "InvalidParameterValue"),
    ] {
        let mut datum = datum;
        datum["MetricName"] = "Drift".into();
        let asked = json!({"Namespace": "provision", "MetricData": [datum]});
        assert_eq!(ask(&mut cloud, "PutMetricData", &asked).unwrap_err().code, code, "{asked}");
    }
    let datum = json!({"MetricName": "Drift", "Value": 1.0});
    for (data, code) in [(0, "MissingParameter"), (1001, "InvalidParameterValue")] {
        let asked = json!({"Namespace": "provision", "MetricData": vec![datum.clone(); data]});
        assert_eq!(ask(&mut cloud, "PutMetricData", &asked).unwrap_err().code, code);
    }
    assert!(cloud.cloudwatch.metrics.is_empty());
}

#[test]
fn data_count_at_the_time_that_they_say() {
    let mut cloud = cloud();
    ask(&mut cloud, "PutMetricAlarm", &alarm("notBreaching")).unwrap();
    // What is said to be of the first half hour lies too far back to be looked at.
    minutes(&mut cloud, 240);
    let dimensions = json!([{"Name": "Severity", "Value": "high"}]);
    let datum = json!({"MetricName": "Drift", "Dimensions": dimensions, "Value": 1.0,
        "Timestamp": 1_767_225_600 + 30 * 60});
    let asked = json!({"Namespace": "provision", "MetricData": [datum]});
    ask(&mut cloud, "PutMetricData", &asked).unwrap();
    minutes(&mut cloud, 10);
    assert_eq!(cloud.cloudwatch.state_of("shop"), Some(State::Ok));
    put(&mut cloud, 1.0);
    minutes(&mut cloud, 10);
    assert_eq!(cloud.cloudwatch.state_of("shop"), Some(State::Alarm));
}

#[test]
fn a_short_period_is_not_missed() {
    let mut cloud = cloud();
    let mut short = alarm("notBreaching");
    short["Period"] = 60.into();
    ask(&mut cloud, "PutMetricAlarm", &short).unwrap();
    minutes(&mut cloud, 1);
    put(&mut cloud, 1.0);
    minutes(&mut cloud, 5);
    assert_eq!(told(&cloud), ["OK", "ALARM", "OK"]);
}

#[test]
fn who_is_to_hear_that_nobody_can_say_does() {
    let mut cloud = cloud();
    let mut asked = alarm("missing");
    asked["InsufficientDataActions"] = json!([TOPIC]);
    asked["DatapointsToAlarm"] = 1.into();
    ask(&mut cloud, "PutMetricAlarm", &asked).unwrap();
    put(&mut cloud, 1.0);
    minutes(&mut cloud, 200);
    assert_eq!(told(&cloud), ["ALARM", "INSUFFICIENT_DATA"]);
    let shown = ask(&mut cloud, "DescribeAlarms", &json!({})).unwrap()["MetricAlarms"][0].take();
    assert_eq!(shown["InsufficientDataActions"], json!([TOPIC]));
    assert_eq!(shown["DatapointsToAlarm"], 1);
}

#[test]
fn alarms_are_described_by_what_they_are() {
    let mut cloud = cloud();
    ask(&mut cloud, "PutMetricAlarm", &alarm("missing")).unwrap();
    for (asked, count) in [
        (json!({"StateValue": "INSUFFICIENT_DATA"}), 1),
        (json!({"StateValue": "OK"}), 0),
        (json!({"ActionPrefix": "arn:aws:sns:"}), 1),
        (json!({"ActionPrefix": "arn:aws:lambda:"}), 0),
        (json!({"AlarmTypes": ["MetricAlarm"]}), 1),
        (json!({"AlarmTypes": ["CompositeAlarm"]}), 0),
    ] {
        let shown = ask(&mut cloud, "DescribeAlarms", &asked).unwrap();
        assert_eq!(shown["MetricAlarms"].as_array().unwrap().len(), count, "{asked}");
    }
    for (asked, code) in [
        (json!({"NextToken": "odd"}), "InvalidNextToken"),
        (json!({"AlarmNames": ["a"], "AlarmNamePrefix": "a"}), "InvalidParameterCombination"),
        (json!({"StateValue": "odd"}), "ValidationError"),
        (json!({"ChildrenOfAlarmName": "shop"}), "ValidationError"),
    ] {
        assert_eq!(ask(&mut cloud, "DescribeAlarms", &asked).unwrap_err().code, code, "{asked}");
    }
}

#[test]
fn those_that_are_there_are_deleted_also_with_one_that_is_not() {
    let mut cloud = cloud();
    ask(&mut cloud, "PutMetricAlarm", &alarm("missing")).unwrap();
    let asked = json!({"AlarmNames": ["shop", "none"]});
    assert_eq!(ask(&mut cloud, "DeleteAlarms", &asked).unwrap_err().code, "ResourceNotFound");
    assert_eq!(cloud.cloudwatch.state_of("shop"), None);
    let many = json!({"AlarmNames": vec!["shop"; 101]});
    assert_eq!(ask(&mut cloud, "DeleteAlarms", &many).unwrap_err().code, "ValidationError");
}

#[test]
fn tags_are_bounded() {
    let mut cloud = cloud();
    let tags = |count: usize| -> Vec<Value> {
        (0..count).map(|number| json!({"Key": format!("k{number}"), "Value": ""})).collect()
    };
    let mut asked = alarm("missing");
    asked["Tags"] = tags(51).into();
    assert_eq!(ask(&mut cloud, "PutMetricAlarm", &asked).unwrap_err().code, "ValidationError");
    asked["Tags"] = tags(50).into();
    ask(&mut cloud, "PutMetricAlarm", &asked).unwrap();
    for tag in [json!({"Key": "other", "Value": ""}), json!({"Key": "aws:x", "Value": ""})] {
        let asked = json!({"ResourceARN": ARN, "Tags": [tag]});
        let refused = ask(&mut cloud, "TagResource", &asked).unwrap_err();
        assert_eq!(refused.code, "InvalidParameterValue", "{asked}");
    }
}
