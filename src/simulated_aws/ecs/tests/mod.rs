//! The room as its callers meet it, without the wire; and once through the SDK.

mod clusters;
mod definitions;
mod failures;
mod rollouts;
mod sdk;
mod services;

use std::time::Duration;

use serde_json::{Value, json};

use super::super::cloud::Cloud;
use super::super::wire::{Answer, Parameters, parse_form};
use super::super::{ec2, ecs, elb, iam, logs};
use super::workload::Workload;

const IMAGE: &str = "ghcr.io/example/app:1.0.0";
const ROLE: &str = "arn:aws:iam::123456789012:role/execution";

/// An account with all that a service stands on: public subnets in two zones, a role, a log group,
/// and a load balancer whose listener forwards to a target group.
struct World {
    cloud: Cloud,
    subnets: Vec<String>,
    group: String,
    target_group: String,
}

impl World {
    fn new() -> Self {
        let mut cloud = Cloud::new("eu-west-1", "2026-01-01T00:00:00Z".parse().unwrap(), 7);
        let (vpc, subnets) = network(&mut cloud);
        let group = format!("GroupName=web&GroupDescription=web&VpcId={vpc}");
        let group = text(&form(&mut cloud, ec2::answer, "CreateSecurityGroup", &group)["groupId"]);
        for port in [80, 8000] {
            let opening = format!(
                "GroupId={group}&IpProtocol=tcp&FromPort={port}&ToPort={port}&CidrIp=0.0.0.0/0"
            );
            form(&mut cloud, ec2::answer, "AuthorizeSecurityGroupIngress", &opening);
        }
        let target_group = front(&mut cloud, &vpc, &subnets, &group);
        let trust = json!({"RoleName": "execution", "AssumeRolePolicyDocument": TRUST});
        iam::answer(&mut cloud, "CreateRole", Parameters::new(&trust)).unwrap();
        let logs = json!({"logGroupName": "/app"});
        logs::answer(&mut cloud, "CreateLogGroup", Parameters::new(&logs)).unwrap();
        let mut world = Self { cloud, subnets, group, target_group };
        world.done("CreateCluster", json!({"clusterName": "main"}));
        world
    }

    /// A world whose load balancer is active, with a definition of one container.
    fn ready() -> Self {
        let mut world = Self::new();
        world.wait(200);
        world.done("RegisterTaskDefinition", definition());
        world
    }

    /// A ready world with a service that is steady.
    fn steady() -> Self {
        let mut world = Self::ready();
        let service = world.service();
        world.done("CreateService", service);
        world.wait(300);
        assert_eq!(world.primary()["rolloutState"], "COMPLETED", "{}", world.look()["events"]);
        world
    }

    fn ask(&mut self, operation: &str, request: &Value) -> Answer {
        ecs::answer(&mut self.cloud, operation, Parameters::new(request))
    }

    #[expect(clippy::needless_pass_by_value, reason = "tests hand over literals")]
    fn done(&mut self, operation: &str, request: Value) -> Value {
        self.ask(operation, &request).unwrap_or_else(|error| panic!("{operation}: {error:?}"))
    }

    /// The code and message that a request is refused with.
    #[expect(clippy::needless_pass_by_value, reason = "tests hand over literals")]
    fn refused(&mut self, operation: &str, request: Value) -> (String, String) {
        match self.ask(operation, &request) {
            Ok(answer) => panic!("{operation} was not refused: {answer}"),
            Err(error) => (error.code, error.message),
        }
    }

    fn wait(&mut self, seconds: u64) {
        let later = self.cloud.now.after(Duration::from_secs(seconds));
        self.cloud.settle(later);
    }

    /// A service of two tasks behind the load balancer.
    fn service(&self) -> Value {
        json!({
            "cluster": "main",
            "serviceName": "app",
            "taskDefinition": "app",
            "desiredCount": 2,
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {
                "subnets": self.subnets,
                "securityGroups": [self.group],
                "assignPublicIp": "ENABLED",
            }},
            "loadBalancers": [{
                "targetGroupArn": self.target_group,
                "containerName": "app",
                "containerPort": 8000,
            }],
        })
    }

    fn update(&mut self, change: Value) -> Value {
        let mut request = json!({"cluster": "main", "service": "app"});
        merge(&mut request, change);
        self.done("UpdateService", request)["service"].take()
    }

    /// The service as it is described.
    fn look(&mut self) -> Value {
        let request = json!({"cluster": "main", "services": ["app"], "include": ["TAGS"]});
        self.done("DescribeServices", request)["services"][0].take()
    }

    fn primary(&mut self) -> Value {
        self.look()["deployments"][0].take()
    }

    /// The messages of the service's events, the oldest first.
    fn events(&mut self) -> Vec<String> {
        let look = self.look();
        let events = look["events"].as_array().unwrap().iter().rev();
        events.map(|event| text(&event["message"])).collect()
    }

    /// The service's tasks with that desired status.
    fn tasks(&mut self, desired: &str) -> Vec<Value> {
        let request = json!({"cluster": "main", "serviceName": "app", "desiredStatus": desired});
        let arns = self.done("ListTasks", request)["taskArns"].take();
        if arns == json!([]) {
            return Vec::new();
        }
        let tasks = self.done("DescribeTasks", json!({"cluster": "main", "tasks": arns}));
        tasks["tasks"].as_array().unwrap().clone()
    }

    fn interfaces(&mut self) -> usize {
        self.cloud.ec2.interfaces.values().filter(|one| one.requester != "amazon-elb").count()
    }

    fn behave(&mut self, image: &str, workload: Workload) {
        self.cloud.ecs.workloads.insert(image.to_owned(), workload);
    }

    /// Registers a definition with another image, and tells its ARN.
    fn register_image(&mut self, image: &str) -> String {
        let mut changed = definition();
        changed["containerDefinitions"][0]["image"] = json!(image);
        text(&self.done("RegisterTaskDefinition", changed)["taskDefinition"]["taskDefinitionArn"])
    }
}

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":
    {"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

fn definition() -> Value {
    json!({
        "family": "app",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": ROLE,
        "containerDefinitions": [{
            "name": "app",
            "image": IMAGE,
            "portMappings": [{"containerPort": 8000}],
            "logConfiguration": {"logDriver": "awslogs", "options": {
                "awslogs-group": "/app",
                "awslogs-region": "eu-west-1",
                "awslogs-stream-prefix": "app",
            }},
        }],
    })
}

fn network(cloud: &mut Cloud) -> (String, Vec<String>) {
    let mut ask = |operation: &str, query: String| form(cloud, ec2::answer, operation, &query);
    let vpc = text(&ask("CreateVpc", "CidrBlock=10.0.0.0/16".to_owned())["vpc"]["vpcId"]);
    let gateway = ask("CreateInternetGateway", String::new());
    let gateway = text(&gateway["internetGateway"]["internetGatewayId"]);
    ask("AttachInternetGateway", format!("InternetGatewayId={gateway}&VpcId={vpc}"));
    let tables = ask("DescribeRouteTables", format!("Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}"));
    let table = text(&tables["routeTableSet"][0]["routeTableId"]);
    let route = "DestinationCidrBlock=0.0.0.0/0";
    ask("CreateRoute", format!("RouteTableId={table}&{route}&GatewayId={gateway}"));
    let mut subnet = |number: u8, zone: &str| {
        let query =
            format!("VpcId={vpc}&CidrBlock=10.0.{number}.0/24&AvailabilityZone=eu-west-1{zone}");
        text(&ask("CreateSubnet", query)["subnet"]["subnetId"])
    };
    let subnets = vec![subnet(0, "a"), subnet(1, "b")];
    (vpc, subnets)
}

/// A load balancer with a listener; the ARN of its target group.
fn front(cloud: &mut Cloud, vpc: &str, subnets: &[String], group: &str) -> String {
    let mut ask = |operation: &str, query: String| form(cloud, elb::answer, operation, &query);
    let query = format!(
        "Name=app&Subnets.member.1={}&Subnets.member.2={}&SecurityGroups.member.1={group}",
        subnets[0], subnets[1]
    );
    let made = ask("CreateLoadBalancer", query);
    let balancer = text(&made["LoadBalancers"][0]["LoadBalancerArn"]);
    let query = format!("Name=app&Protocol=HTTP&Port=8000&VpcId={vpc}&TargetType=ip");
    let made = ask("CreateTargetGroup", query);
    let target_group = text(&made["TargetGroups"][0]["TargetGroupArn"]);
    let action = format!(
        "DefaultActions.member.1.Type=forward&DefaultActions.member.1.TargetGroupArn={target_group}"
    );
    ask("CreateListener", format!("LoadBalancerArn={balancer}&Protocol=HTTP&Port=80&{action}"));
    target_group
}

type Room = fn(&mut Cloud, &str, Parameters<'_>) -> Answer;

fn form(cloud: &mut Cloud, room: Room, operation: &str, query: &str) -> Value {
    let request = parse_form(query.as_bytes());
    room(cloud, operation, Parameters::new(&request))
        .unwrap_or_else(|error| panic!("{operation}: {error:?}"))
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn said(events: &[String], fragment: &str) -> bool {
    events.iter().any(|event| event.contains(fragment))
}
