//! Names, tokens and tags of what is to be made.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::aws::{OwnershipTags, Tags};
use crate::graph::Node;
use crate::resource::{Identity, Naming};
use crate::state::State;

/// How many hexadecimal digits tell cut names apart.
const HASH_DIGITS: usize = 8;

/// What a check leaves in CloudWatch, and what alarms look at.
pub mod metrics {
    use std::collections::BTreeMap;

    /// The namespace.
    pub const NAMESPACE: &str = "provision";
    /// How many findings are drift: all that matter at least as much as `low`, and by severity.
    pub const DRIFT: &str = "Drift";
    /// That a check was made.
    pub const CHECKS: &str = "Checks";
    /// The dimension that tells severities apart.
    pub const SEVERITY: &str = "Severity";

    /// What tells the metrics of one stack from those of others.
    pub fn dimensions(stack: &str, environment: &str) -> BTreeMap<String, String> {
        let own = [("Stack", stack), ("Environment", environment)];
        own.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }
}

/// The identity of a resource that is about to be made.
pub fn identity(node: &Node, state: &State, user: &Tags, generation: u32) -> Identity {
    let stack = format!("{}-{}", state.stack, state.environment);
    let facts = node.address.kind().facts();
    let name = match facts.naming {
        Some(naming) => physical(naming, &stack, &node.suffix, generation),
        None => format!("{stack}-{}", node.address.name()),
    };
    let outcomes = state.outcomes_of(&node.address);
    let token = token(&state.lineage, &format!("{}#{generation}/{outcomes}", node.address));
    Identity { tags: tags(node, state, user, &name), name, token }
}

/// The identity that a resource would be made with: what to look for when nothing is recorded.
pub fn prospective_identity(node: &Node, state: &State, user: &Tags) -> Identity {
    identity(node, state, user, state.next_generation(&node.address))
}

/// All the tags of a resource: the user's, `Name`, and those of ownership, which win.
pub fn tags(node: &Node, state: &State, user: &Tags, name: &str) -> Tags {
    let mut tags = user.clone();
    tags.entry("Name".to_owned()).or_insert_with(|| name.to_owned());
    tags.insert(OwnershipTags::STACK.into(), state.stack.clone());
    tags.insert(OwnershipTags::ENVIRONMENT.into(), state.environment.clone());
    tags.insert(OwnershipTags::ADDRESS.into(), node.address.to_string());
    tags
}

/// A name that AWS takes: cut where it is too long, and then with a hash of the whole, so that two
/// long names do not meet.
///
/// A replacement's name carries its generation: both are there for a while.
fn physical(naming: Naming, stack: &str, suffix: &str, generation: u32) -> String {
    let mut whole = format!("{}{stack}", naming.prefix);
    if !suffix.is_empty() {
        whole.push_str(&format!("-{suffix}"));
    }
    if generation > 0 {
        whole.push_str(&format!("-{generation}"));
    }
    cut(whole, naming.longest)
}

/// A name in so many characters, of which there are more than the hash has.
pub(crate) fn cut(whole: String, longest: usize) -> String {
    if whole.len() <= longest {
        return whole;
    }
    let hash: String = hex(&whole).chars().take(HASH_DIGITS).collect();
    let room = longest - HASH_DIGITS - 1;
    let cut: String = whole.chars().take(room).collect();
    format!("{}-{hash}", cut.trim_end_matches('-'))
}

/// A token in the shape of a UUID, the same for the same state, address and count of outcomes.
///
/// So a creation whose answer was lost is repeated with its own token, and one that comes after a
/// known outcome never: AWS would hand back what it made before, even if that is deleted
/// (aws-behaviour 5.b, 23).
fn token(lineage: &str, of: &str) -> String {
    let digits = hex(&format!("{lineage}/{of}"));
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..32]];
    parts.join("-")
}

/// The SHA-256 of a text, in hexadecimal digits.
pub(crate) fn hex(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    format!("{:x}", Bytes::copy_from_slice(&digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BALANCER: Naming = Naming { longest: 32, prefix: "" };

    #[test]
    fn a_short_name_stays_as_it_is() {
        assert_eq!(physical(BALANCER, "clock-prod", "", 0), "clock-prod");
        assert_eq!(physical(BALANCER, "clock-prod", "service", 2), "clock-prod-service-2");
    }

    #[test]
    fn long_names_are_cut_and_do_not_meet() {
        let one = physical(BALANCER, "a-very-long-stack-name-indeed-one", "", 0);
        let two = physical(BALANCER, "a-very-long-stack-name-indeed-two", "", 0);
        assert!(one.len() <= 32 && two.len() <= 32);
        assert_ne!(one, two);
    }

    #[test]
    fn a_token_fits_the_strictest_service() {
        let token = token("lineage", "service.app#0/0");
        assert_eq!(token.len(), 36);
        assert!(token.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'));
    }
}
