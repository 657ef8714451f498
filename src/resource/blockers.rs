//! What keeps something from being removed. AWS refuses without saying why (aws-behaviour 1.e,
//! 24.6), so it is looked up: who is in the way, whose it is, and whether it goes by itself.

use std::collections::BTreeSet;
use std::fmt;

use aws_sdk_ec2::types::{
    Filter, NatGatewayState, NetworkInterface, NetworkInterfaceStatus, NetworkInterfaceType,
};
use serde::Serialize;

use super::ec2::{self, filter};
use crate::aws::{Aws, AwsError, Operation, OwnershipTags, Tags, pages};

/// Something that is in the way of a removal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Blocker {
    /// What AWS calls it.
    pub id: String,
    /// What it is, in words, with its owner's description of it.
    pub what: String,
    /// Whether it goes by itself.
    pub passage: Passage,
}

/// Whether something that is in the way goes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Passage {
    /// AWS removes it some time after what it served is gone.
    Passing,
    /// Its owner must remove it: it is not this stack's.
    Foreign,
}

impl fmt::Display for Blocker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.id, self.what)
    }
}

/// The interfaces that a filter finds, as blockers.
pub(super) async fn interfaces(aws: &Aws, by: Filter) -> Result<Vec<Blocker>, AwsError> {
    let mut found: Vec<Blocker> =
        describe_interfaces(aws, by).await?.iter().map(interface).collect();
    if found.iter().any(|blocker| endpoint_of(&blocker.what).is_some()) {
        let leaving = leaving_endpoints(aws).await?;
        for blocker in &mut found {
            let endpoint = endpoint_of(&blocker.what);
            if endpoint.is_some_and(|id| leaving.contains(id)) {
                blocker.passage = Passage::Passing;
            }
        }
    }
    Ok(found)
}

/// The endpoint whose interface a description tells of: `VPC Endpoint Interface vpce-…`.
fn endpoint_of(what: &str) -> Option<&str> {
    what.split([' ', ':']).find(|word| word.starts_with("vpce-"))
}

/// The endpoints whose owners have deleted them, and which AWS has not removed yet.
async fn leaving_endpoints(aws: &Aws) -> Result<BTreeSet<String>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeVpcEndpoints");
    // In lower case, other than the SDK has it (aws-behaviour 8.d).
    let by = filter("vpc-endpoint-state", ["deleting".to_owned(), "deleted".to_owned()]);
    let found = pages(|token| {
        let by = by.clone();
        async move {
            let request = aws.ec2().describe_vpc_endpoints().filters(by).max_results(1000);
            let send = || request.clone().set_next_token(token.clone()).send();
            let page = aws.call(DESCRIBE, send).await?;
            Ok((page.vpc_endpoints.unwrap_or_default(), page.next_token))
        }
    })
    .await?;
    Ok(found.into_iter().filter_map(|endpoint| endpoint.vpc_endpoint_id).collect())
}

/// The interfaces of a network that have an address on the internet: while there are any, its
/// gateway can't be detached (aws-behaviour 2.e).
pub(super) async fn mapped_interfaces(aws: &Aws, vpc: &str) -> Result<Vec<Blocker>, AwsError> {
    let all = describe_interfaces(aws, filter("vpc-id", [vpc.to_owned()])).await?;
    let mapped = all.iter().filter(|one| one.association().is_some());
    Ok(mapped.map(interface).collect())
}

/// The interfaces that a filter finds.
pub(super) async fn describe_interfaces(
    aws: &Aws,
    by: Filter,
) -> Result<Vec<NetworkInterface>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeNetworkInterfaces");
    pages(|token| {
        let by = by.clone();
        async move {
            let request = aws.ec2().describe_network_interfaces().filters(by).max_results(1000);
            let send = || request.clone().set_next_token(token.clone()).send();
            let page = aws.call(DESCRIBE, send).await?;
            Ok((page.network_interfaces.unwrap_or_default(), page.next_token))
        }
    })
    .await
}

/// Judges an interface by who asked for it (aws-behaviour 24.6).
pub(super) fn interface(interface: &NetworkInterface) -> Blocker {
    let description = interface.description().unwrap_or_default();
    let kind = interface.interface_type().map(NetworkInterfaceType::as_str).unwrap_or_default();
    let requester = interface.requester_id().unwrap_or_default();
    let (what, passage) = if description.starts_with("ELB ") || requester == "amazon-elb" {
        ("network interface of a load balancer", Passage::Passing)
    } else if description.contains(":attachment/") && description.contains(":ecs:") {
        ("network interface of a task", Passage::Passing)
    } else if kind == "nat_gateway" {
        ("network interface of a NAT gateway", Passage::Passing)
    } else if kind == "vpc_endpoint" {
        ("network interface of a VPC endpoint", Passage::Foreign)
    } else if description.starts_with("AWS Lambda VPC ENI") {
        // Lambda takes them away once they serve no function any more (aws-behaviour 24.6).
        let is_idle = interface.status() == Some(&NetworkInterfaceStatus::Available);
        let passage = if is_idle { Passage::Passing } else { Passage::Foreign };
        ("network interface of a Lambda function", passage)
    } else {
        ("network interface", Passage::Foreign)
    };
    let said = if description.is_empty() { String::new() } else { format!(": {description}") };
    Blocker {
        id: super::text(interface.network_interface_id()),
        what: format!("{what}{said}"),
        passage,
    }
}

/// NAT gateways in a subnet that nobody is deleting.
pub(super) async fn nat_gateways(aws: &Aws, subnet: &str) -> Result<Vec<Blocker>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeNatGateways");
    let states = [NatGatewayState::Pending, NatGatewayState::Available];
    let states = states.iter().map(|state| state.as_str().to_owned());
    let filters = vec![filter("subnet-id", [subnet.to_owned()]), filter("state", states)];
    let found = pages(|token| {
        let filters = filters.clone();
        async move {
            let request = aws.ec2().describe_nat_gateways().set_filter(Some(filters));
            let send = || request.clone().set_next_token(token.clone()).send();
            let page = aws.call(DESCRIBE, send).await?;
            Ok((page.nat_gateways.unwrap_or_default(), page.next_token))
        }
    })
    .await?;
    let blocker = |gateway: &aws_sdk_ec2::types::NatGateway| Blocker {
        id: super::text(gateway.nat_gateway_id()),
        what: format!("NAT gateway{}", named(&ec2::tags(gateway.tags()))),
        passage: Passage::Foreign,
    };
    Ok(found.iter().map(blocker).collect())
}

/// Groups whose rules name a group: it can't go before they let go of it (aws-behaviour 7.e).
pub(super) async fn referring_groups(aws: &Aws, group: &str) -> Result<Vec<Blocker>, AwsError> {
    let mut found = Vec::new();
    for direction in ["ip-permission.group-id", "egress.ip-permission.group-id"] {
        found.extend(groups(aws, filter(direction, [group.to_owned()])).await?);
    }
    found.retain(|blocker| blocker.id != group);
    found.sort();
    found.dedup();
    Ok(found)
}

/// Everything that others have put into a network.
pub(super) async fn inside_network(aws: &Aws, vpc: &str) -> Result<Vec<Blocker>, AwsError> {
    let within = || filter("vpc-id", [vpc.to_owned()]);
    let (interfaces, groups, subnets, tables) = futures::try_join!(
        interfaces(aws, within()),
        groups(aws, within()),
        subnets(aws, within()),
        route_tables(aws, within()),
    )?;
    Ok(interfaces.into_iter().chain(groups).chain(subnets).chain(tables).collect())
}

async fn groups(aws: &Aws, by: Filter) -> Result<Vec<Blocker>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeSecurityGroups");
    let found = pages(|token| {
        let by = by.clone();
        async move {
            let request = aws.ec2().describe_security_groups().filters(by).max_results(1000);
            let send = || request.clone().set_next_token(token.clone()).send();
            let page = aws.call(DESCRIBE, send).await?;
            Ok((page.security_groups.unwrap_or_default(), page.next_token))
        }
    })
    .await?;
    // The default group goes with its network (aws-behaviour 1.e).
    let others = found.iter().filter(|group| group.group_name() != Some("default"));
    let blocker = |group: &aws_sdk_ec2::types::SecurityGroup| Blocker {
        id: super::text(group.group_id()),
        what: format!("security group {}", super::text(group.group_name())),
        passage: passage(&ec2::tags(group.tags())),
    };
    Ok(others.map(blocker).collect())
}

async fn subnets(aws: &Aws, by: Filter) -> Result<Vec<Blocker>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeSubnets");
    let found = pages(|token| {
        let by = by.clone();
        async move {
            let request = aws.ec2().describe_subnets().filters(by).max_results(1000);
            let send = || request.clone().set_next_token(token.clone()).send();
            let page = aws.call(DESCRIBE, send).await?;
            Ok((page.subnets.unwrap_or_default(), page.next_token))
        }
    })
    .await?;
    let blocker = |subnet: &aws_sdk_ec2::types::Subnet| {
        let tags = ec2::tags(subnet.tags());
        Blocker {
            id: super::text(subnet.subnet_id()),
            what: format!("subnet{}", named(&tags)),
            passage: passage(&tags),
        }
    };
    Ok(found.iter().map(blocker).collect())
}

async fn route_tables(aws: &Aws, by: Filter) -> Result<Vec<Blocker>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeRouteTables");
    let found = pages(|token| {
        let by = by.clone();
        async move {
            let request = aws.ec2().describe_route_tables().filters(by).max_results(100);
            let send = || request.clone().set_next_token(token.clone()).send();
            let page = aws.call(DESCRIBE, send).await?;
            Ok((page.route_tables.unwrap_or_default(), page.next_token))
        }
    })
    .await?;
    // The main table goes with its network (aws-behaviour 1.e).
    let is_main = |table: &&aws_sdk_ec2::types::RouteTable| {
        table.associations().iter().any(|one| one.main() == Some(true))
    };
    let blocker = |table: &aws_sdk_ec2::types::RouteTable| {
        let tags = ec2::tags(table.tags());
        Blocker {
            id: super::text(table.route_table_id()),
            what: format!("route table{}", named(&tags)),
            passage: passage(&tags),
        }
    };
    Ok(found.iter().filter(|table| !is_main(table)).map(blocker).collect())
}

/// What carries a stack's tags is removed by the run that asks; the rest is somebody else's.
fn passage(tags: &Tags) -> Passage {
    if tags.contains_key(OwnershipTags::STACK) { Passage::Passing } else { Passage::Foreign }
}

fn named(tags: &Tags) -> String {
    tags.get("Name").map(|name| format!(" {name}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(description: &str, kind: &str, requester: &str) -> Passage {
        let one = NetworkInterface::builder()
            .network_interface_id("eni-1")
            .description(description)
            .interface_type(kind.into())
            .requester_id(requester)
            .build();
        interface(&one).passage
    }

    #[test]
    fn what_aws_takes_away_by_itself_is_waited_for() {
        let task = "arn:aws:ecs:eu-west-1:123456789012:attachment/0a1b";
        assert_eq!(judged("ELB app/x/1", "interface", "amazon-elb"), Passage::Passing);
        assert_eq!(judged(task, "interface", "578734482556"), Passage::Passing);
        assert_eq!(judged("Interface for NAT Gateway nat-1", "nat_gateway", ""), Passage::Passing);
    }

    #[test]
    fn what_a_function_left_behind_is_waited_for() {
        let left = NetworkInterface::builder()
            .description("AWS Lambda VPC ENI-report-1")
            .status(NetworkInterfaceStatus::Available)
            .build();
        assert_eq!(interface(&left).passage, Passage::Passing);
    }

    #[test]
    fn an_endpoint_is_known_by_what_its_interface_is_called() {
        let what = "network interface of a VPC endpoint: VPC Endpoint Interface vpce-0a1b";
        assert_eq!(endpoint_of(what), Some("vpce-0a1b"));
        assert_eq!(endpoint_of("network interface: vpcethernet"), None);
    }

    #[test]
    fn what_somebody_else_put_there_is_not() {
        assert_eq!(judged("", "interface", ""), Passage::Foreign);
        assert_eq!(judged("AWS Lambda VPC ENI-x", "lambda", "AROA:x"), Passage::Foreign);
        assert_eq!(judged("VPC Endpoint Interface vpce-1", "vpc_endpoint", ""), Passage::Foreign);
    }
}
