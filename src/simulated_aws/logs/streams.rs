//! Log streams: made, read, deleted.

use serde_json::{Value, json};

use super::page::page;
use super::{
    Stream, already_exists, group_arn, group_name, invalid, no_such_stream, now_ms, required,
    violated,
};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// Streams on one page.
const MOST_ON_PAGE: usize = 50;

pub(super) fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = required(request, "logStreamName")?;
    check_name(name)?;
    let created_ms = now_ms(cloud);
    let group = cloud.logs.group_mut(required(request, "logGroupName")?)?;
    if group.streams.contains_key(name) {
        return Err(already_exists("log stream"));
    }
    group.streams.insert(name.to_owned(), Stream::new(created_ms));
    Ok(json!({}))
}

pub(super) fn describe(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let group_name = group_name(cloud, request)?;
    let group = cloud.logs.group(group_name)?;
    let prefix = request.text("logStreamNamePrefix").unwrap_or_default();
    let by_time = by_time(request)?;
    if by_time && !prefix.is_empty() {
        return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    let mut found: Vec<(String, Value)> = group
        .streams
        .iter()
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, stream)| {
            let last_ms = stream.lines.last().map_or(stream.created_ms, |line| line.at_ms);
            let key = if by_time { format!("{last_ms:020}{name}") } else { name.clone() };
            (key, shown(cloud, group_name, name, stream))
        })
        .collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    if request.flag("descending") == Some(true) {
        found = downwards(found);
    }
    let page = page(request, MOST_ON_PAGE, found)?;
    Ok(json!({"logStreams": page.items, "nextToken": page.next}))
}

pub(super) fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = required(request, "logStreamName")?;
    let group = cloud.logs.group_mut(required(request, "logGroupName")?)?;
    group.streams.remove(name).ok_or_else(no_such_stream)?;
    Ok(json!({}))
}

/// The other way round, under keys that rise again, as pages need them.
fn downwards(items: Vec<(String, Value)>) -> Vec<(String, Value)> {
    let values = items.into_iter().rev().map(|(_, value)| value);
    values.enumerate().map(|(place, value)| (format!("{place:010}"), value)).collect()
}

fn by_time(request: Parameters<'_>) -> Result<bool, ApiError> {
    match request.text("orderBy") {
        None | Some("LogStreamName") => Ok(false),
        Some("LastEventTime") => Ok(true),
        Some(_) => {
            let values = "[LogStreamName, LastEventTime]";
            Err(violated("orderBy", &format!("Member must satisfy enum value set: {values}")))
        }
    }
}

fn shown(cloud: &Cloud, group: &str, name: &str, stream: &Stream) -> Value {
    let last = stream.lines.last();
    json!({
        "logStreamName": name,
        "creationTime": stream.created_ms,
        "firstEventTimestamp": stream.lines.first().map(|line| line.at_ms),
        "lastEventTimestamp": last.map(|line| line.at_ms),
        "lastIngestionTime": last.map(|line| line.ingested_ms),
        "arn": format!("{}:log-stream:{name}", group_arn(cloud, group)),
        "storedBytes": 0,
    })
}

fn check_name(name: &str) -> Result<(), ApiError> {
    if !(1..=512).contains(&name.chars().count()) {
        return Err(violated("logStreamName", "Member must have length between 1 and 512"));
    }
    if name.contains([':', '*']) {
        let constraint = "Member must satisfy regular expression pattern: [^:*]*";
        return Err(violated("logStreamName", constraint));
    }
    Ok(())
}
