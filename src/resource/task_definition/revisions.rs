//! Revisions of a family: registering, reading and deregistering them.

use std::time::Duration;

use aws_sdk_ecs::types::{
    Compatibility, NetworkMode, SortOrder, TaskDefinition as Definition, TaskDefinitionField,
    TaskDefinitionStatus,
};
use futures::{StreamExt, TryStreamExt};

use super::super::ecs::{self, PASSABLE_ROLE};
use super::super::{Identity, text};
use super::{Outputs, TaskDefinition, TaskDefinitionArn, canonical};
use crate::aws::{Aws, AwsError, Operation, Patience, Tags, is_owned, pages};

/// The tag that holds the token of the creation, and is no tag to anybody else.
const TOKEN: &str = "provision:token";

/// How many revisions are described at once.
const SIDE_BY_SIDE: usize = 10;

/// Registering and deregistering refill at one a second (aws-behaviour 13.a).
const SLOW_BUCKET: Patience = Patience::with(
    &["ThrottlingException"],
    Duration::from_mins(10),
    "ECS takes one revision a second",
);

/// A revision as it is.
pub struct Revision {
    pub definition: Definition,
    /// Its tags, without AWS's own and without the token.
    pub tags: Tags,
    /// The token of the creation that made it.
    pub token: Option<String>,
}

impl Revision {
    /// What is recorded of it.
    pub fn outputs(&self) -> Outputs {
        outputs(&self.definition)
    }

    /// `registered 2026-03-01T02:10:00Z by arn:…`, as far as AWS says.
    pub fn origin(&self) -> Option<String> {
        let at = self.definition.registered_at()?;
        let by = self.definition.registered_by();
        let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
        Some(format!("registered {at}{by}"))
    }

    /// Whether services may still be moved to it.
    pub fn is_active(&self) -> bool {
        self.definition.status() == Some(&TaskDefinitionStatus::Active)
    }
}

fn outputs(definition: &Definition) -> Outputs {
    Outputs {
        arn: TaskDefinitionArn(text(definition.task_definition_arn())),
        family: text(definition.family()),
        revision: definition.revision(),
    }
}

/// Registers another revision of the family that `identity` names.
pub async fn register(
    aws: &Aws,
    spec: &TaskDefinition,
    identity: &Identity,
) -> Result<Outputs, AwsError> {
    const REGISTER: Operation = Operation::patient(
        "ecs:RegisterTaskDefinition",
        &[
            PASSABLE_ROLE,
            Patience::with(
                &["ClientException"],
                Duration::from_mins(2),
                "the role was just made, and not every part of AWS knows it",
            )
            .saying("role is not valid"),
            Patience::with(
                &["ClientException"],
                Duration::from_mins(1),
                "another revision of the family is being registered",
            )
            .saying("too many concurrent attempts"),
            SLOW_BUCKET,
        ],
    );
    let mut tags = identity.tags.clone();
    tags.insert(TOKEN.into(), identity.token.clone());
    let request = aws
        .ecs()
        .register_task_definition()
        .family(&identity.name)
        .network_mode(NetworkMode::Awsvpc)
        .requires_compatibilities(Compatibility::Fargate)
        .cpu(spec.cpu.to_string())
        .memory(spec.memory_mib.to_string())
        .runtime_platform(canonical::platform(spec.architecture))
        .execution_role_arn(spec.execution_role.get().as_str())
        .task_role_arn(spec.task_role.get().as_str())
        .container_definitions(canonical::definition(&spec.container))
        .set_tags(Some(ecs::to_tags(&tags)));
    let registered = aws.call(REGISTER, || request.clone().send()).await?.task_definition;
    let registered = registered.filter(|definition| definition.task_definition_arn().is_some());
    let registered = registered.ok_or_else(|| AwsError::incomplete(REGISTER, "taskDefinition"))?;
    Ok(outputs(&registered))
}

/// The revision of that ARN, or `family:revision`, in whatever status it is.
pub async fn describe(aws: &Aws, arn: &str) -> Result<Option<Revision>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ecs:DescribeTaskDefinition");
    let send = || {
        let request = aws.ecs().describe_task_definition().task_definition(arn);
        request.include(TaskDefinitionField::Tags).send()
    };
    let output = match aws.call(DESCRIBE, send).await {
        Ok(output) => output,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut tags = ecs::tags(output.tags());
    let token = tags.remove(TOKEN);
    Ok(output.task_definition.map(|definition| Revision { definition, tags, token }))
}

/// AWS has no code for it, and other errors of the same code say other things
/// (aws-behaviour 13.c).
fn is_missing(error: &AwsError) -> bool {
    error.has_code("ClientException")
        && error.message().to_lowercase().contains("unable to describe task definition")
}

/// The latest active revision of a family that carries the ownership tags among `tags`.
pub async fn latest_owned(
    aws: &Aws,
    family: &str,
    tags: &Tags,
) -> Result<Option<Revision>, AwsError> {
    let mut token = None;
    loop {
        let (arns, next) = list(aws, family, token).await?;
        for arn in arns {
            let revision = describe(aws, &arn).await?.filter(Revision::is_active);
            if let Some(owned) = revision.filter(|revision| is_owned(&revision.tags, tags)) {
                return Ok(Some(owned));
            }
        }
        token = next.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(None);
        }
    }
}

/// A page of the ARNs of a family's active revisions, the latest first.
async fn list(
    aws: &Aws,
    family: &str,
    token: Option<String>,
) -> Result<(Vec<String>, Option<String>), AwsError> {
    const LIST: Operation = Operation::new("ecs:ListTaskDefinitions");
    let request = aws
        .ecs()
        .list_task_definitions()
        .family_prefix(family)
        .status(TaskDefinitionStatus::Active)
        .sort(SortOrder::Desc)
        .max_results(100)
        .set_next_token(token);
    let page = aws.call(LIST, || request.clone().send()).await?;
    let mut arns = page.task_definition_arns.unwrap_or_default();
    arns.retain(|arn| is_of(arn, family));
    Ok((arns, page.next_token))
}

/// Whether a revision is of that family, and not of one whose name only begins like it.
fn is_of(arn: &str, family: &str) -> bool {
    ecs::name_in(arn).rsplit_once(':').is_some_and(|(own, _)| own == family)
}

/// Deregisters the recorded revision, and all active ones of its family with its ownership tags.
pub async fn deregister_like(aws: &Aws, recorded: &Outputs) -> Result<(), AwsError> {
    let own = describe(aws, recorded.arn.as_str()).await?.map(|own| own.tags).unwrap_or_default();
    let arns = pages(|token| list(aws, &recorded.family, token)).await?;
    let owned: Vec<String> = futures::stream::iter(arns)
        .map(|arn| async {
            let ours = arn == recorded.arn.as_str()
                || describe(aws, &arn).await?.is_some_and(|other| is_owned(&other.tags, &own));
            Ok::<_, AwsError>(ours.then_some(arn))
        })
        .buffered(SIDE_BY_SIDE)
        .try_filter_map(|arn| std::future::ready(Ok(arn)))
        .try_collect()
        .await?;
    for arn in owned {
        deregister(aws, &arn).await?;
    }
    Ok(())
}

async fn deregister(aws: &Aws, arn: &str) -> Result<(), AwsError> {
    const DEREGISTER: Operation =
        Operation::patient("ecs:DeregisterTaskDefinition", &[SLOW_BUCKET]);
    let send = || aws.ecs().deregister_task_definition().task_definition(arn).send();
    match aws.call(DEREGISTER, send).await {
        Err(error) if !is_missing(&error) && !error.is_gone() => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(message: &str) -> AwsError {
        let describe = Operation::new("ecs:DescribeTaskDefinition");
        AwsError::reported(describe, "ClientException", message)
    }

    #[test]
    fn only_one_client_exception_says_that_a_revision_is_missing() {
        assert!(is_missing(&reported("Unable to describe task definition.")));
        assert!(!is_missing(&reported("The family is not valid.")));
    }

    #[test]
    fn a_family_is_not_another_that_begins_like_it() {
        let arn = "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-web:3";
        assert!(is_of(arn, "shop-web"));
        assert!(!is_of(arn, "shop"));
    }
}
