//! The calls that roles need. What is not there is empty, and needs no deleting.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_iam::types::{Role, Tag};
use serde_json::Value;

use super::super::policy;
use crate::aws::{Aws, AwsError, Operation, Patience, Tags, gone_is_done, pages, unless_gone};

/// IAM is slow to know what it was told, and does one change of a role at a time
/// (aws-behaviour 9.c, 9.e).
const SETTLING: &[Patience] = &[
    Patience::until_seen(&["NoSuchEntity"], Duration::from_mins(2), "the role was just made")
        .saying("role with name"),
    Patience::with(
        &["ConcurrentModification", "EntityTemporarilyUnmodifiable"],
        Duration::from_mins(2),
        "another change of the role is not done",
    ),
];

/// What a delete waits for (aws-behaviour 9.e).
const LEAVING: &[Patience] = &[Patience::with(
    &["DeleteConflict", "ConcurrentModification", "EntityTemporarilyUnmodifiable"],
    Duration::from_mins(2),
    "what hung on the role is still going away",
)];

/// Tags for a create call.
pub fn to_tags(tags: &Tags) -> Vec<Tag> {
    let tag = |(key, value): (&String, &String)| {
        Tag::builder().key(key).value(value).build().expect("a tag has a key and a value")
    };
    tags.iter().map(tag).collect()
}

/// The tags of an answer, without AWS's own.
pub fn tags(tags: &[Tag]) -> Tags {
    let pairs = tags.iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned()));
    pairs.filter(|(key, _)| !key.starts_with("aws:")).collect()
}

/// The role of that name.
pub async fn get(aws: &Aws, name: &str) -> Result<Option<Role>, AwsError> {
    const GET: Operation = Operation::new("iam:GetRole");
    let output = aws.call(GET, || aws.iam().get_role().role_name(name).send()).await;
    Ok(unless_gone(output)?.and_then(|output| output.role))
}

/// The role of that name, with its ARN: one that was just made may be shown with its unique id
/// where the ARN belongs (aws-behaviour 9.c).
pub async fn get_resolved(aws: &Aws, name: &str) -> Result<Option<Role>, AwsError> {
    let is_resolved = |role: &Option<Role>| role.as_ref().is_none_or(|role| is_arn(role.arn()));
    aws.patiently(|| get(aws, name), is_resolved).await
}

/// Whether it is a name of AWS's for something, rather than a unique id.
pub fn is_arn(text: &str) -> bool {
    text.starts_with("arn:")
}

/// The ARNs of the managed policies that hang on a role.
pub async fn attached(aws: &Aws, name: &str) -> Result<BTreeSet<String>, AwsError> {
    const LIST: Operation = Operation::new("iam:ListAttachedRolePolicies");
    let policies = pages(|marker| async move {
        let request = aws.iam().list_attached_role_policies().role_name(name).max_items(1000);
        let send = || request.clone().set_marker(marker.clone()).send();
        let page = unless_gone(aws.call(LIST, send).await)?;
        Ok(page.map_or_else(Default::default, |page| {
            (page.attached_policies.unwrap_or_default(), page.marker)
        }))
    });
    Ok(policies.await?.into_iter().filter_map(|policy| policy.policy_arn).collect())
}

/// The names of the policies that are part of a role.
pub async fn inline_names(aws: &Aws, name: &str) -> Result<BTreeSet<String>, AwsError> {
    const LIST: Operation = Operation::new("iam:ListRolePolicies");
    let names = pages(|marker| async move {
        let request = aws.iam().list_role_policies().role_name(name).max_items(1000);
        let send = || request.clone().set_marker(marker.clone()).send();
        let page = unless_gone(aws.call(LIST, send).await)?;
        Ok(page.map_or_else(Default::default, |page| (page.policy_names, page.marker)))
    });
    Ok(names.await?.into_iter().collect())
}

/// The documents of those of a role's inline policies that are there.
pub async fn inline_documents(
    aws: &Aws,
    name: &str,
    policies: &BTreeSet<String>,
) -> Result<BTreeMap<String, Value>, AwsError> {
    const GET: Operation = Operation::new("iam:GetRolePolicy");
    let document = |policy: &String| {
        let policy = policy.clone();
        async move {
            let send = || aws.iam().get_role_policy().role_name(name).policy_name(&policy).send();
            let output = unless_gone(aws.call(GET, send).await)?;
            let document = output.map(|output| policy::decode(output.policy_document()));
            Ok::<_, AwsError>(document.map(|document| (policy, document)))
        }
    };
    let documents = futures::future::try_join_all(policies.iter().map(document)).await?;
    Ok(documents.into_iter().flatten().collect())
}

/// Says who may take the role on.
pub async fn set_trust(aws: &Aws, name: &str, trust: &Value) -> Result<(), AwsError> {
    const UPDATE: Operation = Operation::patient("iam:UpdateAssumeRolePolicy", SETTLING);
    let send = || {
        let request = aws.iam().update_assume_role_policy().role_name(name);
        request.policy_document(trust.to_string()).send()
    };
    aws.call(UPDATE, send).await.map(drop)
}

/// Says what the role is for. An empty description is sent too: it takes the old one away
/// (aws-behaviour 25.3).
pub async fn set_description(aws: &Aws, name: &str, description: &str) -> Result<(), AwsError> {
    const UPDATE: Operation = Operation::patient("iam:UpdateRole", SETTLING);
    let send = || aws.iam().update_role().role_name(name).description(description).send();
    aws.call(UPDATE, send).await.map(drop)
}

/// Hangs managed policies on a role; those that hang there already stay.
pub async fn attach(aws: &Aws, name: &str, policies: &BTreeSet<String>) -> Result<(), AwsError> {
    const ATTACH: Operation = Operation::patient("iam:AttachRolePolicy", SETTLING);
    for policy in policies {
        let send = || aws.iam().attach_role_policy().role_name(name).policy_arn(policy).send();
        aws.call(ATTACH, send).await?;
    }
    Ok(())
}

/// Takes managed policies off a role.
pub async fn detach(aws: &Aws, name: &str, policies: &BTreeSet<String>) -> Result<(), AwsError> {
    const DETACH: Operation = Operation::patient("iam:DetachRolePolicy", LEAVING);
    for policy in policies {
        let send = || aws.iam().detach_role_policy().role_name(name).policy_arn(policy).send();
        gone_is_done(aws.call(DETACH, send).await.map(drop))?;
    }
    Ok(())
}

/// Makes policies part of a role, over those of the same name.
pub async fn put_inline(
    aws: &Aws,
    name: &str,
    policies: &BTreeMap<String, Value>,
) -> Result<(), AwsError> {
    const PUT: Operation = Operation::patient("iam:PutRolePolicy", SETTLING);
    for (policy, document) in policies {
        let send = || {
            let request = aws.iam().put_role_policy().role_name(name).policy_name(policy);
            request.policy_document(document.to_string()).send()
        };
        aws.call(PUT, send).await?;
    }
    Ok(())
}

/// Deletes policies that are part of a role.
pub async fn delete_inline(
    aws: &Aws,
    name: &str,
    policies: &BTreeSet<String>,
) -> Result<(), AwsError> {
    const DELETE: Operation = Operation::patient("iam:DeleteRolePolicy", LEAVING);
    for policy in policies {
        let send = || aws.iam().delete_role_policy().role_name(name).policy_name(policy).send();
        gone_is_done(aws.call(DELETE, send).await.map(drop))?;
    }
    Ok(())
}

/// Deletes a role on which nothing hangs.
pub async fn delete(aws: &Aws, name: &str) -> Result<(), AwsError> {
    const DELETE: Operation = Operation::patient("iam:DeleteRole", LEAVING);
    let send = || aws.iam().delete_role().role_name(name).send();
    gone_is_done(aws.call(DELETE, send).await.map(drop))
}

/// Sets and removes tags of a role.
pub async fn update_tags(
    aws: &Aws,
    name: &str,
    (set, removed): &(Tags, Vec<String>),
) -> Result<(), AwsError> {
    const TAG: Operation = Operation::patient("iam:TagRole", SETTLING);
    const UNTAG: Operation = Operation::patient("iam:UntagRole", SETTLING);
    // Keys are alike whatever their case (aws-behaviour 29): an old spelling goes first.
    if !removed.is_empty() {
        let send = || {
            let request = aws.iam().untag_role().role_name(name);
            request.set_tag_keys(Some(removed.clone())).send()
        };
        aws.call(UNTAG, send).await?;
    }
    if !set.is_empty() {
        let tags = to_tags(set);
        let send = || aws.iam().tag_role().role_name(name).set_tags(Some(tags.clone())).send();
        aws.call(TAG, send).await?;
    }
    Ok(())
}
