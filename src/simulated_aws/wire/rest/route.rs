//! Which operation of S3 a request asks for: by its method, by whether it is about a bucket or an
//! object, and by the sub-resource that its query names (the API reference of S3, by operation).
//!
//! A sub-resource that is not told from what it belongs to would have the whole object overwritten,
//! or the whole bucket deleted: the tables hold all there are, whether they are answered or not.

use super::{ApiError, Request};

/// A method, a sub-resource, and the operation that the two ask for.
type Row = (&'static str, &'static str, &'static str);

/// The sub-resources of buckets.
const OF_BUCKETS: &[Row] = &[
    ("GET", "abac", "GetBucketAbac"),
    ("PUT", "abac", "PutBucketAbac"),
    ("GET", "accelerate", "GetBucketAccelerateConfiguration"),
    ("PUT", "accelerate", "PutBucketAccelerateConfiguration"),
    ("GET", "acl", "GetBucketAcl"),
    ("PUT", "acl", "PutBucketAcl"),
    ("DELETE", "analytics", "DeleteBucketAnalyticsConfiguration"),
    ("GET", "analytics", "GetBucketAnalyticsConfiguration"),
    ("PUT", "analytics", "PutBucketAnalyticsConfiguration"),
    ("DELETE", "cors", "DeleteBucketCors"),
    ("GET", "cors", "GetBucketCors"),
    ("PUT", "cors", "PutBucketCors"),
    ("POST", "delete", "DeleteObjects"),
    ("DELETE", "encryption", "DeleteBucketEncryption"),
    ("GET", "encryption", "GetBucketEncryption"),
    ("PUT", "encryption", "PutBucketEncryption"),
    ("DELETE", "intelligent-tiering", "DeleteBucketIntelligentTieringConfiguration"),
    ("GET", "intelligent-tiering", "GetBucketIntelligentTieringConfiguration"),
    ("PUT", "intelligent-tiering", "PutBucketIntelligentTieringConfiguration"),
    ("DELETE", "inventory", "DeleteBucketInventoryConfiguration"),
    ("GET", "inventory", "GetBucketInventoryConfiguration"),
    ("PUT", "inventory", "PutBucketInventoryConfiguration"),
    ("DELETE", "lifecycle", "DeleteBucketLifecycle"),
    ("GET", "lifecycle", "GetBucketLifecycleConfiguration"),
    ("PUT", "lifecycle", "PutBucketLifecycleConfiguration"),
    ("GET", "location", "GetBucketLocation"),
    ("GET", "logging", "GetBucketLogging"),
    ("PUT", "logging", "PutBucketLogging"),
    ("PUT", "metadataAnnotationTable", "UpdateBucketMetadataAnnotationTableConfiguration"),
    ("DELETE", "metadataConfiguration", "DeleteBucketMetadataConfiguration"),
    ("GET", "metadataConfiguration", "GetBucketMetadataConfiguration"),
    ("POST", "metadataConfiguration", "CreateBucketMetadataConfiguration"),
    ("PUT", "metadataInventoryTable", "UpdateBucketMetadataInventoryTableConfiguration"),
    ("PUT", "metadataJournalTable", "UpdateBucketMetadataJournalTableConfiguration"),
    ("DELETE", "metadataTable", "DeleteBucketMetadataTableConfiguration"),
    ("GET", "metadataTable", "GetBucketMetadataTableConfiguration"),
    ("POST", "metadataTable", "CreateBucketMetadataTableConfiguration"),
    ("DELETE", "metrics", "DeleteBucketMetricsConfiguration"),
    ("GET", "metrics", "GetBucketMetricsConfiguration"),
    ("PUT", "metrics", "PutBucketMetricsConfiguration"),
    ("GET", "notification", "GetBucketNotificationConfiguration"),
    ("PUT", "notification", "PutBucketNotificationConfiguration"),
    ("GET", "object-lock", "GetObjectLockConfiguration"),
    ("PUT", "object-lock", "PutObjectLockConfiguration"),
    ("DELETE", "ownershipControls", "DeleteBucketOwnershipControls"),
    ("GET", "ownershipControls", "GetBucketOwnershipControls"),
    ("PUT", "ownershipControls", "PutBucketOwnershipControls"),
    ("DELETE", "policy", "DeleteBucketPolicy"),
    ("GET", "policy", "GetBucketPolicy"),
    ("PUT", "policy", "PutBucketPolicy"),
    ("GET", "policyStatus", "GetBucketPolicyStatus"),
    ("DELETE", "publicAccessBlock", "DeletePublicAccessBlock"),
    ("GET", "publicAccessBlock", "GetPublicAccessBlock"),
    ("PUT", "publicAccessBlock", "PutPublicAccessBlock"),
    ("DELETE", "replication", "DeleteBucketReplication"),
    ("GET", "replication", "GetBucketReplication"),
    ("PUT", "replication", "PutBucketReplication"),
    ("GET", "requestPayment", "GetBucketRequestPayment"),
    ("PUT", "requestPayment", "PutBucketRequestPayment"),
    ("GET", "session", "CreateSession"),
    ("DELETE", "tagging", "DeleteBucketTagging"),
    ("GET", "tagging", "GetBucketTagging"),
    ("PUT", "tagging", "PutBucketTagging"),
    ("GET", "uploads", "ListMultipartUploads"),
    ("GET", "versioning", "GetBucketVersioning"),
    ("PUT", "versioning", "PutBucketVersioning"),
    ("GET", "versions", "ListObjectVersions"),
    ("DELETE", "website", "DeleteBucketWebsite"),
    ("GET", "website", "GetBucketWebsite"),
    ("PUT", "website", "PutBucketWebsite"),
];

/// The sub-resources of objects. A part by its number is read as the object is.
const OF_OBJECTS: &[Row] = &[
    ("GET", "acl", "GetObjectAcl"),
    ("PUT", "acl", "PutObjectAcl"),
    ("DELETE", "annotation", "DeleteObjectAnnotation"),
    ("GET", "annotation", "GetObjectAnnotation"),
    ("PUT", "annotation", "PutObjectAnnotation"),
    ("GET", "attributes", "GetObjectAttributes"),
    ("PUT", "encryption", "UpdateObjectEncryption"),
    ("GET", "legal-hold", "GetObjectLegalHold"),
    ("PUT", "legal-hold", "PutObjectLegalHold"),
    ("PUT", "renameObject", "RenameObject"),
    ("POST", "restore", "RestoreObject"),
    ("GET", "retention", "GetObjectRetention"),
    ("PUT", "retention", "PutObjectRetention"),
    ("POST", "select", "SelectObjectContent"),
    ("DELETE", "tagging", "DeleteObjectTagging"),
    ("GET", "tagging", "GetObjectTagging"),
    ("PUT", "tagging", "PutObjectTagging"),
    ("GET", "torrent", "GetObjectTorrent"),
    ("DELETE", "uploadId", "AbortMultipartUpload"),
    ("GET", "uploadId", "ListParts"),
    ("POST", "uploadId", "CompleteMultipartUpload"),
    ("PUT", "uploadId", "UploadPart"),
    ("POST", "uploads", "CreateMultipartUpload"),
    ("GET", "partNumber", "GetObject"),
    ("HEAD", "partNumber", "HeadObject"),
    ("PUT", "partNumber", "UploadPart"),
];

/// The header that has an object copied instead of put.
const SOURCE: &str = "x-amz-copy-source";

/// The operation that a request asks for, of the service, a bucket or an object.
///
/// # Errors
///
/// `MethodNotAllowed` for a method that asks nothing of it.
pub(super) fn operation(
    request: &Request,
    bucket: &str,
    key: &str,
) -> Result<&'static str, ApiError> {
    let query = request.query();
    let method = request.method.as_str();
    let table = if key.is_empty() { OF_BUCKETS } else { OF_OBJECTS };
    let named: Vec<_> = table.iter().filter(|(_, part, _)| query.contains_key(*part)).collect();
    let found = if bucket.is_empty() {
        (method == "GET").then_some("ListBuckets")
    } else if !named.is_empty() {
        named.iter().find(|(by, ..)| *by == method).map(|(.., operation)| *operation)
    } else if key.is_empty() {
        of_bucket(method, query.contains_key("list-type"))
    } else {
        of_object(method, request.headers.contains_key(SOURCE))
    };
    found.ok_or_else(|| {
        let message = "The specified method is not allowed against this resource.";
        ApiError::new("MethodNotAllowed", message).with_status(405).with("Method", method)
    })
}

fn of_bucket(method: &str, is_second_list: bool) -> Option<&'static str> {
    Some(match method {
        "GET" if is_second_list => "ListObjectsV2",
        "GET" => "ListObjects",
        "HEAD" => "HeadBucket",
        "PUT" => "CreateBucket",
        "DELETE" => "DeleteBucket",
        "POST" => "PostObject",
        _ => return None,
    })
}

fn of_object(method: &str, is_copy: bool) -> Option<&'static str> {
    Some(match method {
        "GET" => "GetObject",
        "HEAD" => "HeadObject",
        "PUT" if is_copy => "CopyObject",
        "PUT" => "PutObject",
        "DELETE" => "DeleteObject",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, target: &str, headers: &[(&str, &str)]) -> Result<String, String> {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let (method, target) = (method.to_owned(), target.to_owned());
        let request = Request { method, target, headers: headers.collect(), ..Request::default() };
        let path = request.path();
        let (bucket, key) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
        let found = operation(&request, bucket, key);
        found.map(str::to_owned).map_err(|error| error.code)
    }

    #[test]
    fn what_is_asked_is_in_method_and_query() {
        for (method, target, expected) in [
            ("GET", "/", "ListBuckets"),
            ("PUT", "/acme", "CreateBucket"),
            ("HEAD", "/acme/", "HeadBucket"),
            ("GET", "/acme?list-type=2&prefix=a", "ListObjectsV2"),
            ("GET", "/acme?prefix=tagging", "ListObjects"),
            ("GET", "/acme?versions", "ListObjectVersions"),
            ("POST", "/acme?delete", "DeleteObjects"),
            ("GET", "/acme?versioning", "GetBucketVersioning"),
            ("GET", "/acme?policyStatus", "GetBucketPolicyStatus"),
            ("DELETE", "/acme?publicAccessBlock", "DeletePublicAccessBlock"),
            ("DELETE", "/acme/key?x-id=DeleteObject", "DeleteObject"),
            ("PUT", "/acme/key?uploadId=u&partNumber=1", "UploadPart"),
            ("GET", "/acme/key?uploadId=u", "ListParts"),
            ("GET", "/acme/versions", "GetObject"),
        ] {
            assert_eq!(asked(method, target, &[]).as_deref(), Ok(expected), "{method} {target}");
        }
        assert_eq!(asked("PUT", "/a/k", &[(SOURCE, "/b/k")]).as_deref(), Ok("CopyObject"));
    }

    /// Whatever the method: what is meant for a part must not reach the whole.
    #[test]
    fn no_sub_resource_is_taken_for_what_it_belongs_to() {
        let whole = ["CreateBucket", "DeleteBucket", "PutObject", "DeleteObject", "CopyObject"];
        for (table, path) in [(OF_BUCKETS, "/acme"), (OF_OBJECTS, "/acme/key")] {
            for (own, part, expected) in table {
                for method in ["GET", "HEAD", "PUT", "POST", "DELETE"] {
                    let found = asked(method, &format!("{path}?{part}"), &[(SOURCE, "/b/k")]);
                    let found = found.unwrap_or_else(|code| code);
                    assert!(!whole.contains(&found.as_str()), "{method} {path}?{part}: {found}");
                    assert!(method != *own || found == *expected, "{method} {path}?{part}");
                }
            }
        }
    }

    #[test]
    fn a_method_that_asks_nothing_is_not_allowed() {
        for (method, target) in [
            ("DELETE", "/acme?versioning"),
            ("POST", "/acme/key"),
            ("PATCH", "/acme/key"),
            ("PUT", "/"),
            ("HEAD", "/acme/key?acl"),
        ] {
            let found = asked(method, target, &[]);
            assert_eq!(found.unwrap_err(), "MethodNotAllowed", "{method} {target}");
        }
    }
}
