//! NAT gateways and the addresses they hold.

use super::*;
use crate::simulated_aws::ec2::interface::{NewInterface, create_interface};

fn state(cloud: &mut Cloud, id: &str) -> String {
    let answer = get(cloud, "DescribeNatGateways", &format!("NatGatewayId.1={id}"));
    text(&answer["natGatewaySet"][0]["state"])
}

#[test]
fn a_gateway_becomes_available_after_100_to_130_s() {
    let mut cloud = empty();
    let network = network(&mut cloud);
    let (gateway, _) = nat(&mut cloud, &network.subnet);
    wait(&mut cloud, 99);
    assert_eq!(state(&mut cloud, &gateway), "pending");
    wait(&mut cloud, 31);
    assert_eq!(state(&mut cloud, &gateway), "available");
}

#[test]
fn a_gateway_without_a_way_out_fails_later_and_keeps_its_tags() {
    let mut cloud = empty();
    let vpc = vpc(&mut cloud);
    let subnet = subnet(&mut cloud, &vpc, "10.0.0.0/24");
    let (gateway, address) = nat(&mut cloud, &subnet);
    assert_eq!(state(&mut cloud, &gateway), "pending");
    wait(&mut cloud, 20);
    let failed = get(&mut cloud, "DescribeNatGateways", "")["natGatewaySet"][0].take();
    assert_eq!(failed["state"], "failed");
    assert_eq!(failed["failureCode"], "Gateway.NotAttached");
    assert_eq!(failed["tagSet"][0]["value"], "us");
    get(&mut cloud, "ReleaseAddress", &format!("AllocationId={address}"));
    get(&mut cloud, "DeleteSubnet", &format!("SubnetId={subnet}"));
}

#[test]
fn a_taken_address_fails_the_second_gateway_and_not_the_first() {
    let mut cloud = empty();
    let network = network(&mut cloud);
    let (first, address) = nat(&mut cloud, &network.subnet);
    let form = format!("SubnetId={}&AllocationId={address}", network.subnet);
    let second = get(&mut cloud, "CreateNatGateway", &form);
    let second = text(&second["natGateway"]["natGatewayId"]);
    wait(&mut cloud, 130);
    assert_eq!(state(&mut cloud, &first), "available");
    let failed = get(&mut cloud, "DescribeNatGateways", &format!("NatGatewayId.1={second}"));
    assert_eq!(failed["natGatewaySet"][0]["failureCode"], "Resource.AlreadyAssociated");
}

#[test]
fn a_deleted_gateway_leaves_a_black_hole_and_stays_listed_for_an_hour() {
    let mut cloud = empty();
    let network = network(&mut cloud);
    let (gateway, _) = nat(&mut cloud, &network.subnet);
    let route = format!(
        "RouteTableId={}&DestinationCidrBlock=9.0.0.0/8&NatGatewayId={gateway}",
        network.table
    );
    get(&mut cloud, "CreateRoute", &route);
    wait(&mut cloud, 130);
    get(&mut cloud, "DeleteNatGateway", &format!("NatGatewayId={gateway}"));
    wait(&mut cloud, 59);
    assert_eq!(state(&mut cloud, &gateway), "deleting");
    let delete = format!("SubnetId={}", network.subnet);
    assert_eq!(refusal(&mut cloud, "DeleteSubnet", &delete), "DependencyViolation");
    wait(&mut cloud, 31);
    assert_eq!(state(&mut cloud, &gateway), "deleted");
    let filter = format!("RouteTableId.1={}", network.table);
    let routes = get(&mut cloud, "DescribeRouteTables", &filter)["routeTableSet"][0].take();
    assert_eq!(routes["routeSet"][2]["state"], "blackhole");
    let tagged = "Filter.1.Name=tag:owner&Filter.1.Value.1=us";
    let listed = get(&mut cloud, "DescribeNatGateways", tagged);
    assert_eq!(listed["natGatewaySet"].as_array().unwrap().len(), 1);
    wait(&mut cloud, 3600);
    let form = format!("NatGatewayId.1={gateway}");
    assert_eq!(refusal(&mut cloud, "DescribeNatGateways", &form), "NatGatewayNotFound");
}

#[test]
fn an_address_is_released_only_a_while_after_its_gateway_is_gone() {
    let mut cloud = empty();
    let network = network(&mut cloud);
    let (gateway, address) = nat(&mut cloud, &network.subnet);
    wait(&mut cloud, 130);
    let release = format!("AllocationId={address}");
    assert_eq!(refusal(&mut cloud, "ReleaseAddress", &release), "InvalidIPAddress.InUse");
    get(&mut cloud, "DeleteNatGateway", &format!("NatGatewayId={gateway}"));
    assert_eq!(refusal(&mut cloud, "ReleaseAddress", &release), "AuthFailure");
    while state(&mut cloud, &gateway) == "deleting" {
        wait(&mut cloud, 1);
    }
    assert_eq!(refusal(&mut cloud, "ReleaseAddress", &release), "AuthFailure");
    wait(&mut cloud, 30);
    get(&mut cloud, "ReleaseAddress", &release);
    assert_eq!(refusal(&mut cloud, "ReleaseAddress", &release), "InvalidAllocationID.NotFound");
}

#[test]
fn the_same_request_with_the_same_token_makes_one_gateway() {
    let mut cloud = empty();
    let network = network(&mut cloud);
    let address = address(&mut cloud);
    let form = format!("SubnetId={}&AllocationId={address}&ClientToken=once", network.subnet);
    let first = get(&mut cloud, "CreateNatGateway", &form);
    wait(&mut cloud, 130);
    let second = get(&mut cloud, "CreateNatGateway", &form);
    assert_eq!(first["natGateway"]["natGatewayId"], second["natGateway"]["natGatewayId"]);
    assert_eq!(second["natGateway"]["state"], "available");
    assert_eq!(
        refusal(&mut cloud, "CreateNatGateway", &format!("{form}&ConnectivityType=public")),
        "IdempotentParameterMismatch"
    );
}

#[test]
fn a_token_brings_back_even_a_gateway_that_is_gone() {
    let mut cloud = empty();
    let network = network(&mut cloud);
    let address = address(&mut cloud);
    let form = format!("SubnetId={}&AllocationId={address}&ClientToken=once", network.subnet);
    let first = get(&mut cloud, "CreateNatGateway", &form)["natGateway"]["natGatewayId"].take();
    get(&mut cloud, "DeleteNatGateway", &format!("NatGatewayId={}", text(&first)));
    wait(&mut cloud, 5000);
    let again = get(&mut cloud, "CreateNatGateway", &form)["natGateway"].take();
    assert_eq!((&again["natGatewayId"], text(&again["state"])), (&first, "deleted".to_owned()));
    wait(&mut cloud, 24 * 3600);
    let new = get(&mut cloud, "CreateNatGateway", &form)["natGateway"]["natGatewayId"].take();
    assert_ne!(new, first);
}

#[test]
fn deleting_gateways_still_count_for_the_quota() {
    let mut cloud = empty();
    let network = network(&mut cloud);
    cloud.ec2.quotas.nat_gateways_per_zone = 1;
    let (gateway, _) = nat(&mut cloud, &network.subnet);
    get(&mut cloud, "DeleteNatGateway", &format!("NatGatewayId={gateway}"));
    let second = address(&mut cloud);
    let form = format!("SubnetId={}&AllocationId={second}", network.subnet);
    assert_eq!(refusal(&mut cloud, "CreateNatGateway", &form), "NatGatewayLimitExceeded");
    wait(&mut cloud, 90);
    get(&mut cloud, "CreateNatGateway", &form);
}

#[test]
fn what_a_gateway_needs_must_exist() {
    let mut cloud = empty();
    let network = network(&mut cloud);
    let address = address(&mut cloud);
    for (form, code) in [
        (format!("SubnetId={}", network.subnet), "MissingParameter"),
        (
            format!("SubnetId={}&AllocationId=eipalloc-0a", network.subnet),
            "InvalidElasticIpID.NotFound",
        ),
        (format!("SubnetId=subnet-0a&AllocationId={address}"), "InvalidSubnetID.NotFound"),
    ] {
        assert_eq!(refusal(&mut cloud, "CreateNatGateway", &form), code, "{form}");
    }
}

#[test]
fn five_addresses_are_all_there_are() {
    let mut cloud = empty();
    for _ in 0..5 {
        address(&mut cloud);
    }
    assert_eq!(refusal(&mut cloud, "AllocateAddress", "Domain=vpc"), "AddressLimitExceeded");
}

#[test]
fn a_gateway_in_a_full_subnet_fails_and_leaves_its_address_free() {
    let mut cloud = empty();
    let network = network(&mut cloud);
    let full = subnet(&mut cloud, &network.vpc, "10.0.1.0/28");
    for _ in 0..11 {
        let new = NewInterface {
            subnet: full.clone(),
            groups: Vec::new(),
            description: "a task".to_owned(),
            interface_type: "interface".to_owned(),
            requester: "ecs".to_owned(),
            public_address: false,
        };
        create_interface(&mut cloud, new).unwrap();
    }
    let (gateway, address) = nat(&mut cloud, &full);
    wait(&mut cloud, 20);
    let failed = get(&mut cloud, "DescribeNatGateways", &format!("NatGatewayId.1={gateway}"));
    let code = text(&failed["natGatewaySet"][0]["failureCode"]);
    assert_eq!(code, "InsufficientFreeAddressesInSubnet");
    get(&mut cloud, "ReleaseAddress", &format!("AllocationId={address}"));
}
