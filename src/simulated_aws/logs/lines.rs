//! Lines: written, read from one stream, searched for in many.

use std::time::Duration;

use serde_json::{Value, json};

use super::filter::Filter;
use super::page::{bad_token, limit, page};
use super::{Line, group_name, invalid, no_such_stream, now_ms, required, violated};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// Lines on one page.
const MOST_ON_PAGE: usize = 10_000;
/// Lines in one request, and its bytes with a fixed share for each line.
const MOST_IN_BATCH: usize = 10_000;
const BYTES_IN_BATCH: usize = 1_048_576;
const BYTES_OF_LINE: usize = 26;
const OLDEST: Duration = Duration::from_hours(14 * 24);
const NEWEST: Duration = Duration::from_hours(2);

/// Lines too old or too new are left out, and the answer says so.
pub(super) fn put(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let group = required(request, "logGroupName")?;
    let stream = required(request, "logStreamName")?;
    cloud.logs.group(group)?.streams.get(stream).ok_or_else(no_such_stream)?;
    let batch = batch(request)?;
    let now_ms = now_ms(cloud);
    let (oldest_ms, newest_ms) = (now_ms - milliseconds(OLDEST), now_ms + milliseconds(NEWEST));
    let too_old = batch.partition_point(|(at_ms, _)| *at_ms < oldest_ms);
    let too_new = batch.partition_point(|(at_ms, _)| *at_ms <= newest_ms);
    for (at_ms, text) in &batch[too_old..too_new] {
        let number = cloud.logs.next_number();
        let line = Line { at_ms: *at_ms, number, ingested_ms: now_ms, text: (*text).to_owned() };
        let stream = cloud.logs.group_mut(group)?.streams.get_mut(stream);
        stream.ok_or_else(no_such_stream)?.insert(line);
    }
    let rejected = json!({
        "tooOldLogEventEndIndex": (too_old > 0).then_some(too_old),
        "tooNewLogEventStartIndex": (too_new < batch.len()).then_some(too_new),
    });
    let some_rejected = too_old > 0 || too_new < batch.len();
    Ok(json!({
        "nextSequenceToken": format!("{:056}", cloud.logs.lines),
        "rejectedLogEventsInfo": some_rejected.then_some(rejected),
    }))
}

/// Without a token, the newest lines; with `startFromHead`, the oldest.
///
/// A token given back at the end of the stream is the one that was sent: that is how a reader
/// knows that there is no more.
pub(super) fn get(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let group = cloud.logs.group(group_name(cloud, request)?)?;
    let stream = group.streams.get(required(request, "logStreamName")?);
    let start_ms = request.integer("startTime").unwrap_or(i64::MIN);
    let end_ms = request.integer("endTime").unwrap_or(i64::MAX);
    let lines: Vec<&Line> = stream
        .ok_or_else(no_such_stream)?
        .lines
        .iter()
        .filter(|line| (start_ms..end_ms).contains(&line.at_ms))
        .collect();
    let limit = limit(request, MOST_ON_PAGE)?;
    let (from, to) = match Token::from(request)? {
        Token::After(place) => {
            let from = lines.partition_point(|line| place_of(line) <= place);
            (from, lines.len().min(from + limit))
        }
        Token::Before(place) => {
            let to = lines.partition_point(|line| place_of(line) < place);
            (to.saturating_sub(limit), to)
        }
    };
    let shown = &lines[from..to];
    let sent = request.text("nextToken").and_then(|token| token.split_once('/'));
    let edge = |line: Option<&&Line>| {
        let here = || sent.map_or_else(|| "0".repeat(56), |(_, place)| place.to_owned());
        line.map_or_else(here, |line| place_of(line))
    };
    Ok(json!({
        "events": shown.iter().map(|line| shown_line(line)).collect::<Value>(),
        "nextForwardToken": format!("f/{}", edge(shown.last())),
        "nextBackwardToken": format!("b/{}", edge(shown.first())),
    }))
}

pub(super) fn filter(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let group = cloud.logs.group(group_name(cloud, request)?)?;
    let filter = Filter::parse(request.text("filterPattern").unwrap_or_default())?;
    let start_ms = request.integer("startTime").unwrap_or(i64::MIN);
    // Here the end is included, unlike in `GetLogEvents`.
    let end_ms = request.integer("endTime").unwrap_or(i64::MAX);
    let wanted = wanted_streams(request)?;
    let mut found: Vec<(String, Value)> = group
        .streams
        .iter()
        .filter(|(name, _)| wanted(name))
        .flat_map(|(name, stream)| stream.lines.iter().map(move |line| (name, line)))
        .filter(|(_, line)| (start_ms..=end_ms).contains(&line.at_ms))
        .filter(|(_, line)| filter.matches(&line.text))
        .map(|(name, line)| (place_of(line), found_line(name, line)))
        .collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let page = page(request, MOST_ON_PAGE, found)?;
    Ok(json!({"events": page.items, "searchedLogStreams": [], "nextToken": page.next}))
}

/// Where a page of a stream is: `f/…` after a line, `b/…` before one.
enum Token {
    After(String),
    Before(String),
}

impl Token {
    fn from(request: Parameters<'_>) -> Result<Self, ApiError> {
        match request.text("nextToken").map(|token| token.split_once('/')) {
            None if request.flag("startFromHead") == Some(true) => Ok(Self::After(String::new())),
            None => Ok(Self::Before("~".to_owned())),
            Some(Some(("f", place))) => Ok(Self::After(place.to_owned())),
            Some(Some(("b", place))) => Ok(Self::Before(place.to_owned())),
            Some(_) => Err(bad_token()),
        }
    }
}

/// Digits that sort as lines do, and that serve as the id of the line.
fn place_of(line: &Line) -> String {
    format!("{:020}{:036}", line.at_ms.max(0), line.number)
}

fn shown_line(line: &Line) -> Value {
    json!({"timestamp": line.at_ms, "message": line.text, "ingestionTime": line.ingested_ms})
}

fn found_line(stream: &str, line: &Line) -> Value {
    let mut shown = shown_line(line);
    shown["logStreamName"] = json!(stream);
    shown["eventId"] = json!(place_of(line));
    shown
}

fn wanted_streams(request: Parameters<'_>) -> Result<impl Fn(&str) -> bool + use<>, ApiError> {
    let names = request.texts("logStreamNames");
    let prefix = request.text("logStreamNamePrefix").unwrap_or_default().to_owned();
    if !names.is_empty() && !prefix.is_empty() {
        return Err(invalid(
            "logStreamNamePrefix and logStreamNames are mutually exclusive parameters.",
        ));
    }
    Ok(move |name: &str| {
        name.starts_with(&prefix) && (names.is_empty() || names.iter().any(|wanted| wanted == name))
    })
}

/// The lines of a request with their times, in order.
fn batch<'a>(request: Parameters<'a>) -> Result<Vec<(i64, &'a str)>, ApiError> {
    let batch: Vec<(i64, &'a str)> = request
        .structures("logEvents")
        .map(|line| {
            let at_ms = line.integer("timestamp").ok_or_else(|| super::missing("timestamp"))?;
            Ok((at_ms, required(line, "message")?))
        })
        .collect::<Result<_, ApiError>>()?;
    if !(1..=MOST_IN_BATCH).contains(&batch.len()) {
        return Err(violated("logEvents", "Member must have length between 1 and 10000"));
    }
    if batch.iter().map(|(_, text)| text.len() + BYTES_OF_LINE).sum::<usize>() > BYTES_IN_BATCH {
        return Err(invalid("Upload too large: the batch exceeds 1048576 bytes."));
    }
    if !batch.is_sorted_by_key(|(at_ms, _)| *at_ms) {
        return Err(invalid(
            "Log events in a single PutLogEvents request must be in chronological order.",
        ));
    }
    Ok(batch)
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
