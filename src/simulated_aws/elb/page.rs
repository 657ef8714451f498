//! Long lists in pages: `PageSize` and `Marker` in, `NextMarker` out.

use serde_json::{Value, json};

use super::super::wire::{Answer, Parameters};
use super::validate::number;

const LARGEST_PAGE: usize = 400;

/// One page of `items`, which must be in the order of their keys, as member `name`.
///
/// A marker is the key of the last item shown, so a page never repeats or skips an item because
/// another was deleted in between.
pub fn page(request: Parameters<'_>, name: &str, items: Vec<(String, Value)>) -> Answer {
    let size = number(request, "PageSize", 1..=400)?
        .and_then(|size| usize::try_from(size).ok())
        .unwrap_or(LARGEST_PAGE);
    let marker = request.text("Marker").unwrap_or_default();
    let mut rest: Vec<_> = items.into_iter().filter(|(key, _)| key.as_str() > marker).collect();
    let further = rest.len() > size;
    rest.truncate(size);
    let next = rest.last().filter(|_| further).map(|(key, _)| key.clone());
    let shown: Vec<Value> = rest.into_iter().map(|(_, item)| item).collect();
    Ok(json!({ name: shown, "NextMarker": next }))
}
