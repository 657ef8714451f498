//! Every property that somebody can change outside: one finding, and nothing after it is put back.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::collections::{BTreeMap, BTreeSet};

use provision::config::Config;
use provision::drift::Severity::{Critical, High, Low, Medium, Notice};
use provision::drift::{Class, Finding, Severity};
use provision::resource::{Address, Kind};
use serde_json::{Value, json};

use crate::extras::registered;
use crate::harness::{World, config};
use crate::world::{check, examine, fix, full, lines};

/// A change that somebody makes to one field of a resource.
pub struct Change {
    pub address: &'static str,
    /// Where the finding is to be.
    pub property: &'static str,
    /// What the field becomes, from what it is.
    to: fn(&World, Value) -> Value,
    pub class: Class,
    severity: Severity,
}

const fn change(
    address: &'static str,
    property: &'static str,
    severity: Severity,
    to: fn(&World, Value) -> Value,
) -> Change {
    Change { address, property, to, class: Class::Outside, severity }
}

const fn extra(
    address: &'static str,
    property: &'static str,
    severity: Severity,
    to: fn(&World, Value) -> Value,
) -> Change {
    Change { address, property, to, class: Class::Extra, severity }
}

const fn missing(
    address: &'static str,
    property: &'static str,
    severity: Severity,
    to: fn(&World, Value) -> Value,
) -> Change {
    Change { address, property, to, class: Class::Missing, severity }
}

const SSH: &str = "ingress[from_port=22 peer.cidr=0.0.0.0/0 protocol=tcp to_port=22]";
const DNS: &str = "egress[from_port=53 peer.cidr=10.0.0.0/8 protocol=udp to_port=53]";
const WEB: &str = "ingress[from_port=80 peer.cidr=0.0.0.0/0 protocol=tcp to_port=80]";
const READ_ONLY: &str = "managed_policies[arn:aws:iam::aws:policy/ReadOnlyAccess]";
const ADMINISTRATOR: &str = "managed_policies[arn:aws:iam::aws:policy/AdministratorAccess]";

pub const CHANGES: &[Change] = &[
    change("vpc.main", "dns_support", High, |_, _| json!(false)),
    change("vpc.main", "dns_hostnames", Medium, |_, _| json!(false)),
    change("subnet.public-a", "public_addresses", High, |_, _| json!(true)),
    extra("route_table.private", "routes[10.9.0.0/16]", Medium, |world, was| {
        let gateway = world.output("internet_gateway.main", "id");
        with(was, "10.9.0.0/16", json!({"internet_gateway": gateway}))
    }),
    change("route_table.private", "routes[0.0.0.0/0]", High, |world, was| {
        let gateway = world.output("internet_gateway.main", "id");
        with(was, "0.0.0.0/0", json!({"internet_gateway": gateway}))
    }),
    missing("route_table.private", "routes[0.0.0.0/0]", High, |_, _| json!({})),
    extra("security_group.balancer", SSH, Critical, |_, was| {
        pushed(
            was,
            json!({"protocol": "tcp", "from_port": 22, "to_port": 22,
            "peer": {"cidr": "0.0.0.0/0"}}),
        )
    }),
    missing("security_group.balancer", WEB, High, |_, _| json!([])),
    change("security_group.balancer", WEB, Low, |_, was| {
        json!([with(was[0].clone(), "description", json!("reworded"))])
    }),
    extra("security_group.app", DNS, Medium, |_, was| {
        pushed(
            was,
            json!({"protocol": "udp", "from_port": 53, "to_port": 53,
            "peer": {"cidr": "10.0.0.0/8"}}),
        )
    }),
    change("role.app-task", "trust", Critical, |_, _| {
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
    }),
    extra("role.app-task", ADMINISTRATOR, Critical, |_, was| {
        pushed(was, json!("arn:aws:iam::aws:policy/AdministratorAccess"))
    }),
    missing("role.app-task", READ_ONLY, High, |_, _| json!([])),
    extra("role.app-task", "inline_policies[night]", Critical, |_, was| {
        with(
            was,
            "night",
            json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"}]}),
        )
    }),
    missing("role.app-execution", "inline_policies[secrets]", High, |_, _| json!({})),
    change("role.app-task", "description", Low, |_, _| json!("another")),
    change("log_group.app", "retention_days", Critical, |_, _| json!(7)),
    change("log_group.app", "retention_days", Low, |_, _| Value::Null),
    change("cluster.main", "container_insights", Low, |_, _| json!("disabled")),
    change("load_balancer.main", "security_groups", Critical, |world, _| {
        json!([world.output("security_group.app", "id")])
    }),
    change("load_balancer.main", "subnets", Medium, |world, _| {
        // Subnets of the same zones, as a balancer keeps to those that it has.
        json!([world.output("subnet.private-a", "id"), world.output("subnet.private-b", "id")])
    }),
    change("load_balancer.main", "deletion_protection", Low, |_, _| json!(true)),
    change("load_balancer.main", "idle_timeout_seconds", Medium, |_, _| json!(61)),
    change("load_balancer.main", "drop_invalid_headers", Medium, |_, _| json!(false)),
    change("target_group.app", "health_check.path", Medium, |_, was| {
        with(was, "path", json!("/x"))
    }),
    change("target_group.app", "health_check.codes", Medium, |_, was| {
        with(was, "codes", json!("204"))
    }),
    change("target_group.app", "health_check.interval_seconds", Medium, |_, was| {
        with(was, "interval_seconds", json!(60))
    }),
    change("target_group.app", "health_check.timeout_seconds", Medium, |_, was| {
        with(was, "timeout_seconds", json!(4))
    }),
    change("target_group.app", "health_check.healthy_threshold", Medium, |_, was| {
        with(was, "healthy_threshold", json!(5))
    }),
    change("target_group.app", "health_check.unhealthy_threshold", Medium, |_, was| {
        with(was, "unhealthy_threshold", json!(5))
    }),
    change("target_group.app", "deregistration_delay_seconds", Medium, |_, _| json!(31)),
    change("listener.http", "port", High, |_, _| json!(8080)),
    change("listener.http", "target_group", High, |world, _| json!(their_targets(world).0)),
    missing("route_table.private", "subnets[", High, |_, mut was| {
        was.as_array_mut().unwrap().pop();
        was
    }),
    change("service.app", "task_definition", High, |world, _| {
        json!(registered(world, &[("image", json!("ghcr.io/acme/shop:night"))], &[]))
    }),
    change("service.app", "target_group", High, |world, _| {
        let (group, name) = their_targets(world);
        put_behind_a_balancer(world, &group, &name);
        json!(group)
    }),
    change("service.app", "subnets", Medium, |world, _| {
        json!([world.output("subnet.private-a", "id")])
    }),
    change("service.app", "security_groups", High, |world, _| {
        json!([world.output("security_group.balancer", "id")])
    }),
    change(
        "service.app",
        "capacity",
        Medium,
        |_, _| json!([{"provider": "FARGATE", "base": 0, "weight": 1}]),
    ),
    change("service.app", "grace_period_seconds", Medium, |_, _| json!(7)),
    change("service.app", "minimum_healthy_percent", Medium, |_, _| json!(50)),
    change("service.app", "maximum_percent", Medium, |_, _| json!(150)),
    change("service.app", "rollback", Medium, |_, _| json!(false)),
    change("service.app", "execute_command", High, |_, _| json!(true)),
    change("service.app", "propagate_tags", Medium, |_, _| json!(false)),
    change("scalable_target.app", "minimum", Medium, |_, _| json!(1)),
    change("scalable_target.app", "maximum", Medium, |_, _| json!(60)),
    change("scaling_policy.app-cpu", "metric", Medium, |_, _| json!("memory")),
    change("scaling_policy.app-cpu", "target_value", Medium, |_, _| json!(5.0)),
    change("scaling_policy.app-cpu", "scale_in_cooldown_seconds", Medium, |_, _| json!(1)),
    change("scaling_policy.app-cpu", "scale_out_cooldown_seconds", Medium, |_, _| json!(1)),
    change("topic.drift", "display_name", Low, |_, _| json!("Somebody else")),
    change("alarm.drift", "description", Low, |_, _| json!("reworded")),
    change("alarm.drift", "metric", High, |_, was| with(was, "name", json!("Other"))),
    change("alarm.drift", "limit", High, |_, was| with(was, "threshold", json!(100.0))),
    change("alarm.drift", "missing_data", Medium, |_, _| json!("notBreaching")),
    change("alarm.drift", "tells", High, |_, _| json!([])),
    change("alarm.drift", "tells_when_over", Medium, |_, _| json!([])),
    change("alarm.drift", "enabled", High, |_, _| json!(false)),
    change("schedule.drift", "expression", High, |_, _| json!("rate(2 days)")),
    change("schedule.drift", "enabled", High, |_, _| json!(false)),
    change("schedule.drift", "timing", High, |_, was| with(was, "window_minutes", json!(90))),
    change("schedule.drift", "input", Critical, |_, _| {
        json!("{\"containerOverrides\": [{\"name\": \"drift\", \"command\": [\"--help\"]}]}")
    }),
    change("schedule.drift", "cluster", High, |_, was| {
        json!(was.as_str().unwrap().replace("shop-dev", "theirs"))
    }),
    change("schedule.drift", "role", Critical, |world, _| json!(their_role(world))),
    change("schedule.drift", "task_definition", Critical, |_, was| {
        json!(was.as_str().unwrap().replace("shop-dev", "theirs"))
    }),
    change("schedule.drift", "subnets", Medium, |world, _| {
        json!([world.output("subnet.private-a", "id")])
    }),
    change("schedule.drift", "security_groups", Medium, |world, _| {
        json!([world.output("security_group.app", "id")])
    }),
    change("schedule.drift", "retries", Medium, |_, was| with(was, "attempts", json!(0))),
];

/// Changes of a stack without an autoscaler and without Spot: only there is the count somebody's to
/// change, and the other capacity free to be taken away.
pub const PLAIN: &[Change] = &[
    change("service.app", "count", Medium, |_, _| json!(5)),
    change("service.app", "count", High, |_, _| json!(0)),
    missing("cluster.main", "capacity_providers[FARGATE_SPOT]", Medium, |_, _| json!(["FARGATE"])),
];

/// Properties that nobody can change by themselves: ECS takes only a container and a port that the
/// revision has which the service runs. A test of their own changes them together with it.
const TOGETHER: &[(Kind, &str)] = &[(Kind::Service, "container"), (Kind::Service, "port")];

/// The stacks that are changed, and how.
pub fn stacks() -> [(Config, &'static [Change]); 2] {
    [(full(), CHANGES), (config(""), PLAIN)]
}

impl Change {
    /// Whether a finding is where this change was made: at the property, or at any member of the
    /// collection where only that is known.
    pub fn fits(&self, address: &Address, property: &str) -> bool {
        let is_there = property == self.property;
        let is_member = self.property.ends_with('[') && property.starts_with(self.property);
        address.to_string() == self.address && (is_there || is_member)
    }

    /// Whether somebody changes a property of a kind here.
    fn is_of(&self, kind: Kind, property: &str) -> bool {
        self.address.starts_with(kind.name()) && self.property.split('[').next() == Some(property)
    }
}

/// Somebody else's targets, with their name.
fn their_targets(world: &World) -> (String, String) {
    let vpc = world.output("vpc.main", "id");
    let name = format!("theirs-{}", world.endpoint.calls().len());
    let request = json!({"Name": name, "Protocol": "HTTP", "Port": 80, "VpcId": vpc,
        "TargetType": "ip"});
    let group = world.ask("elb", "CreateTargetGroup", &request);
    (group["TargetGroups"][0]["TargetGroupArn"].as_str().unwrap().to_owned(), name)
}

/// Puts targets behind somebody else's load balancer in the stack's network, where it is a notice.
fn put_behind_a_balancer(world: &World, group: &str, name: &str) {
    let subnets = ["subnet.private-a", "subnet.private-b"].map(|one| world.output(one, "id"));
    let request = json!({"Name": name, "Scheme": "internal", "Subnets": subnets});
    let balancer = world.ask("elb", "CreateLoadBalancer", &request);
    let request = json!({
        "LoadBalancerArn": balancer["LoadBalancers"][0]["LoadBalancerArn"],
        "Protocol": "HTTP", "Port": 80,
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": group}],
    });
    world.ask("elb", "CreateListener", &request);
}

/// Somebody else's role that a schedule may take on.
fn their_role(world: &World) -> String {
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"Service": "scheduler.amazonaws.com"},
    }]});
    let name = format!("theirs-{}", world.endpoint.calls().len());
    let request = json!({"RoleName": name, "AssumeRolePolicyDocument": trust.to_string()});
    let role = world.ask("iam", "CreateRole", &request);
    role["Role"]["Arn"].as_str().unwrap().to_owned()
}

/// A value with another member.
fn with(mut value: Value, name: &str, member: Value) -> Value {
    value[name] = member;
    value
}

/// A list with another item.
fn pushed(mut list: Value, item: Value) -> Value {
    list.as_array_mut().unwrap().push(item);
    list
}

/// Changes one field of a resource behind the stack's back, by the calls that anybody would make.
pub async fn make(world: &World, change: &Change) {
    let address: Address = change.address.parse().unwrap();
    let record = &world.memory.state.resources[&address];
    let sought = provision::resource::SoughtValue {
        address: address.clone(),
        outputs: record.outputs.clone(),
        applied: record.applied.clone(),
    };
    let live = address.kind().read(&world.aws, &[sought]).await.unwrap().remove(0).unwrap();
    let field = provision::drift::field_of(change.property).to_owned();
    let mut spec = live.spec.clone();
    spec[&field] = (change.to)(world, spec[&field].clone());
    let fields = BTreeSet::from([field]);
    let changed = address.kind().update(&world.aws, &spec, &record.identity, &live, &fields).await;
    changed.unwrap_or_else(|error| panic!("{} {}: {error}", change.address, change.property));
}

#[tokio::test(start_paused = true)]
async fn every_change_is_one_finding_and_is_put_back() {
    for (config, changes) in stacks() {
        let mut world = World::new();
        world.up(&config).await;
        let mut wrong = Vec::new();
        for change in changes {
            make(&world, change).await;
            let drift = check(&world, &config).await;
            let found: Vec<_> = drift.findings.iter().filter(|one| one.severity > Notice).collect();
            let fits = |one: &Finding| {
                change.fits(&one.address, &one.property)
                    && (one.class, one.severity) == (change.class, change.severity)
            };
            if found.len() != 1 || !fits(found[0]) {
                wrong.push(format!("{} {}: {:?}", change.address, change.property, lines(&drift)));
            }
            fix(&mut world, &config).await;
            let left = check(&world, &config).await;
            if left.has_drifted(Low) {
                let left = lines(&left);
                wrong.push(format!("after {} {}: {left:?}", change.address, change.property));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        world.assert_settled(&config).await;
    }
}

/// The container and the port that requests go to change with what runs.
#[tokio::test(start_paused = true)]
async fn requests_that_go_to_another_container_are_found_and_put_back() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    let side = json!({"name": "side", "image": "ghcr.io/acme/side:1", "essential": true,
        "portMappings": [{"containerPort": 9000, "protocol": "tcp"}]});
    let balancers = json!([{"targetGroupArn": world.output("target_group.app", "arn"),
        "containerName": "side", "containerPort": 9000}]);
    let request = json!({
        "cluster": world.output("cluster.main", "name"),
        "service": world.output("service.app", "name"),
        "taskDefinition": registered(&world, &[], &[side]),
        "loadBalancers": balancers,
    });
    world.ask("ecs", "UpdateService", &request);
    let expected = ["container", "port", "task_definition"]
        .map(|property| format!("high service.app {property}"));
    assert_eq!(lines(&check(&world, &config).await), expected);
    fix(&mut world, &config).await;
    assert_eq!(lines(&check(&world, &config).await), [""; 0]);
    world.assert_settled(&config).await;
}

/// Every kind and every property of it that AWS can change has its change above, and so has every
/// kind and property that is yet to come.
#[tokio::test(start_paused = true)]
async fn no_property_of_any_kind_is_forgotten() {
    let mut world = World::new();
    world.up(&full()).await;
    let mut forgotten = Vec::new();
    let mut seen: BTreeMap<Kind, BTreeSet<String>> = BTreeMap::new();
    for (address, record) in &world.memory.state.resources {
        let properties = seen.entry(address.kind()).or_default();
        properties.extend(properties_of(address.kind(), &record.applied));
    }
    let kinds: BTreeSet<Kind> = seen.keys().copied().collect();
    assert_eq!(kinds, Kind::ALL.iter().copied().collect(), "the full stack has every kind");
    for (kind, properties) in seen {
        for property in properties {
            let mut changes = CHANGES.iter().chain(PLAIN);
            let is_changed = changes.any(|change| change.is_of(kind, &property));
            if !is_changed && !TOGETHER.contains(&(kind, property.as_str())) {
                forgotten.push(format!("{} {property}", kind.name()));
            }
        }
    }
    assert!(forgotten.is_empty(), "nobody changes {}", forgotten.join(", "));
}

/// The properties that AWS can change: the fields, and what is in those that are structures.
fn properties_of(kind: Kind, spec: &Value) -> Vec<String> {
    let facts = kind.facts();
    // Another revision is another resource: of one nothing changes but its tags.
    if !facts.renewed.is_empty() {
        return vec![];
    }
    let fields = spec.as_object().unwrap().iter();
    // What counts only while it is made nobody can change either.
    let bound = |name: &str| facts.fixed.contains(&name) || facts.initial.contains(&name);
    let free = fields.filter(|(name, _)| !bound(name));
    let is_one = |name: &str, value: &Value| {
        let members = format!("{name}.*");
        facts.owned.contains(&name)
            || facts.whole.contains(&name)
            || facts.whole.contains(&members.as_str())
            || !value.is_object()
    };
    free.flat_map(|(name, value)| match value.as_object() {
        Some(members) if !is_one(name, value) => {
            members.keys().map(|member| format!("{name}.{member}")).collect()
        }
        _ => vec![name.clone()],
    })
    .collect()
}

#[tokio::test(start_paused = true)]
async fn tags_are_findings_one_by_one_and_strangers_tags_are_none() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    let vpc = world.output("vpc.main", "id");
    let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
    let tags = [tag("team", "red"), tag("governance", "x"), tag("provision:stack", "theirs")];
    world.ask("ec2", "CreateTags", &json!({"ResourceId": [vpc], "Tag": tags}));
    let found = lines(&check(&world, &config).await);
    assert_eq!(found, ["medium vpc.main tags[provision:stack]", "low vpc.main tags[team]"]);
    fix(&mut world, &config).await;
    assert_eq!(lines(&check(&world, &config).await), [""; 0]);
    let left = world.ask("ec2", "DescribeTags", &json!({}));
    assert!(left.to_string().contains("governance"), "a stranger's tag stays");
}

/// Deletes what can be deleted by itself, behind the stack's back.
#[tokio::test(start_paused = true)]
async fn what_was_deleted_is_missing_and_comes_back() {
    /// What goes with another resource.
    const ALONG: &[(&str, &[&str])] = &[
        ("load_balancer.main", &["listener.http"]),
        // Autoscaling forgets a service that is gone.
        (
            "service.app",
            &["scalable_target.app", "scaling_policy.app-cpu", "scaling_policy.app-requests"],
        ),
        ("scalable_target.app", &["scaling_policy.app-cpu", "scaling_policy.app-requests"]),
    ];
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    let addresses: Vec<Address> = world.memory.state.resources.keys().cloned().collect();
    let mut deleted = BTreeSet::new();
    for address in addresses {
        let record = world.memory.state.resources[&address].clone();
        let gone = provision::resource::SoughtValue {
            address: address.clone(),
            outputs: record.outputs,
            applied: record.applied,
        };
        if address.kind().delete(&world.aws, &gone).await.is_err() {
            continue;
        }
        deleted.insert(address.kind());
        let drift = check(&world, &config).await;
        let name = address.to_string();
        let along = ALONG.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, along)| *along);
        let mut expected: BTreeSet<String> = along.iter().map(|one| (*one).to_owned()).collect();
        expected.insert(name.clone());
        let found: BTreeSet<String> =
            drift.findings.iter().map(|one| one.address.to_string()).collect();
        assert_eq!(found, expected, "{:?}", lines(&drift));
        assert!(
            drift.findings.iter().all(|one| one.class == Class::Missing && one.severity >= High)
        );
        fix(&mut world, &config).await;
        assert_eq!(lines(&check(&world, &config).await), [""; 0], "after {name}");
    }
    for kind in [
        Kind::NatGateway,
        Kind::LoadBalancer,
        Kind::Listener,
        Kind::Service,
        Kind::Role,
        Kind::LogGroup,
        Kind::ScalableTarget,
        Kind::ScalingPolicy,
        Kind::TaskDefinition,
        Kind::Topic,
        Kind::Alarm,
        Kind::Schedule,
    ] {
        assert!(deleted.contains(&kind), "{kind:?} was not deleted");
    }
    world.assert_settled(&config).await;
}

#[tokio::test(start_paused = true)]
async fn a_repair_leaves_the_files_changes_and_what_is_ignored() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    for change in CHANGES.iter().filter(|change| {
        matches!(change.property, SSH | DNS | "retention_days") && change.severity != Low
    }) {
        make(&world, change).await;
    }
    let mut wanted = config.clone();
    wanted.services.get_mut("app").unwrap().execute_command = true;
    wanted.drift.ignore = vec![provision::config::Ignore {
        address: "security_group.*".into(),
        property: Some("ingress[from_port=22*".into()),
        until: None,
        reason: None,
    }];
    let drift = check(&world, &wanted).await;
    assert_eq!(drift.ignored.len(), 1);
    assert!(drift.findings.iter().any(|one| one.class == Class::Unapplied));
    let run = fix(&mut world, &wanted).await;
    let mut calls = run.mutations();
    calls.sort_unstable();
    assert_eq!(calls, ["PutRetentionPolicy", "RevokeSecurityGroupEgress"]);
    let (drift, repair) = examine(&world, &wanted).await;
    assert!(repair.plan.is_empty());
    assert_eq!((drift.drifted().count(), drift.ignored.len()), (0, 1));
}
