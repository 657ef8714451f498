//! The CloudWatch Logs room: log groups, their streams and lines.
//!
//! Lines do not expire, whatever the retention: it is kept and shown, but a simulated cloud hardly
//! ever grows older than a day.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cloud::Cloud;
use super::endpoint::unknown_operation;
use super::wire::{Answer, ApiError, Parameters};

mod filter;
mod groups;
mod lines;
mod page;
mod streams;
mod tags;
#[cfg(test)]
mod tests;

/// What the account holds in CloudWatch Logs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Logs {
    /// By name.
    groups: BTreeMap<String, Group>,
    /// How many lines were ever written: numbers those of the same millisecond.
    lines: u64,
}

/// A log group. Times are in milliseconds since 1970, as all of this service's are.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Group {
    created_ms: i64,
    class: Class,
    /// Absent: for ever.
    retention_days: Option<i64>,
    key: Option<String>,
    delete_protected: bool,
    tags: BTreeMap<String, String>,
    /// By name.
    streams: BTreeMap<String, Stream>,
}

/// What a log group can do, for what price; fixed when it is made (aws-behaviour 11.f).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Class {
    #[default]
    Standard,
    InfrequentAccess,
    /// Keeps lines for two days, always.
    Delivery,
}

/// A log stream: the lines of one container, for example.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stream {
    created_ms: i64,
    /// In the order of their places.
    lines: Vec<Line>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    at_ms: i64,
    /// Tells lines of the same moment apart.
    number: u64,
    ingested_ms: i64,
    text: String,
}

impl Stream {
    fn new(created_ms: i64) -> Self {
        Self { created_ms, lines: Vec::new() }
    }

    /// Puts a line where its time belongs.
    fn insert(&mut self, line: Line) {
        let place = (line.at_ms, line.number);
        let at = self.lines.partition_point(|other| (other.at_ms, other.number) < place);
        self.lines.insert(at, line);
    }
}

impl Logs {
    fn group(&self, name: &str) -> Result<&Group, ApiError> {
        self.groups.get(name).ok_or_else(no_such_group)
    }

    fn group_mut(&mut self, name: &str) -> Result<&mut Group, ApiError> {
        self.groups.get_mut(name).ok_or_else(no_such_group)
    }

    fn next_number(&mut self) -> u64 {
        self.lines += 1;
        self.lines
    }
}

/// Whether a log group of this name exists, for containers that are to write into it.
#[must_use]
pub fn log_group_exists(cloud: &Cloud, name: &str) -> bool {
    cloud.logs.groups.contains_key(name)
}

/// Writes a line at the present moment, making the stream if need be.
///
/// In a group that does not exist, the line is lost.
pub fn put_log_line(cloud: &mut Cloud, group: &str, stream: &str, text: &str) {
    let now_ms = now_ms(cloud);
    let number = cloud.logs.next_number();
    let Some(group) = cloud.logs.groups.get_mut(group) else { return };
    let stream = group.streams.entry(stream.to_owned()).or_insert_with(|| Stream::new(now_ms));
    stream.insert(Line { at_ms: now_ms, number, ingested_ms: now_ms, text: text.to_owned() });
}

/// Answers an operation.
pub fn answer(cloud: &mut Cloud, operation: &str, request: Parameters<'_>) -> Answer {
    match operation {
        "CreateLogGroup" => groups::create(cloud, request),
        "DescribeLogGroups" => groups::describe(cloud, request),
        "PutRetentionPolicy" => groups::put_retention(cloud, request),
        "DeleteRetentionPolicy" => groups::delete_retention(cloud, request),
        "PutLogGroupDeletionProtection" => groups::put_deletion_protection(cloud, request),
        "DeleteLogGroup" => groups::delete(cloud, request),
        "TagResource" => tags::tag(cloud, request),
        "UntagResource" => tags::untag(cloud, request),
        "ListTagsForResource" => tags::list(cloud, request),
        "CreateLogStream" => streams::create(cloud, request),
        "DescribeLogStreams" => streams::describe(cloud, request),
        "DeleteLogStream" => streams::delete(cloud, request),
        "PutLogEvents" => lines::put(cloud, request),
        "GetLogEvents" => lines::get(cloud, request),
        "FilterLogEvents" => lines::filter(cloud, request),
        _ => Err(unknown_operation(operation)),
    }
}

/// The present moment.
fn now_ms(cloud: &Cloud) -> i64 {
    cloud.timestamp(cloud.now).as_millisecond()
}

/// The ARN of a log group as the tag operations want it: without `:*` (aws-behaviour 11.f).
fn group_arn(cloud: &Cloud, name: &str) -> String {
    cloud.arn("logs", &format!("log-group:{name}"))
}

/// The name of the group that a request means: by its name, or by its name or ARN as identifier.
fn group_name<'a>(cloud: &Cloud, request: Parameters<'a>) -> Result<&'a str, ApiError> {
    match (request.text("logGroupName"), request.text("logGroupIdentifier")) {
        (Some(name), None) => Ok(name),
        (None, Some(identifier)) => {
            let prefix = group_arn(cloud, "");
            Ok(identifier.strip_prefix(prefix.as_str()).unwrap_or(identifier))
        }
        (Some(_), Some(_)) => {
            Err(invalid("LogGroup name and LogGroup identifier are mutually exclusive parameters."))
        }
        (None, None) => Err(missing("logGroupName")),
    }
}

/// A text that must be there.
fn required<'a>(request: Parameters<'a>, member: &str) -> Result<&'a str, ApiError> {
    request.text(member).ok_or_else(|| missing(member))
}

fn missing(member: &str) -> ApiError {
    violated(member, "Member must not be null")
}

fn violated(member: &str, constraint: &str) -> ApiError {
    invalid(format!(
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: {constraint}"
    ))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterException", message)
}

fn no_such_group() -> ApiError {
    ApiError::new("ResourceNotFoundException", "The specified log group does not exist.")
}

fn no_such_stream() -> ApiError {
    ApiError::new("ResourceNotFoundException", "The specified log stream does not exist.")
}

fn already_exists(what: &str) -> ApiError {
    let message = format!("The specified {what} already exists");
    ApiError::new("ResourceAlreadyExistsException", message)
}
