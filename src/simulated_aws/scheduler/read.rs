//! What a request says of a schedule, and what of that is refused.
//!
//! The bounds are those of the API reference ("CreateSchedule", "EcsParameters",
//! "AwsVpcConfiguration"). What is not known here is refused rather than taken and never heeded.

use serde_json::{Value, json};

use super::super::clock::Moment;
use super::super::cloud::Cloud;
use super::super::wire::{ApiError, Parameters};
use super::due::Timetable;
use super::{NOT_ASSUMED, Schedule, invalid, may_assume, required};

const MEMBERS: &[&str] = &[
    "Name",
    "GroupName",
    "ClientToken",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "FlexibleTimeWindow",
    "State",
    "Description",
    "Target",
    "ActionAfterCompletion",
];
const TARGET_MEMBERS: &[&str] = &["Arn", "RoleArn", "Input", "EcsParameters", "RetryPolicy"];
const ECS_MEMBERS: &[&str] = &[
    "TaskDefinitionArn",
    "TaskCount",
    "LaunchType",
    "CapacityProviderStrategy",
    "PlatformVersion",
    "Group",
    "EnableExecuteCommand",
    "NetworkConfiguration",
];

/// The longest description, in characters.
const LONGEST_DESCRIPTION: usize = 512;
/// The longest ARN of a role.
const LONGEST_ROLE: usize = 1600;

/// Reads a schedule that was or is made at `created`.
pub(super) fn schedule(
    cloud: &Cloud,
    request: Parameters<'_>,
    token: Option<String>,
    created: Moment,
) -> Result<Schedule, ApiError> {
    only(request, MEMBERS)?;
    let expression = required(request, "ScheduleExpression")?;
    let timetable = Timetable::parse(expression)?;
    let zone = request.text("ScheduleExpressionTimezone").unwrap_or("UTC");
    if zone != "UTC" {
        return Err(invalid("The only time zone known here is UTC."));
    }
    let description = request.text("Description");
    if description.is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION) {
        return Err(violated("description", "have length less than or equal to 512"));
    }
    let state = state(request)?.unwrap_or("ENABLED");
    let completed = one_of(request, "ActionAfterCompletion", &["NONE", "DELETE"])?;
    let shown = json!({
        "ScheduleExpression": expression,
        "ScheduleExpressionTimezone": zone,
        "FlexibleTimeWindow": window(request)?,
        "State": state,
        "Description": description,
        "Target": target(cloud, request.structure("Target"))?,
        "ActionAfterCompletion": completed.unwrap_or("NONE"),
    });
    let is_on = state == "ENABLED";
    let (epoch, now) = (cloud.epoch, cloud.now);
    let next = is_on.then(|| timetable.first(epoch, created, now)).flatten();
    Ok(Schedule { token, timetable, shown, created, modified: now, next, again: None })
}

/// Whether schedules are to be on or off, where the request says so.
pub(super) fn state(request: Parameters<'_>) -> Result<Option<&str>, ApiError> {
    one_of(request, "State", &["ENABLED", "DISABLED"])
}

/// What is due with a window may be done at any moment in it; here it is done at the first.
fn window(request: Parameters<'_>) -> Result<Value, ApiError> {
    let window = request.structure("FlexibleTimeWindow");
    let minutes = window.integer("MaximumWindowInMinutes");
    match (window.text("Mode"), minutes) {
        (Some("OFF"), None) => Ok(json!({"Mode": "OFF"})),
        (Some("FLEXIBLE"), Some(minutes @ 1..=1440)) => {
            Ok(json!({"Mode": "FLEXIBLE", "MaximumWindowInMinutes": minutes}))
        }
        _ => Err(invalid("FlexibleTimeWindow has a Mode of OFF, or of FLEXIBLE with a window.")),
    }
}

/// A target is a cluster of ECS, whose task definition is started with a role that the scheduler may
/// take on.
fn target(cloud: &Cloud, target: Parameters<'_>) -> Result<Value, ApiError> {
    only(target, TARGET_MEMBERS)?;
    let (arn, role) = (required(target, "Arn")?, required(target, "RoleArn")?);
    if !arn.starts_with(&cloud.arn("ecs", "cluster/")) {
        return Err(invalid(format!("Provided Arn {arn} is not one that is known here.")));
    }
    if !is_role(role) {
        return Err(violated(
            "target.roleArn",
            r"satisfy regular expression pattern: arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@\/-]+",
        ));
    }
    check_ecs(target.structure("EcsParameters"))?;
    if target.has("Input") && overrides(target.text("Input")).is_none() {
        return Err(invalid("Input must be the overrides of a task, in JSON."));
    }
    let mut shown = target.whole().clone();
    shown["RetryPolicy"] = retries(target.structure("RetryPolicy"))?;
    if !target.structure("EcsParameters").has("TaskCount") {
        shown["EcsParameters"]["TaskCount"] = 1.into();
    }
    if !may_assume(cloud, role) {
        return Err(invalid(NOT_ASSUMED));
    }
    Ok(shown)
}

/// The overrides that a target's input is (user guide, "Using templated targets").
pub(super) fn overrides(input: Option<&str>) -> Option<Value> {
    serde_json::from_str(input?).ok().filter(Value::is_object)
}

fn retries(policy: Parameters<'_>) -> Result<Value, ApiError> {
    let attempts = policy.integer("MaximumRetryAttempts").unwrap_or(185);
    let age = policy.integer("MaximumEventAgeInSeconds").unwrap_or(86_400);
    if !(0..=185).contains(&attempts) || !(60..=86_400).contains(&age) {
        return Err(invalid(
            "RetryPolicy has up to 185 attempts and an age of 60 to 86400 seconds.",
        ));
    }
    Ok(json!({"MaximumRetryAttempts": attempts, "MaximumEventAgeInSeconds": age}))
}

fn check_ecs(ecs: Parameters<'_>) -> Result<(), ApiError> {
    only(ecs, ECS_MEMBERS)?;
    required(ecs, "TaskDefinitionArn")?;
    let count = ecs.has("TaskCount").then(|| ecs.integer("TaskCount"));
    if count.is_some_and(|count| !count.is_some_and(|count| (1..=10).contains(&count))) {
        return Err(violated("target.ecsParameters.taskCount", "be from 1 to 10"));
    }
    one_of(ecs, "LaunchType", &["EC2", "FARGATE", "EXTERNAL"])?;
    let network = ecs.structure("NetworkConfiguration");
    if !network.has("awsvpcConfiguration") {
        return Ok(());
    }
    let network = network.structure("awsvpcConfiguration");
    one_of(network, "AssignPublicIp", &["ENABLED", "DISABLED"])?;
    if !(1..=16).contains(&network.texts("Subnets").len()) {
        return Err(violated("subnets", "have length from 1 to 16"));
    }
    if network.has("SecurityGroups") && !(1..=5).contains(&network.texts("SecurityGroups").len()) {
        return Err(violated("securityGroups", "have length from 1 to 5"));
    }
    Ok(())
}

/// Whether a text is a role's ARN in form: `arn:aws:iam::123456789012:role/start`.
fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = parts[..] else { return false };
    let is_named = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@/-".contains(letter);
    let name = resource.strip_prefix("role/").unwrap_or_default();
    arn.len() <= LONGEST_ROLE
        && partition.starts_with("aws")
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(is_named)
}

/// Refuses members that nobody here heeds; those that say nothing may be there.
fn only(structure: Parameters<'_>, known: &[&str]) -> Result<(), ApiError> {
    let says_something = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        _ => true,
    };
    let mut members = structure.whole().as_object().into_iter().flatten();
    let odd =
        members.find(|(name, value)| !known.contains(&name.as_str()) && says_something(value));
    odd.map_or(Ok(()), |(name, _)| Err(invalid(format!("{name} is not known here."))))
}

fn one_of<'a>(
    request: Parameters<'a>,
    member: &str,
    words: &[&str],
) -> Result<Option<&'a str>, ApiError> {
    let Some(word) = request.text(member) else { return Ok(None) };
    if words.contains(&word) {
        return Ok(Some(word));
    }
    Err(violated(member, &format!("satisfy enum value set: [{}]", words.join(", "))))
}

fn violated(member: &str, constraint: &str) -> ApiError {
    invalid(format!(
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must \
         {constraint}"
    ))
}
