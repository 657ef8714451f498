//! A public address that stays when what uses it goes.

use std::net::Ipv4Addr;
use std::time::Duration;

use aws_sdk_ec2::types::{Address, DomainType, Filter, ResourceType};
use serde::{Deserialize, Serialize};

use super::ec2;
use super::reference::text_newtypes;
use super::{
    Change, Found, Handle, Identity, Input, Kind, Live, Place, Readiness, Resource, Sought,
};
use crate::aws::{Aws, AwsError, Class, Operation, Patience, gone_is_done};

text_newtypes! {
    /// `eipalloc-0123456789abcdef0`.
    AllocationId,
}

/// What is wanted of an address: nothing but that there is one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ElasticIp {}

/// What is known of an address once it is allocated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// What others refer to it by.
    pub allocation: AllocationId,
    /// The address itself.
    pub address: Ipv4Addr,
}

impl Handle<ElasticIp> {
    /// What others refer to the address by.
    pub fn allocation(&self) -> Input<AllocationId> {
        self.output("allocation")
    }

    /// The address itself.
    pub fn public_address(&self) -> Input<Ipv4Addr> {
        self.output("address")
    }
}

impl Resource for ElasticIp {
    type Outputs = Outputs;

    const KIND: Kind = Kind::ElasticIp;
    const TYPE_NAME: &'static str = "AWS::EC2::EIP";
    const MADE_BY: &'static str = "ec2:AllocateAddress";
    const READS: &'static [&'static str] = &["ec2:DescribeAddresses"];
    const LOSES: Option<&'static str> = Some("its public address");

    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        const ALLOCATE: Operation = Operation::new("ec2:AllocateAddress");
        let tags = ec2::tag_specification(ResourceType::ElasticIp, &identity.tags);
        let send = || {
            let request = aws.ec2().allocate_address().domain(DomainType::Vpc);
            request.tag_specifications(tags.clone()).send()
        };
        let made = aws.call(ALLOCATE, send).await?;
        let outputs = outputs(made.allocation_id(), made.public_ip());
        outputs.ok_or_else(|| AwsError::incomplete(ALLOCATE, "allocationId or publicIp"))
    }

    async fn find(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let addresses = describe(aws, ec2::ownership_filters(&identity.tags)).await?;
        let found = |address: &Address| {
            let outputs = outputs(address.allocation_id(), address.public_ip())?;
            Some(Found { outputs, tags: ec2::tags(address.tags()) })
        };
        Ok(addresses.iter().find_map(found))
    }

    fn locate(id: &str, _place: &Place) -> Option<Outputs> {
        let address = Ipv4Addr::UNSPECIFIED;
        id.starts_with("eipalloc-").then(|| Outputs { allocation: id.into(), address })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let ids = sought.iter().map(|address| address.outputs.allocation.0.clone());
        let addresses = ec2::by_ids("allocation-id", ids, |ids| describe(aws, vec![ids])).await?;
        let one = |sought: &Sought<Self>| {
            let id = sought.outputs.allocation.as_str();
            let address = addresses.iter().find(|address| address.allocation_id() == Some(id))?;
            Some(Live {
                spec: Self {},
                outputs: outputs(Some(id), address.public_ip())?,
                tags: ec2::tags(address.tags()),
                readiness: Readiness::Ready,
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
        let id = &change.from.outputs.allocation;
        ec2::update_tags(aws, id.as_str(), &change.tags(&identity.tags)).await?;
        Ok(change.from.outputs.clone())
    }

    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        let id = &gone.outputs.allocation;
        match release(aws, id, RELEASE).await {
            // AWS says the same of an address that is still held and of one that is somebody
            // else's by now: only looking tells (aws-behaviour 4.e).
            Err(error) if error.class() == Class::InUse => {
                let filters = vec![ec2::filter("allocation-id", [id.0.clone()])];
                if describe(aws, filters).await?.is_empty() {
                    return Ok(());
                }
                release(aws, id, RELEASE_WHEN_FREE).await
            }
            other => other,
        }
    }
}

const RELEASE: Operation = Operation::new("ec2:ReleaseAddress");

/// A NAT gateway holds its address for a moment after it is reported as deleted.
const RELEASE_WHEN_FREE: Operation = Operation::patient(
    RELEASE.name,
    &[Patience::with(
        &["InvalidIPAddress.InUse", "AuthFailure"],
        Duration::from_mins(5),
        "what had the address is still letting go of it (aws-behaviour 4.e)",
    )],
);

async fn release(aws: &Aws, id: &AllocationId, operation: Operation) -> Result<(), AwsError> {
    let send = || aws.ec2().release_address().allocation_id(id.as_str()).send();
    gone_is_done(aws.call(operation, send).await.map(drop))
}

/// The addresses that match; AWS gives them all in one answer (aws-behaviour 4.a).
async fn describe(aws: &Aws, filters: Vec<Filter>) -> Result<Vec<Address>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeAddresses");
    let send = || aws.ec2().describe_addresses().set_filters(Some(filters.clone())).send();
    Ok(aws.call(DESCRIBE, send).await?.addresses.unwrap_or_default())
}

fn outputs(allocation: Option<&str>, address: Option<&str>) -> Option<Outputs> {
    Some(Outputs { allocation: allocation?.into(), address: address?.parse().ok()? })
}
