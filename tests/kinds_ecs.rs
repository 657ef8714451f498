//! The kinds around ECS, each through its whole life in the simulated AWS.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{World, identity, sought};
use provision::aws::Class;
use provision::resource::cluster::{Cluster, ContainerInsights};
use provision::resource::elastic_ip::ElasticIp;
use provision::resource::internet_gateway::InternetGateway;
use provision::resource::listener::Listener;
use provision::resource::load_balancer::LoadBalancer;
use provision::resource::log_group::LogGroup;
use provision::resource::nat_gateway::NatGateway;
use provision::resource::role::{Role, RoleArn};
use provision::resource::route_table::{RouteTable, RouteTarget};
use provision::resource::security_group::{Peer, Protocol, Rule, SecurityGroup, SecurityGroupId};
use provision::resource::service::{self, Capacity, Count, Service};
use provision::resource::subnet::{Subnet, SubnetId};
use provision::resource::target_group::{HealthCheck, TargetGroup, TargetGroupArn};
use provision::resource::task_definition::{
    self, Architecture, Container, ContainerHealthCheck, TaskDefinition,
};
use provision::resource::vpc::{Vpc, VpcId};
use provision::resource::{Address, Input, Kind, Readiness, Reference, Resource};
use provision::simulated_aws::ecs::workload::{Run, Workload};
use serde_json::{Value, json};

const EXECUTION: &str = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

fn trust(service: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": { "Service": service },
        "Action": "sts:AssumeRole",
    }]})
}

fn allow(actions: &[&str]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": actions, "Resource": "*" },
    ]})
}

fn role() -> Role {
    Role {
        trust: trust("ecs-tasks.amazonaws.com"),
        managed_policies: BTreeSet::from([EXECUTION.to_owned()]),
        inline_policies: BTreeMap::from([(
            "logs".into(),
            allow(&["s3:ListBucket", "s3:GetObject"]),
        )]),
        description: "Starts tasks".into(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_lives() {
    let trust = Role { trust: trust("ecs.amazonaws.com"), ..role() };
    let description = Role { description: String::new(), ..trust.clone() };
    let managed_policies =
        Role { managed_policies: BTreeSet::from([READ_ONLY.to_owned()]), ..description.clone() };
    let inline_policies = BTreeMap::from([
        ("logs".to_owned(), allow(&["s3:GetObject"])),
        ("more".to_owned(), allow(&["sqs:SendMessage"])),
    ]);
    let more = Role { inline_policies, ..managed_policies.clone() };
    let none = Role { inline_policies: BTreeMap::new(), ..more.clone() };
    let others = [
        ("trust", trust),
        ("description", description),
        ("managed_policies", managed_policies),
        ("inline_policies", more),
        ("inline_policies", none),
    ];
    World::new().lives("task", role(), &others).await;
}

#[tokio::test(start_paused = true)]
async fn what_somebody_hung_on_a_role_is_seen_and_goes_with_it() {
    let world = World::new();
    let outputs = world.made("task", &role()).await;
    let iam = world.aws.iam();
    let hang = iam.attach_role_policy().role_name(&outputs.name).policy_arn(READ_ONLY);
    hang.send().await.unwrap();
    let put = iam.put_role_policy().role_name(&outputs.name).policy_name("debug");
    put.policy_document(allow(&["*"]).to_string()).send().await.unwrap();

    let live = world.live("task", &role(), &outputs).await.unwrap().spec;
    assert!(live.managed_policies.contains(READ_ONLY));
    assert_eq!(live.inline_policies.keys().collect::<Vec<_>>(), ["debug", "logs"]);
    let from = world.live("task", &role(), &outputs).await.unwrap();
    world.updated(&role(), &identity::<Role>("task"), from, Role::OWNED).await;
    assert_eq!(world.live("task", &role(), &outputs).await.unwrap().spec, role());

    let hang = iam.attach_role_policy().role_name(&outputs.name).policy_arn(READ_ONLY);
    hang.send().await.unwrap();
    world.delete("task", &role(), &outputs).await.unwrap();
    assert!(world.live("task", &role(), &outputs).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_role_is_read_in_one_go() {
    let world = World::new();
    let outputs = world.made("task", &role()).await;
    let before = world.endpoint.calls().len();
    let started = tokio::time::Instant::now();
    world.live("task", &role(), &outputs).await.unwrap();
    assert_eq!(world.calls(before).len(), 4);
    assert!(started.elapsed().as_millis() < 160, "the calls go side by side");
}

#[tokio::test(start_paused = true)]
async fn a_role_whose_creation_was_interrupted_is_finished() {
    let world = World::new();
    let identity = identity::<Role>("task");
    let half = Role {
        trust: trust("ecs.amazonaws.com"),
        managed_policies: BTreeSet::new(),
        inline_policies: BTreeMap::new(),
        description: String::new(),
    };
    half.create(&world.aws, &identity).await.unwrap();
    let outputs = role().create(&world.aws, &identity).await.unwrap();
    assert_eq!(world.live("task", &role(), &outputs).await.unwrap().spec, role());
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_role_is_left_alone() {
    let world = World::new();
    let identity = identity::<Role>("task");
    let create = world.aws.iam().create_role().role_name(&identity.name);
    create
        .assume_role_policy_document(trust("ec2.amazonaws.com").to_string())
        .send()
        .await
        .unwrap();
    let error = role().create(&world.aws, &identity).await.unwrap_err();
    assert_eq!(error.class(), Class::AlreadyExists);
    assert!(world.found("task", &role()).await.unwrap().tags.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_log_group_lives() {
    let others = [
        ("retention_days", LogGroup { retention_days: Some(7) }),
        ("retention_days", LogGroup { retention_days: None }),
        ("retention_days", LogGroup { retention_days: Some(30) }),
    ];
    World::new().lives("web", LogGroup { retention_days: Some(30) }, &others).await;
}

#[tokio::test(start_paused = true)]
async fn a_log_group_is_not_another_whose_name_begins_alike() {
    let world = World::new();
    let name = identity::<LogGroup>("web").name;
    for other in ["-2", "-3"] {
        let create = world.aws.logs().create_log_group().log_group_name(format!("{name}{other}"));
        create.send().await.unwrap();
    }
    assert!(world.found("web", &LogGroup { retention_days: None }).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_log_group_that_came_back_by_itself_is_taken_up_again() {
    let world = World::new();
    let (spec, identity) = (LogGroup { retention_days: Some(7) }, identity::<LogGroup>("web"));
    let create = world.aws.logs().create_log_group().log_group_name(&identity.name);
    create.send().await.unwrap();
    let outputs = spec.create(&world.aws, &identity).await.unwrap();
    let live = world.live("web", &spec, &outputs).await.unwrap();
    assert_eq!((live.spec, live.tags), (spec, identity.tags));
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_log_group_is_left_alone() {
    let world = World::new();
    let (spec, identity) = (LogGroup { retention_days: Some(7) }, identity::<LogGroup>("web"));
    let create = world.aws.logs().create_log_group().log_group_name(&identity.name);
    create.tags("team", "red").send().await.unwrap();
    let error = spec.create(&world.aws, &identity).await.unwrap_err();
    assert_eq!(error.class(), Class::AlreadyExists);
}

fn cluster() -> Cluster {
    Cluster {
        container_insights: ContainerInsights::Disabled,
        capacity_providers: BTreeSet::from(["FARGATE".into(), "FARGATE_SPOT".into()]),
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_lives() {
    let enhanced = Cluster { container_insights: ContainerInsights::Enhanced, ..cluster() };
    let enabled = Cluster { container_insights: ContainerInsights::Enabled, ..cluster() };
    let providers =
        Cluster { capacity_providers: BTreeSet::from(["FARGATE".into()]), ..enabled.clone() };
    let others = [
        ("container_insights", enhanced),
        ("container_insights", enabled),
        ("capacity_providers", providers),
    ];
    World::new().lives("main", cluster(), &others).await;
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_cluster_is_left_alone() {
    let world = World::new();
    let identity = identity::<Cluster>("main");
    world.aws.ecs().create_cluster().cluster_name(&identity.name).send().await.unwrap();
    let error = cluster().create(&world.aws, &identity).await.unwrap_err();
    assert_eq!(error.class(), Class::AlreadyExists);
}

async fn roles(world: &World) -> RoleArn {
    let role = Role { inline_policies: BTreeMap::new(), ..role() };
    world.made("task", &role).await.arn
}

async fn a_log_group(world: &World) {
    world.made("web", &LogGroup { retention_days: None }).await;
}

fn task(role: &RoleArn) -> TaskDefinition {
    TaskDefinition {
        cpu: 256,
        memory_mib: 512,
        architecture: Architecture::X86_64,
        execution_role: role.clone().into(),
        task_role: role.clone().into(),
        container: Container {
            name: "web".into(),
            image: "nginx:1".into(),
            port: Some(8080),
            environment: BTreeMap::from([("B".into(), "2".into()), ("A".into(), "1".into())]),
            secrets: BTreeMap::new(),
            log_group: Input::Known(identity::<LogGroup>("web").name.into()),
            log_region: "eu-west-1".into(),
            log_stream_prefix: "web".into(),
            health_check: None,
            read_only_root: false,
            user: None,
            command: None,
            stop_timeout_seconds: None,
        },
    }
}

fn running(role: &RoleArn, image: &str) -> TaskDefinition {
    let task = task(role);
    TaskDefinition { container: Container { image: image.into(), ..task.container }, ..task }
}

#[tokio::test(start_paused = true)]
async fn a_task_definition_lives() {
    let world = World::new();
    let role = roles(&world).await;
    let first = task(&role);
    let bigger = TaskDefinition { cpu: 1024, memory_mib: 2048, ..first.clone() };
    let arm = TaskDefinition { architecture: Architecture::Arm64, ..bigger.clone() };
    let container = Container {
        image: "nginx:2".into(),
        environment: BTreeMap::new(),
        secrets: BTreeMap::from([(
            "KEY".into(),
            "arn:aws:ssm:eu-west-1:000000000000:parameter/key".into(),
        )]),
        health_check: Some(ContainerHealthCheck {
            command: vec!["CMD-SHELL".into(), "true".into()],
            interval_seconds: 10,
            timeout_seconds: 5,
            retries: 2,
            start_period_seconds: 0,
        }),
        read_only_root: true,
        user: Some("1000:1000".into()),
        command: Some(vec!["serve".into(), "--quietly".into()]),
        stop_timeout_seconds: Some(45),
        ..arm.container.clone()
    };
    let full = TaskDefinition { container, ..arm.clone() };
    let others =
        [("cpu", bigger), ("architecture", arm), ("container", full), ("container", first.clone())];
    world.lives("web", first, &others).await;
}

async fn active_revisions(world: &World) -> usize {
    let family = identity::<TaskDefinition>("web").name;
    let list = world.aws.ecs().list_task_definitions().family_prefix(family);
    list.send().await.unwrap().task_definition_arns().len()
}

#[tokio::test(start_paused = true)]
async fn asking_again_for_a_revision_makes_no_other() {
    let world = World::new();
    let spec = task(&roles(&world).await);
    let identity = identity::<TaskDefinition>("web");
    let first = spec.create(&world.aws, &identity).await.unwrap();
    assert_eq!(spec.create(&world.aws, &identity).await.unwrap(), first);
    assert_eq!(active_revisions(&world).await, 1);
}

#[tokio::test(start_paused = true)]
async fn earlier_revisions_stay_for_rollbacks() {
    let world = World::new();
    let role = roles(&world).await;
    let spec = task(&role);
    let outputs = world.made("web", &spec).await;
    let from = world.live("web", &spec, &outputs).await.unwrap();
    let (next, identity) = (running(&role, "nginx:2"), identity::<TaskDefinition>("web"));
    let renewed = world.updated(&next, &identity, from, &["container"]).await;
    assert_eq!((outputs.revision, renewed.revision), (1, 2));
    assert_eq!(active_revisions(&world).await, 2);
    assert!(world.live("web", &spec, &outputs).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_revisions_of_the_family_are_left_alone() {
    let world = World::new();
    let spec = task(&roles(&world).await);
    let outputs = world.made("web", &spec).await;
    let other = task_definition_by_hand(&world).await;
    let found = world.found("web", &spec).await.unwrap();
    assert_eq!(found.outputs, outputs);
    world.delete("web", &spec, &outputs).await.unwrap();
    let left = world.aws.ecs().list_task_definitions().send().await.unwrap();
    assert_eq!(left.task_definition_arns(), [other]);
}

async fn task_definition_by_hand(world: &World) -> String {
    use aws_sdk_ecs::types::{Compatibility, ContainerDefinition, NetworkMode};
    let register = world.aws.ecs().register_task_definition();
    let container = ContainerDefinition::builder().name("web").image("nginx").build();
    let registered = register
        .family(identity::<TaskDefinition>("web").name)
        .network_mode(NetworkMode::Awsvpc)
        .requires_compatibilities(Compatibility::Fargate)
        .cpu("256")
        .memory("512")
        .container_definitions(container)
        .send();
    registered.await.unwrap().task_definition.unwrap().task_definition_arn.unwrap()
}

/// All that a service needs around it.
struct Place {
    role: RoleArn,
    vpc: VpcId,
    cluster: Input<provision::resource::cluster::ClusterName>,
    private: [SubnetId; 2],
    group: SecurityGroupId,
    other_group: SecurityGroupId,
    balancer: LoadBalancer,
    targets: TargetGroupArn,
    task: task_definition::Outputs,
}

impl Place {
    async fn new(world: &World) -> Self {
        let vpc =
            Vpc { cidr: "10.0.0.0/16".parse().unwrap(), dns_support: true, dns_hostnames: true };
        let vpc = world.made("main", &vpc).await.id;
        let gateway = InternetGateway { vpc: vpc.clone().into() };
        let gateway = world.made("main", &gateway).await.id;
        let public = [subnet(world, &vpc, 0).await, subnet(world, &vpc, 1).await];
        let private = [subnet(world, &vpc, 2).await, subnet(world, &vpc, 3).await];
        route(world, &vpc, "public", &public, RouteTarget::InternetGateway(gateway.into())).await;
        let address = world.made("main", &ElasticIp {}).await.allocation;
        let nat = NatGateway { subnet: public[0].clone().into(), address: address.into() };
        let nat = world.made("main", &nat).await.id;
        route(world, &vpc, "private", &private, RouteTarget::NatGateway(nat.into())).await;
        let group = group(world, &vpc, "web").await;
        let other_group = self::group(world, &vpc, "other").await;
        let balancer = LoadBalancer {
            vpc: vpc.clone().into(),
            subnets: public.iter().cloned().map(Input::Known).collect(),
            security_groups: BTreeSet::from([group.clone().into()]),
            deletion_protection: false,
            idle_timeout_seconds: 60,
            drop_invalid_headers: false,
        };
        world.made("main", &balancer).await;
        let targets = targets(world, &vpc, &balancer, "web", 80).await;
        let role = roles(world).await;
        a_log_group(world).await;
        Self {
            task: world.made("web", &task(&role)).await,
            cluster: world.made("main", &cluster()).await.name.into(),
            role,
            vpc,
            private,
            group,
            other_group,
            balancer,
            targets,
        }
    }

    fn service(&self) -> Service {
        Service {
            cluster: self.cluster.clone(),
            task_definition: self.task.arn.clone().into(),
            count: Count::Fixed(2),
            subnets: self.private.iter().cloned().map(Input::Known).collect(),
            security_groups: BTreeSet::from([self.group.clone().into()]),
            target_group: self.targets.clone().into(),
            container: "web".into(),
            port: 8080,
            capacity: capacity("FARGATE"),
            grace_period_seconds: 30,
            minimum_healthy_percent: 100,
            maximum_percent: 200,
            rollback: true,
            execute_command: false,
            propagate_tags: true,
        }
    }

    /// Registers another revision that runs `image`, and gives the service that is to run it.
    async fn service_of(&self, world: &World, image: &str) -> Service {
        let from = world.live("web", &task(&self.role), &self.task).await.unwrap();
        let next = running(&self.role, image);
        let identity = identity::<TaskDefinition>("web");
        let renewed = world.updated(&next, &identity, from, &["container"]).await;
        Service { task_definition: renewed.arn.into(), ..self.service() }
    }
}

fn capacity(provider: &str) -> BTreeSet<Capacity> {
    BTreeSet::from([Capacity { provider: provider.into(), base: 0, weight: 1 }])
}

async fn subnet(world: &World, vpc: &VpcId, third: u8) -> SubnetId {
    let subnet = Subnet {
        vpc: vpc.clone().into(),
        cidr: format!("10.0.{third}.0/24").parse().unwrap(),
        zone: if third.is_multiple_of(2) { "eu-west-1a" } else { "eu-west-1b" }.into(),
        public_addresses: false,
    };
    world.made(&format!("s{third}"), &subnet).await.id
}

async fn route(world: &World, vpc: &VpcId, name: &str, subnets: &[SubnetId], out: RouteTarget) {
    let table = RouteTable {
        vpc: vpc.clone().into(),
        routes: BTreeMap::from([("0.0.0.0/0".into(), out)]),
        subnets: subnets.iter().cloned().map(Input::Known).collect(),
    };
    world.made(name, &table).await;
}

async fn group(world: &World, vpc: &VpcId, name: &str) -> SecurityGroupId {
    let everything = Rule {
        protocol: Protocol::All,
        from_port: None,
        to_port: None,
        peer: Peer::Cidr("0.0.0.0/0".parse().unwrap()),
        description: None,
    };
    let group = SecurityGroup {
        vpc: vpc.clone().into(),
        description: "Lets everything through".into(),
        ingress: BTreeSet::from([everything.clone()]),
        egress: BTreeSet::from([everything]),
    };
    world.made(name, &group).await.id
}

/// A target group with a listener in front of it.
async fn targets(
    world: &World,
    vpc: &VpcId,
    balancer: &LoadBalancer,
    name: &str,
    port: u16,
) -> TargetGroupArn {
    let group = TargetGroup {
        vpc: vpc.clone().into(),
        port: 8080,
        health_check: HealthCheck {
            path: "/".into(),
            interval_seconds: 5,
            timeout_seconds: 3,
            healthy_threshold: 2,
            unhealthy_threshold: 3,
            codes: "200".into(),
        },
        deregistration_delay_seconds: 30,
    };
    let targets = world.made(name, &group).await.arn;
    let found = world.found("main", balancer).await.unwrap().outputs;
    let listener =
        Listener { load_balancer: found.arn.into(), port, target_group: targets.clone().into() };
    world.made(name, &listener).await;
    targets
}

#[tokio::test(start_paused = true)]
async fn a_service_lives() {
    let world = World::new();
    let place = Place::new(&world).await;
    let first = place.service();
    let task = place.service_of(&world, "nginx:2").await;
    let count = Service { count: Count::Fixed(1), ..task.clone() };
    let subnets =
        Service { subnets: BTreeSet::from([place.private[0].clone().into()]), ..count.clone() };
    let group = BTreeSet::from([place.other_group.clone().into()]);
    let groups = Service { security_groups: group, ..subnets.clone() };
    let other = targets(&world, &place.vpc, &place.balancer, "other", 81).await;
    let targets = Service { target_group: other.into(), ..groups.clone() };
    let spot = Service { capacity: capacity("FARGATE_SPOT"), ..targets.clone() };
    let grace = Service { grace_period_seconds: 0, ..spot.clone() };
    let minimum = Service { minimum_healthy_percent: 50, ..grace.clone() };
    let maximum = Service { maximum_percent: 150, ..minimum.clone() };
    let at_most = Service { maximum_percent: 100, ..maximum.clone() };
    let above = Service { maximum_percent: 200, ..at_most.clone() };
    let rollback = Service { rollback: false, ..above.clone() };
    let execute = Service { execute_command: true, ..rollback.clone() };
    let untagged = Service { propagate_tags: false, ..execute.clone() };
    let tagged = Service { propagate_tags: true, ..untagged.clone() };
    let others = [
        ("task_definition", task),
        ("count", count),
        ("subnets", subnets),
        ("security_groups", groups),
        ("target_group", targets),
        ("capacity", spot),
        ("grace_period_seconds", grace),
        ("minimum_healthy_percent", minimum),
        ("maximum_percent", maximum),
        ("maximum_percent", at_most),
        ("maximum_percent", above),
        ("rollback", rollback),
        ("execute_command", execute),
        ("propagate_tags", untagged),
        ("propagate_tags", tagged),
    ];
    Box::pin(world.lives("web", first, &others)).await;
}

async fn count_of(world: &World, outputs: &service::Outputs) -> i32 {
    let describe = world.aws.ecs().describe_services().cluster(outputs.cluster.as_str());
    let described = describe.services(&outputs.name).send().await.unwrap();
    described.services()[0].desired_count()
}

async fn scale(world: &World, outputs: &service::Outputs, count: i32) {
    let update = world.aws.ecs().update_service().cluster(outputs.cluster.as_str());
    update.service(&outputs.name).desired_count(count).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_scaled_service_leaves_its_count_to_the_autoscaler() {
    let world = World::new();
    let place = Place::new(&world).await;
    let count = Count::Scaled { initial: 1, minimum: 1, maximum: 3 };
    let spec = Service { count, ..place.service() };
    let outputs = world.made("web", &spec).await;
    assert_eq!(count_of(&world, &outputs).await, 1);
    scale(&world, &outputs, 3).await;
    let live = world.live("web", &spec, &outputs).await.unwrap();
    assert_eq!(live.spec, Service { count: Count::Fixed(3), ..spec.clone() });
    let longer = Service { grace_period_seconds: 60, ..spec.clone() };
    let identity = identity::<Service>("web");
    world.updated(&longer, &identity, live, &["grace_period_seconds"]).await;
    assert_eq!(count_of(&world, &outputs).await, 3);

    scale(&world, &outputs, 4).await;
    let live = world.live("web", &spec, &outputs).await.unwrap();
    assert_eq!(live.spec.count, Count::Fixed(4));
    world.updated(&spec, &identity, live, &["count"]).await;
    assert_eq!(count_of(&world, &outputs).await, 3);
}

/// Has images that begin with `broken` exit as soon as they run.
fn break_images(world: &World) {
    let run = Run::Exits { code: 1, after_seconds: 1, lines: vec![] };
    let broken = Workload { run, ..Workload::default() };
    world.endpoint.with_cloud(|cloud| cloud.ecs.workloads.insert("broken".into(), broken));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_is_not_taken_for_a_success() {
    let world = World::new();
    let place = Place::new(&world).await;
    break_images(&world);
    let spec = place.service();
    let outputs = world.made("web", &spec).await;
    let broken = place.service_of(&world, "broken:1").await;
    let from = world.live("web", &spec, &outputs).await.unwrap();
    let identity = identity::<Service>("web");
    let renewed = world.updated(&broken, &identity, from, &["task_definition"]).await;
    assert_ne!(renewed.deployment, outputs.deployment);
    let seen = world.waited_for("web", &broken, &renewed).await;
    let Readiness::Failed(reason) = seen else { panic!("{seen:?}") };
    assert!(reason.contains("rolled back to web-dev-web:1"), "{reason}");

    tokio::time::sleep(std::time::Duration::from_mins(10)).await;
    let seen = world.waited_for("web", &broken, &renewed).await;
    assert!(matches!(seen, Readiness::Failed(_)), "{seen:?}");
    let live = world.live("web", &broken, &renewed).await.unwrap();
    assert_eq!(live.spec.task_definition, spec.task_definition);
}

#[tokio::test(start_paused = true)]
async fn a_first_deployment_that_fails_says_so() {
    let world = World::new();
    let place = Place::new(&world).await;
    break_images(&world);
    let broken = place.service_of(&world, "broken:1").await;
    let outputs = broken.create(&world.aws, &identity::<Service>("web")).await.unwrap();
    let seen = world.waited_for("web", &broken, &outputs).await;
    let Readiness::Failed(reason) = seen else { panic!("{seen:?}") };
    assert!(reason.starts_with("the deployment of web-dev-web:2 failed: "), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn asking_again_for_a_service_makes_no_other() {
    let world = World::new();
    let place = Place::new(&world).await;
    let identity = identity::<Service>("web");
    let first = place.service().create(&world.aws, &identity).await.unwrap();
    assert_eq!(place.service().create(&world.aws, &identity).await.unwrap(), first);
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_service_is_left_alone() {
    let world = World::new();
    let place = Place::new(&world).await;
    let own = identity::<Service>("web");
    let mut other = own.clone();
    other.tags.clear();
    other.token = "another".into();
    place.service().create(&world.aws, &other).await.unwrap();
    let differing = Service { count: Count::Fixed(1), ..place.service() };
    let error = differing.create(&world.aws, &own).await.unwrap_err();
    assert_eq!(error.class(), Class::AlreadyExists);
}

#[tokio::test(start_paused = true)]
async fn a_service_is_made_again_while_the_old_one_drains() {
    let world = World::new();
    let place = Place::new(&world).await;
    let spec = place.service();
    let outputs = world.made("web", &spec).await;
    world.delete("web", &spec, &outputs).await.unwrap();
    let seen = Service::poll(&world.aws, &[sought("web", &spec, &outputs)]).await.unwrap();
    assert!(
        matches!(&seen[0], Readiness::Leaving(what) if what.starts_with("draining")),
        "{seen:?}"
    );
    assert!(world.found("web", &spec).await.is_none());
    let mut again = identity::<Service>("web");
    again.token = "another".into();
    let outputs = spec.create(&world.aws, &again).await.unwrap();
    assert_eq!(world.waited_for("web", &spec, &outputs).await, Readiness::Ready);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_service_is_gone_when_its_tasks_are() {
    let world = World::new();
    let place = Place::new(&world).await;
    let spec = place.service();
    let outputs = world.made("web", &spec).await;
    world.delete("web", &spec, &outputs).await.unwrap();
    assert_eq!(world.waited_for("web", &spec, &outputs).await, Readiness::Absent);
    let left = world
        .endpoint
        .with_cloud(|cloud| cloud.ecs.tasks.values().filter(|task| !task.phase.is_alive()).count());
    assert_eq!(left, 2);
    let stopped = world.aws.ecs().list_tasks().cluster(outputs.cluster.as_str());
    let stopped = stopped.desired_status("STOPPED".into()).send().await.unwrap();
    let describe = world.aws.ecs().describe_tasks().cluster(outputs.cluster.as_str());
    let tasks = describe.set_tasks(stopped.task_arns).send().await.unwrap();
    assert!(tasks.tasks().iter().all(|task| task.last_status() == Some("STOPPED")));
}

#[tokio::test(start_paused = true)]
async fn a_service_without_a_cluster_is_not_looked_for() {
    let world = World::new();
    let place = Place::new(&world).await;
    let cluster = Address::new(Kind::Cluster, "main");
    let pending = Input::Pending(Reference { address: cluster, output: "name".into() });
    let spec = Service { cluster: pending, ..place.service() };
    assert!(world.found("web", &spec).await.is_none());
}
