//! Every configuration that a user may write, as far as AWS is asked for something different.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, RngAlgorithm, TestRng, TestRunner};
use provision::config::{
    Architecture, Autoscaling, Cluster, Config, ContainerHealthCheck, Deployment, Drift,
    HealthCheck, ImageOwner, Insights, Nat, Network, Service, Spot, State, TaskPolicies, Zones,
};
use serde_json::json;

use crate::harness::{REGION, load};

/// A whole configuration. It has passed all of its checks.
pub fn configs() -> impl Strategy<Value = Config> {
    let tags = btree_map("[a-zA-Z][a-zA-Z0-9 _.:/=+@-]{0,12}", "[a-zA-Z0-9 _.:/=+@-]{0,12}", 0..4);
    (networks(), insights(), services(), tags, any::<bool>(), any::<bool>()).prop_map(
        |(network, container_insights, service, tags, protect, watched)| {
            let config = Config {
                name: "shop".into(),
                environment: String::new(),
                region: REGION.into(),
                network,
                cluster: Cluster { container_insights },
                services: BTreeMap::from([("app".to_owned(), service)]),
                tags: tags.into_iter().filter(|(key, _)| may_be_a_tag(key)).collect(),
                state: State { bucket: watched.then(|| "acme-states".into()), ..State::default() },
                drift: drift(watched),
                protect,
                timeouts: BTreeMap::new(),
            };
            load(toml::to_string(&config).expect("a configuration is a table"), vec![])
        },
    )
}

/// With a check that the account makes by itself, or without.
fn drift(watched: bool) -> Drift {
    Drift {
        schedule: watched.then(|| "rate(1 day)".into()),
        image: watched.then(|| "acme/provision:1".into()),
        ..Drift::default()
    }
}

fn may_be_a_tag(key: &str) -> bool {
    let key = key.to_lowercase();
    !key.starts_with("aws:") && !key.starts_with("provision:") && key.trim() == key
}

fn networks() -> impl Strategy<Value = Network> {
    let cidr = prop_oneof![
        Just("10.0.0.0/16"),
        Just("10.20.0.0/20"),
        Just("172.16.4.0/22"),
        Just("192.168.0.0/23"),
        Just("10.255.0.0/18"),
        Just("100.64.0.0/24"),
    ];
    let names = ["a", "b", "d"].map(|zone| format!("{REGION}{zone}")).to_vec();
    let zones = prop_oneof![
        4 => (2_u8..=6).prop_map(Zones::Count),
        1 => Just(Zones::Named(names)),
    ];
    let nat = prop_oneof![Just(Nat::Single), Just(Nat::PerZone), Just(Nat::None)];
    // The account has room for five addresses.
    let few = |zones: Zones| match zones {
        Zones::Count(count) => Zones::Count(count.min(4)),
        listed @ Zones::Named(_) => listed,
    };
    let placed = (zones, nat).prop_map(move |(zones, nat)| match nat {
        Nat::PerZone => (few(zones), nat),
        nat => (zones, nat),
    });
    (cidr, placed).prop_map(|(cidr, (zones, nat))| Network {
        cidr: cidr.parse().expect("it is a block of addresses"),
        zones,
        nat,
    })
}

fn insights() -> impl Strategy<Value = Insights> {
    prop_oneof![Just(Insights::Enabled), Just(Insights::Enhanced), Just(Insights::Disabled)]
}

fn services() -> impl Strategy<Value = Service> {
    let owners = prop_oneof![Just(ImageOwner::Stack), Just(ImageOwner::External)];
    let parts = (tasks(), containers(), balancing(), running(), owners);
    parts.prop_map(|(task, container, balance, run, image_owner)| {
        let (cpu, memory, architecture, task_policies) = task;
        let (environment, secrets, command, user, read_only_root, stop, own_check) = container;
        let (port, listener_port, health_check, deregistration, ingress, grace) = balance;
        let (count, autoscaling, spot, deployment, retention, execute_command) = run;
        Service {
            image: "ghcr.io/acme/shop:1".into(),
            image_owner,
            port,
            cpu,
            memory,
            architecture,
            count,
            environment,
            secrets,
            command,
            user,
            read_only_root,
            stop_timeout_seconds: stop,
            health_check,
            container_health_check: own_check,
            grace_period_seconds: grace,
            deregistration_delay_seconds: deregistration,
            ingress,
            listener_port,
            log_retention_days: retention,
            spot,
            autoscaling,
            deployment,
            task_policies,
            execute_command,
        }
    })
}

type Task = (u32, u32, Architecture, TaskPolicies);

fn tasks() -> impl Strategy<Value = Task> {
    let sizes = [
        (256, 512),
        (256, 2048),
        (512, 4096),
        (1024, 2048),
        (2048, 16384),
        (4096, 30720),
        (8192, 16384),
        (16384, 122_880),
    ];
    let sizes = proptest::sample::select(sizes.to_vec());
    let architectures = prop_oneof![Just(Architecture::X86_64), Just(Architecture::Arm64)];
    (sizes, architectures, policies())
        .prop_map(|((cpu, memory), architecture, policies)| (cpu, memory, architecture, policies))
}

fn policies() -> impl Strategy<Value = TaskPolicies> {
    let managed = ["AmazonSQSReadOnlyAccess", "AmazonS3ReadOnlyAccess"]
        .map(|name| format!("arn:aws:iam::aws:policy/{name}"));
    let managed = proptest::sample::subsequence(managed.to_vec(), 0..=2);
    // IAM gives documents back as they were written; what says the same in another way is the same.
    let documents = [
        json!({"Statement": [{
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:GetObject"],
            "Resource": "arn:aws:s3:::shop uploads/*",
        }]}),
        json!({"Version": "2012-10-17", "Statement": {
            "Sid": "Queues", "Effect": "Deny", "NotAction": "sqs:*", "Resource": ["*"],
            "Condition": {"StringEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}},
        }}),
        json!({"Version": "2008-10-17", "Id": "é", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Allow", "Action": "*", "Resource": "*",
             "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        ]}),
    ];
    let inline = btree_map(
        "[a-zA-Z][a-zA-Z0-9_.@=,+-]{0,9}",
        proptest::sample::select(documents.to_vec()),
        0..4,
    );
    (managed, inline).prop_map(|(managed, inline)| TaskPolicies {
        managed: managed.into_iter().collect(),
        inline,
    })
}

type Container = (
    BTreeMap<String, String>,
    BTreeMap<String, String>,
    Option<Vec<String>>,
    Option<String>,
    bool,
    Option<u32>,
    Option<ContainerHealthCheck>,
);

fn containers() -> impl Strategy<Value = Container> {
    let secret = prop_oneof![
        Just("arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/database-AbCdEf"),
        Just("arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/database-AbCdEf:user::"),
        Just("arn:aws:ssm:us-east-1:123456789012:parameter/shop/key"),
    ];
    let command = option::of(vec("[ -~é\n]{1,8}", 1..5));
    let users = prop_oneof![Just("1000"), Just("1000:1000"), Just("app")].prop_map(str::to_owned);
    (
        btree_map("E[a-zA-Z0-9_]{0,6}", "[ -~é€😀\t\n]{0,9}", 0..6),
        btree_map("S[a-zA-Z0-9_]{0,6}", secret.prop_map(str::to_owned), 0..4),
        command,
        option::of(users),
        any::<bool>(),
        option::of(2_u32..=120),
        option::of(own_checks()),
    )
}

fn own_checks() -> impl Strategy<Value = ContainerHealthCheck> {
    let commands = prop_oneof![
        Just(vec!["CMD-SHELL".to_owned(), "wget -q -O - localhost || exit 1".to_owned()]),
        Just(vec!["CMD".to_owned(), "/check".to_owned(), "--fast".to_owned()]),
    ];
    (commands, 5_u32..=30, 2_u32..=5, 1_u32..=3, 0_u32..=20).prop_map(
        |(command, interval_seconds, timeout_seconds, retries, start_period_seconds)| {
            ContainerHealthCheck {
                command,
                interval_seconds,
                timeout_seconds,
                retries,
                start_period_seconds,
            }
        },
    )
}

type Balancing = (u16, u16, HealthCheck, u32, Vec<Ipv4Net>, u32);

fn balancing() -> impl Strategy<Value = Balancing> {
    let codes = prop_oneof![Just("200"), Just("200,204"), Just("200-299"), Just("200-299,301")];
    let paths = prop_oneof![Just("/health"), Just("/"), Just("/a/b?deep=1&x=%20")];
    let checks = (codes, paths, 6_u32..=60, 2_u32..=5, 2_u32..=10, 2_u32..=10).prop_map(
        |(codes, path, interval_seconds, timeout_seconds, healthy, unhealthy)| HealthCheck {
            path: path.into(),
            interval_seconds,
            timeout_seconds,
            healthy_threshold: healthy,
            unhealthy_threshold: unhealthy,
            codes: codes.into(),
        },
    );
    let blocks = ["0.0.0.0/0", "198.51.100.0/24", "203.0.113.7/32", "10.0.0.0/8"];
    let blocks = blocks.map(|block| block.parse().expect("it is a block of addresses"));
    let ingress = proptest::sample::subsequence(blocks.to_vec(), 1..=4);
    let delays = prop_oneof![0_u32..=300, Just(600)];
    let ports = prop_oneof![1_u16..=65535, 1024_u16..9000];
    (ports, prop_oneof![Just(80), 1_u16..=65535], checks, delays, ingress, 0_u32..=900)
}

type Running = (u32, Option<Autoscaling>, Option<Spot>, Deployment, Option<u32>, bool);

fn running() -> impl Strategy<Value = Running> {
    let spot = (0_u32..3, 0_u32..3, 1_u32..4).prop_map(|(base, on_demand_weight, spot_weight)| {
        Spot { base, on_demand_weight, spot_weight }
    });
    let percents = [(0, 100), (50, 200), (100, 200), (0, 150), (25, 200)];
    let deployment = (proptest::sample::select(percents.to_vec()), any::<bool>()).prop_map(
        |((minimum_healthy_percent, maximum_percent), rollback)| Deployment {
            minimum_healthy_percent,
            maximum_percent,
            rollback,
        },
    );
    let retention = option::of(prop_oneof![Just(1), Just(30), Just(365), Just(3653)]);
    let running = (1_u32..=4, option::of(scaling()), option::of(spot), deployment, retention);
    (running, any::<bool>()).prop_map(|((count, scaling, spot, deployment, retention), execute)| {
        let bounds =
            scaling.as_ref().map_or((1, 4), |scaling: &Autoscaling| (scaling.min, scaling.max));
        (count.clamp(bounds.0, bounds.1), scaling, spot, deployment, retention, execute)
    })
}

fn scaling() -> impl Strategy<Value = Autoscaling> {
    let metrics = (any::<bool>(), any::<bool>(), any::<bool>());
    let bounds = (1_u32..=3, 0_u32..=5);
    (metrics, bounds, 10_u32..90, 0_u32..400).prop_map(|(metrics, (min, more), at, cooldown)| {
        let (cpu, memory, requests) = metrics;
        let at = f64::from(at) + 0.25;
        Autoscaling {
            min,
            max: min + more,
            cpu: (cpu || !(memory || requests)).then_some(at),
            memory: memory.then_some(at),
            requests_per_target: requests.then_some(at * 10.0),
            scale_in_cooldown_seconds: cooldown,
            scale_out_cooldown_seconds: cooldown / 2,
        }
    })
}

/// A runner that tries the same cases in every run.
pub fn runner(cases: u32) -> TestRunner {
    let config =
        Cases { cases, failure_persistence: None, max_shrink_iters: 30, ..Cases::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Runs a test in time of its own that nobody waits for.
pub fn paused<T>(test: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build().expect("a runtime can be built");
    runtime.block_on(test)
}

/// The names of what a configuration's stack is made of differ in nothing but these.
#[test]
fn generated_configurations_differ_in_every_setting() {
    use proptest::strategy::ValueTree;
    let mut runner = runner(200);
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for _ in 0..200 {
        let config = configs().new_tree(&mut runner).expect("it can be generated").current();
        collect("", &serde_json::to_value(&config).expect("it is JSON"), &mut seen);
    }
    let constant: Vec<&String> =
        seen.iter().filter(|(_, values)| values.len() < 2).map(|(path, _)| path).collect();
    // AWS is asked for nothing else by the first of them.
    let expected = ["drift.ignore", "name", "region", "services.app.image"];
    let constant: Vec<&str> = constant
        .into_iter()
        .map(String::as_str)
        .filter(|path| !path.contains("inline") && !path.contains("environment."))
        .filter(|path| !path.contains("secrets.") && !path.starts_with("tags."))
        .filter(|path| !path.contains("autoscaling.m"))
        // Where the state is, and who is told of drift, is no part of what a stack is made of.
        .filter(|path| !path.starts_with("state.") && !path.starts_with("drift.webhook"))
        // There is a check in the account or there is none; which it is changes nothing else.
        .filter(|path| !matches!(*path, "drift.image" | "drift.schedule"))
        .collect();
    assert_eq!(constant, expected);
}

fn collect(path: &str, value: &serde_json::Value, seen: &mut BTreeMap<String, BTreeSet<String>>) {
    match value {
        serde_json::Value::Object(members) => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect(&path, member, seen);
            }
        }
        other => {
            seen.entry(path.to_owned()).or_default().insert(other.to_string());
        }
    }
}
