//! A log group of CloudWatch Logs: where tasks write what they have to say.

use serde::{Deserialize, Serialize};

use super::reference::text_newtypes;
use super::{Handle, Input};

text_newtypes! {
    /// `/ecs/shop-dev-web`.
    LogGroupName,
}

/// What is wanted of a log group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogGroup {
    /// After how many days logs are deleted; `None` for never.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retention_days: Option<u32>,
}

/// What is known of a log group once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its name.
    pub name: LogGroupName,
    /// Its ARN, without the `:*` that some answers put behind it.
    pub arn: String,
}

impl Handle<LogGroup> {
    /// The group's name.
    pub fn name(&self) -> Input<LogGroupName> {
        self.output("name")
    }
}
