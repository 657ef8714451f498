//! A network's door to the internet.
//!
//! Gateway and attachment are one resource: a gateway that is attached to nothing leads nowhere.
//!
//! The network is fixed, although AWS could move a gateway. It can't be detached while anything
//! in its network has a public address (aws-behaviour 2.e), so a move would wait for what is
//! itself replaced only after it. For the same reason a gateway that somebody has detached is
//! replaced: it holds nothing that a new one would lack.

use std::time::Duration;

use aws_sdk_ec2::types::{self, AttachmentStatus, Filter, ResourceType};
use serde::{Deserialize, Serialize};

use super::blockers::{self, Blocker};
use super::ec2::{self, GATEWAY_JUST_MADE, VPC_JUST_MADE};
use super::reference::text_newtypes;
use super::vpc::VpcId;
use super::{
    Change, Found, Handle, Identity, Input, Kind, Live, Place, Readiness, Resource, Sought,
};
use crate::aws::{Aws, AwsError, Operation, Patience, gone_is_done, pages};

text_newtypes! {
    /// `igw-0123456789abcdef0`.
    InternetGatewayId,
}

/// What is wanted of an internet gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InternetGateway {
    /// The network that it is attached to; an empty id where it is attached to none.
    pub vpc: Input<VpcId>,
}

/// What is known of an internet gateway once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its id.
    pub id: InternetGatewayId,
}

impl Handle<InternetGateway> {
    /// The gateway's id.
    pub fn id(&self) -> Input<InternetGatewayId> {
        self.output("id")
    }
}

impl Resource for InternetGateway {
    type Outputs = Outputs;

    const KIND: Kind = Kind::InternetGateway;
    const TYPE_NAME: &'static str = "AWS::EC2::InternetGateway";
    const MADE_BY: &'static str = "ec2:CreateInternetGateway";
    const READS: &'static [&'static str] = &["ec2:DescribeInternetGateways"];
    const FIXED: &'static [&'static str] = &["vpc"];
    const GONE_WITHIN: Duration = Duration::from_mins(20);

    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        let id = make(aws, identity).await?;
        attach(aws, &id, self.vpc.get()).await?;
        Ok(Outputs { id })
    }

    /// One that is attached to the network, or that this very creation left unattached when it
    /// was cut off: [`Resource::update`] attaches that. An unattached one of an earlier creation
    /// is what is being replaced.
    async fn find(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let Some(vpc) = self.vpc.known() else { return Ok(None) };
        let gateways = describe(aws, ec2::ownership_filters(&identity.tags)).await?;
        let attached = gateways.iter().find(|gateway| network(gateway) == *vpc);
        let found = attached.or_else(|| {
            gateways.iter().find(|gateway| {
                gateway.attachments().is_empty() && ec2::carry_token(gateway.tags(), identity)
            })
        });
        Ok(found.map(|gateway| Found {
            outputs: Outputs { id: id_of(gateway) },
            tags: ec2::tags(gateway.tags()),
        }))
    }

    fn locate(id: &str, _place: &Place) -> Option<Outputs> {
        id.starts_with("igw-").then(|| Outputs { id: id.into() })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let ids = sought.iter().map(|gateway| gateway.outputs.id.0.clone());
        let gateways =
            ec2::by_ids("internet-gateway-id", ids, |ids| describe(aws, vec![ids])).await?;
        let one = |sought: &Sought<Self>| {
            let id = &sought.outputs.id;
            let gateway = gateways.iter().find(|gateway| id_of(gateway) == *id)?;
            Some(Live {
                spec: Self { vpc: network(gateway).into() },
                outputs: Outputs { id: id.clone() },
                tags: ec2::tags(gateway.tags()),
                readiness: readiness(gateway),
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
        // The network is fixed: this finishes an interrupted creation.
        if change.touches("vpc") {
            attach(aws, id, self.vpc.get()).await?;
        }
        ec2::update_tags(aws, id.as_str(), &change.tags(&identity.tags)).await?;
        Ok(change.from.outputs.clone())
    }

    async fn blockers(aws: &Aws, gone: &Sought<Self>) -> Result<Vec<Blocker>, AwsError> {
        match gone.applied.as_ref().and_then(|gateway| gateway.vpc.known()) {
            Some(vpc) => blockers::mapped_interfaces(aws, vpc.as_str()).await,
            None => Ok(Vec::new()),
        }
    }

    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        const DELETE: Operation = Operation::patient(
            "ec2:DeleteInternetGateway",
            &[Patience::with(
                &["DependencyViolation"],
                Duration::from_mins(2),
                "the gateway was just detached",
            )],
        );
        let id = &gone.outputs.id;
        let live = describe(aws, vec![ec2::filter("internet-gateway-id", [id.0.clone()])]).await?;
        for vpc in live.iter().map(network).filter(|vpc| !vpc.as_str().is_empty()) {
            detach(aws, id, &vpc).await?;
        }
        let send = || aws.ec2().delete_internet_gateway().internet_gateway_id(id.as_str()).send();
        gone_is_done(aws.call(DELETE, send).await.map(drop))
    }
}

/// Makes a gateway that is attached to nothing. AWS takes no token here (aws-behaviour 2.b), so
/// the gateway carries it as a tag.
async fn make(aws: &Aws, identity: &Identity) -> Result<InternetGatewayId, AwsError> {
    const CREATE: Operation = Operation::new("ec2:CreateInternetGateway");
    let tags = ec2::tags_with_token(identity);
    let tags = ec2::tag_specification(ResourceType::InternetGateway, &tags);
    let send = || aws.ec2().create_internet_gateway().tag_specifications(tags.clone()).send();
    let made = aws.call(CREATE, send).await?.internet_gateway;
    let id = made.and_then(|gateway| gateway.internet_gateway_id);
    id.map(InternetGatewayId).ok_or_else(|| AwsError::incomplete(CREATE, "internetGatewayId"))
}

async fn attach(aws: &Aws, id: &InternetGatewayId, vpc: &VpcId) -> Result<(), AwsError> {
    const ATTACH: Operation =
        Operation::patient("ec2:AttachInternetGateway", &[VPC_JUST_MADE, GATEWAY_JUST_MADE]);
    let send = || {
        let request = aws.ec2().attach_internet_gateway().internet_gateway_id(id.as_str());
        request.vpc_id(vpc.as_str()).send()
    };
    match aws.call(ATTACH, send).await {
        // AWS says the same of an attachment to another network (aws-behaviour 2.b), and may not
        // show yet to which.
        Err(error) if error.has_code("Resource.AlreadyAssociated") => {
            let filters = vec![ec2::filter("internet-gateway-id", [id.0.clone()])];
            let is_attached =
                |live: &Vec<types::InternetGateway>| live.iter().any(|live| network(live) == *vpc);
            let live = aws.patiently(|| describe(aws, filters.clone()), is_attached).await?;
            if is_attached(&live) { Ok(()) } else { Err(error) }
        }
        other => other.map(drop),
    }
}

async fn detach(aws: &Aws, id: &InternetGatewayId, vpc: &VpcId) -> Result<(), AwsError> {
    // "Network has some mapped public address(es)": what is going away holds them for minutes.
    const DETACH: Operation = Operation::patient(
        "ec2:DetachInternetGateway",
        &[Patience::with(
            &["DependencyViolation"],
            Duration::from_mins(20),
            "public addresses in the network are still being released (aws-behaviour 2.e)",
        )],
    );
    let send = || {
        let request = aws.ec2().detach_internet_gateway().internet_gateway_id(id.as_str());
        request.vpc_id(vpc.as_str()).send()
    };
    gone_is_done(aws.call(DETACH, send).await.map(drop))
}

async fn describe(
    aws: &Aws,
    filters: Vec<Filter>,
) -> Result<Vec<types::InternetGateway>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeInternetGateways");
    pages(|token| {
        let filters = filters.clone();
        async move {
            let request = aws.ec2().describe_internet_gateways().set_filters(Some(filters));
            let send = || request.clone().max_results(1000).set_next_token(token.clone()).send();
            let page = aws.call(DESCRIBE, send).await?;
            Ok((page.internet_gateways.unwrap_or_default(), page.next_token))
        }
    })
    .await
}

fn id_of(gateway: &types::InternetGateway) -> InternetGatewayId {
    InternetGatewayId(super::text(gateway.internet_gateway_id()))
}

/// The network that a gateway is attached or being attached to; an empty id for none.
fn network(gateway: &types::InternetGateway) -> VpcId {
    let attached = gateway.attachments().iter().find(|attachment| {
        !matches!(attachment.state().map(AttachmentStatus::as_str), Some("detaching" | "detached"))
    });
    VpcId(super::text(attached.and_then(|attachment| attachment.vpc_id())))
}

/// Whether an attachment works: EC2's model says `attached`, EC2 says `available` (aws-behaviour
/// 2.d).
fn readiness(gateway: &types::InternetGateway) -> Readiness {
    let state = gateway.attachments().first().and_then(|attachment| attachment.state());
    match state.map(AttachmentStatus::as_str) {
        Some("available" | "attached") => Readiness::Ready,
        Some(other) => Readiness::Pending(other.to_owned()),
        None => Readiness::Pending("detached".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::InternetGatewayAttachment;

    use super::*;

    fn gateway(state: &str) -> types::InternetGateway {
        let attachment = InternetGatewayAttachment::builder().vpc_id("vpc-1").state(state.into());
        types::InternetGateway::builder().attachments(attachment.build()).build()
    }

    #[test]
    fn an_attachment_works_by_either_of_its_words() {
        assert_eq!(readiness(&gateway("available")), Readiness::Ready);
        assert_eq!(readiness(&gateway("attached")), Readiness::Ready);
        assert_eq!(readiness(&gateway("attaching")), Readiness::Pending("attaching".into()));
    }

    #[test]
    fn a_detached_gateway_differs_from_any_that_was_declared() {
        assert_eq!(network(&gateway("attaching")), VpcId("vpc-1".into()));
        assert_eq!(network(&gateway("detaching")), VpcId(String::new()));
        assert_eq!(network(&types::InternetGateway::builder().build()), VpcId(String::new()));
    }
}
