//! An IAM role: what a task, or ECS on a task's behalf, may do.
//!
//! A role owns the policies that hang on it: one that somebody else hung there is a difference.

mod calls;
mod listing;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::reference::text_newtypes;
use super::{Change, Found, Handle, Identity, Input, Kind, Live, Naming, Place, Resource, Sought};
use crate::aws::{Aws, AwsError, Operation, Patience, is_owned};

text_newtypes! {
    /// `arn:aws:iam::123456789012:role/shop-dev-task`.
    RoleArn,
}

/// What is wanted of a role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Who may take it on: the trust policy's document.
    pub trust: Value,
    /// The ARNs of the managed policies that hang on it.
    pub managed_policies: BTreeSet<String>,
    /// The documents of the policies that are part of it, by name.
    pub inline_policies: BTreeMap<String, Value>,
    /// What it is for.
    pub description: String,
}

/// What is known of a role once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its ARN.
    pub arn: RoleArn,
    /// Its name.
    pub name: String,
}

impl Handle<Role> {
    /// The role's ARN.
    pub fn arn(&self) -> Input<RoleArn> {
        self.output("arn")
    }
}

impl Resource for Role {
    type Outputs = Outputs;

    const KIND: Kind = Kind::Role;
    const TYPE_NAME: &'static str = "AWS::IAM::Role";
    const MADE_BY: &'static str = "iam:CreateRole";
    const READS: &'static [&'static str] = &[
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
    ];
    const OWNED: &'static [&'static str] = &["managed_policies", "inline_policies"];
    const WHOLE: &'static [&'static str] = &["trust", "inline_policies.*"];
    const NAMING: Option<Naming> = Some(Naming { longest: 64, prefix: "" });
    const TYPICAL: Duration = Duration::from_secs(2);

    /// Does not wait until all of AWS knows the role: what is handed it is patient instead
    /// (aws-behaviour 9.c).
    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        const CREATE: Operation = Operation::patient(
            "iam:CreateRole",
            &[
                Patience::with(
                    &["MalformedPolicyDocument"],
                    Duration::from_mins(2),
                    "a principal of the trust policy was just made",
                )
                .saying("invalid principal"),
                Patience::with(
                    &["EntityTemporarilyUnmodifiable", "ConcurrentModification"],
                    Duration::from_mins(2),
                    "a role of this name is still going away",
                ),
            ],
        );
        let tags = calls::to_tags(&identity.tags);
        let send = || {
            let request = aws.iam().create_role().role_name(&identity.name);
            let request = request.assume_role_policy_document(self.trust.to_string());
            request.description(&self.description).set_tags(Some(tags.clone())).send()
        };
        let arn = match aws.call(CREATE, send).await {
            Ok(output) => output.role.map(|role| role.arn),
            Err(error) if error.has_code("EntityAlreadyExists") => {
                Some(self.adopt(aws, identity, CREATE).await?)
            }
            Err(error) => return Err(error),
        };
        let arn = RoleArn(arn.ok_or_else(|| AwsError::incomplete(CREATE, "Role"))?);
        let name = &identity.name;
        calls::attach(aws, name, &self.managed_policies).await?;
        calls::put_inline(aws, name, &self.inline_policies).await?;
        Ok(Outputs { arn, name: name.clone() })
    }

    async fn find(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let role = calls::get_resolved(aws, &identity.name).await?;
        Ok(role.map(|role| Found {
            outputs: Outputs { arn: RoleArn(role.arn().to_owned()), name: identity.name.clone() },
            tags: calls::tags(role.tags()),
        }))
    }

    fn locate(id: &str, _place: &Place) -> Option<Outputs> {
        // A name, or an ARN, whose last part is the name.
        let name = id.rsplit('/').next().filter(|name| !name.is_empty())?;
        Some(Outputs { arn: "".into(), name: name.to_owned() })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        read::all(aws, sought).await
    }

    async fn update(
        &self,
        aws: &Aws,
        identity: &Identity,
        change: &Change<Self>,
    ) -> Result<Outputs, AwsError> {
        let (live, outputs) = (&change.from.spec, &change.from.outputs);
        if change.touches("trust") {
            calls::set_trust(aws, &outputs.name, &self.trust).await?;
        }
        if change.touches("description") {
            calls::set_description(aws, &outputs.name, &self.description).await?;
        }
        if change.touches("managed_policies") {
            // What is new first: at no moment may the role do less than before and after.
            let new = &self.managed_policies - &live.managed_policies;
            calls::attach(aws, &outputs.name, &new).await?;
            let old = &live.managed_policies - &self.managed_policies;
            calls::detach(aws, &outputs.name, &old).await?;
        }
        if change.touches("inline_policies") {
            let (new, old) = inline_changes(&live.inline_policies, &self.inline_policies);
            calls::put_inline(aws, &outputs.name, &new).await?;
            calls::delete_inline(aws, &outputs.name, &old).await?;
        }
        calls::update_tags(aws, &outputs.name, &change.tags(&identity.tags)).await?;
        Ok(outputs.clone())
    }

    /// Takes off all that hangs on the role, whoever put it there, since a role that carries a
    /// policy can't be deleted (aws-behaviour 9.e).
    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        let name = &gone.outputs.name;
        let (managed, inline) =
            futures::try_join!(calls::attached(aws, name), calls::inline_names(aws, name))?;
        calls::detach(aws, name, &managed).await?;
        calls::delete_inline(aws, name, &inline).await?;
        calls::delete(aws, name).await
    }
}

impl Role {
    /// Brings a role of the same name to this spec, if it is this stack's; gives its ARN.
    ///
    /// Its policies are left to the caller, which sets them whether or not the role is new.
    async fn adopt(
        &self,
        aws: &Aws,
        identity: &Identity,
        create: Operation,
    ) -> Result<String, AwsError> {
        let role = calls::get_resolved(aws, &identity.name).await?;
        let role = role.filter(|role| is_owned(&calls::tags(role.tags()), &identity.tags));
        let what = || format!("the role \"{}\"", identity.name);
        let role = role.ok_or_else(|| AwsError::foreign(create, &what()))?;
        calls::set_trust(aws, &identity.name, &self.trust).await?;
        calls::set_description(aws, &identity.name, &self.description).await?;
        Ok(role.arn)
    }
}

/// The policies to put, and the names of those to delete.
fn inline_changes(
    live: &BTreeMap<String, Value>,
    wanted: &BTreeMap<String, Value>,
) -> (BTreeMap<String, Value>, BTreeSet<String>) {
    let new = wanted.iter().filter(|(name, document)| live.get(*name) != Some(document));
    let old = live.keys().filter(|name| !wanted.contains_key(*name));
    (new.map(|(name, document)| (name.clone(), document.clone())).collect(), old.cloned().collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_policies_that_differ_are_put() {
        let live = BTreeMap::from([
            ("same".to_owned(), json!(1)),
            ("other".to_owned(), json!(1)),
            ("stray".to_owned(), json!(1)),
        ]);
        let wanted = BTreeMap::from([
            ("same".to_owned(), json!(1)),
            ("other".to_owned(), json!(2)),
            ("new".to_owned(), json!(1)),
        ]);
        let (new, old) = inline_changes(&live, &wanted);
        assert_eq!(new.keys().collect::<Vec<_>>(), ["new", "other"]);
        assert_eq!(old, BTreeSet::from(["stray".to_owned()]));
    }
}
