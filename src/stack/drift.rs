//! The check for drift that the account makes by itself: a task, what starts it, what it may do, and
//! whom it tells.
//!
//! The rule: the task may read what checks of these very kinds read, and write nothing but its own
//! memory, its metrics and its news.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::balancer::everywhere;
use super::identity::{TASKS, execution_policy, secrets_policy, trust};
use super::network::Network;
use crate::aws::domain_of;
use crate::config::when::{When, when};
use crate::config::{Config, Drift, FROM_ENVIRONMENT, State};
use crate::graph::{Graph, Others, Wait};
use crate::names::metrics;
use crate::resource::alarm::{Alarm, Limit, Metric};
use crate::resource::cluster::Cluster;
use crate::resource::log_group::LogGroup;
use crate::resource::role::Role;
use crate::resource::schedule::{Retries, Schedule, Timing};
use crate::resource::security_group::SecurityGroup;
use crate::resource::service::Service;
use crate::resource::subnet::Subnet;
use crate::resource::task_definition::{Architecture, Container, TaskDefinition};
use crate::resource::topic::Topic;
use crate::resource::{Handle, Input, Kind};

/// What all that belongs to the check is called.
pub const NAME: &str = "drift";

/// The environment variable from which the check has what the file says of drift.
pub const SETTINGS: &str = "PROVISION_DRIFT";

/// What the check in the account has to know of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What is ignored, and who is told.
    pub drift: Drift,
    /// Where the state is.
    pub state: State,
    /// What is left to others.
    #[serde(default, skip_serializing_if = "Others::is_empty")]
    pub others: Others,
}

/// How long what was logged is kept, in days.
const RETENTION_DAYS: u32 = 30;

/// The least that Fargate sells.
const SIZE: (u32, u32) = (256, 512);

/// How often a task that could not be started is tried again, and for how long.
const RETRIES: Retries = Retries { attempts: 10, seconds: 900 };

/// The period of the alarm on drift, in seconds: what is not measured in it leaves the alarm as it is.
const PERIOD_SECONDS: u32 = 300;

/// How far an alarm can look back, if its periods are hours (API reference, PutMetricAlarm).
const LONGEST_SPAN: Duration = Duration::from_hours(7 * 24);

/// In how many periods without a check the alarm on silence goes off.
const SILENT_PERIODS: u32 = 2;

/// The shortest period of the alarm on silence: checks that come often are late now and then.
const SHORTEST_SILENCE: Duration = Duration::from_mins(10);

/// The end of the addresses of services in China.
const CHINA: &str = "amazonaws.com.cn";

/// What the check stands among.
pub(super) struct Around<'a> {
    pub network: &'a Network,
    pub cluster: &'a Handle<Cluster>,
    pub account: &'a str,
    pub partition: &'a str,
    pub services: &'a [Handle<Service>],
}

/// Adds the check, if the configuration asks for one.
pub(super) fn add(graph: &mut Graph, config: &Config, around: &Around<'_>) {
    let Drift { schedule: Some(expression), image: Some(image), .. } = &config.drift else {
        return;
    };
    let topic = graph.add(NAME, Topic { display_name: format!("Drift of {}", config.name) });
    graph.name_with(&topic, NAME);
    add_alarm(graph, config, &topic);
    let task = add_task(graph, config, around, image, &topic);
    let role = add_scheduler_role(graph, config, around, &task);
    let spec = SecurityGroup {
        vpc: around.network.vpc.id(),
        description: "The check for drift".into(),
        ingress: BTreeSet::new(),
        egress: everywhere(),
    };
    let group = graph.add(NAME, spec);
    graph.name_with(&group, NAME);
    let spec = Schedule {
        expression: expression.clone(),
        timing: Timing::default(),
        enabled: true,
        cluster: around.cluster.arn(),
        task_definition: task.definition.arn(),
        role: role.arn(),
        subnets: around.network.private.iter().map(Handle::<Subnet>::id).collect(),
        security_groups: BTreeSet::from([group.id()]),
        input: String::new(),
        retries: RETRIES,
    };
    let why = "the first check may come at once, and is to find a stack that is whole";
    let mut waits: Vec<Wait> =
        around.services.iter().map(|service| Wait::ready(service, why)).collect();
    waits.extend(around.network.way_out.iter().cloned());
    let schedule = graph.add_after(NAME, spec, waits);
    graph.name_with(&schedule, NAME);
    add_silence_alarm(graph, config, expression, &topic, &schedule);
}

struct Task {
    definition: Handle<TaskDefinition>,
    execution: Handle<Role>,
    role: Handle<Role>,
}

fn add_task(
    graph: &mut Graph,
    config: &Config,
    around: &Around<'_>,
    image: &str,
    topic: &Handle<Topic>,
) -> Task {
    let logs = graph.add(NAME, LogGroup { retention_days: Some(RETENTION_DAYS) });
    graph.name_with(&logs, NAME);
    let secrets = secrets(&config.drift);
    let policy = secrets_policy(secrets.values()).map(|policy| ("secrets".to_owned(), policy));
    let execution = graph.add(
        "drift-execution",
        Role {
            trust: trust(TASKS, Value::Null),
            managed_policies: BTreeSet::from([execution_policy(around.partition)]),
            inline_policies: policy.into_iter().collect(),
            description: "Fetches the check's image, and writes its log".into(),
        },
    );
    graph.name_with(&execution, "drift-execution");
    let role = graph.add("drift-task", task_role(graph, config, around, topic));
    graph.name_with(&role, "drift-task");
    let (cpu, memory_mib) = SIZE;
    let spec = TaskDefinition {
        cpu,
        memory_mib,
        architecture: Architecture::X86_64,
        execution_role: execution.arn(),
        task_role: role.arn(),
        container: Container {
            name: NAME.into(),
            image: image.to_owned(),
            port: None,
            environment: BTreeMap::from([(SETTINGS.to_owned(), settings(config, graph))]),
            secrets,
            log_group: logs.name(),
            log_region: config.region.clone(),
            log_stream_prefix: NAME.into(),
            health_check: None,
            read_only_root: true,
            user: None,
            command: Some(command(config)),
            stop_timeout_seconds: None,
        },
    };
    let definition = graph.add(NAME, spec);
    graph.name_with(&definition, NAME);
    Task { definition, execution, role }
}

/// What the program is told in the task: which stack, and that the rest is in its environment.
fn command(config: &Config) -> Vec<String> {
    let words = ["--stack", &config.name, "-e", &config.environment, "--region", &config.region];
    let words = words.into_iter().chain(["drift", "--job"]);
    words.map(str::to_owned).collect()
}

/// What the check has to know of the file: without what is for `up` alone.
fn settings(config: &Config, graph: &Graph) -> String {
    let drift = Drift { schedule: None, image: None, webhook_secret: None, ..config.drift.clone() };
    let settings = Settings { drift, state: config.state.clone(), others: graph.others() };
    serde_json::to_string(&settings).expect("settings are made of lists and texts")
}

/// The webhook's address, by the variable that it is to be in.
fn secrets(drift: &Drift) -> BTreeMap<String, String> {
    let name = drift.webhook.as_deref().and_then(|hook| hook.strip_prefix(FROM_ENVIRONMENT));
    let secret = name.map(str::to_owned).zip(drift.webhook_secret.clone());
    secret.into_iter().collect()
}

/// What the check may do. What it may read it may read everywhere: most of it can't be narrowed, and
/// whoever finds out that something is gone has asked for what is not there.
fn task_role(graph: &Graph, config: &Config, around: &Around<'_>, topic: &Handle<Topic>) -> Role {
    let kinds = graph.nodes().iter().map(|node| node.address.kind());
    let added = [Kind::SecurityGroup, Kind::Schedule, Kind::TaskDefinition, Kind::Alarm];
    let kinds: BTreeSet<Kind> = kinds.chain(added).collect();
    let mut reads: BTreeSet<&str> =
        kinds.into_iter().flat_map(|kind| kind.facts().reads).copied().collect();
    reads.insert("sts:GetCallerIdentity");
    let policies = [
        ("read", vec![allow(json!(reads), "*")]),
        ("state", state_statements(config, around.partition)),
        ("tell", tell_statements(topic)),
    ];
    let document = |(name, statements): (&str, Vec<Value>)| {
        (name.to_owned(), json!({"Version": "2012-10-17", "Statement": statements}))
    };
    Role {
        trust: trust(TASKS, Value::Null),
        managed_policies: BTreeSet::new(),
        inline_policies: policies.into_iter().map(document).collect(),
        description: "Reads what a check for drift reads, and tells".into(),
    }
}

/// The state is read, and what the check remembers is written beside it.
fn state_statements(config: &Config, partition: &str) -> Vec<Value> {
    let state = &config.state;
    let bucket = format!("arn:{partition}:s3:::{}", state.bucket.as_deref().unwrap_or_default());
    let within = state.prefix.as_deref().map(|prefix| prefix.trim_end_matches('/'));
    let within = within.map_or_else(String::new, |prefix| format!("{prefix}/"));
    let of = format!("{}-{}", config.name, config.environment);
    let own = format!("{bucket}/{within}{of}.drift.json");
    let mut statements = vec![
        allow("s3:GetObject", format!("{bucket}/{within}{of}.*")),
        allow("s3:PutObject", own),
        allow("s3:ListBucket", bucket),
    ];
    if let Some(key) = state.kms_key.as_deref() {
        // What is no key's ARN names one that policies can't: it may be used for S3 alone then.
        let key = if key.contains(":key/") { key } else { "*" };
        let region = state.region.as_ref().unwrap_or(&config.region);
        let for_s3 = json!({"StringEquals": {"kms:ViaService": s3_of(region)}});
        let actions = json!(["kms:Decrypt", "kms:GenerateDataKey"]);
        statements.push(under(allow(actions, key), for_s3));
    }
    statements
}

/// What KMS calls S3 in a region. Which of two ends the name has in China is not certain, and neither
/// is anybody else's: both will do.
fn s3_of(region: &str) -> Value {
    let of = |domain: &str| format!("s3.{region}.{domain}");
    match domain_of(region) {
        CHINA => json!([of("amazonaws.com"), of(CHINA)]),
        domain => json!(of(domain)),
    }
}

fn tell_statements(topic: &Handle<Topic>) -> Vec<Value> {
    let namespace = json!({"StringEquals": {"cloudwatch:namespace": metrics::NAMESPACE}});
    vec![
        allow("sns:Publish", json!(topic.arn())),
        under(allow("cloudwatch:PutMetricData", "*"), namespace),
    ]
}

/// A statement that allows something, to be held to a condition or not.
fn allow(action: impl Into<Value>, resource: impl Into<Value>) -> Value {
    json!({"Effect": "Allow", "Action": action.into(), "Resource": resource.into()})
}

fn under(mut statement: Value, condition: Value) -> Value {
    statement["Condition"] = condition;
    statement
}

/// Who starts the task: the scheduler, for schedules of this account's own group alone, and nothing
/// but this task in this cluster (user guide of EventBridge Scheduler, "Confused deputy prevention").
fn add_scheduler_role(
    graph: &mut Graph,
    config: &Config,
    around: &Around<'_>,
    task: &Task,
) -> Handle<Role> {
    let Around { account, partition, .. } = around;
    let region = &config.region;
    let group = format!("arn:{partition}:scheduler:{region}:{account}:schedule-group/default");
    let own = json!({"StringEquals": {"aws:SourceAccount": account, "aws:SourceArn": group}});
    let family = format!("{}-{}-{NAME}", config.name, config.environment);
    let revisions = format!("arn:{partition}:ecs:{region}:{account}:task-definition/{family}:*");
    let cluster = json!({"ArnEquals": {"ecs:cluster": around.cluster.arn()}});
    let roles: [Input<_>; 2] = [task.execution.arn(), task.role.arn()];
    let to_tasks = json!({"StringEquals": {"iam:PassedToService": TASKS}});
    let statements = [
        under(allow("ecs:RunTask", revisions), cluster),
        under(allow("iam:PassRole", json!(roles)), to_tasks),
    ];
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    let spec = Role {
        trust: trust("scheduler.amazonaws.com", own),
        managed_policies: BTreeSet::new(),
        inline_policies: BTreeMap::from([("start".to_owned(), policy)]),
        description: "Starts the check for drift".into(),
    };
    let role = graph.add("drift-schedule", spec);
    graph.name_with(&role, "drift-schedule");
    role
}

/// Tells when something has drifted, and when nothing has any more.
fn add_alarm(graph: &mut Graph, config: &Config, topic: &Handle<Topic>) {
    let spec = Alarm {
        description: "Somebody has changed the stack: `provision drift` shows what".into(),
        metric: metric(config, metrics::DRIFT),
        limit: Limit {
            statistic: "Maximum".into(),
            comparison: "GreaterThanThreshold".into(),
            threshold: 0.0,
            period_seconds: PERIOD_SECONDS,
            periods: 1,
        },
        missing_data: "ignore".into(),
        tells: BTreeSet::from([topic.arn()]),
        tells_when_over: BTreeSet::from([topic.arn()]),
        enabled: true,
    };
    let alarm = graph.add(NAME, spec);
    graph.name_with(&alarm, NAME);
}

/// Tells when checks are not made any more: nobody would hear of drift then. What `up` has seen when
/// it makes the alarm counts as a check, as the first may be days away.
fn add_silence_alarm(
    graph: &mut Graph,
    config: &Config,
    expression: &str,
    topic: &Handle<Topic>,
    schedule: &Handle<Schedule>,
) {
    let Some(period) = silence(expression) else { return };
    let spec = Alarm {
        description: "No check for drift has been made: look at the log of its task".into(),
        metric: metric(config, metrics::CHECKS),
        limit: Limit {
            statistic: "Sum".into(),
            comparison: "LessThanThreshold".into(),
            threshold: 1.0,
            period_seconds: u32::try_from(period.as_secs()).unwrap_or(u32::MAX),
            periods: SILENT_PERIODS,
        },
        missing_data: "breaching".into(),
        tells: BTreeSet::from([topic.arn()]),
        tells_when_over: BTreeSet::from([topic.arn()]),
        enabled: true,
    };
    let why = "until there is a schedule, no check is missed";
    let alarm = graph.add_after("drift-silence", spec, [Wait::exists(schedule, why)]);
    graph.name_with(&alarm, "drift-silence");
}

fn metric(config: &Config, name: &str) -> Metric {
    Metric {
        namespace: metrics::NAMESPACE.into(),
        name: name.into(),
        dimensions: metrics::dimensions(&config.name, &config.environment),
    }
}

/// How long a period of the alarm on silence is; `None` for checks that are too far apart for one.
///
/// Two periods are half as long again as the longest interval, so that one check that is late does no harm.
/// Where a period is without data, CloudWatch looks further back for data before it counts that as
/// missing, two periods in the user guide's example: together that is three intervals.
fn silence(expression: &str) -> Option<Duration> {
    let interval = match when(expression).ok()? {
        When::Every(every) => every,
        When::Times(apart) => apart?,
        When::Once => return None,
    };
    let minutes = interval.as_secs().saturating_mul(3).div_ceil(4 * 60);
    let period = Duration::from_secs(minutes.saturating_mul(60)).max(SHORTEST_SILENCE);
    (period <= LONGEST_SPAN / SILENT_PERIODS).then_some(period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_china_either_name_of_s3_will_do() {
        assert_eq!(s3_of("eu-west-1"), json!("s3.eu-west-1.amazonaws.com"));
        assert_eq!(s3_of("eusc-de-east-1"), json!("s3.eusc-de-east-1.amazonaws.eu"));
        let both = ["s3.cn-north-1.amazonaws.com", "s3.cn-north-1.amazonaws.com.cn"];
        assert_eq!(s3_of("cn-north-1"), json!(both));
    }

    #[test]
    fn silence_is_told_after_more_than_one_check_that_was_not_made() {
        for (expression, minutes) in [
            ("rate(1 minute)", Some(10)),
            ("rate(5 minutes)", Some(10)),
            ("rate(15 minutes)", Some(12)),
            ("rate(1 hour)", Some(45)),
            ("cron(0 6 * * ? *)", Some(18 * 60)),
            ("cron(0/15 * * * ? *)", Some(12)),
            ("cron(0 6 ? * MON-FRI *)", Some(54 * 60)),
            ("rate(4 days)", Some(3 * 24 * 60)),
            ("rate(5 days)", None),
            ("rate(400000000000000 days)", None),
            ("cron(0 6 1 * ? *)", None),
            ("at(2027-01-31T06:00:00)", None),
        ] {
            let period = silence(expression);
            assert_eq!(period, minutes.map(Duration::from_mins), "{expression}");
            let interval = match when(expression) {
                Ok(When::Every(interval) | When::Times(Some(interval))) => interval,
                _ => Duration::from_hours(24),
            };
            assert!(period.is_none_or(|period| period * SILENT_PERIODS > interval), "{expression}");
        }
    }
}
