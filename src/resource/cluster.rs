//! An ECS cluster: where services run, and on whose capacity.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ecs::types::{
    CapacityProviderStrategyItem, Cluster as LiveCluster, ClusterField, ClusterSetting,
    ClusterSettingName,
};
use serde::{Deserialize, Serialize};

use super::ecs::{self, SERVICE_LINKED_ROLE};
use super::reference::text_newtypes;
use super::{
    Change, Found, Handle, Identity, Input, Kind, Live, Naming, Place, Readiness, Resource, Sought,
};
use crate::aws::{Aws, AwsError, Operation, Patience, gone_is_done, is_owned};

text_newtypes! {
    /// `shop-dev`.
    ClusterName,
    /// `arn:aws:ecs:eu-west-1:123456789012:cluster/shop-dev`.
    ClusterArn,
}

/// What is wanted of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// How much CloudWatch measures of its tasks.
    pub container_insights: ContainerInsights,
    /// The capacity that its services may ask for: `FARGATE`, `FARGATE_SPOT`.
    pub capacity_providers: BTreeSet<String>,
}

/// How much CloudWatch measures of a cluster's tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContainerInsights {
    /// The cluster and its services.
    Enabled,
    /// Down to tasks and containers.
    Enhanced,
    /// Nothing but what is free.
    Disabled,
}

/// What is known of a cluster once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its name.
    pub name: ClusterName,
    /// Its ARN.
    pub arn: String,
}

impl Handle<Cluster> {
    /// The cluster's name.
    pub fn name(&self) -> Input<ClusterName> {
        self.output("name")
    }

    /// The cluster's ARN.
    pub fn arn(&self) -> Input<ClusterArn> {
        self.output("arn")
    }
}

/// How many clusters one DescribeClusters takes (aws-behaviour 21).
const CLUSTERS_A_CALL: usize = 100;

/// A cluster takes one change at a time, and none before it is active (aws-behaviour 12.c2).
const SETTLING: &[Patience] = &[
    SERVICE_LINKED_ROLE,
    Patience::with(
        &["UpdateInProgressException", "ResourceInUseException"],
        Duration::from_mins(10),
        "the cluster is being changed, or a service still uses the capacity",
    ),
    Patience::with(
        &["ClientException", "InvalidParameterException"],
        Duration::from_mins(10),
        "the cluster is not active yet",
    )
    .saying("cluster was not active"),
    Patience::with(
        &["InvalidParameterException"],
        Duration::from_mins(10),
        "the capacity is not active yet",
    )
    .saying("not in an active state"),
    Patience::with(
        &["ClusterNotFoundException"],
        Duration::from_mins(2),
        "the cluster was just made",
    ),
];

impl Resource for Cluster {
    type Outputs = Outputs;

    const KIND: Kind = Kind::Cluster;
    const TYPE_NAME: &'static str = "AWS::ECS::Cluster";
    const MADE_BY: &'static str = "ecs:CreateCluster";
    const READS: &'static [&'static str] = &["ecs:DescribeClusters"];
    const OWNED: &'static [&'static str] = &["capacity_providers"];
    const NAMING: Option<Naming> = Some(Naming { longest: 255, prefix: "" });
    const ADOPTS: bool = true;

    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        const CREATE: Operation = Operation::patient("ecs:CreateCluster", &[SERVICE_LINKED_ROLE]);
        let tags = ecs::to_tags(&identity.tags);
        let send = || {
            let request = aws.ecs().create_cluster().cluster_name(&identity.name);
            let request = request.settings(self.insights()).set_tags(Some(tags.clone()));
            request.set_capacity_providers(Some(self.providers())).send()
        };
        let made = aws.call(CREATE, send).await?.cluster;
        let made = made.ok_or_else(|| AwsError::incomplete(CREATE, "cluster"))?;
        // An existing cluster is the answer too, whosever it is (aws-behaviour 12.b).
        if !is_owned(&ecs::tags(made.tags()), &identity.tags) {
            let live = describe(aws, BTreeSet::from([identity.name.clone()])).await?;
            let owned = |live: &LiveCluster| is_owned(&ecs::tags(live.tags()), &identity.tags);
            if live.first().is_some_and(|live| !owned(live)) {
                let what = format!("the cluster \"{}\"", identity.name);
                return Err(AwsError::foreign(CREATE, &what));
            }
        }
        outputs(&made).ok_or_else(|| AwsError::incomplete(CREATE, "clusterArn"))
    }

    async fn find(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let live = describe(aws, BTreeSet::from([identity.name.clone()])).await?;
        Ok(live
            .first()
            .and_then(|live| Some(Found { outputs: outputs(live)?, tags: ecs::tags(live.tags()) })))
    }

    fn locate(id: &str, _place: &Place) -> Option<Outputs> {
        // A name, or an ARN, whose last part is the name.
        let name = id.rsplit('/').next().filter(|name| !name.is_empty())?;
        Some(Outputs { name: name.into(), arn: String::new() })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let names = sought.iter().map(|sought| sought.outputs.name.0.clone()).collect();
        let clusters = describe(aws, names).await?;
        let live = |sought: &Sought<Self>| {
            let name = sought.outputs.name.as_str();
            let cluster = clusters.iter().find(|live| live.cluster_name() == Some(name))?;
            Some(Live {
                spec: spec(cluster),
                outputs: outputs(cluster)?,
                tags: ecs::tags(cluster.tags()),
                readiness: readiness(cluster),
            })
        };
        Ok(sought.iter().map(live).collect())
    }

    async fn update(
        &self,
        aws: &Aws,
        identity: &Identity,
        change: &Change<Self>,
    ) -> Result<Outputs, AwsError> {
        let outputs = &change.from.outputs;
        if change.touches("container_insights") {
            const UPDATE: Operation = Operation::patient("ecs:UpdateCluster", SETTLING);
            let send = || {
                let request = aws.ecs().update_cluster().cluster(outputs.name.as_str());
                request.settings(self.insights()).send()
            };
            aws.call(UPDATE, send).await?;
        }
        if change.touches("capacity_providers") {
            self.put_providers(aws, &outputs.name).await?;
        }
        ecs::update_tags(aws, &outputs.arn, &change.tags(&identity.tags)).await?;
        Ok(outputs.clone())
    }

    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        // Services count while they drain (aws-behaviour 12.e).
        const DELETE: Operation = Operation::patient(
            "ecs:DeleteCluster",
            &[Patience::with(
                &[
                    "ClusterContainsServicesException",
                    "ClusterContainsTasksException",
                    "ClusterContainsContainerInstancesException",
                    "ClusterContainsCapacityProviderException",
                    "UpdateInProgressException",
                ],
                Duration::from_mins(10),
                "what ran in the cluster is still going away",
            )],
        );
        let name = gone.outputs.name.as_str();
        let send = || aws.ecs().delete_cluster().cluster(name).send();
        gone_is_done(aws.call(DELETE, send).await.map(drop))
    }
}

impl Cluster {
    fn insights(&self) -> ClusterSetting {
        let value = match self.container_insights {
            ContainerInsights::Enabled => "enabled",
            ContainerInsights::Enhanced => "enhanced",
            ContainerInsights::Disabled => "disabled",
        };
        ClusterSetting::builder().name(ClusterSettingName::ContainerInsights).value(value).build()
    }

    fn providers(&self) -> Vec<String> {
        self.capacity_providers.iter().cloned().collect()
    }

    /// Makes these the cluster's capacity.
    ///
    /// The call replaces the default strategy too (aws-behaviour 12.a), which is not this stack's
    /// to decide: what it says of capacity that stays is sent back.
    async fn put_providers(&self, aws: &Aws, name: &ClusterName) -> Result<(), AwsError> {
        const PUT: Operation = Operation::patient("ecs:PutClusterCapacityProviders", SETTLING);
        let live = describe(aws, BTreeSet::from([name.0.clone()])).await?;
        let strategy = live.first().map(LiveCluster::default_capacity_provider_strategy);
        let stays = |item: &&CapacityProviderStrategyItem| {
            self.capacity_providers.contains(item.capacity_provider())
        };
        let strategy: Vec<_> = strategy.unwrap_or_default().iter().filter(stays).cloned().collect();
        let send = || {
            let request = aws.ecs().put_cluster_capacity_providers().cluster(name.as_str());
            let request = request.set_capacity_providers(Some(self.providers()));
            request.set_default_capacity_provider_strategy(Some(strategy.clone())).send()
        };
        aws.call(PUT, send).await.map(drop)
    }
}

/// The clusters of those names that are there: missing ones are left out of the answer, deleted
/// ones are inactive (aws-behaviour 12.d).
async fn describe(aws: &Aws, names: BTreeSet<String>) -> Result<Vec<LiveCluster>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ecs:DescribeClusters");
    let names: Vec<String> = names.into_iter().collect();
    let one = |some: &[String]| {
        let request = aws.ecs().describe_clusters().set_clusters(Some(some.to_vec()));
        let request = request.include(ClusterField::Settings).include(ClusterField::Tags);
        async move { aws.call(DESCRIBE, || request.clone().send()).await }
    };
    let answers = futures::future::try_join_all(names.chunks(CLUSTERS_A_CALL).map(one)).await?;
    let clusters = answers.into_iter().flat_map(|answer| answer.clusters.unwrap_or_default());
    Ok(clusters.filter(|cluster| cluster.status() != Some("INACTIVE")).collect())
}

fn outputs(cluster: &LiveCluster) -> Option<Outputs> {
    let arn = cluster.cluster_arn()?.to_owned();
    let name = cluster.cluster_name().unwrap_or_else(|| ecs::name_in(&arn));
    Some(Outputs { name: name.into(), arn })
}

fn spec(cluster: &LiveCluster) -> Cluster {
    let insights = cluster
        .settings()
        .iter()
        .find(|setting| setting.name() == Some(&ClusterSettingName::ContainerInsights))
        .and_then(ClusterSetting::value);
    Cluster {
        container_insights: match insights {
            Some("enabled") => ContainerInsights::Enabled,
            Some("enhanced") => ContainerInsights::Enhanced,
            _ => ContainerInsights::Disabled,
        },
        capacity_providers: cluster.capacity_providers().iter().cloned().collect(),
    }
}

fn readiness(cluster: &LiveCluster) -> Readiness {
    match (cluster.status().unwrap_or_default(), cluster.attachments_status()) {
        ("FAILED", _) => Readiness::Failed("AWS reports the cluster as failed".into()),
        ("ACTIVE", Some("UPDATE_FAILED")) => {
            Readiness::Failed("AWS could not attach the cluster's capacity".into())
        }
        ("ACTIVE", Some("UPDATE_IN_PROGRESS")) => Readiness::Pending("attaching capacity".into()),
        ("ACTIVE", _) => Readiness::Ready,
        (status, _) => Readiness::Pending(status.to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_without_settings_measures_nothing() {
        let live = spec(&LiveCluster::builder().build());
        assert_eq!(live.container_insights, ContainerInsights::Disabled);
    }

    #[test]
    fn a_cluster_works_once_its_capacity_is_attached() {
        let cluster = |status: &str, attachments: Option<&str>| {
            let cluster = LiveCluster::builder().status(status);
            cluster.set_attachments_status(attachments.map(str::to_owned)).build()
        };
        assert_eq!(readiness(&cluster("ACTIVE", None)), Readiness::Ready);
        assert_eq!(readiness(&cluster("ACTIVE", Some("UPDATE_COMPLETE"))), Readiness::Ready);
        assert!(matches!(
            readiness(&cluster("ACTIVE", Some("UPDATE_IN_PROGRESS"))),
            Readiness::Pending(_)
        ));
        assert!(matches!(readiness(&cluster("PROVISIONING", None)), Readiness::Pending(_)));
        assert!(matches!(readiness(&cluster("FAILED", None)), Readiness::Failed(_)));
    }

    #[test]
    fn what_the_cluster_calls_its_insights_is_what_is_sent() {
        for insights in
            [ContainerInsights::Enabled, ContainerInsights::Enhanced, ContainerInsights::Disabled]
        {
            let wanted = Cluster {
                container_insights: insights,
                capacity_providers: BTreeSet::from(["FARGATE".into()]),
            };
            let live = LiveCluster::builder()
                .settings(wanted.insights())
                .set_capacity_providers(Some(wanted.providers()))
                .build();
            assert_eq!(spec(&live), wanted);
        }
    }
}
