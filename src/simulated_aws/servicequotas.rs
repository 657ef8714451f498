//! Service Quotas: what the account may have, as the rooms that keep to it know it.
//!
//! The rule: no quota is kept twice. A value is read from the room that enforces it, so what is
//! shown here is what is refused there.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cloud::Cloud;
use super::endpoint::unknown_operation;
use super::wire::{Answer, ApiError, Parameters};
use super::{ec2, elb, marker};

/// The most quotas on a page.
const LARGEST_PAGE: usize = 100;

/// The processors that a new account may use on Fargate at a time.
const OF_A_NEW_ACCOUNT: f64 = 6.0;

/// What the account is told of its quotas besides their values.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceQuotas {
    /// The codes of quotas of which there is no applied value, only a default: those whose service
    /// does not tell what it applies.
    pub unapplied: BTreeSet<String>,
}

/// One quota.
struct Quota {
    service: &'static str,
    service_name: &'static str,
    code: &'static str,
    name: &'static str,
    applied: fn(&Cloud) -> f64,
    default: fn() -> f64,
}

const VPC: (&str, &str) = ("vpc", "Amazon Virtual Private Cloud (Amazon VPC)");
const EC2: (&str, &str) = ("ec2", "Amazon Elastic Compute Cloud (Amazon EC2)");
const ELB: (&str, &str) = ("elasticloadbalancing", "Elastic Load Balancing (ELB)");
const FARGATE: (&str, &str) = ("fargate", "AWS Fargate");

const fn quota(
    (service, service_name): (&'static str, &'static str),
    code: &'static str,
    name: &'static str,
    applied: fn(&Cloud) -> f64,
    default: fn() -> f64,
) -> Quota {
    Quota { service, service_name, code, name, applied, default }
}

/// The quotas that are known, with the codes that AWS gives them.
const QUOTAS: &[Quota] = &[
    quota(
        VPC,
        "L-F678F1CE",
        "VPCs per Region",
        |cloud| number(cloud.ec2.quotas.vpcs),
        || number(ec2::Quotas::default().vpcs),
    ),
    quota(
        VPC,
        "L-A4707A72",
        "Internet gateways per Region",
        |cloud| number(cloud.ec2.quotas.internet_gateways),
        || number(ec2::Quotas::default().internet_gateways),
    ),
    quota(
        VPC,
        "L-FE5A380F",
        "NAT gateways per Availability Zone",
        |cloud| number(cloud.ec2.quotas.nat_gateways_per_zone),
        || number(ec2::Quotas::default().nat_gateways_per_zone),
    ),
    quota(
        VPC,
        "L-E79EC296",
        "VPC security groups per Region",
        |cloud| number(cloud.ec2.quotas.groups),
        || number(ec2::Quotas::default().groups),
    ),
    quota(
        EC2,
        "L-0263D0A3",
        "EC2-VPC Elastic IPs",
        |cloud| number(cloud.ec2.quotas.addresses),
        || number(ec2::Quotas::default().addresses),
    ),
    quota(
        ELB,
        "L-53DA6B97",
        "Application Load Balancers per Region",
        |cloud| number(cloud.elb.quotas.load_balancers),
        || number(elb::Quotas::default().load_balancers),
    ),
    quota(
        FARGATE,
        "L-3032A538",
        "Fargate On-Demand vCPU resource count",
        |cloud| cloud.ecs.quotas.on_demand_vcpus,
        || OF_A_NEW_ACCOUNT,
    ),
    quota(
        FARGATE,
        "L-36FBB829",
        "Fargate Spot vCPU resource count",
        |cloud| cloud.ecs.quotas.spot_vcpus,
        || OF_A_NEW_ACCOUNT,
    ),
];

/// Answers an operation.
pub fn answer(cloud: &mut Cloud, operation: &str, request: Parameters<'_>) -> Answer {
    match operation {
        "GetServiceQuota" => get(cloud, request),
        "GetAWSDefaultServiceQuota" => get_default(cloud, request),
        "ListServiceQuotas" => list(cloud, request),
        _ => Err(unknown_operation(operation)),
    }
}

fn get(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let quota = find(request)?;
    if cloud.servicequotas.unapplied.contains(quota.code) {
        return Err(no_such(quota.code));
    }
    Ok(json!({"Quota": show(cloud, quota, (quota.applied)(cloud))}))
}

fn get_default(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let quota = find(request)?;
    Ok(json!({"Quota": show(cloud, quota, (quota.default)())}))
}

fn list(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let service = required(request, "ServiceCode")?;
    let mut quotas: Vec<&Quota> = QUOTAS
        .iter()
        .filter(|quota| quota.service == service)
        .filter(|quota| !cloud.servicequotas.unapplied.contains(quota.code))
        .collect();
    if !QUOTAS.iter().any(|quota| quota.service == service) {
        return Err(no_such(service));
    }
    quotas.sort_by_key(|quota| quota.code);
    let size = page_size(request)?;
    let after = request.text("NextToken").and_then(marker::read).unwrap_or_default();
    let mut rest = quotas.into_iter().filter(|quota| *quota.code > *after).peekable();
    let shown: Vec<&Quota> = rest.by_ref().take(size).collect();
    let next = rest.peek().and(shown.last()).map(|quota| marker::write(quota.code));
    let shown: Vec<Value> =
        shown.into_iter().map(|quota| show(cloud, quota, (quota.applied)(cloud))).collect();
    Ok(json!({"Quotas": shown, "NextToken": next}))
}

fn page_size(request: Parameters<'_>) -> Result<usize, ApiError> {
    let Some(asked) = request.integer("MaxResults") else { return Ok(LARGEST_PAGE) };
    usize::try_from(asked)
        .ok()
        .filter(|size| (1..=LARGEST_PAGE).contains(size))
        .ok_or_else(|| illegal(format!("MaxResults must be between 1 and {LARGEST_PAGE}.")))
}

fn find(request: Parameters<'_>) -> Result<&'static Quota, ApiError> {
    let service = required(request, "ServiceCode")?;
    let code = required(request, "QuotaCode")?;
    let found = QUOTAS.iter().find(|quota| quota.service == service && quota.code == code);
    found.ok_or_else(|| no_such(code))
}

fn required<'a>(request: Parameters<'a>, name: &str) -> Result<&'a str, ApiError> {
    let given = request.text(name).filter(|text| !text.is_empty());
    given.ok_or_else(|| illegal(format!("{name} is required.")))
}

fn show(cloud: &Cloud, quota: &Quota, value: f64) -> Value {
    json!({
        "ServiceCode": quota.service,
        "ServiceName": quota.service_name,
        "QuotaArn": cloud.arn("servicequotas", &format!("{}/{}", quota.service, quota.code)),
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Value": value,
        "Unit": "None",
        "Adjustable": true,
        "GlobalQuota": false,
        "QuotaAppliedAtLevel": "ACCOUNT",
    })
}

fn illegal(message: String) -> ApiError {
    ApiError::new("IllegalArgumentException", message)
}

fn no_such(what: &str) -> ApiError {
    let message = format!("The request failed because the specified quota {what} does not exist.");
    ApiError::new("NoSuchResourceException", message)
}

fn number(count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "quotas are small")]
    let number = count as f64;
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud() -> Cloud {
        Cloud::new("eu-west-1", "2026-01-01T00:00:00Z".parse().unwrap(), 7)
    }

    fn ask(cloud: &mut Cloud, operation: &str, request: &Value) -> Answer {
        answer(cloud, operation, Parameters::new(request))
    }

    #[test]
    fn what_is_applied_is_what_the_room_enforces() {
        let mut cloud = cloud();
        cloud.ec2.quotas.vpcs = 12;
        let asked = json!({"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"});
        assert_eq!(ask(&mut cloud, "GetServiceQuota", &asked).unwrap()["Quota"]["Value"], 12.0);
        let default = ask(&mut cloud, "GetAWSDefaultServiceQuota", &asked).unwrap();
        assert_eq!(default["Quota"]["Value"], 5.0);
    }

    #[test]
    fn a_quota_without_an_applied_value_has_only_a_default() {
        let mut cloud = cloud();
        cloud.servicequotas.unapplied.insert("L-3032A538".to_owned());
        let asked = json!({"ServiceCode": "fargate", "QuotaCode": "L-3032A538"});
        let refused = ask(&mut cloud, "GetServiceQuota", &asked).unwrap_err();
        assert_eq!(refused.code, "NoSuchResourceException");
        assert!(ask(&mut cloud, "GetAWSDefaultServiceQuota", &asked).is_ok());
        let asked = json!({"ServiceCode": "vpc", "QuotaCode": "L-0263D0A3"});
        assert!(ask(&mut cloud, "GetServiceQuota", &asked).is_err(), "it is EC2's, not the VPC's");
    }

    #[test]
    fn lists_come_in_pages() {
        let mut cloud = cloud();
        let asked = json!({"ServiceCode": "vpc", "MaxResults": 3});
        let first = ask(&mut cloud, "ListServiceQuotas", &asked).unwrap();
        let asked = json!({"ServiceCode": "vpc", "NextToken": first["NextToken"]});
        let second = ask(&mut cloud, "ListServiceQuotas", &asked).unwrap();
        let count = |page: &Value| page["Quotas"].as_array().unwrap().len();
        assert_eq!((count(&first), count(&second)), (3, 1));
        assert_eq!(second["NextToken"], Value::Null);
    }
}
