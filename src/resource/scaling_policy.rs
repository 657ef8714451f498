//! A scaling policy: what moves a service's count, so that a metric stays near a value.

use std::collections::BTreeSet;

use aws_sdk_applicationautoscaling::operation::describe_scaling_policies::builders::DescribeScalingPoliciesFluentBuilder;
use aws_sdk_applicationautoscaling::types::{
    MetricType, PolicyType, PredefinedMetricSpecification, ScalingPolicy as Described,
    TargetTrackingScalingPolicyConfiguration as Configuration,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::autoscaling::{self, BUSY, DIMENSION, NAMESPACE};
use super::service::ScalingId;
use super::{
    Change, Found, Identity, Input, Kind, Live, Naming, Place, Readiness, Replacement, Resource,
    Sought, Tagging, elb,
};
use crate::aws::{Aws, AwsError, Operation, Tags, gone_is_done, pages};

/// What is wanted of a scaling policy: a metric that is to stay near a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScalingPolicy {
    /// The service whose count is moved.
    pub service: Input<ScalingId>,
    /// What is measured.
    pub metric: Metric,
    /// What it is to stay near: percent, or requests a minute.
    pub target_value: f64,
    /// The pause after taking tasks away before more are taken away, in seconds.
    pub scale_in_cooldown_seconds: u32,
    /// The pause after adding tasks before more are added, in seconds.
    pub scale_out_cooldown_seconds: u32,
}

/// What is measured of a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Its tasks' CPU, in percent of what they have, on average.
    Cpu,
    /// Its tasks' memory, in percent of what they have, on average.
    Memory,
    /// How many requests each task gets.
    RequestsPerTarget {
        /// The load balancer, as metrics call it.
        load_balancer: Input<String>,
        /// The target group, as metrics call it.
        target_group: Input<String>,
    },
    /// Something that this program does not declare. Only ever read.
    Other(String),
}

/// What is known of a scaling policy once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its ARN.
    pub arn: String,
    /// Its name, unique for its service.
    pub name: String,
    /// The service whose count it moves.
    pub service: ScalingId,
}

/// How many names one DescribeScalingPolicies is given.
const AT_ONCE: usize = 50;

/// How long AWS pauses for a service of ECS where nothing is said, in seconds.
const DEFAULT_COOLDOWN_SECONDS: u32 = 300;

const DESCRIBE: Operation =
    Operation::patient("application-autoscaling:DescribeScalingPolicies", &[BUSY]);

const PUT: Operation = Operation::patient(
    "application-autoscaling:PutScalingPolicy",
    &[autoscaling::VISIBLE_TARGET, autoscaling::ROLE_KNOWN, autoscaling::VISIBLE_SERVICE, BUSY],
);

impl Resource for ScalingPolicy {
    type Outputs = Outputs;

    const KIND: Kind = Kind::ScalingPolicy;
    const TYPE_NAME: &'static str = "AWS::ApplicationAutoScaling::ScalingPolicy";
    const MADE_BY: &'static str = "application-autoscaling:PutScalingPolicy";
    const READS: &'static [&'static str] = &["application-autoscaling:DescribeScalingPolicies"];
    const FIXED: &'static [&'static str] = &["service"];
    const WHOLE: &'static [&'static str] = &["metric"];
    /// As with its target: a service made anew may have the name of the old one.
    const REPLACEMENT: Replacement = Replacement::OldFirst;
    const TAGGING: Tagging = Tagging::Never;
    const NAMING: Option<Naming> = Some(Naming { longest: 256, prefix: "" });

    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        self.put(aws, &identity.name).await
    }

    /// By its name and service. A policy can't carry tags, and nobody else gives this service one
    /// of this name, so it is found as if it carried those that it would.
    async fn find(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let Some(service) = self.service.known() else { return Ok(None) };
        let described = describe_some(aws, vec![identity.name.clone()]).await?;
        let own = described.iter().find(|one| one.resource_id() == service.as_str());
        Ok(own.map(|policy| Found { outputs: outputs(policy), tags: identity.tags.clone() }))
    }

    fn locate(id: &str, _place: &Place) -> Option<Outputs> {
        // `arn:…:scalingPolicy:…:resource/ecs/service/cluster/name:policyName/policy`.
        let (_, resource) = id.split_once(":resource/ecs/")?;
        let (service, name) = resource.split_once(":policyName/")?;
        Some(Outputs { arn: id.into(), name: name.to_owned(), service: service.into() })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let names = sought.iter().map(|policy| policy.outputs.name.clone());
        let described = describe(aws, names.collect()).await?;
        let live = sought.iter().map(|sought| {
            let Outputs { name, service, .. } = &sought.outputs;
            let policy = described
                .iter()
                .find(|one| one.policy_name() == name && one.resource_id() == service.as_str())?;
            Some(Live {
                spec: spec(policy),
                outputs: outputs(policy),
                tags: Tags::new(),
                readiness: Readiness::Ready,
            })
        });
        Ok(live.collect())
    }

    async fn update(
        &self,
        aws: &Aws,
        _identity: &Identity,
        change: &Change<Self>,
    ) -> Result<Outputs, AwsError> {
        self.put(aws, &change.from.outputs.name).await
    }

    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        remove(aws, gone.outputs.service.as_str(), &gone.outputs.name).await
    }
}

/// Removes a policy of a service, whoever made it.
pub(super) async fn remove(aws: &Aws, service: &str, name: &str) -> Result<(), AwsError> {
    const DELETE: Operation =
        Operation::patient("application-autoscaling:DeleteScalingPolicy", &[BUSY]);
    let send = || {
        let request = aws.autoscaling().delete_scaling_policy();
        let request = request.service_namespace(NAMESPACE).scalable_dimension(DIMENSION);
        request.resource_id(service).policy_name(name).send()
    };
    gone_is_done(aws.call(DELETE, send).await.map(drop))
}

impl ScalingPolicy {
    /// Makes it, or gives the one of that name this whole configuration: AWS changes none in part.
    async fn put(&self, aws: &Aws, name: &str) -> Result<Outputs, AwsError> {
        let service = self.service.get();
        let configuration = self.configuration();
        let send = || {
            let request = aws.autoscaling().put_scaling_policy().policy_name(name);
            let request = request.service_namespace(NAMESPACE).scalable_dimension(DIMENSION);
            request
                .resource_id(service.as_str())
                .policy_type(PolicyType::TargetTrackingScaling)
                .target_tracking_scaling_policy_configuration(configuration.clone())
                .send()
        };
        let arn = aws.call(PUT, send).await?.policy_arn;
        Ok(Outputs { arn, name: name.to_owned(), service: service.clone() })
    }

    fn configuration(&self) -> Configuration {
        Configuration::builder()
            .target_value(self.target_value)
            .predefined_metric_specification(self.metric.specification())
            .scale_in_cooldown(elb::to_wire(self.scale_in_cooldown_seconds))
            .scale_out_cooldown(elb::to_wire(self.scale_out_cooldown_seconds))
            .build()
            .expect("a configuration needs its target value alone, and that is set")
    }
}

/// Where a target group's full name begins in a resource label, which is the load balancer's, a
/// slash, and the target group's.
const GROUP: &str = "/targetgroup/";

impl Metric {
    fn specification(&self) -> PredefinedMetricSpecification {
        let (metric, label) = match self {
            Self::Cpu => (MetricType::EcsServiceAverageCpuUtilization, None),
            Self::Memory => (MetricType::EcsServiceAverageMemoryUtilization, None),
            Self::RequestsPerTarget { load_balancer, target_group } => {
                let label = format!("{}/{}", load_balancer.get(), target_group.get());
                (MetricType::AlbRequestCountPerTarget, Some(label))
            }
            Self::Other(name) => (MetricType::from(name.as_str()), None),
        };
        PredefinedMetricSpecification::builder()
            .predefined_metric_type(metric)
            .set_resource_label(label)
            .build()
            .expect("a specification needs its metric alone, and that is set")
    }

    fn from_specification(specification: &PredefinedMetricSpecification) -> Self {
        let label = specification.resource_label().unwrap_or_default();
        match (specification.predefined_metric_type(), label.find(GROUP)) {
            (MetricType::EcsServiceAverageCpuUtilization, _) => Self::Cpu,
            (MetricType::EcsServiceAverageMemoryUtilization, _) => Self::Memory,
            (MetricType::AlbRequestCountPerTarget, Some(slash)) => Self::RequestsPerTarget {
                load_balancer: label[..slash].to_owned().into(),
                target_group: label[slash + 1..].to_owned().into(),
            },
            (other, _) => Self::Other(other.as_str().to_owned()),
        }
    }
}

async fn describe(aws: &Aws, names: BTreeSet<String>) -> Result<Vec<Described>, AwsError> {
    let names: Vec<String> = names.into_iter().collect();
    let some = names.chunks(AT_ONCE).map(<[String]>::to_vec);
    let found = try_join_all(some.map(|names| describe_some(aws, names))).await?;
    Ok(found.into_iter().flatten().collect())
}

/// The policies of these names, of whatever service.
async fn describe_some(aws: &Aws, names: Vec<String>) -> Result<Vec<Described>, AwsError> {
    let request = aws.autoscaling().describe_scaling_policies().service_namespace(NAMESPACE);
    described(aws, request.set_policy_names(Some(names))).await
}

/// All policies of some services.
pub(super) async fn of_services(
    aws: &Aws,
    services: &[String],
) -> Result<Vec<Described>, AwsError> {
    let of_one = |service: &String| {
        let request = aws.autoscaling().describe_scaling_policies().resource_id(service);
        let request = request.service_namespace(NAMESPACE).scalable_dimension(DIMENSION);
        async move { described(aws, request).await }
    };
    Ok(try_join_all(services.iter().map(of_one)).await?.into_iter().flatten().collect())
}

async fn described(
    aws: &Aws,
    request: DescribeScalingPoliciesFluentBuilder,
) -> Result<Vec<Described>, AwsError> {
    pages(|token| {
        let request = request.clone().set_next_token(token);
        async move {
            let page = aws.call(DESCRIBE, || request.clone().send()).await?;
            Ok((page.scaling_policies.unwrap_or_default(), page.next_token))
        }
    })
    .await
}

fn outputs(policy: &Described) -> Outputs {
    Outputs {
        arn: policy.policy_arn().to_owned(),
        name: policy.policy_name().to_owned(),
        service: ScalingId::from(policy.resource_id()),
    }
}

/// A policy that does not track a target reads as one whose metric is none of ours.
fn spec(policy: &Described) -> ScalingPolicy {
    let tracking = policy.target_tracking_scaling_policy_configuration();
    let metric = match tracking.map(|tracking| tracking.predefined_metric_specification()) {
        Some(Some(specification)) => Metric::from_specification(specification),
        Some(None) => Metric::Other("customized".into()),
        None => Metric::Other(policy.policy_type().as_str().to_owned()),
    };
    let cooldown = |seconds: Option<i32>| {
        seconds.map_or(DEFAULT_COOLDOWN_SECONDS, |seconds| elb::from_wire(Some(seconds)))
    };
    ScalingPolicy {
        service: ScalingId::from(policy.resource_id()).into(),
        metric,
        target_value: tracking.map_or(0.0, Configuration::target_value),
        scale_in_cooldown_seconds: cooldown(tracking.and_then(Configuration::scale_in_cooldown)),
        scale_out_cooldown_seconds: cooldown(tracking.and_then(Configuration::scale_out_cooldown)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests() -> Metric {
        Metric::RequestsPerTarget {
            load_balancer: "app/shop/50dc6c495c0c9188".to_owned().into(),
            target_group: "targetgroup/shop/73e2d6bc24d8a067".to_owned().into(),
        }
    }

    #[test]
    fn metrics_read_back_equal() {
        for metric in [Metric::Cpu, Metric::Memory, requests()] {
            assert_eq!(Metric::from_specification(&metric.specification()), metric);
        }
    }

    #[test]
    fn a_label_is_both_full_names() {
        let label = requests().specification().resource_label;
        let expected = "app/shop/50dc6c495c0c9188/targetgroup/shop/73e2d6bc24d8a067";
        assert_eq!(label.as_deref(), Some(expected));
    }

    #[test]
    fn a_metric_that_is_none_of_ours_is_told() {
        let foreign = PredefinedMetricSpecification::builder()
            .predefined_metric_type(MetricType::LambdaProvisionedConcurrencyUtilization)
            .build()
            .unwrap();
        assert_eq!(
            Metric::from_specification(&foreign),
            Metric::Other("LambdaProvisionedConcurrencyUtilization".into())
        );
    }
}
