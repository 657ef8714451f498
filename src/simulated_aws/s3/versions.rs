//! Lists of all versions, the newest of each key first (`ListObjectVersions` in the API reference).

use serde_json::{Value, json};

use super::list::{page_size, size};
use super::{Version, name, xml_date};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, Parameters};

/// All versions of the keys with a prefix. A page holds whole keys, as many as begin within the
/// first thousand entries.
pub(super) fn list(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let bucket = cloud.s3.bucket(name(request))?;
    let prefix = request.text("Prefix").unwrap_or_default();
    let marker = request.text("KeyMarker");
    let most = page_size(request)?;
    let keys = bucket.objects.iter().filter(|(key, _)| key.starts_with(prefix));
    let mut keys = keys.filter(|(key, _)| marker.is_none_or(|marker| key.as_str() > marker));
    let (mut versions, mut marks, mut last) = (Vec::new(), Vec::new(), None);
    while versions.len() + marks.len() < most {
        let Some((key, all)) = keys.next() else { break };
        for (place, version) in all.iter().rev().enumerate() {
            let of_its_kind = if version.content.is_some() { &mut versions } else { &mut marks };
            of_its_kind.push(described(cloud, key, version, place == 0));
        }
        last = Some(key);
    }
    let is_truncated = most > 0 && keys.next().is_some();
    Ok(json!({
        "Name": name(request), "Prefix": prefix, "KeyMarker": marker, "MaxKeys": most,
        "IsTruncated": is_truncated, "NextKeyMarker": last.filter(|_| is_truncated),
        "Version": versions, "DeleteMarker": marks,
    }))
}

fn described(cloud: &Cloud, key: &str, version: &Version, is_latest: bool) -> Value {
    let content = version.content.as_ref();
    json!({
        "Key": key,
        "VersionId": version.id,
        "IsLatest": is_latest,
        "LastModified": xml_date(cloud, version.modified),
        "ETag": content.map(|content| &content.etag),
        "Size": content.map(|content| size(&content.body)),
    })
}
