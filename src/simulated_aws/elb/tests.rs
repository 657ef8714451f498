//! The room as its neighbours and its callers meet it, without the wire.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::clock::Moment;
use super::super::cloud::Cloud;
use super::super::ec2::interface;
use super::super::wire::{Answer, Parameters, parse_form};
use super::super::{ec2, elb};
use super::targets::{self, TargetAnswer, TargetState};

/// A VPC with an internet gateway, three subnets in two zones, and a security group.
pub(super) struct Network {
    pub vpc: String,
    pub first: String,
    pub second: String,
    /// In the zone of the first.
    pub third: String,
    pub group: String,
}

/// A load balancer with a listener on port 80 that forwards to a target group.
struct Front {
    network: Network,
    balancer: String,
    listener: String,
    group: String,
}

fn cloud() -> Cloud {
    Cloud::new("eu-west-1", "2026-01-01T00:00:00Z".parse().unwrap(), 7)
}

fn ask(cloud: &mut Cloud, operation: &str, form: &str) -> Answer {
    elb::answer(cloud, operation, Parameters::new(&parse_form(form.as_bytes())))
}

fn done(cloud: &mut Cloud, operation: &str, form: &str) -> Value {
    ask(cloud, operation, form).unwrap_or_else(|error| panic!("{operation} {form}: {error:?}"))
}

fn refused(cloud: &mut Cloud, operation: &str, form: &str) -> String {
    match ask(cloud, operation, form) {
        Ok(answer) => panic!("{operation} {form} was not refused: {answer}"),
        Err(error) => error.code,
    }
}

fn wait(cloud: &mut Cloud, seconds: u64) {
    let later = cloud.now.after(Duration::from_secs(seconds));
    cloud.settle(later);
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn ec2(cloud: &mut Cloud, operation: &str, form: &str) -> Value {
    let form = parse_form(form.as_bytes());
    ec2::answer(cloud, operation, Parameters::new(&form))
        .unwrap_or_else(|error| panic!("{operation}: {error:?}"))
}

fn subnet(cloud: &mut Cloud, vpc: &str, cidr: &str, zone: &str) -> String {
    let form = format!("VpcId={vpc}&CidrBlock={cidr}&AvailabilityZone={zone}");
    text(&ec2(cloud, "CreateSubnet", &form)["subnet"]["subnetId"])
}

pub(super) fn network(cloud: &mut Cloud) -> Network {
    let vpc = text(&ec2(cloud, "CreateVpc", "CidrBlock=10.0.0.0/16")["vpc"]["vpcId"]);
    let gateway = ec2(cloud, "CreateInternetGateway", "");
    let gateway = text(&gateway["internetGateway"]["internetGatewayId"]);
    let attach = format!("InternetGatewayId={gateway}&VpcId={vpc}");
    ec2(cloud, "AttachInternetGateway", &attach);
    let group = format!("GroupName=web&GroupDescription=web&VpcId={vpc}");
    let group = text(&ec2(cloud, "CreateSecurityGroup", &group)["groupId"]);
    open(cloud, &group, 80);
    Network {
        first: subnet(cloud, &vpc, "10.0.0.0/24", "eu-west-1a"),
        second: subnet(cloud, &vpc, "10.0.1.0/24", "eu-west-1b"),
        third: subnet(cloud, &vpc, "10.0.2.0/24", "eu-west-1a"),
        group,
        vpc,
    }
}

/// Lets everybody reach the members of a group on a port.
fn open(cloud: &mut Cloud, group: &str, port: u16) {
    ec2(cloud, "AuthorizeSecurityGroupIngress", &everybody(group, port));
}

fn everybody(group: &str, port: u16) -> String {
    format!("GroupId={group}&IpProtocol=tcp&FromPort={port}&ToPort={port}&CidrIp=0.0.0.0/0")
}

fn balancer_form(network: &Network, name: &str) -> String {
    let Network { first, second, group, .. } = network;
    format!(
        "Name={name}&Subnets.member.1={first}&Subnets.member.2={second}&SecurityGroups.member.1={group}"
    )
}

fn group_form(network: &Network, name: &str) -> String {
    format!("Name={name}&Protocol=HTTP&Port=8000&VpcId={}&TargetType=ip", network.vpc)
}

fn listener_form(balancer: &str, group: &str, port: u16) -> String {
    format!(
        "LoadBalancerArn={balancer}&Protocol=HTTP&Port={port}\
         &DefaultActions.member.1.Type=forward&DefaultActions.member.1.TargetGroupArn={group}"
    )
}

fn front(cloud: &mut Cloud) -> Front {
    let network = network(cloud);
    let balancer = done(cloud, "CreateLoadBalancer", &balancer_form(&network, "main"));
    let balancer = text(&balancer["LoadBalancers"][0]["LoadBalancerArn"]);
    let group = done(cloud, "CreateTargetGroup", &group_form(&network, "app"));
    let group = text(&group["TargetGroups"][0]["TargetGroupArn"]);
    let listener = done(cloud, "CreateListener", &listener_form(&balancer, &group, 80));
    let listener = text(&listener["Listeners"][0]["ListenerArn"]);
    Front { network, balancer, listener, group }
}

const IP: &str = "10.0.0.50";

fn state(cloud: &Cloud, front: &Front) -> Option<TargetState> {
    targets::target_state(cloud, &front.group, IP, 8000)
}

fn register(cloud: &mut Cloud, front: &Front, answer: TargetAnswer) {
    targets::register_target(cloud, &front.group, IP, 8000, answer);
}

#[test]
fn a_load_balancer_becomes_active_after_ninety_to_a_hundred_and_eighty_seconds() {
    let mut cloud = cloud();
    front(&mut cloud);
    let state = |cloud: &mut Cloud| {
        done(cloud, "DescribeLoadBalancers", "")["LoadBalancers"][0]["State"]["Code"].clone()
    };
    wait(&mut cloud, 89);
    assert_eq!(state(&mut cloud), json!("provisioning"));
    wait(&mut cloud, 92);
    assert_eq!(state(&mut cloud), json!("active"));
}

#[test]
fn a_load_balancer_made_alike_is_the_one_that_stands() {
    let mut cloud = cloud();
    let network = network(&mut cloud);
    let form = balancer_form(&network, "main");
    let first = done(&mut cloud, "CreateLoadBalancer", &form);
    assert_eq!(done(&mut cloud, "CreateLoadBalancer", &form), first);
    let other = format!("{form}&Scheme=internal");
    assert_eq!(refused(&mut cloud, "CreateLoadBalancer", &other), "DuplicateLoadBalancerName");
}

#[test]
fn a_load_balancer_needs_two_zones_and_a_gateway() {
    let mut cloud = cloud();
    let network = network(&mut cloud);
    let Network { first, third, .. } = &network;
    let mut try_subnets = |subnets: &[&str]| {
        let mut form = String::from("Name=main");
        for (index, subnet) in subnets.iter().enumerate() {
            form.push_str(&format!("&Subnets.member.{}={subnet}", index + 1));
        }
        refused(&mut cloud, "CreateLoadBalancer", &form)
    };
    assert_eq!(try_subnets(&[]), "ValidationError");
    assert_eq!(try_subnets(&[first]), "ValidationError");
    assert_eq!(try_subnets(&[first, third]), "InvalidConfigurationRequest");
    assert_eq!(try_subnets(&[first, "subnet-0missing"]), "SubnetNotFound");

    let vpc = text(&ec2(&mut cloud, "CreateVpc", "CidrBlock=10.9.0.0/16")["vpc"]["vpcId"]);
    let first = subnet(&mut cloud, &vpc, "10.9.0.0/24", "eu-west-1a");
    let second = subnet(&mut cloud, &vpc, "10.9.1.0/24", "eu-west-1b");
    let form = format!("Name=main&Subnets.member.1={first}&Subnets.member.2={second}");
    assert_eq!(refused(&mut cloud, "CreateLoadBalancer", &form), "InvalidSubnet");
    done(&mut cloud, "CreateLoadBalancer", &format!("{form}&Scheme=internal"));
}

#[test]
fn a_load_balancer_without_groups_gets_the_default_one() {
    let mut cloud = cloud();
    let network = network(&mut cloud);
    let Network { first, second, group, .. } = &network;
    let form = format!("Name=main&Subnets.member.1={first}&Subnets.member.2={second}");
    let balancer = done(&mut cloud, "CreateLoadBalancer", &form)["LoadBalancers"][0].clone();
    let groups = balancer["SecurityGroups"].as_array().unwrap();
    assert_eq!(groups.len(), 1);
    assert_ne!(groups[0], json!(group));
}

#[test]
fn names_follow_the_rules_of_the_service() {
    let mut cloud = cloud();
    let network = network(&mut cloud);
    for name in ["", "-main", "main-", "ma_in", "internal-main", &"m".repeat(33)] {
        let form = balancer_form(&network, name);
        assert_eq!(refused(&mut cloud, "CreateLoadBalancer", &form), "ValidationError", "{name}");
    }
    done(&mut cloud, "CreateTargetGroup", &group_form(&network, "internal-app"));
}

#[test]
fn a_missing_name_or_arn_fails_the_whole_listing() {
    let mut cloud = cloud();
    let front = front(&mut cloud);
    let names = "Names.member.1=main&Names.member.2=other";
    assert_eq!(refused(&mut cloud, "DescribeLoadBalancers", names), "LoadBalancerNotFound");
    let names = "Names.member.1=app&Names.member.2=other";
    assert_eq!(refused(&mut cloud, "DescribeTargetGroups", names), "TargetGroupNotFound");
    let arns =
        format!("ResourceArns.member.1={}&ResourceArns.member.2={}x", front.group, front.group);
    assert_eq!(refused(&mut cloud, "DescribeTags", &arns), "TargetGroupNotFound");
}

#[test]
fn long_lists_come_in_pages() {
    let mut cloud = cloud();
    let network = network(&mut cloud);
    for name in ["a", "b", "c"] {
        done(&mut cloud, "CreateTargetGroup", &group_form(&network, name));
    }
    let first = done(&mut cloud, "DescribeTargetGroups", "PageSize=2");
    assert_eq!(first["TargetGroups"].as_array().unwrap().len(), 2);
    let marker = text(&first["NextMarker"]);
    let last = done(&mut cloud, "DescribeTargetGroups", &format!("PageSize=2&Marker={marker}"));
    assert_eq!(last["TargetGroups"][0]["TargetGroupName"], json!("c"));
    assert_eq!(last["NextMarker"], Value::Null);
}

#[test]
fn a_protected_load_balancer_is_not_deleted() {
    let mut cloud = cloud();
    let Front { balancer, .. } = front(&mut cloud);
    let name = format!("LoadBalancerArn={balancer}");
    let set = |value: &str| {
        format!(
            "{name}&Attributes.member.1.Key=deletion_protection.enabled&Attributes.member.1.Value={value}"
        )
    };
    done(&mut cloud, "ModifyLoadBalancerAttributes", &set("true"));
    assert_eq!(refused(&mut cloud, "DeleteLoadBalancer", &name), "OperationNotPermitted");
    assert_eq!(refused(&mut cloud, "ModifyLoadBalancerAttributes", &set("")), "ValidationError");
    done(&mut cloud, "ModifyLoadBalancerAttributes", &set("false"));
    done(&mut cloud, "DeleteLoadBalancer", &name);
    done(&mut cloud, "DeleteLoadBalancer", &name);
}

#[test]
fn a_deleted_load_balancer_leaves_its_interfaces_for_a_while() {
    let mut cloud = cloud();
    let Front { balancer, listener, .. } = front(&mut cloud);
    let interfaces = |cloud: &mut Cloud| {
        let form = "Filter.1.Name=requester-id&Filter.1.Value.1=amazon-elb";
        ec2(cloud, "DescribeNetworkInterfaces", form)["networkInterfaceSet"].clone()
    };
    done(&mut cloud, "DeleteLoadBalancer", &format!("LoadBalancerArn={balancer}"));
    let listeners = format!("ListenerArns.member.1={listener}");
    assert_eq!(refused(&mut cloud, "DescribeListeners", &listeners), "ListenerNotFound");
    wait(&mut cloud, 19);
    let left = interfaces(&mut cloud);
    assert_eq!(left.as_array().unwrap().len(), 2);
    let id = balancer.rsplit('/').next().unwrap();
    assert_eq!(left[0]["description"], json!(format!("ELB app/main/{id}")));
    wait(&mut cloud, 102);
    assert_eq!(interfaces(&mut cloud), json!([]));
}

#[test]
fn other_subnets_bring_other_interfaces() {
    let mut cloud = cloud();
    let Front { balancer, network, .. } = front(&mut cloud);
    let Network { second, third, .. } = &network;
    let form =
        format!("LoadBalancerArn={balancer}&Subnets.member.1={second}&Subnets.member.2={third}");
    let answer = done(&mut cloud, "SetSubnets", &form);
    assert_eq!(answer["AvailabilityZones"][1]["SubnetId"], json!(third));
    let kept = |cloud: &Cloud| cloud.ec2.interfaces.len();
    assert_eq!(kept(&cloud), 3);
    wait(&mut cloud, 121);
    assert_eq!(kept(&cloud), 2);
}

#[test]
fn a_target_group_in_use_stays() {
    let mut cloud = cloud();
    let Front { group, listener, .. } = front(&mut cloud);
    let name = format!("TargetGroupArn={group}");
    assert_eq!(refused(&mut cloud, "DeleteTargetGroup", &name), "ResourceInUse");
    done(&mut cloud, "DeleteListener", &format!("ListenerArn={listener}"));
    done(&mut cloud, "DeleteTargetGroup", &name);
    done(&mut cloud, "DeleteTargetGroup", &name);
}

#[test]
fn a_target_group_serves_one_load_balancer() {
    let mut cloud = cloud();
    let front = front(&mut cloud);
    let other = done(&mut cloud, "CreateLoadBalancer", &balancer_form(&front.network, "other"));
    let other = text(&other["LoadBalancers"][0]["LoadBalancerArn"]);
    let form = listener_form(&other, &front.group, 80);
    assert_eq!(refused(&mut cloud, "CreateListener", &form), "TargetGroupAssociationLimit");
}

#[test]
fn a_health_check_takes_what_is_sent_and_keeps_the_rest() {
    let mut cloud = cloud();
    let Front { group, .. } = front(&mut cloud);
    let name = format!("TargetGroupArn={group}");
    let changed = done(&mut cloud, "ModifyTargetGroup", &format!("{name}&HealthCheckPath=/health"));
    let changed = &changed["TargetGroups"][0];
    assert_eq!(changed["HealthCheckPath"], json!("/health"));
    assert_eq!(changed["HealthCheckIntervalSeconds"], json!(30));
    assert_eq!(changed["Matcher"]["HttpCode"], json!("200"));
    for wrong in [
        "HealthCheckTimeoutSeconds=30",
        "HealthCheckIntervalSeconds=4",
        "HealthCheckPath=health",
        "Matcher.HttpCode=",
        "Matcher.HttpCode=600",
        "HealthCheckPort=0",
    ] {
        let form = format!("{name}&{wrong}");
        assert_eq!(refused(&mut cloud, "ModifyTargetGroup", &form), "ValidationError", "{wrong}");
    }
}

#[test]
fn an_empty_attribute_is_a_default_for_some_and_wrong_for_others() {
    let mut cloud = cloud();
    let Front { balancer, group, .. } = front(&mut cloud);
    let set = |owner: &str, key: &str| {
        format!("{owner}&Attributes.member.1.Key={key}&Attributes.member.1.Value=")
    };
    let balancer = format!("LoadBalancerArn={balancer}");
    done(
        &mut cloud,
        "ModifyLoadBalancerAttributes",
        &set(&balancer, "idle_timeout.timeout_seconds"),
    );
    let unknown = set(&balancer, "no.such.key");
    assert_eq!(refused(&mut cloud, "ModifyLoadBalancerAttributes", &unknown), "ValidationError");
    let delay = set(&format!("TargetGroupArn={group}"), "deregistration_delay.timeout_seconds");
    assert_eq!(refused(&mut cloud, "ModifyTargetGroupAttributes", &delay), "ValidationError");
}

#[test]
fn a_listener_made_alike_is_the_one_that_stands() {
    let mut cloud = cloud();
    let front = front(&mut cloud);
    let form = listener_form(&front.balancer, &front.group, 80);
    let again = done(&mut cloud, "CreateListener", &form);
    assert_eq!(again["Listeners"][0]["ListenerArn"], json!(front.listener));
    let other = form.replace("Type=forward", "Type=fixed-response")
        + "&DefaultActions.member.1.FixedResponseConfig.StatusCode=404";
    assert_eq!(refused(&mut cloud, "CreateListener", &other), "DuplicateListener");
}

#[test]
fn a_single_target_group_is_shown_both_ways() {
    let mut cloud = cloud();
    let front = front(&mut cloud);
    let form = format!("ListenerArns.member.1={}", front.listener);
    let listener = done(&mut cloud, "DescribeListeners", &form)["Listeners"][0].clone();
    let action = &listener["DefaultActions"][0];
    assert_eq!(action["TargetGroupArn"], json!(front.group));
    assert_eq!(
        action["ForwardConfig"]["TargetGroups"],
        json!([{"TargetGroupArn": front.group, "Weight": 1}])
    );
}

#[test]
fn an_https_listener_needs_a_certificate() {
    let mut cloud = cloud();
    let front = front(&mut cloud);
    let form = listener_form(&front.balancer, &front.group, 443).replace("=HTTP&", "=HTTPS&");
    assert_eq!(refused(&mut cloud, "CreateListener", &form), "ValidationError");
    let certified = |arn: &str| format!("{form}&Certificates.member.1.CertificateArn={arn}");
    assert_eq!(
        refused(&mut cloud, "CreateListener", &certified("nonsense")),
        "CertificateNotFound"
    );
    let certificate = "arn:aws:acm:eu-west-1:123456789012:certificate/1";
    let listener = done(&mut cloud, "CreateListener", &certified(certificate));
    assert_eq!(listener["Listeners"][0]["SslPolicy"], json!("ELBSecurityPolicy-2016-08"));
    let plain =
        format!("ListenerArn={}&Protocol=HTTP", text(&listener["Listeners"][0]["ListenerArn"]));
    let plain = done(&mut cloud, "ModifyListener", &plain);
    assert_eq!(plain["Listeners"][0]["Certificates"], Value::Null);
}

#[test]
fn rules_go_by_priority_and_the_default_comes_last() {
    let mut cloud = cloud();
    let front = front(&mut cloud);
    let rule = |priority: u32, path: &str, status: u16| {
        format!(
            "ListenerArn={}&Priority={priority}&Conditions.member.1.Field=path-pattern\
             &Conditions.member.1.Values.member.1={path}&Actions.member.1.Type=fixed-response\
             &Actions.member.1.FixedResponseConfig.StatusCode={status}",
            front.listener
        )
    };
    let wide = done(&mut cloud, "CreateRule", &rule(100, "/*", 404))["Rules"][0].clone();
    let narrow = done(&mut cloud, "CreateRule", &rule(20, "/api/*", 503))["Rules"][0].clone();
    assert_eq!(refused(&mut cloud, "CreateRule", &rule(20, "/x", 200)), "PriorityInUse");

    let listed = format!("ListenerArn={}", front.listener);
    let listed = done(&mut cloud, "DescribeRules", &listed)["Rules"].clone();
    let priorities: Vec<&Value> =
        listed.as_array().unwrap().iter().map(|rule| &rule["Priority"]).collect();
    assert_eq!(priorities, ["20", "100", "default"]);

    wait(&mut cloud, 180);
    let dns = text(&done(&mut cloud, "DescribeLoadBalancers", "")["LoadBalancers"][0]["DNSName"]);
    assert_eq!(targets::answer_through(&cloud, &dns, "/api/v1"), Some(503));
    assert_eq!(targets::answer_through(&cloud, &dns, "/"), Some(404));
    let swap = format!(
        "RulePriorities.member.1.RuleArn={}&RulePriorities.member.1.Priority=20\
         &RulePriorities.member.2.RuleArn={}&RulePriorities.member.2.Priority=100",
        text(&wide["RuleArn"]),
        text(&narrow["RuleArn"])
    );
    done(&mut cloud, "SetRulePriorities", &swap);
    assert_eq!(targets::answer_through(&cloud, &dns, "/api/v1"), Some(404));

    let default = format!("RuleArn={}", text(&listed[2]["RuleArn"]));
    assert_eq!(refused(&mut cloud, "DeleteRule", &default), "OperationNotPermitted");
    done(&mut cloud, "DeleteRule", &format!("RuleArn={}", text(&wide["RuleArn"])));
}

#[test]
fn a_target_is_healthy_after_one_passed_check() {
    let mut cloud = cloud();
    let front = front(&mut cloud);
    wait(&mut cloud, 180);
    register(&mut cloud, &front, TargetAnswer::Status(200));
    assert_eq!(state(&cloud, &front), Some(TargetState::Initial));
    wait(&mut cloud, 31);
    assert_eq!(state(&cloud, &front), Some(TargetState::Healthy));
}

#[test]
fn no_target_is_healthy_before_its_load_balancer_is_active() {
    let mut cloud = cloud();
    let front = front(&mut cloud);
    register(&mut cloud, &front, TargetAnswer::Status(200));
    wait(&mut cloud, 90);
    assert_eq!(state(&cloud, &front), Some(TargetState::Initial));
    wait(&mut cloud, 121);
    assert_eq!(state(&cloud, &front), Some(TargetState::Healthy));
}

#[test]
fn a_target_is_unhealthy_after_two_failed_checks_and_well_after_five() {
    let mut cloud = cloud();
    let front = front(&mut cloud);
    wait(&mut cloud, 180);
    register(&mut cloud, &front, TargetAnswer::Status(200));
    wait(&mut cloud, 31);
    targets::set_answer(&mut cloud, &front.group, IP, 8000, TargetAnswer::Refused);
    wait(&mut cloud, 29);
    targets::set_answer(&mut cloud, &front.group, IP, 8000, TargetAnswer::Status(404));
    assert_eq!(state(&cloud, &front), Some(TargetState::Healthy));
    wait(&mut cloud, 31);
    assert_eq!(state(&cloud, &front), Some(TargetState::Unhealthy));
    let health = format!("TargetGroupArn={}", front.group);
    let health = done(&mut cloud, "DescribeTargetHealth", &health);
    assert_eq!(
        health["TargetHealthDescriptions"][0]["TargetHealth"],
        json!({
            "State": "unhealthy",
            "Reason": "Target.ResponseCodeMismatch",
            "Description": "Health checks failed with these codes: [404]",
        })
    );
    targets::set_answer(&mut cloud, &front.group, IP, 8000, TargetAnswer::Status(200));
    wait(&mut cloud, 119);
    assert_eq!(state(&cloud, &front), Some(TargetState::Unhealthy));
    wait(&mut cloud, 32);
    assert_eq!(state(&cloud, &front), Some(TargetState::Healthy));
}

#[test]
fn a_deregistered_target_drains_and_is_gone() {
    let mut cloud = cloud();
    let front = front(&mut cloud);
    wait(&mut cloud, 180);
    register(&mut cloud, &front, TargetAnswer::Status(200));
    wait(&mut cloud, 31);
    targets::deregister_target(&mut cloud, &front.group, IP, 8000);
    wait(&mut cloud, 299);
    assert_eq!(state(&cloud, &front), Some(TargetState::Draining));
    wait(&mut cloud, 1);
    assert_eq!(state(&cloud, &front), None);
}

#[test]
fn a_target_behind_no_listener_is_unused() {
    let mut cloud = cloud();
    let front = front(&mut cloud);
    assert_eq!(targets::target_group_is_served(&cloud, &front.group), Some(true));
    wait(&mut cloud, 180);
    register(&mut cloud, &front, TargetAnswer::Status(200));
    done(&mut cloud, "DeleteListener", &format!("ListenerArn={}", front.listener));
    assert_eq!(targets::target_group_is_served(&cloud, &front.group), Some(false));
    assert_eq!(state(&cloud, &front), Some(TargetState::Unused));
    done(&mut cloud, "CreateListener", &listener_form(&front.balancer, &front.group, 80));
    assert_eq!(state(&cloud, &front), Some(TargetState::Initial));
    wait(&mut cloud, 31);
    assert_eq!(state(&cloud, &front), Some(TargetState::Healthy));
}

#[test]
fn requests_get_what_the_targets_answer() {
    let mut cloud = cloud();
    let front = front(&mut cloud);
    let balancer = done(&mut cloud, "DescribeLoadBalancers", "");
    let dns = text(&balancer["LoadBalancers"][0]["DNSName"]);
    let answer = |cloud: &Cloud| targets::answer_through(cloud, &dns, "/");
    assert_eq!(answer(&cloud), None);
    wait(&mut cloud, 180);
    assert_eq!(answer(&cloud), Some(503));
    register(&mut cloud, &front, TargetAnswer::Status(200));
    assert_eq!(answer(&cloud), Some(503));
    wait(&mut cloud, 31);
    assert_eq!(answer(&cloud), Some(200));
    targets::set_answer(&mut cloud, &front.group, IP, 8000, TargetAnswer::TimesOut);
    assert_eq!(answer(&cloud), Some(504));
    assert_eq!(targets::answer_through(&cloud, "other.elb.amazonaws.com", "/"), None);
}

/// A task's interface in a security group of its own, and the group.
fn guarded(cloud: &mut Cloud, front: &Front) -> (String, String) {
    let group = format!("GroupName=app&GroupDescription=app&VpcId={}", front.network.vpc);
    let group = text(&ec2(cloud, "CreateSecurityGroup", &group)["groupId"]);
    let interface = interface::NewInterface {
        subnet: front.network.first.clone(),
        groups: vec![group.clone()],
        description: String::new(),
        interface_type: "interface".to_owned(),
        requester: "ecs".to_owned(),
        public_address: false,
    };
    let interface = interface::create_interface(cloud, interface).unwrap();
    (interface.private_address.to_string(), group)
}

fn health(cloud: &mut Cloud, front: &Front) -> Value {
    let asked = format!("TargetGroupArn={}", front.group);
    done(cloud, "DescribeTargetHealth", &asked)["TargetHealthDescriptions"][0]["TargetHealth"]
        .take()
}

#[test]
fn a_target_is_as_well_as_security_groups_let_it_be() {
    let mut cloud = cloud();
    let front = front(&mut cloud);
    let (ip, own) = guarded(&mut cloud, &front);
    wait(&mut cloud, 180);
    targets::register_target(&mut cloud, &front.group, &ip, 8000, TargetAnswer::Status(200));
    wait(&mut cloud, 200);
    let shut = json!({
        "State": "unhealthy", "Reason": "Target.Timeout", "Description": "Request timed out",
    });
    assert_eq!(health(&mut cloud, &front), shut);
    // From the load balancer's group, on the port that targets are asked on.
    let from_balancer = format!(
        "GroupId={own}&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=8000\
         &IpPermissions.1.ToPort=8010&IpPermissions.1.Groups.1.GroupId={}",
        front.network.group
    );
    ec2(&mut cloud, "AuthorizeSecurityGroupIngress", &from_balancer);
    wait(&mut cloud, 200);
    assert_eq!(health(&mut cloud, &front), json!({"State": "healthy"}));
    ec2(&mut cloud, "RevokeSecurityGroupIngress", &from_balancer);
    wait(&mut cloud, 200);
    assert_eq!(health(&mut cloud, &front), shut);
    // Also on the way out of the load balancer.
    ec2(&mut cloud, "AuthorizeSecurityGroupIngress", &from_balancer);
    let outwards = format!(
        "GroupId={}&IpPermissions.1.IpProtocol=-1&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0",
        front.network.group
    );
    ec2(&mut cloud, "RevokeSecurityGroupEgress", &outwards);
    wait(&mut cloud, 200);
    assert_eq!(health(&mut cloud, &front), shut);
}

#[test]
fn who_is_not_let_in_hears_nothing() {
    let mut cloud = cloud();
    let front = front(&mut cloud);
    let balancer = done(&mut cloud, "DescribeLoadBalancers", "");
    let dns = text(&balancer["LoadBalancers"][0]["DNSName"]);
    register(&mut cloud, &front, TargetAnswer::Status(200));
    wait(&mut cloud, 300);
    assert_eq!(targets::answer_through(&cloud, &dns, "/"), Some(200));
    let group = &front.network.group;
    ec2(&mut cloud, "RevokeSecurityGroupIngress", &everybody(group, 80));
    assert_eq!(targets::answer_through(&cloud, &dns, "/"), None);
    let some = everybody(group, 80).replace("0.0.0.0/0", "10.0.0.0/8");
    ec2(&mut cloud, "AuthorizeSecurityGroupIngress", &some);
    assert_eq!(targets::answer_through(&cloud, &dns, "/"), None);
    let others = everybody(group, 80).replace("0.0.0.0/0", "192.0.2.0/24");
    ec2(&mut cloud, "AuthorizeSecurityGroupIngress", &others);
    assert_eq!(targets::answer_through(&cloud, &dns, "/"), Some(200));
}

#[test]
fn a_target_in_a_zone_without_the_load_balancer_is_unused() {
    let mut cloud = cloud();
    let front = front(&mut cloud);
    let zoned = subnet(&mut cloud, &front.network.vpc, "10.0.3.0/24", "eu-west-1c");
    open(&mut cloud, &front.network.group, 8000);
    let interface = interface::NewInterface {
        subnet: zoned.clone(),
        groups: vec![front.network.group.clone()],
        description: String::new(),
        interface_type: "interface".to_owned(),
        requester: "ecs".to_owned(),
        public_address: false,
    };
    let interface = interface::create_interface(&mut cloud, interface).unwrap();
    let ip = interface.private_address.to_string();
    targets::register_target(&mut cloud, &front.group, &ip, 8000, TargetAnswer::Status(200));
    let health = format!("TargetGroupArn={}", front.group);
    let health = done(&mut cloud, "DescribeTargetHealth", &health);
    let target = &health["TargetHealthDescriptions"][0];
    assert_eq!(target["Target"]["AvailabilityZone"], json!("eu-west-1c"));
    assert_eq!(target["TargetHealth"]["State"], json!("unused"));

    let Network { first, second, .. } = &front.network;
    let everywhere = format!(
        "LoadBalancerArn={}&Subnets.member.1={first}&Subnets.member.2={second}\
         &Subnets.member.3={zoned}",
        front.balancer
    );
    done(&mut cloud, "SetSubnets", &everywhere);
    wait(&mut cloud, 211);
    let state = targets::target_state(&cloud, &front.group, &ip, 8000);
    assert_eq!(state, Some(TargetState::Healthy));
}

#[test]
fn targets_are_registered_over_the_wire_too() {
    let mut cloud = cloud();
    let front = front(&mut cloud);
    wait(&mut cloud, 180);
    let named = |targets: &str| format!("TargetGroupArn={}{targets}", front.group);
    done(&mut cloud, "RegisterTargets", &named("&Targets.member.1.Id=10.0.0.50"));
    assert_eq!(state(&cloud, &front), Some(TargetState::Initial));
    wait(&mut cloud, 61);
    assert_eq!(state(&cloud, &front), Some(TargetState::Unhealthy));
    let both = named("&Targets.member.1.Id=10.0.0.50&Targets.member.2.Id=10.0.0.51");
    let health = done(&mut cloud, "DescribeTargetHealth", &both);
    let reasons: Vec<&Value> = health["TargetHealthDescriptions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|target| &target["TargetHealth"]["Reason"])
        .collect();
    assert_eq!(reasons, ["Target.Timeout", "Target.NotRegistered"]);
    done(&mut cloud, "DeregisterTargets", &named("&Targets.member.1.Id=10.0.0.50"));
    assert_eq!(state(&cloud, &front), Some(TargetState::Draining));
    for wrong in ["", "&Targets.member.1.Id=i-0123", "&Targets.member.1.Id=8.8.8.8"] {
        assert_eq!(refused(&mut cloud, "RegisterTargets", &named(wrong)), "ValidationError");
    }
}

#[test]
fn a_rule_uses_a_target_group_as_a_listener_does() {
    let mut cloud = cloud();
    let front = front(&mut cloud);
    let group = done(&mut cloud, "CreateTargetGroup", &group_form(&front.network, "api"));
    let group = text(&group["TargetGroups"][0]["TargetGroupArn"]);
    assert_eq!(targets::target_group_is_served(&cloud, &group), Some(false));
    let rule = format!(
        "ListenerArn={}&Priority=1&Conditions.member.1.Field=host-header\
         &Conditions.member.1.HostHeaderConfig.Values.member.1=api.example.com\
         &Actions.member.1.Type=forward&Actions.member.1.TargetGroupArn={group}",
        front.listener
    );
    let rule = done(&mut cloud, "CreateRule", &rule)["Rules"][0].clone();
    assert_eq!(targets::target_group_is_served(&cloud, &group), Some(true));
    let name = format!("TargetGroupArn={group}");
    assert_eq!(refused(&mut cloud, "DeleteTargetGroup", &name), "ResourceInUse");
    let elsewhere = format!(
        "RuleArn={}&Actions.member.1.Type=forward&Actions.member.1.TargetGroupArn={}",
        text(&rule["RuleArn"]),
        front.group
    );
    done(&mut cloud, "ModifyRule", &elsewhere);
    done(&mut cloud, "DeleteTargetGroup", &name);
}

#[test]
fn other_groups_reach_the_interfaces() {
    let mut cloud = cloud();
    let front = front(&mut cloud);
    let form = format!("GroupName=new&GroupDescription=new&VpcId={}", front.network.vpc);
    let group = text(&ec2(&mut cloud, "CreateSecurityGroup", &form)["groupId"]);
    let name = format!("LoadBalancerArn={}", front.balancer);
    let set = format!("{name}&SecurityGroups.member.1={group}");
    assert_eq!(done(&mut cloud, "SetSecurityGroups", &set)["SecurityGroupIds"], json!([group]));
    assert!(cloud.ec2.interfaces.values().all(|interface| interface.groups == [group.clone()]));
    let missing = format!("{name}&SecurityGroups.member.1=sg-0missing");
    assert_eq!(refused(&mut cloud, "SetSecurityGroups", &missing), "InvalidSecurityGroup");
}

#[test]
fn a_subnet_without_room_is_refused_and_left_alone() {
    let mut cloud = cloud();
    let network = network(&mut cloud);
    let small = subnet(&mut cloud, &network.vpc, "10.0.9.0/28", "eu-west-1b");
    for _ in 0..4 {
        let interface = interface::NewInterface {
            subnet: small.clone(),
            groups: Vec::new(),
            description: String::new(),
            interface_type: "interface".to_owned(),
            requester: "ecs".to_owned(),
            public_address: false,
        };
        interface::create_interface(&mut cloud, interface).unwrap();
    }
    let form = format!("Name=main&Subnets.member.1={}&Subnets.member.2={small}", network.first);
    assert_eq!(refused(&mut cloud, "CreateLoadBalancer", &form), "InvalidSubnet");
    assert_eq!(cloud.ec2.interfaces.len(), 4);
}

#[test]
fn quotas_are_kept_and_shown() {
    let mut cloud = cloud();
    let network = network(&mut cloud);
    cloud.elb.quotas.target_groups = 1;
    done(&mut cloud, "CreateTargetGroup", &group_form(&network, "a"));
    let second = group_form(&network, "b");
    assert_eq!(refused(&mut cloud, "CreateTargetGroup", &second), "TooManyTargetGroups");
    let limits = done(&mut cloud, "DescribeAccountLimits", "")["Limits"].clone();
    assert!(limits.as_array().unwrap().contains(&json!({"Name": "target-groups", "Max": "1"})));
}

#[test]
fn a_listener_moves_to_a_free_port_only() {
    let mut cloud = cloud();
    let front = front(&mut cloud);
    done(&mut cloud, "CreateListener", &listener_form(&front.balancer, &front.group, 81));
    let to = |port: u16| format!("ListenerArn={}&Port={port}", front.listener);
    assert_eq!(refused(&mut cloud, "ModifyListener", &to(81)), "DuplicateListener");
    assert_eq!(done(&mut cloud, "ModifyListener", &to(82))["Listeners"][0]["Port"], json!(82));
}

#[test]
fn tags_are_added_replaced_and_removed() {
    let mut cloud = cloud();
    let Front { group, .. } = front(&mut cloud);
    let name = format!("ResourceArns.member.1={group}");
    let tags =
        "Tags.member.1.Key=a&Tags.member.1.Value=1&Tags.member.2.Key=b&Tags.member.2.Value=2";
    done(&mut cloud, "AddTags", &format!("{name}&{tags}"));
    done(&mut cloud, "RemoveTags", &format!("{name}&TagKeys.member.1=a"));
    assert_eq!(
        done(&mut cloud, "DescribeTags", &name)["TagDescriptions"],
        json!([{"ResourceArn": group, "Tags": [{"Key": "b", "Value": "2"}]}])
    );
    let reserved = format!("{name}&Tags.member.1.Key=aws:x&Tags.member.1.Value=1");
    assert_eq!(refused(&mut cloud, "AddTags", &reserved), "ValidationError");
    let twice = format!("{name}&Tags.member.1.Key=x&Tags.member.2.Key=x");
    assert_eq!(refused(&mut cloud, "AddTags", &twice), "DuplicateTagKeys");
    let mut fifty = name.clone();
    for number in 1..=50 {
        fifty.push_str(&format!("&Tags.member.{number}.Key=key-{number}"));
    }
    assert_eq!(refused(&mut cloud, "AddTags", &fifty), "TooManyTags");
}

#[test]
fn a_cloud_looked_at_often_is_the_cloud_looked_at_once() {
    let grown = |steps: u64| {
        let mut cloud = cloud();
        let front = front(&mut cloud);
        register(&mut cloud, &front, TargetAnswer::Status(200));
        for step in 1..=steps {
            cloud.settle(Moment(step * 600_000 / steps));
        }
        serde_json::to_value(&cloud).unwrap()
    };
    assert_eq!(grown(1), grown(600));
}
