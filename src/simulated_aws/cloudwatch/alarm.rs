//! An alarm: what it looks at, how it stands, and whom it tells when that changes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::clock::Moment;
use super::super::cloud::Cloud;
use super::super::sns;
use super::super::wire::{Answer, ApiError, Parameters};
use super::metric::{self, Metric, Point};
use super::{alarm_arn, check_count, invalid, read_tags, required};

/// The longest that an alarm may look back: a day, or a week where its period is an hour or longer.
const DAY_S: u64 = 86_400;

/// How many more periods are looked at than are judged. The user guide's example has two more; it
/// says that the number depends on the length of the period, and does not say how.
const FURTHER_BACK: u32 = 2;

/// The most that an alarm tells of one change.
const MOST_ACTIONS: usize = 5;
/// How many characters members may have.
const LENGTHS: &[(&str, usize)] =
    &[("AlarmName", 255), ("AlarmDescription", 1024), ("Namespace", 255), ("MetricName", 255)];
/// What is for alarms of other kinds, or would narrow the data that counts.
const NOT_HEEDED: &[&str] = &[
    "Unit",
    "ExtendedStatistic",
    "EvaluateLowSampleCountPercentile",
    "Metrics",
    "ThresholdMetricId",
    "EvaluationWindow",
    "WarmUpConfiguration",
    "EvaluationCriteria",
    "EvaluationInterval",
    "ActionConfiguration",
];

/// An alarm on a metric.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Alarm {
    description: Option<String>,
    metric: Metric,
    statistic: Statistic,
    period_s: u64,
    periods: u32,
    /// As it was said: as many as there are periods.
    #[serde(default)]
    datapoints: Option<u32>,
    threshold: f64,
    comparison: Comparison,
    missing: Missing,
    actions: Vec<String>,
    ok_actions: Vec<String>,
    #[serde(default)]
    insufficient_data_actions: Vec<String>,
    actions_enabled: bool,
    pub tags: BTreeMap<String, String>,
    pub state: State,
    reason: String,
    changed: Moment,
    configured: Moment,
}

/// How an alarm stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// All is well.
    Ok,
    /// Every period that is judged breached the threshold.
    Alarm,
    /// Nobody can say.
    InsufficientData,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Statistic {
    Average,
    Maximum,
    Minimum,
    SampleCount,
    Sum,
}

/// How a period's statistic compares with the threshold.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Comparison {
    #[serde(rename = "GreaterThanOrEqualToThreshold")]
    AtLeast,
    #[serde(rename = "GreaterThanThreshold")]
    Above,
    #[serde(rename = "LessThanOrEqualToThreshold")]
    AtMost,
    #[serde(rename = "LessThanThreshold")]
    Below,
}

/// What a period without data counts as.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Missing {
    Breaching,
    NotBreaching,
    Ignore,
    #[serde(rename = "missing")]
    Unknown,
}

impl Alarm {
    /// The alarm as it is described.
    pub fn shown(&self, cloud: &Cloud, name: &str) -> Value {
        let dimensions = self.metric.dimensions.iter();
        let dimensions: Vec<Value> =
            dimensions.map(|(name, value)| json!({"Name": name, "Value": value})).collect();
        let at = |moment| json!({"Seconds": cloud.timestamp(moment).as_duration().as_secs_f64()});
        json!({
            "AlarmName": name,
            "AlarmArn": alarm_arn(cloud, name),
            "AlarmDescription": self.description,
            "AlarmConfigurationUpdatedTimestamp": at(self.configured),
            "ActionsEnabled": self.actions_enabled,
            "AlarmActions": self.actions,
            "OKActions": self.ok_actions,
            "InsufficientDataActions": self.insufficient_data_actions,
            "StateValue": self.state,
            "StateReason": self.reason,
            "StateUpdatedTimestamp": at(self.changed),
            "Namespace": self.metric.namespace,
            "MetricName": self.metric.name,
            "Dimensions": dimensions,
            "Statistic": self.statistic,
            "Period": self.period_s,
            "EvaluationPeriods": self.periods,
            "DatapointsToAlarm": self.datapoints,
            "Threshold": self.threshold,
            "ComparisonOperator": self.comparison,
            "TreatMissingData": self.missing,
        })
    }

    /// How long a period is.
    pub fn period(&self) -> Duration {
        Duration::from_secs(self.period_s)
    }

    /// All whom it tells of one change or another.
    pub fn told(&self) -> impl Iterator<Item = &String> {
        self.actions.iter().chain(&self.ok_actions).chain(&self.insufficient_data_actions)
    }

    /// How it stands by the data of its periods, the last of which ends at `now`.
    ///
    /// More periods are looked at than are judged. Where those that have data are enough, they are
    /// judged, however old, and what missing data counts as does not matter; where they are too few,
    /// the rest counts as missing data does (user guide, "How alarm state is evaluated when data is
    /// missing").
    fn judge(&self, points: &[Point], now: Moment) -> State {
        let verdicts = (0..self.periods.saturating_add(FURTHER_BACK))
            .filter_map(|back| self.is_breached(&self.values(points, now, back)));
        let verdicts: Vec<bool> = verdicts.take(self.periods as usize).collect();
        if verdicts.contains(&false) {
            return State::Ok;
        }
        if verdicts.len() == self.periods as usize {
            return State::Alarm;
        }
        match self.missing {
            Missing::Unknown if verdicts.is_empty() => State::InsufficientData,
            Missing::Breaching | Missing::Unknown => State::Alarm,
            Missing::NotBreaching => State::Ok,
            Missing::Ignore => self.state,
        }
    }

    /// The values of the period that ended `back` periods before `now`.
    fn values(&self, points: &[Point], now: Moment, back: u32) -> Vec<f64> {
        let period = self.period();
        let is_within = |point: &&Point| {
            let age = now.since(point.at);
            period * back <= age && age < period * (back + 1)
        };
        points.iter().filter(is_within).map(|point| point.value).collect()
    }

    /// Whether a period's values breach the threshold; `None` where there are none.
    fn is_breached(&self, values: &[f64]) -> Option<bool> {
        if values.is_empty() {
            return None;
        }
        let sum: f64 = values.iter().sum();
        let count = f64::from(u32::try_from(values.len()).unwrap_or(u32::MAX));
        let statistic = match self.statistic {
            Statistic::Average => sum / count,
            Statistic::Maximum => values.iter().copied().fold(f64::MIN, f64::max),
            Statistic::Minimum => values.iter().copied().fold(f64::MAX, f64::min),
            Statistic::SampleCount => count,
            Statistic::Sum => sum,
        };
        Some(match self.comparison {
            Comparison::AtLeast => statistic >= self.threshold,
            Comparison::Above => statistic > self.threshold,
            Comparison::AtMost => statistic <= self.threshold,
            Comparison::Below => statistic < self.threshold,
        })
    }
}

/// Looks at an alarm; where it stands otherwise than before, whom it tells is told.
pub fn look(cloud: &mut Cloud, name: &str) {
    let room = &cloud.cloudwatch;
    let Some(alarm) = room.alarms.get(name) else { return };
    let state = alarm.judge(&room.points_of(&alarm.metric, cloud.now), cloud.now);
    if state == alarm.state {
        return;
    }
    let told = match state {
        State::Alarm => alarm.actions.clone(),
        State::Ok => alarm.ok_actions.clone(),
        State::InsufficientData => alarm.insufficient_data_actions.clone(),
    };
    let told = if alarm.actions_enabled { told } else { vec![] };
    let now = cloud.now;
    if let Some(alarm) = cloud.cloudwatch.alarms.get_mut(name) {
        alarm.state = state;
        alarm.changed = now;
        alarm.reason = "Threshold Crossed".into();
    }
    let word = json!(state);
    let word = word.as_str().unwrap_or_default();
    for arn in told {
        sns::publish_from_within(cloud, &arn, &format!("{word}: \"{name}\""), word);
    }
}

/// Makes an alarm, or gives the one of that name this whole configuration; tags count only for a new
/// one.
pub fn put(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = required(request, "AlarmName")?.to_owned();
    check_known(request)?;
    check_lengths(request)?;
    let now = cloud.now;
    let there = cloud.cloudwatch.alarms.get(&name);
    let sent = read_tags(request, invalid)?;
    check_count(&sent, invalid)?;
    let tags = there.map_or(sent, |there| there.tags.clone());
    let alarm = Alarm {
        description: request.text("AlarmDescription").map(str::to_owned),
        metric: metric::read(required(request, "Namespace")?, request)?,
        statistic: word(request, "Statistic")?,
        period_s: number(request, "Period")?.into(),
        periods: number(request, "EvaluationPeriods")?,
        datapoints: request
            .has("DatapointsToAlarm")
            .then(|| number(request, "DatapointsToAlarm"))
            .transpose()?,
        threshold: request.number("Threshold").ok_or_else(|| invalid("Threshold is required."))?,
        comparison: word(request, "ComparisonOperator")?,
        missing: match request.text("TreatMissingData") {
            None => Missing::Unknown,
            Some(_) => word(request, "TreatMissingData")?,
        },
        actions: request.texts("AlarmActions"),
        ok_actions: request.texts("OKActions"),
        insufficient_data_actions: request.texts("InsufficientDataActions"),
        actions_enabled: request.flag("ActionsEnabled").unwrap_or(true),
        tags,
        state: there.map_or(State::InsufficientData, |there| there.state),
        reason: "Unchecked: Initial alarm creation".into(),
        changed: there.map_or(now, |there| there.changed),
        configured: now,
    };
    check_span(&alarm)?;
    check_datapoints(&alarm)?;
    if cloud.cloudwatch.alarms.is_empty() {
        cloud.cloudwatch.looked = now;
    }
    cloud.cloudwatch.alarms.insert(name, alarm);
    Ok(json!({}))
}

fn check_span(alarm: &Alarm) -> Result<(), ApiError> {
    let Alarm { period_s, periods, .. } = alarm;
    if ![10, 20, 30].contains(period_s) && (*period_s == 0 || period_s % 60 != 0) {
        return Err(invalid("Period must be 10, 20, 30 or a multiple of 60"));
    }
    let longest = if *period_s >= 3600 { 7 * DAY_S } else { DAY_S };
    if *periods == 0 || period_s * u64::from(*periods) > longest {
        return Err(invalid(
            "Metrics cannot be checked across more than a day (604800 seconds for periods of an hour or more)",
        ));
    }
    Ok(())
}

/// What is asked of fewer data points than there are periods is not known here.
fn check_datapoints(alarm: &Alarm) -> Result<(), ApiError> {
    match alarm.datapoints {
        Some(fewer) if fewer < alarm.periods => {
            Err(invalid("DatapointsToAlarm below EvaluationPeriods is not known here."))
        }
        Some(more) if more > alarm.periods => {
            Err(invalid("DatapointsToAlarm must not be above EvaluationPeriods."))
        }
        _ => Ok(()),
    }
}

/// Refuses what nobody here heeds.
fn check_known(request: Parameters<'_>) -> Result<(), ApiError> {
    let unknown = NOT_HEEDED.iter().find(|member| request.has(member));
    unknown.map_or(Ok(()), |member| Err(invalid(&format!("{member} is not known here."))))
}

fn check_lengths(request: Parameters<'_>) -> Result<(), ApiError> {
    for (member, longest) in LENGTHS {
        if request.text(member).is_some_and(|text| text.chars().count() > *longest) {
            let message = format!("{member} can have {longest} characters at most.");
            return Err(invalid(&message));
        }
    }
    for member in ["AlarmActions", "OKActions", "InsufficientDataActions"] {
        if request.texts(member).len() > MOST_ACTIONS {
            return Err(invalid(&format!("{member} can have {MOST_ACTIONS} items at most.")));
        }
    }
    Ok(())
}

/// A whole number above zero, which has 32 bits there.
fn number(request: Parameters<'_>, name: &str) -> Result<u32, ApiError> {
    let number = request.integer(name).and_then(|number| i32::try_from(number).ok());
    number
        .and_then(|number| u32::try_from(number).ok())
        .filter(|number| *number > 0)
        .ok_or_else(|| invalid(&format!("{name} must be a whole number above zero.")))
}

/// One of the words that a member may be.
pub fn word<T: serde::de::DeserializeOwned>(
    request: Parameters<'_>,
    name: &str,
) -> Result<T, ApiError> {
    let text = required(request, name)?;
    serde_json::from_value(text.into())
        .map_err(|_| invalid(&format!("Value '{text}' at '{name}' is not one of those allowed.")))
}
