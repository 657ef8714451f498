//! EventBridge Scheduler, as far as schedules that run tasks of ECS go.
//!
//! When it is time the task really starts, with the rights that the schedule's role has at that
//! moment; what AWS refuses is tried again, as the schedule says. A schedule at a rate is due when
//! it is made, and then every so often. Behaviour is that of the user guide and the API reference.

mod cron;
mod due;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::due::Timetable;
use super::clock::Moment;
use super::cloud::{ACCOUNT, Cloud};
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
/// What is said of a role that it may not take on.
const NOT_ASSUMED: &str =
    "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.";

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
    let schedule = read::schedule(cloud, request, token.clone(), cloud.now)?;
    let arn = arn(cloud, &name);
    if let Some(there) = cloud.scheduler.schedules.get(&name) {
        if token.is_some() && there.token == token {
            return Ok(json!({"ScheduleArn": arn}));
        }
        let message = format!("Schedule {name} already exists.");
        return Err(ApiError::new("ConflictException", message).with_status(409));
    }
    cloud.scheduler.schedules.insert(name, schedule);
    Ok(json!({"ScheduleArn": arn}))
}

/// Replaces all of it: what is left out gets its default.
fn update(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = name(request)?.to_owned();
    token(request)?;
    let there = found(cloud, &name)?;
    let (token, created) = (there.token.clone(), there.created);
    let schedule = read::schedule(cloud, request, token, created)?;
    cloud.scheduler.schedules.insert(name.clone(), schedule);
    Ok(json!({"ScheduleArn": arn(cloud, &name)}))
}

fn get(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let name = name(request)?;
    let schedule = found(cloud, name)?;
    let mut shown = schedule.shown.clone();
    shown["Name"] = name.into();
    shown["Arn"] = arn(cloud, name).into();
    shown["GroupName"] = DEFAULT.into();
    shown["CreationDate"] = seconds(cloud, schedule.created).into();
    shown["LastModificationDate"] = seconds(cloud, schedule.modified).into();
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
    check_group(request)?;
    let prefix = request.text("NamePrefix").unwrap_or_default();
    let state = read::state(request)?;
    let size = request.integer("MaxResults").map_or(Ok(LARGEST_PAGE), usize::try_from);
    let size = size.ok().filter(|size| (1..=LARGEST_PAGE).contains(size));
    let size = size.ok_or_else(|| invalid("MaxResults is to be from 1 to 100."))?;
    let after = marker::place(request.text("NextToken"));
    let after = after.ok_or_else(|| invalid("Invalid NextToken."))?;
    let asked = cloud.scheduler.schedules.iter().filter(|(name, schedule)| {
        name.starts_with(prefix) && state.is_none_or(|state| schedule.shown["State"] == state)
    });
    let (page, next) = marker::page(asked, &after, size);
    let shown: Vec<Value> =
        page.into_iter().map(|(name, schedule)| summary(cloud, name, schedule)).collect();
    Ok(json!({"Schedules": shown, "NextToken": next}))
}

fn summary(cloud: &Cloud, name: &str, schedule: &Schedule) -> Value {
    json!({
        "Name": name,
        "Arn": arn(cloud, name),
        "GroupName": DEFAULT,
        "State": schedule.shown["State"],
        "Target": {"Arn": schedule.shown["Target"]["Arn"]},
        "CreationDate": seconds(cloud, schedule.created),
        "LastModificationDate": seconds(cloud, schedule.modified),
    })
}

/// A moment in seconds since 1970.
fn seconds(cloud: &Cloud, moment: Moment) -> f64 {
    cloud.timestamp(moment).as_duration().as_secs_f64()
}

/// Whether the scheduler may take a role on. It says for which group of schedules of which account it
/// does (user guide, "Confused deputy prevention").
fn may_assume(cloud: &Cloud, role: &str) -> bool {
    let group = cloud.arn("scheduler", &format!("schedule-group/{DEFAULT}"));
    let context = [("aws:SourceArn", group.as_str()), ("aws:SourceAccount", ACCOUNT)];
    iam::trusts(cloud, role, PRINCIPAL, &context)
}

/// Nobody here makes another group than the one that is there.
fn check_group(request: Parameters<'_>) -> Result<(), ApiError> {
    let group = request.text("GroupName").unwrap_or(DEFAULT);
    if group == DEFAULT {
        return Ok(());
    }
    let message = format!("Schedule group {group} does not exist.");
    Err(ApiError::new("ResourceNotFoundException", message).with_status(404))
}

fn name(request: Parameters<'_>) -> Result<&str, ApiError> {
    check_group(request)?;
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
