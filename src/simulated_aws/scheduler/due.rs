//! What happens when it is time.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::clock::Moment;
use super::super::cloud::Cloud;
use super::super::schedule::{self, moment};
use super::super::sts::Caller;
use super::super::wire::{ApiError, Parameters, Service};
use super::super::{cloudtrail, ecs, iam};
use super::cron::Cron;
use super::{Again, Attempt, NOT_ASSUMED, PRINCIPAL, Schedule, invalid, may_assume, read};

/// The pause before what did not work is tried again.
const PAUSE: Duration = Duration::from_mins(1);
/// How much of a schedule's name a task says that it was started by, with what comes before it.
const LONGEST_STARTED_BY: usize = 36;

/// When a schedule is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timetable {
    /// At a rate, or once.
    Steady(schedule::Schedule),
    /// At certain times.
    Times(Cron),
}

impl Timetable {
    /// Reads an expression.
    pub fn parse(expression: &str) -> Result<Self, ApiError> {
        let odd = || invalid(format!("Invalid Schedule Expression {expression}."));
        let cron = expression.strip_prefix("cron(").and_then(|rest| rest.strip_suffix(')'));
        match cron {
            Some(cron) => Cron::parse(cron).map(Self::Times).ok_or_else(odd),
            None => schedule::Schedule::parse(expression).map(Self::Steady).ok_or_else(odd),
        }
    }

    /// When it is due for the first time after it was made or changed: one at a rate that was just
    /// made at once.
    pub fn first(&self, epoch: Timestamp, created: Moment, now: Moment) -> Option<Moment> {
        match self {
            Self::Steady(schedule::Schedule::Every(_)) if created == now => Some(now),
            other => other.next(epoch, created, now),
        }
    }

    fn next(&self, epoch: Timestamp, created: Moment, now: Moment) -> Option<Moment> {
        match self {
            Self::Steady(steady) => steady.next(epoch, created, now),
            Self::Times(cron) => {
                let offset = jiff::SignedDuration::from_millis(i64::try_from(now.0).ok()?);
                let time = cron.after(epoch.checked_add(offset).ok()?)?;
                Some(moment(epoch, time))
            }
        }
    }
}

impl Schedule {
    fn due(&self) -> Option<Moment> {
        self.next.into_iter().chain(self.again.map(|again| again.at)).min()
    }
}

/// The next moment at which a schedule is due.
#[must_use]
pub fn next_due(cloud: &Cloud) -> Option<Moment> {
    cloud.scheduler.schedules.values().filter_map(Schedule::due).min()
}

/// Does what is due.
pub fn pass(cloud: &mut Cloud) {
    let now = cloud.now;
    let schedules = cloud.scheduler.schedules.iter();
    let due = schedules.filter(|(_, schedule)| schedule.due().is_some_and(|due| due <= now));
    let due: Vec<String> = due.map(|(name, _)| name.clone()).collect();
    for name in due {
        perform(cloud, &name);
    }
}

fn perform(cloud: &mut Cloud, name: &str) {
    let (epoch, now) = (cloud.epoch, cloud.now);
    let Some(schedule) = cloud.scheduler.schedules.get_mut(name) else { return };
    let again = schedule.again.take().filter(|again| again.at <= now);
    if schedule.next.is_some_and(|next| next <= now) {
        schedule.next = schedule.timetable.next(epoch, schedule.created, now);
    }
    let target = schedule.shown["Target"].clone();
    let outcome = run(cloud, name, &target);
    let is_failure = outcome.is_err();
    cloud.scheduler.attempts.push(Attempt { schedule: name.to_owned(), at: now, outcome });
    let Some(schedule) = cloud.scheduler.schedules.get_mut(name) else { return };
    if is_failure {
        schedule.again = repeated(&target["RetryPolicy"], again, now);
    }
    let is_over = schedule.due().is_none();
    if is_over && schedule.shown["ActionAfterCompletion"] == "DELETE" {
        cloud.scheduler.schedules.remove(name);
    }
}

/// When what did not work now is tried again, if it is.
fn repeated(retries: &Value, again: Option<Again>, now: Moment) -> Option<Again> {
    let since = again.map_or(now, |again| again.since);
    let attempts = again.map_or(0, |again| again.attempts);
    let next = Again { since, at: now.after(PAUSE), attempts: attempts + 1 };
    let may_be = u64::from(attempts) < retries["MaximumRetryAttempts"].as_u64().unwrap_or(0)
        && next.at.since(since).as_secs()
            <= retries["MaximumEventAgeInSeconds"].as_u64().unwrap_or(0);
    may_be.then_some(next)
}

/// Runs a target's task with its role; gives the task's ARN.
fn run(cloud: &mut Cloud, name: &str, target: &Value) -> Result<String, String> {
    let role = target["RoleArn"].as_str().unwrap_or_default();
    if !may_assume(cloud, role) {
        return Err(NOT_ASSUMED.into());
    }
    let caller = Caller::Delegate {
        role: role.rsplit('/').next().unwrap_or_default().to_owned(),
        session: cloud.fresh_hex(32),
        service: PRINCIPAL.to_owned(),
    };
    let request = request(name, target);
    let answer = match denied(cloud, &caller, target) {
        Some(error) => Err(error),
        None => ecs::answer(cloud, "RunTask", Parameters::new(&request)),
    };
    cloudtrail::record_delegate(cloud, caller, Service::Ecs, "RunTask", request, &answer);
    let answer = answer.map_err(|error| format!("{}: {}", error.code, error.message))?;
    match answer["tasks"][0]["taskArn"].as_str() {
        Some(arn) => Ok(arn.to_owned()),
        None => Err(answer["failures"].to_string()),
    }
}

/// Who may start a task has to be allowed to pass its roles on too (IAM's Service Authorization
/// Reference, "Condition keys for Amazon Elastic Container Service", "… for IAM").
fn denied(cloud: &Cloud, caller: &Caller, target: &Value) -> Option<ApiError> {
    let role = target["RoleArn"].as_str().unwrap_or_default();
    let definition = target["EcsParameters"]["TaskDefinitionArn"].as_str().unwrap_or_default();
    let started = [("ecs:cluster", target["Arn"].as_str().unwrap_or_default())];
    let passed = [("iam:PassedToService", ecs::TASKS)];
    let deed = |action, resource: &str, context: &[(&str, &str)]| {
        let is_allowed = iam::allows(cloud, role, action, resource, context);
        (!is_allowed).then(|| not_authorized(&caller.arn(cloud.partition()), action, resource))
    };
    deed("ecs:RunTask", definition, &started).or_else(|| {
        let handed = ecs::roles_of(cloud, definition);
        handed.iter().find_map(|handed| deed("iam:PassRole", handed, &passed))
    })
}

/// In the words of AWS's (IAM user guide, "Troubleshoot access denied error messages").
fn not_authorized(caller: &str, action: &str, resource: &str) -> ApiError {
    let message = format!(
        "User: {caller} is not authorized to perform: {action} on resource: {resource} because no \
         identity-based policy allows the {action} action"
    );
    ApiError::new("AccessDeniedException", message)
}

fn request(name: &str, target: &Value) -> Value {
    let ecs = &target["EcsParameters"];
    let network = &ecs["NetworkConfiguration"]["awsvpcConfiguration"];
    let started_by = format!("chronos-schedule/{name}");
    json!({
        "cluster": target["Arn"],
        "taskDefinition": ecs["TaskDefinitionArn"],
        "count": ecs["TaskCount"],
        "launchType": ecs["LaunchType"],
        "capacityProviderStrategy": ecs["CapacityProviderStrategy"],
        "platformVersion": ecs["PlatformVersion"],
        "group": ecs["Group"],
        "enableExecuteCommand": ecs["EnableExecuteCommand"],
        "overrides": read::overrides(target["Input"].as_str()),
        "startedBy": started_by.chars().take(LONGEST_STARTED_BY).collect::<String>(),
        "networkConfiguration": {"awsvpcConfiguration": {
            "subnets": network["Subnets"],
            "securityGroups": network["SecurityGroups"],
            "assignPublicIp": network["AssignPublicIp"],
        }},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_once_whatever_fraction_of_a_second_the_epoch_has() {
        for epoch in ["2026-01-01T05:00:00.1234567Z", "2026-01-01T05:00:00.000000001Z"] {
            let epoch = epoch.parse().unwrap();
            for expression in ["cron(0 6 * * ? *)", "at(2026-01-01T06:00:00)"] {
                let timetable = Timetable::parse(expression).unwrap();
                let at = timetable.next(epoch, Moment::default(), Moment::default()).unwrap();
                let again = timetable.next(epoch, Moment::default(), at);
                assert!(again.is_none_or(|again| again > at), "{expression}: {again:?}");
            }
        }
    }
}
