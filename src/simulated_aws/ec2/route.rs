//! Route tables and their routes (aws-behaviour 6).

use std::collections::BTreeMap;

use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::association::Association;
use super::describe::{Fact, Listed, find, find_mut, text};
use super::interface::Interface;
use super::internet_gateway::InternetGateway;
use super::subnet::Subnet;
use super::vpc::Vpc;
use super::{Ec2, done, error, nat, tags, tokens};
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// Where the packets of some subnets go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RouteTable {
    pub id: String,
    pub vpc: String,
    /// The local route first, then in the order of their making.
    pub routes: Vec<Route>,
    pub associations: Vec<Association>,
}

/// What is bound for a destination goes to a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    pub destination: Destination,
    pub target: Target,
}

/// What a route is for: its identity within its table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    Ipv4(Ipv4Net),
    Ipv6(Ipv6Net),
    PrefixList(String),
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// Inside the VPC; every table's first route.
    Local,
    /// An internet gateway, by id.
    Gateway(String),
    /// A NAT gateway, by id.
    Nat(String),
    /// A network interface, by id.
    Interface(String),
}

impl Destination {
    /// `0.0.0.0/0`.
    pub(super) fn everywhere() -> Self {
        Self::Ipv4(Ipv4Net::default())
    }

    fn of_request(request: Parameters<'_>) -> Result<Self, ApiError> {
        let given = (
            request.text("DestinationCidrBlock"),
            request.text("DestinationIpv6CidrBlock"),
            request.text("DestinationPrefixListId"),
        );
        let invalid = |text: &str| {
            error::invalid_value(format!("The destination CIDR block {text} is invalid."))
        };
        match given {
            (Some(v4), None, None) => {
                v4.parse().map(|net: Ipv4Net| Self::Ipv4(net.trunc())).map_err(|_| invalid(v4))
            }
            (None, Some(v6), None) => {
                v6.parse().map(|net: Ipv6Net| Self::Ipv6(net.trunc())).map_err(|_| invalid(v6))
            }
            (None, None, Some(list)) => Ok(Self::PrefixList(list.to_owned())),
            (None, None, None) => Err(error::missing("A route needs a destination")),
            _ => Err(error::invalid_combination("A route takes exactly one destination")),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Ipv4(net) => net.to_string(),
            Self::Ipv6(net) => net.to_string(),
            Self::PrefixList(id) => id.clone(),
        }
    }
}

impl Target {
    /// The one target of a request, if a route of this VPC may lead there.
    fn of_request(ec2: &Ec2, vpc: &str, request: Parameters<'_>) -> Result<Self, ApiError> {
        let names = ["GatewayId", "NatGatewayId", "NetworkInterfaceId"];
        let mut given = names.iter().filter_map(|name| Some((*name, request.text(name)?)));
        let (name, id) = given.next().ok_or_else(|| error::missing("A route needs a target"))?;
        if given.next().is_some() {
            return Err(error::invalid_combination("A route takes exactly one target"));
        }
        match name {
            "GatewayId" => Self::gateway(ec2, vpc, id),
            "NatGatewayId" => nat::route_target(ec2, id, vpc).map(|nat| Self::Nat(nat.id.clone())),
            _ => find::<Interface>(ec2, id).map(|interface| Self::Interface(interface.id.clone())),
        }
    }

    fn gateway(ec2: &Ec2, vpc: &str, id: &str) -> Result<Self, ApiError> {
        let gateway: &InternetGateway = ec2.internet_gateways.get(id).ok_or_else(|| {
            let message = format!("The gateway ID '{id}' does not exist");
            ApiError::new("InvalidGatewayID.NotFound", message)
        })?;
        if gateway.vpc.as_deref() != Some(vpc) {
            let message =
                format!("route table and network gateway {id} belong to different networks");
            return Err(error::invalid_value(message));
        }
        Ok(Self::Gateway(gateway.id.clone()))
    }
}

impl RouteTable {
    /// Whether it is its VPC's main one, which serves every subnet without one of its own.
    pub(super) fn is_main(&self) -> bool {
        self.associations.iter().any(Association::is_main)
    }

    /// The target of a destination.
    pub(super) fn target(&self, destination: &Destination) -> Option<&Target> {
        let route = self.routes.iter().find(|route| route.destination == *destination)?;
        Some(&route.target)
    }

    fn targets(&self, id: impl Fn(&Target) -> Option<&str>) -> Vec<String> {
        self.routes.iter().filter_map(|route| id(&route.target)).map(str::to_owned).collect()
    }
}

impl Listed for RouteTable {
    const KIND: &'static str = "route-table";
    const NOUN: &'static str = "routeTable ID";
    const NOT_FOUND: &'static str = "InvalidRouteTableID.NotFound";
    const MALFORMED: &'static str = "InvalidRouteTableId.Malformed";
    const ID_PREFIX: &'static str = "rtb";
    const IDS: &'static str = "RouteTableId";
    const SET: &'static str = "routeTableSet";
    const LARGEST_PAGE: usize = 100;
    const FACTS: &'static [Fact<Self>] = &[
        ("route-table-id", |table, _| text(&table.id)),
        ("vpc-id", |table, _| text(&table.vpc)),
        ("owner-id", |_, _| text(ACCOUNT)),
        ("association.main", |table, _| {
            table.associations.iter().map(|association| association.is_main().to_string()).collect()
        }),
        ("association.route-table-association-id", |table, _| {
            table.associations.iter().map(|association| association.id.clone()).collect()
        }),
        ("association.route-table-id", |table, _| {
            table.associations.iter().map(|_| table.id.clone()).collect()
        }),
        ("association.subnet-id", |table, _| {
            table.associations.iter().filter_map(|association| association.subnet.clone()).collect()
        }),
        ("route.destination-cidr-block", |table, _| {
            table.routes.iter().map(|route| route.destination.text()).collect()
        }),
        ("route.gateway-id", |table, _| table.targets(gateway_id)),
        ("route.nat-gateway-id", |table, _| table.targets(nat_gateway_id)),
        ("route.origin", |table, _| {
            table.routes.iter().map(|route| origin(route).to_owned()).collect()
        }),
        ("route.state", |table, cloud| {
            table.routes.iter().map(|route| state(table, route, &cloud.ec2).to_owned()).collect()
        }),
    ];

    fn all(ec2: &Ec2) -> &BTreeMap<String, Self> {
        &ec2.route_tables
    }

    fn all_mut(ec2: &mut Ec2) -> &mut BTreeMap<String, Self> {
        &mut ec2.route_tables
    }

    fn show(&self, cloud: &Cloud) -> Value {
        let routes = self.routes.iter().map(|route| show_route(self, route, &cloud.ec2));
        let associations = self.associations.iter().map(|other| other.show(&self.id, cloud.now));
        json!({
            "routeTableId": self.id,
            "vpcId": self.vpc,
            "ownerId": ACCOUNT,
            "routeSet": routes.collect::<Vec<_>>(),
            "associationSet": associations.collect::<Vec<_>>(),
            "propagatingVgwSet": [],
            "tagSet": tags::set(&cloud.ec2, &self.id),
        })
    }
}

fn show_route(table: &RouteTable, route: &Route, ec2: &Ec2) -> Value {
    let (v4, v6, list) = match &route.destination {
        Destination::Ipv4(net) => (Some(net), None, None),
        Destination::Ipv6(net) => (None, Some(net), None),
        Destination::PrefixList(id) => (None, None, Some(id)),
    };
    let interface = match &route.target {
        Target::Interface(id) => Some(id),
        _ => None,
    };
    json!({
        "destinationCidrBlock": v4,
        "destinationIpv6CidrBlock": v6,
        "destinationPrefixListId": list,
        "gatewayId": gateway_id(&route.target),
        "natGatewayId": nat_gateway_id(&route.target),
        "networkInterfaceId": interface,
        "origin": origin(route),
        "state": state(table, route, ec2),
    })
}

fn gateway_id(target: &Target) -> Option<&str> {
    match target {
        Target::Local => Some("local"),
        Target::Gateway(id) => Some(id),
        Target::Nat(_) | Target::Interface(_) => None,
    }
}

fn nat_gateway_id(target: &Target) -> Option<&str> {
    match target {
        Target::Nat(id) => Some(id),
        _ => None,
    }
}

fn origin(route: &Route) -> &'static str {
    if route.target == Target::Local { "CreateRouteTable" } else { "CreateRoute" }
}

fn state(table: &RouteTable, route: &Route, ec2: &Ec2) -> &'static str {
    if is_active(ec2, &table.vpc, &route.target) { "active" } else { "blackhole" }
}

/// Whether a target still stands where a route of this VPC leads; a route outlives its target, as
/// a black hole (aws-behaviour 5.e).
pub(super) fn is_active(ec2: &Ec2, vpc: &str, target: &Target) -> bool {
    match target {
        Target::Local => true,
        Target::Gateway(id) => {
            let gateway = ec2.internet_gateways.get(id);
            gateway.is_some_and(|gateway| gateway.vpc.as_deref() == Some(vpc))
        }
        Target::Nat(id) => nat::is_routable(ec2, id),
        Target::Interface(id) => ec2.interfaces.contains_key(id),
    }
}

/// The table that serves a subnet: the one associated, else the VPC's main one.
pub(super) fn table_of<'e>(ec2: &'e Ec2, subnet: &Subnet) -> Option<&'e RouteTable> {
    let tables = || ec2.route_tables.values().filter(|table| table.vpc == subnet.vpc);
    let serves = |table: &&RouteTable| {
        table.associations.iter().any(|other| other.subnet.as_ref() == Some(&subnet.id))
    };
    tables().find(serves).or_else(|| tables().find(|table| table.is_main()))
}

/// Makes a VPC's main table.
pub(super) fn create_main(cloud: &mut Cloud, vpc: &Vpc) {
    let mut table = new_table(cloud, vpc);
    table.associations.push(Association::main(cloud));
    cloud.ec2.route_tables.insert(table.id.clone(), table);
}

fn new_table(cloud: &mut Cloud, vpc: &Vpc) -> RouteTable {
    let local = Route { destination: Destination::Ipv4(vpc.cidr), target: Target::Local };
    RouteTable {
        id: cloud.fresh_id("rtb"),
        vpc: vpc.id.clone(),
        routes: vec![local],
        associations: Vec::new(),
    }
}

/// Removes the tables that go with a VPC.
pub(super) fn forget_all_of(cloud: &mut Cloud, vpc: &str) {
    let ec2 = &mut cloud.ec2;
    for (id, _) in ec2.route_tables.extract_if(.., |_, table| table.vpc == vpc) {
        ec2.tags.remove(&id);
    }
}

/// Makes a table, or answers as before when the request's token came before.
pub(super) fn create_table(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    if let Some(before) = tokens::recall(cloud, "CreateRouteTable", request)? {
        return Ok(before);
    }
    let tags = tags::requested(request, RouteTable::KIND)?;
    let vpc = find::<Vpc>(&cloud.ec2, request.required("VpcId")?)?.clone();
    let quota = cloud.ec2.quotas.route_tables_per_vpc;
    if cloud.ec2.route_tables.values().filter(|table| table.vpc == vpc.id).count() >= quota {
        return Err(error::over_quota("RouteTableLimitExceeded", "route tables", quota));
    }
    let table = new_table(cloud, &vpc);
    tags::put(cloud, &table.id, tags);
    cloud.ec2.route_tables.insert(table.id.clone(), table.clone());
    let answer =
        json!({"clientToken": request.text("ClientToken"), "routeTable": table.show(cloud)});
    tokens::remember(cloud, "CreateRouteTable", request, &answer);
    Ok(answer)
}

/// Deletes a table that serves no subnet and isn't the main one.
pub(super) fn delete_table(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let table: &RouteTable = find(&cloud.ec2, request.required("RouteTableId")?)?;
    let id = table.id.clone();
    if !table.associations.is_empty() {
        let message = format!("The routeTable '{id}' has dependencies and cannot be deleted.");
        return Err(error::dependency(message));
    }
    cloud.ec2.route_tables.remove(&id);
    cloud.ec2.tags.remove(&id);
    Ok(done())
}

pub(super) fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let quota = cloud.ec2.quotas.routes_per_table;
    let destination = Destination::of_request(request)?;
    let table: &RouteTable = find(&cloud.ec2, request.required("RouteTableId")?)?;
    let target = Target::of_request(&cloud.ec2, &table.vpc, request)?;
    if table.target(&destination).is_some() {
        let message = format!("The route identified by {} already exists.", destination.text());
        return Err(ApiError::new("RouteAlreadyExists", message));
    }
    if table.routes.len() > quota {
        return Err(error::over_quota("RouteLimitExceeded", "routes", quota));
    }
    let id = table.id.clone();
    let table: &mut RouteTable = find_mut(&mut cloud.ec2, &id)?;
    table.routes.push(Route { destination, target });
    Ok(done())
}

pub(super) fn replace(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let destination = Destination::of_request(request)?;
    let table: &RouteTable = find(&cloud.ec2, request.required("RouteTableId")?)?;
    check_changeable(table, &destination)?;
    let target = Target::of_request(&cloud.ec2, &table.vpc, request)?;
    let id = table.id.clone();
    let table: &mut RouteTable = find_mut(&mut cloud.ec2, &id)?;
    for route in table.routes.iter_mut().filter(|route| route.destination == destination) {
        route.target = target.clone();
    }
    Ok(done())
}

pub(super) fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let destination = Destination::of_request(request)?;
    let table: &mut RouteTable = find_mut(&mut cloud.ec2, request.required("RouteTableId")?)?;
    check_changeable(table, &destination)?;
    table.routes.retain(|route| route.destination != destination);
    Ok(done())
}

/// Checks that the table has a route for the destination that isn't its local one.
fn check_changeable(table: &RouteTable, destination: &Destination) -> Result<(), ApiError> {
    match table.target(destination) {
        Some(Target::Local) => {
            let message = format!(
                "cannot remove local route {} in route table {}",
                destination.text(),
                table.id
            );
            Err(error::invalid_value(message))
        }
        Some(_) => Ok(()),
        None => Err(ApiError::new(
            "InvalidRoute.NotFound",
            format!(
                "no route with destination-cidr-block {} in route table {}",
                destination.text(),
                table.id
            ),
        )),
    }
}
