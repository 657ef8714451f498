//! Target groups: made, shown, deleted (aws-behaviour 15).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::clock::Moment;
use super::super::cloud::Cloud;
use super::super::wire::{Answer, ApiError, Parameters};
use super::attributes::TARGET_GROUP;
use super::health_check::HealthCheck;
use super::limits::room_for_one_more;
use super::page::page;
use super::target::{Target, TargetState};
use super::validate::{invalid, one_of, port, required, resource_name};
use super::{Elb, load_balancer, network, tags};

/// A target group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TargetGroup {
    pub arn: String,
    pub name: String,
    pub protocol: String,
    pub protocol_version: String,
    pub port: u16,
    pub vpc: String,
    /// `ip` or `instance`.
    pub target_type: String,
    pub ip_address_type: String,
    pub health_check: HealthCheck,
    pub attributes: BTreeMap<String, String>,
    pub targets: Vec<Target>,
}

impl TargetGroup {
    /// A registered target, draining ones among them.
    pub fn target(&self, address: &str, port: u16) -> Option<&Target> {
        self.targets.iter().find(|target| target.is_at(address, port))
    }

    pub fn target_mut(&mut self, address: &str, port: u16) -> Option<&mut Target> {
        self.targets.iter_mut().find(|target| target.is_at(address, port))
    }

    pub fn remove(&mut self, address: &str, port: u16) {
        self.targets.retain(|target| !target.is_at(address, port));
    }

    /// How long a target drains.
    pub fn deregistration_delay(&self) -> Duration {
        let seconds = self.attributes.get("deregistration_delay.timeout_seconds");
        Duration::from_secs(seconds.and_then(|seconds| seconds.parse().ok()).unwrap_or(300))
    }

    /// Lets every target go on to its next state that is due at `now`.
    pub fn turn_targets(&mut self, now: Moment) {
        let due = |target: &Target| target.turns.is_some_and(|turns| turns <= now);
        self.targets.retain(|target| target.state != TargetState::Draining || !due(target));
        for target in self.targets.iter_mut().filter(|target| due(target)) {
            target.turn(&self.health_check);
        }
    }

    fn is_made_alike(&self, other: &Self) -> bool {
        let made = |group: &Self| {
            let names = [&group.protocol, &group.protocol_version, &group.vpc];
            let types = [&group.target_type, &group.ip_address_type];
            (names.map(String::clone), types.map(String::clone), group.port)
        };
        made(self) == made(other) && self.health_check == other.health_check
    }
}

/// The group that a request names.
pub fn named<'a>(elb: &'a Elb, request: Parameters<'_>) -> Result<&'a TargetGroup, ApiError> {
    find(elb, required(request, "TargetGroupArn")?)
}

/// The group with an ARN.
pub fn find<'a>(elb: &'a Elb, arn: &str) -> Result<&'a TargetGroup, ApiError> {
    elb.target_groups.get(arn).ok_or_else(not_found)
}

pub fn not_found() -> ApiError {
    ApiError::new("TargetGroupNotFound", "One or more target groups not found")
}

pub fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let tags = tags::read(request)?;
    let mut group = read(cloud, request)?;
    if let Some(namesake) = cloud.elb.target_groups.values().find(|other| other.name == group.name)
    {
        if !namesake.is_made_alike(&group) {
            return Err(ApiError::new(
                "DuplicateTargetGroupName",
                format!(
                    "A target group with the same name '{}' exists, but with different settings",
                    group.name
                ),
            ));
        }
        return Ok(json!({"TargetGroups": [shown(&cloud.elb, namesake)]}));
    }
    let elb = &cloud.elb;
    room_for_one_more(elb.target_groups.len(), elb.quotas.target_groups, "TooManyTargetGroups")?;
    let id = cloud.fresh_hex(16);
    group.arn = cloud.arn("elasticloadbalancing", &format!("targetgroup/{}/{id}", group.name));
    let answer = json!({"TargetGroups": [shown(&cloud.elb, &group)]});
    cloud.elb.tags.insert(group.arn.clone(), tags);
    cloud.elb.target_groups.insert(group.arn.clone(), group);
    Ok(answer)
}

/// Reads the group that a request wants, with all defaults filled in and still without an ARN.
fn read(cloud: &Cloud, request: Parameters<'_>) -> Result<TargetGroup, ApiError> {
    let name = resource_name(request, "target group")?;
    let target_type = one_of(request, "TargetType", &["instance", "ip"])?.unwrap_or("instance");
    let protocol = one_of(request, "Protocol", &["HTTP", "HTTPS"])?
        .ok_or_else(|| invalid("A protocol must be specified"))?;
    let version =
        one_of(request, "ProtocolVersion", &["HTTP1", "HTTP2", "GRPC"])?.unwrap_or("HTTP1");
    let ip_address_type = one_of(request, "IpAddressType", &["ipv4", "ipv6"])?.unwrap_or("ipv4");
    let vpc = request.text("VpcId").ok_or_else(|| invalid("A VPC ID must be specified"))?;
    if !network::vpc_exists(cloud, vpc) {
        return Err(invalid(format!("The VPC ID '{vpc}' is not found")));
    }
    Ok(TargetGroup {
        arn: String::new(),
        name: name.to_owned(),
        protocol: protocol.to_owned(),
        protocol_version: version.to_owned(),
        port: port(request, "Port")?,
        vpc: vpc.to_owned(),
        target_type: target_type.to_owned(),
        ip_address_type: ip_address_type.to_owned(),
        health_check: HealthCheck::of_group(protocol, version).merged(request)?,
        attributes: TARGET_GROUP.defaults(),
        targets: Vec::new(),
    })
}

pub fn describe(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let elb = &cloud.elb;
    let arns = request.texts("TargetGroupArns");
    let names = request.texts("Names");
    let mut chosen: Vec<&TargetGroup> = if let Some(balancer) = request.text("LoadBalancerArn") {
        let balancer = load_balancer::find(elb, balancer)?;
        let groups = elb.groups_of(&balancer.arn);
        groups.into_iter().filter_map(|arn| elb.target_groups.get(arn)).collect()
    } else if !arns.is_empty() {
        arns.iter().map(|arn| find(elb, arn)).collect::<Result<_, _>>()?
    } else if !names.is_empty() {
        names.iter().map(|name| find_by_name(elb, name)).collect::<Result<_, _>>()?
    } else {
        elb.target_groups.values().collect()
    };
    chosen.sort_by_key(|group| &group.arn);
    let shown = chosen.into_iter().map(|group| (group.arn.clone(), shown(elb, group)));
    page(request, "TargetGroups", shown.collect())
}

fn find_by_name<'a>(elb: &'a Elb, name: &str) -> Result<&'a TargetGroup, ApiError> {
    elb.target_groups.values().find(|group| group.name == name).ok_or_else(not_found)
}

pub fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let arn = required(request, "TargetGroupArn")?;
    if cloud.elb.server_of(arn).is_some() {
        return Err(ApiError::new(
            "ResourceInUse",
            format!("Target group '{arn}' is currently in use by a listener or a rule"),
        ));
    }
    cloud.elb.target_groups.remove(arn);
    cloud.elb.tags.remove(arn);
    Ok(json!({}))
}

/// A group as the answers show it.
pub fn shown(elb: &Elb, group: &TargetGroup) -> Value {
    let mut shown = json!({
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        "Protocol": group.protocol,
        "ProtocolVersion": group.protocol_version,
        "Port": group.port,
        "VpcId": group.vpc,
        "TargetType": group.target_type,
        "IpAddressType": group.ip_address_type,
        "LoadBalancerArns": elb.server_of(&group.arn).map(|server| &server.arn).into_iter().collect::<Vec<_>>(),
    });
    if let (Value::Object(all), Value::Object(check)) = (&mut shown, group.health_check.shown()) {
        all.extend(check);
    }
    shown
}
