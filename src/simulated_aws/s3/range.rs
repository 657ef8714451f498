//! A part of an object by its bytes (`Range` of `GetObject` in the API reference; RFC 9110, 14.1.2).

use std::ops::Range;

use serde_json::{Value, json};

use crate::simulated_aws::wire::rest::{as_bytes, as_value};
use crate::simulated_aws::wire::{ApiError, Parameters};

/// Leaves of an answer with a whole object what is asked for.
pub(super) fn cut(
    mut output: Value,
    body: &Value,
    request: Parameters<'_>,
) -> Result<Value, ApiError> {
    let bytes = as_bytes(body);
    output["ContentLength"] = bytes.len().into();
    let Some(range) = asked(request, bytes.len())? else {
        output["Body"] = body.clone();
        return Ok(output);
    };
    let (first, last) = (range.start, range.end.saturating_sub(1));
    output["ContentRange"] = format!("bytes {first}-{last}/{}", bytes.len()).into();
    output["ContentLength"] = range.len().into();
    // The checksum is that of the whole.
    output["ChecksumCRC32"] = Value::Null;
    output["Body"] = as_value(&bytes[range]);
    Ok(output)
}

/// Which bytes a request asks for; `None` for all, and for what is no single range.
fn asked(request: Parameters<'_>, size: usize) -> Result<Option<Range<usize>>, ApiError> {
    let Some(header) = request.text("Range") else { return Ok(None) };
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return Ok(None);
    };
    let range = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) if first <= last => first..size.min(last.saturating_add(1)),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(count)) if first.is_empty() => size.saturating_sub(count)..size,
        _ => return Ok(None),
    };
    if range.is_empty() {
        let error = ApiError::new("InvalidRange", "The requested range is not satisfiable");
        let error = error.with_status(416).with("RangeRequested", header);
        return Err(error.with("ActualObjectSize", json!(size)));
    }
    Ok(Some(range))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_ten(header: &str) -> Result<Option<Range<usize>>, String> {
        asked(Parameters::new(&json!({"Range": header})), 10).map_err(|error| error.code)
    }

    #[test]
    fn a_range_has_its_end_or_not_or_counts_from_it() {
        assert_eq!(of_ten("bytes=0-4"), Ok(Some(0..5)));
        assert_eq!(of_ten("bytes=8-99"), Ok(Some(8..10)));
        assert_eq!(of_ten("bytes=7-"), Ok(Some(7..10)));
        assert_eq!(of_ten("bytes=-3"), Ok(Some(7..10)));
        assert_eq!(of_ten("bytes=-99"), Ok(Some(0..10)));
        for whole in ["bytes=0-1,3-4", "bytes=4-2", "lines=0-1", "bytes=-"] {
            assert_eq!(of_ten(whole), Ok(None), "{whole}");
        }
        for beyond in ["bytes=10-", "bytes=10-12", "bytes=-0"] {
            assert_eq!(of_ten(beyond), Err("InvalidRange".into()), "{beyond}");
        }
    }
}
