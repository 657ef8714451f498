//! The room around a service that runs in the ECS room.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_applicationautoscaling::Client;
use aws_sdk_applicationautoscaling::config::{BehaviorVersion, Config, Region};
use aws_sdk_applicationautoscaling::types::{
    MetricType, PolicyType, PredefinedMetricSpecification, ScalableDimension, ServiceNamespace,
    TargetTrackingScalingPolicyConfiguration,
};
use serde_json::{Value, json};

use super::super::clock::{Clock, Moment};
use super::super::cloud::Cloud;
use super::super::connector::Connector;
use super::super::ecs::api;
use super::super::endpoint::{Call, Endpoint};
use super::super::wire::{Parameters, Service, parse_form};
use super::super::{autoscaling, cloudtrail, ec2, ecs};

const SERVICE: &str = "service/main/app";

/// A cloud with a service `app` of one task in a cluster `main`.
fn cloud() -> Cloud {
    let mut cloud = Cloud::new("eu-west-1", "2026-01-01T00:00:00Z".parse().unwrap(), 7);
    let vpc = ec2(&mut cloud, "CreateVpc", "CidrBlock=10.0.0.0/16");
    let vpc = vpc["vpc"]["vpcId"].as_str().unwrap();
    let subnet = ec2(&mut cloud, "CreateSubnet", &format!("VpcId={vpc}&CidrBlock=10.0.0.0/24"));
    ecs(&mut cloud, "CreateCluster", &json!({"clusterName": "main"}));
    let definition = json!({
        "family": "app", "cpu": "256", "memory": "512", "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [{"name": "app", "image": "example/app:1"}],
    });
    ecs(&mut cloud, "RegisterTaskDefinition", &definition);
    let subnets = json!({"subnets": [subnet["subnet"]["subnetId"]]});
    let service = json!({
        "cluster": "main", "serviceName": "app", "taskDefinition": "app", "desiredCount": 1,
        "launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": subnets},
    });
    ecs(&mut cloud, "CreateService", &service);
    cloud
}

fn ec2(cloud: &mut Cloud, operation: &str, form: &str) -> Value {
    ec2::answer(cloud, operation, Parameters::new(&parse_form(form.as_bytes()))).unwrap()
}

fn ecs(cloud: &mut Cloud, operation: &str, request: &Value) -> Value {
    ecs::answer(cloud, operation, Parameters::new(request)).unwrap()
}

/// A request about the service, with further members.
fn about(mut members: Value) -> Value {
    members["ServiceNamespace"] = json!("ecs");
    members["ResourceId"] = json!(SERVICE);
    members["ScalableDimension"] = json!("ecs:service:DesiredCount");
    members
}

fn done(cloud: &mut Cloud, operation: &str, members: Value) -> Value {
    let request = about(members);
    autoscaling::answer(cloud, operation, Parameters::new(&request))
        .unwrap_or_else(|error| panic!("{operation} {request}: {error:?}"))
}

fn refused(cloud: &mut Cloud, operation: &str, members: Value) -> (String, String) {
    let request = about(members);
    match autoscaling::answer(cloud, operation, Parameters::new(&request)) {
        Ok(answer) => panic!("{operation} {request} was not refused: {answer}"),
        Err(error) => (error.code, error.message),
    }
}

fn wait(cloud: &mut Cloud, seconds: u64) {
    let later = cloud.now.after(Duration::from_secs(seconds));
    cloud.settle(later);
}

fn count(cloud: &Cloud) -> Option<i64> {
    api::desired_count(cloud, "main", "app")
}

fn targets(cloud: &mut Cloud) -> Value {
    let request = json!({"ServiceNamespace": "ecs", "ResourceIds": [SERVICE]});
    autoscaling::answer(cloud, "DescribeScalableTargets", Parameters::new(&request)).unwrap()
        ["ScalableTargets"]
        .clone()
}

fn holding(metric: &str, value: f64) -> Value {
    json!({
        "PolicyName": metric,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": value,
            "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
        },
    })
}

#[test]
fn a_count_out_of_bounds_is_moved_into_them() {
    let mut cloud = cloud();
    done(&mut cloud, "RegisterScalableTarget", json!({"MinCapacity": 2, "MaxCapacity": 4}));
    assert_eq!(count(&cloud), Some(1));
    wait(&mut cloud, 60);
    assert_eq!(count(&cloud), Some(2));
    done(&mut cloud, "RegisterScalableTarget", json!({"MinCapacity": 1, "MaxCapacity": 1}));
    wait(&mut cloud, 60);
    assert_eq!(count(&cloud), Some(1));
}

#[test]
fn the_history_says_who_moved_a_count() {
    let mut cloud = cloud();
    done(&mut cloud, "RegisterScalableTarget", json!({"MinCapacity": 2, "MaxCapacity": 4}));
    wait(&mut cloud, 600);
    let call = Call {
        service: Service::CloudTrail,
        operation: "LookupEvents".into(),
        request: json!({}),
        arrived: cloud.now,
        access_key: "AKIASIMULATED".into(),
        region: cloud.region.clone(),
        user_agent: String::new(),
    };
    let events = cloudtrail::answer(&mut cloud, &call).unwrap()["Events"].take();
    assert_eq!(events[0]["EventName"], "UpdateService");
    let whole = events[0]["CloudTrailEvent"].as_str().unwrap();
    let whole: Value = serde_json::from_str(whole).unwrap();
    let service = "ecs.application-autoscaling.amazonaws.com";
    assert_eq!(whole["userIdentity"]["invokedBy"], service);
    assert_eq!(whole["requestParameters"]["desiredCount"], 2);
}

#[test]
fn a_second_registration_keeps_what_it_does_not_name() {
    let mut cloud = cloud();
    let first = json!({
        "MinCapacity": 1, "MaxCapacity": 4, "RoleARN": "arn:aws:iam::123456789012:role/own",
        "SuspendedState": {"DynamicScalingInSuspended": true},
    });
    let arn = done(&mut cloud, "RegisterScalableTarget", first);
    assert_eq!(done(&mut cloud, "RegisterScalableTarget", json!({"MaxCapacity": 6})), arn);
    let target = targets(&mut cloud)[0].clone();
    assert_eq!((&target["MinCapacity"], &target["MaxCapacity"]), (&json!(1), &json!(6)));
    assert_eq!(target["SuspendedState"]["DynamicScalingInSuspended"], json!(true));
    let role = target["RoleARN"].as_str().unwrap();
    assert!(role.ends_with("AWSServiceRoleForApplicationAutoScaling_ECSService"));
}

#[test]
fn tags_are_refused_for_a_target_that_stands() {
    let mut cloud = cloud();
    let bounds = json!({"MinCapacity": 1, "MaxCapacity": 4, "Tags": {"stack": "shop"}});
    let arn =
        done(&mut cloud, "RegisterScalableTarget", bounds.clone())["ScalableTargetARN"].clone();
    let (code, message) = refused(&mut cloud, "RegisterScalableTarget", bounds);
    assert_eq!(code, "ValidationException");
    assert!(message.contains("already exists. To update tags") && message.contains("TagResource"));

    let add = json!({"ResourceARN": arn, "Tags": {"owner": "me"}});
    done(&mut cloud, "TagResource", add);
    done(&mut cloud, "UntagResource", json!({"ResourceARN": arn, "TagKeys": ["stack"]}));
    let tags = done(&mut cloud, "ListTagsForResource", json!({"ResourceARN": arn}));
    assert_eq!(tags["Tags"], json!({"owner": "me"}));
}

#[test]
fn bounds_must_make_sense_and_the_service_exist() {
    let mut cloud = cloud();
    for wrong in [
        json!({"MinCapacity": 1}),
        json!({"MinCapacity": 3, "MaxCapacity": 2}),
        json!({"MinCapacity": -1, "MaxCapacity": 2}),
    ] {
        let (code, _) = refused(&mut cloud, "RegisterScalableTarget", wrong);
        assert_eq!(code, "ValidationException");
    }
    ecs(&mut cloud, "DeleteService", &json!({"cluster": "main", "service": "app", "force": true}));
    let bounds = json!({"MinCapacity": 1, "MaxCapacity": 2});
    let (_, message) = refused(&mut cloud, "RegisterScalableTarget", bounds);
    assert!(message.contains("ECS service doesn't exist"));
}

#[test]
fn a_policy_needs_a_target_and_goes_with_it() {
    let mut cloud = cloud();
    let cpu = || holding("ECSServiceAverageCPUUtilization", 60.0);
    let (code, message) = refused(&mut cloud, "PutScalingPolicy", cpu());
    assert_eq!(code, "ObjectNotFoundException");
    assert!(message.contains("No scalable target registered"));

    done(&mut cloud, "RegisterScalableTarget", json!({"MinCapacity": 1, "MaxCapacity": 4}));
    let made = done(&mut cloud, "PutScalingPolicy", cpu());
    assert_eq!(made["Alarms"].as_array().unwrap().len(), 2);
    let again = holding("ECSServiceAverageCPUUtilization", 70.0);
    let again = done(&mut cloud, "PutScalingPolicy", again);
    assert_eq!(again["PolicyARN"], made["PolicyARN"]);

    let mut twin = cpu();
    twin["PolicyName"] = json!("twin");
    assert_eq!(refused(&mut cloud, "PutScalingPolicy", twin).0, "ValidationException");
    let unlabelled = holding("ALBRequestCountPerTarget", 100.0);
    assert_eq!(refused(&mut cloud, "PutScalingPolicy", unlabelled).0, "ValidationException");

    done(&mut cloud, "DeregisterScalableTarget", json!({}));
    let listed = json!({"ServiceNamespace": "ecs"});
    let listed =
        autoscaling::answer(&mut cloud, "DescribeScalingPolicies", Parameters::new(&listed));
    assert_eq!(listed.unwrap()["ScalingPolicies"], json!([]));
    let (code, _) = refused(&mut cloud, "DeregisterScalableTarget", json!({}));
    assert_eq!(code, "ObjectNotFoundException");
}

#[test]
fn a_deleted_service_takes_its_target_along() {
    let mut cloud = cloud();
    done(&mut cloud, "RegisterScalableTarget", json!({"MinCapacity": 1, "MaxCapacity": 4}));
    ecs(&mut cloud, "DeleteService", &json!({"cluster": "main", "service": "app", "force": true}));
    wait(&mut cloud, 600);
    assert_eq!(targets(&mut cloud), json!([]));
}

#[test]
fn a_scheduled_action_moves_the_bounds_behind_everyones_back() {
    let mut cloud = cloud();
    done(&mut cloud, "RegisterScalableTarget", json!({"MinCapacity": 1, "MaxCapacity": 4}));
    let action = json!({
        "ScheduledActionName": "morning",
        "Schedule": "at(2026-01-01T08:00:00)",
        "ScalableTargetAction": {"MinCapacity": 3},
    });
    done(&mut cloud, "PutScheduledAction", action);
    wait(&mut cloud, 8 * 60 * 60 - 1);
    assert_eq!(targets(&mut cloud)[0]["MinCapacity"], json!(1));
    wait(&mut cloud, 61);
    assert_eq!(targets(&mut cloud)[0]["MinCapacity"], json!(3));
    assert_eq!(count(&cloud), Some(3));

    let cron = json!({
        "ScheduledActionName": "evening",
        "Schedule": "cron(0 18 * * ? *)",
        "ScalableTargetAction": {"MinCapacity": 1},
    });
    assert_eq!(refused(&mut cloud, "PutScheduledAction", cron).0, "ValidationException");
    done(&mut cloud, "DeleteScheduledAction", json!({"ScheduledActionName": "morning"}));
    let gone = json!({"ScheduledActionName": "morning"});
    assert_eq!(refused(&mut cloud, "DeleteScheduledAction", gone).0, "ObjectNotFoundException");
}

#[test]
fn an_action_at_a_rate_comes_again_and_again() {
    let mut cloud = cloud();
    done(&mut cloud, "RegisterScalableTarget", json!({"MinCapacity": 1, "MaxCapacity": 4}));
    let action = json!({
        "ScheduledActionName": "hourly",
        "Schedule": "rate(1 hour)",
        "ScalableTargetAction": {"MaxCapacity": 2},
    });
    done(&mut cloud, "PutScheduledAction", action);
    for _ in 0..2 {
        wait(&mut cloud, 60 * 60);
        assert_eq!(targets(&mut cloud)[0]["MaxCapacity"], json!(2));
        done(&mut cloud, "RegisterScalableTarget", json!({"MaxCapacity": 4}));
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_and_its_policy_live_through_the_sdk() {
    let endpoint = Arc::new(Endpoint::new(cloud(), Clock::starting_at(Moment(0), 1.0)));
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("AKIASIMULATED", "secret", None, None, "simulated"))
        .http_client(Connector::new(Arc::clone(&endpoint)))
        .build();
    let client = Client::from_conf(config);
    let namespace = ServiceNamespace::Ecs;
    let dimension = ScalableDimension::EcsServiceDesiredCount;

    let registered = client
        .register_scalable_target()
        .service_namespace(namespace.clone())
        .resource_id(SERVICE)
        .scalable_dimension(dimension.clone())
        .min_capacity(2)
        .max_capacity(6)
        .tags("stack", "shop")
        .send()
        .await
        .unwrap();
    let described = client
        .describe_scalable_targets()
        .service_namespace(namespace.clone())
        .resource_ids(SERVICE)
        .send()
        .await
        .unwrap();
    let target = &described.scalable_targets()[0];
    assert_eq!((target.min_capacity(), target.max_capacity()), (2, 6));
    assert_eq!(target.scalable_target_arn(), registered.scalable_target_arn());
    assert_eq!(target.creation_time().secs(), 1_767_225_600);

    let metric = PredefinedMetricSpecification::builder()
        .predefined_metric_type(MetricType::EcsServiceAverageCpuUtilization)
        .build()
        .unwrap();
    let configuration = TargetTrackingScalingPolicyConfiguration::builder()
        .target_value(60.0)
        .predefined_metric_specification(metric)
        .scale_in_cooldown(120)
        .build()
        .unwrap();
    let put = client
        .put_scaling_policy()
        .policy_name("cpu")
        .service_namespace(namespace.clone())
        .resource_id(SERVICE)
        .scalable_dimension(dimension.clone())
        .policy_type(PolicyType::TargetTrackingScaling)
        .target_tracking_scaling_policy_configuration(configuration.clone())
        .send()
        .await
        .unwrap();
    assert!(put.policy_arn().ends_with(":resource/ecs/service/main/app:policyName/cpu"));
    let policies =
        client.describe_scaling_policies().service_namespace(namespace.clone()).send().await;
    let policies = policies.unwrap();
    let policy = &policies.scaling_policies()[0];
    assert_eq!(policy.target_tracking_scaling_policy_configuration(), Some(&configuration));
    assert!(policy.alarms()[0].alarm_name().starts_with("TargetTracking-service/main/app-"));

    let arn = registered.scalable_target_arn().unwrap();
    let tags = client.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    assert_eq!(tags.tags().unwrap()["stack"], "shop");
    let deregister = || {
        client
            .deregister_scalable_target()
            .service_namespace(namespace.clone())
            .resource_id(SERVICE)
            .scalable_dimension(dimension.clone())
            .send()
    };
    deregister().await.unwrap();
    let gone = deregister().await.unwrap_err().into_service_error();
    assert!(gone.is_object_not_found_exception());
}
