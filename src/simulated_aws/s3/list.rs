//! Lists of objects, in the order of their keys' bytes (`ListObjectsV2` in the API reference).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Bucket, invalid_argument, name, xml_date};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::marker;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// The longest page.
const LONGEST: usize = 1000;

/// What stands in a list: an object, or what several begin with.
enum Entry<'a> {
    Object(&'a str),
    Common(String),
}

impl Entry<'_> {
    /// Behind which the list goes on.
    fn key(&self) -> &str {
        match self {
            Self::Object(key) => key,
            Self::Common(prefix) => prefix,
        }
    }
}

pub(super) fn objects(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let bucket = cloud.s3.bucket(name(request))?;
    let size = page_size(request)?;
    let token = request.text("ContinuationToken");
    let after = match token {
        Some(token) => Some(marker::read(token).ok_or_else(wrong_token)?),
        None => request.text("StartAfter").map(str::to_owned),
    };
    let prefix = request.text("Prefix").unwrap_or_default();
    let mut entries = entries(bucket, prefix, request.text("Delimiter").unwrap_or_default());
    entries.retain(|entry| after.as_deref().is_none_or(|after| entry.key() > after));
    // A page of none is all that there is to it.
    let is_truncated = size > 0 && entries.len() > size;
    entries.truncate(size);
    let next = entries.last().filter(|_| is_truncated).map(|entry| marker::write(entry.key()));
    let (mut contents, mut common) = (Vec::new(), Vec::new());
    for entry in &entries {
        match entry {
            Entry::Object(key) => contents.extend(described(cloud, bucket, key)),
            Entry::Common(prefix) => common.push(json!({"Prefix": prefix})),
        }
    }
    Ok(json!({
        "Name": name(request), "Prefix": prefix, "Delimiter": request.text("Delimiter"),
        "MaxKeys": size, "KeyCount": entries.len(), "IsTruncated": is_truncated,
        "ContinuationToken": token, "NextContinuationToken": next,
        "Contents": contents, "CommonPrefixes": common,
    }))
}

/// How many entries a page may have.
pub(super) fn page_size(request: Parameters<'_>) -> Result<usize, ApiError> {
    let Some(asked) = request.text("MaxKeys").filter(|asked| !asked.is_empty()) else {
        return Ok(LONGEST);
    };
    let refused = |message| invalid_argument("max-keys", asked, message);
    let message = "Provided max-keys not an integer or within integer range";
    let number: i32 = asked.parse().map_err(|_| refused(message))?;
    let message = "Argument maxKeys must be an integer between 0 and 2147483647";
    let size = usize::try_from(number).map_err(|_| refused(message))?;
    Ok(size.min(LONGEST))
}

fn entries<'a>(bucket: &'a Bucket, prefix: &str, delimiter: &str) -> Vec<Entry<'a>> {
    let mut told = BTreeSet::new();
    let keys = bucket.objects.keys().filter(|key| bucket.current(key).is_some());
    let keys = keys.filter(|key| key.starts_with(prefix));
    let entries = keys.filter_map(|key| {
        let rest = &key[prefix.len()..];
        match rest.find(delimiter).filter(|_| !delimiter.is_empty()) {
            None => Some(Entry::Object(key)),
            Some(end) => {
                let common = format!("{prefix}{}", &rest[..end + delimiter.len()]);
                told.insert(common.clone()).then_some(Entry::Common(common))
            }
        }
    });
    entries.collect()
}

fn described(cloud: &Cloud, bucket: &Bucket, key: &str) -> Option<Value> {
    let (version, content) = bucket.current(key)?;
    Some(json!({
        "Key": key,
        "LastModified": xml_date(cloud, version.modified),
        "ETag": content.etag,
        "Size": size(&content.body),
        "StorageClass": "STANDARD",
    }))
}

/// How many bytes a body has.
pub(super) fn size(body: &Value) -> usize {
    body["Hex"].as_str().map_or_else(|| body.as_str().map_or(0, str::len), |hex| hex.len() / 2)
}

fn wrong_token() -> ApiError {
    ApiError::new("InvalidArgument", "The continuation token provided is incorrect")
}
