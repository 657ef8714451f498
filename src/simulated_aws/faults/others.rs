//! Things that happen by themselves, and somebody else who changes things.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Fault, Scene};
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::ec2::bystander::Endpoint;
use crate::simulated_aws::ec2::interface::{NewInterface, create_interface};
use crate::simulated_aws::endpoint::{Call, Verdict, dispatch};
use crate::simulated_aws::wire::{Answer, Service};

/// NAT gateways that are made and then fail (aws-behaviour 5.d, 31.3).
#[derive(Clone, Copy, Debug)]
pub struct FailingGateways {
    /// How many of the next ones.
    pub left: usize,
}

impl Fault for FailingGateways {
    fn after(&mut self, scene: &mut Scene<'_>, answer: &Answer) -> Verdict {
        if scene.call.operation != "CreateNatGateway" || self.left == 0 {
            return Verdict::Pass;
        }
        let id = answer.as_ref().ok().and_then(|made| made["natGateway"]["natGatewayId"].as_str());
        if let Some(gateway) = id.and_then(|id| scene.cloud.ec2.nat_gateways.get_mut(id)) {
            gateway.doomed = true;
            self.left -= 1;
        }
        Verdict::Pass
    }
}

/// Log groups that come back: something still flushes its lines when they are deleted, and makes
/// them again, without retention and tags (aws-behaviour 11.e, 31.16).
#[derive(Clone, Debug)]
pub struct ReturningLogGroups {
    /// How long after their deletion.
    pub pause: Duration,
    /// Those that will.
    pending: Vec<(Moment, String)>,
    left: usize,
}

impl ReturningLogGroups {
    /// The next `count` deleted groups come back after `pause`.
    #[must_use]
    pub fn new(count: usize, pause: Duration) -> Self {
        Self { pause, pending: Vec::new(), left: count }
    }
}

impl Fault for ReturningLogGroups {
    fn before(&mut self, scene: &mut Scene<'_>) -> Verdict {
        let now = scene.cloud.now;
        let (due, pending) = self.pending.drain(..).partition(|(at, _)| *at <= now);
        self.pending = pending;
        let due: Vec<(Moment, String)> = due;
        for (_, name) in due {
            Deed::new(Service::Logs, "CreateLogGroup", json!({"logGroupName": name})).done(scene);
        }
        Verdict::Pass
    }

    fn after(&mut self, scene: &mut Scene<'_>, answer: &Answer) -> Verdict {
        if scene.call.operation == "DeleteLogGroup" && answer.is_ok() && self.left > 0 {
            self.left -= 1;
            let name = scene.call.request["logGroupName"].as_str().unwrap_or_default();
            self.pending.push((scene.cloud.now.after(self.pause), name.to_owned()));
        }
        Verdict::Pass
    }
}

/// A call that somebody else makes.
#[derive(Clone, Debug)]
pub struct Deed(Service, &'static str, Value);

impl Deed {
    /// A call of `operation` with `request`, in the service's own member names.
    #[must_use]
    pub fn new(service: Service, operation: &'static str, request: Value) -> Self {
        Self(service, operation, request)
    }

    fn done(&self, scene: &mut Scene<'_>) -> Option<Value> {
        let Self(service, operation, request) = self;
        let call = Call {
            service: *service,
            operation: (*operation).to_owned(),
            request: request.clone(),
            arrived: scene.cloud.now,
            access_key: String::new(),
            region: scene.cloud.region.clone(),
            user_agent: String::new(),
        };
        let answer = dispatch(scene.cloud, &call);
        if let Err(error) = &answer {
            tracing::debug!(operation, error.code, "somebody else was refused");
        }
        answer.ok()
    }
}

/// Somebody else who writes as soon as an operation was seen: an autoscaler, a pipeline, a guard
/// (aws-behaviour 0.1.9, 26).
#[derive(Clone, Debug)]
pub struct OtherWriter {
    after: &'static str,
    acts: Acts,
    is_done: bool,
}

#[derive(Clone, Debug)]
enum Acts {
    Calls(Vec<Deed>),
    Guards,
}

impl OtherWriter {
    /// Makes `deeds` once, as soon as `operation` was carried out.
    #[must_use]
    pub fn after(operation: &'static str, deeds: Vec<Deed>) -> Self {
        Self { after: operation, acts: Acts::Calls(deeds), is_done: false }
    }

    /// GuardDuty, which puts an endpoint and a security group into the network once something runs
    /// there (aws-behaviour 1.e2).
    #[must_use]
    pub fn guard_duty() -> Self {
        Self { after: "CreateService", acts: Acts::Guards, is_done: false }
    }
}

impl Fault for OtherWriter {
    fn after(&mut self, scene: &mut Scene<'_>, answer: &Answer) -> Verdict {
        if self.is_done || scene.call.operation != self.after || answer.is_err() {
            return Verdict::Pass;
        }
        self.is_done = true;
        match &self.acts {
            Acts::Calls(deeds) => deeds.iter().for_each(|deed| drop(deed.done(scene))),
            Acts::Guards => guard(scene),
        }
        Verdict::Pass
    }
}

/// Puts an endpoint, with its interfaces and its group, into every network.
fn guard(scene: &mut Scene<'_>) {
    let vpcs: Vec<String> = scene.cloud.ec2.vpcs.keys().cloned().collect();
    for vpc in vpcs {
        let request = json!({
            "GroupName": format!("GuardDutyManagedSecurityGroup-{vpc}"),
            "GroupDescription": "Associated with VPC endpoints of GuardDuty",
            "VpcId": vpc,
            "TagSpecification": [{
                "ResourceType": "security-group",
                "Tag": [{"Key": "GuardDutyManaged", "Value": "true"}],
            }],
        });
        let made = Deed::new(Service::Ec2, "CreateSecurityGroup", request).done(scene);
        let group = made.and_then(|made| Some(made["groupId"].as_str()?.to_owned()));
        let Some(group) = group else { continue };
        let endpoint = endpoint(scene, vpc, group);
        scene.cloud.ec2.endpoints.insert(endpoint.id.clone(), endpoint);
    }
}

fn endpoint(scene: &mut Scene<'_>, vpc: String, group: String) -> Endpoint {
    let subnets = scene.cloud.ec2.subnets.values().filter(|subnet| subnet.vpc == vpc);
    let subnets: Vec<String> = subnets.map(|subnet| subnet.id.clone()).take(1).collect();
    let id = scene.cloud.fresh_id("vpce");
    let interface = |subnet: &String| {
        let new = NewInterface {
            subnet: subnet.clone(),
            groups: vec![group.clone()],
            description: format!("VPC Endpoint Interface {id}"),
            interface_type: "vpc_endpoint".to_owned(),
            requester: "amazon-guardduty".to_owned(),
            public_address: false,
        };
        create_interface(scene.cloud, new).ok().map(|made| made.id)
    };
    let interfaces = subnets.iter().filter_map(interface).collect();
    Endpoint {
        vpc,
        service: format!("com.amazonaws.{}.guardduty-data", scene.cloud.region),
        endpoint_type: "Interface".to_owned(),
        state: "available".to_owned(),
        subnets,
        groups: vec![group],
        interfaces,
        requester_managed: true,
        created: scene.cloud.now,
        id,
        ..Endpoint::default()
    }
}
