//! What was found before a run, in plain words.

use serde::Serialize;

/// Something that speaks against a run, or that is to be known before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it weighs.
    pub weight: Weight,
    /// What was looked at.
    pub check: Check,
    /// What is wrong, in one line.
    pub title: String,
    /// What that means, for somebody who meets it for the first time.
    pub explanation: String,
    /// What to do about it: each a way of its own, the likeliest first.
    pub remedies: Vec<String>,
}

/// How much a finding weighs, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// The run would fail: it is not begun.
    Certain,
    /// The run may fail: it is warned of.
    Doubtful,
    /// Nothing is wrong: it is only said.
    Note,
}

/// What is looked at, in the order in which it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// How many of something the account may have.
    Quota,
    /// A secret or a parameter that the tasks ask for.
    Secret,
    /// A role that AWS's own service wants.
    ServiceLinkedRole,
    /// What could not be looked at.
    Unseen,
}

impl Finding {
    /// A finding with nothing to do about it yet.
    pub fn new(
        weight: Weight,
        check: Check,
        title: impl Into<String>,
        explanation: impl Into<String>,
    ) -> Self {
        let (title, explanation) = (title.into(), explanation.into());
        Self { weight, check, title, explanation, remedies: Vec::new() }
    }

    /// With something to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedies.push(remedy.into());
        self
    }

    /// Whether the run would fail.
    pub fn is_certain(&self) -> bool {
        self.weight == Weight::Certain
    }
}
