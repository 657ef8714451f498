//! VPCs, subnets, gateways, tables: what they come with, and what keeps them from going.

use super::*;
use crate::simulated_aws::ec2::bystander::Endpoint;
use crate::simulated_aws::ec2::interface::{self, InternetRoute, NewInterface};

fn task(subnet: &str, groups: Vec<String>) -> NewInterface {
    NewInterface {
        subnet: subnet.to_owned(),
        groups,
        description: "a task".to_owned(),
        interface_type: "interface".to_owned(),
        requester: "ecs".to_owned(),
        public_address: true,
    }
}

#[test]
fn a_vpc_comes_with_its_default_group_and_its_main_table() {
    let mut cloud = empty();
    let vpc = vpc(&mut cloud);
    let filter = format!("Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}");
    let groups = get(&mut cloud, "DescribeSecurityGroups", &filter)["securityGroupInfo"].take();
    assert_eq!(groups[0]["groupName"], "default");
    assert_eq!(groups[0]["ipPermissions"][0]["groups"][0]["groupId"], groups[0]["groupId"]);
    assert_eq!(groups[0]["ipPermissionsEgress"][0]["ipRanges"][0]["cidrIp"], "0.0.0.0/0");
    let tables = get(&mut cloud, "DescribeRouteTables", &filter)["routeTableSet"].take();
    assert_eq!(tables[0]["associationSet"][0]["main"], true);
    assert_eq!(tables[0]["routeSet"][0]["gatewayId"], "local");
    get(&mut cloud, "DeleteVpc", &format!("VpcId={vpc}"));
    assert!(cloud.ec2.groups.is_empty() && cloud.ec2.route_tables.is_empty());
    assert!(cloud.ec2.rules.is_empty() && cloud.ec2.tags.is_empty());
}

#[test]
fn a_vpc_is_pending_for_a_moment() {
    let mut cloud = empty();
    vpc(&mut cloud);
    assert_eq!(get(&mut cloud, "DescribeVpcs", "")["vpcSet"][0]["state"], "pending");
    wait(&mut cloud, 5);
    assert_eq!(get(&mut cloud, "DescribeVpcs", "")["vpcSet"][0]["state"], "available");
}

#[test]
fn host_bits_of_a_block_are_cleared() {
    let mut cloud = empty();
    let vpc = get(&mut cloud, "CreateVpc", "CidrBlock=10.0.3.7/16");
    assert_eq!(vpc["vpc"]["cidrBlock"], "10.0.0.0/16");
}

#[test]
fn one_attribute_is_changed_and_read_at_a_time() {
    let mut cloud = empty();
    let vpc = vpc(&mut cloud);
    let both = format!("VpcId={vpc}&EnableDnsSupport.Value=true&EnableDnsHostnames.Value=true");
    assert_eq!(refusal(&mut cloud, "ModifyVpcAttribute", &both), "InvalidParameterCombination");
    let one = format!("VpcId={vpc}&EnableDnsHostnames.Value=true");
    get(&mut cloud, "ModifyVpcAttribute", &one);
    let read = format!("VpcId={vpc}&Attribute=enableDnsHostnames");
    let read = get(&mut cloud, "DescribeVpcAttribute", &read);
    assert_eq!(read["enableDnsHostnames"]["value"], true);
    assert!(read.get("enableDnsSupport").is_none());
}

#[test]
fn a_vpc_stays_while_anything_is_left_in_it() {
    let mut cloud = empty();
    let network = network(&mut cloud);
    let delete = format!("VpcId={}", network.vpc);
    for (operation, form) in [
        ("DeleteSubnet", format!("SubnetId={}", network.subnet)),
        ("DeleteRouteTable", format!("RouteTableId={}", network.table)),
        (
            "DetachInternetGateway",
            format!("InternetGatewayId={}&VpcId={}", network.gateway, network.vpc),
        ),
    ] {
        assert_eq!(refusal(&mut cloud, "DeleteVpc", &delete), "DependencyViolation");
        get(&mut cloud, operation, &form);
    }
    let endpoint = Endpoint {
        id: "vpce-1".to_owned(),
        vpc: network.vpc.clone(),
        state: "available".to_owned(),
        ..Endpoint::default()
    };
    cloud.ec2.endpoints.insert(endpoint.id.clone(), endpoint);
    assert_eq!(refusal(&mut cloud, "DeleteVpc", &delete), "DependencyViolation");
    cloud.ec2.endpoints.clear();
    get(&mut cloud, "DeleteVpc", &delete);
    assert_eq!(refusal(&mut cloud, "DeleteVpc", &delete), "InvalidVpcID.NotFound");
}

#[test]
fn the_sixth_vpc_is_one_too_many() {
    let mut cloud = empty();
    for _ in 0..5 {
        vpc(&mut cloud);
    }
    assert_eq!(refusal(&mut cloud, "CreateVpc", "CidrBlock=10.0.0.0/16"), "VpcLimitExceeded");
    cloud.ec2.quotas.vpcs = 6;
    vpc(&mut cloud);
}

#[test]
fn subnets_lie_inside_their_vpc_and_apart() {
    let mut cloud = empty();
    let vpc = vpc(&mut cloud);
    subnet(&mut cloud, &vpc, "10.0.0.0/24");
    for (cidr, code) in [
        ("10.0.0.128/25", "InvalidSubnet.Conflict"),
        ("10.0.0.0/20", "InvalidSubnet.Conflict"),
        ("10.1.0.0/24", "InvalidSubnet.Range"),
        ("10.0.1.0/29", "InvalidSubnet.Range"),
        ("ten", "InvalidParameterValue"),
    ] {
        let form = format!("VpcId={vpc}&CidrBlock={cidr}");
        assert_eq!(refusal(&mut cloud, "CreateSubnet", &form), code, "{cidr}");
    }
    let elsewhere = format!("VpcId={vpc}&CidrBlock=10.0.1.0/24&AvailabilityZone=us-east-1a");
    assert_eq!(refusal(&mut cloud, "CreateSubnet", &elsewhere), "InvalidParameterValue");
}

#[test]
fn a_subnet_runs_out_of_addresses() {
    let mut cloud = empty();
    let vpc = vpc(&mut cloud);
    let subnet = subnet(&mut cloud, &vpc, "10.0.0.0/28");
    let addresses: Vec<_> = (0..11)
        .map(|_| interface::create_interface(&mut cloud, task(&subnet, vec![])).unwrap())
        .map(|interface| interface.private_address)
        .collect();
    let distinct: std::collections::BTreeSet<_> = addresses.iter().collect();
    assert_eq!(distinct.len(), 11);
    assert_eq!(distinct.first().unwrap().octets()[3], 4);
    let left = get(&mut cloud, "DescribeSubnets", "")["subnetSet"][0].take();
    assert_eq!(left["availableIpAddressCount"], 0);
    let error = interface::create_interface(&mut cloud, task(&subnet, vec![])).unwrap_err();
    assert_eq!(error.code, "InsufficientFreeAddressesInSubnet");
}

#[test]
fn an_interface_keeps_its_subnet_and_the_internet_gateway_from_going() {
    let mut cloud = empty();
    let network = network(&mut cloud);
    let new = task(&network.subnet, vec![]);
    let task = interface::create_interface(&mut cloud, new).unwrap();
    let detach = format!("InternetGatewayId={}&VpcId={}", network.gateway, network.vpc);
    let delete = format!("SubnetId={}", network.subnet);
    assert_eq!(refusal(&mut cloud, "DetachInternetGateway", &detach), "DependencyViolation");
    assert_eq!(refusal(&mut cloud, "DeleteSubnet", &delete), "DependencyViolation");
    interface::delete_interface(&mut cloud, &task.id);
    get(&mut cloud, "DetachInternetGateway", &detach);
    get(&mut cloud, "DeleteSubnet", &delete);
    assert_eq!(refusal(&mut cloud, "DetachInternetGateway", &detach), "Gateway.NotAttached");
}

#[test]
fn an_interface_without_groups_gets_the_default_one() {
    let mut cloud = empty();
    let network = network(&mut cloud);
    let new = task(&network.subnet, vec![]);
    let task = interface::create_interface(&mut cloud, new).unwrap();
    assert!(interface::security_group(&cloud, &task.groups[0]).unwrap().is_default());
}

#[test]
fn interfaces_take_groups_of_their_own_vpc_only() {
    let mut cloud = empty();
    let network = network(&mut cloud);
    let other = vpc(&mut cloud);
    let stranger = group(&mut cloud, &other, "web");
    let error = interface::create_interface(&mut cloud, task(&network.subnet, vec![stranger]));
    assert_eq!(error.unwrap_err().code, "InvalidGroup.NotFound");
    let error = interface::create_interface(&mut cloud, task("subnet-0a", vec![])).unwrap_err();
    assert_eq!(error.code, "InvalidSubnetID.NotFound");
}

#[test]
fn a_gateway_has_one_vpc_and_a_vpc_one_gateway() {
    let mut cloud = empty();
    let network = network(&mut cloud);
    let attach = |gateway: &str, vpc: &str| format!("InternetGatewayId={gateway}&VpcId={vpc}");
    let again = attach(&network.gateway, &network.vpc);
    assert_eq!(refusal(&mut cloud, "AttachInternetGateway", &again), "Resource.AlreadyAssociated");
    let second = get(&mut cloud, "CreateInternetGateway", "");
    let second = text(&second["internetGateway"]["internetGatewayId"]);
    let form = attach(&second, &network.vpc);
    assert_eq!(refusal(&mut cloud, "AttachInternetGateway", &form), "InvalidParameterValue");
    let form = format!("InternetGatewayId={}", network.gateway);
    assert_eq!(refusal(&mut cloud, "DeleteInternetGateway", &form), "DependencyViolation");
}

#[test]
fn a_route_is_one_destination_and_one_target() {
    let mut cloud = empty();
    let network = network(&mut cloud);
    let table = format!("RouteTableId={}", network.table);
    let gateway = format!("GatewayId={}", network.gateway);
    for (rest, code) in [
        (format!("DestinationCidrBlock=0.0.0.0/0&{gateway}"), "RouteAlreadyExists"),
        (format!("DestinationCidrBlock=0.0.0.9/0&{gateway}"), "RouteAlreadyExists"),
        ("DestinationCidrBlock=1.0.0.0/8".to_owned(), "MissingParameter"),
        (gateway.clone(), "MissingParameter"),
        (
            format!("DestinationCidrBlock=1.0.0.0/8&DestinationIpv6CidrBlock=::/0&{gateway}"),
            "InvalidParameterCombination",
        ),
        ("DestinationCidrBlock=1.0.0.0/8&GatewayId=igw-0a".to_owned(), "InvalidGatewayID.NotFound"),
        (
            "DestinationCidrBlock=1.0.0.0/8&NatGatewayId=nat-0a".to_owned(),
            "InvalidNatGatewayID.NotFound",
        ),
    ] {
        assert_eq!(refusal(&mut cloud, "CreateRoute", &format!("{table}&{rest}")), code, "{rest}");
    }
    let local = format!("{table}&DestinationCidrBlock=10.0.0.0/16");
    assert_eq!(refusal(&mut cloud, "DeleteRoute", &local), "InvalidParameterValue");
    let absent = format!("{table}&DestinationCidrBlock=9.0.0.0/8");
    assert_eq!(refusal(&mut cloud, "DeleteRoute", &absent), "InvalidRoute.NotFound");
    get(&mut cloud, "DeleteRoute", &format!("{table}&DestinationCidrBlock=0.0.0.0/0"));
}

#[test]
fn a_subnet_is_served_by_one_table_and_its_replacement_has_a_new_id() {
    let mut cloud = empty();
    let network = network(&mut cloud);
    let again = format!("RouteTableId={}&SubnetId={}", network.table, network.subnet);
    assert_eq!(refusal(&mut cloud, "AssociateRouteTable", &again), "Resource.AlreadyAssociated");
    let unknown = format!("RouteTableId=rtb-0a&SubnetId={}", network.subnet);
    assert_eq!(
        refusal(&mut cloud, "AssociateRouteTable", &unknown),
        "InvalidRouteTableId.NotFound"
    );
    let delete = format!("RouteTableId={}", network.table);
    assert_eq!(refusal(&mut cloud, "DeleteRouteTable", &delete), "DependencyViolation");
    let old = cloud.ec2.route_tables[&network.table].associations[0].id.clone();
    let second = get(&mut cloud, "CreateRouteTable", &format!("VpcId={}", network.vpc));
    let second = text(&second["routeTable"]["routeTableId"]);
    let replace = format!("AssociationId={old}&RouteTableId={second}");
    let new = get(&mut cloud, "ReplaceRouteTableAssociation", &replace);
    assert_ne!(text(&new["newAssociationId"]), old);
    assert_eq!(
        refusal(&mut cloud, "DisassociateRouteTable", &format!("AssociationId={old}")),
        "InvalidAssociationID.NotFound"
    );
    get(&mut cloud, "DeleteRouteTable", &delete);
}

#[test]
fn the_main_table_can_be_changed_but_not_taken_away() {
    let mut cloud = empty();
    let vpc = vpc(&mut cloud);
    let (id, main) = cloud.ec2.route_tables.iter().next().unwrap();
    let (main, association) = (id.clone(), main.associations[0].id.clone());
    let delete = format!("RouteTableId={main}");
    assert_eq!(refusal(&mut cloud, "DeleteRouteTable", &delete), "DependencyViolation");
    let form = format!("AssociationId={association}");
    assert_eq!(refusal(&mut cloud, "DisassociateRouteTable", &form), "InvalidParameterValue");
    let second = get(&mut cloud, "CreateRouteTable", &format!("VpcId={vpc}"));
    let second = text(&second["routeTable"]["routeTableId"]);
    let form = format!("{form}&RouteTableId={second}");
    get(&mut cloud, "ReplaceRouteTableAssociation", &form);
    get(&mut cloud, "DeleteRouteTable", &delete);
}

#[test]
fn the_way_out_of_a_subnet_follows_its_table() {
    let mut cloud = empty();
    let network = network(&mut cloud);
    assert_eq!(interface::internet_route(&cloud, &network.subnet), InternetRoute::Gateway);
    let private = subnet(&mut cloud, &network.vpc, "10.0.1.0/24");
    assert_eq!(interface::internet_route(&cloud, &private), InternetRoute::None);
    let table = table(&mut cloud, &network.vpc, &private);
    let (nat, _) = super::nat(&mut cloud, &network.subnet);
    let route = format!("RouteTableId={table}&DestinationCidrBlock=0.0.0.0/0&NatGatewayId={nat}");
    get(&mut cloud, "CreateRoute", &route);
    let through_nat = |available| InternetRoute::Nat { available };
    assert_eq!(interface::internet_route(&cloud, &private), through_nat(false));
    wait(&mut cloud, 130);
    assert_eq!(interface::internet_route(&cloud, &private), through_nat(true));
    let out = format!("RouteTableId={}&DestinationCidrBlock=0.0.0.0/0", network.table);
    get(&mut cloud, "DeleteRoute", &out);
    assert_eq!(interface::internet_route(&cloud, &private), through_nat(false));
    assert_eq!(interface::internet_route(&cloud, &network.subnet), InternetRoute::None);
}
