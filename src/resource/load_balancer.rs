//! A load balancer: what takes requests from the internet and hands them to healthy tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::{
    IpAddressType, LoadBalancer as Described, LoadBalancerAttribute, LoadBalancerSchemeEnum,
    LoadBalancerStateEnum, LoadBalancerTypeEnum,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::ec2;
use super::elb::{self, Made};
use super::reference::text_newtypes;
use super::security_group::SecurityGroupId;
use super::subnet::SubnetId;
use super::vpc::VpcId;
use super::{
    Change, Extra, Found, Handle, Identity, Input, Inspection, Kind, Live, Naming, Place,
    Readiness, Resource, Sought, Standing, listener,
};
use crate::aws::{
    Aws, AwsError, Operation, Patience, elb_tags, gone_is_done, pages, present, unless_gone,
};

text_newtypes! {
    /// `arn:aws:elasticloadbalancing:…:loadbalancer/app/<name>/<id>`.
    LoadBalancerArn,
}

/// What is wanted of a load balancer: an internet-facing application load balancer on IPv4.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// The network that it stands in. It is never sent, as the subnets imply it; a balancer can't
    /// move to another.
    pub vpc: Input<VpcId>,
    /// Where its nodes are: one subnet a zone, in two zones at least.
    pub subnets: BTreeSet<Input<SubnetId>>,
    /// The groups that say who may reach it.
    pub security_groups: BTreeSet<Input<SecurityGroupId>>,
    /// Whether AWS refuses to delete it.
    pub deletion_protection: bool,
    /// How long a connection may be silent, in seconds.
    pub idle_timeout_seconds: u32,
    /// Whether header fields with malformed names are kept from the tasks.
    pub drop_invalid_headers: bool,
}

/// What is known of a load balancer once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its ARN.
    pub arn: LoadBalancerArn,
    /// Its name, unique in account and region.
    pub name: String,
    /// The name that it answers to on the internet.
    pub dns_name: String,
    /// The hosted zone of that name: what an alias record refers to.
    pub zone_id: String,
    /// What metrics call it: `app/<name>/<id>`.
    pub full_name: String,
}

impl Handle<LoadBalancer> {
    /// The load balancer's ARN.
    pub fn arn(&self) -> Input<LoadBalancerArn> {
        self.output("arn")
    }

    /// What metrics call it: `app/<name>/<id>`.
    pub fn full_name(&self) -> Input<String> {
        self.output("full_name")
    }
}

const DELETION_PROTECTION: &str = "deletion_protection.enabled";
const IDLE_TIMEOUT: &str = "idle_timeout.timeout_seconds";
const DROP_INVALID_HEADERS: &str = "routing.http.drop_invalid_header_fields.enabled";

/// What AWS sets where nothing is said (aws-behaviour 14.f).
const DEFAULT_IDLE_TIMEOUT_SECONDS: u32 = 60;

/// Some changes are refused until a new balancer is active (aws-behaviour 14.c, 22).
const PROVISIONED: Patience = Patience::with(
    &["OperationNotPermitted"],
    Duration::from_mins(10),
    "the load balancer is still being provisioned",
);

/// A subnet that was just made may not be found yet (aws-behaviour 24.3, 24.8).
const VISIBLE_SUBNET: Patience =
    Patience::until_seen(&["SubnetNotFound"], Duration::from_mins(5), "the subnet was just made");

/// A security group that was just made may not be found yet (aws-behaviour 24.3).
const VISIBLE_SECURITY_GROUP: Patience = Patience::until_seen(
    &["InvalidSecurityGroup"],
    Duration::from_mins(5),
    "the security group was just made",
);

impl Resource for LoadBalancer {
    type Outputs = Outputs;

    const KIND: Kind = Kind::LoadBalancer;
    const TYPE_NAME: &'static str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
    const MADE_BY: &'static str = "elasticloadbalancing:CreateLoadBalancer";
    const READS: &'static [&'static str] = &[
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancerAttributes",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeTags",
    ];
    const FIXED: &'static [&'static str] = &["vpc"];
    const NAMING: Option<Naming> = Some(Naming { longest: 32, prefix: "" });
    const ADOPTS: bool = true;
    /// Its network interfaces outlive it for minutes, and hold on to its subnets, its groups and the
    /// internet gateway (aws-behaviour 14.e).
    const LINGERS: bool = true;
    /// AWS does not set up again one that it could not set up ("Load balancer state" in the user
    /// guide).
    const DIES: bool = true;
    const LOSES: Option<&'static str> = Some("its DNS name");
    const TYPICAL: Duration = Duration::from_secs(2);

    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        let what = format!("the load balancer \"{}\"", identity.name);
        let answer = self.send_create(aws, identity).await;
        let outputs = elb::made(aws, CREATE, self, identity, &what, answer).await?;
        set_attributes(aws, &outputs.arn, self.uncommon_attributes()).await?;
        Ok(outputs)
    }

    async fn find(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let send = || aws.elb().describe_load_balancers().names(&identity.name).send();
        let Some(output) = unless_gone(aws.call(DESCRIBE, send).await)? else { return Ok(None) };
        let described = output.load_balancers.unwrap_or_default();
        let Some(outputs) = described.first().map(outputs) else { return Ok(None) };
        let arn = outputs.arn.0.clone();
        elb::found(aws, &arn, outputs).await
    }

    fn locate(id: &str, _place: &Place) -> Option<Outputs> {
        let (_, full_name) = id.split_once(":loadbalancer/")?;
        let full_name = full_name.starts_with("app/").then(|| full_name.to_owned())?;
        let (name, dns_name, zone_id) = Default::default();
        Some(Outputs { arn: id.into(), name, dns_name, zone_id, full_name })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let arns = arns(sought);
        let (described, attributes, mut tags) = futures::try_join!(
            describe(aws, arns.clone()),
            try_join_all(arns.iter().cloned().map(|arn| get_attributes(aws, arn))),
            elb_tags(aws, &arns),
        )?;
        let live = arns.iter().zip(attributes).map(|(arn, attributes)| {
            let balancer = described.iter().find(|one| one.load_balancer_arn() == Some(arn))?;
            Some(Live {
                spec: spec(balancer, &attributes?),
                outputs: outputs(balancer),
                tags: tags.remove(arn).unwrap_or_default(),
                readiness: readiness(balancer),
            })
        });
        Ok(live.collect())
    }

    /// Whether it is active is said without its attributes and tags; and one that is gone is there
    /// until the last of its network interfaces is gone too.
    async fn poll(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Readiness>, AwsError> {
        let described = describe(aws, arns(sought)).await?;
        let there = |sought: &Sought<Self>| {
            let arn = sought.outputs.arn.as_str();
            described.iter().find(|one| one.load_balancer_arn() == Some(arn))
        };
        let gone = sought.iter().filter(|sought| there(sought).is_none());
        let left = interfaces(aws, gone.map(|gone| &gone.outputs)).await?;
        let one = |sought: &Sought<Self>| match there(sought) {
            Some(balancer) => readiness(balancer),
            None => departed(left.get(&interface_description(&sought.outputs)).copied()),
        };
        Ok(sought.iter().map(one).collect())
    }

    /// The listeners on it: those of the stack are resources of their own.
    async fn inspect_each(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Inspection>, AwsError> {
        let one = |sought: &Sought<Self>| {
            let arn = sought.outputs.arn.0.clone();
            async move {
                let found = listener::of_balancer(aws, &arn).await?;
                let extras = found.iter().map(|listener| Extra {
                    collection: "listeners",
                    id: super::text(listener.listener_arn()),
                    what: listener::words(listener),
                    standing: Standing::Part,
                });
                Ok(Inspection { extras: extras.collect(), ..Inspection::default() })
            }
        };
        futures::future::try_join_all(sought.iter().map(one)).await
    }

    async fn remove_extra(aws: &Aws, _of: &Sought<Self>, extra: &Extra) -> Result<(), AwsError> {
        listener::remove(aws, &extra.id).await
    }

    async fn update(
        &self,
        aws: &Aws,
        identity: &Identity,
        change: &Change<Self>,
    ) -> Result<Outputs, AwsError> {
        let outputs = change.from.outputs.clone();
        if change.touches("subnets") {
            self.set_subnets(aws, &outputs.arn).await?;
        }
        if change.touches("security_groups") {
            self.set_security_groups(aws, &outputs.arn).await?;
        }
        let touched = self.attributes().into_iter().filter(|(field, ..)| change.touches(field));
        set_attributes(aws, &outputs.arn, touched.map(|(_, key, value)| (key, value)).collect())
            .await?;
        elb::update_tags(aws, outputs.arn.as_str(), &change.tags(&identity.tags)).await?;
        Ok(outputs)
    }

    /// A balancer leaves a zone only when no task is left there.
    fn widened(&self, applied: &Self, live: &Self) -> Self {
        Self {
            subnets: widened(&self.subnets, &applied.subnets, &live.subnets),
            security_groups: widened(
                &self.security_groups,
                &applied.security_groups,
                &live.security_groups,
            ),
            ..self.clone()
        }
    }

    /// Its listeners go with it. It does not turn off a protection that is on: that is a change of
    /// its own, which the user must want (aws-behaviour 14.e).
    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        const DELETE: Operation =
            Operation::patient("elasticloadbalancing:DeleteLoadBalancer", &[elb::RELEASED]);
        let arn = gone.outputs.arn.as_str();
        let send = || aws.elb().delete_load_balancer().load_balancer_arn(arn).send();
        gone_is_done(aws.call(DELETE, send).await.map(drop))
    }
}

/// What is wanted, and what was applied and is live besides.
fn widened<T: Ord + Clone>(
    wanted: &BTreeSet<Input<T>>,
    applied: &BTreeSet<Input<T>>,
    live: &BTreeSet<Input<T>>,
) -> BTreeSet<Input<T>> {
    wanted.iter().chain(applied.intersection(live)).cloned().collect()
}

const DESCRIBE: Operation = Operation::new("elasticloadbalancing:DescribeLoadBalancers");

const CREATE: Operation = Operation::patient(
    "elasticloadbalancing:CreateLoadBalancer",
    &[
        VISIBLE_SUBNET,
        VISIBLE_SECURITY_GROUP,
        Patience::with(
            &["InvalidSubnet"],
            Duration::from_mins(2),
            "the internet gateway was just attached",
        )
        .saying("no internet gateway"),
        Patience::with(
            &["DuplicateLoadBalancerName"],
            elb::NAME_FREE_WITHIN,
            "the name of one that was just deleted stays taken for a while",
        ),
    ],
);

impl LoadBalancer {
    async fn send_create(&self, aws: &Aws, identity: &Identity) -> Result<Made<Outputs>, AwsError> {
        let send = || {
            let request = aws.elb().create_load_balancer().name(&identity.name);
            request
                .r#type(LoadBalancerTypeEnum::Application)
                .scheme(LoadBalancerSchemeEnum::InternetFacing)
                .ip_address_type(IpAddressType::Ipv4)
                .set_subnets(Some(self.subnet_ids()))
                .set_security_groups(Some(self.security_group_ids()))
                .set_tags(Some(elb::to_tags(&identity.tags)))
                .send()
        };
        let made = aws.call(CREATE, send).await?.load_balancers.unwrap_or_default();
        let made = made.first().map(outputs);
        let outputs = made.ok_or_else(|| AwsError::incomplete(CREATE, "load balancer"))?;
        Ok(Made { arn: outputs.arn.0.clone(), outputs })
    }

    fn subnet_ids(&self) -> Vec<String> {
        self.subnets.iter().map(|subnet| subnet.get().0.clone()).collect()
    }

    fn security_group_ids(&self) -> Vec<String> {
        self.security_groups.iter().map(|group| group.get().0.clone()).collect()
    }

    async fn set_subnets(&self, aws: &Aws, arn: &LoadBalancerArn) -> Result<(), AwsError> {
        const SET: Operation = Operation::patient(
            "elasticloadbalancing:SetSubnets",
            &[VISIBLE_SUBNET, PROVISIONED, elb::VISIBLE_BALANCER],
        );
        let send = || {
            let request = aws.elb().set_subnets().load_balancer_arn(arn.as_str());
            request.set_subnets(Some(self.subnet_ids())).send()
        };
        aws.call(SET, send).await.map(drop)
    }

    async fn set_security_groups(&self, aws: &Aws, arn: &LoadBalancerArn) -> Result<(), AwsError> {
        const SET: Operation = Operation::patient(
            "elasticloadbalancing:SetSecurityGroups",
            &[VISIBLE_SECURITY_GROUP, PROVISIONED, elb::VISIBLE_BALANCER],
        );
        let send = || {
            let request = aws.elb().set_security_groups().load_balancer_arn(arn.as_str());
            request.set_security_groups(Some(self.security_group_ids())).send()
        };
        aws.call(SET, send).await.map(drop)
    }

    /// The fields that AWS keeps as attributes: field, key, value.
    fn attributes(&self) -> [(&'static str, &'static str, String); 3] {
        [
            ("deletion_protection", DELETION_PROTECTION, self.deletion_protection.to_string()),
            ("idle_timeout_seconds", IDLE_TIMEOUT, self.idle_timeout_seconds.to_string()),
            ("drop_invalid_headers", DROP_INVALID_HEADERS, self.drop_invalid_headers.to_string()),
        ]
    }

    /// The attributes that a new balancer does not have by itself.
    fn uncommon_attributes(&self) -> Vec<(&'static str, String)> {
        let default = Self {
            deletion_protection: false,
            idle_timeout_seconds: DEFAULT_IDLE_TIMEOUT_SECONDS,
            drop_invalid_headers: false,
            ..self.clone()
        };
        let pairs = self.attributes().into_iter().zip(default.attributes());
        let uncommon = pairs.filter(|(own, default)| own != default);
        uncommon.map(|((_, key, value), _)| (key, value)).collect()
    }
}

/// What the description of each of a balancer's network interfaces says (aws-behaviour 24.6).
fn interface_description(outputs: &Outputs) -> String {
    format!("ELB {}", outputs.full_name)
}

/// How many network interfaces there are of some balancers, by what describes them.
async fn interfaces(
    aws: &Aws,
    of: impl Iterator<Item = &Outputs>,
) -> Result<BTreeMap<String, usize>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeNetworkInterfaces");
    let descriptions: Vec<String> = of.map(interface_description).collect();
    if descriptions.is_empty() {
        return Ok(BTreeMap::new());
    }
    let filter = ec2::filter("description", descriptions);
    let found = pages(|token| {
        let request = aws.ec2().describe_network_interfaces().filters(filter.clone());
        async move {
            let send = || request.clone().max_results(1000).set_next_token(token.clone()).send();
            let page = aws.call(DESCRIBE, send).await?;
            Ok((page.network_interfaces.unwrap_or_default(), page.next_token))
        }
    })
    .await?;
    let mut left = BTreeMap::new();
    for interface in found {
        *left.entry(super::text(interface.description())).or_default() += 1;
    }
    Ok(left)
}

/// How far a balancer is that is no longer listed, when it has so many network interfaces left.
fn departed(interfaces: Option<usize>) -> Readiness {
    match interfaces {
        None | Some(0) => Readiness::Absent,
        Some(1) => Readiness::Pending("deleted, 1 network interface left".into()),
        Some(left) => Readiness::Pending(format!("deleted, {left} network interfaces left")),
    }
}

fn arns(sought: &[Sought<LoadBalancer>]) -> Vec<String> {
    sought.iter().map(|balancer| balancer.outputs.arn.0.clone()).collect()
}

async fn describe(aws: &Aws, arns: Vec<String>) -> Result<Vec<Described>, AwsError> {
    present(arns, elb::AT_ONCE, |arns: Vec<String>| async move {
        let send = || {
            let request = aws.elb().describe_load_balancers();
            request.set_load_balancer_arns(Some(arns.clone())).send()
        };
        Ok(aws.call(DESCRIBE, send).await?.load_balancers.unwrap_or_default())
    })
    .await
}

/// The attributes of one; `None` when it is not there.
async fn get_attributes(
    aws: &Aws,
    arn: String,
) -> Result<Option<BTreeMap<String, String>>, AwsError> {
    const DESCRIBE: Operation =
        Operation::new("elasticloadbalancing:DescribeLoadBalancerAttributes");
    let send = || aws.elb().describe_load_balancer_attributes().load_balancer_arn(&arn).send();
    let Some(output) = unless_gone(aws.call(DESCRIBE, send).await)? else { return Ok(None) };
    let attributes = output.attributes.unwrap_or_default();
    let pairs = attributes.into_iter().filter_map(|one| Some((one.key?, one.value?)));
    Ok(Some(pairs.collect()))
}

async fn set_attributes(
    aws: &Aws,
    arn: &LoadBalancerArn,
    attributes: Vec<(&'static str, String)>,
) -> Result<(), AwsError> {
    const MODIFY: Operation = Operation::patient(
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        &[PROVISIONED, elb::VISIBLE_BALANCER],
    );
    if attributes.is_empty() {
        return Ok(());
    }
    let attribute = |(key, value)| LoadBalancerAttribute::builder().key(key).value(value).build();
    let attributes: Vec<_> = attributes.into_iter().map(attribute).collect();
    let send = || {
        let request = aws.elb().modify_load_balancer_attributes().load_balancer_arn(arn.as_str());
        request.set_attributes(Some(attributes.clone())).send()
    };
    aws.call(MODIFY, send).await.map(drop)
}

fn outputs(balancer: &Described) -> Outputs {
    let arn = super::text(balancer.load_balancer_arn());
    Outputs {
        name: super::text(balancer.load_balancer_name()),
        dns_name: super::text(balancer.dns_name()),
        zone_id: super::text(balancer.canonical_hosted_zone_id()),
        full_name: elb::full_name(&arn),
        arn: LoadBalancerArn(arn),
    }
}

fn spec(balancer: &Described, attributes: &BTreeMap<String, String>) -> LoadBalancer {
    let attribute = |key| attributes.get(key).map(String::as_str).unwrap_or_default();
    let subnets = balancer.availability_zones().iter().filter_map(|zone| zone.subnet_id());
    let groups = balancer.security_groups().iter();
    LoadBalancer {
        vpc: Input::Known(VpcId(super::text(balancer.vpc_id()))),
        subnets: subnets.map(|id| Input::Known(SubnetId::from(id))).collect(),
        security_groups: groups.map(|id| Input::Known(SecurityGroupId(id.clone()))).collect(),
        deletion_protection: attribute(DELETION_PROTECTION) == "true",
        idle_timeout_seconds: attribute(IDLE_TIMEOUT)
            .parse()
            .unwrap_or(DEFAULT_IDLE_TIMEOUT_SECONDS),
        drop_invalid_headers: attribute(DROP_INVALID_HEADERS) == "true",
    }
}

/// An impaired balancer takes requests, but AWS could not give it what it needs to grow.
fn readiness(balancer: &Described) -> Readiness {
    let state = balancer.state();
    match state.and_then(|state| state.code()) {
        Some(LoadBalancerStateEnum::Active | LoadBalancerStateEnum::ActiveImpaired) => {
            Readiness::Ready
        }
        Some(LoadBalancerStateEnum::Failed) => {
            let reason = state.and_then(|state| state.reason());
            Readiness::Failed(reason.unwrap_or("AWS could not set it up").to_owned())
        }
        other => Readiness::Pending(other.map_or("unknown", |code| code.as_str()).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::types::{AvailabilityZone, LoadBalancerState};

    use super::*;

    fn wanted() -> LoadBalancer {
        LoadBalancer {
            vpc: VpcId::from("vpc-1").into(),
            subnets: ["subnet-a", "subnet-b"].map(|id| SubnetId::from(id).into()).into(),
            security_groups: [SecurityGroupId::from("sg-1").into()].into(),
            deletion_protection: false,
            idle_timeout_seconds: 60,
            drop_invalid_headers: true,
        }
    }

    fn described(state: LoadBalancerStateEnum) -> Described {
        let zone = |id: &str| AvailabilityZone::builder().subnet_id(id).build();
        Described::builder()
            .load_balancer_arn("arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/shop/5")
            .vpc_id("vpc-1")
            .availability_zones(zone("subnet-b"))
            .availability_zones(zone("subnet-a"))
            .security_groups("sg-1")
            .state(LoadBalancerState::builder().code(state).build())
            .build()
    }

    #[test]
    fn what_was_asked_for_reads_back_equal_whatever_the_order() {
        let attributes = [
            (DELETION_PROTECTION, "false"),
            (IDLE_TIMEOUT, "60"),
            (DROP_INVALID_HEADERS, "true"),
            ("routing.http2.enabled", "true"),
        ];
        let attributes = attributes.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        assert_eq!(spec(&described(LoadBalancerStateEnum::Active), &attributes), wanted());
    }

    #[test]
    fn only_attributes_that_are_not_the_default_are_sent_for_a_new_one() {
        assert_eq!(wanted().uncommon_attributes(), [(DROP_INVALID_HEADERS, "true".to_owned())]);
        let common = LoadBalancer { drop_invalid_headers: false, ..wanted() };
        assert_eq!(common.uncommon_attributes(), []);
    }

    #[test]
    fn it_is_ready_once_it_is_active() {
        let readiness = |state| readiness(&described(state));
        assert_eq!(readiness(LoadBalancerStateEnum::Active), Readiness::Ready);
        assert_eq!(
            readiness(LoadBalancerStateEnum::Provisioning),
            Readiness::Pending("provisioning".into())
        );
        assert!(matches!(readiness(LoadBalancerStateEnum::Failed), Readiness::Failed(_)));
    }

    #[test]
    fn a_new_balancer_waits_for_what_was_just_made_and_not_for_a_bad_request() {
        let patient = |code: &str, message: &str| {
            CREATE.patience_with(&AwsError::reported(CREATE, code, message)).is_some()
        };
        assert!(patient("SubnetNotFound", "The subnet ID 'subnet-1' does not exist"));
        assert!(patient("InvalidSubnet", "VPC vpc-1 has no internet gateway"));
        assert!(!patient("InvalidSubnet", "Not enough IP space available in subnet-1"));
        assert!(!patient("ValidationError", "At least two subnets must be specified"));
    }
}
