//! An IAM role: what a task, or ECS on a task's behalf, may do.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::reference::text_newtypes;
use super::{Handle, Input};

text_newtypes! {
    /// `arn:aws:iam::123456789012:role/shop-dev-task`.
    RoleArn,
}

/// What is wanted of a role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Who may take it on: the trust policy's document.
    pub trust: Value,
    /// The ARNs of the managed policies that hang on it.
    pub managed_policies: BTreeSet<String>,
    /// The documents of the policies that are part of it, by name.
    pub inline_policies: BTreeMap<String, Value>,
    /// What it is for.
    pub description: String,
}

/// What is known of a role once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its ARN.
    pub arn: RoleArn,
    /// Its name.
    pub name: String,
}

impl Handle<Role> {
    /// The role's ARN.
    pub fn arn(&self) -> Input<RoleArn> {
        self.output("arn")
    }
}
