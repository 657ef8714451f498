//! An ECS service: tasks of one definition, kept running behind a target group.
//!
//! A service is ready when the deployment that this program started is the one that stands, and
//! not merely when some deployment does: ECS calls a service stable after a rollback too
//! (aws-behaviour 17.d2). So the deployment's id is among the outputs.

mod calls;
mod canonical;
mod readiness;
mod request;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cluster::ClusterName;
use super::reference::text_newtypes;
use super::security_group::SecurityGroupId;
use super::subnet::SubnetId;
use super::target_group::TargetGroupArn;
use super::task_definition::TaskDefinitionArn;
use super::{
    Change, Extra, Found, Handle, Identity, Input, Inspection, Kind, Live, Naming, Place,
    Readiness, Resource, Sought, Standing, ecs, scalable_target,
};
use crate::aws::{Aws, AwsError, is_owned};

text_newtypes! {
    /// `arn:aws:ecs:eu-west-1:123456789012:service/shop-dev/shop-dev-web`.
    ServiceArn,
    /// What Application Auto Scaling calls a service: `service/shop-dev/shop-dev-web`.
    ScalingId,
}

/// What is wanted of a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Where it runs.
    pub cluster: Input<ClusterName>,
    /// What its tasks are made of.
    pub task_definition: Input<TaskDefinitionArn>,
    /// How many tasks it keeps running.
    pub count: Count,
    /// The networks that its tasks are spread over.
    pub subnets: BTreeSet<Input<SubnetId>>,
    /// Who may talk to its tasks.
    pub security_groups: BTreeSet<Input<SecurityGroupId>>,
    /// Where its tasks are registered.
    pub target_group: Input<TargetGroupArn>,
    /// Which container of a task takes the requests.
    pub container: String,
    /// The port on which that container takes them.
    pub port: u16,
    /// On whose capacity its tasks are placed.
    pub capacity: BTreeSet<Capacity>,
    /// How long failing health checks of the load balancer do not count after a task's start.
    pub grace_period_seconds: u32,
    /// How much of the count stays running during a deployment.
    pub minimum_healthy_percent: u32,
    /// How much of the count may run during a deployment.
    pub maximum_percent: u32,
    /// Whether a failed deployment is rolled back. The circuit breaker that notices is always on.
    pub rollback: bool,
    /// Whether one may run commands in its containers.
    pub execute_command: bool,
    /// Whether its tasks, and with them their network interfaces, carry its tags. Left out where they
    /// do not, which is how it was before there was a word for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub propagate_tags: bool,
}

/// How many tasks a service keeps running: `2`, or bounds within which somebody else decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Count {
    /// So many.
    Fixed(u32),
    /// As many as the autoscaler says.
    Scaled {
        /// How many it begins with.
        initial: u32,
        /// The least that the autoscaler may say.
        minimum: u32,
        /// The most that the autoscaler may say.
        maximum: u32,
    },
}

/// A share of a service's tasks, and on whose capacity it is placed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Capacity {
    /// `FARGATE` or `FARGATE_SPOT`.
    pub provider: String,
    /// How many tasks it has before the weights count.
    pub base: u32,
    /// Its part of the rest, relative to the others'.
    pub weight: u32,
}

/// What is known of a service once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its ARN.
    pub arn: ServiceArn,
    /// Its name.
    pub name: String,
    /// The cluster that it runs in.
    pub cluster: ClusterName,
    /// Its name for the autoscaler.
    pub scaling_id: ScalingId,
    /// The deployment that the last create or update started: `ecs-svc/1234567890123456789`.
    ///
    /// A rollback makes another one the primary, which is how a rollback is told from a success
    /// (aws-behaviour 17.d2).
    pub deployment: String,
}

impl Handle<Service> {
    /// The service's name for the autoscaler.
    pub fn scaling_id(&self) -> Input<ScalingId> {
        self.output("scaling_id")
    }
}

impl Resource for Service {
    type Outputs = Outputs;

    const KIND: Kind = Kind::Service;
    const TYPE_NAME: &'static str = "AWS::ECS::Service";
    const MADE_BY: &'static str = "ecs:CreateService";
    const READS: &'static [&'static str] =
        &["application-autoscaling:DescribeScalableTargets", "ecs:DescribeServices"];
    const FIXED: &'static [&'static str] = &["cluster"];
    const WHOLE: &'static [&'static str] = &["count"];
    const NAMING: Option<Naming> = Some(Naming { longest: 255, prefix: "" });
    const LINGERS: bool = true;
    const CONVERGES: bool = true;
    const REVIVES: bool = true;
    const TYPICAL: Duration = Duration::from_secs(2);
    const READY_WITHIN: Duration = Duration::from_mins(20);
    const GONE_WITHIN: Duration = Duration::from_mins(20);

    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        match calls::create(aws, self, identity).await {
            Ok(service) => Ok(canonical::outputs(&service, self.cluster.get())),
            // The name is taken by a service that is not the same (aws-behaviour 17.b).
            Err(error) if error.message().to_lowercase().contains("not idempotent") => {
                let found = self.find(aws, identity).await?;
                let own = found.filter(|found| is_owned(&found.tags, &identity.tags));
                own.map(|found| found.outputs).ok_or_else(|| {
                    AwsError::foreign(calls::CREATE, &format!("the service \"{}\"", identity.name))
                })
            }
            Err(error) => Err(error),
        }
    }

    async fn find(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let Input::Known(cluster) = &self.cluster else { return Ok(None) };
        let own = [(cluster, identity.name.as_str())];
        let found = calls::describe(aws, own).await?.pop();
        let found = found.filter(|service| service.status() == Some(calls::ACTIVE));
        Ok(found.map(|service| Found {
            outputs: canonical::outputs(&service, cluster),
            tags: ecs::tags(service.tags()),
        }))
    }

    fn locate(id: &str, _place: &Place) -> Option<Outputs> {
        // `cluster/name`, or an ARN that ends in it.
        let mut parts = id.rsplit('/');
        let (name, cluster) = (parts.next()?, parts.next()?);
        Some(Outputs {
            arn: "".into(),
            name: name.to_owned(),
            cluster: cluster.into(),
            scaling_id: format!("service/{cluster}/{name}").into(),
            deployment: String::new(),
        })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let services = calls::describe(aws, sought.iter().map(place)).await?;
        let live = |sought: &Sought<Self>| {
            let service = calls::pick(&services, &sought.outputs)?;
            Some(Live {
                spec: canonical::spec(service, sought.applied.as_ref()),
                outputs: canonical::outputs(service, &sought.outputs.cluster),
                tags: ecs::tags(service.tags()),
                readiness: readiness::of_service(service),
            })
        };
        Ok(sought.iter().map(live).collect())
    }

    /// Judges each service by the recorded deployment and the health of its targets, and by the
    /// tasks that are left once it is gone.
    async fn poll(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Readiness>, AwsError> {
        let services = calls::describe(aws, sought.iter().map(place)).await?;
        let one = |sought: &Sought<Self>| {
            let (outputs, service) = (&sought.outputs, calls::pick(&services, &sought.outputs));
            let (outputs, service) = (outputs.clone(), service.cloned());
            async move {
                let Some(service) = service else {
                    return Ok(readiness::gone(calls::stopping_tasks(aws, &outputs).await?));
                };
                let service = calls::listing_deployment(aws, &outputs, service).await?;
                if readiness::has_lost(&service, &outputs.deployment)
                    && let Some(reason) = calls::rollback(aws, &outputs).await?
                {
                    return Ok(readiness::rolled_back(&service, &reason));
                }
                let healthy = calls::healthy_targets(aws, &service).await?;
                Ok(readiness::of_deployment(&service, &outputs.deployment, healthy))
            }
        };
        futures::future::try_join_all(sought.iter().map(one)).await
    }

    /// What moves its count, which the stack has only where it declares autoscaling.
    async fn inspect(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Inspection>, AwsError> {
        let ids = sought.iter().map(|service| service.outputs.scaling_id.0.clone());
        let targets = scalable_target::describe(aws, ids.collect()).await?;
        let one = |sought: &Sought<Self>| {
            let id = sought.outputs.scaling_id.as_str();
            let extras = targets.iter().filter(|target| target.resource_id() == id).map(|target| {
                let (least, most) = (target.min_capacity(), target.max_capacity());
                Extra {
                    collection: "scalable_targets",
                    id: target.scalable_target_arn().unwrap_or(id).to_owned(),
                    what: format!("scalable target, {least} to {most} tasks"),
                    standing: Standing::Part,
                }
            });
            Inspection { extras: extras.collect(), ..Inspection::default() }
        };
        Ok(sought.iter().map(one).collect())
    }

    async fn remove_extra(aws: &Aws, of: &Sought<Self>, _extra: &Extra) -> Result<(), AwsError> {
        scalable_target::remove(aws, of.outputs.scaling_id.as_str()).await
    }

    async fn update(
        &self,
        aws: &Aws,
        identity: &Identity,
        change: &Change<Self>,
    ) -> Result<Outputs, AwsError> {
        let from = &change.from.outputs;
        let outputs = match request::update(self, change) {
            Some(update) => {
                canonical::outputs(&calls::update(aws, from, update).await?, &from.cluster)
            }
            None => from.clone(),
        };
        ecs::update_tags(aws, from.arn.as_str(), &change.tags(&identity.tags)).await?;
        Ok(outputs)
    }

    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        calls::scale_to_none(aws, &gone.outputs).await?;
        calls::delete(aws, &gone.outputs).await
    }
}

/// Where a service is looked for.
fn place(sought: &Sought<Service>) -> (&ClusterName, &str) {
    (&sought.outputs.cluster, &sought.outputs.name)
}
