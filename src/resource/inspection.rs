//! What only a check for drift asks of a resource: what it holds beyond its declared properties.

use serde::Serialize;
use serde_json::Value;

/// What was found in or on one resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inspection {
    /// What hangs on it, or lies in it, that no spec of its kind can declare.
    pub extras: Vec<Extra>,
    /// What AWS calls the members of its collections, where that is an id of their own.
    pub members: Vec<Member>,
}

impl Inspection {
    /// What was found in two looks at the same resource.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.extras.extend(other.extras);
        self.members.extend(other.members);
        self
    }
}

/// Something that hangs on a resource or lies in it. The resources of the stack itself are among
/// them: whoever holds the state takes those out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Extra {
    /// The collection that it is in: `listeners`, `cidr_blocks`.
    pub collection: &'static str,
    /// What AWS calls it.
    pub id: String,
    /// What it is, in words.
    pub what: String,
    /// What it does there.
    pub standing: Standing,
}

/// What something does in a resource that did not declare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It changes what the resource does.
    Part,
    /// It only stands there.
    Guest,
}

/// A member of an owned collection, with its id.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The field of the spec that holds it.
    pub collection: &'static str,
    /// The member as the spec holds it.
    pub value: Value,
    /// What AWS calls it.
    pub id: String,
}
