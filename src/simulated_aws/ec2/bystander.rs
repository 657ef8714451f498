//! What others put into a VPC: endpoints, as `GuardDuty` does (aws-behaviour 1.e2), and instances.
//!
//! No operation makes them here. A test puts them into [`Ec2::endpoints`] or [`Ec2::instances`];
//! from then on they are listed, and keep what they stand in from being deleted.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::describe::{self, Fact, Listed, text};
use super::{Ec2, tags};
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::wire::{Answer, Parameters};

/// A VPC endpoint.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Endpoint {
    /// `vpce-…`.
    pub id: String,
    /// The VPC's id.
    pub vpc: String,
    /// `com.amazonaws.eu-west-1.guardduty-data`.
    pub service: String,
    /// `Interface` or `Gateway`.
    pub endpoint_type: String,
    /// In lower case, other than the SDK's model has it (aws-behaviour 8.d): `available`.
    pub state: String,
    /// Ids of the subnets that it has interfaces in.
    pub subnets: Vec<String>,
    /// Ids of the security groups of its interfaces.
    pub groups: Vec<String>,
    /// Ids of the tables that a gateway endpoint puts its routes into.
    pub route_tables: Vec<String>,
    /// Ids of its interfaces.
    pub interfaces: Vec<String>,
    /// Whether an AWS service made it.
    pub requester_managed: bool,
    /// When it was made.
    pub created: Moment,
}

impl Listed for Endpoint {
    const KIND: &'static str = "vpc-endpoint";
    const NOUN: &'static str = "Vpc Endpoint Id";
    const NOT_FOUND: &'static str = "InvalidVpcEndpointId.NotFound";
    const MALFORMED: &'static str = "InvalidVpcEndpointId.Malformed";
    const ID_PREFIX: &'static str = "vpce";
    const IDS: &'static str = "VpcEndpointId";
    const SET: &'static str = "vpcEndpointSet";
    const FACTS: &'static [Fact<Self>] = &[
        ("vpc-endpoint-id", |endpoint, _| text(&endpoint.id)),
        ("vpc-id", |endpoint, _| text(&endpoint.vpc)),
        ("service-name", |endpoint, _| text(&endpoint.service)),
        ("vpc-endpoint-type", |endpoint, _| text(&endpoint.endpoint_type)),
        ("vpc-endpoint-state", |endpoint, _| text(&endpoint.state)),
    ];

    fn all(ec2: &Ec2) -> &BTreeMap<String, Self> {
        &ec2.endpoints
    }

    fn all_mut(ec2: &mut Ec2) -> &mut BTreeMap<String, Self> {
        &mut ec2.endpoints
    }

    fn show(&self, cloud: &Cloud) -> Value {
        let groups = self.groups.iter().map(|id| {
            json!({"groupId": id, "groupName": cloud.ec2.groups.get(id).map(|group| &group.name)})
        });
        json!({
            "vpcEndpointId": self.id,
            "vpcEndpointType": self.endpoint_type,
            "vpcId": self.vpc,
            "serviceName": self.service,
            "state": self.state,
            "subnetIdSet": self.subnets,
            "groupSet": groups.collect::<Vec<_>>(),
            "routeTableIdSet": self.route_tables,
            "networkInterfaceIdSet": self.interfaces,
            "requesterManaged": self.requester_managed,
            "ownerId": ACCOUNT,
            "creationTimestamp": cloud.timestamp(self.created).to_string(),
            "tagSet": tags::set(&cloud.ec2, &self.id),
        })
    }
}

/// A virtual machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Instance {
    /// `i-…`.
    pub id: String,
    /// The VPC's id.
    pub vpc: String,
    /// The subnet's id.
    pub subnet: String,
    /// Ids of its security groups.
    pub groups: Vec<String>,
    /// Its address inside the VPC.
    pub private_address: Ipv4Addr,
    /// `t3.micro`.
    pub instance_type: String,
    /// Where in its life it is.
    pub state: InstanceState,
    /// When it was launched.
    pub launched: Moment,
}

/// Where in its life an instance is, by the names of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InstanceState {
    /// Being launched.
    Pending,
    /// Up.
    Running,
    /// On its way to being terminated.
    ShuttingDown,
    /// Gone, and only listed.
    Terminated,
    /// On its way to being stopped.
    Stopping,
    /// Down, and still there.
    Stopped,
}

impl InstanceState {
    /// Code and name on the wire.
    fn wire(self) -> (u8, &'static str) {
        match self {
            Self::Pending => (0, "pending"),
            Self::Running => (16, "running"),
            Self::ShuttingDown => (32, "shutting-down"),
            Self::Terminated => (48, "terminated"),
            Self::Stopping => (64, "stopping"),
            Self::Stopped => (80, "stopped"),
        }
    }
}

impl Instance {
    /// Whether its interface still stands in its subnet; a terminated instance is only listed.
    pub(super) fn holds_its_vpc(&self) -> bool {
        self.state != InstanceState::Terminated
    }
}

impl Listed for Instance {
    const KIND: &'static str = "instance";
    const NOUN: &'static str = "instance ID";
    const NOT_FOUND: &'static str = "InvalidInstanceID.NotFound";
    const MALFORMED: &'static str = "InvalidInstanceID.Malformed";
    const ID_PREFIX: &'static str = "i";
    const IDS: &'static str = "InstanceId";
    const SET: &'static str = "instancesSet";
    const FACTS: &'static [Fact<Self>] = &[
        ("instance-id", |instance, _| text(&instance.id)),
        ("vpc-id", |instance, _| text(&instance.vpc)),
        ("subnet-id", |instance, _| text(&instance.subnet)),
        ("instance-type", |instance, _| text(&instance.instance_type)),
        ("instance-state-name", |instance, _| text(instance.state.wire().1)),
        ("instance-state-code", |instance, _| text(instance.state.wire().0)),
        ("instance.group-id", |instance, _| instance.groups.clone()),
        ("private-ip-address", |instance, _| text(instance.private_address)),
    ];

    fn all(ec2: &Ec2) -> &BTreeMap<String, Self> {
        &ec2.instances
    }

    fn all_mut(ec2: &mut Ec2) -> &mut BTreeMap<String, Self> {
        &mut ec2.instances
    }

    fn show(&self, cloud: &Cloud) -> Value {
        let (code, name) = self.state.wire();
        json!({
            "instanceId": self.id,
            "instanceType": self.instance_type,
            "instanceState": {"code": code, "name": name},
            "vpcId": self.vpc,
            "subnetId": self.subnet,
            "privateIpAddress": self.private_address,
            "launchTime": cloud.timestamp(self.launched).to_string(),
            "groupSet": self.groups.iter().map(|id| json!({"groupId": id})).collect::<Vec<_>>(),
            "tagSet": tags::set(&cloud.ec2, &self.id),
        })
    }
}

/// Lists instances, each in a reservation of its own.
pub(super) fn describe_instances(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let mut answer = describe::describe::<Instance>(cloud, request)?;
    let reservation = |instance: &Value| {
        let id = instance["instanceId"].as_str().unwrap_or_default();
        json!({
            "reservationId": id.replacen("i-", "r-", 1),
            "ownerId": ACCOUNT,
            "groupSet": [],
            "instancesSet": [instance],
        })
    };
    let instances = answer[Instance::SET].take();
    let reservations: Vec<Value> =
        instances.as_array().into_iter().flatten().map(reservation).collect();
    Ok(json!({"reservationSet": reservations, "nextToken": answer["nextToken"]}))
}
