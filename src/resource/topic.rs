//! A topic of SNS: where news is published, for whoever subscribes to it.
//!
//! Who subscribes is not the stack's: a mail address has to be confirmed by a person. Nor is the
//! topic's policy declared: AWS's own lets in the account, and its alarms with it.

use aws_sdk_sns::types::Tag;
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::reference::text_newtypes;
use super::{
    Change, Found, Handle, Identity, Input, Kind, Live, Naming, Place, Readiness, Replacement,
    Resource, Sought,
};
use crate::aws::{Aws, AwsError, Operation, Tags, gone_is_done, is_owned, unless_gone};

text_newtypes! {
    /// `arn:aws:sns:eu-west-1:123456789012:shop-dev-drift`.
    TopicArn,
}

/// What is wanted of a topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Topic {
    /// From whom its mails say that they are.
    pub display_name: String,
}

/// What is known of a topic once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its ARN, which ends in its name.
    pub arn: TopicArn,
}

impl Handle<Topic> {
    /// The topic's ARN.
    pub fn arn(&self) -> Input<TopicArn> {
        self.output("arn")
    }
}

const CREATE: Operation = Operation::new("sns:CreateTopic");

/// The attribute that holds [`Topic::display_name`].
const DISPLAY_NAME: &str = "DisplayName";

impl Resource for Topic {
    type Outputs = Outputs;

    const KIND: Kind = Kind::Topic;
    const TYPE_NAME: &'static str = "AWS::SNS::Topic";
    const MADE_BY: &'static str = "sns:CreateTopic";
    const READS: &'static [&'static str] = &["sns:GetTopicAttributes", "sns:ListTagsForResource"];
    const REPLACEMENT: Replacement = Replacement::OldFirst;
    const NAMING: Option<Naming> = Some(Naming { longest: 256, prefix: "" });
    /// A create that meets a topic of the name answers with it (API reference, CreateTopic).
    const ADOPTS: bool = true;
    const LOSES: Option<&'static str> = Some("its subscriptions");

    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        let arn = arn(aws, &identity.name).await?;
        if let Some(tags) = tags(aws, &arn).await? {
            if !is_owned(&tags, &identity.tags) {
                return Err(AwsError::foreign(CREATE, &format!("the topic \"{}\"", identity.name)));
            }
            let changes = super::tag_changes(&tags, &identity.tags);
            update_tags(aws, &arn, &changes).await?;
            set_display_name(aws, &arn, &self.display_name).await?;
            return Ok(Outputs { arn });
        }
        let tags = to_tags(&identity.tags);
        let send = || {
            let request = aws.sns().create_topic().name(&identity.name);
            request.attributes(DISPLAY_NAME, &self.display_name).set_tags(Some(tags.clone())).send()
        };
        let made = aws.call(CREATE, send).await?;
        let arn = made.topic_arn.ok_or_else(|| AwsError::incomplete(CREATE, "TopicArn"))?;
        Ok(Outputs { arn: arn.into() })
    }

    async fn find(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let arn = arn(aws, &identity.name).await?;
        let tags = tags(aws, &arn).await?;
        Ok(tags.map(|tags| Found { outputs: Outputs { arn }, tags }))
    }

    fn locate(id: &str, place: &Place) -> Option<Outputs> {
        // A name, or an ARN.
        let Place { partition, region, account } = place;
        let arn = match id {
            "" => return None,
            arn if arn.starts_with("arn:") => arn.to_owned(),
            name => format!("arn:{partition}:sns:{region}:{account}:{name}"),
        };
        Some(Outputs { arn: arn.into() })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let one = |sought: &Sought<Self>| {
            let outputs = sought.outputs.clone();
            async move {
                let (display_name, tags) =
                    futures::try_join!(display_name(aws, &outputs.arn), tags(aws, &outputs.arn))?;
                Ok(display_name.zip(tags).map(|(display_name, tags)| Live {
                    spec: Self { display_name },
                    outputs,
                    tags,
                    readiness: Readiness::Ready,
                }))
            }
        };
        try_join_all(sought.iter().map(one)).await
    }

    async fn update(
        &self,
        aws: &Aws,
        identity: &Identity,
        change: &Change<Self>,
    ) -> Result<Outputs, AwsError> {
        let outputs = &change.from.outputs;
        if change.touches("display_name") {
            set_display_name(aws, &outputs.arn, &self.display_name).await?;
        }
        update_tags(aws, &outputs.arn, &change.tags(&identity.tags)).await?;
        Ok(outputs.clone())
    }

    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        const DELETE: Operation = Operation::new("sns:DeleteTopic");
        let send = || aws.sns().delete_topic().topic_arn(gone.outputs.arn.as_str()).send();
        gone_is_done(aws.call(DELETE, send).await.map(drop))
    }
}

async fn arn(aws: &Aws, name: &str) -> Result<TopicArn, AwsError> {
    let (partition, region, account) = (aws.partition(), aws.region(), aws.account().await?);
    Ok(format!("arn:{partition}:sns:{region}:{account}:{name}").into())
}

async fn display_name(aws: &Aws, arn: &TopicArn) -> Result<Option<String>, AwsError> {
    const GET: Operation = Operation::new("sns:GetTopicAttributes");
    let send = || aws.sns().get_topic_attributes().topic_arn(arn.as_str()).send();
    let Some(output) = unless_gone(aws.call(GET, send).await)? else { return Ok(None) };
    let mut attributes = output.attributes.unwrap_or_default();
    Ok(Some(attributes.remove(DISPLAY_NAME).unwrap_or_default()))
}

async fn set_display_name(aws: &Aws, arn: &TopicArn, value: &str) -> Result<(), AwsError> {
    const SET: Operation = Operation::new("sns:SetTopicAttributes");
    let send = || {
        let request = aws.sns().set_topic_attributes().topic_arn(arn.as_str());
        request.attribute_name(DISPLAY_NAME).attribute_value(value).send()
    };
    aws.call(SET, send).await.map(drop)
}

/// The tags of a topic, without AWS's own; `None` when it is not there.
async fn tags(aws: &Aws, arn: &TopicArn) -> Result<Option<Tags>, AwsError> {
    const LIST: Operation = Operation::new("sns:ListTagsForResource");
    let send = || aws.sns().list_tags_for_resource().resource_arn(arn.as_str()).send();
    let Some(output) = unless_gone(aws.call(LIST, send).await)? else { return Ok(None) };
    let tags = output.tags.unwrap_or_default();
    let tags = tags.into_iter().filter(|tag| !tag.key().starts_with("aws:"));
    Ok(Some(tags.map(|tag| (tag.key, tag.value)).collect()))
}

async fn update_tags(
    aws: &Aws,
    arn: &TopicArn,
    (set, removed): &(Tags, Vec<String>),
) -> Result<(), AwsError> {
    const TAG: Operation = Operation::new("sns:TagResource");
    const UNTAG: Operation = Operation::new("sns:UntagResource");
    if !set.is_empty() {
        let tags = to_tags(set);
        let send = || {
            let request = aws.sns().tag_resource().resource_arn(arn.as_str());
            request.set_tags(Some(tags.clone())).send()
        };
        aws.call(TAG, send).await?;
    }
    if !removed.is_empty() {
        let send = || {
            let request = aws.sns().untag_resource().resource_arn(arn.as_str());
            request.set_tag_keys(Some(removed.clone())).send()
        };
        aws.call(UNTAG, send).await?;
    }
    Ok(())
}

fn to_tags(tags: &Tags) -> Vec<Tag> {
    let tag = |(key, value): (&String, &String)| {
        let tag = Tag::builder().key(key).value(value).build();
        tag.expect("a tag has a key and a value")
    };
    tags.iter().map(tag).collect()
}
