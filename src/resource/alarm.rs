//! An alarm of CloudWatch on one metric: whom to tell when it crosses a limit, or is not there.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatch::types::{
    ComparisonOperator, Dimension, MetricAlarm, MetricDatum, StandardUnit, Statistic, Tag,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::topic::TopicArn;
use super::{
    Change, Found, Identity, Input, Kind, Live, Naming, Place, Readiness, Replacement, Resource,
    Sought, text,
};
use crate::aws::{Aws, AwsError, Operation, Tags, gone_is_done, is_owned, unless_gone};

/// What is wanted of an alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// What it means when it goes off.
    pub description: String,
    /// What it looks at.
    pub metric: Metric,
    /// When it goes off.
    pub limit: Limit,
    /// What a period without data counts as: `breaching`, `notBreaching`, `ignore` or `missing`.
    pub missing_data: String,
    /// Whom it tells when it goes off.
    pub tells: BTreeSet<Input<TopicArn>>,
    /// Whom it tells when that is over.
    pub tells_when_over: BTreeSet<Input<TopicArn>>,
    /// Whether it tells anybody at all.
    pub enabled: bool,
}

/// A metric: every combination of dimensions is one of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// `provision`.
    pub namespace: String,
    /// `Drift`.
    pub name: String,
    /// What it is measured of.
    pub dimensions: BTreeMap<String, String>,
}

impl Metric {
    /// A value of it, a count: an alarm that names no unit, as ours, can be relied on only where all
    /// values of its metric have the same (API reference, PutMetricAlarm).
    pub fn datum(&self, value: f64) -> MetricDatum {
        MetricDatum::builder()
            .metric_name(&self.name)
            .set_dimensions(Some(self.described()))
            .value(value)
            .unit(StandardUnit::Count)
            .build()
    }

    fn described(&self) -> Vec<Dimension> {
        let dimension = |(name, value): (&String, &String)| {
            Dimension::builder().name(name).value(value).build()
        };
        self.dimensions.iter().map(dimension).collect()
    }
}

/// When an alarm goes off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// What is made of a period's data: `Maximum`, `Sum`, as CloudWatch calls it.
    pub statistic: String,
    /// How that compares with the threshold: `GreaterThanThreshold`, as CloudWatch calls it.
    pub comparison: String,
    /// What it is compared with.
    pub threshold: f64,
    /// How long a period is, in seconds: a multiple of 60.
    pub period_seconds: u32,
    /// How many periods in a row it has to be so.
    pub periods: u32,
}

/// What is known of an alarm once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its ARN, which ends in its name.
    pub arn: String,
    /// Its name.
    pub name: String,
}

/// How many names one DescribeAlarms takes (API reference).
const AT_ONCE: usize = 100;

/// What missing data counts as for an alarm that it sets off.
const BREACHING: &str = "breaching";

const PUT: Operation = Operation::new("cloudwatch:PutMetricAlarm");

impl Resource for Alarm {
    type Outputs = Outputs;

    const KIND: Kind = Kind::Alarm;
    const TYPE_NAME: &'static str = "AWS::CloudWatch::Alarm";
    const MADE_BY: &'static str = "cloudwatch:PutMetricAlarm";
    const READS: &'static [&'static str] =
        &["cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"];
    const WHOLE: &'static [&'static str] = &["metric", "limit"];
    const REPLACEMENT: Replacement = Replacement::OldFirst;
    const NAMING: Option<Naming> = Some(Naming { longest: 255, prefix: "" });
    /// A put that meets an alarm of the name changes that one (API reference, PutMetricAlarm).
    const ADOPTS: bool = true;

    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        let outputs = outputs(aws, &identity.name).await?;
        let there = describe(aws, vec![identity.name.clone()]).await?;
        if !there.is_empty() {
            let tags = tags(aws, &outputs.arn).await?.unwrap_or_default();
            if !is_owned(&tags, &identity.tags) {
                return Err(AwsError::foreign(PUT, &format!("the alarm \"{}\"", identity.name)));
            }
            update_tags(aws, &outputs.arn, &super::tag_changes(&tags, &identity.tags)).await?;
        }
        if self.missing_data == BREACHING {
            self.measure(aws).await?;
        }
        self.put(aws, &identity.name, &identity.tags).await?;
        Ok(outputs)
    }

    async fn find(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let outputs = outputs(aws, &identity.name).await?;
        let tags = tags(aws, &outputs.arn).await?;
        Ok(tags.map(|tags| Found { outputs, tags }))
    }

    fn locate(id: &str, place: &Place) -> Option<Outputs> {
        // A name, or an ARN that ends in it.
        let name = id.split_once(":alarm:").map_or(id, |(_, name)| name).to_owned();
        let Place { partition, region, account } = place;
        let arn = format!("arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}");
        (!name.is_empty()).then_some(Outputs { arn, name })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let names = sought.iter().map(|alarm| alarm.outputs.name.clone()).collect();
        let tags = try_join_all(sought.iter().map(|alarm| tags(aws, &alarm.outputs.arn)));
        let (described, tags) = futures::try_join!(describe(aws, names), tags)?;
        let live = sought.iter().zip(tags).map(|(sought, tags)| {
            let name = Some(sought.outputs.name.as_str());
            let alarm = described.iter().find(|alarm| alarm.alarm_name() == name)?;
            Some(Live {
                spec: spec(alarm),
                outputs: sought.outputs.clone(),
                tags: tags?,
                readiness: Readiness::Ready,
            })
        });
        Ok(live.collect())
    }

    async fn update(
        &self,
        aws: &Aws,
        identity: &Identity,
        change: &Change<Self>,
    ) -> Result<Outputs, AwsError> {
        let outputs = &change.from.outputs;
        if change.fields.iter().any(|field| field != "tags") {
            self.put(aws, &outputs.name, &identity.tags).await?;
        }
        update_tags(aws, &outputs.arn, &change.tags(&identity.tags)).await?;
        Ok(outputs.clone())
    }

    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        const DELETE: Operation = Operation::new("cloudwatch:DeleteAlarms");
        let send = || aws.cloudwatch().delete_alarms().alarm_names(&gone.outputs.name).send();
        gone_is_done(aws.call(DELETE, send).await.map(drop))
    }
}

impl Alarm {
    /// Puts the threshold itself as a value of its metric, which is neither below nor above it.
    ///
    /// A metric without any data is missing from the beginning: a new alarm that this sets off would
    /// go off at once, before anybody was late.
    async fn measure(&self, aws: &Aws) -> Result<(), AwsError> {
        const PUT: Operation = Operation::new("cloudwatch:PutMetricData");
        let datum = self.metric.datum(self.limit.threshold);
        let send = || {
            let request = aws.cloudwatch().put_metric_data().namespace(&self.metric.namespace);
            request.metric_data(datum.clone()).send()
        };
        aws.call(PUT, send).await.map(drop)
    }

    /// Makes it, or gives the one of that name this whole configuration: AWS changes none in part,
    /// and heeds the tags of a new one alone.
    async fn put(&self, aws: &Aws, name: &str, tags: &Tags) -> Result<(), AwsError> {
        let Self { metric, limit, .. } = self;
        let dimensions = metric.described();
        let arns = |topics: &BTreeSet<Input<TopicArn>>| {
            Some(topics.iter().map(|topic| topic.get().0.clone()).collect::<Vec<_>>())
        };
        let send = || {
            aws.cloudwatch()
                .put_metric_alarm()
                .alarm_name(name)
                .alarm_description(&self.description)
                .namespace(&metric.namespace)
                .metric_name(&metric.name)
                .set_dimensions(Some(dimensions.clone()))
                .statistic(Statistic::from(limit.statistic.as_str()))
                .comparison_operator(ComparisonOperator::from(limit.comparison.as_str()))
                .threshold(limit.threshold)
                .period(i32::try_from(limit.period_seconds).unwrap_or(i32::MAX))
                .evaluation_periods(i32::try_from(limit.periods).unwrap_or(i32::MAX))
                .treat_missing_data(&self.missing_data)
                .set_alarm_actions(arns(&self.tells))
                .set_ok_actions(arns(&self.tells_when_over))
                .actions_enabled(self.enabled)
                .set_tags(Some(to_tags(tags)))
                .send()
        };
        aws.call(PUT, send).await.map(drop)
    }
}

async fn outputs(aws: &Aws, name: &str) -> Result<Outputs, AwsError> {
    let (partition, region, account) = (aws.partition(), aws.region(), aws.account().await?);
    let arn = format!("arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}");
    Ok(Outputs { arn, name: name.to_owned() })
}

/// The alarms of these names; those that are not there are left out.
async fn describe(aws: &Aws, names: Vec<String>) -> Result<Vec<MetricAlarm>, AwsError> {
    const DESCRIBE: Operation = Operation::new("cloudwatch:DescribeAlarms");
    let some = names.chunks(AT_ONCE).map(|names| async move {
        let send = || {
            let request = aws.cloudwatch().describe_alarms();
            request.set_alarm_names(Some(names.to_vec())).max_records(100).send()
        };
        let described = aws.call(DESCRIBE, send).await?;
        Ok::<_, AwsError>(described.metric_alarms.unwrap_or_default())
    });
    Ok(try_join_all(some).await?.into_iter().flatten().collect())
}

/// An alarm on more than one metric reads as one whose metric is none of ours.
fn spec(alarm: &MetricAlarm) -> Alarm {
    let dimensions = alarm.dimensions().iter();
    let dimensions =
        dimensions.map(|dimension| (text(dimension.name()), text(dimension.value()))).collect();
    let whole = |number: Option<i32>| number.and_then(|number| number.try_into().ok());
    let topics = |arns: &[String]| arns.iter().map(|arn| TopicArn(arn.clone()).into()).collect();
    Alarm {
        description: text(alarm.alarm_description()),
        metric: Metric {
            namespace: text(alarm.namespace()),
            name: text(alarm.metric_name()),
            dimensions,
        },
        limit: Limit {
            statistic: text(alarm.statistic().map(Statistic::as_str)),
            comparison: text(alarm.comparison_operator().map(ComparisonOperator::as_str)),
            threshold: alarm.threshold().unwrap_or_default(),
            period_seconds: whole(alarm.period()).unwrap_or_default(),
            periods: whole(alarm.evaluation_periods()).unwrap_or_default(),
        },
        missing_data: alarm.treat_missing_data().unwrap_or("missing").to_owned(),
        tells: topics(alarm.alarm_actions()),
        tells_when_over: topics(alarm.ok_actions()),
        enabled: alarm.actions_enabled().unwrap_or_default(),
    }
}

/// The tags of an alarm, without AWS's own; `None` when it is not there.
async fn tags(aws: &Aws, arn: &str) -> Result<Option<Tags>, AwsError> {
    const LIST: Operation = Operation::new("cloudwatch:ListTagsForResource");
    let send = || aws.cloudwatch().list_tags_for_resource().resource_arn(arn).send();
    let Some(output) = unless_gone(aws.call(LIST, send).await)? else { return Ok(None) };
    let tags = output.tags.unwrap_or_default();
    let tags = tags.into_iter().map(|tag| (text(tag.key()), text(tag.value())));
    Ok(Some(tags.filter(|(key, _)| !key.starts_with("aws:")).collect()))
}

async fn update_tags(
    aws: &Aws,
    arn: &str,
    (set, removed): &(Tags, Vec<String>),
) -> Result<(), AwsError> {
    const TAG: Operation = Operation::new("cloudwatch:TagResource");
    const UNTAG: Operation = Operation::new("cloudwatch:UntagResource");
    if !set.is_empty() {
        let send = || {
            let request = aws.cloudwatch().tag_resource().resource_arn(arn);
            request.set_tags(Some(to_tags(set))).send()
        };
        aws.call(TAG, send).await?;
    }
    if !removed.is_empty() {
        let send = || {
            let request = aws.cloudwatch().untag_resource().resource_arn(arn);
            request.set_tag_keys(Some(removed.clone())).send()
        };
        aws.call(UNTAG, send).await?;
    }
    Ok(())
}

fn to_tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_that_says_nothing_of_missing_data_takes_it_as_missing() {
        let bare = MetricAlarm::builder().alarm_name("shop").build();
        assert_eq!(spec(&bare).missing_data, "missing");
        assert_eq!(spec(&bare).metric.name, "");
    }
}
