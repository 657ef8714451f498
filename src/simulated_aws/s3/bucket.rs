//! Buckets as a whole: made, looked at, emptied and deleted, and what is set for them.

use serde_json::{Value, json};

use super::{Bucket, Encryption, name, xml_date};
use crate::simulated_aws::cloud::{ACCOUNT, Cloud};
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// A bucket that the account has already is an error, except in us-east-1, which says that it was
/// made (`CreateBucket` in the API reference).
pub(super) fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let bucket = name(request);
    let constraint = request.structure("Document").text("LocationConstraint").map(str::to_owned);
    let wanted = constraint.unwrap_or_else(|| "us-east-1".into());
    if wanted != cloud.region {
        let message = "The unspecified location constraint is incompatible for the region specific \
                       endpoint this request was sent to.";
        return Err(ApiError::new("IllegalLocationConstraintException", message));
    }
    if cloud.s3.buckets.contains_key(bucket) && cloud.region != "us-east-1" {
        let message = "Your previous request to create the named bucket succeeded and you already \
                       own it.";
        return Err(ApiError::new("BucketAlreadyOwnedByYou", message).with_status(409));
    }
    let now = cloud.now;
    cloud.s3.buckets.entry(bucket.to_owned()).or_insert_with(|| Bucket::new(now));
    Ok(json!({"Location": format!("/{bucket}")}))
}

/// Only an empty bucket goes, and old versions count.
pub(super) fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    if !cloud.s3.bucket(name(request))?.objects.is_empty() {
        let message = "The bucket you tried to delete is not empty";
        return Err(ApiError::new("BucketNotEmpty", message).with_status(409));
    }
    cloud.s3.buckets.remove(name(request));
    Ok(Value::Null)
}

pub(super) fn head(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    cloud.s3.bucket(name(request))?;
    Ok(json!({"BucketRegion": cloud.region}))
}

pub(super) fn list(cloud: &Cloud) -> Value {
    let buckets = cloud.s3.buckets.iter();
    let buckets: Vec<Value> = buckets
        .map(
            |(name, bucket)| json!({"Name": name, "CreationDate": xml_date(cloud, bucket.created)}),
        )
        .collect();
    json!({"Owner": {"ID": ACCOUNT}, "Buckets": {"Bucket": buckets}})
}

/// The oldest region is written as nothing.
pub(super) fn location(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    cloud.s3.bucket(name(request))?;
    let region = cloud.region.as_str();
    Ok(if region == "us-east-1" { Value::Null } else { region.into() })
}

/// Where versions were never kept, nothing is said.
pub(super) fn versioning(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    Ok(json!({"Status": cloud.s3.bucket(name(request))?.versioning}))
}

/// Once kept, versions can only be kept no more.
pub(super) fn put_versioning(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let bucket = cloud.s3.bucket_mut(name(request))?;
    let status = request.structure("Document").text("Status");
    let Some(status @ ("Enabled" | "Suspended")) = status else {
        let message = "The Versioning element must be specified";
        return Err(ApiError::new("IllegalVersioningConfigurationException", message));
    };
    bucket.versioning = Some(status.to_owned());
    Ok(Value::Null)
}

pub(super) fn encryption(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let Encryption { algorithm, key } = &cloud.s3.bucket(name(request))?.encryption;
    Ok(json!({"Rule": [{
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm, "KMSMasterKeyID": key},
        "BucketKeyEnabled": false,
    }]}))
}

pub(super) fn put_encryption(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let bucket = cloud.s3.bucket_mut(name(request))?;
    let rule = request.structure("Document").structure("Rule");
    let rule = rule.structure("ApplyServerSideEncryptionByDefault");
    bucket.encryption = Encryption {
        algorithm: rule.text("SSEAlgorithm").unwrap_or("AES256").to_owned(),
        key: rule.text("KMSMasterKeyID").map(str::to_owned),
    };
    Ok(Value::Null)
}
