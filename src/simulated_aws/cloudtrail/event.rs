//! One event: what is kept of a call, and how it is shown.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::clock::Moment;
use super::super::cloud::{ACCOUNT, Cloud};
use super::super::sts::Caller;

/// An address that no machine has (RFC 5737): where all callers are.
const CALLERS_ADDRESS: &str = "203.0.113.10";

/// Members that name a resource, and CloudFormation's name of what they name. The events of ECS,
/// CloudWatch Logs and Application Auto Scaling list no resources in any example that AWS gives.
const RESOURCES: &[(&str, &str)] = &[
    ("vpcId", "AWS::EC2::VPC"),
    ("subnetId", "AWS::EC2::Subnet"),
    ("groupId", "AWS::EC2::SecurityGroup"),
    ("routeTableId", "AWS::EC2::RouteTable"),
    ("internetGatewayId", "AWS::EC2::InternetGateway"),
    ("natGatewayId", "AWS::EC2::NatGateway"),
    ("instanceId", "AWS::EC2::Instance"),
    ("loadBalancerArn", "AWS::ElasticLoadBalancingV2::LoadBalancer"),
    ("listenerArn", "AWS::ElasticLoadBalancingV2::Listener"),
    ("targetGroupArn", "AWS::ElasticLoadBalancingV2::TargetGroup"),
    ("roleName", "AWS::IAM::Role"),
    ("policyArn", "AWS::IAM::Policy"),
];

/// A call that may have changed something.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Event {
    /// Counts from 0; a later call has a larger one.
    pub number: u64,
    /// When the call was carried out.
    pub at: Moment,
    /// From when on it can be looked up.
    pub known_at: Moment,
    pub region: String,
    pub source: String,
    pub name: String,
    pub access_key: String,
    pub caller: Caller,
    pub user_agent: String,
    pub request: Value,
    pub response: Value,
    /// Code and message of a call that was refused.
    pub error: Option<(String, String)>,
}

impl Event {
    /// The event's id: a UUID in form, and unique in the region.
    pub fn id(&self) -> String {
        let bits = u128::from(self.at.0) << 64 | u128::from(self.number);
        uuid::Uuid::from_u128(bits).to_string()
    }

    /// The value of an attribute that events can be looked up by; all of those of `ResourceName`.
    pub fn attribute(&self, key: &str) -> Vec<String> {
        match key {
            "EventId" => vec![self.id()],
            "EventName" => vec![self.name.clone()],
            "EventSource" => vec![self.source.clone()],
            "ReadOnly" => vec!["false".into()],
            "Username" => vec![self.caller.name()],
            "AccessKeyId" => vec![self.access_key.clone()],
            "ResourceName" => self.resources().into_iter().map(|(_, name)| name).collect(),
            "ResourceType" => self.resources().into_iter().map(|(kind, _)| kind.into()).collect(),
            _ => vec![],
        }
    }

    /// Type and name of what the call was about.
    fn resources(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        collect(&self.request, &mut found);
        collect(&self.response, &mut found);
        found.sort();
        found.dedup();
        found
    }

    /// The event as `LookupEvents` gives it.
    pub fn show(&self, cloud: &Cloud) -> Value {
        let resource =
            |(kind, name): (&str, String)| json!({"ResourceType": kind, "ResourceName": name});
        let resources: Vec<Value> = self.resources().into_iter().map(resource).collect();
        json!({
            "EventId": self.id(),
            "EventName": self.name,
            "ReadOnly": "false",
            "AccessKeyId": self.access_key,
            "EventTime": cloud.timestamp(self.at).as_second(),
            "EventSource": self.source,
            "Username": self.caller.name(),
            "Resources": resources,
            "CloudTrailEvent": self.whole(cloud).to_string(),
        })
    }

    /// The event in CloudTrail's own format.
    fn whole(&self, cloud: &Cloud) -> Value {
        let time = cloud.timestamp(self.at).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let mut whole = json!({
            "eventVersion": "1.11",
            "userIdentity": self.caller.identity(cloud.partition(), &self.access_key),
            "eventTime": time,
            "eventSource": self.source,
            "eventName": self.name,
            "awsRegion": self.region,
            "sourceIPAddress": self.caller.address().unwrap_or(CALLERS_ADDRESS),
            "userAgent": self.user_agent,
            "requestParameters": self.request,
            "responseElements": self.response,
            "eventID": self.id(),
            "readOnly": false,
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
        });
        if let Some((code, message)) = &self.error {
            whole["errorCode"] = code.as_str().into();
            whole["errorMessage"] = message.as_str().into();
        }
        whole
    }
}

fn collect(value: &Value, found: &mut Vec<(&'static str, String)>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            let kind = RESOURCES.iter().find(|(own, _)| own == name).map(|(_, kind)| *kind);
            match (kind, member.as_str()) {
                (Some(kind), Some(name)) => found.push((kind, name.to_owned())),
                _ => collect(member, found),
            }
        }),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}
