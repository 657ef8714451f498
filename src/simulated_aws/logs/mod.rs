//! The CloudWatch Logs room: log groups, their streams and lines.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cloud::Cloud;
use super::endpoint::unknown_operation;
use super::wire::{Answer, Parameters};

/// What the account holds in CloudWatch Logs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Logs {
    /// By name.
    groups: BTreeMap<String, Group>,
}

/// A log group. Times are in milliseconds since 1970, as all of this service's are.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Group {
    created_ms: i64,
    class: String,
    /// Absent: lines never expire.
    retention_days: Option<i64>,
    key: Option<String>,
    delete_protected: bool,
    tags: BTreeMap<String, String>,
    /// By name.
    streams: BTreeMap<String, Stream>,
}

/// A log stream: the lines of one container, for example.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Stream {
    created_ms: i64,
    /// In the order of their times.
    lines: Vec<Line>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    at_ms: i64,
    ingested_ms: i64,
    text: String,
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
    let now_ms = cloud.timestamp(cloud.now).as_millisecond();
    let Some(group) = cloud.logs.groups.get_mut(group) else { return };
    let stream = group
        .streams
        .entry(stream.to_owned())
        .or_insert_with(|| Stream { created_ms: now_ms, lines: Vec::new() });
    stream.lines.push(Line { at_ms: now_ms, ingested_ms: now_ms, text: text.to_owned() });
}

/// Answers an operation.
pub fn answer(_cloud: &mut Cloud, operation: &str, _request: Parameters<'_>) -> Answer {
    Err(unknown_operation(operation))
}
