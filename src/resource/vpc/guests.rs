//! What stands in a network, whoever put it there: the stack's own is known to whoever holds its
//! state.
//!
//! The rule: one call for many networks and each kind of thing. What AWS itself puts there, such as
//! GuardDuty's endpoint and its group, is nobody's doing (aws-behaviour 1.e2, 26).

use aws_sdk_ec2::types::{self, Filter};
use aws_sdk_elasticloadbalancingv2::types::LoadBalancer;

use super::super::blockers::Passage;
use super::super::{Extra, Standing, blockers, ec2, text};
use crate::aws::{Aws, AwsError, Operation, pages};

/// What GuardDuty's endpoint serves ends in this, and what its group is called begins with the other.
const GUARD_DUTY: (&str, &str) = (".guardduty-data", "GuardDutyManagedSecurityGroup");

/// What was found, with the network that it stands in.
pub type Guests = Vec<(String, Extra)>;

/// How many networks one call is about: as many values as a filter takes.
const AT_ONCE: usize = ec2::VALUES_A_FILTER;

/// What stands in some networks.
pub async fn of_networks(aws: &Aws, vpcs: &[String]) -> Result<Guests, AwsError> {
    let some = vpcs.chunks(AT_ONCE).map(|some| of_some(aws, some));
    Ok(futures::future::try_join_all(some).await?.concat())
}

async fn of_some(aws: &Aws, vpcs: &[String]) -> Result<Guests, AwsError> {
    let found = futures::try_join!(
        instances(aws, vpcs),
        endpoints(aws, vpcs),
        peerings(aws, vpcs),
        gateways(aws, vpcs),
        groups(aws, vpcs),
        subnets(aws, vpcs),
        tables(aws, vpcs),
        interfaces(aws, vpcs),
        balancers(aws, vpcs),
    )?;
    let (instances, endpoints, peerings, gateways, groups, subnets, tables, interfaces, balancers) =
        found;
    let parts = [instances, endpoints, peerings, gateways, groups, subnets, tables];
    Ok([parts.concat(), interfaces, balancers].concat())
}

fn guest(vpc: Option<&str>, id: Option<&str>, what: String) -> (String, Extra) {
    let extra = Extra { collection: "guests", id: text(id), what, standing: Standing::Guest };
    (text(vpc), extra)
}

fn within(vpcs: &[String]) -> Filter {
    ec2::filter("vpc-id", vpcs.iter().cloned())
}

async fn instances(aws: &Aws, vpcs: &[String]) -> Result<Guests, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeInstances");
    let alive = ["pending", "running", "stopping", "stopped"].map(str::to_owned);
    let request = aws.ec2().describe_instances().filters(within(vpcs));
    let request = request.filters(ec2::filter("instance-state-name", alive)).max_results(1000);
    let found = pages(|token| {
        let request = request.clone().set_next_token(token);
        async move {
            let page = aws.call(DESCRIBE, || request.clone().send()).await?;
            Ok((page.reservations.unwrap_or_default(), page.next_token))
        }
    })
    .await?;
    let instances = found.iter().flat_map(types::Reservation::instances);
    let guest = |one: &types::Instance| {
        let size = one.instance_type().map_or("", types::InstanceType::as_str);
        guest(one.vpc_id(), one.instance_id(), format!("instance {size}"))
    };
    Ok(instances.map(guest).collect())
}

async fn endpoints(aws: &Aws, vpcs: &[String]) -> Result<Guests, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeVpcEndpoints");
    let request = aws.ec2().describe_vpc_endpoints().filters(within(vpcs)).max_results(1000);
    let found = pages(|token| {
        let request = request.clone().set_next_token(token);
        async move {
            let page = aws.call(DESCRIBE, || request.clone().send()).await?;
            Ok((page.vpc_endpoints.unwrap_or_default(), page.next_token))
        }
    })
    .await?;
    let served = |one: &types::VpcEndpoint| text(one.service_name());
    let others = found.iter().filter(|one| !served(one).ends_with(GUARD_DUTY.0));
    let guest = |one: &types::VpcEndpoint| {
        guest(one.vpc_id(), one.vpc_endpoint_id(), format!("endpoint for {}", served(one)))
    };
    Ok(others.map(guest).collect())
}

/// Peerings that were asked for by one of the networks, or accepted for it.
async fn peerings(aws: &Aws, vpcs: &[String]) -> Result<Guests, AwsError> {
    let (asked, accepted) = futures::try_join!(
        peerings_by(aws, "requester-vpc-info.vpc-id", vpcs),
        peerings_by(aws, "accepter-vpc-info.vpc-id", vpcs),
    )?;
    let id = |side: Option<&types::VpcPeeringConnectionVpcInfo>| {
        side.and_then(|side| side.vpc_id()).map(str::to_owned)
    };
    let guest = |one: &types::VpcPeeringConnection, own: Option<String>, other: Option<String>| {
        let what = format!("peering with {}", other.unwrap_or_default());
        guest(own.as_deref(), one.vpc_peering_connection_id(), what)
    };
    let sides = |one: &types::VpcPeeringConnection| {
        (id(one.requester_vpc_info()), id(one.accepter_vpc_info()))
    };
    let asked = asked.iter().map(|one| {
        let (own, other) = sides(one);
        guest(one, own, other)
    });
    let accepted = accepted.iter().map(|one| {
        let (other, own) = sides(one);
        guest(one, own, other)
    });
    Ok(asked.chain(accepted).collect())
}

async fn peerings_by(
    aws: &Aws,
    filter: &str,
    vpcs: &[String],
) -> Result<Vec<types::VpcPeeringConnection>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeVpcPeeringConnections");
    let request = aws.ec2().describe_vpc_peering_connections();
    let request = request.filters(ec2::filter(filter, vpcs.iter().cloned()));
    let alive = ["pending-acceptance", "provisioning", "active"].map(str::to_owned);
    let request = request.filters(ec2::filter("status-code", alive)).max_results(1000);
    pages(|token| {
        let request = request.clone().set_next_token(token);
        async move {
            let page = aws.call(DESCRIBE, || request.clone().send()).await?;
            Ok((page.vpc_peering_connections.unwrap_or_default(), page.next_token))
        }
    })
    .await
}

async fn gateways(aws: &Aws, vpcs: &[String]) -> Result<Guests, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeNatGateways");
    let alive = ["pending", "available"].map(str::to_owned);
    let request = aws.ec2().describe_nat_gateways().filter(within(vpcs));
    let request = request.filter(ec2::filter("state", alive)).max_results(1000);
    let found = pages(|token| {
        let request = request.clone().set_next_token(token);
        async move {
            let page = aws.call(DESCRIBE, || request.clone().send()).await?;
            Ok((page.nat_gateways.unwrap_or_default(), page.next_token))
        }
    })
    .await?;
    let guest = |one: &types::NatGateway| {
        guest(one.vpc_id(), one.nat_gateway_id(), "NAT gateway".to_owned())
    };
    Ok(found.iter().map(guest).collect())
}

/// The default group comes with its network (aws-behaviour 1.e).
async fn groups(aws: &Aws, vpcs: &[String]) -> Result<Guests, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeSecurityGroups");
    let request = aws.ec2().describe_security_groups().filters(within(vpcs)).max_results(1000);
    let found = pages(|token| {
        let request = request.clone().set_next_token(token);
        async move {
            let page = aws.call(DESCRIBE, || request.clone().send()).await?;
            Ok((page.security_groups.unwrap_or_default(), page.next_token))
        }
    })
    .await?;
    let name = |one: &types::SecurityGroup| text(one.group_name());
    let others =
        found.iter().filter(|one| name(one) != "default" && !name(one).starts_with(GUARD_DUTY.1));
    let guest = |one: &types::SecurityGroup| {
        guest(one.vpc_id(), one.group_id(), format!("security group {}", name(one)))
    };
    Ok(others.map(guest).collect())
}

async fn subnets(aws: &Aws, vpcs: &[String]) -> Result<Guests, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeSubnets");
    let request = aws.ec2().describe_subnets().filters(within(vpcs)).max_results(1000);
    let found = pages(|token| {
        let request = request.clone().set_next_token(token);
        async move {
            let page = aws.call(DESCRIBE, || request.clone().send()).await?;
            Ok((page.subnets.unwrap_or_default(), page.next_token))
        }
    })
    .await?;
    let guest = |one: &types::Subnet| {
        guest(one.vpc_id(), one.subnet_id(), format!("subnet {}", text(one.cidr_block())))
    };
    Ok(found.iter().map(guest).collect())
}

/// The main table comes with its network (aws-behaviour 1.e).
async fn tables(aws: &Aws, vpcs: &[String]) -> Result<Guests, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeRouteTables");
    let request = aws.ec2().describe_route_tables().filters(within(vpcs)).max_results(100);
    let found = pages(|token| {
        let request = request.clone().set_next_token(token);
        async move {
            let page = aws.call(DESCRIBE, || request.clone().send()).await?;
            Ok((page.route_tables.unwrap_or_default(), page.next_token))
        }
    })
    .await?;
    let is_main =
        |one: &&types::RouteTable| one.associations().iter().any(|one| one.main() == Some(true));
    let guest =
        |one: &types::RouteTable| guest(one.vpc_id(), one.route_table_id(), "route table".into());
    Ok(found.iter().filter(|one| !is_main(one)).map(guest).collect())
}

/// Interfaces that belong to nothing that is told by itself: neither to an instance nor to an
/// endpoint, a gateway, a load balancer or a task.
async fn interfaces(aws: &Aws, vpcs: &[String]) -> Result<Guests, AwsError> {
    let found = blockers::describe_interfaces(aws, within(vpcs)).await?;
    let is_told = |one: &types::NetworkInterface| {
        let of_instance = one.attachment().and_then(|attachment| attachment.instance_id());
        one.interface_type() == Some(&types::NetworkInterfaceType::VpcEndpoint)
            || of_instance.is_some()
    };
    let guest = |one: &types::NetworkInterface| {
        let blocker = blockers::interface(one);
        let is_guest = blocker.passage == Passage::Foreign && !is_told(one);
        is_guest.then(|| guest(one.vpc_id(), Some(&blocker.id), blocker.what))
    };
    Ok(found.iter().filter_map(guest).collect())
}

/// AWS can't be asked for the load balancers of a network, so all of the account are listed: 400 in
/// a call (aws-behaviour 21).
async fn balancers(aws: &Aws, vpcs: &[String]) -> Result<Guests, AwsError> {
    const DESCRIBE: Operation = Operation::new("elasticloadbalancing:DescribeLoadBalancers");
    let found = pages(|marker| {
        let request = aws.elb().describe_load_balancers().page_size(400).set_marker(marker);
        async move {
            let page = aws.call(DESCRIBE, || request.clone().send()).await?;
            Ok((page.load_balancers.unwrap_or_default(), page.next_marker))
        }
    })
    .await?;
    let is_within = |one: &&LoadBalancer| vpcs.iter().any(|vpc| one.vpc_id() == Some(vpc));
    let guest = |one: &LoadBalancer| {
        let what = format!("load balancer {}", text(one.load_balancer_name()));
        guest(one.vpc_id(), one.load_balancer_arn(), what)
    };
    Ok(found.iter().filter(is_within).map(guest).collect())
}
