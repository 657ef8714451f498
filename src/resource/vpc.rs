//! A virtual network: the range of addresses that everything else of the stack lives in.

mod guests;

use std::time::Duration;

use aws_sdk_ec2::types::{
    AttributeBooleanValue, VpcAttributeName, VpcCidrBlockStateCode, VpcState,
};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::blockers::{self, Blocker};
use super::ec2::{self, VISIBLE_VPC};
use super::reference::text_newtypes;
use super::{
    Change, Extra, Found, Handle, Identity, Input, Inspection, Kind, Live, Place, Resource, Sought,
    Standing,
};
use crate::aws::{Aws, AwsError, Operation, Patience, gone_is_done, pages, unless_gone};

text_newtypes! {
    /// `vpc-0123456789abcdef0`.
    VpcId,
}

/// What is wanted of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vpc {
    /// Its addresses.
    pub cidr: Ipv4Net,
    /// Whether Amazon's resolver answers inside it.
    pub dns_support: bool,
    /// Whether things inside it get names.
    pub dns_hostnames: bool,
}

/// What is known of a network once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its id.
    pub id: VpcId,
}

impl Handle<Vpc> {
    /// The network's id.
    pub fn id(&self) -> Input<VpcId> {
        self.output("id")
    }
}

impl Resource for Vpc {
    type Outputs = Outputs;

    const KIND: Kind = Kind::Vpc;
    const TYPE_NAME: &'static str = "AWS::EC2::VPC";
    const MADE_BY: &'static str = "ec2:CreateVpc";
    const READS: &'static [&'static str] = &[
        "ec2:DescribeInstances",
        "ec2:DescribeNatGateways",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcAttribute",
        "ec2:DescribeVpcEndpoints",
        "ec2:DescribeVpcPeeringConnections",
        "ec2:DescribeVpcs",
        "elasticloadbalancing:DescribeLoadBalancers",
    ];
    const FIXED: &'static [&'static str] = &["cidr"];
    const LOSES: Option<&'static str> = Some("the network and all that is in it");
    const READY_WITHIN: std::time::Duration = Duration::from_mins(10);

    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        const CREATE: Operation = Operation::new("ec2:CreateVpc");
        // AWS takes no token here (aws-behaviour 23), so the network carries it as a tag.
        let tags = ec2::tags_with_token(identity);
        let tags = ec2::tag_specification(aws_sdk_ec2::types::ResourceType::Vpc, &tags);
        let send = || {
            let request = aws.ec2().create_vpc().cidr_block(self.cidr.to_string());
            request.tag_specifications(tags.clone()).send()
        };
        let made = aws.call(CREATE, send).await?.vpc;
        let id = made.and_then(|vpc| vpc.vpc_id);
        let id = VpcId(id.ok_or_else(|| AwsError::incomplete(CREATE, "vpcId"))?);
        // A new network answers names but gives none (aws-behaviour 1.f).
        if !self.dns_support {
            set_attribute(aws, &id, VpcAttributeName::EnableDnsSupport, false).await?;
        }
        if self.dns_hostnames {
            set_attribute(aws, &id, VpcAttributeName::EnableDnsHostnames, true).await?;
        }
        Ok(Outputs { id })
    }

    /// The one that this very creation made, or else one with the same addresses: the network that
    /// is being replaced carries the same tags of ownership.
    async fn find(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let filters = ec2::ownership_filters(&identity.tags);
        let vpcs = describe(aws, filters).await?;
        let own = vpcs.iter().find(|vpc| ec2::carry_token(vpc.tags(), identity));
        let cidr = self.cidr.to_string();
        let found = own.or_else(|| vpcs.iter().find(|vpc| vpc.cidr_block() == Some(&cidr)));
        Ok(found.map(|vpc| Found {
            outputs: Outputs { id: VpcId(super::text(vpc.vpc_id())) },
            tags: ec2::tags(vpc.tags()),
        }))
    }

    fn locate(id: &str, _place: &Place) -> Option<Outputs> {
        id.starts_with("vpc-").then(|| Outputs { id: id.into() })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let ids = sought.iter().map(|vpc| vpc.outputs.id.0.clone());
        // Two attributes that AWS gives one at a time (aws-behaviour 1.a), beside the rest.
        let (vpcs, support, hostnames) = futures::try_join!(
            ec2::by_ids("vpc-id", ids, |ids| describe(aws, vec![ids])),
            attributes(aws, sought, VpcAttributeName::EnableDnsSupport),
            attributes(aws, sought, VpcAttributeName::EnableDnsHostnames),
        )?;
        let live = sought.iter().zip(support.into_iter().zip(hostnames));
        Ok(live
            .map(|(sought, (dns_support, dns_hostnames))| {
                let id = &sought.outputs.id;
                let vpc = vpcs.iter().find(|vpc| vpc.vpc_id() == Some(id.as_str()))?;
                Some(Live {
                    spec: Self {
                        cidr: vpc.cidr_block()?.parse().ok()?,
                        dns_support: dns_support?,
                        dns_hostnames: dns_hostnames?,
                    },
                    outputs: Outputs { id: id.clone() },
                    tags: ec2::tags(vpc.tags()),
                    readiness: ec2::available(vpc.state().map(VpcState::as_str)),
                })
            })
            .collect())
    }

    async fn inspect(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Inspection>, AwsError> {
        let ids: Vec<String> = sought.iter().map(|vpc| vpc.outputs.id.0.clone()).collect();
        let (vpcs, guests) = futures::try_join!(
            ec2::by_ids("vpc-id", ids.clone(), |ids| describe(aws, vec![ids])),
            guests::of_networks(aws, &ids),
        )?;
        let one = |id: &String| {
            let vpc = vpcs.iter().find(|vpc| vpc.vpc_id() == Some(id));
            let blocks = vpc.map(further_blocks).unwrap_or_default();
            let guests = guests.iter().filter(|(network, _)| network == id);
            let extras = blocks.into_iter().chain(guests.map(|(_, guest)| guest.clone()));
            Inspection { extras: extras.collect(), ..Inspection::default() }
        };
        Ok(ids.iter().map(one).collect())
    }

    async fn remove_extra(aws: &Aws, _of: &Sought<Self>, extra: &Extra) -> Result<(), AwsError> {
        const DISASSOCIATE: Operation = Operation::new("ec2:DisassociateVpcCidrBlock");
        let send = || aws.ec2().disassociate_vpc_cidr_block().association_id(&extra.id).send();
        gone_is_done(aws.call(DISASSOCIATE, send).await.map(drop))
    }

    async fn update(
        &self,
        aws: &Aws,
        identity: &Identity,
        change: &Change<Self>,
    ) -> Result<Outputs, AwsError> {
        let id = &change.from.outputs.id;
        if change.touches("dns_support") {
            set_attribute(aws, id, VpcAttributeName::EnableDnsSupport, self.dns_support).await?;
        }
        if change.touches("dns_hostnames") {
            set_attribute(aws, id, VpcAttributeName::EnableDnsHostnames, self.dns_hostnames)
                .await?;
        }
        ec2::update_tags(aws, id.as_str(), &change.tags(&identity.tags)).await?;
        Ok(change.from.outputs.clone())
    }

    async fn blockers(aws: &Aws, gone: &Sought<Self>) -> Result<Vec<Blocker>, AwsError> {
        Box::pin(blockers::inside_network(aws, gone.outputs.id.as_str())).await
    }

    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        // The default group, main table and default list go with it; anything else that still
        // goes away by itself refuses the delete (aws-behaviour 1.e).
        const DELETE: Operation = Operation::patient(
            "ec2:DeleteVpc",
            &[Patience::with(
                &["DependencyViolation"],
                Duration::from_mins(5),
                "what was in the network is still going away",
            )],
        );
        let send = || aws.ec2().delete_vpc().vpc_id(gone.outputs.id.as_str()).send();
        gone_is_done(aws.call(DELETE, send).await.map(drop))
    }
}

/// The addresses that a network was given besides its first ones.
fn further_blocks(vpc: &aws_sdk_ec2::types::Vpc) -> Vec<Extra> {
    let further = vpc.cidr_block_association_set().iter().filter(|block| {
        let state = block.cidr_block_state().and_then(|state| state.state());
        block.cidr_block() != vpc.cidr_block() && state == Some(&VpcCidrBlockStateCode::Associated)
    });
    let extra = further.map(|block| Extra {
        collection: "cidr_blocks",
        id: super::text(block.association_id()),
        what: super::text(block.cidr_block()),
        standing: Standing::Part,
    });
    extra.collect()
}

async fn describe(
    aws: &Aws,
    filters: Vec<aws_sdk_ec2::types::Filter>,
) -> Result<Vec<aws_sdk_ec2::types::Vpc>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeVpcs");
    pages(|token| {
        let filters = filters.clone();
        async move {
            let request = aws.ec2().describe_vpcs().set_filters(Some(filters)).max_results(1000);
            let send = || request.clone().set_next_token(token.clone()).send();
            let page = aws.call(DESCRIBE, send).await?;
            Ok((page.vpcs.unwrap_or_default(), page.next_token))
        }
    })
    .await
}

async fn attributes(
    aws: &Aws,
    sought: &[Sought<Vpc>],
    attribute: VpcAttributeName,
) -> Result<Vec<Option<bool>>, AwsError> {
    let one = |vpc: &Sought<Vpc>| {
        let (id, attribute) = (vpc.outputs.id.clone(), attribute.clone());
        async move { get_attribute(aws, &id, attribute).await }
    };
    futures::future::try_join_all(sought.iter().map(one)).await
}

/// One attribute; `None` when the network is not there.
async fn get_attribute(
    aws: &Aws,
    id: &VpcId,
    attribute: VpcAttributeName,
) -> Result<Option<bool>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeVpcAttribute");
    let send = || {
        let request = aws.ec2().describe_vpc_attribute().vpc_id(id.as_str());
        request.attribute(attribute.clone()).send()
    };
    let Some(output) = unless_gone(aws.call(DESCRIBE, send).await)? else { return Ok(None) };
    let value = match attribute {
        VpcAttributeName::EnableDnsSupport => output.enable_dns_support,
        _ => output.enable_dns_hostnames,
    };
    Ok(value.and_then(|value| value.value))
}

async fn set_attribute(
    aws: &Aws,
    id: &VpcId,
    attribute: VpcAttributeName,
    value: bool,
) -> Result<(), AwsError> {
    const MODIFY: Operation = Operation::patient("ec2:ModifyVpcAttribute", VISIBLE_VPC);
    let value = AttributeBooleanValue::builder().value(value).build();
    let send = || {
        let request = aws.ec2().modify_vpc_attribute().vpc_id(id.as_str());
        match attribute {
            VpcAttributeName::EnableDnsSupport => request.enable_dns_support(value.clone()),
            _ => request.enable_dns_hostnames(value.clone()),
        }
        .send()
    };
    aws.call(MODIFY, send).await.map(drop)
}
