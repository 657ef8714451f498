//! The S3 room: buckets and objects, as far as a state is kept in them.
//!
//! What is done here is seen by every later read, since S3 is strongly consistent ("Amazon S3 data
//! consistency model" in its user guide). An object's ETag is made of its content alone, as that of
//! objects that S3 encrypts with its own key is, but it is not its MD5.

mod access;
mod bucket;
mod deletion;
mod list;
mod object;
mod place;
mod range;
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

/// The id of the one version that has none of its own.
const NULL: &str = "null";

/// A version of an object, or the mark that it was deleted.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Version {
    /// [`NULL`] where the bucket kept no versions when it came.
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

/// Whether a bucket keeps what is overwritten and deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeping {
    /// It never has.
    Never,
    /// It does.
    Enabled,
    /// It has, and keeps what it has; what comes is its only version without an id.
    Suspended,
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

    /// What versioning makes of what is put here, and of what is deleted.
    fn keeping(&self) -> Keeping {
        match self.versioning.as_deref() {
            None => Keeping::Never,
            Some("Enabled") => Keeping::Enabled,
            Some(_) => Keeping::Suspended,
        }
    }

    /// Adds a version, or the mark of a deletion; gives the id that it got. Unless versions are kept
    /// it takes the place of the one that has no id of its own.
    fn add(
        &mut self,
        key: &str,
        fresh: String,
        modified: Moment,
        content: Option<Content>,
    ) -> String {
        let id = if self.keeping() == Keeping::Enabled { fresh } else { NULL.to_owned() };
        let versions = self.objects.entry(key.to_owned()).or_default();
        versions.retain(|version| version.id != id);
        versions.push(Version { id: id.clone(), modified, content });
        id
    }

    /// Takes a version away; `None` when there is none.
    fn take(&mut self, key: &str, id: &str) -> Option<Version> {
        let versions = self.objects.get_mut(key)?;
        let place = versions.iter().position(|version| version.id == id)?;
        let taken = versions.remove(place);
        if versions.is_empty() {
            self.objects.remove(key);
        }
        Some(taken)
    }

    /// What is read at a key: nothing where the last that happened was a deletion.
    fn current(&self, key: &str) -> Option<(&Version, &Content)> {
        let version = self.objects.get(key)?.last()?;
        Some((version, version.content.as_ref()?))
    }
}

/// Answers an operation.
pub fn answer(cloud: &mut Cloud, operation: &str, request: Parameters<'_>) -> Answer {
    place::check(cloud, operation, request)?;
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
        "GetObject" | "HeadObject" => object::get(cloud, request),
        "PutObject" => object::put(cloud, request),
        "DeleteObject" => deletion::one(cloud, request),
        "DeleteObjects" => deletion::many(cloud, request),
        "ListObjectsV2" => list::objects(cloud, request),
        "ListObjectVersions" => versions::list(cloud, request),
        _ => Err(unknown_operation(operation)),
    }
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

fn invalid_argument(argument: &str, value: &str, message: &str) -> ApiError {
    let error = ApiError::new("InvalidArgument", message);
    error.with("ArgumentName", argument).with("ArgumentValue", value)
}

fn no_such_bucket() -> ApiError {
    ApiError::new("NoSuchBucket", "The specified bucket does not exist").with_status(404)
}
