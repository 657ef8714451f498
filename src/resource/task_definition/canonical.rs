//! A task definition in ECS's words, and back.
//!
//! The rule: ECS fills in what was left out and keeps no order (aws-behaviour 13.f). Reading folds
//! both, so that what was just registered reads as it was declared. A revision never changes, so
//! nothing but what is declared needs to be read.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{
    ContainerDefinition, CpuArchitecture, HealthCheck, KeyValuePair, LogConfiguration, LogDriver,
    OsFamily, PortMapping, RuntimePlatform, Secret, TaskDefinition as Definition,
    TransportProtocol,
};

use super::super::ecs::{given, sent};
use super::super::{Input, text};
use super::{Architecture, Container, ContainerHealthCheck, TaskDefinition};

const LOG_GROUP: &str = "awslogs-group";
const LOG_REGION: &str = "awslogs-region";
const LOG_STREAM_PREFIX: &str = "awslogs-stream-prefix";

/// What Fargate gives a container that says nothing of it, in seconds (aws-behaviour 13.f2).
const STOP_TIMEOUT: u32 = 30;

/// The processors, in ECS's words.
pub fn platform(architecture: Architecture) -> RuntimePlatform {
    let architecture = match architecture {
        Architecture::X86_64 => CpuArchitecture::X8664,
        Architecture::Arm64 => CpuArchitecture::Arm64,
    };
    RuntimePlatform::builder()
        .cpu_architecture(architecture)
        .operating_system_family(OsFamily::Linux)
        .build()
}

/// The container, in ECS's words.
pub fn definition(container: &Container) -> ContainerDefinition {
    let port = container.port.map(|port| {
        let mapping = PortMapping::builder().container_port(i32::from(port));
        mapping.protocol(TransportProtocol::Tcp).build()
    });
    ContainerDefinition::builder()
        .name(&container.name)
        .image(&container.image)
        .essential(true)
        .set_port_mappings(Some(port.into_iter().collect()))
        .set_environment(Some(container.environment.iter().map(variable).collect()))
        .set_secrets(Some(container.secrets.iter().map(secret).collect()))
        .log_configuration(log_configuration(container))
        .set_health_check(container.health_check.as_ref().map(health_check))
        .readonly_root_filesystem(container.read_only_root)
        .set_user(container.user.clone())
        .set_command(container.command.clone())
        .set_stop_timeout(container.stop_timeout_seconds.map(sent))
        .build()
}

fn variable((name, value): (&String, &String)) -> KeyValuePair {
    KeyValuePair::builder().name(name).value(value).build()
}

fn secret((name, value_from): (&String, &String)) -> Secret {
    let secret = Secret::builder().name(name).value_from(value_from).build();
    secret.expect("a secret has a name and an origin")
}

fn log_configuration(container: &Container) -> LogConfiguration {
    LogConfiguration::builder()
        .log_driver(LogDriver::Awslogs)
        .options(LOG_GROUP, container.log_group.get().as_str())
        .options(LOG_REGION, &container.log_region)
        .options(LOG_STREAM_PREFIX, &container.log_stream_prefix)
        .build()
        .expect("a log configuration has a driver")
}

fn health_check(check: &ContainerHealthCheck) -> HealthCheck {
    HealthCheck::builder()
        .set_command(Some(check.command.clone()))
        .interval(sent(check.interval_seconds))
        .timeout(sent(check.timeout_seconds))
        .retries(sent(check.retries))
        .start_period(sent(check.start_period_seconds))
        .build()
        .expect("a health check has a command")
}

/// A live revision in the form in which it is declared; where ECS's default and nothing declared
/// mean the same, in `applied`'s words.
pub fn spec(live: &Definition, applied: Option<&TaskDefinition>) -> TaskDefinition {
    let architecture = live.runtime_platform().and_then(RuntimePlatform::cpu_architecture);
    TaskDefinition {
        cpu: number(live.cpu()),
        memory_mib: number(live.memory()),
        architecture: match architecture {
            Some(CpuArchitecture::Arm64) => Architecture::Arm64,
            _ => Architecture::X86_64,
        },
        execution_role: Input::Known(text(live.execution_role_arn()).into()),
        task_role: Input::Known(text(live.task_role_arn()).into()),
        container: container(live.container_definitions(), applied.map(|a| &a.container)),
    }
}

/// ECS turns `1 vCPU` and `2GB` into plain numbers before it keeps them.
fn number(text: Option<&str>) -> u32 {
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// The container that was applied, or the first.
///
/// Where there are others, its name is all their names, which no declared name is: a revision with
/// a container that was not declared differs.
fn container(live: &[ContainerDefinition], applied: Option<&Container>) -> Container {
    let none = ContainerDefinition::builder().build();
    let is_applied = |live: &&ContainerDefinition| live.name() == applied.map(|a| a.name.as_str());
    let main = live.iter().find(is_applied).or(live.first()).unwrap_or(&none);
    let names: Vec<&str> = live.iter().filter_map(ContainerDefinition::name).collect();
    let port = main.port_mappings().first().and_then(PortMapping::container_port);
    Container {
        name: names.join(", "),
        image: text(main.image()),
        port: port.and_then(|port| port.try_into().ok()),
        environment: variables(main),
        secrets: main
            .secrets()
            .iter()
            .map(|secret| (secret.name().to_owned(), secret.value_from().to_owned()))
            .collect(),
        log_group: Input::Known(log_option(main, LOG_GROUP).into()),
        log_region: log_option(main, LOG_REGION),
        log_stream_prefix: log_option(main, LOG_STREAM_PREFIX),
        health_check: main.health_check().map(declared_check),
        read_only_root: main.readonly_root_filesystem().unwrap_or_default(),
        user: main.user().filter(|user| !user.is_empty()).map(str::to_owned),
        command: Some(main.command().to_vec()).filter(|command| !command.is_empty()),
        stop_timeout_seconds: stop_timeout(main, applied),
    }
}

fn variables(live: &ContainerDefinition) -> BTreeMap<String, String> {
    let variables = live.environment().iter();
    variables.filter_map(|pair| Some((pair.name()?.to_owned(), text(pair.value())))).collect()
}

fn log_option(live: &ContainerDefinition, option: &str) -> String {
    let options = live.log_configuration().and_then(LogConfiguration::options);
    options.and_then(|options| options.get(option)).cloned().unwrap_or_default()
}

/// What a health check leaves out has defaults (aws-behaviour 13.f).
fn declared_check(live: &HealthCheck) -> ContainerHealthCheck {
    ContainerHealthCheck {
        command: live.command().to_vec(),
        interval_seconds: live.interval().map_or(30, given),
        timeout_seconds: live.timeout().map_or(5, given),
        retries: live.retries().map_or(3, given),
        start_period_seconds: live.start_period().map_or(0, given),
    }
}

fn stop_timeout(live: &ContainerDefinition, applied: Option<&Container>) -> Option<u32> {
    let declared = applied.and_then(|applied| applied.stop_timeout_seconds);
    match live.stop_timeout().map(given) {
        Some(STOP_TIMEOUT) | None if declared.is_none_or(|declared| declared == STOP_TIMEOUT) => {
            declared
        }
        live => live,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> TaskDefinition {
        TaskDefinition {
            cpu: 256,
            memory_mib: 512,
            architecture: Architecture::Arm64,
            execution_role: Input::Known("arn:aws:iam::123456789012:role/execution".into()),
            task_role: Input::Known("arn:aws:iam::123456789012:role/task".into()),
            container: Container {
                name: "web".into(),
                image: "nginx:1".into(),
                port: Some(80),
                environment: BTreeMap::from([("A".into(), "1".into()), ("B".into(), "2".into())]),
                secrets: BTreeMap::from([("KEY".into(), "arn:aws:ssm:parameter".into())]),
                log_group: Input::Known("/ecs/shop".into()),
                log_region: "eu-west-1".into(),
                log_stream_prefix: "web".into(),
                health_check: None,
                read_only_root: true,
                user: None,
                command: None,
                stop_timeout_seconds: None,
            },
        }
    }

    fn live(wanted: &TaskDefinition, container: ContainerDefinition) -> Definition {
        Definition::builder()
            .cpu(wanted.cpu.to_string())
            .memory(wanted.memory_mib.to_string())
            .runtime_platform(platform(wanted.architecture))
            .execution_role_arn(wanted.execution_role.get().as_str())
            .task_role_arn(wanted.task_role.get().as_str())
            .container_definitions(container)
            .build()
    }

    #[test]
    fn what_was_sent_reads_as_it_was_declared() {
        let wanted = wanted();
        assert_eq!(spec(&live(&wanted, definition(&wanted.container)), Some(&wanted)), wanted);
    }

    #[test]
    fn optional_fields_read_as_they_were_declared() {
        let mut wanted = wanted();
        wanted.container.user = Some("1000".into());
        wanted.container.command = Some(vec!["serve".into()]);
        wanted.container.stop_timeout_seconds = Some(60);
        wanted.container.health_check = Some(ContainerHealthCheck {
            command: vec!["CMD".into(), "true".into()],
            interval_seconds: 10,
            timeout_seconds: 2,
            retries: 4,
            start_period_seconds: 15,
        });
        assert_eq!(spec(&live(&wanted, definition(&wanted.container)), None), wanted);
    }

    #[test]
    fn what_ecs_fills_in_and_reorders_is_no_difference() {
        let wanted = wanted();
        let mut filled = definition(&wanted.container);
        filled.environment.as_mut().unwrap().reverse();
        filled.stop_timeout = Some(30);
        filled.command = Some(vec![]);
        filled.mount_points = Some(vec![]);
        filled.port_mappings.as_mut().unwrap()[0].host_port = Some(80);
        assert_eq!(spec(&live(&wanted, filled), Some(&wanted)), wanted);
    }

    #[test]
    fn a_declared_default_is_no_difference_either() {
        let mut wanted = wanted();
        wanted.container.stop_timeout_seconds = Some(30);
        let mut unsaid = definition(&wanted.container);
        unsaid.stop_timeout = None;
        assert_eq!(spec(&live(&wanted, unsaid), Some(&wanted)), wanted);
    }

    #[test]
    fn another_stop_timeout_is_a_difference() {
        let mut wanted = wanted();
        wanted.container.stop_timeout_seconds = Some(60);
        let mut default = definition(&wanted.container);
        default.stop_timeout = Some(30);
        let read = spec(&live(&wanted, default), Some(&wanted));
        assert_eq!(read.container.stop_timeout_seconds, Some(30));
    }

    #[test]
    fn the_defaults_of_a_health_check_are_read() {
        let partial = HealthCheck::builder().command("CMD").build().unwrap();
        let check = declared_check(&partial);
        let numbers = (check.interval_seconds, check.timeout_seconds, check.retries);
        assert_eq!((numbers, check.start_period_seconds), ((30, 5, 3), 0));
    }

    #[test]
    fn a_container_that_was_not_declared_is_a_difference() {
        let wanted = wanted();
        let mut with_another = live(&wanted, definition(&wanted.container));
        let other = ContainerDefinition::builder().name("agent").build();
        with_another.container_definitions.as_mut().unwrap().insert(0, other);
        let read = spec(&with_another, Some(&wanted)).container;
        assert_eq!((read.name.as_str(), read.image.as_str()), ("agent, web", "nginx:1"));
    }
}
