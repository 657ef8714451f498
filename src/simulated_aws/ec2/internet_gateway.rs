//! Internet gateways, and the VPC that each is attached to (aws-behaviour 2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::describe::{Fact, Listed, find, find_mut, maybe, text};
use super::vpc::Vpc;
use super::{Ec2, done, error, tags};
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// A VPC's door to the internet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InternetGateway {
    pub id: String,
    /// The VPC that it is attached to.
    pub vpc: Option<String>,
}

impl Listed for InternetGateway {
    const KIND: &'static str = "internet-gateway";
    const NOUN: &'static str = "internetGateway ID";
    const NOT_FOUND: &'static str = "InvalidInternetGatewayID.NotFound";
    const MALFORMED: &'static str = "InvalidInternetGatewayId.Malformed";
    const ID_PREFIX: &'static str = "igw";
    const IDS: &'static str = "InternetGatewayId";
    const SET: &'static str = "internetGatewaySet";
    const FACTS: &'static [Fact<Self>] = &[
        ("internet-gateway-id", |gateway, _| text(&gateway.id)),
        ("attachment.vpc-id", |gateway, _| maybe(gateway.vpc.as_ref())),
        ("attachment.state", |gateway, _| maybe(gateway.vpc.as_ref().map(|_| ATTACHED))),
        ("owner-id", |_, _| text(ACCOUNT)),
    ];

    fn all(ec2: &Ec2) -> &BTreeMap<String, Self> {
        &ec2.internet_gateways
    }

    fn all_mut(ec2: &mut Ec2) -> &mut BTreeMap<String, Self> {
        &mut ec2.internet_gateways
    }

    fn show(&self, cloud: &Cloud) -> Value {
        let attachment = |vpc| json!({"vpcId": vpc, "state": ATTACHED});
        json!({
            "internetGatewayId": self.id,
            "ownerId": ACCOUNT,
            "attachmentSet": self.vpc.iter().map(attachment).collect::<Vec<_>>(),
            "tagSet": tags::set(&cloud.ec2, &self.id),
        })
    }
}

/// The state of an attachment on the wire, which the SDK's model doesn't know (aws-behaviour 2.d).
const ATTACHED: &str = "available";

pub(super) fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let tags = tags::requested(request, InternetGateway::KIND)?;
    let quota = cloud.ec2.quotas.internet_gateways;
    if cloud.ec2.internet_gateways.len() >= quota {
        let code = "InternetGatewayLimitExceeded";
        return Err(error::over_quota(code, "internet gateways", quota));
    }
    let gateway = InternetGateway { id: cloud.fresh_id("igw"), vpc: None };
    tags::put(cloud, &gateway.id, tags);
    cloud.ec2.internet_gateways.insert(gateway.id.clone(), gateway.clone());
    Ok(json!({"internetGateway": gateway.show(cloud)}))
}

pub(super) fn attach(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let vpc = request.required("VpcId")?;
    let gateway: &InternetGateway = find(&cloud.ec2, request.required("InternetGatewayId")?)?;
    find::<Vpc>(&cloud.ec2, vpc)?;
    if let Some(vpc) = &gateway.vpc {
        let message = format!("resource {} is already attached to network {vpc}", gateway.id);
        return Err(ApiError::new("Resource.AlreadyAssociated", message));
    }
    if attached_to(&cloud.ec2, vpc).is_some() {
        let message = format!("Network {vpc} already has an internet gateway attached");
        return Err(error::invalid_value(message));
    }
    let id = gateway.id.clone();
    find_mut::<InternetGateway>(&mut cloud.ec2, &id)?.vpc = Some(vpc.to_owned());
    Ok(done())
}

pub(super) fn detach(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let vpc = request.required("VpcId")?;
    let gateway: &InternetGateway = find(&cloud.ec2, request.required("InternetGatewayId")?)?;
    find::<Vpc>(&cloud.ec2, vpc)?;
    if gateway.vpc.as_deref() != Some(vpc) {
        let message = format!("resource {} is not attached to network {vpc}", gateway.id);
        return Err(ApiError::new("Gateway.NotAttached", message));
    }
    let mut interfaces = cloud.ec2.interfaces.values();
    if interfaces.any(|interface| interface.vpc == vpc && interface.public_address.is_some()) {
        return Err(error::dependency(format!(
            "Network {vpc} has some mapped public address(es). \
             Please unmap those public address(es) before detaching the gateway."
        )));
    }
    let id = gateway.id.clone();
    find_mut::<InternetGateway>(&mut cloud.ec2, &id)?.vpc = None;
    Ok(done())
}

pub(super) fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let gateway: &InternetGateway = find(&cloud.ec2, request.required("InternetGatewayId")?)?;
    let id = gateway.id.clone();
    if gateway.vpc.is_some() {
        let message = format!("The internetGateway '{id}' has dependencies and cannot be deleted.");
        return Err(error::dependency(message));
    }
    cloud.ec2.internet_gateways.remove(&id);
    cloud.ec2.tags.remove(&id);
    Ok(done())
}

/// The gateway attached to a VPC.
pub(super) fn attached_to<'e>(ec2: &'e Ec2, vpc: &str) -> Option<&'e InternetGateway> {
    ec2.internet_gateways.values().find(|gateway| gateway.vpc.as_deref() == Some(vpc))
}
