//! Objects deleted: for good, or behind a mark that they are ("Deleting object versions from a
//! versioning-enabled bucket" and "… from versioning-suspended buckets" in the user guide of S3).

use serde_json::{Value, json};

use super::object::{failed, is_met, key, no_such_key, not_implemented, version_id};
use super::{Keeping, name};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// Deletes an object, or the version that is named. What is not there is deleted, too.
pub(super) fn one(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let bucket = cloud.s3.bucket(name(request))?;
    let id = version_id(bucket, request)?;
    let current = bucket.current(key(request)).map(|(_, content)| content.etag.as_str());
    match (request.text("IfMatch"), current) {
        // A condition is about the current version alone.
        (Some(_), _) if id.is_some() => return Err(not_implemented("If-Match")),
        (Some(_), None) => return Err(no_such_key()),
        (Some(wanted), Some(found)) if !is_met(wanted, found) => return Err(failed("If-Match")),
        _ => {}
    }
    match id {
        Some(id) => remove(cloud, request, id),
        None => hide(cloud, request),
    }
}

/// Deletes up to a thousand objects; says of each what came of it.
pub(super) fn many(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
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
        let request = json!({
            "Bucket": name(request), "Key": object["Key"],
            "VersionId": object["VersionId"], "IfMatch": object["ETag"],
        });
        match one(cloud, Parameters::new(&request)) {
            Ok(_) if is_quiet => {}
            Ok(output) => deleted.push(reported(object, &output)),
            Err(error) => errors.push(json!({
                "Key": object["Key"], "VersionId": object["VersionId"],
                "Code": error.code, "Message": error.message,
            })),
        }
    }
    Ok(json!({"Deleted": deleted, "Error": errors}))
}

/// A mark's id is told apart from the version that was named (`DeletedObject` in the API reference).
fn reported(object: &Value, output: &Value) -> Value {
    let is_mark = output["DeleteMarker"] == true;
    json!({
        "Key": object["Key"], "VersionId": object["VersionId"],
        "DeleteMarker": output["DeleteMarker"],
        "DeleteMarkerVersionId": is_mark.then_some(&output["VersionId"]),
    })
}

/// Takes a version away for good: what was before it is current again.
fn remove(cloud: &mut Cloud, request: Parameters<'_>, id: &str) -> Answer {
    let bucket = cloud.s3.bucket_mut(name(request))?;
    let found = bucket.take(key(request), id);
    let is_mark = found.is_some_and(|version| version.content.is_none());
    Ok(json!({"VersionId": id, "DeleteMarker": is_mark.then_some(true)}))
}

/// Has a mark stand for a deletion where versions are kept, or were: also of what is not there.
fn hide(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let now = cloud.now;
    let fresh = cloud.fresh_hex(32);
    let bucket = cloud.s3.bucket_mut(name(request))?;
    if bucket.keeping() == Keeping::Never {
        bucket.objects.remove(key(request));
        return Ok(json!({}));
    }
    let id = bucket.add(key(request), fresh, now, None);
    Ok(json!({"VersionId": id, "DeleteMarker": true}))
}
