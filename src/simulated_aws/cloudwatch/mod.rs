//! CloudWatch, as far as single metrics, the alarms on them and their tags go.
//!
//! Alarms are looked at twice in the shortest period of any, and every five minutes at least, where
//! AWS does every minute: no alarm can tell. Behaviour is that of the user guide ("Using Amazon
//! CloudWatch alarms") and of the API reference, by operation.

mod alarm;
mod metric;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::alarm::Alarm;
pub use self::alarm::State;
use self::metric::{Metric, Point};
use super::clock::Moment;
use super::cloud::Cloud;
use super::endpoint::unknown_operation;
use super::marker;
use super::schedule::moment;
use super::wire::{Answer, ApiError, Parameters};

/// The longest from one look at the alarms to the next.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// How long before a call, and how long after it, the time of a data point may be.
const OLDEST: Duration = Duration::from_hours(14 * 24);
const YOUNGEST: Duration = Duration::from_hours(2);
/// The most data points of one call.
const MOST_DATA: usize = 1000;
/// What is measured in it that nobody here keeps: sets of values.
const NOT_KEPT: &[&str] = &["Values", "Counts", "StatisticValues"];
/// How long data points are kept: as long as the longest alarm looks back.
const KEPT: Duration = Duration::from_hours(7 * 24);
/// The most alarms that one call deletes or describes.
const MOST_NAMES: usize = 100;
/// How many alarms are described at once, unless the call says otherwise.
const USUAL_PAGE: usize = 50;
/// The most tags of an alarm.
const MOST_TAGS: usize = 50;

/// What the account holds here.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CloudWatch {
    /// By name.
    alarms: BTreeMap<String, Alarm>,
    metrics: Vec<(Metric, Vec<Point>)>,
    /// When alarms were last looked at.
    looked: Moment,
}

impl CloudWatch {
    /// How an alarm stands; `None` where there is none of that name.
    #[must_use]
    pub fn state_of(&self, name: &str) -> Option<State> {
        self.alarms.get(name).map(|alarm| alarm.state)
    }

    /// The values that were put for a metric, one dimension's value being `dimension`.
    #[must_use]
    pub fn values_of(&self, name: &str, dimension: &str) -> Vec<f64> {
        let is_meant = |metric: &Metric| {
            metric.name == name && metric.dimensions.values().any(|value| value == dimension)
        };
        let meant = self.metrics.iter().filter(|(metric, _)| is_meant(metric));
        meant.flat_map(|(_, points)| points.iter().map(|point| point.value)).collect()
    }

    /// The points of a metric whose time has come.
    fn points_of(&self, metric: &Metric, now: Moment) -> Vec<Point> {
        let own = self.metrics.iter().filter(|(one, _)| one == metric);
        own.flat_map(|(_, points)| points).filter(|point| point.at <= now).copied().collect()
    }

    /// How long from one look at the alarms to the next.
    fn pause(&self) -> Duration {
        let periods = self.alarms.values().map(Alarm::period);
        periods.min().map_or(LONGEST_PAUSE, |shortest| (shortest / 2).min(LONGEST_PAUSE))
    }
}

/// Answers an operation.
pub fn answer(cloud: &mut Cloud, operation: &str, request: Parameters<'_>) -> Answer {
    match operation {
        "PutMetricData" => put_data(cloud, request),
        "PutMetricAlarm" => alarm::put(cloud, request),
        "DescribeAlarms" => describe(cloud, request),
        "DeleteAlarms" => delete(cloud, request),
        "TagResource" => tag(cloud, request),
        "UntagResource" => {
            let keys = request.texts("TagKeys");
            tagged(cloud, request)?.tags.retain(|key, _| !keys.contains(key));
            Ok(json!({}))
        }
        "ListTagsForResource" => {
            let tags = tagged(cloud, request)?.tags.clone();
            let tags: Vec<Value> =
                tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
            Ok(json!({"Tags": tags}))
        }
        _ => Err(unknown_operation(operation)),
    }
}

/// When the alarms are looked at next.
#[must_use]
pub fn next_due(cloud: &Cloud) -> Option<Moment> {
    let room = &cloud.cloudwatch;
    (!room.alarms.is_empty()).then(|| room.looked.after(room.pause()))
}

/// Looks at every alarm, where it is time, and tells whom those that change are to tell.
pub fn pass(cloud: &mut Cloud) {
    if next_due(cloud).is_none_or(|due| due > cloud.now) {
        return;
    }
    cloud.cloudwatch.looked = cloud.now;
    let names: Vec<String> = cloud.cloudwatch.alarms.keys().cloned().collect();
    for name in names {
        alarm::look(cloud, &name);
    }
}

fn put_data(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let namespace = required(request, "Namespace")?;
    if namespace.starts_with("AWS/") || namespace.starts_with(':') {
        return Err(invalid_value("The value AWS/ for parameter Namespace is invalid."));
    }
    let data: Vec<Parameters<'_>> = request.structures("MetricData").collect();
    if data.is_empty() {
        return Err(missing("MetricData"));
    }
    if data.len() > MOST_DATA {
        return Err(invalid_value(
            "The collection MetricData must not have a size greater than 1000.",
        ));
    }
    let read = |datum: Parameters<'_>| {
        let metric = metric::read(namespace, datum)?;
        Ok((metric, Point { at: time(cloud, datum)?, value: value(datum)? }))
    };
    let points: Vec<(Metric, Point)> =
        data.into_iter().map(read).collect::<Result<_, ApiError>>()?;
    for (metric, point) in points {
        keep(cloud, metric, point);
    }
    Ok(json!({}))
}

fn value(datum: Parameters<'_>) -> Result<f64, ApiError> {
    if let Some(member) = NOT_KEPT.iter().find(|member| datum.has(member)) {
        let both = datum.has("Value");
        let code = if both { "InvalidParameterCombination" } else { "InvalidParameterValue" };
        return Err(ApiError::new(code, format!("{member} is not known here, but Value.")));
    }
    if !datum.has("Value") {
        return Err(missing("MetricData.member.Value"));
    }
    let bound = 2.0_f64.powi(360);
    let value = datum.number("Value").filter(|value| (-bound..=bound).contains(value));
    value.ok_or_else(|| invalid_value("The value for parameter Value is out of range."))
}

/// When a value was measured; without a time of its own, when it comes in. Of the time before the
/// cloud was made, none is kept.
fn time(cloud: &Cloud, datum: Parameters<'_>) -> Result<Moment, ApiError> {
    if !datum.has("Timestamp") {
        return Ok(cloud.now);
    }
    let since_1970 = datum.number("Timestamp").map(jiff::SignedDuration::try_from_secs_f64);
    let time = since_1970.and_then(|since| Timestamp::from_duration(since.ok()?).ok());
    let time = time.filter(|time| *time >= cloud.epoch).map(|time| moment(cloud.epoch, time));
    let is_near = |at: &Moment| cloud.now.since(*at) <= OLDEST && at.since(cloud.now) <= YOUNGEST;
    time.filter(is_near)
        .ok_or_else(|| invalid_value("The value for parameter Timestamp is invalid."))
}

fn keep(cloud: &mut Cloud, metric: Metric, point: Point) {
    let now = cloud.now;
    let metrics = &mut cloud.cloudwatch.metrics;
    let place = metrics.iter().position(|(one, _)| *one == metric);
    let place = place.unwrap_or_else(|| {
        metrics.push((metric, vec![]));
        metrics.len() - 1
    });
    let points = &mut metrics[place].1;
    points.push(point);
    points.retain(|one| now.since(one.at) <= KEPT);
}

fn describe(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let names = request.texts("AlarmNames");
    if names.len() > MOST_NAMES {
        return Err(invalid("AlarmNames can have 100 items at most."));
    }
    if !names.is_empty() && request.has("AlarmNamePrefix") {
        let message = "AlarmNames and AlarmNamePrefix cannot be specified together.";
        return Err(ApiError::new("InvalidParameterCombination", message));
    }
    let size = page_size(request)?;
    let after = marker::place(request.text("NextToken"));
    let after = after.ok_or_else(|| ApiError::new("InvalidNextToken", "Invalid NextToken."))?;
    let filter = Filter::read(request)?;
    let alarms = cloud.cloudwatch.alarms.iter();
    let asked = alarms.filter(|(name, alarm)| filter.admits(name, alarm));
    let (page, next) = marker::page(asked, &after, size);
    let shown: Vec<Value> =
        page.into_iter().map(|(name, alarm)| alarm.shown(cloud, name)).collect();
    Ok(json!({"MetricAlarms": shown, "CompositeAlarms": [], "NextToken": next}))
}

/// Which alarms are asked for.
struct Filter<'a> {
    names: Vec<String>,
    prefix: &'a str,
    state: Option<State>,
    action: &'a str,
    /// All alarms here are on metrics.
    is_of_metrics: bool,
}

impl<'a> Filter<'a> {
    fn read(request: Parameters<'a>) -> Result<Self, ApiError> {
        for member in ["ChildrenOfAlarmName", "ParentsOfAlarmName"] {
            if request.has(member) {
                return Err(invalid(&format!("{member} is not known here.")));
            }
        }
        let kinds = request.texts("AlarmTypes");
        let state = request.has("StateValue").then(|| alarm::word(request, "StateValue"));
        Ok(Self {
            names: request.texts("AlarmNames"),
            prefix: request.text("AlarmNamePrefix").unwrap_or_default(),
            state: state.transpose()?,
            action: request.text("ActionPrefix").unwrap_or_default(),
            is_of_metrics: kinds.is_empty() || kinds.iter().any(|kind| kind == "MetricAlarm"),
        })
    }

    fn admits(&self, name: &String, alarm: &Alarm) -> bool {
        self.is_of_metrics
            && (self.names.is_empty() || self.names.contains(name))
            && name.starts_with(self.prefix)
            && self.state.is_none_or(|state| state == alarm.state)
            && (self.action.is_empty()
                || alarm.told().any(|action| action.starts_with(self.action)))
    }
}

fn page_size(request: Parameters<'_>) -> Result<usize, ApiError> {
    let Some(asked) = request.integer("MaxRecords") else { return Ok(USUAL_PAGE) };
    usize::try_from(asked)
        .ok()
        .filter(|size| (1..=MOST_NAMES).contains(size))
        .ok_or_else(|| invalid("MaxRecords must be between 1 and 100."))
}

/// Where one is not there the others are deleted all the same (API reference, DeleteAlarms).
fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let names = request.texts("AlarmNames");
    if names.len() > MOST_NAMES {
        return Err(invalid("AlarmNames can have 100 items at most."));
    }
    let alarms = &mut cloud.cloudwatch.alarms;
    let are_there = names.iter().all(|name| alarms.contains_key(name));
    alarms.retain(|name, _| !names.contains(name));
    if are_there {
        return Ok(json!({}));
    }
    let message = "One or more of the alarms does not exist";
    Err(ApiError::new("ResourceNotFound", message).with_status(404))
}

fn tag(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let tags = read_tags(request, invalid_value)?;
    let alarm = tagged(cloud, request)?;
    let mut merged = alarm.tags.clone();
    merged.extend(tags);
    check_count(&merged, invalid_value)?;
    alarm.tags = merged;
    Ok(json!({}))
}

fn check_count(
    tags: &BTreeMap<String, String>,
    refusal: fn(&str) -> ApiError,
) -> Result<(), ApiError> {
    if tags.len() > MOST_TAGS { Err(refusal("An alarm can have 50 tags.")) } else { Ok(()) }
}

fn read_tags(
    request: Parameters<'_>,
    refusal: fn(&str) -> ApiError,
) -> Result<BTreeMap<String, String>, ApiError> {
    let one = |tag: Parameters<'_>| {
        let (key, value) =
            (tag.text("Key").unwrap_or_default(), tag.text("Value").unwrap_or_default());
        let is_odd = key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256;
        if is_odd || key.starts_with("aws:") {
            return Err(refusal("A tag's key has 1 to 128 characters and no aws: before it."));
        }
        Ok((key.to_owned(), value.to_owned()))
    };
    request.structures("Tags").map(one).collect()
}

fn tagged<'a>(cloud: &'a mut Cloud, request: Parameters<'_>) -> Result<&'a mut Alarm, ApiError> {
    let arn = required(request, "ResourceARN")?;
    let prefix = alarm_arn(cloud, "");
    let name = arn.strip_prefix(&prefix).unwrap_or_default();
    let alarm = cloud.cloudwatch.alarms.get_mut(name);
    alarm.ok_or_else(|| {
        let message = format!("{arn} does not exist");
        ApiError::new("ResourceNotFoundException", message).with_status(404)
    })
}

fn alarm_arn(cloud: &Cloud, name: &str) -> String {
    cloud.arn("cloudwatch", &format!("alarm:{name}"))
}

fn required<'a>(request: Parameters<'a>, name: &str) -> Result<&'a str, ApiError> {
    let text = request.text(name).filter(|text| !text.is_empty());
    text.ok_or_else(|| missing(name))
}

fn missing(name: &str) -> ApiError {
    ApiError::new("MissingParameter", format!("The parameter {name} is required."))
}

fn invalid_value(message: &str) -> ApiError {
    ApiError::new("InvalidParameterValue", message)
}

fn invalid(message: &str) -> ApiError {
    ApiError::new("ValidationError", message)
}
