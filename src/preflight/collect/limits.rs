//! How much the account may have: the applied quota, or AWS's default where none is applied.

use super::super::evidence::{Limit, Seen, Source};
use super::super::quota::{Quota, Scarce};
use super::seen;
use crate::aws::{Aws, AwsError, Operation};

const APPLIED: Operation = Operation::new("servicequotas:GetServiceQuota");
const DEFAULT: Operation = Operation::new("servicequotas:GetAWSDefaultServiceQuota");

/// AWS has no applied value for every quota: some services tell it the default alone.
const NOT_APPLIED: &str = "NoSuchResourceException";

pub(super) async fn of(aws: &Aws, scarce: Scarce) -> Seen<Limit> {
    seen(APPLIED.name, ask(aws, scarce.quota())).await
}

async fn ask(aws: &Aws, quota: Quota) -> Result<Limit, AwsError> {
    match applied(aws, quota).await {
        Err(error) if error.has_code(NOT_APPLIED) => default(aws, quota).await,
        other => other,
    }
}

async fn applied(aws: &Aws, quota: Quota) -> Result<Limit, AwsError> {
    let request = aws.service_quotas().get_service_quota();
    let request = request.service_code(quota.service).quota_code(quota.code);
    let output = aws.call(APPLIED, || request.clone().send()).await?;
    let value = output.quota.and_then(|quota| quota.value);
    let value = value.ok_or_else(|| AwsError::incomplete(APPLIED, "Value"))?;
    Ok(Limit { value, source: Source::Applied })
}

async fn default(aws: &Aws, quota: Quota) -> Result<Limit, AwsError> {
    let request = aws.service_quotas().get_aws_default_service_quota();
    let request = request.service_code(quota.service).quota_code(quota.code);
    let output = aws.call(DEFAULT, || request.clone().send()).await?;
    let value = output.quota.and_then(|quota| quota.value);
    let value = value.ok_or_else(|| AwsError::incomplete(DEFAULT, "Value"))?;
    Ok(Limit { value, source: Source::Default })
}
