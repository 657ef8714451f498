//! A target group: the tasks that requests go to, and how their health is told.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::{
    Matcher, ProtocolEnum, TargetGroup as Described, TargetGroupAttribute, TargetTypeEnum,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::elb::{self, Made};
use super::reference::text_newtypes;
use super::vpc::VpcId;
use super::{
    Change, Found, Handle, Identity, Input, Kind, Live, Naming, Place, Readiness, Resource, Sought,
};
use crate::aws::{
    Aws, AwsError, Operation, Patience, elb_tags, gone_is_done, present, unless_gone,
};

text_newtypes! {
    /// `arn:aws:elasticloadbalancing:…:targetgroup/<name>/<id>`.
    TargetGroupArn,
}

/// What is wanted of a target group: targets known by address, spoken to in HTTP/1.1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// The network that its targets live in.
    pub vpc: Input<VpcId>,
    /// The port of a target that names none of its own. Tasks always do, so those that listen on
    /// another port than those before them are registered beside them.
    pub port: u16,
    /// How the health of its targets is told.
    pub health_check: HealthCheck,
    /// How long a target that is leaving may finish what it is doing, in seconds.
    pub deregistration_delay_seconds: u32,
}

/// How the health of a target is told: a request, and the answers that count as healthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// What is asked for.
    pub path: String,
    /// From one request to the next.
    pub interval_seconds: u32,
    /// How long an answer may take; less than the interval.
    pub timeout_seconds: u32,
    /// How many good answers in a row make an unhealthy target healthy.
    pub healthy_threshold: u32,
    /// How many bad ones make a healthy target unhealthy.
    pub unhealthy_threshold: u32,
    /// The statuses that are good: `200`, `200,204` or `200-299`.
    pub codes: String,
}

/// What is known of a target group once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its ARN.
    pub arn: TargetGroupArn,
    /// Its name, unique in account and region.
    pub name: String,
    /// What metrics call it: `targetgroup/<name>/<id>`.
    pub full_name: String,
}

impl Handle<TargetGroup> {
    /// The target group's ARN.
    pub fn arn(&self) -> Input<TargetGroupArn> {
        self.output("arn")
    }

    /// What metrics call it: `targetgroup/<name>/<id>`.
    pub fn full_name(&self) -> Input<String> {
        self.output("full_name")
    }
}

const DEREGISTRATION_DELAY: &str = "deregistration_delay.timeout_seconds";

/// What AWS sets where nothing is said (aws-behaviour 15.f).
const DEFAULT_DEREGISTRATION_DELAY_SECONDS: u32 = 300;

const DESCRIBE: Operation = Operation::new("elasticloadbalancing:DescribeTargetGroups");

const CREATE: Operation = Operation::patient(
    "elasticloadbalancing:CreateTargetGroup",
    &[
        Patience::with(&["ValidationError"], Duration::from_mins(5), "the network was just made")
            .saying("is not found"),
        Patience::with(
            &["DuplicateTargetGroupName"],
            elb::NAME_FREE_WITHIN,
            "the name of one that was just deleted stays taken for a while",
        ),
    ],
);

impl Resource for TargetGroup {
    type Outputs = Outputs;

    const KIND: Kind = Kind::TargetGroup;
    const TYPE_NAME: &'static str = "AWS::ElasticLoadBalancingV2::TargetGroup";
    const MADE_BY: &'static str = "elasticloadbalancing:CreateTargetGroup";
    const READS: &'static [&'static str] = &[
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        "elasticloadbalancing:DescribeTargetGroups",
    ];
    const FIXED: &'static [&'static str] = &["vpc"];
    const INITIAL: &'static [&'static str] = &["port"];
    const NAMING: Option<Naming> = Some(Naming { longest: 32, prefix: "" });
    const ADOPTS: bool = true;
    const DRAINS: Option<&'static str> = Some("deregistration_delay_seconds");

    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        let what = format!("the target group \"{}\"", identity.name);
        let answer = self.send_create(aws, identity).await;
        let outputs = elb::made(aws, CREATE, self, identity, &what, answer).await?;
        if self.deregistration_delay_seconds != DEFAULT_DEREGISTRATION_DELAY_SECONDS {
            self.set_deregistration_delay(aws, &outputs.arn).await?;
        }
        Ok(outputs)
    }

    async fn find(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let send = || aws.elb().describe_target_groups().names(&identity.name).send();
        let Some(output) = unless_gone(aws.call(DESCRIBE, send).await)? else { return Ok(None) };
        let described = output.target_groups.unwrap_or_default();
        let Some(outputs) = described.first().map(outputs) else { return Ok(None) };
        let arn = outputs.arn.0.clone();
        elb::found(aws, &arn, outputs).await
    }

    fn locate(id: &str, _place: &Place) -> Option<Outputs> {
        let (_, full_name) = id.split_once(":targetgroup/")?;
        let full_name = format!("targetgroup/{full_name}");
        Some(Outputs { arn: id.into(), name: String::new(), full_name })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let arns: Vec<String> = sought.iter().map(|group| group.outputs.arn.0.clone()).collect();
        let (described, attributes, mut tags) = futures::try_join!(
            describe(aws, arns.clone()),
            try_join_all(arns.iter().cloned().map(|arn| get_attributes(aws, arn))),
            elb_tags(aws, &arns),
        )?;
        let live = arns.iter().zip(attributes).map(|(arn, attributes)| {
            let group = described.iter().find(|one| one.target_group_arn() == Some(arn))?;
            Some(Live {
                spec: spec(group, &attributes?),
                outputs: outputs(group),
                tags: tags.remove(arn).unwrap_or_default(),
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
        let outputs = change.from.outputs.clone();
        if change.touches("health_check") {
            self.set_health_check(aws, &outputs.arn).await?;
        }
        if change.touches("deregistration_delay_seconds") {
            self.set_deregistration_delay(aws, &outputs.arn).await?;
        }
        elb::update_tags(aws, outputs.arn.as_str(), &change.tags(&identity.tags)).await?;
        Ok(outputs)
    }

    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        const DELETE: Operation =
            Operation::patient("elasticloadbalancing:DeleteTargetGroup", &[elb::RELEASED]);
        let arn = gone.outputs.arn.as_str();
        let send = || aws.elb().delete_target_group().target_group_arn(arn).send();
        gone_is_done(aws.call(DELETE, send).await.map(drop))
    }
}

impl TargetGroup {
    async fn send_create(&self, aws: &Aws, identity: &Identity) -> Result<Made<Outputs>, AwsError> {
        let check = &self.health_check;
        let send = || {
            let request = aws.elb().create_target_group().name(&identity.name);
            request
                .target_type(TargetTypeEnum::Ip)
                .protocol(ProtocolEnum::Http)
                .protocol_version("HTTP1")
                .port(self.port.into())
                .vpc_id(self.vpc.get().as_str())
                .health_check_protocol(ProtocolEnum::Http)
                .health_check_path(&check.path)
                .health_check_interval_seconds(elb::to_wire(check.interval_seconds))
                .health_check_timeout_seconds(elb::to_wire(check.timeout_seconds))
                .healthy_threshold_count(elb::to_wire(check.healthy_threshold))
                .unhealthy_threshold_count(elb::to_wire(check.unhealthy_threshold))
                .matcher(check.matcher())
                .set_tags(Some(elb::to_tags(&identity.tags)))
                .send()
        };
        let made = aws.call(CREATE, send).await?.target_groups.unwrap_or_default();
        let made = made.first().map(outputs);
        let outputs = made.ok_or_else(|| AwsError::incomplete(CREATE, "target group"))?;
        Ok(Made { arn: outputs.arn.0.clone(), outputs })
    }

    async fn set_health_check(&self, aws: &Aws, arn: &TargetGroupArn) -> Result<(), AwsError> {
        const MODIFY: Operation =
            Operation::patient("elasticloadbalancing:ModifyTargetGroup", &[elb::VISIBLE_GROUP]);
        let check = &self.health_check;
        let send = || {
            let request = aws.elb().modify_target_group().target_group_arn(arn.as_str());
            request
                .health_check_path(&check.path)
                .health_check_interval_seconds(elb::to_wire(check.interval_seconds))
                .health_check_timeout_seconds(elb::to_wire(check.timeout_seconds))
                .healthy_threshold_count(elb::to_wire(check.healthy_threshold))
                .unhealthy_threshold_count(elb::to_wire(check.unhealthy_threshold))
                .matcher(check.matcher())
                .send()
        };
        aws.call(MODIFY, send).await.map(drop)
    }

    async fn set_deregistration_delay(
        &self,
        aws: &Aws,
        arn: &TargetGroupArn,
    ) -> Result<(), AwsError> {
        const MODIFY: Operation = Operation::patient(
            "elasticloadbalancing:ModifyTargetGroupAttributes",
            &[elb::VISIBLE_GROUP],
        );
        let seconds = self.deregistration_delay_seconds.to_string();
        let delay =
            TargetGroupAttribute::builder().key(DEREGISTRATION_DELAY).value(seconds).build();
        let send = || {
            let request = aws.elb().modify_target_group_attributes().target_group_arn(arn.as_str());
            request.attributes(delay.clone()).send()
        };
        aws.call(MODIFY, send).await.map(drop)
    }
}

impl HealthCheck {
    fn matcher(&self) -> Matcher {
        Matcher::builder().http_code(&self.codes).build()
    }
}

async fn describe(aws: &Aws, arns: Vec<String>) -> Result<Vec<Described>, AwsError> {
    present(arns, elb::AT_ONCE, |arns: Vec<String>| async move {
        let send = || {
            let request = aws.elb().describe_target_groups();
            request.set_target_group_arns(Some(arns.clone())).send()
        };
        Ok(aws.call(DESCRIBE, send).await?.target_groups.unwrap_or_default())
    })
    .await
}

/// The attributes of one; `None` when it is not there.
async fn get_attributes(
    aws: &Aws,
    arn: String,
) -> Result<Option<BTreeMap<String, String>>, AwsError> {
    const DESCRIBE: Operation =
        Operation::new("elasticloadbalancing:DescribeTargetGroupAttributes");
    let send = || aws.elb().describe_target_group_attributes().target_group_arn(&arn).send();
    let Some(output) = unless_gone(aws.call(DESCRIBE, send).await)? else { return Ok(None) };
    let attributes = output.attributes.unwrap_or_default();
    let pairs = attributes.into_iter().filter_map(|one| Some((one.key?, one.value?)));
    Ok(Some(pairs.collect()))
}

fn outputs(group: &Described) -> Outputs {
    let arn = super::text(group.target_group_arn());
    Outputs {
        name: super::text(group.target_group_name()),
        full_name: elb::full_name(&arn),
        arn: TargetGroupArn(arn),
    }
}

fn spec(group: &Described, attributes: &BTreeMap<String, String>) -> TargetGroup {
    let delay = attributes.get(DEREGISTRATION_DELAY).and_then(|seconds| seconds.parse().ok());
    TargetGroup {
        vpc: Input::Known(VpcId(super::text(group.vpc_id()))),
        port: elb::port(group.port()),
        health_check: HealthCheck {
            path: super::text(group.health_check_path()),
            interval_seconds: elb::from_wire(group.health_check_interval_seconds()),
            timeout_seconds: elb::from_wire(group.health_check_timeout_seconds()),
            healthy_threshold: elb::from_wire(group.healthy_threshold_count()),
            unhealthy_threshold: elb::from_wire(group.unhealthy_threshold_count()),
            codes: super::text(group.matcher().and_then(Matcher::http_code)),
        },
        deregistration_delay_seconds: delay.unwrap_or(DEFAULT_DEREGISTRATION_DELAY_SECONDS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_reads_back_equal() {
        let health_check = HealthCheck {
            path: "/health".into(),
            interval_seconds: 5,
            timeout_seconds: 3,
            healthy_threshold: 2,
            unhealthy_threshold: 3,
            codes: "200-299".into(),
        };
        let described = Described::builder()
            .vpc_id("vpc-1")
            .port(8080)
            .health_check_path("/health")
            .health_check_interval_seconds(5)
            .health_check_timeout_seconds(3)
            .healthy_threshold_count(2)
            .unhealthy_threshold_count(3)
            .matcher(health_check.matcher())
            .build();
        let attributes = [
            (DEREGISTRATION_DELAY.to_owned(), "30".to_owned()),
            ("stickiness.enabled".to_owned(), "false".to_owned()),
        ];
        let wanted = TargetGroup {
            vpc: VpcId::from("vpc-1").into(),
            port: 8080,
            health_check,
            deregistration_delay_seconds: 30,
        };
        assert_eq!(spec(&described, &attributes.into()), wanted);
    }

    #[test]
    fn a_new_group_waits_for_its_network_and_for_nothing_else_that_is_invalid() {
        let patient = |message: &str| {
            CREATE.patience_with(&AwsError::reported(CREATE, "ValidationError", message)).is_some()
        };
        assert!(patient("The VPC ID 'vpc-1' is not found"));
        assert!(!patient("Health check timeout must be smaller than the interval"));
    }
}
