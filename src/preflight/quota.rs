//! The quotas that a stack may meet: what AWS calls them, and which kinds count in them.

use serde::Serialize;

use crate::resource::Kind;

/// What an account may have only so many of, in the order in which findings are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scarce {
    /// VPCs in a region.
    Vpcs,
    /// Internet gateways in a region.
    InternetGateways,
    /// Elastic IP addresses in a region.
    Addresses,
    /// NAT gateways in a zone.
    NatGateways,
    /// Security groups in a region.
    SecurityGroups,
    /// Application load balancers in a region.
    LoadBalancers,
    /// Processors of tasks on Fargate.
    Vcpus,
    /// Processors of tasks on Fargate Spot.
    SpotVcpus,
}

/// A quota as Service Quotas knows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quota {
    /// The service's code: `vpc`.
    pub service: &'static str,
    /// The quota's code.
    pub code: &'static str,
    /// What one of them is called: `VPC`.
    pub one: &'static str,
    /// What several of them are called.
    pub many: &'static str,
    /// What it is in an account that never asked for more, where that is documented
    /// (aws-behaviour 28).
    pub documented: Option<f64>,
}

impl Scarce {
    /// Its quota.
    pub fn quota(self) -> Quota {
        let quota = |service, code, one, many, documented| Quota {
            service,
            code,
            one,
            many,
            documented: Some(documented),
        };
        match self {
            Self::Vpcs => quota("vpc", "L-F678F1CE", "VPC", "VPCs", 5.0),
            Self::InternetGateways => {
                quota("vpc", "L-A4707A72", "internet gateway", "internet gateways", 5.0)
            }
            Self::Addresses => {
                quota("ec2", "L-0263D0A3", "Elastic IP address", "Elastic IP addresses", 5.0)
            }
            Self::NatGateways => quota("vpc", "L-FE5A380F", "NAT gateway", "NAT gateways", 5.0),
            Self::SecurityGroups => {
                quota("vpc", "L-E79EC296", "security group", "security groups", 2500.0)
            }
            Self::LoadBalancers => quota(
                "elasticloadbalancing",
                "L-53DA6B97",
                "application load balancer",
                "application load balancers",
                50.0,
            ),
            // They are raised by AWS itself as an account grows, so there is no one figure.
            Self::Vcpus => vcpus("L-3032A538", "Fargate vCPU", "Fargate vCPUs"),
            Self::SpotVcpus => vcpus("L-36FBB829", "Fargate Spot vCPU", "Fargate Spot vCPUs"),
        }
    }

    /// What the kind counts in; `None` where no stack comes near the quota.
    pub fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Vpc => Some(Self::Vpcs),
            Kind::InternetGateway => Some(Self::InternetGateways),
            Kind::ElasticIp => Some(Self::Addresses),
            Kind::NatGateway => Some(Self::NatGateways),
            Kind::SecurityGroup => Some(Self::SecurityGroups),
            Kind::LoadBalancer => Some(Self::LoadBalancers),
            Kind::Subnet
            | Kind::RouteTable
            | Kind::Role
            | Kind::LogGroup
            | Kind::Cluster
            | Kind::TaskDefinition
            | Kind::TargetGroup
            | Kind::Listener
            | Kind::Service
            | Kind::ScalableTarget
            | Kind::ScalingPolicy
            | Kind::Topic
            | Kind::Alarm
            | Kind::Schedule => None,
        }
    }
}

fn vcpus(code: &'static str, one: &'static str, many: &'static str) -> Quota {
    Quota { service: "fargate", code, one, many, documented: None }
}

impl Quota {
    /// Where more of it can be asked for.
    pub fn console(&self, region: &str) -> String {
        format!(
            "https://{region}.console.aws.amazon.com/servicequotas/home/services/{}/quotas/{}",
            self.service, self.code
        )
    }
}
