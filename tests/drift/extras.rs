//! What somebody adds to what the stack owns is found by its own id; and what runs is compared by
//! what it is, not by which it is.

use std::collections::BTreeSet;

use provision::drift::{Class, Severity};
use provision::simulated_aws::ec2::bystander::{Endpoint, Instance, InstanceState};
use provision::simulated_aws::ec2::peering::Peering;
use serde_json::{Value, json};

use crate::harness::{World, config};
use crate::world::{check, fix, full, lines};

/// Something that somebody adds: gives its id.
struct Plant {
    address: &'static str,
    collection: &'static str,
    severity: Severity,
    add: fn(&World) -> String,
}

const PLANTS: &[Plant] = &[
    Plant {
        address: "security_group.app",
        collection: "ingress",
        severity: Severity::Critical,
        add: |world| {
            let group = world.output("security_group.app", "id");
            let permission = json!({"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
                "IpRanges": [{"CidrIp": "0.0.0.0/0"}]});
            let request = json!({"GroupId": group, "IpPermissions": [permission]});
            let answer = world.ask("ec2", "AuthorizeSecurityGroupIngress", &request);
            text(&answer["securityGroupRuleSet"][0]["securityGroupRuleId"])
        },
    },
    Plant {
        address: "load_balancer.main",
        collection: "listeners",
        severity: Severity::High,
        add: |world| {
            let request = json!({
                "LoadBalancerArn": world.output("load_balancer.main", "arn"),
                "Protocol": "HTTP", "Port": 8081, "DefaultActions": [forward(world)],
            });
            text(&world.ask("elb", "CreateListener", &request)["Listeners"][0]["ListenerArn"])
        },
    },
    Plant {
        address: "listener.http",
        collection: "rules",
        severity: Severity::High,
        add: |world| {
            let request = json!({
                "ListenerArn": world.output("listener.http", "arn"), "Priority": 5,
                "Conditions": [{"Field": "path-pattern", "Values": ["/x"]}],
                "Actions": [forward(world)],
            });
            text(&world.ask("elb", "CreateRule", &request)["Rules"][0]["RuleArn"])
        },
    },
    Plant {
        address: "scalable_target.app",
        collection: "policies",
        severity: Severity::Medium,
        add: |world| {
            let request = scaled(
                world,
                json!({
                    "PolicyName": "theirs", "PolicyType": "TargetTrackingScaling",
                    "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 50.0,
                        "PredefinedMetricSpecification":
                            {"PredefinedMetricType": "ECSServiceAverageMemoryUtilization"}},
                }),
            );
            text(&world.ask("autoscaling", "PutScalingPolicy", &request)["PolicyARN"])
        },
    },
    Plant {
        address: "scalable_target.app",
        collection: "scheduled_actions",
        severity: Severity::Medium,
        add: |world| {
            let request = scaled(
                world,
                json!({
                    "ScheduledActionName": "night", "Schedule": "rate(1 day)",
                    "ScalableTargetAction": {"MinCapacity": 1},
                }),
            );
            world.ask("autoscaling", "PutScheduledAction", &request);
            let request = scaled(world, json!({}));
            let found = world.ask("autoscaling", "DescribeScheduledActions", &request);
            text(&found["ScheduledActions"][0]["ScheduledActionARN"])
        },
    },
    Plant {
        address: "vpc.main",
        collection: "cidr_blocks",
        severity: Severity::Medium,
        add: |world| {
            let request =
                json!({"VpcId": world.output("vpc.main", "id"), "CidrBlock": "10.7.0.0/16"});
            let answer = world.ask("ec2", "AssociateVpcCidrBlock", &request);
            text(&answer["cidrBlockAssociation"]["associationId"])
        },
    },
    Plant {
        address: "vpc.main",
        collection: "guests",
        severity: Severity::Notice,
        add: |world| {
            let (vpc, subnet) =
                (world.output("vpc.main", "id"), world.output("subnet.private-a", "id"));
            world.endpoint.with_cloud(|cloud| {
                let instance = Instance {
                    id: "i-0123".into(),
                    vpc,
                    subnet,
                    groups: vec![],
                    private_address: [10, 0, 2, 99].into(),
                    instance_type: "t3.micro".into(),
                    state: InstanceState::Running,
                    launched: cloud.now,
                };
                cloud.ec2.instances.insert("i-0123".into(), instance);
            });
            "i-0123".into()
        },
    },
    Plant {
        address: "vpc.main",
        collection: "guests",
        severity: Severity::Notice,
        add: |world| endpoint(world, "vpce-0123", "com.amazonaws.us-east-1.s3"),
    },
    Plant {
        address: "vpc.main",
        collection: "guests",
        severity: Severity::Notice,
        add: |world| {
            let accepter = world.output("vpc.main", "id");
            world.endpoint.with_cloud(|cloud| {
                let peering = Peering {
                    id: "pcx-0123".into(),
                    requester: "vpc-0fff".into(),
                    accepter,
                    status: "active".into(),
                };
                cloud.ec2.peerings.insert("pcx-0123".into(), peering);
            });
            "pcx-0123".into()
        },
    },
    Plant {
        address: "vpc.main",
        collection: "guests",
        severity: Severity::Notice,
        add: |world| {
            let request = json!({"VpcId": world.output("vpc.main", "id"), "GroupName": "theirs",
                "GroupDescription": "x"});
            text(&world.ask("ec2", "CreateSecurityGroup", &request)["groupId"])
        },
    },
    Plant {
        address: "vpc.main",
        collection: "guests",
        severity: Severity::Notice,
        add: |world| {
            let request =
                json!({"VpcId": world.output("vpc.main", "id"), "CidrBlock": "10.0.200.0/24"});
            text(&world.ask("ec2", "CreateSubnet", &request)["subnet"]["subnetId"])
        },
    },
    Plant {
        address: "vpc.main",
        collection: "guests",
        severity: Severity::Notice,
        add: |world| {
            let request = json!({"VpcId": world.output("vpc.main", "id")});
            text(&world.ask("ec2", "CreateRouteTable", &request)["routeTable"]["routeTableId"])
        },
    },
];

fn text(value: &Value) -> String {
    value.as_str().expect("the answer says what it made").to_owned()
}

fn forward(world: &World) -> Value {
    json!({"Type": "forward", "TargetGroupArn": world.output("target_group.app", "arn")})
}

/// A request about the service's count.
fn scaled(world: &World, request: Value) -> Value {
    let mut request = request;
    request["ServiceNamespace"] = "ecs".into();
    request["ScalableDimension"] = "ecs:service:DesiredCount".into();
    request["ResourceId"] = world.output("service.app", "scaling_id").into();
    request
}

/// Puts an endpoint into the stack's network.
pub fn endpoint(world: &World, id: &str, service: &str) -> String {
    let vpc = world.output("vpc.main", "id");
    world.endpoint.with_cloud(|cloud| {
        let endpoint = Endpoint {
            id: id.into(),
            vpc,
            service: service.into(),
            endpoint_type: "Interface".into(),
            state: "available".into(),
            ..Endpoint::default()
        };
        cloud.ec2.endpoints.insert(id.into(), endpoint);
    });
    id.into()
}

#[tokio::test(start_paused = true)]
async fn whatever_is_added_is_found_by_its_own_id() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    let mut known = BTreeSet::new();
    for Plant { address, collection, severity, add } in PLANTS {
        let id = add(&world);
        let drift = check(&world, &config).await;
        let new: Vec<_> =
            drift.findings.iter().filter(|finding| known.insert(finding.id.clone())).collect();
        assert_eq!(new.len(), 1, "{collection}: {:?}", lines(&drift));
        let finding = new[0];
        assert_eq!((finding.address.to_string(), finding.class), ((*address).into(), Class::Extra));
        assert_eq!((&finding.physical_id, finding.severity), (&id, *severity), "{collection}");
        assert!(finding.property.starts_with(&format!("{collection}[")), "{}", finding.property);
    }
}

#[tokio::test(start_paused = true)]
async fn a_subnet_that_follows_another_table_is_told_by_its_association() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    let (table, subnet) =
        (world.output("route_table.public", "id"), world.output("subnet.private-a", "id"));
    let own = world.ask("ec2", "DescribeRouteTables", &json!({}));
    let tables = own["routeTableSet"].as_array().expect("a list of tables");
    let associations = tables.iter().filter_map(|one| one["associationSet"].as_array()).flatten();
    let association = associations.clone().find(|one| one["subnetId"] == subnet.as_str());
    let id = text(&association.expect("the subnet follows a table")["routeTableAssociationId"]);
    let request = json!({"AssociationId": id, "RouteTableId": table});
    let moved =
        text(&world.ask("ec2", "ReplaceRouteTableAssociation", &request)["newAssociationId"]);
    let drift = check(&world, &config).await;
    let expected = [
        format!("high route_table.private subnets[{subnet}]"),
        format!("medium route_table.public subnets[{subnet}]"),
    ];
    assert_eq!(lines(&drift), expected);
    assert_eq!(drift.findings[1].physical_id, moved);
    fix(&mut world, &config).await;
    assert_eq!(lines(&check(&world, &config).await), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn autoscaling_that_nobody_declared_is_found() {
    let config = config("");
    let mut world = World::new();
    world.up(&config).await;
    let request = scaled(&world, json!({"MinCapacity": 1, "MaxCapacity": 9}));
    world.ask("autoscaling", "RegisterScalableTarget", &request);
    let found = lines(&check(&world, &config).await);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("medium service.app scalable_targets["), "{found:?}");
}

/// Registers another revision of what the service runs, with `changes`, and has the service run it.
pub fn deploy(world: &World, changes: &[(&str, Value)]) {
    let request = json!({"taskDefinition": world.output("task_definition.app", "arn")});
    let found = world.ask("ecs", "DescribeTaskDefinition", &request);
    let mut definition = found["taskDefinition"].clone();
    let members = definition.as_object_mut().expect("a definition is an object");
    let sent = [
        "family",
        "taskRoleArn",
        "executionRoleArn",
        "networkMode",
        "containerDefinitions",
        "requiresCompatibilities",
        "cpu",
        "memory",
        "runtimePlatform",
    ];
    members.retain(|name, _| sent.contains(&name.as_str()));
    for (name, value) in changes {
        definition["containerDefinitions"][0][*name] = value.clone();
    }
    let made = world.ask("ecs", "RegisterTaskDefinition", &definition);
    let request = json!({
        "cluster": world.output("cluster.main", "name"),
        "service": world.output("service.app", "name"),
        "taskDefinition": made["taskDefinition"]["taskDefinitionArn"],
    });
    world.ask("ecs", "UpdateService", &request);
}

#[tokio::test(start_paused = true)]
async fn another_revision_is_shown_with_what_differs_and_whose_it_is() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    deploy(&world, &[("image", json!("ghcr.io/acme/shop:night"))]);
    let drift = check(&world, &config).await;
    assert_eq!(lines(&drift), ["high service.app task_definition"]);
    let details = &drift.findings[0].details;
    assert_eq!(
        details[0],
        "task_definition.app: container.image is ghcr.io/acme/shop:night, and was ghcr.io/acme/shop:1"
    );
    assert!(details[1].starts_with("registered 2026-01-01T"), "{details:?}");
    assert!(details[1].contains(" by arn:aws:"), "{details:?}");
    fix(&mut world, &config).await;
    assert_eq!(lines(&check(&world, &config).await), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_says_the_same_is_no_drift() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    deploy(&world, &[]);
    assert_eq!(lines(&check(&world, &config).await), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn values_of_variables_are_not_told() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    deploy(&world, &[("environment", json!([{"name": "LEVEL", "value": "hunter2"}]))]);
    let drift = check(&world, &config).await;
    let told = serde_json::to_string(&drift).expect("a check can be written");
    assert_eq!(lines(&drift), ["high service.app task_definition"]);
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn requests_that_go_elsewhere_and_counts_that_were_moved_are_found() {
    let config = config("");
    let mut world = World::new();
    world.up(&config).await;
    let request = json!({
        "ListenerArn": world.output("listener.http", "arn"),
        "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
    });
    world.ask("elb", "ModifyListener", &request);
    let request = json!({
        "cluster": world.output("cluster.main", "name"),
        "service": world.output("service.app", "name"), "desiredCount": 0,
    });
    world.ask("ecs", "UpdateService", &request);
    let found = lines(&check(&world, &config).await);
    assert_eq!(found, ["high listener.http target_group", "high service.app count"]);
    fix(&mut world, &config).await;
    assert_eq!(lines(&check(&world, &config).await), [""; 0]);
}
