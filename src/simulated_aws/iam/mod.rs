//! The IAM room: roles and what hangs on them.
//!
//! IAM is one for all regions and knows no waiting: what is written here can be read at once. That
//! the real one takes seconds (aws-behaviour 9.c) is a fault that is injected elsewhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::clock::Moment;
use super::cloud::Cloud;
use super::endpoint::unknown_operation;
use super::wire::{Answer, Parameters};

/// What the account holds in IAM.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Iam {
    /// By name in lower case, since names are unique ignoring case (aws-behaviour 9.b).
    roles: BTreeMap<String, Role>,
}

/// A role, with its policies.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Role {
    name: String,
    /// `AROA…`: a role made again under the same name has another.
    id: String,
    arn: String,
    path: String,
    created: Moment,
    /// The trust policy, byte by byte as it was sent.
    trust: String,
    /// Absent and empty are told apart: an empty one is shown.
    description: Option<String>,
    max_session_s: i64,
    boundary: Option<String>,
    /// By ARN.
    attached: Vec<String>,
    /// Documents by policy name.
    inline: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
}

/// Whether a role with this ARN exists, for services that are told to assume it.
#[must_use]
pub fn role_exists(cloud: &Cloud, arn: &str) -> bool {
    cloud.iam.roles.values().any(|role| role.arn == arn)
}

/// Answers an operation.
pub fn answer(_cloud: &mut Cloud, operation: &str, _request: Parameters<'_>) -> Answer {
    Err(unknown_operation(operation))
}
