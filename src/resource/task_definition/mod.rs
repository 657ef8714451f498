//! An ECS task definition: what a task is made of.
//!
//! AWS changes nothing about a revision but its tags. A change is another revision of the same
//! family, and the earlier ones stay active: a service can only be rolled back to an active one
//! (aws-behaviour 13.d).
//!
//! AWS takes no token with which to ask again without making another revision (13.b). The rule: a
//! revision carries its creation's token as a tag, and is looked for by it before it is made.

mod canonical;
mod revisions;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::revisions::Revision;
use super::log_group::LogGroupName;
use super::reference::text_newtypes;
use super::role::RoleArn;
use super::{
    Change, Found, Handle, Identity, Input, Kind, Live, Naming, Place, Readiness, Resource, Sought,
    ecs,
};
use crate::aws::{Aws, AwsError};

text_newtypes! {
    /// `arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-dev-web:3`.
    TaskDefinitionArn,
}

/// What is wanted of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskDefinition {
    /// Its share of processors, in 1024ths of a vCPU.
    pub cpu: u32,
    /// Its memory, in MiB.
    pub memory_mib: u32,
    /// The processors that its image is built for.
    pub architecture: Architecture,
    /// The role with which ECS fetches the image and the secrets, and writes the logs.
    pub execution_role: Input<RoleArn>,
    /// The role that the program in the container has.
    pub task_role: Input<RoleArn>,
    /// The one container.
    pub container: Container,
}

/// A kind of processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Architecture {
    /// Intel's and AMD's.
    #[serde(rename = "X86_64")]
    X86_64,
    /// Graviton.
    #[serde(rename = "ARM64")]
    Arm64,
}

/// What is wanted of a task's container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Container {
    /// Its name in the task.
    pub name: String,
    /// What it runs: an image reference.
    pub image: String,
    /// The port that it listens on, if it does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub port: Option<u16>,
    /// Environment variables, in clear.
    pub environment: BTreeMap<String, String>,
    /// Environment variables that ECS fills: the ARN of a secret or parameter by variable.
    pub secrets: BTreeMap<String, String>,
    /// Where its output goes.
    pub log_group: Input<LogGroupName>,
    /// The region of the log group.
    pub log_region: String,
    /// What the names of its log streams begin with.
    pub log_stream_prefix: String,
    /// How ECS asks the container itself whether it works.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub health_check: Option<ContainerHealthCheck>,
    /// Whether the container can't write to its root file system.
    pub read_only_root: bool,
    /// As whom it runs; `None` for the image's own user.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user: Option<String>,
    /// What is run; `None` for the image's own command.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub command: Option<Vec<String>>,
    /// How long it has between being asked to stop and being killed; `None` for AWS's 30 seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stop_timeout_seconds: Option<u32>,
}

/// How ECS asks a container whether it works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContainerHealthCheck {
    /// What is run in the container: `["CMD-SHELL", "curl -f localhost || exit 1"]`.
    pub command: Vec<String>,
    /// How long from one check to the next.
    pub interval_seconds: u32,
    /// How long a check may take.
    pub timeout_seconds: u32,
    /// How many failures in a row make it unhealthy.
    pub retries: u32,
    /// How long failures do not count after the start.
    pub start_period_seconds: u32,
}

/// What is known of a task definition once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// The ARN of the revision.
    pub arn: TaskDefinitionArn,
    /// What its revisions have in common.
    pub family: String,
    /// Which revision, from 1.
    pub revision: i32,
}

impl Handle<TaskDefinition> {
    /// The revision's ARN.
    pub fn arn(&self) -> Input<TaskDefinitionArn> {
        self.output("arn")
    }
}

impl Resource for TaskDefinition {
    type Outputs = Outputs;

    const KIND: Kind = Kind::TaskDefinition;
    const TYPE_NAME: &'static str = "AWS::ECS::TaskDefinition";
    const MADE_BY: &'static str = "ecs:RegisterTaskDefinition";
    const READS: &'static [&'static str] =
        &["ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions"];
    const RENEWED: &'static [&'static str] = &["arn", "revision"];
    const HIDDEN: &'static [&'static str] = &["container.environment"];
    const NAMING: Option<Naming> = Some(Naming { longest: 255, prefix: "" });

    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        self.register(aws, identity).await
    }

    async fn find(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let found = revisions::latest_owned(aws, &identity.name, &identity.tags).await?;
        Ok(found.map(|found| Found { outputs: found.outputs(), tags: found.tags }))
    }

    fn locate(id: &str, _place: &Place) -> Option<Outputs> {
        // An ARN, or `family:revision`.
        let (_, revision) = id.rsplit_once(':')?;
        let revision = revision.parse().ok()?;
        Some(Outputs { arn: id.into(), family: String::new(), revision })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let one = |sought: &Sought<Self>| {
            let (arn, applied) = (sought.outputs.arn.clone(), sought.applied.clone());
            async move {
                let revision = revisions::describe(aws, arn.as_str()).await?;
                Ok(revision.filter(Revision::is_active).map(|revision| Live {
                    spec: canonical::spec(&revision.definition, applied.as_ref()),
                    outputs: revision.outputs(),
                    tags: revision.tags,
                    readiness: Readiness::Ready,
                }))
            }
        };
        futures::future::try_join_all(sought.iter().map(one)).await
    }

    async fn origin(aws: &Aws, sought: &Sought<Self>) -> Result<Option<String>, AwsError> {
        let revision = revisions::describe(aws, sought.outputs.arn.as_str()).await?;
        Ok(revision.and_then(|revision| revision.origin()))
    }

    /// Registers another revision, unless nothing but tags differs.
    async fn update(
        &self,
        aws: &Aws,
        identity: &Identity,
        change: &Change<Self>,
    ) -> Result<Outputs, AwsError> {
        if change.fields.iter().any(|field| field != "tags") {
            return self.register(aws, identity).await;
        }
        let outputs = &change.from.outputs;
        ecs::update_tags(aws, outputs.arn.as_str(), &change.tags(&identity.tags)).await?;
        Ok(outputs.clone())
    }

    /// Deregisters every revision of the family that is this stack's.
    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        revisions::deregister_like(aws, &gone.outputs).await
    }
}

impl TaskDefinition {
    /// Registers a revision; or gives the one that this very creation has registered already, and
    /// was not told of.
    ///
    /// The token alone does not say so, since an update may come with the token of the creation:
    /// the revision must be equal too.
    async fn register(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        let latest = revisions::latest_owned(aws, &identity.name, &identity.tags).await?;
        let same = |latest: &Revision| {
            latest.token.as_ref() == Some(&identity.token)
                && canonical::spec(&latest.definition, Some(self)) == *self
        };
        match latest.filter(same) {
            Some(registered) => Ok(registered.outputs()),
            None => revisions::register(aws, self, identity).await,
        }
    }
}
