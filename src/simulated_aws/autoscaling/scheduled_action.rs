//! Scheduled actions: they move the bounds of a scalable target when their time comes, past
//! whoever set these (aws-behaviour 18.g).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::clock::Moment;
use super::super::cloud::Cloud;
use super::super::schedule::{Schedule, moment};
use super::super::wire::{Answer, ApiError, Parameters};
use super::page::page;
use super::scalable_target::{
    ScalableTarget, bounds, is_asked_for, missing, namespace, registered, soon, subject,
    with_identity,
};
use super::{invalid, required, seconds};

/// How many scheduled actions a target may have (aws-behaviour 28).
const MOST_ACTIONS: usize = 200;

/// A scheduled action.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScheduledAction {
    arn: String,
    /// As it was written.
    expression: String,
    schedule: Schedule,
    start: Option<Moment>,
    end: Option<Moment>,
    least: Option<i64>,
    most: Option<i64>,
    created: Moment,
    /// When it is performed next.
    pub next: Option<Moment>,
}

impl ScheduledAction {
    fn foresee(&mut self, epoch: Timestamp, now: Moment) {
        let next = self.schedule.next(epoch, self.start.unwrap_or(self.created), now);
        self.next = next.filter(|next| self.end.is_none_or(|end| *next <= end));
    }
}

/// Makes a scheduled action, or changes what the request names of the one of that name.
pub fn put(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let service = subject(request)?;
    let name = required(request, "ScheduledActionName")?;
    let target = registered(&mut cloud.autoscaling, &service)?.clone();
    let mut action = match target.actions.get(name) {
        Some(present) => present.clone(),
        None => fresh(cloud, &target, name, request)?,
    };
    change(cloud, &mut action, request)?;
    action.foresee(cloud.epoch, cloud.now);
    registered(&mut cloud.autoscaling, &service)?.actions.insert(name.to_owned(), action);
    Ok(json!({}))
}

fn fresh(
    cloud: &mut Cloud,
    target: &ScalableTarget,
    name: &str,
    request: Parameters<'_>,
) -> Result<ScheduledAction, ApiError> {
    if target.actions.len() >= MOST_ACTIONS {
        return Err(ApiError::new("LimitExceededException", "Too many scheduled actions"));
    }
    let expression = required(request, "Schedule")?;
    let schedule = schedule(expression)?;
    let resource = target.service.resource_id();
    let id = cloud.fresh_uuid();
    let arn = format!("scheduledAction:{id}:resource/ecs/{resource}:scheduledActionName/{name}");
    Ok(ScheduledAction {
        arn: cloud.arn("autoscaling", &arn),
        expression: expression.to_owned(),
        schedule,
        start: None,
        end: None,
        least: None,
        most: None,
        created: cloud.now,
        next: None,
    })
}

fn change(
    cloud: &Cloud,
    action: &mut ScheduledAction,
    request: Parameters<'_>,
) -> Result<(), ApiError> {
    if request.text("Timezone").is_some_and(|zone| zone != "UTC") {
        return Err(invalid("The only time zone known here is UTC"));
    }
    if let Some(expression) = request.text("Schedule") {
        action.schedule = schedule(expression)?;
        expression.clone_into(&mut action.expression);
    }
    action.start = time(cloud, request, "StartTime")?.or(action.start);
    action.end = time(cloud, request, "EndTime")?.or(action.end);
    if request.has("ScalableTargetAction") {
        let capacity = request.structure("ScalableTargetAction");
        action.least = capacity.integer("MinCapacity");
        action.most = capacity.integer("MaxCapacity");
        let most = action.most.unwrap_or(i64::MAX);
        bounds(capacity, Some((action.least.unwrap_or(0), most)))?;
    }
    if action.least.is_none() && action.most.is_none() {
        return Err(invalid("MinCapacity or MaxCapacity must be given for a scheduled action"));
    }
    Ok(())
}

/// Cron expressions are refused rather than taken and never heeded.
fn schedule(expression: &str) -> Result<Schedule, ApiError> {
    Schedule::parse(expression).ok_or_else(|| {
        invalid(format!("The schedule '{expression}' is not one of at(...) and rate(...)"))
    })
}

/// A time in seconds since 1970.
fn time(cloud: &Cloud, request: Parameters<'_>, name: &str) -> Result<Option<Moment>, ApiError> {
    let Some(seconds) = request.number(name) else { return Ok(None) };
    let since_1970 = jiff::SignedDuration::try_from_secs_f64(seconds).ok();
    let time = since_1970.and_then(|since| Timestamp::from_duration(since).ok());
    let time = time.ok_or_else(|| invalid(format!("{name} is not a time")))?;
    Ok(Some(moment(cloud.epoch, time)))
}

/// Moves the bounds of every target for which it is time.
pub fn perform_due(cloud: &mut Cloud) {
    let (epoch, now) = (cloud.epoch, cloud.now);
    let moved_at = cloud.autoscaling.targets.values().any(|target| is_due(target, now));
    if !moved_at {
        return;
    }
    let enforced = soon(cloud);
    for target in cloud.autoscaling.targets.values_mut().filter(|target| is_due(target, now)) {
        let unscheduled = target.is_unscheduled();
        let due = |action: &&mut ScheduledAction| action.next.is_some_and(|next| next <= now);
        for action in target.actions.values_mut().filter(due) {
            action.foresee(epoch, now);
            if !unscheduled {
                target.least = action.least.unwrap_or(target.least);
                target.most = action.most.unwrap_or(target.most).max(target.least);
                target.enforced = Some(enforced);
            }
        }
    }
}

fn is_due(target: &ScalableTarget, now: Moment) -> bool {
    target.actions.values().any(|action| action.next.is_some_and(|next| next <= now))
}

pub fn describe(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    namespace(request)?;
    let names = request.texts("ScheduledActionNames");
    let ids: Vec<String> = request.text("ResourceId").map(str::to_owned).into_iter().collect();
    let targets = cloud.autoscaling.targets.values();
    let chosen = targets.filter(|target| is_asked_for(request, &ids, &target.service));
    let shown = chosen.flat_map(|target| {
        let actions = target.actions.iter();
        let asked = actions.filter(|(name, _)| names.is_empty() || names.contains(*name));
        asked.map(|(name, action)| {
            (format!("{} {name}", target.service.resource_id()), shown(cloud, target, name, action))
        })
    });
    page(request, "ScheduledActions", shown)
}

fn shown(cloud: &Cloud, target: &ScalableTarget, name: &str, action: &ScheduledAction) -> Value {
    let time = |moment: Option<Moment>| moment.map(|moment| seconds(cloud, moment));
    let shown = json!({
        "ScheduledActionARN": action.arn,
        "ScheduledActionName": name,
        "Schedule": action.expression,
        "StartTime": time(action.start),
        "EndTime": time(action.end),
        "ScalableTargetAction": {"MinCapacity": action.least, "MaxCapacity": action.most},
        "CreationTime": seconds(cloud, action.created),
    });
    with_identity(&target.service, shown)
}

pub fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let service = subject(request)?;
    let name = required(request, "ScheduledActionName")?;
    let target = registered(&mut cloud.autoscaling, &service)?;
    let deleted = target.actions.remove(name);
    deleted.ok_or_else(|| missing(format!("No scheduled action found with name {name}")))?;
    Ok(json!({}))
}
