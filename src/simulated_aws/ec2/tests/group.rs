//! Security groups and their rules.

use super::*;
use crate::simulated_aws::ec2::interface::{self, NewInterface};

/// A group in a VPC of its own.
fn lone_group(cloud: &mut Cloud) -> String {
    let vpc = vpc(cloud);
    group(cloud, &vpc, "web")
}

fn open(group: &str, protocol: &str, port: u16, cidr: &str) -> String {
    format!(
        "GroupId={group}&IpPermissions.1.IpProtocol={protocol}&IpPermissions.1.FromPort={port}\
         &IpPermissions.1.ToPort={port}&IpPermissions.1.IpRanges.1.CidrIp={cidr}"
    )
}

fn from_group(group: &str, source: &str) -> String {
    format!(
        "GroupId={group}&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=80\
         &IpPermissions.1.ToPort=80&IpPermissions.1.Groups.1.GroupId={source}"
    )
}

#[test]
fn a_new_group_lets_everything_out_and_nothing_in() {
    let mut cloud = empty();
    let group = lone_group(&mut cloud);
    let answer = get(&mut cloud, "DescribeSecurityGroups", &format!("GroupId.1={group}"));
    let shown = &answer["securityGroupInfo"][0];
    assert_eq!(shown["ipPermissions"].as_array().unwrap().len(), 0);
    assert_eq!(shown["ipPermissionsEgress"][0]["ipProtocol"], "-1");
    assert!(shown["ipPermissionsEgress"][0]["fromPort"].is_null());
}

#[test]
fn a_name_is_unique_in_its_vpc_whatever_its_case() {
    let mut cloud = empty();
    let vpc = vpc(&mut cloud);
    group(&mut cloud, &vpc, "web");
    let form = |name: &str| format!("GroupName={name}&GroupDescription=x&VpcId={vpc}");
    for (name, code) in [
        ("WEB", "InvalidGroup.Duplicate"),
        ("default", "InvalidParameterValue"),
        ("sg-web", "InvalidParameterValue"),
        ("w%7Eb", "InvalidParameterValue"),
    ] {
        assert_eq!(refusal(&mut cloud, "CreateSecurityGroup", &form(name)), code, "{name}");
    }
    let nowhere = "GroupName=a&GroupDescription=x";
    assert_eq!(refusal(&mut cloud, "CreateSecurityGroup", nowhere), "VPCIdNotSpecified");
}

#[test]
fn protocols_and_blocks_read_back_in_their_one_form() {
    let mut cloud = empty();
    let group = lone_group(&mut cloud);
    let ingress = "AuthorizeSecurityGroupIngress";
    get(&mut cloud, ingress, &open(&group, "6", 80, "10.0.0.9/24"));
    let added = get(&mut cloud, ingress, &open(&group, "ALL", 80, "10.0.0.0/24"));
    assert_eq!(added["securityGroupRuleSet"][0]["fromPort"], -1);
    get(&mut cloud, ingress, &open(&group, "50", 0, "10.0.0.0/24"));
    let answer = get(&mut cloud, "DescribeSecurityGroups", &format!("GroupId.1={group}"));
    let permissions = &answer["securityGroupInfo"][0]["ipPermissions"];
    let protocols: Vec<_> =
        permissions.as_array().unwrap().iter().map(|one| text(&one["ipProtocol"])).collect();
    assert_eq!(protocols, ["-1", "50", "tcp"]);
    assert_eq!(permissions[2]["ipRanges"][0]["cidrIp"], "10.0.0.0/24");
    assert_eq!(
        refusal(&mut cloud, ingress, &open(&group, "TCP", 80, "10.0.0.1/24")),
        "InvalidPermission.Duplicate"
    );
    assert_eq!(
        refusal(&mut cloud, ingress, &open(&group, "smoke", 80, "10.0.0.1/24")),
        "InvalidParameterValue"
    );
}

#[test]
fn one_bad_rule_refuses_the_whole_batch() {
    let mut cloud = empty();
    let group = lone_group(&mut cloud);
    let good = open(&group, "tcp", 80, "10.0.0.0/24");
    let twice = format!("{good}&IpPermissions.1.IpRanges.2.CidrIp=10.0.0.1/24");
    assert_eq!(
        refusal(&mut cloud, "AuthorizeSecurityGroupIngress", &twice),
        "InvalidPermission.Duplicate"
    );
    let nowhere = format!("{good}&IpPermissions.1.Groups.1.GroupId=sg-0a");
    assert_eq!(
        refusal(&mut cloud, "AuthorizeSecurityGroupIngress", &nowhere),
        "InvalidGroup.NotFound"
    );
    let filter = format!("Filter.1.Name=group-id&Filter.1.Value.1={group}");
    let rules = get(&mut cloud, "DescribeSecurityGroupRules", &filter);
    assert_eq!(rules["securityGroupRuleSet"].as_array().unwrap().len(), 1);
}

#[test]
fn rules_are_revoked_by_what_they_are_or_by_id() {
    let mut cloud = empty();
    let group = lone_group(&mut cloud);
    let form = open(&group, "tcp", 80, "10.0.0.0/24");
    get(&mut cloud, "AuthorizeSecurityGroupIngress", &form);
    get(&mut cloud, "RevokeSecurityGroupIngress", &open(&group, "6", 80, "10.0.0.7/24"));
    assert_eq!(
        refusal(&mut cloud, "RevokeSecurityGroupIngress", &form),
        "InvalidPermission.NotFound"
    );
    let added = get(&mut cloud, "AuthorizeSecurityGroupIngress", &form);
    let id = text(&added["securityGroupRuleSet"][0]["securityGroupRuleId"]);
    let by_id = format!("GroupId={group}&SecurityGroupRuleId.1={id}");
    get(&mut cloud, "RevokeSecurityGroupIngress", &by_id);
    assert_eq!(
        refusal(&mut cloud, "RevokeSecurityGroupIngress", &by_id),
        "InvalidSecurityGroupRuleId.NotFound"
    );
}

#[test]
fn a_description_changes_in_place() {
    let mut cloud = empty();
    let group = lone_group(&mut cloud);
    let form = open(&group, "tcp", 80, "10.0.0.0/24");
    let added = get(&mut cloud, "AuthorizeSecurityGroupIngress", &form);
    let id = text(&added["securityGroupRuleSet"][0]["securityGroupRuleId"]);
    let rule = "SecurityGroupRule.1.SecurityGroupRule";
    let change = format!(
        "GroupId={group}&SecurityGroupRule.1.SecurityGroupRuleId={id}&{rule}.IpProtocol=tcp\
         &{rule}.FromPort=80&{rule}.ToPort=80&{rule}.CidrIpv4=10.0.0.0/24&{rule}.Description=in"
    );
    get(&mut cloud, "ModifySecurityGroupRules", &change);
    let read = format!("SecurityGroupRuleId.1={id}");
    let read = get(&mut cloud, "DescribeSecurityGroupRules", &read);
    assert_eq!(read["securityGroupRuleSet"][0]["description"], "in");
}

#[test]
fn rules_are_counted_per_direction_and_family() {
    let mut cloud = empty();
    let group = lone_group(&mut cloud);
    cloud.ec2.quotas.rules_per_group = 1;
    get(&mut cloud, "AuthorizeSecurityGroupIngress", &open(&group, "tcp", 80, "10.0.0.0/24"));
    let second = open(&group, "tcp", 81, "10.0.0.0/24");
    assert_eq!(
        refusal(&mut cloud, "AuthorizeSecurityGroupIngress", &second),
        "RulesPerSecurityGroupLimitExceeded"
    );
    let other_family =
        second.replace("IpRanges.1.CidrIp=10.0.0.0/24", "Ipv6Ranges.1.CidrIpv6=::/0");
    get(&mut cloud, "AuthorizeSecurityGroupIngress", &other_family);
}

#[test]
fn groups_that_name_each_other_go_only_after_their_rules() {
    let mut cloud = empty();
    let vpc = vpc(&mut cloud);
    let (one, two) = (group(&mut cloud, &vpc, "one"), group(&mut cloud, &vpc, "two"));
    get(&mut cloud, "AuthorizeSecurityGroupIngress", &from_group(&one, &two));
    get(&mut cloud, "AuthorizeSecurityGroupIngress", &from_group(&two, &one));
    get(&mut cloud, "AuthorizeSecurityGroupIngress", &from_group(&one, &one));
    let delete = |id: &str| format!("GroupId={id}");
    assert_eq!(refusal(&mut cloud, "DeleteSecurityGroup", &delete(&one)), "DependencyViolation");
    assert_eq!(refusal(&mut cloud, "DeleteSecurityGroup", &delete(&two)), "DependencyViolation");
    get(&mut cloud, "RevokeSecurityGroupIngress", &from_group(&one, &two));
    get(&mut cloud, "DeleteSecurityGroup", &delete(&two));
    get(&mut cloud, "DeleteSecurityGroup", &delete(&one));
    assert_eq!(refusal(&mut cloud, "DeleteSecurityGroup", &delete(&one)), "InvalidGroup.NotFound");
}

#[test]
fn the_default_group_cannot_be_deleted() {
    let mut cloud = empty();
    vpc(&mut cloud);
    let default = cloud.ec2.groups.keys().next().unwrap().clone();
    let form = format!("GroupId={default}");
    assert_eq!(refusal(&mut cloud, "DeleteSecurityGroup", &form), "CannotDelete");
}

#[test]
fn a_group_stays_while_an_interface_has_it() {
    let mut cloud = empty();
    let network = network(&mut cloud);
    let group = group(&mut cloud, &network.vpc, "web");
    let new = NewInterface {
        subnet: network.subnet,
        groups: vec![group.clone()],
        description: "ELB app/main/1".to_owned(),
        interface_type: "interface".to_owned(),
        requester: "amazon-elb".to_owned(),
        public_address: false,
    };
    let interface = interface::create_interface(&mut cloud, new).unwrap();
    let form = format!("GroupId={group}");
    assert_eq!(refusal(&mut cloud, "DeleteSecurityGroup", &form), "DependencyViolation");
    let blockers = format!("Filter.1.Name=group-id&Filter.1.Value.1={group}");
    let blockers = get(&mut cloud, "DescribeNetworkInterfaces", &blockers);
    assert_eq!(blockers["networkInterfaceSet"][0]["description"], "ELB app/main/1");
    interface::delete_interface(&mut cloud, &interface.id);
    get(&mut cloud, "DeleteSecurityGroup", &form);
}

#[test]
fn the_rule_that_lets_everything_out_can_be_revoked() {
    let mut cloud = empty();
    let group = lone_group(&mut cloud);
    let everything = format!(
        "GroupId={group}&IpPermissions.1.IpProtocol=-1&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0"
    );
    let revoked = get(&mut cloud, "RevokeSecurityGroupEgress", &everything);
    assert_eq!(revoked["revokedSecurityGroupRuleSet"][0]["isEgress"], true);
    let again = refusal(&mut cloud, "RevokeSecurityGroupEgress", &everything);
    assert_eq!(again, "InvalidPermission.NotFound");
}
