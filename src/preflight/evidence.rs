//! How the account stands to what a plan needs: facts, and no opinions.

use std::collections::BTreeMap;

use super::first_use::Linked;
use super::quota::Scarce;

/// Everything that the rules judge by. What a plan does not need is not in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The account that the plan is for.
    pub account: String,
    /// How much the account may have.
    pub limits: BTreeMap<Scarce, Seen<Limit>>,
    /// How much of it there is already. NAT gateways are counted in [`Evidence::gateways`].
    pub used: BTreeMap<Scarce, Seen<Used>>,
    /// How many NAT gateways there are in each zone.
    pub gateways: Option<Seen<BTreeMap<String, Used>>>,
    /// What is known of each secret and parameter, by its ARN as it is declared.
    pub secrets: BTreeMap<String, Seen<Secret>>,
    /// Whether each role is there.
    pub linked: BTreeMap<Linked, Seen<bool>>,
}

impl Evidence {
    /// The roles that are not there.
    pub fn missing(&self) -> impl Iterator<Item = Linked> {
        let missing = self.linked.iter().filter(|(_, seen)| **seen == Ok(false));
        missing.map(|(linked, _)| *linked)
    }
}

/// What was seen, or why it was not.
pub type Seen<T> = Result<T, Unseen>;

/// Why something was not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// The operation that did not tell: `ec2:DescribeVpcs`.
    pub operation: &'static str,
    /// Whether that was for lack of permission.
    pub is_denied: bool,
    /// What AWS said.
    pub said: String,
}

/// How much of something an account may have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// The figure.
    pub value: f64,
    /// Who says so.
    pub source: Source,
}

/// Where a limit is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It is what AWS applies to this account.
    Applied,
    /// It is what AWS applies to accounts that never asked for more.
    Default,
    /// AWS did not say; it is what its documents do.
    Documented,
}

/// How much of something there is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Used {
    /// All of it that counts.
    pub count: f64,
    /// That part of it which is on its way out and still counts.
    pub leaving: f64,
    /// Whether there may be more: not all was counted.
    pub at_least: bool,
}

/// What is known of a secret or a parameter; never its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// It is there.
    Present {
        /// The key that it is encrypted with, if it is another than the service's own.
        key: Option<String>,
    },
    /// There is nothing of that name.
    Missing,
    /// It is scheduled for deletion, and can't be read any more.
    Leaving,
    /// It is there, and has no value of the stage or version that is asked for.
    Empty {
        /// The stage or version.
        wanted: String,
    },
    /// It is not in this region or account, where nothing can be asked about it.
    Elsewhere,
}
