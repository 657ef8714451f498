//! A NAT gateway: the private subnets' way out to the internet.
//!
//! It is usable as a route's target at once, works minutes later, and fails later still: AWS
//! accepts the creation and says afterwards what was wrong with it (aws-behaviour 5.d).

use std::time::Duration;

use aws_sdk_ec2::types::{
    self, ConnectivityType, Filter, NatGatewayAddress, NatGatewayState, ResourceType,
};
use serde::{Deserialize, Serialize};

use super::ec2::{self, ADDRESS_JUST_MADE, SUBNET_JUST_MADE};
use super::elastic_ip::AllocationId;
use super::reference::text_newtypes;
use super::subnet::SubnetId;
use super::{
    Change, Found, Handle, Identity, Input, Kind, Live, Place, Readiness, Replacement, Resource,
    Sought,
};
use crate::aws::{Aws, AwsError, Operation, gone_is_done, pages};

text_newtypes! {
    /// `nat-0123456789abcdef0`.
    NatGatewayId,
}

/// What is wanted of a NAT gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NatGateway {
    /// The public subnet that it stands in.
    pub subnet: Input<SubnetId>,
    /// The address that the world sees.
    pub address: Input<AllocationId>,
}

/// What is known of a NAT gateway once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its id.
    pub id: NatGatewayId,
}

impl Handle<NatGateway> {
    /// The gateway's id.
    pub fn id(&self) -> Input<NatGatewayId> {
        self.output("id")
    }
}

impl Resource for NatGateway {
    type Outputs = Outputs;

    const KIND: Kind = Kind::NatGateway;
    const TYPE_NAME: &'static str = "AWS::EC2::NatGateway";
    const MADE_BY: &'static str = "ec2:CreateNatGateway";
    const READS: &'static [&'static str] = &["ec2:DescribeNatGateways"];
    const FIXED: &'static [&'static str] = &["subnet", "address"];
    /// Its address can't serve two gateways at once.
    const REPLACEMENT: Replacement = Replacement::OldFirst;
    const LINGERS: bool = true;
    const DIES: bool = true;
    const READY_WITHIN: Duration = Duration::from_mins(15);
    const GONE_WITHIN: Duration = Duration::from_mins(30);

    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        const CREATE: Operation =
            Operation::patient("ec2:CreateNatGateway", &[SUBNET_JUST_MADE, ADDRESS_JUST_MADE]);
        let tags = ec2::tag_specification(ResourceType::Natgateway, &identity.tags);
        let send = || {
            let request = aws.ec2().create_nat_gateway().client_token(&identity.token);
            let request = request.connectivity_type(ConnectivityType::Public);
            let request = request.subnet_id(self.subnet.get().as_str());
            let request = request.allocation_id(self.address.get().as_str());
            request.tag_specifications(tags.clone()).send()
        };
        let made = aws.call(CREATE, send).await?.nat_gateway;
        let id = made.and_then(|gateway| gateway.nat_gateway_id);
        let id = id.ok_or_else(|| AwsError::incomplete(CREATE, "natGatewayId"))?;
        Ok(Outputs { id: NatGatewayId(id) })
    }

    async fn find(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let (Some(subnet), Some(wanted)) = (self.subnet.known(), self.address.known()) else {
            return Ok(None);
        };
        let mut filters = ec2::ownership_filters(&identity.tags);
        filters.push(ec2::filter("subnet-id", [subnet.0.clone()]));
        // Dead ones stay listed with their tags for about an hour (aws-behaviour 5.b).
        filters.push(ec2::filter("state", ["pending", "available"].map(String::from)));
        let gateways = describe(aws, filters).await?;
        let found = gateways.iter().find(|gateway| address(gateway) == *wanted);
        Ok(found.map(|gateway| Found {
            outputs: Outputs { id: NatGatewayId(super::text(gateway.nat_gateway_id())) },
            tags: ec2::tags(gateway.tags()),
        }))
    }

    fn locate(id: &str, _place: &Place) -> Option<Outputs> {
        id.starts_with("nat-").then(|| Outputs { id: id.into() })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let ids = sought.iter().map(|gateway| gateway.outputs.id.0.clone());
        let gateways = ec2::by_ids("nat-gateway-id", ids, |ids| describe(aws, vec![ids])).await?;
        let one = |sought: &Sought<Self>| {
            let id = sought.outputs.id.as_str();
            let gateway = gateways.iter().find(|live| live.nat_gateway_id() == Some(id))?;
            live(gateway, &sought.outputs)
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
        ec2::update_tags(aws, id.as_str(), &change.tags(&identity.tags)).await?;
        Ok(change.from.outputs.clone())
    }

    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        const DELETE: Operation = Operation::new("ec2:DeleteNatGateway");
        let send =
            || aws.ec2().delete_nat_gateway().nat_gateway_id(gone.outputs.id.as_str()).send();
        gone_is_done(aws.call(DELETE, send).await.map(drop))
    }
}

/// The gateway as it is; `None` for one that is gone and still listed.
fn live(gateway: &types::NatGateway, outputs: &Outputs) -> Option<Live<NatGateway>> {
    if gateway.state() == Some(&NatGatewayState::Deleted) {
        return None;
    }
    Some(Live {
        spec: NatGateway {
            subnet: SubnetId(super::text(gateway.subnet_id())).into(),
            address: address(gateway).into(),
        },
        outputs: outputs.clone(),
        tags: ec2::tags(gateway.tags()),
        readiness: readiness(gateway),
    })
}

/// The address that the gateway was made with, among those it may have been given since; empty
/// where a failed gateway has already let go of it.
fn address(gateway: &types::NatGateway) -> AllocationId {
    let all = gateway.nat_gateway_addresses();
    let primary = all.iter().find(|address| address.is_primary() == Some(true)).or(all.first());
    AllocationId(super::text(primary.and_then(NatGatewayAddress::allocation_id)))
}

fn readiness(gateway: &types::NatGateway) -> Readiness {
    match gateway.state() {
        Some(NatGatewayState::Failed) => Readiness::Failed(failure(gateway)),
        Some(NatGatewayState::Deleting) => Readiness::Leaving("deleting".into()),
        state => ec2::available(state.map(NatGatewayState::as_str)),
    }
}

fn failure(gateway: &types::NatGateway) -> String {
    let said = [gateway.failure_code(), gateway.failure_message()];
    let said: Vec<&str> = said.into_iter().flatten().collect();
    if said.is_empty() { "AWS gives no reason".to_owned() } else { said.join(": ") }
}

async fn describe(aws: &Aws, filters: Vec<Filter>) -> Result<Vec<types::NatGateway>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeNatGateways");
    pages(|token| {
        let filters = filters.clone();
        async move {
            let request = aws.ec2().describe_nat_gateways().set_filter(Some(filters));
            let send = || request.clone().max_results(1000).set_next_token(token.clone()).send();
            let page = aws.call(DESCRIBE, send).await?;
            Ok((page.nat_gateways.unwrap_or_default(), page.next_token))
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(state: NatGatewayState) -> types::builders::NatGatewayBuilder {
        types::NatGateway::builder().nat_gateway_id("nat-1").state(state)
    }

    fn outputs() -> Outputs {
        Outputs { id: NatGatewayId("nat-1".into()) }
    }

    #[test]
    fn a_failed_gateway_is_there_and_says_why() {
        let failed = gateway(NatGatewayState::Failed)
            .failure_code("Gateway.NotAttached")
            .failure_message("Network vpc-1 has no Internet gateway attached")
            .build();
        let reason = "Gateway.NotAttached: Network vpc-1 has no Internet gateway attached";
        let live = live(&failed, &outputs()).unwrap();
        assert_eq!(live.readiness, Readiness::Failed(reason.into()));
    }

    #[test]
    fn a_gateway_that_is_going_is_there_until_it_is_gone() {
        let going = live(&gateway(NatGatewayState::Deleting).build(), &outputs()).unwrap();
        assert_eq!(going.readiness, Readiness::Leaving("deleting".into()));
        assert!(live(&gateway(NatGatewayState::Deleted).build(), &outputs()).is_none());
    }

    #[test]
    fn an_address_that_was_added_later_is_not_the_gateways_own() {
        let given = |id: &str, primary| {
            NatGatewayAddress::builder().allocation_id(id).is_primary(primary).build()
        };
        let gateway = gateway(NatGatewayState::Available)
            .nat_gateway_addresses(given("eipalloc-2", false))
            .nat_gateway_addresses(given("eipalloc-1", true))
            .build();
        assert_eq!(address(&gateway), AllocationId("eipalloc-1".into()));
    }
}
