//! What the kinds of ECS share: tags, numbers, and what comes right by itself.

use std::time::Duration;

use aws_sdk_ecs::types::Tag;

use crate::aws::{Aws, AwsError, Operation, Patience, Tags};

/// ECS may not be let to hand on a role that was just made (aws-behaviour 9.c, 24.3).
pub const PASSABLE_ROLE: Patience = Patience::until_seen(
    &["AccessDeniedException"],
    Duration::from_mins(2),
    "the role was just made, and not every part of AWS knows it",
)
.saying("iam:PassRole");

/// In a fresh account the first cluster has ECS make its own role, which takes a while
/// (aws-behaviour 10).
pub const SERVICE_LINKED_ROLE: Patience = Patience::with(
    &["InvalidParameterException"],
    Duration::from_mins(2),
    "ECS is still making its own role in the account",
)
.saying("unable to assume the service linked role");

/// A cluster or service that was just made may not be found yet (aws-behaviour 12.c, 17.c).
const JUST_MADE: Patience = Patience::until_seen(
    &["ClusterNotFoundException", "ServiceNotFoundException"],
    Duration::from_mins(2),
    "it was just made",
);

/// Tags for a create call.
pub fn to_tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// The tags of an answer, without AWS's own.
pub fn tags(tags: &[Tag]) -> Tags {
    let pairs = tags.iter().filter_map(|tag| Some((tag.key()?.into(), super::text(tag.value()))));
    pairs.filter(|(key, _): &(String, String)| !key.starts_with("aws:")).collect()
}

/// Sets and removes tags of anything in ECS.
pub async fn update_tags(
    aws: &Aws,
    arn: &str,
    (set, removed): &(Tags, Vec<String>),
) -> Result<(), AwsError> {
    const TAG: Operation = Operation::patient("ecs:TagResource", &[JUST_MADE]);
    const UNTAG: Operation = Operation::patient("ecs:UntagResource", &[JUST_MADE]);
    if !set.is_empty() {
        let tags = to_tags(set);
        let send =
            || aws.ecs().tag_resource().resource_arn(arn).set_tags(Some(tags.clone())).send();
        aws.call(TAG, send).await?;
    }
    if !removed.is_empty() {
        let send = || {
            let request = aws.ecs().untag_resource().resource_arn(arn);
            request.set_tag_keys(Some(removed.clone())).send()
        };
        aws.call(UNTAG, send).await?;
    }
    Ok(())
}

/// A number as ECS takes it. One beyond its range becomes the greatest, for ECS to refuse.
pub fn sent(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A number of an answer, where none and less than none can't be.
pub fn given(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

/// The last part of an ARN: a cluster's or service's name, `shop-dev-web:3` of a task definition.
pub fn name_in(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(code: &str, message: &str) -> AwsError {
        AwsError::reported(Operation::new("ecs:CreateService"), code, message)
    }

    #[test]
    fn only_a_refusal_to_pass_a_role_passes() {
        const CREATE: Operation = Operation::patient("ecs:CreateService", &[PASSABLE_ROLE]);
        let fresh = "User: x is not authorized to perform: iam:PassRole on resource: r";
        assert!(CREATE.patience_with(&reported("AccessDeniedException", fresh)).is_some());
        let denied = "User: x is not authorized to perform: ecs:CreateService on resource: r";
        assert!(CREATE.patience_with(&reported("AccessDeniedException", denied)).is_none());
    }

    #[test]
    fn tags_of_aws_do_not_count() {
        let tag = |key: &str| Tag::builder().key(key).value("x").build();
        let tags = tags(&[tag("aws:cloudformation:stack-name"), tag("Name")]);
        assert_eq!(tags, Tags::from([("Name".into(), "x".into())]));
    }

    #[test]
    fn an_arn_ends_with_its_name() {
        assert_eq!(name_in("arn:aws:ecs:eu-west-1:1:cluster/shop-dev"), "shop-dev");
        assert_eq!(name_in("shop-dev"), "shop-dev");
    }
}
