//! Client tokens: the same request twice makes one thing.
//!
//! A token outlives what it made: a repeat is answered with the original, be it deleted meanwhile
//! (aws-behaviour 5.b).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error;
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{ApiError, Parameters};

/// How long EC2 remembers a token.
const REMEMBERED: Duration = Duration::from_hours(24);

/// Requests that came with a token, by operation and token.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Tokens(BTreeMap<String, Remembered>);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Remembered {
    request: Value,
    answer: Value,
    until: Moment,
}

/// The answer that this very request had before.
///
/// # Errors
///
/// `IdempotentParameterMismatch` when the token came with another request.
pub(super) fn recall(
    cloud: &Cloud,
    operation: &str,
    request: Parameters<'_>,
) -> Result<Option<Value>, ApiError> {
    let Some(token) = request.text("ClientToken") else { return Ok(None) };
    if token.len() > 64 || !token.is_ascii() {
        return Err(error::invalid_value("The client token must be at most 64 ASCII characters"));
    }
    let remembered = cloud.ec2.tokens.0.get(&key(operation, token));
    match remembered.filter(|remembered| remembered.until > cloud.now) {
        Some(remembered) if remembered.request == *request.whole() => {
            Ok(Some(remembered.answer.clone()))
        }
        Some(_) => Err(ApiError::new(
            "IdempotentParameterMismatch",
            format!("The client token {token} came before with other parameters."),
        )),
        None => Ok(None),
    }
}

/// Remembers the answer to a request, if it has a token.
pub(super) fn remember(
    cloud: &mut Cloud,
    operation: &str,
    request: Parameters<'_>,
    answer: &Value,
) {
    let now = cloud.now;
    cloud.ec2.tokens.0.retain(|_, remembered| remembered.until > now);
    let Some(token) = request.text("ClientToken") else { return };
    let remembered = Remembered {
        request: request.whole().clone(),
        answer: answer.clone(),
        until: now.after(REMEMBERED),
    };
    cloud.ec2.tokens.0.insert(key(operation, token), remembered);
}

fn key(operation: &str, token: &str) -> String {
    format!("{operation} {token}")
}
