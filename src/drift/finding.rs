//! One finding: a property of which the three sides do not agree, and how much that matters.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Who;
use crate::resource::Address;

/// A property, a resource or a member of a collection that is not as it was left.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The same in every check for as long as the same place differs, whatever the values, and
    /// another for every other place of every other stack: 16 hexadecimal digits.
    pub id: String,
    /// Which resource.
    pub address: Address,
    /// CloudFormation's name of its kind.
    #[serde(rename = "type")]
    pub type_name: &'static str,
    /// Where in the resource: `health_check.path`, `tags[team]`, `listeners[arn:…]`. Empty for the
    /// resource as a whole.
    pub property: String,
    /// Who moved it.
    pub class: Class,
    /// How much it matters.
    pub severity: Severity,
    /// Why it matters so much: a sentence without its full stop.
    pub reason: String,
    /// What the file says; null when it says nothing, or when the value is hidden.
    pub declared: Value,
    /// What was last applied; null as above.
    pub applied: Value,
    /// What AWS says; null as above.
    pub live: Value,
    /// Whether the values were left out, since they are not for every eye.
    pub hidden: bool,
    /// What AWS calls that which differs: the extra or the member itself where it has an id, the
    /// resource otherwise.
    pub physical_id: String,
    /// What is known besides: when a revision was registered and by whom, what differs within.
    pub details: Vec<String>,
    /// Who made it and when, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<Who>,
}

/// Who made the sides differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It was changed outside of provision; the file still says what was applied.
    Outside,
    /// The file was changed, and AWS still is as it was applied.
    Unapplied,
    /// Both were changed, to the same.
    Agreed,
    /// Both were changed, each to something else.
    Conflicting,
    /// It was deleted outside of provision.
    Missing,
    /// It is in what the stack owns, and nobody declared it.
    Extra,
}

impl Class {
    /// Whether AWS departs from what was applied, in a way that the file does not want.
    ///
    /// What the file wants and was not applied yet is told, but is no drift; neither is an outside
    /// change that the file has taken up.
    pub fn is_drift(self) -> bool {
        match self {
            Self::Outside | Self::Conflicting | Self::Missing | Self::Extra => true,
            Self::Unapplied | Self::Agreed => false,
        }
    }

    /// The class in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Outside => "changed outside",
            Self::Unapplied => "changed in the file, not applied",
            Self::Agreed => "changed outside and in the file, to the same",
            Self::Conflicting => "changed outside and in the file",
            Self::Missing => "missing",
            Self::Extra => "extra",
        }
    }
}

/// How much a finding matters, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; nothing of the stack does anything else for it.
    Notice,
    /// Nothing that runs is touched: names, descriptions, tags.
    Low,
    /// The stack runs otherwise than it was set to.
    Medium,
    /// Part of the stack is gone or does something else.
    High,
    /// A door was opened, or evidence is being lost.
    Critical,
}

impl Severity {
    /// All, the most severe first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Notice];

    /// The severity in a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}
