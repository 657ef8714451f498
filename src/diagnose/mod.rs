//! Why a service does not come up: what AWS has to say about it, and what that means.
//!
//! [`collect`] asks AWS and decides nothing; [`rules`] turn the [`Evidence`] it brings into
//! [`Finding`]s and ask nobody. So a rule is a function from what was seen to plain words, and
//! can be tried with the very words of AWS.

pub mod collect;
pub mod evidence;
pub mod finding;
pub mod rules;

pub use collect::Collector;
pub use evidence::{Evidence, Rollout, Targets};
pub use finding::{Cause, Finding, Outlook};
pub use rules::judge;
