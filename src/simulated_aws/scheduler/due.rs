//! What happens when it is time.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::autoscaling::schedule::{self, moment};
use super::super::clock::Moment;
use super::super::cloud::Cloud;
use super::super::wire::{ApiError, Parameters};
use super::super::{ecs, iam};
use super::cron::Cron;
use super::{Again, Attempt, PRINCIPAL, Schedule, invalid};

/// The pause before what did not work is tried again.
const PAUSE: Duration = Duration::from_mins(1);

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
            None => schedule::Schedule::parse(expression).map(Self::Steady).map_err(|_| odd()),
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
    let outcome = run(cloud, &target);
    let is_failure = outcome.is_err();
    cloud.scheduler.attempts.push(Attempt { schedule: name.to_owned(), at: now, outcome });
    if is_failure {
        let retries = &target["RetryPolicy"];
        let since = again.map_or(now, |again| again.since);
        let attempts = again.map_or(0, |again| again.attempts);
        let next = Again { since, at: now.after(PAUSE), attempts: attempts + 1 };
        let may_be = u64::from(attempts) < retries["MaximumRetryAttempts"].as_u64().unwrap_or(0)
            && next.at.since(since).as_secs()
                <= retries["MaximumEventAgeInSeconds"].as_u64().unwrap_or(0);
        if let Some(schedule) = cloud.scheduler.schedules.get_mut(name) {
            schedule.again = may_be.then_some(next);
        }
    }
}

/// Runs a target's task with its role; gives the task's ARN.
fn run(cloud: &mut Cloud, target: &Value) -> Result<String, String> {
    let role = target["RoleArn"].as_str().unwrap_or_default();
    let ecs = &target["EcsParameters"];
    let definition = ecs["TaskDefinitionArn"].as_str().unwrap_or_default();
    if !iam::trusts(cloud, role, PRINCIPAL) {
        return Err("the role can't be assumed".into());
    }
    let handed = ecs::roles_of(cloud, definition);
    let mut rights = vec![("ecs:RunTask", definition.to_owned())];
    rights.extend(handed.into_iter().map(|handed| ("iam:PassRole", handed)));
    for (action, resource) in rights {
        if !iam::allows(cloud, role, action, &resource) {
            return Err(format!("{role} is not authorized to perform: {action} on {resource}"));
        }
    }
    let network = &ecs["NetworkConfiguration"]["awsvpcConfiguration"];
    let request = json!({
        "cluster": target["Arn"],
        "taskDefinition": definition,
        "count": ecs["TaskCount"],
        "launchType": ecs["LaunchType"],
        "startedBy": "EventBridge Scheduler",
        "networkConfiguration": {"awsvpcConfiguration": {
            "subnets": network["Subnets"],
            "securityGroups": network["SecurityGroups"],
            "assignPublicIp": network["AssignPublicIp"],
        }},
    });
    let answer = ecs::answer(cloud, "RunTask", Parameters::new(&request));
    let answer = answer.map_err(|error| format!("{}: {}", error.code, error.message))?;
    match answer["tasks"][0]["taskArn"].as_str() {
        Some(arn) => Ok(arn.to_owned()),
        None => Err(answer["failures"].to_string()),
    }
}
