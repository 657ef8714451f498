//! NAT gateways, the slowest thing in a network (aws-behaviour 5).
//!
//! A gateway is accepted first and looked at afterwards: what is wrong with it shows only when it
//! has `failed`. Gone or failed, it stays listed with its tags for an hour.

mod life;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::address::{Address, Mapping};
use super::describe::{Fact, Listed, find, find_mut, text};
use super::interface::{self, Elastic, NewInterface, PublicAddress};
use super::subnet::Subnet;
use super::{Ec2, error, tags, tokens};
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

pub(super) use life::{next_due, pass};

/// A gateway that lets a private subnet call out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NatGateway {
    pub id: String,
    pub vpc: String,
    pub subnet: String,
    /// The name of its availability zone, which its quota counts in.
    pub zone: String,
    pub connectivity: Connectivity,
    /// Its interface, unless its subnet had no address left.
    pub interface: Option<GatewayInterface>,
    pub phase: Phase,
    pub created: Moment,
    pub deleted: Option<Moment>,
    /// What was found wrong with it.
    pub flaw: Option<Flaw>,
    /// Whether it is to fail for no reason of the caller's.
    #[serde(default)]
    pub doomed: bool,
}

/// Where a gateway leads.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Connectivity {
    /// To other private networks.
    Private,
    /// To the internet.
    Public {
        /// The allocation id of its address.
        allocation: String,
        address: Ipv4Addr,
        /// The association's id; none when the address was taken already.
        association: Option<String>,
    },
}

/// A gateway's own interface, as the gateway remembers it after it is gone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GatewayInterface {
    pub id: String,
    pub private_address: Ipv4Addr,
}

/// Where in its life a gateway is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// `pending`; what is wrong shows at this moment.
    Checked {
        at: Moment,
    },
    /// `pending`, with nothing wrong.
    Starting {
        until: Moment,
    },
    Available,
    /// Can only be deleted.
    Failed {
        listed_until: Moment,
    },
    Deleting {
        until: Moment,
    },
    Deleted {
        listed_until: Moment,
    },
}

impl Phase {
    /// The state's name on the wire.
    fn state(self) -> &'static str {
        match self {
            Self::Checked { .. } | Self::Starting { .. } => "pending",
            Self::Available => "available",
            Self::Failed { .. } => "failed",
            Self::Deleting { .. } => "deleting",
            Self::Deleted { .. } => "deleted",
        }
    }

    /// When the phase ends by itself.
    fn end(self) -> Option<Moment> {
        match self {
            Self::Checked { at: end }
            | Self::Starting { until: end }
            | Self::Deleting { until: end }
            | Self::Failed { listed_until: end }
            | Self::Deleted { listed_until: end } => Some(end),
            Self::Available => None,
        }
    }

    /// Whether a route may name the gateway.
    fn takes_routes(self) -> bool {
        matches!(self, Self::Checked { .. } | Self::Starting { .. } | Self::Available)
    }
}

/// Why a gateway failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flaw {
    /// Its VPC has no internet gateway.
    NotAttached,
    /// Its address is somebody else's.
    AlreadyAssociated,
    /// Its subnet has no address left.
    InsufficientFreeAddresses,
    /// Something of AWS's own.
    InternalError,
}

impl Flaw {
    fn code(self) -> &'static str {
        match self {
            Self::NotAttached => "Gateway.NotAttached",
            Self::AlreadyAssociated => "Resource.AlreadyAssociated",
            Self::InsufficientFreeAddresses => "InsufficientFreeAddressesInSubnet",
            Self::InternalError => "InternalError",
        }
    }

    fn message(self, gateway: &NatGateway) -> String {
        match (self, &gateway.connectivity) {
            (Self::NotAttached, _) => {
                format!("Network {} has no Internet gateway attached", gateway.vpc)
            }
            (Self::AlreadyAssociated, Connectivity::Public { allocation, .. }) => {
                format!("Elastic IP address [{allocation}] is already associated")
            }
            (Self::AlreadyAssociated, Connectivity::Private) => {
                "The address is already associated".to_owned()
            }
            (Self::InsufficientFreeAddresses, _) => {
                format!("Subnet {} has insufficient free addresses", gateway.subnet)
            }
            (Self::InternalError, _) => {
                "Network interface could not be created; try again later".to_owned()
            }
        }
    }
}

impl NatGateway {
    /// Whether this address is mapped to the gateway's interface.
    pub(super) fn holds(&self, address: &Address) -> bool {
        let at = address.mapping.as_ref().map(|mapping| &mapping.interface);
        at.is_some() && at == self.interface.as_ref().map(|own| &own.id)
    }

    /// The `natGatewayAddressSet`.
    fn addresses(&self) -> Value {
        let own = self.interface.as_ref();
        let (allocation, address, association) = match &self.connectivity {
            Connectivity::Private => (None, None, None),
            Connectivity::Public { allocation, address, association } => {
                (Some(allocation), Some(address), association.as_ref())
            }
        };
        json!([{
            "allocationId": allocation,
            "publicIp": address,
            "associationId": association,
            "networkInterfaceId": own.map(|own| &own.id),
            "privateIp": own.map(|own| own.private_address),
            "isPrimary": true,
            "status": if self.flaw.is_some() { "failed" } else { "succeeded" },
            "failureMessage": self.flaw.map(|flaw| flaw.message(self)),
        }])
    }
}

impl Listed for NatGateway {
    const KIND: &'static str = "natgateway";
    const NOUN: &'static str = "NAT gateway";
    const NOT_FOUND: &'static str = "NatGatewayNotFound";
    const MALFORMED: &'static str = "NatGatewayMalformed";
    const ID_PREFIX: &'static str = "nat";
    const IDS: &'static str = "NatGatewayId";
    const SET: &'static str = "natGatewaySet";
    const FACTS: &'static [Fact<Self>] = &[
        ("nat-gateway-id", |gateway, _| text(&gateway.id)),
        ("state", |gateway, _| text(gateway.phase.state())),
        ("subnet-id", |gateway, _| text(&gateway.subnet)),
        ("vpc-id", |gateway, _| text(&gateway.vpc)),
    ];

    fn all(ec2: &Ec2) -> &BTreeMap<String, Self> {
        &ec2.nat_gateways
    }

    fn all_mut(ec2: &mut Ec2) -> &mut BTreeMap<String, Self> {
        &mut ec2.nat_gateways
    }

    fn show(&self, cloud: &Cloud) -> Value {
        let connectivity = match self.connectivity {
            Connectivity::Private => "private",
            Connectivity::Public { .. } => "public",
        };
        json!({
            "natGatewayId": self.id,
            "vpcId": self.vpc,
            "subnetId": self.subnet,
            "state": self.phase.state(),
            "connectivityType": connectivity,
            "availabilityMode": "zonal",
            "natGatewayAddressSet": self.addresses(),
            "createTime": cloud.timestamp(self.created).to_string(),
            "deleteTime": self.deleted.map(|deleted| cloud.timestamp(deleted).to_string()),
            "failureCode": self.flaw.map(Flaw::code),
            "failureMessage": self.flaw.map(|flaw| flaw.message(self)),
            "tagSet": tags::set(&cloud.ec2, &self.id),
        })
    }
}

/// Makes a gateway, or answers as before when the request's token came before.
pub(super) fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    if let Some(before) = tokens::recall(cloud, "CreateNatGateway", request)? {
        return Ok(brought_up_to_date(cloud, before));
    }
    let tags = tags::requested(request, NatGateway::KIND)?;
    let subnet: &Subnet = find(&cloud.ec2, request.required("SubnetId")?)?;
    let subnet = subnet.clone();
    let address = requested_address(&cloud.ec2, request)?.cloned();
    check_quota(&cloud.ec2, &subnet.zone)?;
    let gateway = start(cloud, subnet, address);
    tags::put(cloud, &gateway.id, tags);
    cloud.ec2.nat_gateways.insert(gateway.id.clone(), gateway.clone());
    let answer = json!({
        "clientToken": request.text("ClientToken"),
        "natGateway": gateway.show(cloud),
    });
    tokens::remember(cloud, "CreateNatGateway", request, &answer);
    Ok(answer)
}

/// An earlier answer with the gateway as it is now.
fn brought_up_to_date(cloud: &Cloud, mut answer: Value) -> Value {
    let id = answer["natGateway"]["natGatewayId"].as_str().unwrap_or_default();
    match cloud.ec2.nat_gateways.get(id) {
        Some(gateway) => answer["natGateway"] = gateway.show(cloud),
        None => answer["natGateway"]["state"] = json!("deleted"),
    }
    answer
}

/// The address that a public gateway is to have; none for a private one.
fn requested_address<'e>(
    ec2: &'e Ec2,
    request: Parameters<'_>,
) -> Result<Option<&'e Address>, ApiError> {
    let allocation = request.text("AllocationId");
    match (request.text("ConnectivityType").unwrap_or("public"), allocation) {
        ("public", Some(id)) => {
            let unknown = || {
                let message = format!("The elasticIp ID '{id}' does not exist");
                ApiError::new("InvalidElasticIpID.NotFound", message)
            };
            ec2.addresses.get(id).map(Some).ok_or_else(unknown)
        }
        ("public", None) => {
            Err(error::missing("The request must contain the parameter AllocationId"))
        }
        ("private", None) => Ok(None),
        ("private", Some(_)) => {
            Err(error::invalid_combination("AllocationId can't be used with a private NAT gateway"))
        }
        (other, _) => Err(error::invalid_value(format!("Invalid connectivity type: {other}"))),
    }
}

/// Counts gateways that are pending, available or still deleting (aws-behaviour 5.f).
fn check_quota(ec2: &Ec2, zone: &str) -> Result<(), ApiError> {
    let counts = |phase: Phase| phase.takes_routes() || matches!(phase, Phase::Deleting { .. });
    let quota = ec2.quotas.nat_gateways_per_zone;
    let gateways = ec2.nat_gateways.values();
    if gateways.filter(|other| other.zone == zone && counts(other.phase)).count() >= quota {
        let message =
            format!("Performing this operation would exceed the limit of {quota} NAT gateways");
        return Err(ApiError::new("NatGatewayLimitExceeded", message));
    }
    Ok(())
}

/// A gateway at the beginning of its life, with its interface and its address.
fn start(cloud: &mut Cloud, subnet: Subnet, address: Option<Address>) -> NatGateway {
    let id = cloud.fresh_id("nat");
    let taken = address.as_ref().is_some_and(|address| address.mapping.is_some());
    let new = NewInterface {
        subnet: subnet.id.clone(),
        groups: Vec::new(),
        description: format!("Interface for NAT Gateway {id}"),
        interface_type: "nat_gateway".to_owned(),
        requester: ACCOUNT.to_owned(),
        public_address: false,
    };
    let own = interface::create_interface(cloud, new).ok();
    let association = match (&own, &address) {
        (Some(own), Some(address)) if !taken => Some(map_address(cloud, &address.id, &own.id)),
        _ => None,
    };
    let at = cloud.now.after(Duration::from_millis(cloud.random().u64(5000..20_000)));
    NatGateway {
        id,
        vpc: subnet.vpc,
        subnet: subnet.id,
        zone: subnet.zone,
        connectivity: match address {
            None => Connectivity::Private,
            Some(address) => Connectivity::Public {
                allocation: address.id,
                address: address.public,
                association,
            },
        },
        interface: own
            .map(|own| GatewayInterface { id: own.id, private_address: own.private_address }),
        phase: Phase::Checked { at },
        created: cloud.now,
        deleted: None,
        flaw: None,
        doomed: false,
    }
}

/// Maps an address to an interface and gives the association's id.
fn map_address(cloud: &mut Cloud, allocation: &str, interface: &str) -> String {
    let association = cloud.fresh_id("eipassoc");
    let Some(address) = cloud.ec2.addresses.get_mut(allocation) else { return association };
    address.mapping =
        Some(Mapping { association: association.clone(), interface: interface.to_owned() });
    let elastic = Elastic { allocation: allocation.to_owned(), association: association.clone() };
    let public = PublicAddress { address: address.public, elastic: Some(elastic) };
    if let Some(interface) = cloud.ec2.interfaces.get_mut(interface) {
        interface.public_address = Some(public);
    }
    association
}

/// Starts a gateway's deletion; one that is being deleted already just goes on.
pub(super) fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let pause = Duration::from_millis(cloud.random().u64(60_000..90_000));
    let until = cloud.now.after(pause);
    let gateway: &mut NatGateway = find_mut(&mut cloud.ec2, request.required("NatGatewayId")?)?;
    match gateway.phase {
        Phase::Deleted { .. } => return Err(error::not_found::<NatGateway>(&gateway.id)),
        Phase::Deleting { .. } => {}
        _ => gateway.phase = Phase::Deleting { until },
    }
    Ok(json!({"natGatewayId": gateway.id}))
}

/// Whether a route to the gateway leads anywhere.
pub(super) fn is_routable(ec2: &Ec2, id: &str) -> bool {
    ec2.nat_gateways.get(id).is_some_and(|gateway| {
        gateway.phase.takes_routes() || matches!(gateway.phase, Phase::Deleting { .. })
    })
}

/// The gateway that a new route may lead to: in this VPC, and not failed nor going.
pub(super) fn route_target<'e>(
    ec2: &'e Ec2,
    id: &str,
    vpc: &str,
) -> Result<&'e NatGateway, ApiError> {
    let gateway = ec2.nat_gateways.get(id).filter(|gateway| gateway.phase.takes_routes());
    let gateway = gateway.ok_or_else(|| {
        let message = format!("The natGateway ID '{id}' does not exist");
        ApiError::new("InvalidNatGatewayID.NotFound", message)
    })?;
    if gateway.vpc != vpc {
        let message = format!("NAT gateway {id} belongs to a network other than {vpc}");
        return Err(error::invalid_value(message));
    }
    Ok(gateway)
}
