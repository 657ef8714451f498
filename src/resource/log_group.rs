//! A log group of CloudWatch Logs: where tasks write what they have to say.
//!
//! A task that is still writing makes its group again after it was deleted, without retention and
//! without any tag (aws-behaviour 11.e). Such a group is taken for the stack's own when its name is
//! the one that is wanted, as long as nothing is in it: a person may have made it as well, and then
//! there is nothing to lose. Any other without the stack's tags is somebody else's: deleting the
//! stack would delete its logs.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_cloudwatchlogs::types::LogGroup as LiveGroup;
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::reference::text_newtypes;
use super::{
    Change, Found, Handle, Identity, Input, Kind, Live, Naming, Place, Readiness, Resource, Sought,
    tag_changes,
};
use crate::aws::{
    Aws, AwsError, Operation, Patience, Tags, gone_is_done, is_owned, pages, unless_gone,
};

text_newtypes! {
    /// `/ecs/shop-dev-web`.
    LogGroupName,
}

/// What is wanted of a log group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogGroup {
    /// After how many days logs are deleted; `None` for never, which is declared as any number is.
    #[serde(default)]
    pub retention_days: Option<u32>,
}

/// What is known of a log group once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its name.
    pub name: LogGroupName,
    /// Its ARN, without the `:*` that some answers put behind it.
    pub arn: String,
}

impl Handle<LogGroup> {
    /// The group's name.
    pub fn name(&self) -> Input<LogGroupName> {
        self.output("name")
    }
}

/// Logs refuses what comes while another change of the group is on its way (aws-behaviour 11.c).
const BUSY: Patience = Patience::with(
    &["OperationAbortedException"],
    Duration::from_mins(1),
    "another change of the log group is not done",
);

/// A group that was just made may not be found yet (aws-behaviour 24.3).
const VISIBLE: Patience = Patience::with(
    &["ResourceNotFoundException"],
    Duration::from_mins(2),
    "the log group was just made",
);

const CREATE: Operation = Operation::patient("logs:CreateLogGroup", &[BUSY]);

impl Resource for LogGroup {
    type Outputs = Outputs;

    const KIND: Kind = Kind::LogGroup;
    const TYPE_NAME: &'static str = "AWS::Logs::LogGroup";
    const MADE_BY: &'static str = "logs:CreateLogGroup";
    const READS: &'static [&'static str] = &["logs:DescribeLogGroups", "logs:ListTagsForResource"];
    const TAGS_APART: bool = true;
    const NAMING: Option<Naming> = Some(Naming { longest: 512, prefix: "/ecs/" });
    const RETURNS: bool = true;
    const LOSES: Option<&'static str> = Some("its logs");

    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        let name = LogGroupName(identity.name.clone());
        let tags = to_map(&identity.tags);
        let send = || {
            let request = aws.logs().create_log_group().log_group_name(name.as_str());
            request.set_tags(Some(tags.clone())).send()
        };
        match aws.call(CREATE, send).await {
            Ok(_) => {
                set_retention(aws, &name, self.retention_days, None).await?;
                Ok(Outputs { arn: arn(aws, &name).await?, name })
            }
            Err(error) if error.has_code("ResourceAlreadyExistsException") => {
                adopt(aws, self, identity, error).await
            }
            Err(error) => Err(error),
        }
    }

    async fn find(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let name = LogGroupName(identity.name.clone());
        let Some(group) = describe(aws, &name).await? else { return Ok(None) };
        let arn = arn(aws, &name).await?;
        let tags = tags(aws, &arn).await?;
        // One that has come back is nobody's: a create takes it over.
        let tags = tags.filter(|tags| !has_come_back(&group, tags));
        Ok(tags.map(|tags| Found { outputs: Outputs { name, arn }, tags }))
    }

    fn locate(id: &str, place: &Place) -> Option<Outputs> {
        // A name, or an ARN that ends in it.
        let name = id.split_once(":log-group:").map_or(id, |(_, name)| name);
        let name = name.strip_suffix(":*").unwrap_or(name);
        let Place { partition, region, account } = place;
        let arn = format!("arn:{partition}:logs:{region}:{account}:log-group:{name}");
        (!name.is_empty()).then(|| Outputs { name: name.into(), arn })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let tags = sought.iter().map(|sought| tags(aws, &sought.outputs.arn));
        let (live, tags) = futures::try_join!(Self::glance(aws, sought), try_join_all(tags))?;
        let both = live.into_iter().zip(tags);
        Ok(both.map(|(live, tags)| Some(Live { tags: tags?, ..live? })).collect())
    }

    async fn glance(
        aws: &Aws,
        sought: &[Sought<Self>],
    ) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let groups = match sought {
            [one] => describe(aws, &one.outputs.name).await?.into_iter().collect(),
            many => describe_many(aws, many).await?,
        };
        let one = |sought: &Sought<Self>| {
            let name = sought.outputs.name.as_str();
            let group = groups.iter().find(|group| group.log_group_name() == Some(name))?;
            Some(Live {
                spec: Self { retention_days: retention(group) },
                outputs: sought.outputs.clone(),
                tags: Tags::new(),
                readiness: Readiness::Ready,
            })
        };
        Ok(sought.iter().map(one).collect())
    }

    async fn update(
        &self,
        aws: &Aws,
        identity: &Identity,
        change: &Change<Self>,
    ) -> Result<Outputs, AwsError> {
        let (live, outputs) = (&change.from.spec, &change.from.outputs);
        if change.touches("retention_days") {
            set_retention(aws, &outputs.name, self.retention_days, live.retention_days).await?;
        }
        update_tags(aws, &outputs.arn, &change.tags(&identity.tags)).await?;
        Ok(outputs.clone())
    }

    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        const DELETE: Operation = Operation::patient("logs:DeleteLogGroup", &[BUSY]);
        let name = gone.outputs.name.as_str();
        let send = || aws.logs().delete_log_group().log_group_name(name).send();
        gone_is_done(aws.call(DELETE, send).await.map(drop))
    }
}

/// Brings the group that has the name already to `spec`, if it is this stack's.
async fn adopt(
    aws: &Aws,
    spec: &LogGroup,
    identity: &Identity,
    exists: AwsError,
) -> Result<Outputs, AwsError> {
    let name = LogGroupName(identity.name.clone());
    let arn = arn(aws, &name).await?;
    let (group, tags) = futures::try_join!(describe(aws, &name), tags(aws, &arn))?;
    // Gone again in the meantime: the next run makes it.
    let Some((group, tags)) = group.zip(tags) else { return Err(exists) };
    if !is_owned(&tags, &identity.tags) && !has_come_back(&group, &tags) {
        return Err(AwsError::foreign(CREATE, &format!("the log group \"{name}\"")));
    }
    update_tags(aws, &arn, &tag_changes(&tags, &identity.tags)).await?;
    set_retention(aws, &name, spec.retention_days, retention(&group)).await?;
    Ok(Outputs { name, arn })
}

/// Whether a group is as a task makes it again that writes after its group was deleted, and empty.
fn has_come_back(group: &LiveGroup, tags: &Tags) -> bool {
    let is_empty = group.stored_bytes().is_none_or(|bytes| bytes == 0);
    tags.is_empty() && retention(group).is_none() && is_empty
}

fn retention(group: &LiveGroup) -> Option<u32> {
    group.retention_in_days().and_then(|days| u32::try_from(days).ok())
}

/// The ARN of the group of that name, which no answer to a create tells.
async fn arn(aws: &Aws, name: &LogGroupName) -> Result<String, AwsError> {
    let (partition, region, account) = (aws.partition(), aws.region(), aws.account().await?);
    Ok(format!("arn:{partition}:logs:{region}:{account}:log-group:{name}"))
}

const DESCRIBE: Operation = Operation::new("logs:DescribeLogGroups");

/// The group of exactly that name: AWS searches by how names begin (aws-behaviour 11.a).
async fn describe(aws: &Aws, name: &LogGroupName) -> Result<Option<LiveGroup>, AwsError> {
    let groups = pages(|token| async move {
        let request = aws.logs().describe_log_groups().log_group_name_prefix(name.as_str());
        let send = || request.clone().limit(50).set_next_token(token.clone()).send();
        let page = aws.call(DESCRIBE, send).await?;
        Ok((page.log_groups.unwrap_or_default(), page.next_token))
    });
    Ok(groups.await?.into_iter().find(|group| group.log_group_name() == Some(name.as_str())))
}

/// How many groups one call takes by name (aws-behaviour 21).
const AT_ONCE: usize = 50;

/// Those of many groups that are there, asked for by their whole names.
async fn describe_many(aws: &Aws, sought: &[Sought<LogGroup>]) -> Result<Vec<LiveGroup>, AwsError> {
    let names: Vec<String> = sought.iter().map(|group| group.outputs.name.0.clone()).collect();
    let some = names.chunks(AT_ONCE).map(|some| {
        let request = aws.logs().describe_log_groups().limit(50);
        let request = request.set_log_group_identifiers(Some(some.to_vec()));
        pages(move |token| {
            let request = request.clone().set_next_token(token);
            async move {
                let page = aws.call(DESCRIBE, || request.clone().send()).await?;
                Ok((page.log_groups.unwrap_or_default(), page.next_token))
            }
        })
    });
    Ok(try_join_all(some).await?.into_iter().flatten().collect())
}

/// The tags of a group, without AWS's own; `None` when the group is not there.
async fn tags(aws: &Aws, arn: &str) -> Result<Option<Tags>, AwsError> {
    const LIST: Operation = Operation::new("logs:ListTagsForResource");
    let send = || aws.logs().list_tags_for_resource().resource_arn(arn).send();
    let Some(output) = unless_gone(aws.call(LIST, send).await)? else { return Ok(None) };
    let tags = output.tags.unwrap_or_default();
    Ok(Some(tags.into_iter().filter(|(key, _)| !key.starts_with("aws:")).collect()))
}

async fn update_tags(
    aws: &Aws,
    arn: &str,
    (set, removed): &(Tags, Vec<String>),
) -> Result<(), AwsError> {
    const TAG: Operation = Operation::patient("logs:TagResource", &[BUSY]);
    const UNTAG: Operation = Operation::patient("logs:UntagResource", &[BUSY]);
    if !set.is_empty() {
        let tags = to_map(set);
        let send =
            || aws.logs().tag_resource().resource_arn(arn).set_tags(Some(tags.clone())).send();
        aws.call(TAG, send).await?;
    }
    if !removed.is_empty() {
        let send = || {
            let request = aws.logs().untag_resource().resource_arn(arn);
            request.set_tag_keys(Some(removed.clone())).send()
        };
        aws.call(UNTAG, send).await?;
    }
    Ok(())
}

/// Sets after how many days logs are deleted, where it is not `live` already.
async fn set_retention(
    aws: &Aws,
    name: &LogGroupName,
    wanted: Option<u32>,
    live: Option<u32>,
) -> Result<(), AwsError> {
    const PUT: Operation = Operation::patient("logs:PutRetentionPolicy", &[BUSY, VISIBLE]);
    const DELETE: Operation = Operation::patient("logs:DeleteRetentionPolicy", &[BUSY]);
    if wanted == live {
        return Ok(());
    }
    let Some(days) = wanted else {
        let send = || aws.logs().delete_retention_policy().log_group_name(name.as_str()).send();
        return aws.call(DELETE, send).await.map(drop);
    };
    let days = i32::try_from(days).unwrap_or(i32::MAX);
    let send = || {
        let request = aws.logs().put_retention_policy().log_group_name(name.as_str());
        request.retention_in_days(days).send()
    };
    aws.call(PUT, send).await.map(drop)
}

fn to_map(tags: &Tags) -> HashMap<String, String> {
    tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_group_without_tags_and_retention_has_come_back() {
        let bare = LiveGroup::builder();
        assert!(has_come_back(&bare.clone().build(), &Tags::new()));
        assert!(has_come_back(&bare.clone().stored_bytes(0).build(), &Tags::new()));
        assert!(!has_come_back(&bare.stored_bytes(17).build(), &Tags::new()));
    }

    #[test]
    fn a_group_that_somebody_cared_for_has_not_come_back() {
        let kept = LiveGroup::builder().retention_in_days(30).build();
        assert!(!has_come_back(&kept, &Tags::new()));
        let tagged = Tags::from([("team".into(), "shop".into())]);
        assert!(!has_come_back(&LiveGroup::builder().build(), &tagged));
    }

    #[test]
    fn never_is_declared_as_any_number_is() {
        let forever = serde_json::to_value(LogGroup { retention_days: None }).unwrap();
        assert_eq!(forever, serde_json::json!({"retention_days": null}));
    }
}
