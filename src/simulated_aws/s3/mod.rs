//! The S3 room: buckets and objects, as far as a state is kept in them.
//!
//! What is done here is seen by every later read, since S3 is strongly consistent ("Amazon S3 data
//! consistency model" in its user guide). An object's ETag is made of its content alone, as that of
//! objects that S3 encrypts with its own key is, but it is not its MD5.

mod access;
mod bucket;
mod list;
mod object;
#[cfg(test)]
mod tests;
mod versions;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::clock::Moment;
use super::cloud::Cloud;
use super::endpoint::unknown_operation;
use super::wire::{Answer, ApiError, Parameters, hex};

/// What the account holds in S3.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct S3 {
    /// By name.
    buckets: BTreeMap<String, Bucket>,
}

/// A bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Bucket {
    created: Moment,
    /// `Enabled` or `Suspended`; absent where it never was.
    versioning: Option<String>,
    /// What is kept from the public; absent where somebody took it away.
    block: Option<access::Block>,
    /// A policy as it was put.
    policy: Option<String>,
    encryption: Encryption,
    /// By key: all versions, the current one last.
    objects: BTreeMap<String, Vec<Version>>,
}

/// How a bucket's objects are encrypted unless a request says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Encryption {
    /// `AES256` or `aws:kms`.
    algorithm: String,
    key: Option<String>,
}

impl Default for Encryption {
    /// With S3's own key, as every bucket since January 2023.
    fn default() -> Self {
        Self { algorithm: "AES256".into(), key: None }
    }
}

/// A version of an object, or the mark that it was deleted.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Version {
    /// `null` where the bucket keeps no versions.
    id: String,
    modified: Moment,
    /// Absent for the mark that the object was deleted.
    content: Option<Content>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Content {
    /// Text, or `{"Hex": "…"}`.
    body: Value,
    etag: String,
    checksum: Option<String>,
    media_type: Option<String>,
    metadata: Value,
    encryption: Encryption,
}

impl S3 {
    fn bucket(&self, name: &str) -> Result<&Bucket, ApiError> {
        self.buckets.get(name).ok_or_else(no_such_bucket)
    }

    fn bucket_mut(&mut self, name: &str) -> Result<&mut Bucket, ApiError> {
        self.buckets.get_mut(name).ok_or_else(no_such_bucket)
    }

    /// Makes a bucket, as one that was always there: private, and keeping versions.
    pub fn furnish(&mut self, name: &str) {
        let versioning = Some("Enabled".to_owned());
        let bucket = Bucket { versioning, ..Bucket::new(Moment::default()) };
        self.buckets.insert(name.to_owned(), bucket);
    }

    /// The current objects of a bucket that are text, by key: for looking at what was written.
    #[must_use]
    pub fn texts(&self, bucket: &str) -> BTreeMap<String, String> {
        let objects = self.buckets.get(bucket).into_iter().flat_map(|bucket| &bucket.objects);
        let texts = objects.filter_map(|(key, versions)| {
            let content = versions.last()?.content.as_ref()?;
            Some((key.clone(), content.body.as_str()?.to_owned()))
        });
        texts.collect()
    }
}

impl Bucket {
    /// A bucket as it is made since April 2023: nothing of it can be made public.
    fn new(created: Moment) -> Self {
        Self {
            created,
            versioning: None,
            block: Some(access::Block::all()),
            policy: None,
            encryption: Encryption::default(),
            objects: BTreeMap::new(),
        }
    }

    /// What is read at a key: nothing where the last that happened was a deletion.
    fn current(&self, key: &str) -> Option<(&Version, &Content)> {
        let version = self.objects.get(key)?.last()?;
        Some((version, version.content.as_ref()?))
    }
}

/// Answers an operation.
pub fn answer(cloud: &mut Cloud, operation: &str, request: Parameters<'_>) -> Answer {
    check_region(cloud, operation, request)?;
    match operation {
        "CreateBucket" => bucket::create(cloud, request),
        "DeleteBucket" => bucket::delete(cloud, request),
        "HeadBucket" => bucket::head(cloud, request),
        "ListBuckets" => Ok(bucket::list(cloud)),
        "GetBucketLocation" => bucket::location(cloud, request),
        "GetBucketVersioning" => bucket::versioning(cloud, request),
        "PutBucketVersioning" => bucket::put_versioning(cloud, request),
        "GetBucketEncryption" => bucket::encryption(cloud, request),
        "PutBucketEncryption" => bucket::put_encryption(cloud, request),
        "GetPublicAccessBlock" => access::block(cloud, request),
        "PutPublicAccessBlock" => access::put_block(cloud, request),
        "DeletePublicAccessBlock" => access::delete_block(cloud, request),
        "GetBucketPolicy" => access::policy(cloud, request),
        "PutBucketPolicy" => access::put_policy(cloud, request),
        "DeleteBucketPolicy" => access::delete_policy(cloud, request),
        "GetBucketPolicyStatus" => access::policy_status(cloud, request),
        "GetObject" | "HeadObject" => object::get(cloud, operation, request),
        "PutObject" => object::put(cloud, request),
        "DeleteObject" => object::delete(cloud, request),
        "DeleteObjects" => object::delete_many(cloud, request),
        "ListObjectsV2" => list::objects(cloud, request),
        "ListObjectVersions" => versions::list(cloud, request),
        _ => Err(unknown_operation(operation).with_status(501)),
    }
}

/// A request is signed for the region that the bucket is in, but for those that ask where it is.
fn check_region(cloud: &Cloud, operation: &str, request: Parameters<'_>) -> Result<(), ApiError> {
    let signed = request.text("Region").unwrap_or(&cloud.region);
    if signed == cloud.region || matches!(operation, "GetBucketLocation" | "ListBuckets") {
        return Ok(());
    }
    let message = format!(
        "The authorization header is malformed; the region '{signed}' is wrong; expecting '{}'",
        cloud.region
    );
    Err(ApiError::new("AuthorizationHeaderMalformed", message))
}

fn name(request: Parameters<'_>) -> &str {
    request.text("Bucket").unwrap_or_default()
}

/// What a content's ETag is, within its quotes.
fn etag(body: &Value) -> String {
    let digest = hex::write(&Sha256::digest(body.to_string().as_bytes()));
    format!("\"{}\"", digest.get(..32).unwrap_or_default())
}

/// A moment as HTTP writes it, to the second: `Thu, 01 Jan 2026 00:00:00 GMT`.
fn http_date(cloud: &Cloud, moment: Moment) -> String {
    cloud.timestamp(moment).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A moment as S3 writes it in XML.
fn xml_date(cloud: &Cloud, moment: Moment) -> String {
    cloud.timestamp(moment).strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

fn no_such_bucket() -> ApiError {
    ApiError::new("NoSuchBucket", "The specified bucket does not exist").with_status(404)
}
