//! EventBridge Scheduler, as far as schedules that run tasks of ECS go.
//!
//! When it is time the task really starts, with the rights that the schedule's role has at that
//! moment; what AWS refuses is tried again, as the schedule says. A schedule at a rate is due when
//! it is made, and then every so often. Behaviour is that of the user guide and the API reference.

mod cron;
mod due;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::due::Timetable;
use super::clock::Moment;
use super::cloud::Cloud;
use super::endpoint::unknown_operation;
use super::iam;
use super::marker;
use super::wire::{Answer, ApiError, Parameters};

pub use self::due::{next_due, pass};

/// The one group that every account has.
const DEFAULT: &str = "default";
/// The longest name of a schedule, and the longest token of a request.
const LONGEST_NAME: usize = 64;
/// How many schedules a list shows at once.
const LARGEST_PAGE: usize = 100;
/// Who takes the role of a schedule on.
const PRINCIPAL: &str = "scheduler.amazonaws.com";

/// What the account holds here.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Scheduler {
    /// By name, all in the default group.
    schedules: BTreeMap<String, Schedule>,
    /// What became of every attempt, the first first.
    pub attempts: Vec<Attempt>,
}

/// One attempt to do what a schedule says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The schedule.
    pub schedule: String,
    /// When.
    pub at: Moment,
    /// The task that was started, or why none was.
    pub outcome: Result<String, String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Schedule {
    token: Option<String>,
    timetable: Timetable,
    /// All that was sent, as it is shown.
    shown: Value,
    created: Moment,
    modified: Moment,
    /// When it is due next.
    next: Option<Moment>,
    /// What was due and did not work.
    again: Option<Again>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Again {
    since: Moment,
    at: Moment,
    attempts: u32,
}

/// Answers an operation.
pub fn answer(cloud: &mut Cloud, operation: &str, request: Parameters<'_>) -> Answer {
    match operation {
        "CreateSchedule" => create(cloud, request),
        "GetSchedule" => get(cloud, request),
        "UpdateSchedule" => update(cloud, request),
        "DeleteSchedule" => delete(cloud, request),
        "ListSchedules" => list(cloud, request),
        _ => Err(unknown_operation(operation)),
    }
}

/// One of the same name is an error, unless it was made with the same token.
fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = name(request)?.to_owned();
    let token = token(request)?.map(str::to_owned);
    let arn = arn(cloud, &name);
    if let Some(there) = cloud.scheduler.schedules.get(&name) {
        if token.is_some() && there.token == token {
            return Ok(json!({"ScheduleArn": arn}));
        }
        let message = format!("Schedule {name} already exists.");
        return Err(ApiError::new("ConflictException", message).with_status(409));
    }
    let schedule = read(cloud, request, token, cloud.now)?;
    cloud.scheduler.schedules.insert(name, schedule);
    Ok(json!({"ScheduleArn": arn}))
}

/// Replaces all of it: what is left out gets its default.
fn update(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = name(request)?.to_owned();
    token(request)?;
    let there = found(cloud, &name)?;
    let (token, created) = (there.token.clone(), there.created);
    let schedule = read(cloud, request, token, created)?;
    cloud.scheduler.schedules.insert(name.clone(), schedule);
    Ok(json!({"ScheduleArn": arn(cloud, &name)}))
}

fn get(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let name = name(request)?;
    let schedule = found(cloud, name)?;
    let mut shown = schedule.shown.clone();
    let at = |moment| json!(cloud.timestamp(moment).as_duration().as_secs_f64());
    shown["Name"] = name.into();
    shown["Arn"] = arn(cloud, name).into();
    shown["GroupName"] = DEFAULT.into();
    shown["CreationDate"] = at(schedule.created);
    shown["LastModificationDate"] = at(schedule.modified);
    Ok(shown)
}

fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = name(request)?;
    token(request)?;
    found(cloud, name)?;
    cloud.scheduler.schedules.remove(name);
    Ok(json!({}))
}

/// In pages, in the order of names.
fn list(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let prefix = request.text("NamePrefix").unwrap_or_default();
    let size = request.integer("MaxResults").map_or(Ok(LARGEST_PAGE), usize::try_from);
    let size = size.ok().filter(|size| (1..=LARGEST_PAGE).contains(size));
    let size = size.ok_or_else(|| invalid("MaxResults is to be from 1 to 100."))?;
    let after = request.text("NextToken").and_then(marker::read).unwrap_or_default();
    let asked = cloud.scheduler.schedules.iter().filter(|(name, _)| name.starts_with(prefix));
    let mut rest = asked.filter(|(name, _)| **name > after).peekable();
    let page: Vec<(&String, &Schedule)> = rest.by_ref().take(size).collect();
    let next = rest.peek().and(page.last()).map(|(name, _)| marker::write(name));
    let shown = page.iter().map(|(name, schedule)| {
        let target = json!({"Arn": schedule.shown["Target"]["Arn"]});
        let state = &schedule.shown["State"];
        json!({"Name": name, "Arn": arn(cloud, name), "GroupName": DEFAULT, "State": state, "Target": target})
    });
    Ok(json!({"Schedules": shown.collect::<Vec<_>>(), "NextToken": next}))
}

fn read(
    cloud: &mut Cloud,
    request: Parameters<'_>,
    token: Option<String>,
    created: Moment,
) -> Result<Schedule, ApiError> {
    let expression = required(request, "ScheduleExpression")?;
    let timetable = Timetable::parse(expression)?;
    let zone = request.text("ScheduleExpressionTimezone").unwrap_or("UTC");
    if zone != "UTC" {
        return Err(invalid("The only time zone known here is UTC."));
    }
    let window = window(request)?;
    let target = target(cloud, request.structure("Target"))?;
    let state = request.text("State").unwrap_or("ENABLED");
    let shown = json!({
        "ScheduleExpression": expression,
        "ScheduleExpressionTimezone": zone,
        "FlexibleTimeWindow": window,
        "State": state,
        "Description": request.text("Description"),
        "Target": target,
        "ActionAfterCompletion": request.text("ActionAfterCompletion").unwrap_or("NONE"),
    });
    let is_on = state == "ENABLED";
    let (epoch, now) = (cloud.epoch, cloud.now);
    let next = is_on.then(|| timetable.first(epoch, created, now)).flatten();
    Ok(Schedule { token, timetable, shown, created, modified: now, next, again: None })
}

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
    let (arn, role) = (required(target, "Arn")?, required(target, "RoleArn")?);
    if !arn.starts_with(&cloud.arn("ecs", "cluster/")) {
        return Err(invalid(format!("Provided Arn {arn} is not one that is known here.")));
    }
    if !iam::trusts(cloud, role, PRINCIPAL) {
        return Err(invalid(
            "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
        ));
    }
    let ecs = target.structure("EcsParameters");
    required(ecs, "TaskDefinitionArn")?;
    let mut shown = target.whole().clone();
    let retries = target.structure("RetryPolicy");
    let attempts = retries.integer("MaximumRetryAttempts").unwrap_or(185);
    let age = retries.integer("MaximumEventAgeInSeconds").unwrap_or(86_400);
    if !(0..=185).contains(&attempts) || !(60..=86_400).contains(&age) {
        return Err(invalid(
            "RetryPolicy has up to 185 attempts and an age of 60 to 86400 seconds.",
        ));
    }
    shown["RetryPolicy"] =
        json!({"MaximumRetryAttempts": attempts, "MaximumEventAgeInSeconds": age});
    if !ecs.has("TaskCount") {
        shown["EcsParameters"]["TaskCount"] = 1.into();
    }
    Ok(shown)
}

fn name(request: Parameters<'_>) -> Result<&str, ApiError> {
    let group = request.text("GroupName").unwrap_or(DEFAULT);
    if group != DEFAULT {
        let message = format!("Schedule group {group} does not exist.");
        return Err(ApiError::new("ResourceNotFoundException", message).with_status(404));
    }
    let name = required(request, "Name")?;
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if name.len() > LONGEST_NAME || !name.chars().all(is_allowed) {
        return Err(invalid("Name has up to 64 letters, digits, hyphens, underscores and dots."));
    }
    Ok(name)
}

/// What makes two requests one.
fn token(request: Parameters<'_>) -> Result<Option<&str>, ApiError> {
    let Some(token) = request.text("ClientToken") else { return Ok(None) };
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    if token.is_empty() || token.len() > LONGEST_NAME || !token.chars().all(is_allowed) {
        return Err(invalid("ClientToken has 1 to 64 letters, digits, hyphens and underscores."));
    }
    Ok(Some(token))
}

fn found<'a>(cloud: &'a Cloud, name: &str) -> Result<&'a Schedule, ApiError> {
    cloud.scheduler.schedules.get(name).ok_or_else(|| {
        let message = format!("Schedule {name} does not exist.");
        ApiError::new("ResourceNotFoundException", message).with_status(404)
    })
}

fn arn(cloud: &Cloud, name: &str) -> String {
    cloud.arn("scheduler", &format!("schedule/{DEFAULT}/{name}"))
}

fn required<'a>(request: Parameters<'a>, name: &str) -> Result<&'a str, ApiError> {
    let text = request.text(name).filter(|text| !text.is_empty());
    text.ok_or_else(|| invalid(format!("{name} must not be null.")))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}
