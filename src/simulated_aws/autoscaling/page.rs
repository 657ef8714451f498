//! Long lists in pages: `MaxResults` and `NextToken` in, `NextToken` out.

use serde_json::{Value, json};

use super::super::wire::{Answer, Parameters};
use super::invalid;

const LARGEST_PAGE: usize = 50;

/// One page of `items`, which must be in the order of their keys, as member `name`.
pub fn page(request: Parameters<'_>, name: &str, items: Vec<(String, Value)>) -> Answer {
    let asked = request.integer("MaxResults").map(usize::try_from);
    let size = match asked {
        None => LARGEST_PAGE,
        Some(Ok(size)) if (1..=LARGEST_PAGE).contains(&size) => size,
        Some(_) => return Err(invalid(format!("MaxResults must be between 1 and {LARGEST_PAGE}"))),
    };
    let token = request.text("NextToken").unwrap_or_default();
    let mut rest: Vec<_> = items.into_iter().filter(|(key, _)| key.as_str() > token).collect();
    let further = rest.len() > size;
    rest.truncate(size);
    let next = rest.last().filter(|_| further).map(|(key, _)| key.clone());
    let shown: Vec<Value> = rest.into_iter().map(|(_, item)| item).collect();
    Ok(json!({ name: shown, "NextToken": next }))
}
