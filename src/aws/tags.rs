//! Tags: who owns a resource, and which of its address it is.

use std::collections::BTreeMap;

use super::{Aws, AwsError, Operation};

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

/// How many ARNs one DescribeTags takes (aws-behaviour 21).
const TAGS_A_CALL: usize = 20;

/// The tags of load balancers, target groups and listeners, by ARN.
///
/// One missing ARN fails the call for all (aws-behaviour 21): name only what was just seen.
pub async fn elb_tags(aws: &Aws, arns: &[String]) -> Result<BTreeMap<String, Tags>, AwsError> {
    const DESCRIBE_TAGS: Operation = Operation::new("elasticloadbalancing:DescribeTags");
    let mut found = BTreeMap::new();
    for some in arns.chunks(TAGS_A_CALL) {
        let send = || aws.elb().describe_tags().set_resource_arns(Some(some.to_vec())).send();
        let output = aws.call(DESCRIBE_TAGS, send).await?;
        for description in output.tag_descriptions() {
            let tags = description.tags().iter();
            let tags = tags.filter_map(|tag| Some((tag.key()?.into(), tag.value()?.into())));
            found.insert(description.resource_arn().unwrap_or_default().into(), tags.collect());
        }
    }
    Ok(found)
}
