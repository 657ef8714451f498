//! Reading roles with all that hangs on them: one by one, or out of the account's listing.
//!
//! The rule: what the listing shows is believed where it is as it was applied. It may be behind, so
//! anything else is asked for once more, by itself (aws-behaviour 0.1.2).

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::{Role as LiveRole, RoleDetail};
use futures::future::try_join_all;
use serde_json::Value;

use super::super::{Live, Readiness, Sought, policy, text};
use super::{Outputs, Role, RoleArn, calls, listing};
use crate::aws::{Aws, AwsError, Tags};

/// How many documents are asked for one at a time, for all roles together. Each is a call, so that
/// for more of them the listing is cheaper, however large it is.
const SINGLY: usize = 1;

/// How many roles are asked for one at a time: each takes three calls besides its documents.
const FEW: usize = 10;

/// Reads many roles, in the order in which they are sought.
pub async fn all(aws: &Aws, sought: &[Sought<Role>]) -> Result<Vec<Option<Live<Role>>>, AwsError> {
    let mut listed = listed(aws, sought).await?;
    let reads = sought.iter().map(|sought| {
        let listed = listed.remove(&sought.outputs.name);
        let listed = listed.filter(|live| sought.applied.as_ref() == Some(&live.spec));
        async move {
            match listed {
                Some(live) => Ok(Some(live)),
                None => Box::pin(one(aws, sought)).await,
            }
        }
    });
    try_join_all(reads).await
}

/// What the account's listing shows of those that are sought, where that saves calls. Whoever may
/// not list gets nothing from it, and no error.
async fn listed(
    aws: &Aws,
    sought: &[Sought<Role>],
) -> Result<BTreeMap<String, Live<Role>>, AwsError> {
    let names: BTreeSet<&str> = sought.iter().map(|role| role.outputs.name.as_str()).collect();
    let documents: usize = sought.iter().map(|sought| expected(sought).len()).sum();
    let found = if aws.keeps_to_own() {
        return Ok(BTreeMap::new());
    } else if names.len() > FEW {
        listing::many(aws, &names).await?
    } else if documents > SINGLY {
        listing::few(aws, &names).await?
    } else {
        return Ok(BTreeMap::new());
    };
    let live = sought.iter().filter_map(|sought| {
        let (role, detail) = found.get(&sought.outputs.name)?;
        Some((sought.outputs.name.clone(), seen(role, detail).live(sought)))
    });
    Ok(live.collect())
}

/// The names of the documents that a role should have.
fn expected(sought: &Sought<Role>) -> BTreeSet<String> {
    sought.applied.iter().flat_map(|role| role.inline_policies.keys().cloned()).collect()
}

/// Reads a role with all that hangs on it, side by side.
async fn one(aws: &Aws, sought: &Sought<Role>) -> Result<Option<Live<Role>>, AwsError> {
    let name = &sought.outputs.name;
    let expected = expected(sought);
    // The documents that should be there are asked for before the list says which are.
    let (role, managed, names, mut inline) = futures::try_join!(
        calls::get(aws, name),
        calls::attached(aws, name),
        calls::inline_names(aws, name),
        calls::inline_documents(aws, name, &expected),
    )?;
    let Some(role) = role else { return Ok(None) };
    inline.extend(calls::inline_documents(aws, name, &(&names - &expected)).await?);
    let tags = calls::tags(role.tags());
    Ok(Some(Seen { role: &role, managed, inline, tags }.live(sought)))
}

/// A role as AWS shows it.
struct Seen<'a> {
    role: &'a LiveRole,
    managed: BTreeSet<String>,
    inline: BTreeMap<String, Value>,
    tags: Tags,
}

/// A role out of the listing: what it is for stands only with the role itself, and a list of roles
/// leaves out tags (aws-behaviour 9.a).
fn seen<'a>(role: &'a LiveRole, detail: &RoleDetail) -> Seen<'a> {
    let managed = detail.attached_managed_policies().iter();
    let inline = detail.role_policy_list().iter().filter_map(|inline| {
        let document = policy::decode(inline.policy_document()?);
        Some((inline.policy_name()?.to_owned(), document))
    });
    let tags = if role.tags().is_empty() { detail.tags() } else { role.tags() };
    Seen {
        role,
        managed: managed.filter_map(|policy| policy.policy_arn().map(str::to_owned)).collect(),
        inline: inline.collect(),
        tags: calls::tags(tags),
    }
}

impl Seen<'_> {
    /// The role in the form in which it is declared, documents in the words in which they were
    /// applied where they say the same.
    fn live(self, sought: &Sought<Role>) -> Live<Role> {
        let Self { role, managed, inline, tags } = self;
        let applied = sought.applied.as_ref();
        let inline_policies = inline.into_iter().map(|(name, document)| {
            let applied = applied.and_then(|role| role.inline_policies.get(&name));
            let document = policy::as_applied(&document, applied);
            (name, document)
        });
        let trust = policy::decode(role.assume_role_policy_document().unwrap_or_default());
        Live {
            spec: Role {
                trust: policy::as_applied(&trust, applied.map(|role| &role.trust)),
                managed_policies: managed,
                inline_policies: inline_policies.collect(),
                description: text(role.description()),
            },
            outputs: Outputs {
                arn: arn(role.arn(), &sought.outputs.arn),
                name: sought.outputs.name.clone(),
            },
            tags,
            readiness: Readiness::Ready,
        }
    }
}

/// The live ARN; but shortly after its creation a role may show its unique id instead, which is
/// not to be written down (aws-behaviour 9.c).
fn arn(live: &str, recorded: &RoleArn) -> RoleArn {
    if calls::is_arn(live) { live.into() } else { recorded.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unique_id_is_not_taken_for_an_arn() {
        let recorded = RoleArn::from("arn:aws:iam::123456789012:role/shop");
        assert_eq!(arn("AROAEXAMPLE", &recorded), recorded);
        let live = "arn:aws:iam::123456789012:role/Shop";
        assert_eq!(arn(live, &recorded), live.into());
    }
}
