//! What was seen of a service that comes up, or does not: facts, and no opinions.

use std::collections::BTreeMap;

use serde::Serialize;

/// Everything that the rules judge by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The service's name.
    pub service: String,
    /// The name of the cluster that it runs in.
    pub cluster: String,
    /// The name of the container that takes the requests: also the service's in the configuration.
    pub container: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`; empty when the service was not seen.
    pub status: String,
    /// How many tasks it is to run.
    pub desired: usize,
    /// The port on which its container is asked.
    pub port: u16,
    /// What its tasks are made of, as far as it is known.
    pub task: TaskFacts,
    /// How the load balancer asks after its health.
    pub health_check: HealthCheck,
    /// What ECS has noted since the deployment began, the newest first.
    pub events: Vec<String>,
    /// The deployment's tasks that have stopped, the newest first.
    pub stopped: Vec<StoppedTask>,
    /// What the load balancer says of each target.
    pub targets: Vec<Target>,
    /// The last lines of a task that runs and is not healthy.
    pub running_log: Vec<String>,
}

/// What a task is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskFacts {
    /// The image.
    pub image: String,
    /// `X86_64` or `ARM64`.
    pub architecture: String,
    /// In MiB.
    pub memory_mib: u32,
    /// The log group that its container writes to.
    pub log_group: String,
    /// What the names of its log streams begin with: all but the task's id.
    pub log_stream: String,
    /// The ARN of the role with which ECS fetches what it needs.
    pub execution_role: String,
    /// The container's own health check.
    pub health_command: Vec<String>,
}

/// How the load balancer asks after the health of a target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HealthCheck {
    /// The path.
    pub path: String,
    /// The statuses that count as healthy.
    pub codes: String,
    /// How long an answer may take.
    pub timeout_seconds: u32,
}

/// A task that has stopped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoppedTask {
    /// Its id, without the rest of its ARN.
    pub id: String,
    /// `TaskFailedToStart`, `EssentialContainerExited` …
    pub code: String,
    /// Why, in ECS's words.
    pub reason: String,
    /// The exit code of the first container that says so.
    pub exit_code: Option<i32>,
    /// What is said of its containers.
    pub container_reasons: Vec<String>,
    /// The last lines that it logged, the last one last.
    pub log: Vec<String>,
}

/// A target of the load balancer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// Its address.
    pub address: String,
    /// `initial`, `healthy`, `unhealthy`, `unused`, `draining` …
    pub state: String,
    /// `Target.Timeout`, for example.
    pub reason: String,
    /// The same in words.
    pub description: String,
}

/// How far a deployment has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rollout {
    /// The revision that it brings: `shop-dev-web:3`.
    pub revision: String,
    /// How many tasks there are to be.
    pub desired: usize,
    /// How many are being started.
    pub pending: usize,
    /// How many run.
    pub running: usize,
    /// How many have failed since one was last healthy.
    pub failed: usize,
    /// The targets of the load balancer.
    pub targets: Targets,
    /// What ECS has noted since the deployment began, the newest first; a few.
    pub events: Vec<String>,
}

/// How many targets there are in each state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Targets(pub BTreeMap<String, usize>);

impl Evidence {
    /// A key of the configuration of this service: `services.web.port`.
    pub fn key(&self, name: &str) -> String {
        format!("`services.{}.{name}`", self.container)
    }
}

impl Targets {
    /// How many are healthy.
    pub fn healthy(&self) -> usize {
        self.0.get("healthy").copied().unwrap_or_default()
    }
}

impl StoppedTask {
    /// Everything that ECS says of its end.
    pub fn said(&self) -> impl Iterator<Item = &str> {
        let reasons = self.container_reasons.iter().map(String::as_str);
        std::iter::once(self.reason.as_str()).chain(reasons).filter(|said| !said.is_empty())
    }

    /// Whether any of what ECS says of its end contains one of `words`, however it is written.
    pub fn tells_of(&self, words: &[&str]) -> bool {
        self.said().any(|said| contains_any(said, words))
    }
}

/// Whether `text` contains one of `words`, which are given in lower case.
pub fn contains_any(text: &str, words: &[&str]) -> bool {
    let text = text.to_lowercase();
    words.iter().any(|word| text.contains(word))
}
