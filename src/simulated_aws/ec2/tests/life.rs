//! The life of everything, through the SDK: what it sends is understood, and what it gets parsed.

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sdk_ec2::config::{BehaviorVersion, Region};
use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, Filter, IpPermission, IpRange, NatGatewayState, ResourceType,
    RouteState, SubnetState, Tag, TagSpecification, UserIdGroupPair, VpcAttributeName, VpcState,
};

use super::*;
use crate::simulated_aws::clock::{Clock, Moment};
use crate::simulated_aws::connector::Connector;
use crate::simulated_aws::endpoint::{Call, Endpoint};
use crate::simulated_aws::sts;
use crate::simulated_aws::wire::Service;

fn endpoint() -> Arc<Endpoint> {
    Arc::new(Endpoint::new(empty(), Clock::starting_at(Moment::default(), 1.0)))
}

fn credentials() -> Credentials {
    Credentials::new("AKIASIMULATED", "secret", None, None, "simulated")
}

fn client() -> aws_sdk_ec2::Client {
    let config = aws_sdk_ec2::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(credentials())
        .http_client(Connector::new(endpoint()))
        .build();
    aws_sdk_ec2::Client::from_conf(config)
}

fn tagged(kind: ResourceType) -> TagSpecification {
    let tag = Tag::builder().key("owner").value("us").build();
    TagSpecification::builder().resource_type(kind).tags(tag).build()
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

fn is_ours(tags: &[Tag]) -> bool {
    tags.iter().any(|tag| tag.key() == Some("owner") && tag.value() == Some("us"))
}

/// What the walk has made so far.
struct Stack {
    ec2: aws_sdk_ec2::Client,
    vpc: String,
    gateway: String,
    subnet: String,
}

#[tokio::test(start_paused = true)]
async fn a_network_lives_and_dies() {
    let stack = Stack::create().await;
    stack.check_vpc().await;
    stack.check_subnet().await;
    let group = stack.check_group().await;
    let (nat, address) = stack.check_nat().await;
    let (table, association) = stack.check_table(&nat).await;
    stack.check_interfaces(&nat).await;
    stack.delete_nat(&nat, &address).await;
    let ec2 = &stack.ec2;
    ec2.disassociate_route_table().association_id(association).send().await.unwrap();
    ec2.delete_route_table().route_table_id(table).send().await.unwrap();
    ec2.delete_security_group().group_id(group).send().await.unwrap();
    stack.delete().await;
}

impl Stack {
    async fn create() -> Self {
        let ec2 = client();
        let vpc = ec2.create_vpc().cidr_block("10.0.0.0/16");
        let vpc = vpc.tag_specifications(tagged(ResourceType::Vpc)).send().await.unwrap();
        let vpc = vpc.vpc.unwrap();
        assert_eq!(vpc.state, Some(VpcState::Pending));
        assert!(is_ours(vpc.tags()));
        let vpc = vpc.vpc_id.unwrap();
        let gateway = ec2.create_internet_gateway();
        let gateway = gateway.tag_specifications(tagged(ResourceType::InternetGateway));
        let gateway = gateway.send().await.unwrap().internet_gateway.unwrap();
        let gateway = gateway.internet_gateway_id.unwrap();
        let attach = ec2.attach_internet_gateway().internet_gateway_id(&gateway).vpc_id(&vpc);
        attach.send().await.unwrap();
        let subnet = ec2.create_subnet().vpc_id(&vpc).cidr_block("10.0.0.0/24");
        let subnet = subnet.availability_zone("eu-west-1b");
        let subnet = subnet.tag_specifications(tagged(ResourceType::Subnet)).send().await.unwrap();
        let subnet = subnet.subnet.unwrap().subnet_id.unwrap();
        Self { ec2, vpc, gateway, subnet }
    }

    async fn check_vpc(&self) {
        let modify = self.ec2.modify_vpc_attribute().vpc_id(&self.vpc);
        let yes = AttributeBooleanValue::builder().value(true).build();
        modify.enable_dns_hostnames(yes).send().await.unwrap();
        let read = self.ec2.describe_vpc_attribute().vpc_id(&self.vpc);
        let read = read.attribute(VpcAttributeName::EnableDnsHostnames).send().await.unwrap();
        assert_eq!(read.enable_dns_hostnames.unwrap().value, Some(true));
        tokio::time::sleep(Duration::from_secs(5)).await;
        let vpcs = self.ec2.describe_vpcs().filters(filter("tag:owner", "us"));
        let vpc = vpcs.send().await.unwrap().vpcs.unwrap().remove(0);
        assert_eq!(vpc.vpc_id(), Some(self.vpc.as_str()));
        assert_eq!(vpc.state, Some(VpcState::Available));
        assert_eq!(vpc.cidr_block(), Some("10.0.0.0/16"));
        let gateways = self.ec2.describe_internet_gateways();
        let gateways = gateways.filters(filter("attachment.vpc-id", &self.vpc));
        let gateway = gateways.send().await.unwrap().internet_gateways.unwrap().remove(0);
        let attachment = &gateway.attachments()[0];
        assert_eq!(attachment.state.as_ref().unwrap().as_str(), "available");
        assert_eq!(attachment.vpc_id(), Some(self.vpc.as_str()));
    }

    async fn check_subnet(&self) {
        let modify = self.ec2.modify_subnet_attribute().subnet_id(&self.subnet);
        let yes = AttributeBooleanValue::builder().value(true).build();
        modify.map_public_ip_on_launch(yes).send().await.unwrap();
        let subnets = self.ec2.describe_subnets().subnet_ids(&self.subnet).send().await.unwrap();
        let subnet = &subnets.subnets()[0];
        assert_eq!(subnet.state, Some(SubnetState::Available));
        assert_eq!(subnet.map_public_ip_on_launch, Some(true));
        assert_eq!(subnet.availability_zone(), Some("eu-west-1b"));
        assert_eq!(subnet.availability_zone_id(), Some("euw1-az2"));
        assert_eq!(subnet.cidr_block(), Some("10.0.0.0/24"));
        assert_eq!(subnet.available_ip_address_count, Some(251));
        assert!(is_ours(subnet.tags()));
    }

    async fn check_group(&self) -> String {
        let group = self.ec2.create_security_group().group_name("web").description("web");
        let group = group.vpc_id(&self.vpc);
        let group = group.tag_specifications(tagged(ResourceType::SecurityGroup));
        let group = group.send().await.unwrap().group_id.unwrap();
        let range = IpRange::builder().cidr_ip("0.0.0.0/0").description("all").build();
        let pair = UserIdGroupPair::builder().group_id(&group).build();
        let permission = IpPermission::builder().ip_protocol("tcp").from_port(80).to_port(80);
        let permission = permission.ip_ranges(range).user_id_group_pairs(pair).build();
        let authorize = self.ec2.authorize_security_group_ingress().group_id(&group);
        let authorize = authorize.ip_permissions(permission);
        let authorize = authorize.tag_specifications(tagged(ResourceType::SecurityGroupRule));
        let rules = authorize.send().await.unwrap().security_group_rules.unwrap();
        assert_eq!(rules.len(), 2);
        assert!(rules.iter().all(|rule| is_ours(rule.tags())));
        let groups = self.ec2.describe_security_groups().group_ids(&group).send().await.unwrap();
        let shown = &groups.security_groups()[0];
        assert_eq!(shown.ip_permissions()[0].ip_ranges()[0].description(), Some("all"));
        assert_eq!(
            shown.ip_permissions()[0].user_id_group_pairs()[0].group_id(),
            Some(group.as_str())
        );
        assert_eq!(shown.ip_permissions_egress()[0].ip_protocol(), Some("-1"));
        let rules = self.ec2.describe_security_group_rules().filters(filter("group-id", &group));
        let rules = rules.send().await.unwrap().security_group_rules.unwrap();
        let rule =
            rules.iter().find(|rule| rule.cidr_ipv4().is_some() && rule.from_port == Some(80));
        assert_eq!(rule.unwrap().is_egress, Some(false));
        group
    }

    async fn check_nat(&self) -> (String, String) {
        let address = self.ec2.allocate_address();
        let address = address.tag_specifications(tagged(ResourceType::ElasticIp));
        let address = address.send().await.unwrap().allocation_id.unwrap();
        let create = self.ec2.create_nat_gateway().subnet_id(&self.subnet);
        let create = create.allocation_id(&address).client_token("once");
        let create = create.tag_specifications(tagged(ResourceType::Natgateway));
        let nat = create.clone().send().await.unwrap().nat_gateway.unwrap();
        assert_eq!(nat.state, Some(NatGatewayState::Pending));
        let again = create.send().await.unwrap().nat_gateway.unwrap();
        assert_eq!(again.nat_gateway_id, nat.nat_gateway_id);
        let nat = nat.nat_gateway_id.unwrap();
        tokio::time::sleep(Duration::from_secs(130)).await;
        let nats = self.ec2.describe_nat_gateways().nat_gateway_ids(&nat).send().await.unwrap();
        let shown = &nats.nat_gateways()[0];
        assert_eq!(shown.state, Some(NatGatewayState::Available));
        assert!(shown.create_time.is_some() && is_ours(shown.tags()));
        let mapped = &shown.nat_gateway_addresses()[0];
        assert_eq!(mapped.allocation_id(), Some(address.as_str()));
        let addresses = self.ec2.describe_addresses().allocation_ids(&address);
        let addresses = addresses.send().await.unwrap().addresses.unwrap();
        assert_eq!(addresses[0].public_ip(), mapped.public_ip());
        assert_eq!(addresses[0].association_id(), mapped.association_id());
        assert!(is_ours(addresses[0].tags()));
        (nat, address)
    }

    async fn check_table(&self, nat: &str) -> (String, String) {
        let create = self.ec2.create_route_table().vpc_id(&self.vpc);
        let create = create.tag_specifications(tagged(ResourceType::RouteTable));
        let table = create.send().await.unwrap().route_table.unwrap().route_table_id.unwrap();
        let route = self.ec2.create_route().route_table_id(&table);
        let route = route.destination_cidr_block("0.0.0.0/0").nat_gateway_id(nat);
        assert_eq!(route.send().await.unwrap().r#return, Some(true));
        let associate = self.ec2.associate_route_table().route_table_id(&table);
        let association = associate.subnet_id(&self.subnet).send().await.unwrap();
        let association = association.association_id.unwrap();
        let tables = self.ec2.describe_route_tables();
        let tables = tables.filters(filter("association.subnet-id", &self.subnet));
        let shown = tables.send().await.unwrap().route_tables.unwrap().remove(0);
        assert_eq!(shown.routes()[0].gateway_id(), Some("local"));
        assert_eq!(shown.routes()[1].nat_gateway_id(), Some(nat));
        assert_eq!(shown.routes()[1].state, Some(RouteState::Active));
        let bond = &shown.associations()[0];
        assert_eq!(bond.route_table_association_id(), Some(association.as_str()));
        assert_eq!((bond.main, bond.subnet_id()), (Some(false), Some(self.subnet.as_str())));
        let replace = self.ec2.replace_route().route_table_id(&table);
        let replace = replace.destination_cidr_block("0.0.0.0/0").gateway_id(&self.gateway);
        replace.send().await.unwrap();
        (table, association)
    }

    async fn check_interfaces(&self, nat: &str) {
        let interfaces = self.ec2.describe_network_interfaces();
        let interfaces = interfaces.filters(filter("vpc-id", &self.vpc));
        let shown = interfaces.send().await.unwrap().network_interfaces.unwrap().remove(0);
        assert_eq!(shown.interface_type.as_ref().unwrap().as_str(), "nat_gateway");
        assert_eq!(shown.description(), Some(format!("Interface for NAT Gateway {nat}").as_str()));
        assert_eq!(shown.status.as_ref().unwrap().as_str(), "in-use");
        assert!(shown.requester_id().is_some() && shown.association().is_some());
    }

    async fn delete_nat(&self, nat: &str, address: &str) {
        let detach = self.ec2.detach_internet_gateway().internet_gateway_id(&self.gateway);
        let error = detach.vpc_id(&self.vpc).send().await.unwrap_err();
        assert_eq!(error.code(), Some("DependencyViolation"));
        assert!(error.message().unwrap().contains("mapped public address"));
        self.ec2.delete_nat_gateway().nat_gateway_id(nat).send().await.unwrap();
        tokio::time::sleep(Duration::from_mins(2)).await;
        let nats = self.ec2.describe_nat_gateways().filter(filter("tag:owner", "us"));
        let nats = nats.send().await.unwrap();
        assert_eq!(nats.nat_gateways()[0].state, Some(NatGatewayState::Deleted));
        self.ec2.release_address().allocation_id(address).send().await.unwrap();
    }

    async fn delete(&self) {
        self.ec2.delete_subnet().subnet_id(&self.subnet).send().await.unwrap();
        let detach = self.ec2.detach_internet_gateway().internet_gateway_id(&self.gateway);
        detach.vpc_id(&self.vpc).send().await.unwrap();
        let delete = self.ec2.delete_internet_gateway().internet_gateway_id(&self.gateway);
        delete.send().await.unwrap();
        self.ec2.delete_vpc().vpc_id(&self.vpc).send().await.unwrap();
        let error = self.ec2.delete_vpc().vpc_id(&self.vpc).send().await.unwrap_err();
        assert_eq!(error.code(), Some("InvalidVpcID.NotFound"));
        let nothing = self.ec2.describe_vpc_endpoints().send().await.unwrap();
        assert!(nothing.vpc_endpoints().is_empty());
        let nothing = self.ec2.describe_instances().send().await.unwrap();
        assert!(nothing.reservations().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn the_sdk_pages_through_what_is_there() {
    let endpoint = endpoint();
    endpoint.with_cloud(|cloud| {
        let vpc = vpc(cloud);
        for third in 0..7 {
            subnet(cloud, &vpc, &format!("10.0.{third}.0/24"));
        }
    });
    let config = aws_sdk_ec2::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(credentials())
        .http_client(Connector::new(Arc::clone(&endpoint)))
        .build();
    let pages = aws_sdk_ec2::Client::from_conf(config).describe_subnets();
    let mut subnets = pages.max_results(5).into_paginator().items().send();
    let mut count = 0;
    while let Some(subnet) = subnets.next().await {
        assert!(subnet.unwrap().subnet_id.is_some());
        count += 1;
    }
    assert_eq!(count, 7);
}

#[tokio::test(start_paused = true)]
async fn the_caller_is_told_who_it_is() {
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(credentials())
        .http_client(Connector::new(endpoint()))
        .build();
    let caller = aws_sdk_sts::Client::from_conf(config).get_caller_identity();
    let caller = caller.send().await.unwrap();
    assert_eq!(caller.account(), Some("123456789012"));
    assert_eq!(caller.arn(), Some("arn:aws:iam::123456789012:user/simulated"));
    assert!(caller.user_id().is_some());
    let call = Call {
        service: Service::Sts,
        operation: "AssumeRole".into(),
        request: Value::Null,
        arrived: Moment::default(),
        access_key: "AKIASIMULATED".into(),
        region: "eu-west-1".into(),
        user_agent: String::new(),
    };
    assert_eq!(sts::answer(&empty(), &call).unwrap_err().code, "InvalidAction");
}
