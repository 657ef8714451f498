//! A subnet: one availability zone's share of the network's addresses.

use std::time::Duration;

use aws_sdk_ec2::types::{self, AttributeBooleanValue, Filter, ResourceType, SubnetState};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::blockers::{self, Blocker};
use super::ec2::{self, SUBNET_JUST_MADE, VISIBLE_VPC, VPC_JUST_MADE};
use super::reference::text_newtypes;
use super::vpc::VpcId;
use super::{Change, Found, Handle, Identity, Input, Kind, Live, Place, Resource, Sought};
use crate::aws::{
    Aws, AwsError, Operation, OwnershipTags, Patience, Tags, gone_is_done, is_owned, pages,
};

text_newtypes! {
    /// `subnet-0123456789abcdef0`.
    SubnetId,
}

/// What is wanted of a subnet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subnet {
    /// The network whose addresses it has a share of.
    pub vpc: Input<VpcId>,
    /// Its addresses.
    pub cidr: Ipv4Net,
    /// The availability zone, `eu-west-1a`.
    pub zone: String,
    /// Whether what starts in it gets a public address without asking.
    pub public_addresses: bool,
}

/// What is known of a subnet once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its id.
    pub id: SubnetId,
}

impl Handle<Subnet> {
    /// The subnet's id.
    pub fn id(&self) -> Input<SubnetId> {
        self.output("id")
    }
}

impl Resource for Subnet {
    type Outputs = Outputs;

    const KIND: Kind = Kind::Subnet;
    const TYPE_NAME: &'static str = "AWS::EC2::Subnet";
    const MADE_BY: &'static str = "ec2:CreateSubnet";
    const READS: &'static [&'static str] = &["ec2:DescribeSubnets"];
    const FIXED: &'static [&'static str] = &["vpc", "cidr", "zone"];
    const GONE_WITHIN: Duration = Duration::from_mins(20);

    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        let id = self.make_or_adopt(aws, identity).await?;
        // A new subnet gives no public addresses (aws-behaviour 3.f).
        if self.public_addresses {
            set_public_addresses(aws, &id, true).await?;
        }
        Ok(Outputs { id })
    }

    async fn find(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let Some(vpc) = self.vpc.known() else { return Ok(None) };
        let mut filters = ec2::ownership_filters(&identity.tags);
        filters.extend(self.place(vpc));
        let subnets = describe(aws, filters).await?;
        let found = subnets.iter().find(|subnet| subnet.availability_zone() == Some(&self.zone));
        Ok(found.map(|subnet| Found {
            outputs: Outputs { id: SubnetId(super::text(subnet.subnet_id())) },
            tags: ec2::tags(subnet.tags()),
        }))
    }

    fn locate(id: &str, _place: &Place) -> Option<Outputs> {
        id.starts_with("subnet-").then(|| Outputs { id: id.into() })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let ids = sought.iter().map(|subnet| subnet.outputs.id.0.clone());
        let subnets = ec2::by_ids("subnet-id", ids, |ids| describe(aws, vec![ids])).await?;
        let one = |sought: &Sought<Self>| {
            let id = &sought.outputs.id;
            let subnet = subnets.iter().find(|subnet| subnet.subnet_id() == Some(id.as_str()))?;
            Some(Live {
                spec: Self {
                    vpc: VpcId(super::text(subnet.vpc_id())).into(),
                    cidr: subnet.cidr_block()?.parse().ok()?,
                    zone: super::text(subnet.availability_zone()),
                    public_addresses: subnet.map_public_ip_on_launch() == Some(true),
                },
                outputs: Outputs { id: id.clone() },
                tags: ec2::tags(subnet.tags()),
                readiness: ec2::available(subnet.state().map(SubnetState::as_str)),
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
        let id = &change.from.outputs.id;
        if change.touches("public_addresses") {
            set_public_addresses(aws, id, self.public_addresses).await?;
        }
        ec2::update_tags(aws, id.as_str(), &change.tags(&identity.tags)).await?;
        Ok(change.from.outputs.clone())
    }

    async fn blockers(aws: &Aws, gone: &Sought<Self>) -> Result<Vec<Blocker>, AwsError> {
        let id = gone.outputs.id.0.clone();
        let (mut blockers, gateways) = futures::try_join!(
            blockers::interfaces(aws, ec2::filter("subnet-id", [id.clone()])),
            blockers::nat_gateways(aws, &id),
        )?;
        blockers.extend(gateways);
        Ok(blockers)
    }

    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        const DELETE: Operation = Operation::patient(
            "ec2:DeleteSubnet",
            &[Patience::with(
                &["DependencyViolation"],
                Duration::from_mins(20),
                "network interfaces in the subnet are still going away (aws-behaviour 3.e)",
            )],
        );
        let send = || aws.ec2().delete_subnet().subnet_id(gone.outputs.id.as_str()).send();
        gone_is_done(aws.call(DELETE, send).await.map(drop))
    }
}

const CREATE: Operation = Operation::patient("ec2:CreateSubnet", VISIBLE_VPC);

/// The same for when a subnet that was just deleted may still hold the range (aws-behaviour 3.c2).
const CREATE_IN_FREED_RANGE: Operation = Operation::patient(
    CREATE.name,
    &[
        VPC_JUST_MADE,
        Patience::with(
            &[CONFLICT],
            Duration::from_mins(2),
            "the range of a deleted subnet is not free at once",
        ),
    ],
);

const CONFLICT: &str = "InvalidSubnet.Conflict";

/// What the subnet that has the wanted range means for the one that is to be made.
#[derive(Debug, PartialEq)]
enum Holder {
    /// It is the one: an earlier attempt made it.
    Same(SubnetId),
    /// It is the stack's own, or no longer there: it may be going away.
    Passing,
    /// It belongs to somebody else.
    Foreign,
}

impl Subnet {
    /// Makes the subnet. Its range is its natural key (aws-behaviour 3.b): where that is taken,
    /// the tags of the one that has it decide.
    async fn make_or_adopt(&self, aws: &Aws, identity: &Identity) -> Result<SubnetId, AwsError> {
        let error = match self.make(aws, identity, CREATE).await {
            Err(error) if error.has_code(CONFLICT) => error,
            other => return other,
        };
        tracing::debug!(%error, "looking at who has the range");
        match self.holder(aws, identity).await? {
            Holder::Same(id) => Ok(id),
            Holder::Foreign => Err(self.taken()),
            Holder::Passing => self.make(aws, identity, CREATE_IN_FREED_RANGE).await,
        }
    }

    async fn make(
        &self,
        aws: &Aws,
        identity: &Identity,
        operation: Operation,
    ) -> Result<SubnetId, AwsError> {
        let tags = ec2::tag_specification(ResourceType::Subnet, &identity.tags);
        let send = || {
            let request = aws.ec2().create_subnet().vpc_id(self.vpc.get().as_str());
            let request = request.cidr_block(self.cidr.to_string()).availability_zone(&self.zone);
            request.tag_specifications(tags.clone()).send()
        };
        let made = aws.call(operation, send).await?.subnet;
        let id = made.and_then(|subnet| subnet.subnet_id);
        id.map(SubnetId).ok_or_else(|| AwsError::incomplete(operation, "subnetId"))
    }

    async fn holder(&self, aws: &Aws, identity: &Identity) -> Result<Holder, AwsError> {
        let subnets = describe(aws, self.place(self.vpc.get())).await?;
        Ok(subnets.first().map_or(Holder::Passing, |live| self.judge(live, &identity.tags)))
    }

    fn judge(&self, live: &types::Subnet, wanted: &Tags) -> Holder {
        let tags = ec2::tags(live.tags());
        let of_this_stack = [OwnershipTags::STACK, OwnershipTags::ENVIRONMENT]
            .iter()
            .all(|key| tags.contains_key(*key) && tags.get(*key) == wanted.get(*key));
        if is_owned(&tags, wanted) && live.availability_zone() == Some(&self.zone) {
            Holder::Same(SubnetId(super::text(live.subnet_id())))
        } else if of_this_stack {
            Holder::Passing
        } else {
            Holder::Foreign
        }
    }

    /// Filters that match the subnet with exactly this range of this network.
    fn place(&self, vpc: &VpcId) -> Vec<Filter> {
        vec![
            ec2::filter("vpc-id", [vpc.0.clone()]),
            ec2::filter("cidr-block", [self.cidr.to_string()]),
        ]
    }

    fn taken(&self) -> AwsError {
        AwsError::foreign(CREATE, &format!("a subnet with the range {}", self.cidr))
    }
}

async fn describe(aws: &Aws, filters: Vec<Filter>) -> Result<Vec<types::Subnet>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeSubnets");
    pages(|token| {
        let filters = filters.clone();
        async move {
            let request = aws.ec2().describe_subnets().set_filters(Some(filters));
            let send = || request.clone().max_results(1000).set_next_token(token.clone()).send();
            let page = aws.call(DESCRIBE, send).await?;
            Ok((page.subnets.unwrap_or_default(), page.next_token))
        }
    })
    .await
}

async fn set_public_addresses(aws: &Aws, id: &SubnetId, value: bool) -> Result<(), AwsError> {
    const MODIFY: Operation = Operation::patient("ec2:ModifySubnetAttribute", &[SUBNET_JUST_MADE]);
    let value = AttributeBooleanValue::builder().value(value).build();
    let send = || {
        let request = aws.ec2().modify_subnet_attribute().subnet_id(id.as_str());
        request.map_public_ip_on_launch(value.clone()).send()
    };
    aws.call(MODIFY, send).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> (Subnet, Tags) {
        let subnet = Subnet {
            vpc: VpcId("vpc-1".into()).into(),
            cidr: "10.0.0.0/24".parse().unwrap(),
            zone: "eu-west-1a".into(),
            public_addresses: false,
        };
        (subnet, tags("web", "subnet.public-a"))
    }

    fn tags(stack: &str, address: &str) -> Tags {
        Tags::from([
            (OwnershipTags::STACK.into(), stack.into()),
            (OwnershipTags::ENVIRONMENT.into(), "dev".into()),
            (OwnershipTags::ADDRESS.into(), address.into()),
        ])
    }

    fn live(zone: &str, tags: &Tags) -> types::Subnet {
        let tags = tags.iter().map(|(key, value)| types::Tag::builder().key(key).value(value));
        types::Subnet::builder()
            .subnet_id("subnet-1")
            .availability_zone(zone)
            .set_tags(Some(tags.map(types::builders::TagBuilder::build).collect()))
            .build()
    }

    #[test]
    fn the_subnet_that_an_earlier_attempt_made_is_adopted() {
        let (subnet, tags) = wanted();
        let same = Holder::Same(SubnetId("subnet-1".into()));
        assert_eq!(subnet.judge(&live("eu-west-1a", &tags), &tags), same);
    }

    #[test]
    fn the_subnet_that_is_being_replaced_is_not_adopted() {
        let (subnet, tags) = wanted();
        assert_eq!(subnet.judge(&live("eu-west-1b", &tags), &tags), Holder::Passing);
    }

    #[test]
    fn another_subnet_of_the_stack_may_be_going_away() {
        let (subnet, wanted) = wanted();
        let other = live("eu-west-1a", &tags("web", "subnet.public-b"));
        assert_eq!(subnet.judge(&other, &wanted), Holder::Passing);
    }

    #[test]
    fn a_strangers_subnet_is_never_taken() {
        let (subnet, wanted) = wanted();
        let other = live("eu-west-1a", &tags("shop", "subnet.public-a"));
        assert_eq!(subnet.judge(&other, &wanted), Holder::Foreign);
        assert_eq!(subnet.judge(&live("eu-west-1a", &Tags::new()), &wanted), Holder::Foreign);
    }
}
