//! Load balancers: made, shown, deleted (aws-behaviour 14).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::clock::Moment;
use super::super::cloud::Cloud;
use super::super::wire::{Answer, ApiError, Parameters};
use super::attributes::{DELETION_PROTECTION, LOAD_BALANCER};
use super::limits::room_for_one_more;
use super::page::page;
use super::placement::{self, Place, Placement};
use super::validate::{invalid, one_of, required, resource_name};
use super::{Elb, network, tags, targets};

/// The kinds of address that a load balancer can have.
pub const IP_ADDRESS_TYPES: &[&str] = &["ipv4", "dualstack", "dualstack-without-public-ipv4"];

/// An application load balancer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoadBalancer {
    pub arn: String,
    pub name: String,
    pub dns_name: String,
    /// `internet-facing` or `internal`.
    pub scheme: String,
    pub vpc: String,
    pub placements: Vec<Placement>,
    pub security_groups: Vec<String>,
    pub ip_address_type: String,
    pub attributes: BTreeMap<String, String>,
    pub created: Moment,
    /// When it stops being `provisioning`.
    pub active: Moment,
    /// Why AWS could not set it up, if it could not; that is for good (aws-behaviour 14.d).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl LoadBalancer {
    /// The digits at the end of its ARN, which those of its listeners repeat.
    pub fn id(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }

    pub fn is_internet_facing(&self) -> bool {
        self.scheme == "internet-facing"
    }

    /// Whether requests can go to a target in a zone; `all` stands for outside the VPC.
    pub fn reaches(&self, zone: &str) -> bool {
        zone == "all" || self.placements.iter().any(|place| place.zone == zone)
    }

    fn is_made_alike(&self, wanted: &Self, places: &[Place]) -> bool {
        let groups =
            |balancer: &Self| balancer.security_groups.iter().cloned().collect::<BTreeSet<_>>();
        let present: BTreeSet<&str> =
            self.placements.iter().map(|place| place.subnet.as_str()).collect();
        let subnets: BTreeSet<&str> = places.iter().map(|place| place.subnet.as_str()).collect();
        self.scheme == wanted.scheme
            && self.ip_address_type == wanted.ip_address_type
            && groups(self) == groups(wanted)
            && present == subnets
    }
}

/// The load balancer that a request names.
pub fn named<'a>(elb: &'a Elb, request: Parameters<'_>) -> Result<&'a LoadBalancer, ApiError> {
    find(elb, required(request, "LoadBalancerArn")?)
}

/// The load balancer with an ARN.
pub fn find<'a>(elb: &'a Elb, arn: &str) -> Result<&'a LoadBalancer, ApiError> {
    elb.load_balancers.get(arn).ok_or_else(|| not_found(arn))
}

/// The load balancer with an ARN, to be changed.
pub fn find_mut<'a>(elb: &'a mut Elb, arn: &str) -> Result<&'a mut LoadBalancer, ApiError> {
    elb.load_balancers.get_mut(arn).ok_or_else(|| not_found(arn))
}

fn not_found(which: &str) -> ApiError {
    ApiError::new("LoadBalancerNotFound", format!("Load balancers '[{which}]' not found"))
}

/// Makes a load balancer, or shows the one that was made alike (aws-behaviour 14.b).
pub fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let tags = tags::read(request)?;
    let places = placement::asked(cloud, request)?;
    let mut balancer = read(cloud, request, &places[0].vpc)?;
    let mut standing = cloud.elb.load_balancers.values();
    if let Some(namesake) = standing.find(|other| other.name == balancer.name) {
        if !namesake.is_made_alike(&balancer, &places) {
            return Err(duplicate(&balancer.name));
        }
        return Ok(json!({"LoadBalancers": [shown(cloud, namesake)]}));
    }
    let elb = &cloud.elb;
    room_for_one_more(elb.load_balancers.len(), elb.quotas.load_balancers, "TooManyLoadBalancers")?;
    christen(cloud, &mut balancer);
    balancer.placements = placement::occupy(cloud, &balancer, places)?;
    let answer = json!({"LoadBalancers": [shown(cloud, &balancer)]});
    cloud.elb.tags.insert(balancer.arn.clone(), tags);
    cloud.elb.load_balancers.insert(balancer.arn.clone(), balancer);
    Ok(answer)
}

fn duplicate(name: &str) -> ApiError {
    ApiError::new(
        "DuplicateLoadBalancerName",
        format!("A load balancer with the same name '{name}' exists, but with different settings"),
    )
}

/// Reads the load balancer that a request wants: with its defaults, without names or places.
fn read(cloud: &Cloud, request: Parameters<'_>, vpc: &str) -> Result<LoadBalancer, ApiError> {
    let name = resource_name(request, "load balancer")?;
    if name.starts_with("internal-") {
        return Err(invalid(format!(
            "The load balancer name '{name}' cannot begin with 'internal-'"
        )));
    }
    one_of(request, "Type", &["application"])?;
    let scheme = one_of(request, "Scheme", &["internet-facing", "internal"])?;
    let scheme = scheme.unwrap_or("internet-facing");
    if scheme == "internet-facing" {
        network::require_internet_gateway(cloud, vpc)?;
    }
    let ip_address_type = one_of(request, "IpAddressType", IP_ADDRESS_TYPES)?;
    Ok(LoadBalancer {
        arn: String::new(),
        name: name.to_owned(),
        dns_name: String::new(),
        scheme: scheme.to_owned(),
        vpc: vpc.to_owned(),
        placements: Vec::new(),
        security_groups: network::security_groups(cloud, vpc, request.texts("SecurityGroups"))?,
        ip_address_type: ip_address_type.unwrap_or("ipv4").to_owned(),
        attributes: LOAD_BALANCER.defaults(),
        created: cloud.now,
        active: cloud.now,
        failed: None,
    })
}

/// Gives a new load balancer its ARN, its DNS name, and 90 to 180 seconds to become active
/// (aws-behaviour 14.d).
fn christen(cloud: &mut Cloud, balancer: &mut LoadBalancer) {
    let id = cloud.fresh_hex(16);
    let mut random = cloud.random();
    let number = random.u32(100_000_000..=u32::MAX);
    let prefix = if balancer.is_internet_facing() { "" } else { "internal-" };
    let name = &balancer.name;
    balancer.dns_name = format!("{prefix}{name}-{number}.{}", zone_name(&cloud.region));
    balancer.arn = cloud.arn("elasticloadbalancing", &format!("loadbalancer/app/{name}/{id}"));
    balancer.active = cloud.now.after(Duration::from_millis(random.u64(90_000..=180_000)));
}

/// The domain that the load balancers of a region are in.
fn zone_name(region: &str) -> String {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("{region}.elb.{suffix}")
}

pub fn describe(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let elb = &cloud.elb;
    let arns = request.texts("LoadBalancerArns");
    let names = request.texts("Names");
    let mut chosen: Vec<&LoadBalancer> = match (arns.is_empty(), names.is_empty()) {
        (false, false) => {
            return Err(invalid("Load balancer ARNs and names cannot be specified together"));
        }
        (false, true) => arns.iter().map(|arn| find(elb, arn)).collect::<Result<_, _>>()?,
        (true, false) => {
            names.iter().map(|name| find_by_name(elb, name)).collect::<Result<_, _>>()?
        }
        (true, true) => elb.load_balancers.values().collect(),
    };
    chosen.sort_by_key(|balancer| &balancer.arn);
    let shown = chosen.into_iter().map(|balancer| (balancer.arn.clone(), shown(cloud, balancer)));
    page(request, "LoadBalancers", shown.collect())
}

fn find_by_name<'a>(elb: &'a Elb, name: &str) -> Result<&'a LoadBalancer, ApiError> {
    let mut balancers = elb.load_balancers.values();
    balancers.find(|balancer| balancer.name == name).ok_or_else(|| not_found(name))
}

/// Deletes a load balancer with its listeners and rules. One that is gone is deleted well.
pub fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let arn = required(request, "LoadBalancerArn")?;
    let Ok(balancer) = find(&cloud.elb, arn) else { return Ok(json!({})) };
    if balancer.attributes.get(DELETION_PROTECTION).is_some_and(|value| value == "true") {
        return Err(ApiError::new(
            "OperationNotPermitted",
            format!(
                "Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
            ),
        ));
    }
    let placements = balancer.placements.clone();
    let listeners: Vec<String> =
        cloud.elb.listeners_of(arn).map(|listener| listener.arn.clone()).collect();
    for listener in listeners {
        cloud.elb.remove_listener(&listener);
    }
    cloud.elb.load_balancers.remove(arn);
    cloud.elb.tags.remove(arn);
    placement::vacate(cloud, placements);
    targets::follow_use(cloud);
    Ok(json!({}))
}

/// A load balancer as the answers show it.
fn shown(cloud: &Cloud, balancer: &LoadBalancer) -> Value {
    let state = match &balancer.failed {
        Some(reason) => json!({"Code": "failed", "Reason": reason}),
        None if cloud.now < balancer.active => json!({"Code": "provisioning"}),
        None => json!({"Code": "active"}),
    };
    json!({
        "LoadBalancerArn": balancer.arn,
        "LoadBalancerName": balancer.name,
        "DNSName": balancer.dns_name,
        "CanonicalHostedZoneId": hosted_zone(&cloud.region),
        "CreatedTime": cloud.timestamp(balancer.created).to_string(),
        "Scheme": balancer.scheme,
        "Type": "application",
        "VpcId": balancer.vpc,
        "State": state,
        "AvailabilityZones": placement::shown(&balancer.placements),
        "SecurityGroups": balancer.security_groups,
        "IpAddressType": balancer.ip_address_type,
    })
}

/// The Route 53 zone of a region's load balancers, which AWS lists among its endpoints.
fn hosted_zone(region: &str) -> Option<&'static str> {
    Some(match region {
        "ap-northeast-1" => "Z14GRHDCWA56QT",
        "ap-south-1" => "ZP97RAFLXTNZK",
        "ap-southeast-1" => "Z1LMS91P8CMLE5",
        "ap-southeast-2" => "Z1GM3OXH4ZPM65",
        "ca-central-1" => "ZQSVJUPU6J1EY",
        "eu-central-1" => "Z215JYRZR1TBD5",
        "eu-north-1" => "Z23TAZ6LKFMNIO",
        "eu-west-1" => "Z32O12XQLNTSW2",
        "eu-west-2" => "ZHURV8PSTC4K8",
        "eu-west-3" => "Z3Q77PNBQS71R4",
        "sa-east-1" => "Z2P70J7HTTTPLU",
        "us-east-1" => "Z35SXDOTRQ7X7K",
        "us-east-2" => "Z3AADJGX6KTTL2",
        "us-west-1" => "Z368ELLRRE2KJ0",
        "us-west-2" => "Z1H1FL5HABSF5",
        _ => return None,
    })
}
