//! AWS JSON, of both versions: the operation is in the header `X-Amz-Target`, members are in the body.

use serde_json::{Map, Value, json};

use super::{Answer, ApiError, WireAnswer, query_error, with_moments, without_nulls};

/// Reads the members of a request; a body that is empty has none.
///
/// # Errors
///
/// `SerializationException` for what is no object of JSON.
pub(super) fn read(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body).map_err(|error| {
        ApiError::new("SerializationException", format!("The request can't be read: {error}."))
    })
}

/// Writes an operation's answer.
pub(super) fn write(answer: &Answer, headers: Vec<(String, String)>) -> WireAnswer {
    let (status, body) = match answer {
        Ok(output) => (200, without_nulls(output)),
        Err(error) => (error.status, json!({"__type": error.code, "message": error.message})),
    };
    let body = body.to_string().into_bytes();
    WireAnswer { status, content_type: "application/x-amz-json-1.1", headers, body }
}

/// Errors say in a header too what they are called in AWS query.
pub(super) fn write_10(answer: &Answer, mut headers: Vec<(String, String)>) -> WireAnswer {
    if let Err(error) = answer {
        headers.push(query_error(error));
    }
    let answer = answer.clone().map(|output| with_moments(output, &|seconds| seconds));
    WireAnswer { content_type: "application/x-amz-json-1.0", ..write(&answer, headers) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_an_object_or_nothing() {
        assert_eq!(read(b"").unwrap(), Map::new());
        assert_eq!(read(b"{\"cluster\": \"shop\"}").unwrap()["cluster"], "shop");
        for wrong in ["{", "[]", "\"text\"", "cluster=shop", "{\"a\": 1} {}"] {
            assert_eq!(
                read(wrong.as_bytes()).unwrap_err().code,
                "SerializationException",
                "{wrong}"
            );
        }
    }
}
