//! Any bytes, and any valid configuration.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::json;

use super::super::values::RETENTION_DAYS;
use super::*;

fn network() -> impl Strategy<Value = Network> {
    let zones = prop_oneof![
        (2u8..=6).prop_map(Zones::Count),
        Just(Zones::Named(vec!["eu-west-1a".into(), "eu-west-1c".into()])),
    ];
    let nat = prop_oneof![Just(Nat::Single), Just(Nat::PerZone), Just(Nat::None)];
    (any::<u16>(), 16u8..=24, zones, nat).prop_map(|(address, prefix, zones, nat)| {
        let cidr =
            ipnet::Ipv4Net::new_assert((0x0a00_0000 + (u32::from(address) << 8)).into(), prefix);
        Network { cidr: cidr.trunc(), zones, nat }
    })
}

fn size() -> impl Strategy<Value = (u32, u32)> {
    let pairs =
        fargate::CPU.iter().flat_map(|cpu| fargate::memory(*cpu).into_iter().map(|m| (*cpu, m)));
    proptest::sample::select(pairs.collect::<Vec<_>>())
}

fn autoscaling() -> impl Strategy<Value = Autoscaling> {
    (1u32..50, 0u32..50, 0.1f64..100.0, option::of(0.1f64..1e6)).prop_map(
        |(min, more, cpu, requests)| Autoscaling {
            min,
            max: min + more,
            cpu: Some(cpu),
            memory: None,
            requests_per_target: requests,
            scale_in_cooldown_seconds: 300,
            scale_out_cooldown_seconds: min,
        },
    )
}

fn container_health_check() -> impl Strategy<Value = ContainerHealthCheck> {
    (".*", 5u32..=300, 1u32..=10).prop_map(|(line, interval_seconds, retries)| {
        ContainerHealthCheck {
            command: vec!["CMD-SHELL".into(), format!("test {line}")],
            interval_seconds,
            timeout_seconds: 2,
            retries,
            start_period_seconds: 0,
        }
    })
}

fn task_policies() -> impl Strategy<Value = TaskPolicies> {
    let policy = "[a-z]{1,8}:[A-Z][a-z]{1,8}".prop_map(|action| {
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": action, "Resource": "*" }] })
    });
    btree_map("[A-Za-z_+=,.@-]{1,20}", policy, 0..3).prop_map(|inline| TaskPolicies {
        managed: ["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()].into(),
        inline,
    })
}

prop_compose! {
    fn process()(
        environment in btree_map("[A-Za-z_][A-Za-z0-9_.-]{0,12}", any::<String>(), 0..4),
        command in option::of(vec(any::<String>(), 1..4)),
        user in option::of("[a-z]{1,8}(:[0-9]{1,4})?"),
        stop_timeout_seconds in option::of(2u32..=120),
        read_only_root in any::<bool>(),
        retention in option::of(proptest::sample::select(RETENTION_DAYS.to_vec())),
        task_policies in task_policies(),
        container_health_check in option::of(container_health_check()),
    ) -> Service {
        Service {
            environment, command, user, stop_timeout_seconds, read_only_root, task_policies,
            container_health_check, log_retention_days: retention, ..Service::default()
        }
    }
}

prop_compose! {
    fn service()(
        base in process(),
        image in "[a-z]{1,8}(/[a-z]{1,8})?:[a-z0-9]{1,5}",
        port in 1u16..,
        (cpu, memory) in size(),
        autoscaling in option::of(autoscaling()),
        count in 0u32..5000,
        interval_seconds in 5u32..=300,
        spot_weight in option::of(1u32..=1000),
    ) -> Service {
        let count = autoscaling.as_ref().map_or(count, |scaling| count.clamp(scaling.min, scaling.max));
        let health_check = HealthCheck { interval_seconds, ..HealthCheck::default() };
        let spot = spot_weight.map(|spot_weight| Spot { spot_weight, ..Spot::default() });
        Service { image, port, cpu, memory, count, health_check, spot, autoscaling, ..base }
    }
}

fn waiting(seconds: Option<u64>) -> Timeout {
    let ready = seconds.map(|seconds| timeouts::Wait(std::time::Duration::from_secs(seconds)));
    Timeout { ready, gone: None }
}

prop_compose! {
    fn config()(
        name in "x[a-z0-9]{0,10}(-[a-z0-9]{1,5})?",
        network in network(),
        app in service(),
        tags in btree_map("[a-z]{1,10}", "[A-Za-z0-9 _.:/=+@-]{0,20}", 0..5),
        protect in any::<bool>(),
        ready in option::of(1u64..=86_400),
        prefix in option::of("[a-z]{1,5}(/[a-z.]{1,5}[a-z])?/?"),
        insights in prop_oneof![Just(Insights::Enabled), Just(Insights::Enhanced), Just(Insights::Disabled)],
    ) -> Config {
        Config {
            name, network, tags, protect,
            timeouts: [("service".to_owned(), waiting(ready))].into(),
            environment: "dev".into(),
            region: "eu-west-1".into(),
            cluster: Cluster { container_insights: insights },
            services: [("app".to_owned(), app)].into(),
            drift: Drift {
                ignore: vec![Ignore {
                    address: "service.*".into(),
                    property: Some("count".into()),
                    until: Some(jiff::civil::date(2027, 1, 31)),
                    reason: None,
                }],
                webhook: Some("env:HOOK".into()),
                webhook_format: WebhookFormat::Slack,
                webhook_secret: Some("arn:aws:ssm:eu-west-1:123456789012:parameter/hook".into()),
                schedule: Some("rate(1 hour)".into()),
                image: Some("acme/provision:1".into()),
            },
            state: State { bucket: Some("acme-state".into()), prefix, region: None, kms_key: None },
        }
    }
}

proptest! {
    #[test]
    fn a_valid_configuration_reads_back(config in config()) {
        let text = toml::to_string(&config).unwrap();
        match load_with(&text, &overrides()) {
            Ok(read) => prop_assert_eq!(read, config),
            Err(_) => prop_assert!(false, "{}\n{}", text, errors(&text)),
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        if load_with(&text, &overrides()).is_err() {
            errors(&text);
        }
    }

    #[test]
    fn anything_shaped_like_a_file_is_read_or_refused(
        lines in vec(
            "(\\[(env\\.)?(dev|services|network|env)(\\.(app|services))?\\]|(name|region|env|services|image|cpu|autoscaling|min|zones|cidr|é) = (1|-1|\"é\"|\\[\\]|\\{\\}|true|1e9|\\{ min = 1 \\}|\\[\"a\", 1\\]|nan))",
            0..10,
        ),
        path in "(name|env|services|services\\.app|services\\.app\\.cpu|\\PC{0,5})",
        value in any::<String>(),
    ) {
        let text = lines.join("\n");
        let overrides = Overrides { region: Some(value.clone()), images: vec![value.parse().unwrap()], ..set(&[(&path, &value)]) };
        for overrides in [overrides, super::overrides()] {
            if load_with(&text, &overrides).is_err() {
                errors_with(&text, &overrides);
            }
        }
    }
}
