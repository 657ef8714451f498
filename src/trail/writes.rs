//! Which calls change what: the names by which CloudTrail knows them.
//!
//! The rule: every kind says which calls remove it. A call that changes a property stands beside
//! that property, so that nobody is named for having done something else to the same resource.

use crate::drift::{Finding, field_of};
use crate::plan::diff::TAGS;
use crate::resource::Kind;

/// Calls that change a field of a kind; those of the field `""` remove the resource itself.
type Row = (Kind, &'static str, &'static [&'static str]);

const EC2_TAGS: &[&str] = &["CreateTags", "DeleteTags"];
const ELB_TAGS: &[&str] = &["AddTags", "RemoveTags"];
const TAGS_BY_ARN: &[&str] = &["TagResource", "UntagResource"];
const ROUTES: &[&str] = &["CreateRoute", "ReplaceRoute", "DeleteRoute"];
const POLICY: &[&str] = &["PutScalingPolicy"];
const UPDATE_SERVICE: &[&str] = &["UpdateService"];
const LISTENERS: &[&str] = &["CreateListener"];

/// Stands for every field that has no row of its own.
const ANY: &str = "*";

const ROWS: &[Row] = &[
    (Kind::Vpc, "", &["DeleteVpc"]),
    (Kind::Vpc, "cidr_blocks", &["AssociateVpcCidrBlock", "DisassociateVpcCidrBlock"]),
    // What stands in a network is known by its own id alone.
    (Kind::Vpc, "guests", &[]),
    (Kind::Vpc, TAGS, EC2_TAGS),
    (Kind::Vpc, ANY, &["ModifyVpcAttribute"]),
    (Kind::InternetGateway, "", &["DeleteInternetGateway"]),
    (Kind::InternetGateway, TAGS, EC2_TAGS),
    (Kind::InternetGateway, ANY, &["DetachInternetGateway", "AttachInternetGateway"]),
    (Kind::Subnet, "", &["DeleteSubnet"]),
    (Kind::Subnet, TAGS, EC2_TAGS),
    (Kind::Subnet, ANY, &["ModifySubnetAttribute"]),
    (Kind::ElasticIp, "", &["ReleaseAddress"]),
    (Kind::ElasticIp, TAGS, EC2_TAGS),
    (Kind::NatGateway, "", &["DeleteNatGateway"]),
    (Kind::NatGateway, TAGS, EC2_TAGS),
    (Kind::NatGateway, ANY, &["AssociateNatGatewayAddress", "DisassociateNatGatewayAddress"]),
    (Kind::RouteTable, "", &["DeleteRouteTable"]),
    (
        Kind::RouteTable,
        "subnets",
        &["ReplaceRouteTableAssociation", "AssociateRouteTable", "DisassociateRouteTable"],
    ),
    (Kind::RouteTable, TAGS, EC2_TAGS),
    (Kind::RouteTable, ANY, ROUTES),
    (Kind::SecurityGroup, "", &["DeleteSecurityGroup"]),
    (
        Kind::SecurityGroup,
        "ingress",
        &[
            "AuthorizeSecurityGroupIngress",
            "RevokeSecurityGroupIngress",
            "ModifySecurityGroupRules",
            "UpdateSecurityGroupRuleDescriptionsIngress",
        ],
    ),
    (
        Kind::SecurityGroup,
        "egress",
        &[
            "AuthorizeSecurityGroupEgress",
            "RevokeSecurityGroupEgress",
            "ModifySecurityGroupRules",
            "UpdateSecurityGroupRuleDescriptionsEgress",
        ],
    ),
    (Kind::SecurityGroup, TAGS, EC2_TAGS),
    (Kind::Role, "", &["DeleteRole"]),
    (Kind::Role, "trust", &["UpdateAssumeRolePolicy"]),
    (Kind::Role, "managed_policies", &["AttachRolePolicy", "DetachRolePolicy"]),
    (Kind::Role, "inline_policies", &["PutRolePolicy", "DeleteRolePolicy"]),
    (Kind::Role, TAGS, &["TagRole", "UntagRole"]),
    (Kind::Role, ANY, &["UpdateRole", "UpdateRoleDescription"]),
    (Kind::LogGroup, "", &["DeleteLogGroup"]),
    (Kind::LogGroup, TAGS, &["TagResource", "UntagResource", "TagLogGroup", "UntagLogGroup"]),
    (Kind::LogGroup, ANY, &["PutRetentionPolicy", "DeleteRetentionPolicy"]),
    (Kind::Cluster, "", &["DeleteCluster"]),
    (Kind::Cluster, "capacity_providers", &["PutClusterCapacityProviders"]),
    (Kind::Cluster, TAGS, TAGS_BY_ARN),
    (Kind::Cluster, ANY, &["UpdateClusterSettings", "UpdateCluster"]),
    (Kind::TaskDefinition, "", &["DeregisterTaskDefinition", "DeleteTaskDefinitions"]),
    (Kind::TaskDefinition, TAGS, TAGS_BY_ARN),
    (Kind::TaskDefinition, ANY, &["RegisterTaskDefinition"]),
    (Kind::Service, "", &["DeleteService"]),
    (Kind::Service, "scalable_targets", &["RegisterScalableTarget"]),
    (Kind::Service, TAGS, TAGS_BY_ARN),
    (Kind::Service, ANY, UPDATE_SERVICE),
    (Kind::LoadBalancer, "", &["DeleteLoadBalancer"]),
    (Kind::LoadBalancer, "listeners", LISTENERS),
    (Kind::LoadBalancer, "security_groups", &["SetSecurityGroups"]),
    (Kind::LoadBalancer, "subnets", &["SetSubnets"]),
    (Kind::LoadBalancer, TAGS, ELB_TAGS),
    (Kind::LoadBalancer, ANY, &["ModifyLoadBalancerAttributes"]),
    (Kind::TargetGroup, "", &["DeleteTargetGroup"]),
    (Kind::TargetGroup, "health_check", &["ModifyTargetGroup"]),
    (Kind::TargetGroup, TAGS, ELB_TAGS),
    (Kind::TargetGroup, ANY, &["ModifyTargetGroupAttributes"]),
    (Kind::Listener, "", &["DeleteListener"]),
    (Kind::Listener, "rules", &["CreateRule"]),
    (Kind::Listener, TAGS, ELB_TAGS),
    (Kind::Listener, ANY, &["ModifyListener"]),
    (Kind::ScalableTarget, "", &["DeregisterScalableTarget"]),
    (Kind::ScalableTarget, "policies", POLICY),
    (Kind::ScalableTarget, "scheduled_actions", &["PutScheduledAction"]),
    (Kind::ScalableTarget, TAGS, TAGS_BY_ARN),
    (Kind::ScalableTarget, ANY, &["RegisterScalableTarget"]),
    (Kind::ScalingPolicy, "", &["DeleteScalingPolicy"]),
    (Kind::ScalingPolicy, ANY, POLICY),
    (Kind::Topic, "", &["DeleteTopic"]),
    (Kind::Topic, TAGS, TAGS_BY_ARN),
    (Kind::Topic, ANY, &["SetTopicAttributes"]),
    (Kind::Alarm, "", &["DeleteAlarms"]),
    (Kind::Alarm, "enabled", &["PutMetricAlarm", "DisableAlarmActions", "EnableAlarmActions"]),
    (Kind::Alarm, TAGS, TAGS_BY_ARN),
    (Kind::Alarm, ANY, &["PutMetricAlarm"]),
    (Kind::Schedule, "", &["DeleteSchedule"]),
    (Kind::Schedule, ANY, &["UpdateSchedule"]),
];

/// The calls that can have made the difference of a finding.
pub(super) fn writes_of(finding: &Finding) -> &'static [&'static str] {
    writes(finding.address.kind(), field_of(&finding.property))
}

/// The calls that change a field of a kind; those that remove one where the field is empty. None
/// for what only stands in a resource: it is known by its own id alone.
pub fn writes(kind: Kind, field: &str) -> &'static [&'static str] {
    let of = |wanted: &str| ROWS.iter().find(|(own, field, _)| *own == kind && *field == wanted);
    let row = of(field).or_else(|| of(ANY).filter(|_| !field.is_empty()));
    row.map_or(&[], |(_, _, calls)| *calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_known_of_every_kind_what_removes_it() {
        let silent: Vec<&Kind> =
            Kind::ALL.iter().filter(|kind| writes(**kind, "").is_empty()).collect();
        assert!(silent.is_empty(), "nothing removes {silent:?}");
    }

    #[test]
    fn it_is_known_of_every_kind_with_tags_what_changes_them() {
        use crate::resource::Tagging;
        let has_tags = |kind: &&Kind| kind.facts().tagging == Tagging::Always;
        for kind in Kind::ALL.iter().filter(has_tags) {
            let calls = writes(*kind, TAGS);
            assert!(calls.iter().any(|call| call.contains("Tag")), "{kind:?}: {calls:?}");
        }
    }

    #[test]
    fn a_field_without_a_row_has_what_changes_the_rest_and_never_what_removes_it() {
        assert_eq!(writes(Kind::Service, "count"), ["UpdateService"]);
        assert_eq!(writes(Kind::Service, ""), ["DeleteService"]);
        assert_eq!(writes(Kind::SecurityGroup, "description"), [""; 0]);
    }
}
