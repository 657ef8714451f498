//! Where a stack's state is kept, when it is not in a directory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the state is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct State {
    /// The S3 bucket that holds the state; the directory `state`, in the current one, holds it if left out.
    pub bucket: Option<String>,
    /// What the names of the state's objects begin with, such as `team-a/shop`.
    pub prefix: Option<String>,
    /// The bucket's region, where it is not the stack's.
    pub region: Option<String>,
    /// The KMS key that the objects are encrypted with: an id, an ARN or an alias. S3's own key
    /// encrypts them, if left out.
    pub kms_key: Option<String>,
}
