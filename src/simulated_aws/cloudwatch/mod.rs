//! CloudWatch, as far as single metrics, the alarms on them and their tags go.
//!
//! Alarms are looked at every five minutes, where AWS does every minute: no alarm whose period is as
//! long can tell. Behaviour is that of the user guide ("Using Amazon CloudWatch alarms") and of the
//! API reference, by operation.

mod alarm;
mod metric;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::alarm::Alarm;
pub use self::alarm::State;
use self::metric::{Metric, Point};
use super::clock::Moment;
use super::cloud::Cloud;
use super::endpoint::unknown_operation;
use super::marker;
use super::wire::{Answer, ApiError, Parameters};

/// How long from one look at the alarms to the next.
const LOOK: Duration = Duration::from_mins(5);
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

    fn points_of(&self, metric: &Metric) -> &[Point] {
        let mut metrics = self.metrics.iter();
        metrics.find(|(one, _)| one == metric).map_or(&[], |(_, points)| points)
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
    (!room.alarms.is_empty()).then(|| room.looked.after(LOOK))
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
        return Err(invalid("The value for parameter Namespace is reserved."));
    }
    let at = cloud.now;
    for datum in request.structures("MetricData") {
        let metric = metric::read(namespace, datum)?;
        let value = datum.number("Value").filter(|value| value.is_finite());
        let value =
            value.ok_or_else(|| invalid("At least one of Value and Values is required."))?;
        keep(cloud, metric, Point { at, value });
    }
    Ok(json!({}))
}

fn keep(cloud: &mut Cloud, metric: Metric, point: Point) {
    let metrics = &mut cloud.cloudwatch.metrics;
    let place = metrics.iter().position(|(one, _)| *one == metric);
    let place = place.unwrap_or_else(|| {
        metrics.push((metric, vec![]));
        metrics.len() - 1
    });
    let points = &mut metrics[place].1;
    points.push(point);
    points.retain(|one| point.at.since(one.at) <= KEPT);
}

fn describe(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let names = request.texts("AlarmNames");
    if names.len() > MOST_NAMES {
        return Err(invalid("AlarmNames can have 100 items at most."));
    }
    let prefix = request.text("AlarmNamePrefix").unwrap_or_default();
    let is_asked = |name: &String| names.is_empty() || names.contains(name);
    let size = page_size(request)?;
    let after = request.text("NextToken").and_then(marker::read).unwrap_or_default();
    let alarms = cloud.cloudwatch.alarms.iter();
    let asked = alarms.filter(|(name, _)| is_asked(name) && name.starts_with(prefix));
    let mut rest = asked.filter(|(name, _)| **name > after).peekable();
    let page: Vec<(&String, &Alarm)> = rest.by_ref().take(size).collect();
    let next = rest.peek().and(page.last()).map(|(name, _)| marker::write(name));
    let shown: Vec<Value> =
        page.into_iter().map(|(name, alarm)| alarm.shown(cloud, name)).collect();
    Ok(json!({"MetricAlarms": shown, "CompositeAlarms": [], "NextToken": next}))
}

fn page_size(request: Parameters<'_>) -> Result<usize, ApiError> {
    let Some(asked) = request.integer("MaxRecords") else { return Ok(USUAL_PAGE) };
    usize::try_from(asked)
        .ok()
        .filter(|size| (1..=MOST_NAMES).contains(size))
        .ok_or_else(|| invalid("MaxRecords must be between 1 and 100."))
}

/// Deletes all, or, where one is not there, none.
fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let names = request.texts("AlarmNames");
    let alarms = &mut cloud.cloudwatch.alarms;
    if names.iter().any(|name| !alarms.contains_key(name)) {
        let message = "One or more of the alarms does not exist";
        return Err(ApiError::new("ResourceNotFound", message).with_status(404));
    }
    alarms.retain(|name, _| !names.contains(name));
    Ok(json!({}))
}

fn tag(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let tags = read_tags(request)?;
    let alarm = tagged(cloud, request)?;
    let mut merged = alarm.tags.clone();
    merged.extend(tags);
    if merged.len() > MOST_TAGS {
        return Err(invalid("An alarm can have 50 tags."));
    }
    alarm.tags = merged;
    Ok(json!({}))
}

fn read_tags(request: Parameters<'_>) -> Result<BTreeMap<String, String>, ApiError> {
    let one = |tag: Parameters<'_>| {
        let (key, value) =
            (tag.text("Key").unwrap_or_default(), tag.text("Value").unwrap_or_default());
        let is_odd = key.is_empty() || key.len() > 128 || value.len() > 256;
        if is_odd || key.starts_with("aws:") {
            return Err(invalid("A tag's key has 1 to 128 characters and no aws: before it."));
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
    text.ok_or_else(|| {
        ApiError::new("MissingParameter", format!("The parameter {name} is required."))
    })
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationError", message)
}
