//! Objects: put, read and deleted, under conditions ("Add preconditions to S3 operations with
//! conditional requests" in the user guide of S3).

use serde_json::{Value, json};

use super::{Content, Encryption, Version, etag, http_date, name};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// Reads an object: its current version, or the one that is asked for.
pub(super) fn get(cloud: &Cloud, operation: &str, request: Parameters<'_>) -> Answer {
    let bucket = cloud.s3.bucket(name(request))?;
    let (version, content) = match request.text("VersionId") {
        None => bucket.current(key(request)).ok_or_else(no_such_key)?,
        Some(id) => {
            let versions = bucket.objects.get(key(request)).into_iter().flatten();
            let found = versions.into_iter().find(|version| version.id == id);
            found.and_then(|version| Some((version, version.content.as_ref()?))).ok_or_else(
                || {
                    ApiError::new("NoSuchVersion", "The specified version does not exist.")
                        .with_status(404)
                },
            )?
        }
    };
    if request.text("IfMatch").is_some_and(|wanted| wanted != content.etag) {
        return Err(failed("If-Match"));
    }
    if request.text("IfNoneMatch").is_some_and(|known| known == content.etag) {
        return Err(ApiError::new("NotModified", "Not Modified").with_status(304));
    }
    let mut output = described(version, content);
    output["LastModified"] = http_date(cloud, version.modified).into();
    output["Date"] = http_date(cloud, cloud.now).into();
    output["ContentType"] = content.media_type.as_deref().unwrap_or("binary/octet-stream").into();
    output["Metadata"] = content.metadata.clone();
    if request.text("ChecksumMode") == Some("ENABLED") {
        output["ChecksumCRC32"] = json!(content.checksum);
    }
    if operation == "GetObject" {
        output["Body"] = content.body.clone();
    }
    Ok(output)
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
        (None, Some(wanted), Some(found)) if wanted != found => return Err(failed("If-Match")),
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
    let is_versioned = bucket.versioning.as_deref() == Some("Enabled");
    let id = if is_versioned { fresh } else { "null".into() };
    let versions = bucket.objects.entry(key(request).to_owned()).or_default();
    versions.retain(|version| version.id != id);
    let version = Version { id, modified: now, content: Some(content.clone()) };
    let mut output = described(&version, &content);
    output["ChecksumCRC32"] = json!(content.checksum);
    output["Date"] = date.into();
    versions.push(version);
    Ok(output)
}

/// Deletes an object: a mark says so where versions are kept. One that is not there is deleted.
pub(super) fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let bucket = cloud.s3.bucket(name(request))?;
    let current = bucket.current(key(request)).map(|(_, content)| content.etag.as_str());
    match (request.text("IfMatch"), current) {
        (Some(_), None) => return Err(no_such_key()),
        (Some(wanted), Some(found)) if wanted != found && wanted != "*" => {
            return Err(failed("If-Match"));
        }
        _ => {}
    }
    remove(cloud, name(request), key(request), request.text("VersionId"))
}

/// Deletes up to a thousand objects; says of each what came of it.
pub(super) fn delete_many(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    cloud.s3.bucket(name(request))?;
    let document = request.structure("Document");
    let objects = match document.value("Object") {
        Some(Value::Array(objects)) => objects.clone(),
        one => one.cloned().into_iter().collect(),
    };
    if objects.is_empty() || objects.len() > 1000 {
        let message = "The XML you provided was not well-formed or did not validate against our \
                       published schema";
        return Err(ApiError::new("MalformedXML", message));
    }
    let is_quiet = document.flag("Quiet").unwrap_or_default();
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for object in &objects {
        let one = json!({
            "Bucket": name(request), "Key": object["Key"],
            "VersionId": object["VersionId"], "IfMatch": object["ETag"],
        });
        match delete(cloud, Parameters::new(&one)) {
            Ok(_) if is_quiet => {}
            Ok(output) => deleted.push(json!({
                "Key": object["Key"], "VersionId": object["VersionId"],
                "DeleteMarker": output["DeleteMarker"],
            })),
            Err(error) => errors.push(json!({
                "Key": object["Key"], "Code": error.code, "Message": error.message,
            })),
        }
    }
    Ok(json!({"Deleted": deleted, "Error": errors}))
}

fn remove(cloud: &mut Cloud, bucket: &str, key: &str, version: Option<&str>) -> Answer {
    let now = cloud.now;
    let fresh = cloud.fresh_hex(32);
    let bucket = cloud.s3.bucket_mut(bucket)?;
    let Some(versions) = bucket.objects.get_mut(key) else { return Ok(json!({})) };
    let output = if let Some(id) = version {
        versions.retain(|version| version.id != id);
        json!({"VersionId": id})
    } else if bucket.versioning.as_deref() == Some("Enabled") {
        versions.push(Version { id: fresh.clone(), modified: now, content: None });
        json!({"VersionId": fresh, "DeleteMarker": true})
    } else {
        versions.retain(|version| version.id != "null");
        json!({})
    };
    if versions.is_empty() {
        bucket.objects.remove(key);
    }
    Ok(output)
}

fn described(version: &Version, content: &Content) -> Value {
    let Encryption { algorithm, key } = &content.encryption;
    json!({
        "ETag": content.etag,
        "VersionId": (version.id != "null").then_some(&version.id),
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

fn key(request: Parameters<'_>) -> &str {
    request.text("Key").unwrap_or_default()
}

pub(super) fn no_such_key() -> ApiError {
    ApiError::new("NoSuchKey", "The specified key does not exist.").with_status(404)
}

fn failed(condition: &str) -> ApiError {
    let message =
        format!("At least one of the pre-conditions you specified did not hold ({condition})");
    ApiError::new("PreconditionFailed", message).with_status(412)
}

fn not_implemented(header: &str) -> ApiError {
    let message = "A header you provided implies functionality that is not implemented";
    ApiError::new("NotImplemented", format!("{message} ({header})")).with_status(501)
}
