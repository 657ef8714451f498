//! Which stack a state is of, by its name in its place.
//!
//! The rule: a state that can't be read is listed all the same, so that nobody overlooks it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the name of what checks for drift remember of a stack ends in.
pub(super) const MEMORY: &str = "drift.json";

/// A stack in one environment, by which a state is found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StackName {
    /// The stack's name.
    pub stack: String,
    /// Its environment.
    pub environment: String,
}

impl fmt::Display for StackName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format!("{}-{}", self.stack, self.environment))
    }
}

impl StackName {
    /// The stack of which `stem` names the state, and `snapshot` may say more.
    pub(super) fn read(stem: &str, snapshot: Option<&[u8]>) -> Option<Self> {
        let said = snapshot.and_then(|text| serde_json::from_slice::<Self>(text).ok());
        // Both names may have hyphens in them, and only the snapshot knows where one ends.
        said.filter(|name| name.to_string() == stem).or_else(|| split(stem))
    }
}

/// The likeliest reading of `shop-api-dev`. What can't be an environment makes it no state's:
/// the simulated AWS keeps its own files, such as `eu-west-1.json`, beside those of `--local`.
fn split(stem: &str) -> Option<StackName> {
    let (stack, environment) = stem.rsplit_once('-')?;
    let is_letter = |letter: char| letter.is_ascii_lowercase();
    let is_of_names = |letter: char| is_letter(letter) || letter.is_ascii_digit() || letter == '-';
    let is_name = |name: &str| name.starts_with(is_letter) && name.chars().all(is_of_names);
    let name = StackName { stack: stack.to_owned(), environment: environment.to_owned() };
    (is_name(stack) && is_name(environment)).then_some(name)
}
