//! How much the account has already, counted where it stands.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, NatGateway, NatGatewayState};
use aws_sdk_elasticloadbalancingv2::types::LoadBalancerTypeEnum;

use super::super::evidence::{Seen, Used};
use super::super::needs::Needs;
use super::super::quota::Scarce;
use super::{pages, seen};
use crate::aws::{Aws, AwsError, Operation};

/// The most pages that are read of a list, each of hundreds: what is beyond is far over any quota
/// that a stack meets.
const PAGES: usize = 10;

const VPCS: Operation = Operation::new("ec2:DescribeVpcs");
const INTERNET_GATEWAYS: Operation = Operation::new("ec2:DescribeInternetGateways");
const ADDRESSES: Operation = Operation::new("ec2:DescribeAddresses");
const SECURITY_GROUPS: Operation = Operation::new("ec2:DescribeSecurityGroups");
const LOAD_BALANCERS: Operation = Operation::new("elasticloadbalancing:DescribeLoadBalancers");
const NAT_GATEWAYS: Operation = Operation::new("ec2:DescribeNatGateways");
const SUBNETS: Operation = Operation::new("ec2:DescribeSubnets");

/// How much there is of something that is counted in a region.
pub(super) async fn of(aws: &Aws, scarce: Scarce, needs: &Needs) -> Option<Seen<Used>> {
    needs.more.get(&scarce)?;
    Some(match scarce {
        Scarce::Vpcs => seen(VPCS.name, vpcs(aws)).await,
        Scarce::InternetGateways => seen(INTERNET_GATEWAYS.name, internet_gateways(aws)).await,
        Scarce::Addresses => seen(ADDRESSES.name, addresses(aws)).await,
        Scarce::SecurityGroups => seen(SECURITY_GROUPS.name, security_groups(aws)).await,
        Scarce::LoadBalancers => seen(LOAD_BALANCERS.name, load_balancers(aws)).await,
        Scarce::NatGateways | Scarce::Vcpus | Scarce::SpotVcpus => return None,
    })
}

async fn vpcs(aws: &Aws) -> Result<Used, AwsError> {
    let read = pages(PAGES, |token| async move {
        let request = aws.ec2().describe_vpcs().max_results(1000).set_next_token(token);
        let page = aws.call(VPCS, || request.clone().send()).await?;
        Ok((page.vpcs.unwrap_or_default(), page.next_token))
    });
    read.await.map(|(vpcs, more)| counted(vpcs.len(), more))
}

async fn internet_gateways(aws: &Aws) -> Result<Used, AwsError> {
    let read = pages(PAGES, |token| async move {
        let request = aws.ec2().describe_internet_gateways().max_results(1000);
        let request = request.set_next_token(token);
        let page = aws.call(INTERNET_GATEWAYS, || request.clone().send()).await?;
        Ok((page.internet_gateways.unwrap_or_default(), page.next_token))
    });
    read.await.map(|(gateways, more)| counted(gateways.len(), more))
}

/// Addresses that the account has brought with it do not count.
async fn addresses(aws: &Aws) -> Result<Used, AwsError> {
    let output = aws.call(ADDRESSES, || aws.ec2().describe_addresses().send()).await?;
    let addresses = output.addresses.unwrap_or_default();
    let own = addresses.iter().filter(|one| one.public_ipv4_pool().is_none_or(|at| at == "amazon"));
    Ok(counted(own.count(), false))
}

async fn security_groups(aws: &Aws) -> Result<Used, AwsError> {
    let read = pages(PAGES, |token| async move {
        let request = aws.ec2().describe_security_groups().max_results(1000);
        let request = request.set_next_token(token);
        let page = aws.call(SECURITY_GROUPS, || request.clone().send()).await?;
        Ok((page.security_groups.unwrap_or_default(), page.next_token))
    });
    read.await.map(|(groups, more)| counted(groups.len(), more))
}

async fn load_balancers(aws: &Aws) -> Result<Used, AwsError> {
    let read = pages(PAGES, |marker| async move {
        let request = aws.elb().describe_load_balancers().page_size(400).set_marker(marker);
        let page = aws.call(LOAD_BALANCERS, || request.clone().send()).await?;
        Ok((page.load_balancers.unwrap_or_default(), page.next_marker))
    });
    let (balancers, more) = read.await?;
    let kind = Some(&LoadBalancerTypeEnum::Application);
    Ok(counted(balancers.iter().filter(|one| one.r#type() == kind).count(), more))
}

/// How many NAT gateways there are in each zone; those that are on their way out count until they
/// are gone (aws-behaviour 5).
pub(super) async fn gateways(aws: &Aws, needs: &Needs) -> Option<Seen<BTreeMap<String, Used>>> {
    if needs.gateways.is_empty() {
        return None;
    }
    Some(seen(NAT_GATEWAYS.name, by_zone(aws)).await)
}

async fn by_zone(aws: &Aws) -> Result<BTreeMap<String, Used>, AwsError> {
    let gateways = living(aws).await?;
    let subnets: Vec<String> =
        gateways.iter().filter_map(|gateway| gateway.subnet_id.clone()).collect();
    let zones = if subnets.is_empty() { BTreeMap::new() } else { zones(aws, subnets).await? };
    let mut used: BTreeMap<String, Used> = BTreeMap::new();
    for gateway in &gateways {
        let zone = gateway.subnet_id().and_then(|subnet| zones.get(subnet));
        let Some(zone) = zone else { continue };
        let entry = used.entry(zone.clone()).or_default();
        entry.count += 1.0;
        if gateway.state() == Some(&NatGatewayState::Deleting) {
            entry.leaving += 1.0;
        }
    }
    Ok(used)
}

async fn living(aws: &Aws) -> Result<Vec<NatGateway>, AwsError> {
    let states = ["pending", "available", "deleting"].map(str::to_owned).to_vec();
    let filter = Filter::builder().name("state").set_values(Some(states)).build();
    let read = pages(PAGES, |token| {
        let request = aws.ec2().describe_nat_gateways().max_results(1000);
        let request = request.filter(filter.clone()).set_next_token(token);
        async move {
            let page = aws.call(NAT_GATEWAYS, || request.clone().send()).await?;
            Ok((page.nat_gateways.unwrap_or_default(), page.next_token))
        }
    });
    Ok(read.await?.0)
}

/// The zones of subnets, by filter: the subnet of a gateway that is going may be gone.
async fn zones(aws: &Aws, subnets: Vec<String>) -> Result<BTreeMap<String, String>, AwsError> {
    let mut zones = BTreeMap::new();
    // A filter takes 200 values.
    for some in subnets.chunks(200) {
        let filter = Filter::builder().name("subnet-id").set_values(Some(some.to_vec())).build();
        let request = aws.ec2().describe_subnets().filters(filter);
        let output = aws.call(SUBNETS, || request.clone().send()).await?;
        let found = output.subnets.unwrap_or_default().into_iter();
        zones.extend(found.filter_map(|one| Some((one.subnet_id?, one.availability_zone?))));
    }
    Ok(zones)
}

fn counted(count: usize, at_least: bool) -> Used {
    #[expect(clippy::cast_precision_loss, reason = "nobody has that many")]
    let count = count as f64;
    Used { count, leaving: 0.0, at_least }
}
