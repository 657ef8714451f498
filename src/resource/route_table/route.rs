//! The routes of a table. What tells them apart is their destination (aws-behaviour 6.b).

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ec2::types::{self, Route, RouteOrigin};

use super::{RouteTableId, RouteTarget};
use crate::aws::{Aws, AwsError, Operation, Patience, gone_is_done};
use crate::resource::ec2::{GATEWAY_JUST_MADE, NAT_JUST_MADE, TABLE_JUST_MADE};
use crate::resource::internet_gateway::InternetGatewayId;
use crate::resource::nat_gateway::NatGatewayId;

/// What a route refers to may just have been made (aws-behaviour 6.c).
const VISIBLE_TARGETS: &[Patience] = &[TABLE_JUST_MADE, GATEWAY_JUST_MADE, NAT_JUST_MADE];

/// A route that was just made may be absent from the next look at it (aws-behaviour 6.c).
const ROUTE_JUST_MADE: Patience = Patience::until_seen(
    &["InvalidRoute.NotFound"],
    Duration::from_mins(1),
    "the route was just made",
);

/// The routes of a table, without those that nobody wrote into it.
pub fn routes(table: &types::RouteTable) -> BTreeMap<String, RouteTarget> {
    let written = table.routes().iter().filter(|route| !comes_by_itself(route));
    written.filter_map(|route| Some((destination(route)?.to_owned(), target(route)))).collect()
}

/// Whether AWS put the row there: the network's own range, the prefix list of an endpoint or of
/// VPC Lattice, what a virtual private gateway propagates (aws-behaviour 6.f2).
fn comes_by_itself(route: &Route) -> bool {
    let gateway = route.gateway_id().unwrap_or_default();
    gateway == "local"
        || gateway == "VpcLattice"
        || gateway.starts_with("vpce-")
        || route.origin() == Some(&RouteOrigin::EnableVgwRoutePropagation)
}

fn destination(route: &Route) -> Option<&str> {
    route
        .destination_cidr_block()
        .or(route.destination_ipv6_cidr_block())
        .or(route.destination_prefix_list_id())
}

fn target(route: &Route) -> RouteTarget {
    if let Some(id) = route.gateway_id().filter(|id| id.starts_with("igw-")) {
        return RouteTarget::InternetGateway(InternetGatewayId(id.into()).into());
    }
    if let Some(id) = route.nat_gateway_id() {
        return RouteTarget::NatGateway(NatGatewayId(id.into()).into());
    }
    RouteTarget::Other(crate::resource::text(other_target(route)))
}

/// The target's id, of whatever kind it is. An instance is given with its interface: the one that
/// was named comes first.
fn other_target(route: &Route) -> Option<&str> {
    route
        .gateway_id()
        .or(route.transit_gateway_id())
        .or(route.vpc_peering_connection_id())
        .or(route.instance_id())
        .or(route.network_interface_id())
        .or(route.egress_only_internet_gateway_id())
        .or(route.local_gateway_id())
        .or(route.carrier_gateway_id())
        .or(route.core_network_arn())
        .or(route.odb_network_arn())
}

/// Makes the routes that a table `held` into those that are `wanted`: what is missing or leads
/// elsewhere first, so that nothing is unreachable that need not be.
pub async fn settle(
    aws: &Aws,
    table: &RouteTableId,
    held: &BTreeMap<String, RouteTarget>,
    wanted: &BTreeMap<String, RouteTarget>,
) -> Result<(), AwsError> {
    for (destination, target) in wanted {
        match held.get(destination) {
            Some(now) if now == target => {}
            Some(_) => replace(aws, table, destination, target).await?,
            None => add(aws, table, destination, target).await?,
        }
    }
    for destination in held.keys().filter(|destination| !wanted.contains_key(*destination)) {
        remove(aws, table, destination).await?;
    }
    Ok(())
}

async fn add(
    aws: &Aws,
    table: &RouteTableId,
    destination: &str,
    target: &RouteTarget,
) -> Result<(), AwsError> {
    const CREATE: Operation = Operation::patient("ec2:CreateRoute", VISIBLE_TARGETS);
    let (to, by) = (Destination::of(destination), Target::of(target));
    let send = || {
        let request = aws.ec2().create_route().route_table_id(table.as_str());
        request
            .set_destination_cidr_block(to.cidr.clone())
            .set_destination_ipv6_cidr_block(to.cidr6.clone())
            .set_destination_prefix_list_id(to.prefix_list.clone())
            .set_gateway_id(by.gateway.clone())
            .set_nat_gateway_id(by.nat_gateway.clone())
            .send()
    };
    match aws.call(CREATE, send).await {
        // Of an earlier attempt, or by somebody's hand since the plan was made.
        Err(error) if error.has_code("RouteAlreadyExists") => {
            replace(aws, table, destination, target).await
        }
        other => other.map(drop),
    }
}

async fn replace(
    aws: &Aws,
    table: &RouteTableId,
    destination: &str,
    target: &RouteTarget,
) -> Result<(), AwsError> {
    const REPLACE: Operation = Operation::patient(
        "ec2:ReplaceRoute",
        &[TABLE_JUST_MADE, GATEWAY_JUST_MADE, NAT_JUST_MADE, ROUTE_JUST_MADE],
    );
    let (to, by) = (Destination::of(destination), Target::of(target));
    let send = || {
        let request = aws.ec2().replace_route().route_table_id(table.as_str());
        request
            .set_destination_cidr_block(to.cidr.clone())
            .set_destination_ipv6_cidr_block(to.cidr6.clone())
            .set_destination_prefix_list_id(to.prefix_list.clone())
            .set_gateway_id(by.gateway.clone())
            .set_nat_gateway_id(by.nat_gateway.clone())
            .send()
    };
    aws.call(REPLACE, send).await.map(drop)
}

async fn remove(aws: &Aws, table: &RouteTableId, destination: &str) -> Result<(), AwsError> {
    const DELETE: Operation = Operation::new("ec2:DeleteRoute");
    let to = Destination::of(destination);
    let send = || {
        let request = aws.ec2().delete_route().route_table_id(table.as_str());
        request
            .set_destination_cidr_block(to.cidr.clone())
            .set_destination_ipv6_cidr_block(to.cidr6.clone())
            .set_destination_prefix_list_id(to.prefix_list.clone())
            .send()
    };
    gone_is_done(aws.call(DELETE, send).await.map(drop))
}

/// A destination as requests take it: one of three.
#[derive(Debug, Default, PartialEq)]
struct Destination {
    cidr: Option<String>,
    cidr6: Option<String>,
    prefix_list: Option<String>,
}

impl Destination {
    fn of(text: &str) -> Self {
        let owned = Some(text.to_owned());
        if text.starts_with("pl-") {
            Self { prefix_list: owned, ..Self::default() }
        } else if text.contains(':') {
            Self { cidr6: owned, ..Self::default() }
        } else {
            Self { cidr: owned, ..Self::default() }
        }
    }
}

/// A target as requests take it: one of two. Neither for what is only ever read, which AWS refuses.
#[derive(Default)]
struct Target {
    gateway: Option<String>,
    nat_gateway: Option<String>,
}

impl Target {
    fn of(target: &RouteTarget) -> Self {
        match target {
            RouteTarget::InternetGateway(id) => {
                Self { gateway: Some(id.get().0.clone()), nat_gateway: None }
            }
            RouteTarget::NatGateway(id) => {
                Self { gateway: None, nat_gateway: Some(id.get().0.clone()) }
            }
            RouteTarget::Other(_) => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(destination: &str) -> types::builders::RouteBuilder {
        Route::builder().destination_cidr_block(destination)
    }

    #[test]
    fn rows_that_nobody_wrote_do_not_count() {
        let endpoint = Route::builder().destination_prefix_list_id("pl-1").gateway_id("vpce-1");
        let lattice = Route::builder().destination_prefix_list_id("pl-2").gateway_id("VpcLattice");
        let propagated =
            to("192.168.0.0/16").gateway_id("vgw-1").origin(RouteOrigin::EnableVgwRoutePropagation);
        let table = types::RouteTable::builder()
            .routes(to("10.0.0.0/16").gateway_id("local").build())
            .routes(endpoint.build())
            .routes(lattice.build())
            .routes(propagated.build())
            .build();
        assert_eq!(routes(&table), BTreeMap::new());
    }

    #[test]
    fn routes_by_anybodys_hand_are_read() {
        let table = types::RouteTable::builder()
            .routes(to("0.0.0.0/0").nat_gateway_id("nat-1").build())
            .routes(to("10.9.0.0/16").vpc_peering_connection_id("pcx-1").build())
            .routes(to("10.8.0.0/16").gateway_id("igw-1").build())
            .build();
        let expected = BTreeMap::from([
            ("0.0.0.0/0".into(), RouteTarget::NatGateway(NatGatewayId("nat-1".into()).into())),
            ("10.9.0.0/16".into(), RouteTarget::Other("pcx-1".into())),
            (
                "10.8.0.0/16".into(),
                RouteTarget::InternetGateway(InternetGatewayId("igw-1".into()).into()),
            ),
        ]);
        assert_eq!(routes(&table), expected);
    }

    #[test]
    fn a_destination_goes_where_requests_want_it() {
        assert_eq!(Destination::of("0.0.0.0/0").cidr.as_deref(), Some("0.0.0.0/0"));
        assert_eq!(Destination::of("::/0").cidr6.as_deref(), Some("::/0"));
        assert_eq!(Destination::of("pl-1").prefix_list.as_deref(), Some("pl-1"));
    }
}
