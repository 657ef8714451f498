//! Whether a request has come to the right place: a bucket that there may be, its region, its owner.

use super::name;
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::wire::{ApiError, Parameters};

/// What no bucket's name may begin or end with ("General purpose bucket naming rules" in the user
/// guide of S3).
const PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
const SUFFIXES: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];

/// Refuses what is meant for another place, before anything is done about it.
pub(super) fn check(
    cloud: &Cloud,
    operation: &str,
    request: Parameters<'_>,
) -> Result<(), ApiError> {
    if operation == "ListBuckets" {
        return Ok(());
    }
    if !is_name(name(request)) {
        let error = ApiError::new("InvalidBucketName", "The specified bucket is not valid.");
        return Err(error.with("BucketName", name(request)));
    }
    // It tells from everywhere where a bucket is.
    if operation != "GetBucketLocation" {
        check_region(cloud, operation, request)?;
    }
    check_owner(cloud, request)
}

/// A request is signed for the region of the endpoint that it is sent to, and that is the bucket's.
/// The endpoint for all regions is the bucket's too, and so is an address of this machine.
fn check_region(cloud: &Cloud, operation: &str, request: Parameters<'_>) -> Result<(), ApiError> {
    let endpoint = request.text("EndpointRegion").unwrap_or(&cloud.region);
    let signed = request.text("Region").unwrap_or(endpoint);
    let known = cloud.s3.buckets.contains_key(name(request));
    let region = known.then_some(cloud.region.as_str());
    if signed != endpoint {
        let message = format!(
            "The authorization header is malformed; the region '{signed}' is wrong; expecting \
             '{endpoint}'"
        );
        let error = ApiError::new("AuthorizationHeaderMalformed", message);
        return Err(error.with("Region", endpoint).with("BucketRegion", region));
    }
    if known && endpoint != cloud.region && operation != "CreateBucket" {
        return Err(redirect(name(request), &cloud.region));
    }
    Ok(())
}

/// "Request routing" in the API reference of S3.
fn redirect(bucket: &str, region: &str) -> ApiError {
    let message = "The bucket you are attempting to access must be addressed using the specified \
                   endpoint. Please send all future requests to this endpoint.";
    ApiError::new("PermanentRedirect", message)
        .with_status(301)
        .with("Endpoint", format!("{bucket}.s3.{region}.amazonaws.com"))
        .with("Bucket", bucket)
        .with("BucketRegion", region)
}

/// Who says whose the bucket is must be right ("Verifying bucket ownership with bucket owner
/// condition" in the user guide of S3).
fn check_owner(cloud: &Cloud, request: Parameters<'_>) -> Result<(), ApiError> {
    let known = cloud.s3.buckets.contains_key(name(request));
    let is_other = request.text("ExpectedBucketOwner").is_some_and(|owner| owner != ACCOUNT);
    if known && is_other {
        return Err(ApiError::new("AccessDenied", "Access Denied").with_status(403));
    }
    Ok(())
}

/// Whether a bucket may have this name.
fn is_name(name: &str) -> bool {
    let is_edge = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    let is_address = name.split('.').count() == 4
        && name.split('.').all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| is_edge(*byte) || matches!(byte, b'.' | b'-'))
        && [bytes.first(), bytes.last()].into_iter().flatten().all(|byte| is_edge(*byte))
        && !name.contains("..")
        && !is_address
        && !PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        && !SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_a_host_may_have() {
        for good in ["acme-state", "abc", "a.b.c", "1a2", &"a".repeat(63), "1.2.3.4a"] {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "ab",
            "Acme",
            "a_b",
            "-abc",
            "abc.",
            "a..b",
            "1.2.3.4",
            "xn--abc",
            "abc--x-s3",
            "aé-b",
            &"a".repeat(64),
        ] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
