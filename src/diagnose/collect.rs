//! Asks AWS what the rules need to know: the only part of the diagnosis that touches the world.
//!
//! A look is a handful of calls, whatever the number of tasks: what can't change any more is
//! remembered from one look to the next. What may not be read is left out; missing evidence makes
//! fewer findings, never a failure.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatchlogs::types::OutputLogEvent;
use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{
    ContainerDefinition, CpuArchitecture, Deployment, DesiredStatus, LoadBalancer,
    Service as LiveService, Task, TaskDefinition, TaskStopCode,
};
use aws_sdk_elasticloadbalancingv2::types::{
    TargetHealthDescription, TargetHealthReasonEnum, TargetHealthStateEnum,
};

use super::evidence::{Evidence, HealthCheck, Rollout, StoppedTask, Target, Targets, TaskFacts};
use crate::aws::{Aws, AwsError, Operation};
use crate::resource::service::Outputs;
use crate::resource::{Kind, SoughtValue, text};

/// How many tasks one ListTasks gives and one DescribeTasks takes (aws-behaviour 21).
const TASKS_A_CALL: usize = 100;
/// Of how many stopped tasks the logs are read: the newest.
const LOGS_READ: usize = 2;
/// How many of a log's last lines are read.
const LINES: i32 = 12;
/// How many events a rollout shows.
const EVENTS_SHOWN: usize = 3;

/// Looks at one deployment of one service, again and again.
#[derive(Debug)]
pub struct Collector {
    aws: Aws,
    outputs: Outputs,
    /// When the deployment began, in seconds since 1970, once it was seen.
    began: Option<f64>,
    revision: Option<Revision>,
    check: Option<HealthCheck>,
    /// By id. Those that ECS has not cleared up yet are asked for again.
    stopped: BTreeMap<String, Stopped>,
    /// What does not count any more.
    past: Past,
}

/// What was before something changed that the service stands on.
#[derive(Debug, Default)]
struct Past {
    /// Whether it is still to be found out.
    is_due: bool,
    /// The tasks that there were, by id.
    tasks: BTreeSet<String>,
    /// When ECS noted its newest event, in seconds since 1970.
    noted: Option<f64>,
}

/// What is known of the deployment's revision, which does not change.
#[derive(Debug)]
struct Revision {
    arn: String,
    task: TaskFacts,
}

#[derive(Debug)]
struct Stopped {
    task: StoppedTask,
    /// In seconds since 1970.
    at: f64,
    is_final: bool,
}

impl Collector {
    /// A collector for a service and the deployment that is recorded of it; `None` for other kinds.
    pub fn of(aws: &Aws, sought: &SoughtValue) -> Option<Self> {
        if sought.address.kind() != Kind::Service {
            return None;
        }
        let outputs = serde_json::from_value(sought.outputs.clone()).ok()?;
        Some(Self {
            aws: aws.clone(),
            outputs,
            began: None,
            revision: None,
            check: None,
            stopped: BTreeMap::new(),
            past: Past::default(),
        })
    }

    /// Has what there is at the next look count no more, since something has changed that the
    /// service stands on: only what is started and noted from then on tells whether it works now.
    pub fn start_over(&mut self) {
        self.past.is_due = true;
    }

    /// Looks at everything once.
    ///
    /// # Errors
    ///
    /// When the service itself can't be read.
    pub async fn look(&mut self) -> Result<(Evidence, Rollout), AwsError> {
        let Some(service) = self.service().await? else { return Ok(Default::default()) };
        if std::mem::take(&mut self.past.is_due) {
            self.leave_behind(&service).await;
        }
        let own = self.own_deployment(&service).cloned();
        if let Some(began) = own.as_ref().and_then(|own| own.created_at()) {
            self.began = Some(began.as_secs_f64());
        }
        let balancer = service.load_balancers().first();
        let group = balancer.and_then(|balancer| balancer.target_group_arn());
        let container = text(balancer.and_then(|balancer| balancer.container_name()));
        if let Some(definition) = own.as_ref().and_then(Deployment::task_definition) {
            self.learn_revision(definition, &container).await;
        }
        let targets = targets(&self.aws, group).await;
        self.learn_check(group).await;
        self.learn_stopped().await;
        let events = self.events(&service);
        let port = balancer.and_then(LoadBalancer::container_port);
        let evidence = Evidence {
            service: self.outputs.name.clone(),
            cluster: self.outputs.cluster.as_str().to_owned(),
            // A namesake that is gone may still be shown right after a create (aws-behaviour 31.10).
            status: self.began.map_or_else(String::new, |_| text(service.status())),
            desired: count(service.desired_count()),
            port: port.and_then(|port| port.try_into().ok()).unwrap_or_default(),
            task: self.revision.as_ref().map(|known| known.task.clone()).unwrap_or_default(),
            health_check: self.check.clone().unwrap_or_default(),
            running_log: self.running_log(&targets).await,
            stopped: self.newest_stopped(),
            events,
            targets,
            container,
        };
        let rollout = rollout(own.as_ref(), &evidence);
        Ok((evidence, rollout))
    }

    /// Notes what there is as what does not count.
    async fn leave_behind(&mut self, service: &LiveService) {
        for status in [DesiredStatus::Running, DesiredStatus::Stopped] {
            let listed = self.listed(status).await;
            self.past.tasks.extend(listed.iter().map(|arn| id_in(arn).to_owned()));
        }
        self.stopped.clear();
        let noted = service.events().iter().filter_map(|event| event.created_at());
        self.past.noted = noted.map(DateTime::as_secs_f64).max_by(f64::total_cmp);
    }

    async fn service(&self) -> Result<Option<LiveService>, AwsError> {
        const DESCRIBE: Operation = Operation::new("ecs:DescribeServices");
        let request = self.aws.ecs().describe_services().cluster(self.outputs.cluster.as_str());
        let request = request.services(&self.outputs.name);
        let output = self.aws.call(DESCRIBE, || request.clone().send()).await?;
        Ok(output.services.unwrap_or_default().pop())
    }

    fn own_deployment<'s>(&self, service: &'s LiveService) -> Option<&'s Deployment> {
        let id = self.outputs.deployment.as_str();
        service.deployments().iter().find(|deployment| deployment.id() == Some(id))
    }

    /// What ECS has noted since the deployment began. Both times are ECS's own.
    fn events(&self, service: &LiveService) -> Vec<String> {
        let Some(began) = self.began else { return Vec::new() };
        let counts = |at: f64| at >= began && self.past.noted.is_none_or(|past| at > past);
        let events = service.events().iter();
        let since =
            events.filter(|event| event.created_at().is_some_and(|at| counts(at.as_secs_f64())));
        since.map(|event| text(event.message())).collect()
    }

    /// Reads the task definition, once.
    async fn learn_revision(&mut self, arn: &str, container: &str) {
        const DESCRIBE: Operation = Operation::new("ecs:DescribeTaskDefinition");
        if self.revision.as_ref().is_some_and(|known| known.arn == arn) {
            return;
        }
        let send = || self.aws.ecs().describe_task_definition().task_definition(arn).send();
        let answer = self.aws.call(DESCRIBE, send).await;
        let definition = seen(answer).and_then(|output| output.task_definition);
        if let Some(definition) = definition {
            let task = task_facts(&definition, container);
            self.revision = Some(Revision { arn: arn.to_owned(), task });
        }
    }

    /// Reads how the load balancer asks after health, once.
    async fn learn_check(&mut self, group: Option<&str>) {
        const DESCRIBE: Operation = Operation::new("elasticloadbalancing:DescribeTargetGroups");
        let (Some(group), None) = (group, &self.check) else { return };
        let send = || self.aws.elb().describe_target_groups().target_group_arns(group).send();
        let groups =
            seen(self.aws.call(DESCRIBE, send).await).and_then(|output| output.target_groups);
        self.check = groups.unwrap_or_default().first().map(|group| HealthCheck {
            path: text(group.health_check_path()),
            codes: text(group.matcher().and_then(|matcher| matcher.http_code())),
            timeout_seconds: group
                .health_check_timeout_seconds()
                .and_then(|seconds| seconds.try_into().ok())
                .unwrap_or_default(),
        });
    }

    /// Reads the deployment's tasks that have stopped since the last look.
    async fn learn_stopped(&mut self) {
        let listed = self.listed(DesiredStatus::Stopped).await;
        let is_new = |arn: &String| {
            !self.past.tasks.contains(id_in(arn))
                && self.stopped.get(id_in(arn)).is_none_or(|known| !known.is_final)
        };
        let fresh: Vec<String> = listed.into_iter().filter(is_new).collect();
        for task in self.described(fresh).await {
            let Some(mut stopped) = stopped(&task) else { continue };
            if let Some(known) = self.stopped.get_mut(&stopped.task.id) {
                stopped.task.log = std::mem::take(&mut known.task.log);
            }
            self.stopped.insert(stopped.task.id.clone(), stopped);
        }
        self.learn_logs().await;
    }

    /// Reads the last words of the newest tasks that came to say any. They arrive some seconds
    /// after the end, so a log that was empty is read again.
    async fn learn_logs(&mut self) {
        let mut ended: Vec<(&f64, &String)> = self
            .stopped
            .values()
            .filter(|stopped| stopped.task.code != "TaskFailedToStart")
            .map(|stopped| (&stopped.at, &stopped.task.id))
            .collect();
        ended.sort_by(|one, other| other.0.total_cmp(one.0));
        let newest: Vec<String> =
            ended.into_iter().take(LOGS_READ).map(|(_, id)| id.clone()).collect();
        for id in newest {
            if self.stopped.get(&id).is_some_and(|stopped| stopped.task.log.is_empty()) {
                let log = self.log_of(&id).await;
                if let Some(stopped) = self.stopped.get_mut(&id) {
                    stopped.task.log = log;
                }
            }
        }
    }

    fn newest_stopped(&self) -> Vec<StoppedTask> {
        let mut stopped: Vec<&Stopped> = self.stopped.values().collect();
        stopped.sort_by(|one, other| other.at.total_cmp(&one.at));
        stopped.into_iter().map(|stopped| stopped.task.clone()).collect()
    }

    /// The log of one task that runs, if the load balancer finds any unhealthy.
    async fn running_log(&self, targets: &[Target]) -> Vec<String> {
        if targets.iter().all(|target| target.state != "unhealthy") {
            return Vec::new();
        }
        let mut listed = self.listed(DesiredStatus::Running).await;
        listed.truncate(TASKS_A_CALL);
        match self.described(listed).await.first() {
            Some(task) => self.log_of(id_in(task.task_arn().unwrap_or_default())).await,
            None => Vec::new(),
        }
    }

    /// The ARNs of the service's tasks: one page, which are more than a deployment can fail of.
    async fn listed(&self, status: DesiredStatus) -> Vec<String> {
        const LIST: Operation = Operation::new("ecs:ListTasks");
        let request = self.aws.ecs().list_tasks().cluster(self.outputs.cluster.as_str());
        let request = request.service_name(&self.outputs.name).desired_status(status);
        let answer = self.aws.call(LIST, || request.clone().send()).await;
        seen(answer).and_then(|page| page.task_arns).unwrap_or_default()
    }

    /// Those of the tasks that the deployment started.
    async fn described(&self, arns: Vec<String>) -> Vec<Task> {
        const DESCRIBE: Operation = Operation::new("ecs:DescribeTasks");
        if arns.is_empty() {
            return Vec::new();
        }
        let request = self.aws.ecs().describe_tasks().cluster(self.outputs.cluster.as_str());
        let request = request.set_tasks(Some(arns));
        let answer = self.aws.call(DESCRIBE, || request.clone().send()).await;
        let tasks = seen(answer).and_then(|output| output.tasks).unwrap_or_default();
        let own = |task: &Task| task.started_by() == Some(self.outputs.deployment.as_str());
        tasks.into_iter().filter(own).collect()
    }

    /// The last lines that a task of the deployment's revision has logged.
    async fn log_of(&self, task: &str) -> Vec<String> {
        const GET: Operation = Operation::new("logs:GetLogEvents");
        let Some(Revision { task: facts, .. }) = &self.revision else { return Vec::new() };
        if facts.log_group.is_empty() {
            return Vec::new();
        }
        let request = self.aws.logs().get_log_events().log_group_name(&facts.log_group);
        let request = request.log_stream_name(format!("{}{task}", facts.log_stream)).limit(LINES);
        let answer = self.aws.call(GET, || request.clone().start_from_head(false).send()).await;
        let lines = seen(answer).and_then(|output| output.events).unwrap_or_default();
        lines.iter().filter_map(OutputLogEvent::message).map(str::to_owned).collect()
    }
}

/// What was answered, if anything was: what can't be read is no evidence.
fn seen<T>(answer: Result<T, AwsError>) -> Option<T> {
    answer.inspect_err(|error| tracing::debug!(%error, "left out of the evidence")).ok()
}

async fn targets(aws: &Aws, group: Option<&str>) -> Vec<Target> {
    const DESCRIBE: Operation = Operation::new("elasticloadbalancing:DescribeTargetHealth");
    let Some(group) = group else { return Vec::new() };
    let send = || aws.elb().describe_target_health().target_group_arn(group).send();
    let output = seen(aws.call(DESCRIBE, send).await);
    let described = output.and_then(|output| output.target_health_descriptions);
    described.unwrap_or_default().iter().map(target).collect()
}

fn target(described: &TargetHealthDescription) -> Target {
    let health = described.target_health();
    Target {
        address: text(described.target().and_then(|target| target.id())),
        state: text(health.and_then(|health| health.state()).map(TargetHealthStateEnum::as_str)),
        reason: text(health.and_then(|health| health.reason()).map(TargetHealthReasonEnum::as_str)),
        description: text(health.and_then(|health| health.description())),
    }
}

fn task_facts(definition: &TaskDefinition, container: &str) -> TaskFacts {
    let containers = definition.container_definitions();
    let named = containers.iter().find(|one| one.name() == Some(container));
    let container = named.or(containers.first());
    let platform = definition.runtime_platform();
    TaskFacts {
        image: text(container.and_then(ContainerDefinition::image)),
        architecture: text(
            platform.and_then(|platform| platform.cpu_architecture()).map(CpuArchitecture::as_str),
        ),
        memory_mib: definition.memory().and_then(|memory| memory.parse().ok()).unwrap_or_default(),
        log_group: log_option(container, "awslogs-group"),
        log_stream: log_stream(container),
        execution_role: text(definition.execution_role_arn()),
        health_command: container
            .and_then(ContainerDefinition::health_check)
            .map(|check| check.command().to_vec())
            .unwrap_or_default(),
    }
}

fn log_option(container: Option<&ContainerDefinition>, name: &str) -> String {
    let logging = container.and_then(ContainerDefinition::log_configuration);
    let options = logging.and_then(|logging| logging.options());
    text(options.and_then(|options| options.get(name)).map(String::as_str))
}

/// What the names of a container's log streams begin with: `<prefix>/<container>/`.
fn log_stream(container: Option<&ContainerDefinition>) -> String {
    let name = text(container.and_then(ContainerDefinition::name));
    format!("{}/{name}/", log_option(container, "awslogs-stream-prefix"))
}

fn stopped(task: &Task) -> Option<Stopped> {
    let at = task.stopping_at().or(task.stopped_at())?.as_secs_f64();
    let containers = task.containers();
    let stopped = StoppedTask {
        id: id_in(task.task_arn()?).to_owned(),
        code: text(task.stop_code().map(TaskStopCode::as_str)),
        reason: text(task.stopped_reason()),
        exit_code: containers.iter().find_map(aws_sdk_ecs::types::Container::exit_code),
        container_reasons: containers
            .iter()
            .filter_map(|container| container.reason().map(str::to_owned))
            .collect(),
        log: Vec::new(),
    };
    Some(Stopped { task: stopped, at, is_final: task.last_status() == Some("STOPPED") })
}

fn rollout(own: Option<&Deployment>, evidence: &Evidence) -> Rollout {
    let mut targets = BTreeMap::new();
    for target in &evidence.targets {
        *targets.entry(target.state.clone()).or_default() += 1;
    }
    let number = |read: fn(&Deployment) -> i32| own.map_or(0, |own| count(read(own)));
    Rollout {
        revision: text(own.and_then(Deployment::task_definition).map(id_in)),
        desired: number(Deployment::desired_count),
        pending: number(Deployment::pending_count),
        running: number(Deployment::running_count),
        failed: number(Deployment::failed_tasks),
        targets: Targets(targets),
        events: evidence.events.iter().take(EVENTS_SHOWN).cloned().collect(),
    }
}

/// The last part of an ARN.
fn id_in(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn count(number: i32) -> usize {
    number.try_into().unwrap_or_default()
}
