//! Pages of lists: `Marker`, `MaxItems`, `IsTruncated`.

use serde_json::{Value, json};

use super::violated;
use crate::simulated_aws::marker;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// Answers with the page of `items` that `request` asks for, as the member `name`.
///
/// `items` come in the order of their keys. Up to 100 fill a page, or `MaxItems` of them
/// (aws-behaviour 9.a).
pub(super) fn page(request: Parameters<'_>, name: &str, items: Vec<(String, Value)>) -> Answer {
    let size = size(request)?;
    let after = request.text("Marker").map(place).transpose()?;
    let mut rest = items
        .into_iter()
        .skip_while(|(key, _)| after.as_ref().is_some_and(|after| key <= after))
        .peekable();
    let shown: Vec<(String, Value)> = rest.by_ref().take(size).collect();
    let next = rest.peek().and(shown.last()).map(|(key, _)| marker::write(key));
    let values: Vec<Value> = shown.into_iter().map(|(_, value)| value).collect();
    Ok(json!({name: values, "IsTruncated": next.is_some(), "Marker": next}))
}

fn size(request: Parameters<'_>) -> Result<usize, ApiError> {
    let asked = request.integer("MaxItems").unwrap_or(100);
    usize::try_from(asked).ok().filter(|size| (1..=1000).contains(size)).ok_or_else(|| {
        violated("MaxItems", "Member must have value between 1 and 1000, both included")
    })
}

fn place(marker: &str) -> Result<String, ApiError> {
    marker::read(marker).ok_or_else(|| ApiError::new("ValidationError", "Invalid Marker."))
}
