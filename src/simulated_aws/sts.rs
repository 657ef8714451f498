//! STS, as far as to say who is asking.

use serde_json::json;

use super::cloud::{ACCOUNT, Cloud};
use super::endpoint::unknown_operation;
use super::wire::{Answer, Parameters};

/// The user that every caller is.
const USER: &str = "simulated";

/// The unique id of that user.
const USER_ID: &str = "AIDASIMULATEDUSER0001";

/// Answers an operation.
pub fn answer(cloud: &mut Cloud, operation: &str, _request: Parameters<'_>) -> Answer {
    match operation {
        "GetCallerIdentity" => Ok(json!({
            "Account": ACCOUNT,
            "Arn": format!("arn:{}:iam::{ACCOUNT}:user/{USER}", cloud.partition()),
            "UserId": USER_ID,
        })),
        _ => Err(unknown_operation(operation)),
    }
}
