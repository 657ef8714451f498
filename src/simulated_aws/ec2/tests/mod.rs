//! The room asked directly, and, in [`life`], through the SDK.

mod group;
mod life;
mod nat;
mod network;
mod reading;

use std::time::Duration;

use serde_json::Value;

use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, Parameters, parse_form};

/// An empty account.
fn empty() -> Cloud {
    Cloud::new("eu-west-1", "2026-01-01T00:00:00Z".parse().unwrap(), 7)
}

/// Asks with a form's text, such as `VpcId=vpc-1&CidrBlock=10.0.0.0/24`.
fn ask(cloud: &mut Cloud, operation: &str, form: &str) -> Answer {
    let request = parse_form(form.as_bytes());
    super::answer(cloud, operation, Parameters::new(&request))
}

/// The answer to what must succeed.
fn get(cloud: &mut Cloud, operation: &str, form: &str) -> Value {
    ask(cloud, operation, form).unwrap_or_else(|error| panic!("{operation} {form}: {error:?}"))
}

/// The code that refuses what must not succeed.
fn refusal(cloud: &mut Cloud, operation: &str, form: &str) -> String {
    match ask(cloud, operation, form) {
        Ok(answer) => panic!("{operation} {form} succeeded: {answer}"),
        Err(error) => error.code,
    }
}

/// Lets time pass.
fn wait(cloud: &mut Cloud, seconds: u64) {
    let later = cloud.now.after(Duration::from_secs(seconds));
    cloud.settle(later);
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// A VPC with a way to the internet and one subnet that uses it.
struct Network {
    vpc: String,
    gateway: String,
    subnet: String,
    /// The public subnet's table.
    table: String,
}

fn vpc(cloud: &mut Cloud) -> String {
    text(&get(cloud, "CreateVpc", "CidrBlock=10.0.0.0/16")["vpc"]["vpcId"])
}

fn subnet(cloud: &mut Cloud, vpc: &str, cidr: &str) -> String {
    let form = format!("VpcId={vpc}&CidrBlock={cidr}&AvailabilityZone=eu-west-1a");
    text(&get(cloud, "CreateSubnet", &form)["subnet"]["subnetId"])
}

fn network(cloud: &mut Cloud) -> Network {
    let vpc = vpc(cloud);
    let gateway = get(cloud, "CreateInternetGateway", "");
    let gateway = text(&gateway["internetGateway"]["internetGatewayId"]);
    get(cloud, "AttachInternetGateway", &format!("InternetGatewayId={gateway}&VpcId={vpc}"));
    let subnet = subnet(cloud, &vpc, "10.0.0.0/24");
    let table = table(cloud, &vpc, &subnet);
    let route = format!("RouteTableId={table}&DestinationCidrBlock=0.0.0.0/0");
    get(cloud, "CreateRoute", &format!("{route}&GatewayId={gateway}"));
    Network { vpc, gateway, subnet, table }
}

/// A table that serves the subnet.
fn table(cloud: &mut Cloud, vpc: &str, subnet: &str) -> String {
    let table = get(cloud, "CreateRouteTable", &format!("VpcId={vpc}"));
    let table = text(&table["routeTable"]["routeTableId"]);
    get(cloud, "AssociateRouteTable", &format!("RouteTableId={table}&SubnetId={subnet}"));
    table
}

fn address(cloud: &mut Cloud) -> String {
    text(&get(cloud, "AllocateAddress", "Domain=vpc")["allocationId"])
}

/// A NAT gateway just asked for, and its address.
fn nat(cloud: &mut Cloud, subnet: &str) -> (String, String) {
    let address = address(cloud);
    let form = format!(
        "SubnetId={subnet}&AllocationId={address}&TagSpecification.1.ResourceType=natgateway\
         &TagSpecification.1.Tag.1.Key=owner&TagSpecification.1.Tag.1.Value=us"
    );
    let gateway = get(cloud, "CreateNatGateway", &form);
    (text(&gateway["natGateway"]["natGatewayId"]), address)
}

fn group(cloud: &mut Cloud, vpc: &str, name: &str) -> String {
    let form = format!("GroupName={name}&GroupDescription=for+tests&VpcId={vpc}");
    text(&get(cloud, "CreateSecurityGroup", &form)["groupId"])
}
