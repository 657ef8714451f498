//! The managed policies that AWS itself offers: those that stacks of this kind attach.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::simulated_aws::cloud::Cloud;

/// A policy managed by AWS.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Managed {
    /// With both slashes.
    pub path: &'static str,
    pub name: &'static str,
}

const PLAIN: &str = "/";
const SERVICE_ROLE: &str = "/service-role/";

const KNOWN: &[Managed] = &[
    Managed { path: SERVICE_ROLE, name: "AmazonECSTaskExecutionRolePolicy" },
    Managed { path: SERVICE_ROLE, name: "AmazonEC2ContainerServiceAutoscaleRole" },
    Managed { path: SERVICE_ROLE, name: "AmazonECSInfrastructureRolePolicyForVolumes" },
    Managed { path: PLAIN, name: "AWSXRayDaemonWriteAccess" },
    Managed { path: PLAIN, name: "AdministratorAccess" },
    Managed { path: PLAIN, name: "AmazonBedrockFullAccess" },
    Managed { path: PLAIN, name: "AmazonBedrockReadOnly" },
    Managed { path: PLAIN, name: "AmazonDynamoDBFullAccess" },
    Managed { path: PLAIN, name: "AmazonDynamoDBReadOnlyAccess" },
    Managed { path: PLAIN, name: "AmazonEC2ContainerRegistryReadOnly" },
    Managed { path: PLAIN, name: "AmazonRDSFullAccess" },
    Managed { path: PLAIN, name: "AmazonRDSReadOnlyAccess" },
    Managed { path: PLAIN, name: "AmazonS3FullAccess" },
    Managed { path: PLAIN, name: "AmazonS3ReadOnlyAccess" },
    Managed { path: PLAIN, name: "AmazonSNSFullAccess" },
    Managed { path: PLAIN, name: "AmazonSQSFullAccess" },
    Managed { path: PLAIN, name: "AmazonSQSReadOnlyAccess" },
    Managed { path: PLAIN, name: "AmazonSSMManagedInstanceCore" },
    Managed { path: PLAIN, name: "AmazonSSMReadOnlyAccess" },
    Managed { path: PLAIN, name: "CloudWatchAgentServerPolicy" },
    Managed { path: PLAIN, name: "CloudWatchFullAccess" },
    Managed { path: PLAIN, name: "CloudWatchLogsFullAccess" },
    Managed { path: PLAIN, name: "CloudWatchReadOnlyAccess" },
    Managed { path: PLAIN, name: "PowerUserAccess" },
    Managed { path: PLAIN, name: "ReadOnlyAccess" },
    Managed { path: PLAIN, name: "SecretsManagerReadWrite" },
    Managed { path: PLAIN, name: "SecurityAudit" },
    Managed { path: PLAIN, name: "ViewOnlyAccess" },
];

/// The policy with this ARN in the cloud's partition.
pub(super) fn find(cloud: &Cloud, arn: &str) -> Option<&'static Managed> {
    let resource = arn.strip_prefix(&format!("arn:{}:iam::aws:policy", cloud.partition()))?;
    KNOWN.iter().find(|policy| resource.strip_prefix(policy.path) == Some(policy.name))
}

/// The policy's unique id: made up, but the same in every cloud, as the real ones are.
pub(super) fn id(policy: &Managed) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digest = Sha256::digest(policy.name);
    let letters = digest.iter().take(17).map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    "ANPA".chars().chain(letters).collect()
}

/// The name of a policy: what follows the last slash of its ARN.
pub(super) fn name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// What a policy says of what roles are asked for here: to start tasks, to pass roles on, and to read
/// secrets and parameters (AWS Managed Policy Reference Guide, by name).
pub(super) fn statements(arn: &str) -> Value {
    let allow = |actions: Value| json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    match name(arn) {
        "AdministratorAccess" => allow(json!("*")),
        "PowerUserAccess" => json!({
            "Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"],
            "Resource": "*",
        }),
        "AmazonSSMManagedInstanceCore" => allow(json!(["ssm:GetParameter", "ssm:GetParameters"])),
        "AmazonSSMReadOnlyAccess" | "ReadOnlyAccess" => allow(json!("ssm:Get*")),
        "SecretsManagerReadWrite" => allow(json!("secretsmanager:*")),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_found_by_its_whole_arn_only() {
        let cloud = Cloud::new("eu-west-1", "2026-01-01T00:00:00Z".parse().unwrap(), 7);
        let execution = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";
        assert!(find(&cloud, execution).is_some());
        assert!(find(&cloud, "arn:aws:iam::aws:policy/AmazonECSTaskExecutionRolePolicy").is_none());
        assert!(find(&cloud, "arn:aws-cn:iam::aws:policy/ReadOnlyAccess").is_none());
        assert!(find(&cloud, "arn:aws:iam::123456789012:policy/ReadOnlyAccess").is_none());
    }
}
