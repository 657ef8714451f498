//! Pages of lists: `nextToken` and `limit`.

use super::{invalid, violated};
use crate::simulated_aws::marker;
use crate::simulated_aws::wire::{ApiError, Parameters};

/// One page of a list, and the token of the next.
pub(super) struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

/// The page that `request` asks for, out of `items` in the order of their keys.
pub(super) fn page<T>(
    request: Parameters<'_>,
    most: usize,
    items: impl IntoIterator<Item = (String, T)>,
) -> Result<Page<T>, ApiError> {
    let limit = limit(request, most)?;
    let after = after(request)?;
    let mut rest = items
        .into_iter()
        .skip_while(|(key, _)| after.as_ref().is_some_and(|after| key <= after))
        .peekable();
    let shown: Vec<(String, T)> = rest.by_ref().take(limit).collect();
    let next = rest.peek().and(shown.last()).map(|(key, _)| marker::write(key));
    Ok(Page { items: shown.into_iter().map(|(_, item)| item).collect(), next })
}

/// How many items a request wants: as many as it may, unless it says otherwise.
pub(super) fn limit(request: Parameters<'_>, most: usize) -> Result<usize, ApiError> {
    let Some(asked) = request.integer("limit") else { return Ok(most) };
    usize::try_from(asked).ok().filter(|limit| (1..=most).contains(limit)).ok_or_else(|| {
        violated("limit", &format!("Member must have value between 1 and {most}, both included"))
    })
}

fn after(request: Parameters<'_>) -> Result<Option<String>, ApiError> {
    let token = request.text("nextToken");
    let key = token.map(|token| marker::read(token).ok_or_else(bad_token)).transpose()?;
    Ok(key)
}

pub(super) fn bad_token() -> ApiError {
    invalid("The specified nextToken is invalid.")
}
