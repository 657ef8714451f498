//! Lists that come in pieces of which some are empty (aws-behaviour 31.20).
//!
//! AWS promises of a page only that it names the next one. A filter may leave nothing of it, and
//! IAM gives fewer items than were asked for.

use serde_json::{Value, json};

use super::{Fault, Scene};
use crate::simulated_aws::endpoint::{Call, Verdict, dispatch};
use crate::simulated_aws::wire::{Answer, Service};

/// What the marker of a second page begins with.
const SECOND: &str = "second-page-of:";

/// Puts an empty page before every list that has pages.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyPages;

/// How a service names the page that is asked for, and the next one in an answer.
type Names = (&'static str, &'static str);

impl Fault for EmptyPages {
    fn before(&mut self, scene: &mut Scene<'_>) -> Verdict {
        let Some((asked, _)) = names(scene.call) else { return Verdict::Pass };
        let Some(before) = second(&scene.call.request, asked) else { return Verdict::Pass };
        let mut call = scene.call.clone();
        call.request[asked] = if before.is_empty() { Value::Null } else { before.into() };
        match dispatch(scene.cloud, &call) {
            Ok(answer) => Verdict::Answer(answer),
            Err(error) => Verdict::Refuse(error),
        }
    }

    fn after(&mut self, scene: &mut Scene<'_>, answer: &Answer) -> Verdict {
        let (Some((asked, next)), Ok(answer)) = (names(scene.call), answer) else {
            return Verdict::Pass;
        };
        if second(&scene.call.request, asked).is_some() {
            return Verdict::Pass;
        }
        let before = scene.call.request[asked].as_str().unwrap_or_default();
        let mut empty = answer.clone();
        for member in empty.as_object_mut().into_iter().flat_map(|members| members.values_mut()) {
            if member.is_array() {
                *member = json!([]);
            }
        }
        empty[next] = format!("{SECOND}{before}").into();
        if scene.call.service == Service::Iam {
            empty["IsTruncated"] = true.into();
        }
        Verdict::Answer(empty)
    }
}

/// The marker that a second page's request stands for; empty for the list's beginning.
fn second<'a>(request: &'a Value, asked: &str) -> Option<&'a str> {
    request[asked].as_str()?.strip_prefix(SECOND)
}

fn asks_by_name(request: &Value) -> bool {
    let members = request.as_object().into_iter().flatten();
    members.into_iter().any(|(name, _)| name.ends_with("Arns") || name.ends_with("Names"))
}

/// The names that pages have in an operation; `None` for one that has none.
fn names(call: &Call) -> Option<Names> {
    let operation = call.operation.as_str();
    match call.service {
        Service::Ec2 => {
            let paged = [
                "DescribeVpcs",
                "DescribeSubnets",
                "DescribeInternetGateways",
                "DescribeNatGateways",
                "DescribeRouteTables",
                "DescribeSecurityGroups",
                "DescribeSecurityGroupRules",
                "DescribeNetworkInterfaces",
                "DescribeVpcEndpoints",
            ];
            paged.contains(&operation).then_some(("NextToken", "nextToken"))
        }
        Service::Iam => {
            let paged = [
                "ListRolePolicies",
                "ListAttachedRolePolicies",
                "ListRoles",
                "GetAccountAuthorizationDetails",
            ];
            paged.contains(&operation).then_some(("Marker", "Marker"))
        }
        // What is asked for by name comes in one piece.
        Service::Elb => (operation == "DescribeListeners" && !asks_by_name(&call.request))
            .then_some(("Marker", "NextMarker")),
        Service::Ecs => ["ListTasks", "ListTaskDefinitions", "ListServiceDeployments"]
            .contains(&operation)
            .then_some(("nextToken", "nextToken")),
        Service::Logs => (operation == "DescribeLogGroups").then_some(("nextToken", "nextToken")),
        Service::Autoscaling => ["DescribeScalableTargets", "DescribeScalingPolicies"]
            .contains(&operation)
            .then_some(("NextToken", "NextToken")),
        Service::Ssm => (operation == "DescribeParameters").then_some(("NextToken", "NextToken")),
        Service::CloudTrail => (operation == "LookupEvents").then_some(("NextToken", "NextToken")),
        Service::SecretsManager
        | Service::ServiceQuotas
        | Service::Sts
        | Service::S3
        | Service::Scheduler
        | Service::Sns
        | Service::CloudWatch => None,
    }
}
