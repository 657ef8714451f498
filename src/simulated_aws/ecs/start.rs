//! Starting a task: capacity, roles, and a network interface. What goes wrong here leaves no task.

use std::time::Duration;

use serde_json::Value;

use super::TASKS;
use super::lookup::definition;
use super::model::{Health, Network, Phase, Tags, Task, TaskInterface, Template};
use super::service::PLATFORM;
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::ec2::interface::{self, NewInterface};
use crate::simulated_aws::iam;

/// How long Fargate takes to find a place and attach the network interface, in milliseconds; with
/// the pull a start takes 30 to 60 seconds (aws-behaviour 17.d).
const PROVISIONING_MS: std::ops::RangeInclusive<u64> = 10_000..=20_000;

/// A task to be started.
pub(super) struct NewTask<'t> {
    pub cluster: String,
    pub service: Option<String>,
    pub group: String,
    pub started_by: String,
    pub template: &'t Template,
    pub overrides: Value,
    pub tags: Tags,
    pub execute_command: bool,
}

/// Why a task could not even be started.
pub(super) struct Refusal {
    /// What `RunTask` says: `Capacity is unavailable at this time.`
    pub reason: String,
    pub detail: String,
    /// What a service's event says: `was unable to place a task. Reason: …`
    pub event: String,
}

/// Starts a task.
///
/// # Errors
///
/// A [`Refusal`] when there is no capacity, a role cannot be assumed, or no interface can be made.
pub(super) fn start(cloud: &mut Cloud, new: NewTask<'_>) -> Result<String, Refusal> {
    let provider = provider(cloud, &new)?;
    check_quota(cloud, provider.as_deref(), &new.template.task_definition)?;
    check_roles(cloud, &new.template.task_definition)?;
    let interface = attach(cloud, &new)?;
    let id = cloud.fresh_hex(32);
    let provisioned = Duration::from_millis(cloud.random().u64(PROVISIONING_MS));
    let latest = new.template.platform_version == "LATEST";
    let task = Task {
        arn: cloud.arn("ecs", &format!("task/{}/{id}", new.cluster)),
        id: id.clone(),
        cluster: new.cluster,
        service: new.service,
        group: new.group,
        started_by: new.started_by,
        definition: new.template.task_definition.clone(),
        launch_type: "FARGATE".to_owned(),
        capacity_provider: provider,
        platform_version: if latest {
            PLATFORM.to_owned()
        } else {
            new.template.platform_version.clone()
        },
        network: new.template.network.clone(),
        load_balancers: new.template.load_balancers.clone(),
        answers: Vec::new(),
        overrides: new.overrides,
        tags: new.tags,
        execute_command: new.execute_command,
        phase: Phase::Provisioning,
        until: Some(cloud.now.after(provisioned)),
        fate: None,
        verdict_at: None,
        interface,
        created: cloud.now,
        pull_started: None,
        pull_stopped: None,
        started: None,
        stopping: None,
        execution_stopped: None,
        stopped: None,
        stop: None,
        health: Health::Unknown,
        was_healthy: false,
    };
    cloud.ecs.tasks.insert(id.clone(), task);
    Ok(id)
}

/// The capacity provider that the strategy chooses; `None` for a launch type.
fn provider(cloud: &Cloud, new: &NewTask<'_>) -> Result<Option<String>, Refusal> {
    if new.template.launch_type.as_deref() == Some("EC2") {
        return Err(Refusal {
            reason: "No Container Instances were found in your cluster.".to_owned(),
            detail: String::new(),
            event: "was unable to place a task because no container instance met all of its \
                    requirements. Reason: No Container Instances were found in your cluster."
                .to_owned(),
        });
    }
    let chosen = choose(cloud, new);
    if chosen.as_deref() == Some("FARGATE_SPOT") && cloud.ecs.spot_is_sold_out {
        let reason = "Capacity is unavailable at this time. Please try again later or in a \
                      different availability zone";
        return Err(Refusal {
            reason: reason.to_owned(),
            detail: String::new(),
            event: format!("was unable to place a task. Reason: {reason}."),
        });
    }
    Ok(chosen)
}

/// The account may not run more processors at a time than its quota; a service says so in an event
/// and goes on trying (aws-behaviour 28).
fn check_quota(cloud: &Cloud, provider: Option<&str>, arn: &str) -> Result<(), Refusal> {
    let is_spot = |provider: Option<&str>| provider == Some("FARGATE_SPOT");
    let (quotas, spot) = (&cloud.ecs.quotas, is_spot(provider));
    let quota = if spot { quotas.spot_vcpus } else { quotas.on_demand_vcpus };
    let running =
        cloud.ecs.tasks.values().filter(|task| {
            task.phase.is_alive() && is_spot(task.capacity_provider.as_deref()) == spot
        });
    let used: f64 = running.map(|task| vcpus(cloud, &task.definition)).sum();
    if used + vcpus(cloud, arn) <= quota {
        return Ok(());
    }
    let reason = "You've reached the limit on the number of vCPUs you can run concurrently.";
    Err(Refusal {
        reason: reason.to_owned(),
        detail: String::new(),
        event: format!("was unable to place a task. Reason: {reason}"),
    })
}

/// How many processors a task of the definition has.
fn vcpus(cloud: &Cloud, arn: &str) -> f64 {
    let units = definition(&cloud.ecs, arn).and_then(|found| found.document.get("cpu")?.as_str());
    units.and_then(|units| units.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}

/// First whoever lacks tasks for its base, then whoever has the fewest for its weight.
fn choose(cloud: &Cloud, new: &NewTask<'_>) -> Option<String> {
    let share = |item: &Value| -> (bool, i64) {
        let (base, weight) =
            (item["base"].as_i64().unwrap_or(0), item["weight"].as_i64().unwrap_or(0));
        let name = item["capacityProvider"].as_str();
        let siblings = cloud.ecs.tasks.values().filter(|task| {
            task.phase.is_alive()
                && task.group == new.group
                && task.cluster == new.cluster
                && task.capacity_provider.as_deref() == name
        });
        let count = i64::try_from(siblings.count()).unwrap_or(i64::MAX);
        let above = (count - base).max(0) * 1000;
        (count >= base, above.checked_div(weight).unwrap_or(i64::MAX))
    };
    let chosen = new.template.strategy.iter().min_by_key(|item| share(item))?;
    chosen["capacityProvider"].as_str().map(str::to_owned)
}

fn check_roles(cloud: &Cloud, arn: &str) -> Result<(), Refusal> {
    let Some(error) = unassumable(cloud, arn) else { return Ok(()) };
    Err(Refusal {
        event: format!("failed to launch a task with (error {error})."),
        reason: error,
        detail: String::new(),
    })
}

/// What is said where a role of a definition can't be assumed, as one that is not there can't
/// (aws-behaviour 9, 24.3).
pub(super) fn unassumable(cloud: &Cloud, arn: &str) -> Option<String> {
    let mut roles = super::roles_of(cloud, arn).into_iter();
    let role = roles.find(|role| !may_assume(cloud, role))?;
    Some(format!(
        "ECS was unable to assume the role '{role}' that was provided for this task. Please verify \
         that the role being passed has the proper trust relationship and permissions and that your \
         IAM user has permissions to pass this role."
    ))
}

/// Whether tasks may take a role on. They do so for this account, and for no cluster that could be
/// told (developer guide, "Amazon ECS task IAM role", on `aws:SourceArn`).
fn may_assume(cloud: &Cloud, role: &str) -> bool {
    let source = cloud.arn("ecs", "task");
    let context = [("aws:SourceArn", source.as_str()), ("aws:SourceAccount", ACCOUNT)];
    iam::trusts(cloud, role, TASKS, &context)
}

/// Makes the network interface, in the subnet that has the fewest of the group's tasks.
fn attach(cloud: &mut Cloud, new: &NewTask<'_>) -> Result<TaskInterface, Refusal> {
    let subnet = emptiest_subnet(cloud, new, &new.template.network);
    let attachment = cloud.fresh_uuid();
    let wanted = NewInterface {
        subnet,
        groups: new.template.network.security_groups.clone(),
        description: cloud.arn("ecs", &format!("attachment/{attachment}")),
        interface_type: "interface".to_owned(),
        requester: "578734482556".to_owned(),
        public_address: new.template.network.public_address,
    };
    let made = interface::create_interface(cloud, wanted).map_err(|error| Refusal {
        event: format!("failed to launch a task with (error {}).", error.message),
        reason: error.message,
        detail: error.code,
    })?;
    Ok(TaskInterface {
        attachment,
        subnet: made.subnet,
        zone: made.zone,
        id: made.id,
        address: made.private_address.to_string(),
        exists: true,
    })
}

fn emptiest_subnet(cloud: &Cloud, new: &NewTask<'_>, network: &Network) -> String {
    let siblings = |subnet: &String| {
        let tasks = cloud.ecs.tasks.values();
        let own = |task: &&Task| {
            task.phase.is_alive()
                && task.cluster == new.cluster
                && task.group == new.group
                && task.started_by == new.started_by
                && task.interface.subnet == *subnet
        };
        tasks.filter(own).count()
    };
    network.subnets.iter().min_by_key(|subnet| siblings(subnet)).cloned().unwrap_or_default()
}
