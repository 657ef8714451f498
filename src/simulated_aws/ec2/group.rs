//! Security groups (aws-behaviour 7); their rules are in [`super::rule`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::describe::{self, Fact, Listed, find, text};
use super::rule::{self, Direction, Peer, Rule, Traffic};
use super::vpc::Vpc;
use super::{Ec2, error, tags};
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// The name of the group that every VPC comes with.
const DEFAULT: &str = "default";

/// A set of interfaces that the same rules hold for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SecurityGroup {
    pub id: String,
    pub name: String,
    pub description: String,
    pub vpc: String,
}

impl SecurityGroup {
    /// Whether it came with its VPC, and goes only with it.
    pub fn is_default(&self) -> bool {
        self.name == DEFAULT
    }
}

impl Listed for SecurityGroup {
    const KIND: &'static str = "security-group";
    const NOUN: &'static str = "security group";
    const NOT_FOUND: &'static str = "InvalidGroup.NotFound";
    const MALFORMED: &'static str = "InvalidGroupId.Malformed";
    const ID_PREFIX: &'static str = "sg";
    const IDS: &'static str = "GroupId";
    const SET: &'static str = "securityGroupInfo";
    const FACTS: &'static [Fact<Self>] = &[
        ("group-id", |group, _| text(&group.id)),
        ("group-name", |group, _| text(&group.name)),
        ("description", |group, _| text(&group.description)),
        ("vpc-id", |group, _| text(&group.vpc)),
        ("owner-id", |_, _| text(ACCOUNT)),
        ("ip-permission.cidr", |group, cloud| cidrs(group, Direction::Ingress, cloud)),
        ("ip-permission.group-id", |group, cloud| referenced(group, Direction::Ingress, cloud)),
        ("egress.ip-permission.cidr", |group, cloud| cidrs(group, Direction::Egress, cloud)),
        ("egress.ip-permission.group-id", |group, cloud| {
            referenced(group, Direction::Egress, cloud)
        }),
    ];

    fn all(ec2: &Ec2) -> &BTreeMap<String, Self> {
        &ec2.groups
    }

    fn all_mut(ec2: &mut Ec2) -> &mut BTreeMap<String, Self> {
        &mut ec2.groups
    }

    fn show(&self, cloud: &Cloud) -> Value {
        json!({
            "groupId": self.id,
            "groupName": self.name,
            "groupDescription": self.description,
            "ownerId": ACCOUNT,
            "vpcId": self.vpc,
            "securityGroupArn": arn(self, cloud),
            "ipPermissions": rule::grouped(&cloud.ec2, &self.id, Direction::Ingress),
            "ipPermissionsEgress": rule::grouped(&cloud.ec2, &self.id, Direction::Egress),
            "tagSet": tags::set(&cloud.ec2, &self.id),
        })
    }
}

fn arn(group: &SecurityGroup, cloud: &Cloud) -> String {
    cloud.arn("ec2", &format!("security-group/{}", group.id))
}

fn cidrs(group: &SecurityGroup, direction: Direction, cloud: &Cloud) -> Vec<String> {
    let peers = rule::of_group(&cloud.ec2, &group.id, direction).map(|rule| &rule.peer);
    peers
        .filter_map(|peer| match peer {
            Peer::Ipv4(net) => Some(net.to_string()),
            _ => None,
        })
        .collect()
}

fn referenced(group: &SecurityGroup, direction: Direction, cloud: &Cloud) -> Vec<String> {
    let peers = rule::of_group(&cloud.ec2, &group.id, direction).map(|rule| &rule.peer);
    peers
        .filter_map(|peer| match peer {
            Peer::Group(id) => Some(id.clone()),
            _ => None,
        })
        .collect()
}

/// Makes a VPC's default group: open to itself, and outwards to everything.
pub(super) fn create_default(cloud: &mut Cloud, vpc: &str) {
    let group = SecurityGroup {
        id: cloud.fresh_id("sg"),
        name: DEFAULT.to_owned(),
        description: "default VPC security group".to_owned(),
        vpc: vpc.to_owned(),
    };
    let within = Peer::Group(group.id.clone());
    let within = Rule::new(cloud, &group.id, Direction::Ingress, Traffic::all(), within);
    rule::insert(cloud, within);
    insert(cloud, group);
}

/// Adds a group with the rule that every new one has: outwards to everything.
fn insert(cloud: &mut Cloud, group: SecurityGroup) {
    let everywhere = Peer::Ipv4(ipnet::Ipv4Net::default());
    let outwards = Rule::new(cloud, &group.id, Direction::Egress, Traffic::all(), everywhere);
    rule::insert(cloud, outwards);
    cloud.ec2.groups.insert(group.id.clone(), group);
}

/// The default group of a VPC.
pub(super) fn default_of<'e>(ec2: &'e Ec2, vpc: &str) -> Option<&'e SecurityGroup> {
    ec2.groups.values().find(|group| group.vpc == vpc && group.is_default())
}

pub(super) fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let tags = tags::requested(request, SecurityGroup::KIND)?;
    let name = request.required("GroupName")?.trim();
    let description = request.required("GroupDescription")?;
    check_name(name)?;
    check_text("GroupDescription", description)?;
    let vpc = request.text("VpcId").ok_or_else(no_default_vpc)?;
    let vpc = find::<Vpc>(&cloud.ec2, vpc)?.id.clone();
    check_unique(&cloud.ec2, &vpc, name)?;
    let quota = cloud.ec2.quotas.groups;
    if cloud.ec2.groups.len() >= quota {
        return Err(error::over_quota("SecurityGroupLimitExceeded", "security groups", quota));
    }
    let group = SecurityGroup {
        id: cloud.fresh_id("sg"),
        name: name.to_owned(),
        description: description.to_owned(),
        vpc,
    };
    tags::put(cloud, &group.id, tags);
    insert(cloud, group.clone());
    Ok(json!({
        "groupId": group.id,
        "securityGroupArn": arn(&group, cloud),
        "tagSet": tags::set(&cloud.ec2, &group.id),
    }))
}

fn no_default_vpc() -> ApiError {
    ApiError::new("VPCIdNotSpecified", "No default VPC for this user")
}

fn check_name(name: &str) -> Result<(), ApiError> {
    check_text("GroupName", name)?;
    if name.is_empty() || name.to_ascii_lowercase().starts_with("sg-") {
        return Err(error::invalid_value(format!(
            "Value ({name}) for parameter GroupName is invalid. \
             Group names may not be empty nor begin with sg-"
        )));
    }
    if name.eq_ignore_ascii_case(DEFAULT) {
        let message = format!("Cannot use reserved security group name: {name}");
        return Err(error::invalid_value(message));
    }
    Ok(())
}

/// Checks length and characters of a name or a description (aws-behaviour 29).
pub(super) fn check_text(parameter: &str, text: &str) -> Result<(), ApiError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c);
    if text.chars().count() <= 255 && text.chars().all(allowed) {
        return Ok(());
    }
    Err(error::invalid_value(format!(
        "Value ({text}) for parameter {parameter} is invalid. At most 255 characters are \
         allowed, out of a-z, A-Z, 0-9, spaces and ._-:/()#,@[]+=&;{{}}!$*"
    )))
}

fn check_unique(ec2: &Ec2, vpc: &str, name: &str) -> Result<(), ApiError> {
    let mut siblings = ec2.groups.values().filter(|group| group.vpc == vpc);
    if siblings.any(|group| group.name.eq_ignore_ascii_case(name)) {
        let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
        return Err(ApiError::new("InvalidGroup.Duplicate", message));
    }
    Ok(())
}

/// Lists groups. By `GroupName` it looks only into the default VPC, which doesn't exist here; the
/// filter `group-name` finds them anywhere.
pub(super) fn describe(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    if let Some(name) = request.texts("GroupName").first() {
        return Err(in_no_default_vpc(name));
    }
    describe::describe::<SecurityGroup>(cloud, request)
}

fn in_no_default_vpc(name: &str) -> ApiError {
    let message = format!("The security group '{name}' does not exist in default VPC 'none'");
    ApiError::new("InvalidGroup.NotFound", message)
}

/// The group that a request is about.
pub(super) fn of_request<'e>(
    ec2: &'e Ec2,
    request: Parameters<'_>,
) -> Result<&'e SecurityGroup, ApiError> {
    match (request.text("GroupId"), request.text("GroupName")) {
        (Some(id), _) => find(ec2, id),
        (None, Some(name)) => Err(in_no_default_vpc(name)),
        (None, None) => {
            Err(error::missing("The request must contain the parameter groupName or groupId"))
        }
    }
}

/// Deletes a group that no interface has and no other group's rule names.
pub(super) fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let group = of_request(&cloud.ec2, request)?.clone();
    if group.is_default() {
        let message = format!(
            "the specified group: \"{}\" name: \"{}\" cannot be deleted by a user",
            group.id, group.name
        );
        return Err(ApiError::new("CannotDelete", message));
    }
    if is_in_use(&cloud.ec2, &group.id) {
        let message = format!("resource {} has a dependent object", group.id);
        return Err(error::dependency(message));
    }
    forget(&mut cloud.ec2, &group.id);
    Ok(json!({"return": true, "groupId": group.id}))
}

fn is_in_use(ec2: &Ec2, id: &str) -> bool {
    let has = |groups: &[String]| groups.iter().any(|group| group == id);
    ec2.interfaces.values().any(|interface| has(&interface.groups))
        || ec2.endpoints.values().any(|endpoint| has(&endpoint.groups))
        || ec2.rules.values().any(|rule| rule.group != id && rule.peer.is_group(id))
}

/// Removes the groups that go with a VPC.
pub(super) fn forget_all_of(cloud: &mut Cloud, vpc: &str) {
    let groups = cloud.ec2.groups.values().filter(|group| group.vpc == vpc);
    let ids: Vec<String> = groups.map(|group| group.id.clone()).collect();
    for id in ids {
        forget(&mut cloud.ec2, &id);
    }
}

fn forget(ec2: &mut Ec2, id: &str) {
    for (rule, _) in ec2.rules.extract_if(.., |_, rule| rule.group == id) {
        ec2.tags.remove(&rule);
    }
    ec2.groups.remove(id);
    ec2.tags.remove(id);
}
