//! The kinds of EC2, each through its whole life in the simulated AWS.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use common::{World, identity, sought};
use provision::aws::{Class, OwnershipTags};
use provision::resource::elastic_ip::ElasticIp;
use provision::resource::internet_gateway::{InternetGateway, InternetGatewayId};
use provision::resource::nat_gateway::NatGateway;
use provision::resource::route_table::{RouteTable, RouteTarget};
use provision::resource::security_group::{Peer, Protocol, Rule, SecurityGroup, SecurityGroupId};
use provision::resource::subnet::{Subnet, SubnetId};
use provision::resource::vpc::{Vpc, VpcId};
use provision::resource::{Address, Input, Kind, Readiness, Reference, Resource};
use provision::simulated_aws::ec2::interface::{self, NewInterface};
use tokio::time::Instant;

fn vpc() -> Vpc {
    Vpc { cidr: "10.0.0.0/16".parse().unwrap(), dns_support: true, dns_hostnames: true }
}

fn subnet(vpc: &VpcId, third: u8) -> Subnet {
    Subnet {
        vpc: vpc.clone().into(),
        cidr: format!("10.0.{third}.0/24").parse().unwrap(),
        zone: "eu-west-1a".into(),
        public_addresses: false,
    }
}

async fn a_network(world: &World) -> VpcId {
    world.made("main", &vpc()).await.id
}

async fn a_subnet(world: &World, vpc: &VpcId, third: u8) -> SubnetId {
    world.made(&format!("s{third}"), &subnet(vpc, third)).await.id
}

async fn a_gateway(world: &World, vpc: &VpcId) -> InternetGatewayId {
    world.made("main", &InternetGateway { vpc: vpc.clone().into() }).await.id
}

#[tokio::test(start_paused = true)]
async fn a_network_lives() {
    let other = Vpc { dns_hostnames: false, ..vpc() };
    World::new().lives("main", vpc(), &[("dns_hostnames", other)]).await;
}

#[tokio::test(start_paused = true)]
async fn an_internet_gateway_lives() {
    let world = World::new();
    let vpc = a_network(&world).await;
    world.lives("main", InternetGateway { vpc: vpc.into() }, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_was_left_unattached_is_found_and_attached() {
    let world = World::new();
    let vpc = a_network(&world).await;
    let spec = InternetGateway { vpc: vpc.clone().into() };
    let made = world.made("main", &spec).await;
    detach(&world, &made.id, &vpc).await;

    let found = world.found("main", &spec).await.unwrap();
    assert_eq!(found.outputs, made);
    let live = world.live("main", &spec, &made).await.unwrap();
    assert_eq!(live.spec.vpc, VpcId(String::new()).into());
    assert_eq!(live.readiness, Readiness::Pending("detached".into()));
    world.updated(&spec, &identity::<InternetGateway>("main"), live, &["vpc"]).await;
    assert_eq!(world.live("main", &spec, &made).await.unwrap().spec, spec);
}

#[tokio::test(start_paused = true)]
async fn an_unattached_gateway_that_is_being_replaced_is_not_taken_for_its_replacement() {
    let world = World::new();
    let vpc = a_network(&world).await;
    let spec = InternetGateway { vpc: vpc.clone().into() };
    let old = world.made("main", &spec).await;
    detach(&world, &old.id, &vpc).await;

    let mut next = identity::<InternetGateway>("main");
    next.token = "the next one".into();
    assert!(spec.find(&world.aws, &next).await.unwrap().is_none());
    let new = spec.create(&world.aws, &next).await.unwrap();
    world.delete("main", &spec, &old).await.unwrap();
    assert_eq!(spec.find(&world.aws, &next).await.unwrap().unwrap().outputs, new);
}

async fn detach(world: &World, id: &InternetGatewayId, vpc: &VpcId) {
    let request = world.aws.ec2().detach_internet_gateway().internet_gateway_id(id.as_str());
    request.vpc_id(vpc.as_str()).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_subnet_lives() {
    let world = World::new();
    let vpc = a_network(&world).await;
    let public = Subnet { public_addresses: true, ..subnet(&vpc, 0) };
    let others = [("public_addresses", subnet(&vpc, 0)), ("public_addresses", public.clone())];
    world.lives("public-a", public, &others).await;
}

#[tokio::test(start_paused = true)]
async fn a_subnet_that_an_earlier_attempt_made_is_adopted() {
    let world = World::new();
    let vpc = a_network(&world).await;
    let spec = subnet(&vpc, 0);
    let first = world.made("private-a", &spec).await;
    let again = spec.create(&world.aws, &identity::<Subnet>("private-a")).await.unwrap();
    assert_eq!(again, first);
}

#[tokio::test(start_paused = true)]
async fn a_range_that_a_stranger_has_is_refused_at_once() {
    let world = World::new();
    let vpc = a_network(&world).await;
    let mut stranger = identity::<Subnet>("private-a");
    stranger.tags.insert(OwnershipTags::STACK.into(), "shop".into());
    subnet(&vpc, 0).create(&world.aws, &stranger).await.unwrap();

    let began = Instant::now();
    let ours = identity::<Subnet>("private-a");
    let error = subnet(&vpc, 0).create(&world.aws, &ours).await.unwrap_err();
    assert_eq!(error.class(), Class::AlreadyExists);
    assert!(error.message().contains("10.0.0.0/24"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_range_that_the_stacks_own_old_subnet_frees_is_waited_for() {
    let world = World::new();
    let vpc = a_network(&world).await;
    let old = world.made("private-a", &subnet(&vpc, 0)).await;
    let new = subnet(&vpc, 0);
    let identity = identity::<Subnet>("private-b");
    let (made, ()) = tokio::join!(new.create(&world.aws, &identity), async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        world.delete("private-a", &new, &old).await.unwrap();
    });
    assert_ne!(made.unwrap(), old);
}

#[tokio::test(start_paused = true)]
async fn a_subnet_waits_for_its_interfaces_to_go() {
    let world = World::new();
    let vpc = a_network(&world).await;
    let spec = subnet(&vpc, 0);
    let made = world.made("private-a", &spec).await;
    let interface = put_interface(&world, &made.id, &[]);
    let (gone, ()) = tokio::join!(world.delete("private-a", &spec, &made), async {
        tokio::time::sleep(Duration::from_mins(3)).await;
        world.endpoint.with_cloud(|cloud| interface::delete_interface(cloud, &interface));
    });
    gone.unwrap();
    assert!(world.live("private-a", &spec, &made).await.is_none());
}

/// Puts a load balancer's interface, with a public address, into a subnet.
fn put_interface(world: &World, subnet: &SubnetId, groups: &[&SecurityGroupId]) -> String {
    let new = NewInterface {
        subnet: subnet.0.clone(),
        groups: groups.iter().map(|group| group.0.clone()).collect(),
        description: "ELB app/main/1".into(),
        interface_type: "interface".into(),
        requester: "amazon-elb".into(),
        public_address: true,
    };
    world.endpoint.with_cloud(|cloud| interface::create_interface(cloud, new)).unwrap().id
}

#[tokio::test(start_paused = true)]
async fn a_gateway_and_a_group_wait_for_public_addresses_and_members_to_go() {
    let world = World::new();
    let vpc = a_network(&world).await;
    let subnet = a_subnet(&world, &vpc, 0).await;
    let door = InternetGateway { vpc: vpc.clone().into() };
    let gateway = world.made("main", &door).await;
    let spec = group(&vpc, &[], &[]);
    let group = world.made("balancer", &spec).await;
    let interface = put_interface(&world, &subnet, &[&group.id]);

    let (gateway_gone, group_gone, ()) = tokio::join!(
        world.delete("main", &door, &gateway),
        world.delete("balancer", &spec, &group),
        async {
            tokio::time::sleep(Duration::from_mins(10)).await;
            assert!(world.live("main", &door, &gateway).await.is_some());
            assert!(world.live("balancer", &spec, &group).await.is_some());
            world.endpoint.with_cloud(|cloud| interface::delete_interface(cloud, &interface));
        }
    );
    gateway_gone.unwrap();
    group_gone.unwrap();
    assert!(world.live("main", &door, &gateway).await.is_none());
    assert!(world.live("balancer", &spec, &group).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_address_lives() {
    World::new().lives("nat-a", ElasticIp {}, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_nat_gateway_lives() {
    let world = World::new();
    let vpc = a_network(&world).await;
    a_gateway(&world, &vpc).await;
    let subnet = a_subnet(&world, &vpc, 0).await;
    let address = world.made("nat-a", &ElasticIp {}).await.allocation;
    let spec = NatGateway { subnet: subnet.into(), address: address.into() };
    world.lives("a", spec, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_nat_gateway_says_why_and_can_be_removed() {
    let world = World::new();
    let vpc = a_network(&world).await;
    let subnet = a_subnet(&world, &vpc, 0).await;
    let address = world.made("nat-a", &ElasticIp {}).await.allocation;
    let spec = NatGateway { subnet: subnet.into(), address: address.into() };
    let made = spec.create(&world.aws, &identity::<NatGateway>("a")).await.unwrap();
    let Readiness::Failed(why) = world.waited_for("a", &spec, &made).await else {
        panic!("without an internet gateway there is no way out");
    };
    assert!(why.starts_with("Gateway.NotAttached: "), "{why}");
    let live = world.live("a", &spec, &made).await.unwrap();
    assert_eq!(live.tags, identity::<NatGateway>("a").tags);
    assert!(world.found("a", &spec).await.is_none());
    world.delete("a", &spec, &made).await.unwrap();
    assert_eq!(world.waited_for("a", &spec, &made).await, Readiness::Absent);
}

#[tokio::test(start_paused = true)]
async fn an_address_is_released_when_its_gateway_lets_go_of_it() {
    let world = World::new();
    let vpc = a_network(&world).await;
    a_gateway(&world, &vpc).await;
    let subnet = a_subnet(&world, &vpc, 0).await;
    let address = world.made("nat-a", &ElasticIp {}).await;
    let spec = NatGateway { subnet: subnet.into(), address: address.allocation.clone().into() };
    let made = world.made("a", &spec).await;
    world.delete("a", &spec, &made).await.unwrap();
    world.delete("nat-a", &ElasticIp {}, &address).await.unwrap();
    assert!(world.live("nat-a", &ElasticIp {}, &address).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_route_table_lives() {
    let world = World::new();
    let vpc = a_network(&world).await;
    let gateway = a_gateway(&world, &vpc).await;
    let (one, two) = (a_subnet(&world, &vpc, 0).await, a_subnet(&world, &vpc, 1).await);
    let address = world.made("nat-a", &ElasticIp {}).await.allocation;
    let nat = NatGateway { subnet: one.clone().into(), address: address.into() };
    let nat = RouteTarget::NatGateway(world.made("a", &nat).await.id.into());
    let gateway = RouteTarget::InternetGateway(gateway.into());
    let table = |routes: &[(&str, &RouteTarget)], subnets: &[&SubnetId]| RouteTable {
        vpc: vpc.clone().into(),
        routes: routes.iter().map(|(to, by)| ((*to).to_owned(), (*by).clone())).collect(),
        subnets: subnets.iter().map(|id| (*id).clone().into()).collect(),
    };
    let first = table(&[("0.0.0.0/0", &gateway)], &[&one]);
    let others = [
        ("routes", table(&[("0.0.0.0/0", &nat)], &[&one])),
        ("routes", table(&[("8.8.8.0/24", &gateway)], &[&one])),
        ("subnets", table(&[("8.8.8.0/24", &gateway)], &[&one, &two])),
        ("subnets", table(&[("8.8.8.0/24", &gateway)], &[&two])),
    ];
    world.lives("public", first, &others).await;
}

fn table_of(vpc: &VpcId, subnets: &[&SubnetId]) -> RouteTable {
    let subnets = subnets.iter().map(|id| (*id).clone().into()).collect();
    RouteTable { vpc: vpc.clone().into(), routes: BTreeMap::new(), subnets }
}

#[tokio::test(start_paused = true)]
async fn a_subnet_moves_between_tables() {
    let world = World::new();
    let vpc = a_network(&world).await;
    let subnet = a_subnet(&world, &vpc, 0).await;
    let (with, without) = (table_of(&vpc, &[&subnet]), table_of(&vpc, &[]));
    let one = world.made("one", &with).await;
    let other = world.made("other", &without).await;

    // The table that takes it comes first, and the one that loses it knows nothing of that yet.
    let stale = world.live("one", &with, &one).await.unwrap();
    let from = world.live("other", &without, &other).await.unwrap();
    world.updated(&with, &identity::<RouteTable>("other"), from, &["subnets"]).await;
    world.updated(&without, &identity::<RouteTable>("one"), stale, &["subnets"]).await;
    assert_eq!(world.live("one", &without, &one).await.unwrap().spec, without);
    assert_eq!(world.live("other", &with, &other).await.unwrap().spec, with);

    // A new table takes it, too.
    let third = world.made("third", &with).await;
    assert_eq!(world.live("third", &with, &third).await.unwrap().spec, with);
    assert_eq!(world.live("other", &without, &other).await.unwrap().spec, without);
}

#[tokio::test(start_paused = true)]
async fn a_table_whose_making_was_cut_off_is_finished() {
    let world = World::new();
    let vpc = a_network(&world).await;
    let gateway = a_gateway(&world, &vpc).await;
    let mut spec = table_of(&vpc, &[&a_subnet(&world, &vpc, 0).await]);
    spec.routes.insert("0.0.0.0/0".into(), RouteTarget::InternetGateway(gateway.into()));
    let first = world.made("public", &spec).await;
    let again = world.made("public", &spec).await;
    assert_eq!(again, first);
    assert_eq!(world.live("public", &spec, &first).await.unwrap().spec, spec);
}

fn rule(port: u16, peer: Peer, description: Option<&str>) -> Rule {
    Rule {
        protocol: Protocol::Tcp,
        from_port: Some(port),
        to_port: Some(port),
        peer,
        description: description.map(Into::into),
    }
}

fn anyone() -> Peer {
    Peer::Cidr("0.0.0.0/0".parse().unwrap())
}

fn anything() -> Rule {
    let protocol = Protocol::All;
    Rule { protocol, from_port: None, to_port: None, peer: anyone(), description: None }
}

fn group(vpc: &VpcId, ingress: &[Rule], egress: &[Rule]) -> SecurityGroup {
    SecurityGroup {
        vpc: vpc.clone().into(),
        description: "Who reaches the load balancer".into(),
        ingress: ingress.iter().cloned().collect(),
        egress: egress.iter().cloned().collect(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_security_group_lives() {
    let world = World::new();
    let vpc = a_network(&world).await;
    let peer = world.made("tasks", &group(&vpc, &[], &[anything()])).await.id;
    let from_peer = rule(8080, Peer::Group(peer.into()), Some("from tasks"));
    let web = rule(80, anyone(), Some("web"));
    let first = group(&vpc, std::slice::from_ref(&web), &[anything()]);
    let others = [
        ("ingress", group(&vpc, &[web.clone(), from_peer.clone()], &[anything()])),
        ("ingress", group(&vpc, &[rule(80, anyone(), None), from_peer.clone()], &[anything()])),
        ("egress", group(&vpc, &[rule(80, anyone(), None), from_peer.clone()], &[])),
        ("egress", group(&vpc, &[rule(80, anyone(), None), from_peer.clone()], &[web, from_peer])),
    ];
    world.lives("balancer", first, &others).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_group_lets_out_what_is_declared_and_nothing_else() {
    let world = World::new();
    let vpc = a_network(&world).await;
    for (name, egress) in [("none", vec![]), ("some", vec![rule(443, anyone(), None)])] {
        let spec = group(&vpc, &[], &egress);
        let made = world.made(name, &spec).await;
        assert_eq!(world.live(name, &spec, &made).await.unwrap().spec, spec);
    }
}

#[tokio::test(start_paused = true)]
async fn rules_are_added_before_others_are_revoked() {
    let world = World::new();
    let vpc = a_network(&world).await;
    let (old, new) = (rule(80, anyone(), None), rule(8080, anyone(), None));
    let spec = group(&vpc, &[old], &[]);
    let made = world.made("balancer", &spec).await;
    let live = world.live("balancer", &spec, &made).await.unwrap();
    let before = world.endpoint.calls().len();
    let wanted = group(&vpc, &[new], &[]);
    world.updated(&wanted, &identity::<SecurityGroup>("balancer"), live, &["ingress"]).await;
    let expected = ["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"];
    assert_eq!(world.calls(before), expected);
}

#[tokio::test(start_paused = true)]
async fn a_full_group_is_emptied_before_it_is_filled() {
    let world = World::new();
    world.endpoint.with_cloud(|cloud| cloud.ec2.quotas.rules_per_group = 1);
    let vpc = a_network(&world).await;
    let spec = group(&vpc, &[rule(80, anyone(), None)], &[]);
    let made = world.made("balancer", &spec).await;
    let live = world.live("balancer", &spec, &made).await.unwrap();
    let wanted = group(&vpc, &[rule(8080, anyone(), None)], &[]);
    world.updated(&wanted, &identity::<SecurityGroup>("balancer"), live, &["ingress"]).await;
    assert_eq!(world.live("balancer", &wanted, &made).await.unwrap().spec, wanted);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_somebody_added_meanwhile_does_not_stop_the_others() {
    let world = World::new();
    let vpc = a_network(&world).await;
    let rules = [rule(80, anyone(), None), rule(443, anyone(), None)];
    let empty = group(&vpc, &[], &[]);
    let made = world.made("balancer", &empty).await;
    let stale = world.live("balancer", &empty, &made).await.unwrap();
    let partly = group(&vpc, &rules[..1], &[]);
    let identity = identity::<SecurityGroup>("balancer");
    world.updated(&partly, &identity, stale.clone(), &["ingress"]).await;
    let wanted = group(&vpc, &rules, &[]);
    world.updated(&wanted, &identity, stale, &["ingress"]).await;
    assert_eq!(world.live("balancer", &wanted, &made).await.unwrap().spec, wanted);
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_making_was_cut_off_is_finished() {
    let world = World::new();
    let vpc = a_network(&world).await;
    let half = world.made("balancer", &group(&vpc, &[], &[anything()])).await;
    let spec = group(&vpc, &[rule(80, anyone(), Some("web"))], &[]);
    let made = world.made("balancer", &spec).await;
    assert_eq!(made, half);
    assert_eq!(world.live("balancer", &spec, &made).await.unwrap().spec, spec);
}

#[tokio::test(start_paused = true)]
async fn a_strangers_group_of_the_same_name_is_left_alone() {
    let world = World::new();
    let vpc = a_network(&world).await;
    let spec = group(&vpc, &[], &[]);
    let mut stranger = identity::<SecurityGroup>("balancer");
    stranger.tags.insert(OwnershipTags::STACK.into(), "shop".into());
    spec.create(&world.aws, &stranger).await.unwrap();
    let ours = identity::<SecurityGroup>("balancer");
    let error = spec.create(&world.aws, &ours).await.unwrap_err();
    assert_eq!(error.class(), Class::AlreadyExists);
    assert!(error.message().contains("\"web-dev-balancer\""), "{error}");
}

#[tokio::test(start_paused = true)]
async fn many_are_read_in_one_call_and_missing_ones_do_not_matter() {
    let world = World::new();
    let vpc = a_network(&world).await;
    let (spec, empty) = (subnet(&vpc, 0), group(&vpc, &[], &[]));
    let subnet = world.made("s0", &spec).await;
    let group = world.made("balancer", &empty).await;
    let mut lost_subnet = subnet.clone();
    lost_subnet.id = SubnetId("subnet-00000000000000000".into());
    let mut lost_group = group.clone();
    lost_group.id = SecurityGroupId("sg-00000000000000000".into());

    let before = world.endpoint.calls().len();
    let sought_subnets = [sought("s0", &spec, &subnet), sought("s1", &spec, &lost_subnet)];
    let subnets = Subnet::read(&world.aws, &sought_subnets).await.unwrap();
    let sought_groups = [sought("b", &empty, &lost_group), sought("balancer", &empty, &group)];
    let groups = SecurityGroup::read(&world.aws, &sought_groups).await.unwrap();
    assert!(subnets[0].is_some() && subnets[1].is_none());
    assert!(groups[0].is_none() && groups[1].is_some());
    assert_eq!(world.calls(before), ["DescribeSubnets", "DescribeSecurityGroups"]);
}

fn pending<T>(kind: Kind) -> Input<T> {
    let address = Address::new(kind, "main");
    Input::Pending(Reference { address, output: "id".into() })
}

#[tokio::test(start_paused = true)]
async fn what_stands_in_a_network_that_is_yet_to_be_made_is_not_looked_for() {
    let world = World::new();
    let gateway = InternetGateway { vpc: pending(Kind::Vpc) };
    assert!(world.found("main", &gateway).await.is_none());
    let table =
        RouteTable { vpc: pending(Kind::Vpc), routes: BTreeMap::new(), subnets: BTreeSet::new() };
    assert!(world.found("main", &table).await.is_none());
    let nat = NatGateway { subnet: pending(Kind::Subnet), address: pending(Kind::ElasticIp) };
    assert!(world.found("main", &nat).await.is_none());
    let subnet = Subnet { vpc: pending(Kind::Vpc), ..subnet(&VpcId("vpc-0".into()), 0) };
    assert!(world.found("main", &subnet).await.is_none());
    let group =
        SecurityGroup { vpc: pending(Kind::Vpc), ..group(&VpcId("vpc-0".into()), &[], &[]) };
    assert!(world.found("main", &group).await.is_none());
    assert_eq!(world.calls(0), Vec::<String>::new());
}
