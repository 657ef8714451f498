//! Tags: who owns a resource, and which of its address it is.

use std::collections::BTreeMap;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// The keys that mark a resource as a stack's own.
pub struct OwnershipTags;

impl OwnershipTags {
    /// The stack's name.
    pub const STACK: &'static str = "provision:stack";
    /// The stack's environment.
    pub const ENVIRONMENT: &'static str = "provision:environment";
    /// The resource's address in the stack.
    pub const ADDRESS: &'static str = "provision:address";
}

/// Whether `tags` say that their resource is the one that `expected` describes: same stack, same
/// environment, same address.
pub fn is_owned(tags: &Tags, expected: &Tags) -> bool {
    [OwnershipTags::STACK, OwnershipTags::ENVIRONMENT, OwnershipTags::ADDRESS]
        .iter()
        .all(|key| expected.contains_key(*key) && tags.get(*key) == expected.get(*key))
}
