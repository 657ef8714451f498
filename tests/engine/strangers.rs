//! What belongs to somebody else stays untouched, and what somebody deleted is made again.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use provision::observe::{Depth, observe_all};
use provision::plan::Action;
use provision::simulated_aws::elb::targets::answer_through;
use provision::simulated_aws::logs::put_log_line;
use provision::survey::survey;
use serde_json::{Value, json};

use crate::harness::{World, config};

/// Makes something with one of the stack's names that is not the stack's.
struct Stranger {
    /// The resource whose name it has.
    address: &'static str,
    service: &'static str,
    create: &'static str,
    request: fn(&World) -> Value,
}

const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}"#;

const STRANGERS: &[Stranger] = &[
    Stranger {
        address: "role.app-task",
        service: "iam",
        create: "CreateRole",
        request: |_| json!({"RoleName": "shop-dev-task", "AssumeRolePolicyDocument": TRUST}),
    },
    Stranger {
        address: "log_group.app",
        service: "logs",
        create: "CreateLogGroup",
        request: |_| json!({"logGroupName": "/ecs/shop-dev", "tags": {"team": "theirs"}}),
    },
    Stranger {
        address: "cluster.main",
        service: "ecs",
        create: "CreateCluster",
        request: |_| json!({"clusterName": "shop-dev"}),
    },
    Stranger {
        address: "target_group.app",
        service: "elb",
        create: "CreateTargetGroup",
        request: |world| {
            json!({"Name": "shop-dev", "TargetType": "ip", "Protocol": "HTTP", "Port": 80,
                "VpcId": network(world).0})
        },
    },
    Stranger {
        address: "load_balancer.main",
        service: "elb",
        create: "CreateLoadBalancer",
        request: |world| json!({"Name": "shop-dev", "Subnets": network(world).1}),
    },
];

/// Makes a network with a way to the internet: its id, and those of two subnets in it.
fn network(world: &World) -> (String, Vec<String>) {
    let id = |answer: &Value, of: &str, name: &str| answer[of][name].as_str().unwrap().to_owned();
    let vpc = world.ask("ec2", "CreateVpc", &json!({"CidrBlock": "10.9.0.0/16"}));
    let vpc = id(&vpc, "vpc", "vpcId");
    let gateway = world.ask("ec2", "CreateInternetGateway", &json!({}));
    let gateway = id(&gateway, "internetGateway", "internetGatewayId");
    let request = json!({"InternetGatewayId": gateway, "VpcId": vpc});
    world.ask("ec2", "AttachInternetGateway", &request);
    let subnet = |number: u8, zone: &str| {
        let zone = format!("us-east-1{zone}");
        let block = format!("10.9.{number}.0/24");
        let request = json!({"VpcId": vpc, "CidrBlock": block, "AvailabilityZone": zone});
        id(&world.ask("ec2", "CreateSubnet", &request), "subnet", "subnetId")
    };
    let subnets = vec![subnet(0, "a"), subnet(1, "b")];
    (vpc, subnets)
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_is_reported_before_anything_is_made() {
    for stranger in STRANGERS {
        let mut world = World::new();
        let request = (stranger.request)(&world);
        world.ask(stranger.service, stranger.create, &request);
        let before = cloud(&world);
        let error = world.try_up(&config("")).await.expect_err(stranger.address).to_string();
        assert!(error.contains(stranger.address), "{error}");
        assert!(error.contains("does not carry this stack's tags"), "{error}");
        assert_eq!(cloud(&world), before, "{}", stranger.address);
    }
}

/// A task that is still writing makes its group again, bare (aws-behaviour 11.e).
#[tokio::test(start_paused = true)]
async fn a_log_group_that_came_back_by_itself_is_the_stacks_again() {
    let mut world = World::new();
    world.up(&config("")).await;
    let arn = world.output("log_group.app", "arn");
    world.down().await;
    world.ask("logs", "CreateLogGroup", &json!({"logGroupName": "/ecs/shop-dev"}));
    world.up(&config("")).await;
    world.assert_settled(&config("")).await;
    let tags = world.ask("logs", "ListTagsForResource", &json!({"resourceArn": arn}));
    assert_eq!(tags["tags"]["provision:stack"], "shop");
    world.down().await;
}

/// A person may have made it as well, and nobody else has what is written there.
#[tokio::test(start_paused = true)]
async fn a_bare_log_group_that_holds_something_is_a_strangers() {
    let mut world = World::new();
    let name = json!({"logGroupName": "/ecs/shop-dev"});
    world.ask("logs", "CreateLogGroup", &name);
    world.endpoint.with_cloud(|cloud| put_log_line(cloud, "/ecs/shop-dev", "theirs", "a line"));
    let before = cloud(&world);
    let error = world.try_up(&config("")).await.expect_err("it is a stranger's").to_string();
    assert!(error.contains("log_group.app can't be made"), "{error}");
    assert_eq!(cloud(&world), before);
}

/// Deleted services are described for about an hour (aws-behaviour 17.d).
#[tokio::test(start_paused = true)]
async fn a_service_that_is_gone_is_no_part_of_the_status() {
    let mut world = World::new();
    world.up(&config("")).await;
    let (cluster, service) =
        (world.output("cluster.main", "name"), world.output("service.app", "name"));
    let request = json!({"cluster": cluster, "service": service, "force": true});
    world.ask("ecs", "DeleteService", &request);
    tokio::time::sleep(std::time::Duration::from_mins(20)).await;
    let asked = json!({"cluster": cluster, "services": [service]});
    let described = world.ask("ecs", "DescribeServices", &asked);
    assert_eq!(described["services"][0]["status"], "INACTIVE");
    let state = &world.memory.state;
    let observed = observe_all(&world.aws, &[state], Depth::Whole).await.unwrap();
    let status = survey(&world.aws, state, &observed[0]).await.unwrap();
    assert!(status.services.is_empty(), "{:?}", status.services);
}

/// AWS sets up no load balancer again that it could not set up.
#[tokio::test(start_paused = true)]
async fn a_load_balancer_that_failed_is_replaced() {
    let (mut world, config) = (World::new(), config(""));
    world.up(&config).await;
    let arn = world.output("load_balancer.main", "arn");
    world.endpoint.with_cloud(|cloud| cloud.elb.fail(&arn, "AWS could not set it up"));
    let run = world.up(&config).await;
    let replaced: Vec<String> = run
        .plan
        .changes()
        .filter(|planned| planned.action == Action::Replace)
        .map(|planned| planned.address.to_string())
        .collect();
    assert_eq!(replaced, ["load_balancer.main", "listener.http"]);
    assert_eq!(world.output("load_balancer.main", "name"), "shop-dev-1");
    world.assert_settled(&config).await;
    let name = world.output("load_balancer.main", "dns_name");
    tokio::time::sleep(std::time::Duration::from_mins(2)).await;
    let answer = world.endpoint.with_cloud(|cloud| answer_through(cloud, &name, "/"));
    assert_eq!(answer, Some(200));
    world.down().await;
}

/// All that an account holds, without its clock.
fn cloud(world: &World) -> Value {
    let mut cloud = world.endpoint.with_cloud(|cloud| serde_json::to_value(cloud).unwrap());
    for passing in ["now", "seed"] {
        cloud.as_object_mut().unwrap().remove(passing);
    }
    cloud
}

#[tokio::test(start_paused = true)]
async fn a_lost_state_is_told_from_a_stranger() {
    let mut world = World::new();
    world.up(&config("")).await;
    let before = cloud(&world);
    let error = {
        let mut other = World { endpoint: world.endpoint.clone(), ..World::seeded(8) };
        other.aws = crate::harness::clients(&other.endpoint);
        other.try_up(&config("")).await.expect_err("everything is there already").to_string()
    };
    assert!(
        error.contains("in AWS with this stack's tags, but not in the stack's state"),
        "{error}"
    );
    assert_eq!(cloud(&world), before);
}

/// A resource, and the call by which somebody deletes it behind the stack's back.
struct Loss {
    address: &'static str,
    service: &'static str,
    calls: fn(&World) -> Vec<(&'static str, Value)>,
}

const LOSSES: &[Loss] = &[
    Loss {
        address: "listener.http",
        service: "elb",
        calls: |world| {
            let arn = world.output("listener.http", "arn");
            vec![("DeleteListener", json!({"ListenerArn": arn}))]
        },
    },
    Loss {
        address: "load_balancer.main",
        service: "elb",
        calls: |world| {
            let arn = world.output("load_balancer.main", "arn");
            vec![("DeleteLoadBalancer", json!({"LoadBalancerArn": arn}))]
        },
    },
    Loss {
        address: "nat_gateway.main",
        service: "ec2",
        calls: |world| {
            let id = world.output("nat_gateway.main", "id");
            vec![("DeleteNatGateway", json!({"NatGatewayId": id}))]
        },
    },
    Loss {
        address: "service.app",
        service: "ecs",
        calls: |world| {
            let cluster = world.output("cluster.main", "name");
            let service = world.output("service.app", "name");
            let request = json!({"cluster": cluster, "service": service, "force": true});
            vec![("DeleteService", request)]
        },
    },
    Loss {
        address: "task_definition.app",
        service: "ecs",
        calls: |world| {
            let arn = world.output("task_definition.app", "arn");
            vec![("DeregisterTaskDefinition", json!({"taskDefinition": arn}))]
        },
    },
    Loss {
        address: "log_group.app",
        service: "logs",
        calls: |world| {
            let name = world.output("log_group.app", "name");
            vec![("DeleteLogGroup", json!({"logGroupName": name}))]
        },
    },
    Loss {
        address: "role.app-task",
        service: "iam",
        calls: |world| {
            let name = world.output("role.app-task", "name");
            vec![("DeleteRole", json!({"RoleName": name}))]
        },
    },
    Loss {
        address: "scaling_policy.app-cpu",
        service: "autoscaling",
        calls: |world| {
            let service = world.output("service.app", "scaling_id");
            vec![(
                "DeleteScalingPolicy",
                json!({
                    "PolicyName": "shop-dev-cpu",
                    "ServiceNamespace": "ecs",
                    "ResourceId": service,
                    "ScalableDimension": "ecs:service:DesiredCount",
                }),
            )]
        },
    },
    Loss {
        address: "scalable_target.app",
        service: "autoscaling",
        calls: |world| {
            let service = world.output("service.app", "scaling_id");
            vec![(
                "DeregisterScalableTarget",
                json!({
                    "ServiceNamespace": "ecs",
                    "ResourceId": service,
                    "ScalableDimension": "ecs:service:DesiredCount",
                }),
            )]
        },
    },
];

#[tokio::test(start_paused = true)]
async fn what_was_deleted_outside_is_made_again() {
    let config = config("services.app.autoscaling = { min = 2, max = 4, cpu = 60 }");
    let mut world = World::new();
    world.up(&config).await;
    let mut wrong = Vec::new();
    for Loss { address, service, calls } in LOSSES {
        for (operation, request) in calls(&world) {
            world.ask(service, operation, &request);
        }
        let drawing = world.try_plan(&config).await.unwrap();
        let planned = drawing.plan.resources.iter().find(|one| one.address.to_string() == *address);
        let reason = &planned.unwrap().reason;
        if !reason.contains("deleted outside of provision") {
            wrong.push(format!("{address}: {reason}"));
        }
        let run = world.try_up(&config).await.unwrap();
        let came = run.check_complete().and(world.check_settled(&config).await);
        if let Err(left) = came {
            wrong.push(format!("{address}: {left}"));
            world = World::new();
            world.up(&config).await;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    world.down().await;
}
