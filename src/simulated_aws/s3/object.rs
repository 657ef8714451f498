//! Objects: put and read, under conditions ("Add preconditions to S3 operations with conditional
//! requests" in the user guide of S3).

use serde_json::{Value, json};

use super::{
    Bucket, Content, Encryption, Keeping, NULL, Version, etag, http_date, invalid_argument, name,
    range,
};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// Reads an object: its current version, or the one that is asked for.
pub(super) fn get(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    // It would be all of a small object, and is asked for where objects were put in parts.
    if request.has("PartNumber") {
        return Err(not_implemented("partNumber"));
    }
    let bucket = cloud.s3.bucket(name(request))?;
    let (version, content) = asked_for(cloud, bucket, request)?;
    if request.text("IfMatch").is_some_and(|wanted| !is_met(wanted, &content.etag)) {
        return Err(failed("If-Match"));
    }
    if request.text("IfNoneMatch").is_some_and(|known| is_met(known, &content.etag)) {
        return Err(ApiError::new("NotModified", "Not Modified").with_status(304));
    }
    let mut output = described(content);
    output["VersionId"] = json!((bucket.keeping() != Keeping::Never).then_some(&version.id));
    output["LastModified"] = http_date(cloud, version.modified).into();
    output["Date"] = http_date(cloud, cloud.now).into();
    output["ContentType"] = content.media_type.as_deref().unwrap_or("binary/octet-stream").into();
    output["Metadata"] = content.metadata.clone();
    if request.text("ChecksumMode") == Some("ENABLED") {
        output["ChecksumCRC32"] = json!(content.checksum);
    }
    range::cut(output, &content.body, request)
}

/// The version that a request reads. Where the current one is the mark of a deletion there is nothing
/// to read, and a mark that is asked for by its id can only be deleted ("Working with delete markers"
/// in the user guide of S3).
fn asked_for<'a>(
    cloud: &Cloud,
    bucket: &'a Bucket,
    request: Parameters<'_>,
) -> Result<(&'a Version, &'a Content), ApiError> {
    let versions = bucket.objects.get(key(request)).map_or(&[][..], Vec::as_slice);
    let id = version_id(bucket, request)?;
    let version = match id {
        None => versions.last().ok_or_else(no_such_key)?,
        Some(id) => versions.iter().find(|version| version.id == id).ok_or_else(no_such_version)?,
    };
    let content = version.content.as_ref().ok_or_else(|| {
        let error = match id {
            None => no_such_key(),
            Some(_) => ApiError::new(
                "MethodNotAllowed",
                "The specified method is not allowed against this resource.",
            )
            .with_status(405)
            .with("Allow", "DELETE")
            .with("LastModified", http_date(cloud, version.modified)),
        };
        error.with("DeleteMarker", true).with("VersionId", version.id.as_str())
    })?;
    Ok((version, content))
}

/// The version that a request names; only that without an id where none were ever kept.
pub(super) fn version_id<'a>(
    bucket: &Bucket,
    request: Parameters<'a>,
) -> Result<Option<&'a str>, ApiError> {
    match request.text("VersionId") {
        Some("") => Err(invalid_argument("versionId", "", "Version id cannot be the empty string")),
        Some(id) if bucket.keeping() == Keeping::Never && id != NULL => {
            Err(invalid_argument("versionId", id, "Invalid version id specified"))
        }
        id => Ok(id),
    }
}

/// Puts an object. `If-None-Match: *` asks that there is none, a deleted one being none; `If-Match`
/// that there is one, and the one that is known.
pub(super) fn put(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let now = cloud.now;
    let fresh = cloud.fresh_hex(32);
    let date = http_date(cloud, now);
    let bucket = cloud.s3.bucket_mut(name(request))?;
    let current = bucket.current(key(request)).map(|(_, content)| content.etag.as_str());
    match (request.text("IfNoneMatch"), request.text("IfMatch"), current) {
        (Some("*"), _, Some(_)) => return Err(failed("If-None-Match")),
        (Some("*"), _, None) => {}
        (Some(_), ..) => return Err(not_implemented("If-None-Match")),
        (None, Some(_), None) => return Err(no_such_key()),
        (None, Some(wanted), Some(found)) if !is_met(wanted, found) => {
            return Err(failed("If-Match"));
        }
        _ => {}
    }
    let body = request.value("Body").cloned().unwrap_or_default();
    let content = Content {
        etag: etag(&body),
        body,
        checksum: request.text("ChecksumCRC32").map(str::to_owned),
        media_type: request.text("ContentType").map(str::to_owned),
        metadata: request.value("Metadata").cloned().unwrap_or_default(),
        encryption: encryption(request, &bucket.encryption),
    };
    let mut output = described(&content);
    output["ChecksumCRC32"] = json!(content.checksum);
    output["Date"] = date.into();
    if bucket.keeping() == Keeping::Enabled {
        output["VersionId"] = fresh.as_str().into();
    }
    bucket.add(key(request), fresh, now, Some(content));
    Ok(output)
}

/// Whether an ETag is the one that a condition names, with its quotes or without, or any will do.
pub(super) fn is_met(condition: &str, etag: &str) -> bool {
    condition == "*" || condition.trim_matches('"') == etag.trim_matches('"')
}

fn described(content: &Content) -> Value {
    let Encryption { algorithm, key } = &content.encryption;
    json!({
        "ETag": content.etag,
        "ServerSideEncryption": algorithm,
        "SSEKMSKeyId": key,
    })
}

fn encryption(request: Parameters<'_>, default: &Encryption) -> Encryption {
    match request.text("ServerSideEncryption") {
        Some(algorithm) => Encryption {
            algorithm: algorithm.to_owned(),
            key: request.text("SSEKMSKeyId").map(str::to_owned),
        },
        None => default.clone(),
    }
}

pub(super) fn key(request: Parameters<'_>) -> &str {
    request.text("Key").unwrap_or_default()
}

pub(super) fn no_such_key() -> ApiError {
    ApiError::new("NoSuchKey", "The specified key does not exist.").with_status(404)
}

pub(super) fn no_such_version() -> ApiError {
    ApiError::new("NoSuchVersion", "The specified version does not exist.").with_status(404)
}

pub(super) fn failed(condition: &str) -> ApiError {
    let message =
        format!("At least one of the pre-conditions you specified did not hold ({condition})");
    ApiError::new("PreconditionFailed", message).with_status(412)
}

pub(super) fn not_implemented(header: &str) -> ApiError {
    let message = "A header you provided implies functionality that is not implemented";
    ApiError::new("NotImplemented", format!("{message} ({header})")).with_status(501)
}
