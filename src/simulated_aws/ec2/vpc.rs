//! VPCs: what comes with one, and what keeps one from going (aws-behaviour 1).

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::describe::{Fact, Listed, find, find_mut, text};
use super::{Ec2, done, error, group, internet_gateway, route, tags};
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// A network of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Vpc {
    pub id: String,
    pub cidr: Ipv4Net,
    /// `default` or `dedicated`.
    pub tenancy: String,
    pub dns_support: bool,
    pub dns_hostnames: bool,
    pub address_usage_metrics: bool,
    /// When it stops being `pending`.
    pub available: Moment,
    cidr_association: String,
    /// The blocks that were associated later, by the ids of their associations.
    #[serde(default)]
    further: BTreeMap<String, Ipv4Net>,
}

impl Vpc {
    /// All its blocks, the first one first.
    fn blocks(&self) -> Value {
        let further = self.further.iter().map(|(id, cidr)| associated(id, *cidr));
        [associated(&self.cidr_association, self.cidr)].into_iter().chain(further).collect()
    }
}

impl Listed for Vpc {
    const KIND: &'static str = "vpc";
    const NOUN: &'static str = "vpc ID";
    const NOT_FOUND: &'static str = "InvalidVpcID.NotFound";
    const MALFORMED: &'static str = "InvalidVpcID.Malformed";
    const ID_PREFIX: &'static str = "vpc";
    const IDS: &'static str = "VpcId";
    const SET: &'static str = "vpcSet";
    const FACTS: &'static [Fact<Self>] = &[
        ("vpc-id", |vpc, _| text(&vpc.id)),
        ("cidr", |vpc, _| text(vpc.cidr)),
        ("cidr-block-association.association-id", |vpc, _| text(&vpc.cidr_association)),
        ("cidr-block-association.cidr-block", |vpc, _| text(vpc.cidr)),
        ("cidr-block-association.state", |_, _| text("associated")),
        ("dhcp-options-id", |_, cloud| text(&cloud.ec2.dhcp_options)),
        ("is-default", |_, _| text(false)),
        ("owner-id", |_, _| text(ACCOUNT)),
        ("state", |vpc, cloud| text(state(vpc.available, cloud))),
    ];

    fn all(ec2: &Ec2) -> &BTreeMap<String, Self> {
        &ec2.vpcs
    }

    fn all_mut(ec2: &mut Ec2) -> &mut BTreeMap<String, Self> {
        &mut ec2.vpcs
    }

    fn show(&self, cloud: &Cloud) -> Value {
        json!({
            "vpcId": self.id,
            "ownerId": ACCOUNT,
            "state": state(self.available, cloud),
            "cidrBlock": self.cidr,
            "cidrBlockAssociationSet": self.blocks(),
            "dhcpOptionsId": cloud.ec2.dhcp_options,
            "instanceTenancy": self.tenancy,
            "isDefault": false,
            "tagSet": tags::set(&cloud.ec2, &self.id),
        })
    }
}

/// The state of a VPC or a subnet that is usable from a moment on.
pub(super) fn state(available: Moment, cloud: &Cloud) -> &'static str {
    if cloud.now < available { "pending" } else { "available" }
}

/// When a VPC or a subnet made now will be available: 1 to 5 s (aws-behaviour 22).
pub(super) fn soon(cloud: &mut Cloud) -> Moment {
    let pause = std::time::Duration::from_millis(cloud.random().u64(1000..5000));
    cloud.now.after(pause)
}

/// Reads an IPv4 block, clearing its host bits, of the size that VPCs and subnets may have.
pub(super) fn block(text: &str, out_of_range: &str) -> Result<Ipv4Net, ApiError> {
    let block: Ipv4Net = text.parse().map_err(|_| {
        error::invalid_value(format!(
            "Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        ))
    })?;
    if !(16..=28).contains(&block.prefix_len()) {
        return Err(ApiError::new(out_of_range, format!("The CIDR '{text}' is invalid.")));
    }
    Ok(block.trunc())
}

/// Makes a VPC with its default group and its main route table.
pub(super) fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let tags = tags::requested(request, Vpc::KIND)?;
    let cidr = block(request.required("CidrBlock")?, "InvalidVpc.Range")?;
    let tenancy = request.text("InstanceTenancy").unwrap_or("default");
    if !["default", "dedicated"].contains(&tenancy) {
        return Err(error::invalid_value(format!("Invalid instance tenancy: {tenancy}")));
    }
    let quota = cloud.ec2.quotas.vpcs;
    if cloud.ec2.vpcs.len() >= quota {
        return Err(error::over_quota("VpcLimitExceeded", "VPCs", quota));
    }
    if cloud.ec2.dhcp_options.is_empty() {
        cloud.ec2.dhcp_options = cloud.fresh_id("dopt");
    }
    let vpc = Vpc {
        id: cloud.fresh_id("vpc"),
        cidr,
        tenancy: tenancy.to_owned(),
        dns_support: true,
        dns_hostnames: false,
        address_usage_metrics: false,
        available: soon(cloud),
        cidr_association: cloud.fresh_id("vpc-cidr-assoc"),
        further: BTreeMap::new(),
    };
    tags::put(cloud, &vpc.id, tags);
    cloud.ec2.vpcs.insert(vpc.id.clone(), vpc.clone());
    group::create_default(cloud, &vpc.id);
    route::create_main(cloud, &vpc);
    Ok(json!({"vpc": vpc.show(cloud)}))
}

/// Gives a VPC further addresses. Only blocks that no other of its own meets are taken.
pub(super) fn associate_block(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let id = find::<Vpc>(&cloud.ec2, request.required("VpcId")?)?.id.clone();
    let cidr = block(request.required("CidrBlock")?, "InvalidVpc.Range")?;
    let association = cloud.fresh_id("vpc-cidr-assoc");
    let vpc: &mut Vpc = find_mut(&mut cloud.ec2, &id)?;
    let meets = |other: &Ipv4Net| other.contains(&cidr) || cidr.contains(other);
    if meets(&vpc.cidr) || vpc.further.values().any(meets) {
        let message = format!("The CIDR '{cidr}' conflicts with another block of {id}.");
        return Err(ApiError::new("InvalidVpc.Conflict", message));
    }
    vpc.further.insert(association.clone(), cidr);
    Ok(json!({"vpcId": id, "cidrBlockAssociation": associated(&association, cidr)}))
}

/// Takes further addresses away again. The first ones stay as long as the VPC, and those that a
/// subnet has as long as the subnet.
pub(super) fn disassociate_block(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let association = request.required("AssociationId")?;
    let vpcs = cloud.ec2.vpcs.values();
    let is_first = vpcs.clone().any(|vpc| vpc.cidr_association == association);
    if is_first {
        let message = format!(
            "The vpc CIDR block with association ID {association} may not be disassociated. It is \
             the primary IPv4 CIDR block of the VPC"
        );
        return Err(ApiError::new("OperationNotPermitted", message));
    }
    let mut vpcs = vpcs;
    let found = vpcs.find_map(|vpc| Some((vpc.id.clone(), *vpc.further.get(association)?)));
    let (id, cidr) = found.ok_or_else(|| {
        let message = format!("The vpc CIDR block association ID '{association}' does not exist");
        ApiError::new("InvalidVpcCidrBlockAssociationIdError.NotFound", message)
    })?;
    let mut subnets = cloud.ec2.subnets.values();
    if subnets.any(|subnet| subnet.vpc == id && cidr.contains(&subnet.cidr)) {
        let message = format!("The vpc {id} currently has a subnet within CIDR block {cidr}");
        return Err(ApiError::new("InvalidCidrBlock.InUse", message));
    }
    let vpc: &mut Vpc = find_mut(&mut cloud.ec2, &id)?;
    vpc.further.remove(association);
    let mut answer = associated(association, cidr);
    answer["cidrBlockState"]["state"] = "disassociating".into();
    Ok(json!({"vpcId": id, "cidrBlockAssociation": answer}))
}

fn associated(id: &str, cidr: Ipv4Net) -> Value {
    json!({"associationId": id, "cidrBlock": cidr, "cidrBlockState": {"state": "associated"}})
}

/// Answers for one attribute, as only one can be asked for at a time.
pub(super) fn describe_attribute(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let vpc: &Vpc = find(&cloud.ec2, request.required("VpcId")?)?;
    let attribute = request.required("Attribute")?;
    let value = match attribute {
        "enableDnsSupport" => vpc.dns_support,
        "enableDnsHostnames" => vpc.dns_hostnames,
        "enableNetworkAddressUsageMetrics" => vpc.address_usage_metrics,
        _ => {
            let message = format!("Value ({attribute}) for parameter attribute is invalid.");
            return Err(error::invalid_value(message));
        }
    };
    Ok(json!({"vpcId": vpc.id, attribute: {"value": value}}))
}

/// Changes one attribute, as only one can be changed at a time.
pub(super) fn modify_attribute(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let vpc: &mut Vpc = find_mut(&mut cloud.ec2, request.required("VpcId")?)?;
    let attributes = ["EnableDnsSupport", "EnableDnsHostnames", "EnableNetworkAddressUsageMetrics"];
    let (attribute, value) = only_attribute(request, &attributes)?;
    let value = value.flag("Value").ok_or_else(|| error::invalid_value("Invalid boolean"))?;
    match attribute {
        "EnableDnsSupport" => vpc.dns_support = value,
        "EnableDnsHostnames" if value && !vpc.dns_support => {
            return Err(error::invalid_value(format!(
                "DNS hostnames can't be enabled for {} while its DNS support is disabled",
                vpc.id
            )));
        }
        "EnableDnsHostnames" => vpc.dns_hostnames = value,
        _ => vpc.address_usage_metrics = value,
    }
    Ok(done())
}

/// The one attribute that a request changes.
pub(super) fn only_attribute<'a, 'n>(
    request: Parameters<'a>,
    attributes: &[&'n str],
) -> Result<(&'n str, Parameters<'a>), ApiError> {
    let mut given = attributes.iter().filter(|attribute| request.has(attribute));
    let first = given.next().ok_or_else(|| error::missing("No attributes specified"))?;
    if given.next().is_some() {
        let message = "Only one attribute can be modified at a time";
        return Err(error::invalid_combination(message));
    }
    Ok((first, request.structure(first)))
}

/// Deletes a VPC that nothing is left in but what came with it.
pub(super) fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let id = find::<Vpc>(&cloud.ec2, request.required("VpcId")?)?.id.clone();
    if is_in_use(&cloud.ec2, &id) {
        let message = format!("The vpc '{id}' has dependencies and cannot be deleted.");
        return Err(error::dependency(message));
    }
    group::forget_all_of(cloud, &id);
    route::forget_all_of(cloud, &id);
    cloud.ec2.vpcs.remove(&id);
    cloud.ec2.tags.remove(&id);
    Ok(done())
}

/// Whether anything stands in the VPC that doesn't go with it (aws-behaviour 1.e).
fn is_in_use(ec2: &Ec2, id: &str) -> bool {
    internet_gateway::attached_to(ec2, id).is_some()
        || ec2.subnets.values().any(|subnet| subnet.vpc == id)
        || ec2.interfaces.values().any(|interface| interface.vpc == id)
        || ec2.endpoints.values().any(|endpoint| endpoint.vpc == id)
        || ec2.instances.values().any(|instance| instance.vpc == id && instance.holds_its_vpc())
        || ec2.groups.values().any(|group| group.vpc == id && !group.is_default())
        || ec2.route_tables.values().any(|table| table.vpc == id && !table.is_main())
}
