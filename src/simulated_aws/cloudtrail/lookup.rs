//! `LookupEvents`: the events of a region, the newest first, by one attribute at most.

use serde_json::{Value, json};

use super::super::cloud::Cloud;
use super::super::endpoint::Call;
use super::super::marker;
use super::super::wire::{Answer, ApiError, Parameters};
use super::event::Event;

/// The most events on a page, and how many there are unless asked for fewer.
const LARGEST_PAGE: usize = 50;

/// What events can be looked up by.
const ATTRIBUTES: &[&str] = &[
    "AccessKeyId",
    "EventId",
    "EventName",
    "EventSource",
    "ReadOnly",
    "ResourceName",
    "ResourceType",
    "Username",
];

pub(super) fn look_up(cloud: &Cloud, call: &Call) -> Answer {
    let request = Parameters::new(&call.request);
    let attribute = attribute(request)?;
    let (from, to) = (request.number("StartTime"), request.number("EndTime"));
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(refused("InvalidTimeRangeException", "StartTime must be before EndTime."));
    }
    let size = page_size(request)?;
    let asked = fingerprint(&call.request);
    let before = request.text("NextToken").map(|token| read_token(token, &asked)).transpose()?;
    let fits = |event: &&Event| {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are small")]
        let at = cloud.timestamp(event.at).as_second() as f64;
        let in_time = from.is_none_or(|from| at >= from) && to.is_none_or(|to| at <= to);
        let is_meant = attribute
            .is_none_or(|(key, value)| event.attribute(key).iter().any(|own| own == value));
        in_time && is_meant && before.is_none_or(|before| event.number < before)
    };
    // Of Insights there are none: nobody has turned them on.
    let is_insight = is_insight(request)?;
    let known = cloud.cloudtrail.known(&call.region, cloud.now);
    let mut events = known.filter(fits).filter(|_| !is_insight).peekable();
    let page: Vec<&Event> = events.by_ref().take(size).collect();
    let next = events.peek().and(page.last());
    let next = next.map(|last| marker::write(&format!("{} {asked}", last.number)));
    let page: Vec<Value> = page.into_iter().map(|event| event.show(cloud)).collect();
    Ok(json!({"Events": page, "NextToken": next}))
}

/// The one attribute that was asked for.
fn attribute(request: Parameters<'_>) -> Result<Option<(&str, &str)>, ApiError> {
    let asked: Vec<Parameters<'_>> = request.structures("LookupAttributes").collect();
    let [attribute] = asked.as_slice() else {
        return match asked.len() {
            0 => Ok(None),
            _ => Err(bad_attribute("Only one lookup attribute is allowed.")),
        };
    };
    let key = attribute.text("AttributeKey").unwrap_or_default();
    let value = attribute.text("AttributeValue").unwrap_or_default();
    if !ATTRIBUTES.contains(&key) || value.is_empty() {
        return Err(bad_attribute("The lookup attribute is not valid."));
    }
    Ok(Some((key, value)))
}

fn page_size(request: Parameters<'_>) -> Result<usize, ApiError> {
    let Some(asked) = request.integer("MaxResults") else { return Ok(LARGEST_PAGE) };
    let size = usize::try_from(asked).ok().filter(|size| (1..=LARGEST_PAGE).contains(size));
    size.ok_or_else(|| {
        let message = format!("MaxResults must be between 1 and {LARGEST_PAGE}.");
        refused("InvalidMaxResultsException", &message)
    })
}

fn is_insight(request: Parameters<'_>) -> Result<bool, ApiError> {
    match request.text("EventCategory") {
        None => Ok(false),
        Some("insight") => Ok(true),
        Some(_) => {
            Err(refused("InvalidEventCategoryException", "The event category is not valid."))
        }
    }
}

/// What a request asks for, whichever page of it: a token counts for the same question alone.
fn fingerprint(request: &Value) -> String {
    let parts = ["LookupAttributes", "StartTime", "EndTime", "EventCategory"];
    parts.map(|part| request[part].to_string()).concat()
}

/// The number of the last event of the page before.
fn read_token(token: &str, asked: &str) -> Result<u64, ApiError> {
    let place = marker::read(token);
    let parts = place.as_deref().and_then(|place| place.split_once(' '));
    let number = parts.filter(|(_, of)| *of == asked).and_then(|(number, _)| number.parse().ok());
    number.ok_or_else(|| refused("InvalidNextTokenException", "The token is not valid."))
}

fn bad_attribute(message: &str) -> ApiError {
    refused("InvalidLookupAttributesException", message)
}

fn refused(code: &str, message: &str) -> ApiError {
    ApiError::new(code, message)
}
