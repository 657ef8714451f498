//! Long lists in pages: `MaxResults` and `NextToken` in, `NextToken` out.

use serde_json::{Value, json};

use super::super::marker;
use super::super::wire::{Answer, ApiError, Parameters};
use super::invalid;

const LARGEST_PAGE: usize = 50;

/// One page of `items`, which must be in the order of their keys, as member `name`.
pub fn page(
    request: Parameters<'_>,
    name: &str,
    items: impl Iterator<Item = (String, Value)>,
) -> Answer {
    let asked = request.integer("MaxResults").map(usize::try_from);
    let size = match asked {
        None => LARGEST_PAGE,
        Some(Ok(size)) if (1..=LARGEST_PAGE).contains(&size) => size,
        Some(_) => return Err(invalid(format!("MaxResults must be between 1 and {LARGEST_PAGE}"))),
    };
    let after = marker::place(request.text("NextToken"));
    let after =
        after.ok_or_else(|| ApiError::new("InvalidNextTokenException", "Invalid token."))?;
    let items: Vec<(String, Value)> = items.collect();
    let items = items.iter().map(|(key, item)| (key, item));
    let (page, next) = marker::page(items, &after, size);
    let shown: Vec<&Value> = page.into_iter().map(|(_, item)| item).collect();
    Ok(json!({ name: shown, "NextToken": next }))
}
