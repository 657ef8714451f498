//! REST-XML as S3 speaks it: the operation is in method, path and query, and members of requests
//! and answers are in headers, in XML or in the body (the API reference of S3, by operation).
//!
//! A body that is no text stands as `{"Hex": "…"}` among the members.

mod checksum;
mod chunked;
mod route;
mod xml;

use serde_json::{Map, Value, json};

use super::{Answer, ApiError, Request, WireAnswer};

/// The operations that say what they want in a document.
const DOCUMENTED: &[&str] = &[
    "CreateBucket",
    "DeleteObjects",
    "PutBucketEncryption",
    "PutBucketVersioning",
    "PutPublicAccessBlock",
];

/// Headers by the names of the members that they carry, in requests.
const ASKED: &[(&str, &str)] = &[
    ("if-match", "IfMatch"),
    ("if-none-match", "IfNoneMatch"),
    ("range", "Range"),
    ("content-type", "ContentType"),
    ("x-amz-server-side-encryption", "ServerSideEncryption"),
    ("x-amz-server-side-encryption-aws-kms-key-id", "SSEKMSKeyId"),
    ("x-amz-checksum-mode", "ChecksumMode"),
    ("x-amz-expected-bucket-owner", "ExpectedBucketOwner"),
    (checksum::HEADER, "ChecksumCRC32"),
];

/// Headers by the names of the members that they carry, in answers.
const ANSWERED: &[(&str, &str)] = &[
    ("Allow", "allow"),
    ("BucketRegion", "x-amz-bucket-region"),
    ("ChecksumCRC32", checksum::HEADER),
    ("ContentLength", "content-length"),
    ("ContentRange", "content-range"),
    ("ContentType", "content-type"),
    ("Date", "date"),
    ("DeleteMarker", "x-amz-delete-marker"),
    ("ETag", "etag"),
    ("LastModified", "last-modified"),
    ("Location", "location"),
    ("SSEKMSKeyId", "x-amz-server-side-encryption-aws-kms-key-id"),
    ("ServerSideEncryption", "x-amz-server-side-encryption"),
    ("VersionId", "x-amz-version-id"),
];

/// What the headers of an object's own metadata begin with.
const METADATA: &str = "x-amz-meta-";

/// Reads an operation of S3 and its members out of a request.
///
/// # Errors
///
/// What S3 answers to a body that is not what its checksum says, or can't be read.
pub(super) fn read(request: &Request) -> Result<(String, Value), ApiError> {
    let (bucket, key) = place(request);
    let query = request.query();
    let operation = route::operation(request, &bucket, &key)?;
    let mut members = Map::new();
    members.extend(query.into_iter().map(|(name, value)| (member_name(&name), value.into())));
    for (header, name) in ASKED {
        if let Some(value) = request.headers.get(*header) {
            members.insert((*name).into(), value.clone().into());
        }
    }
    members.insert("Metadata".into(), metadata(request));
    let host = request.header("host");
    let endpoint = region_of_host(host).unwrap_or_default().to_owned();
    let signed = signed_region(request);
    let named =
        [("Bucket", bucket), ("Key", key), ("Region", signed), ("EndpointRegion", endpoint)];
    let named = named.into_iter().filter(|(_, value)| !value.is_empty());
    members.extend(named.map(|(name, value)| (name.to_owned(), value.into())));
    let body = body(request, &mut members)?;
    if matches!(operation, "PutObject" | "PutBucketPolicy") {
        members.insert("Body".into(), as_value(&body));
    } else if DOCUMENTED.contains(&operation) {
        members.insert("Document".into(), document(operation, &body)?);
    }
    Ok((operation.to_owned(), Value::Object(members)))
}

/// What an operation wants: only a new bucket may want nothing.
fn document(operation: &str, body: &[u8]) -> Result<Value, ApiError> {
    match body {
        [] if operation == "CreateBucket" => Ok(Value::Null),
        [] => Err(ApiError::new("MissingRequestBodyError", "Request Body is empty")),
        body => xml::read(body).ok_or_else(malformed),
    }
}

/// The body without its wrapping, once its checksum has been found right.
fn body(request: &Request, members: &mut Map<String, Value>) -> Result<Vec<u8>, ApiError> {
    let mut body = request.body.to_vec();
    if request.header("x-amz-content-sha256").starts_with("STREAMING-") {
        let (content, trailers) = chunked::read(&request.body).ok_or_else(malformed)?;
        if let Some(sum) = trailers.get(checksum::HEADER) {
            members.insert("ChecksumCRC32".into(), sum.clone().into());
        }
        body = content;
    }
    let expected = members.get("ChecksumCRC32").and_then(Value::as_str);
    if expected.is_some_and(|sum| sum != checksum::crc32(&body)) {
        let message = "The CRC32 you specified did not match the calculated checksum.";
        return Err(ApiError::new("BadDigest", message));
    }
    Ok(body)
}

/// The bucket and the key: the bucket is in the host's name, or the path's first part.
fn place(request: &Request) -> (String, String) {
    let path = request.path();
    let path = path.strip_prefix('/').unwrap_or(&path);
    if let Some(bucket) = bucket_of_host(request.header("host")) {
        return (bucket.to_owned(), path.to_owned());
    }
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    (bucket.to_owned(), key.to_owned())
}

/// The bucket in `acme.s3.eu-west-1.amazonaws.com` or `acme.localhost:4566`.
fn bucket_of_host(host: &str) -> Option<&str> {
    let name = host.split(':').next().unwrap_or_default();
    let marks = [".s3.", ".s3-"];
    let of_aws = name.contains(".amazonaws.com").then_some(()).and_then(|()| {
        marks.iter().find_map(|mark| name.split_once(mark)).map(|(bucket, _)| bucket)
    });
    of_aws.or_else(|| name.strip_suffix(".localhost"))
}

/// The region in `acme.s3.eu-west-1.amazonaws.com` or `s3-eu-west-1.amazonaws.com`; none in the names
/// of the global endpoint and of other hosts.
fn region_of_host(host: &str) -> Option<&str> {
    let name = host.split(':').next()?;
    let name = name.strip_suffix(".cn").unwrap_or(name).strip_suffix(".amazonaws.com")?;
    let last = name.rsplit('.').next()?;
    Some(last.strip_prefix("s3-").unwrap_or(last)).filter(|region| *region != "s3")
}

fn signed_region(request: &Request) -> String {
    let credential = request.header("authorization").split("Credential=").nth(1);
    let region = credential.and_then(|scope| scope.split('/').nth(2));
    region.unwrap_or_default().to_owned()
}

/// `continuation-token` as `ContinuationToken`.
fn member_name(parameter: &str) -> String {
    let words = parameter.split('-').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}

fn metadata(request: &Request) -> Value {
    let own = request.headers.iter().filter_map(|(name, value)| {
        Some((name.strip_prefix(METADATA)?.to_owned(), Value::from(value.clone())))
    });
    Value::Object(own.collect())
}

/// Bytes as a member.
pub(in crate::simulated_aws) fn as_value(body: &[u8]) -> Value {
    match std::str::from_utf8(body) {
        Ok(text) => text.into(),
        Err(_) => json!({ "Hex": super::hex::write(body) }),
    }
}

/// The bytes of a member.
pub(in crate::simulated_aws) fn as_bytes(body: &Value) -> Vec<u8> {
    let binary = body["Hex"].as_str().and_then(super::hex::read);
    binary.unwrap_or_else(|| body.as_str().unwrap_or_default().as_bytes().to_vec())
}

fn malformed() -> ApiError {
    let message = "The XML you provided was not well-formed or did not validate against our \
                   published schema";
    ApiError::new("MalformedXML", message)
}

/// Writes an operation's answer.
pub(super) fn write(operation: &str, answer: &Answer, request_id: &str) -> WireAnswer {
    let output = match answer {
        Ok(output) => output,
        Err(error) => return write_error(operation, error, request_id),
    };
    let content_type = "application/xml";
    let headers = headers(output, request_id);
    let (status, body) = match operation {
        "GetObject" => (status_of_object(output), as_bytes(&output["Body"])),
        "HeadObject" => (status_of_object(output), Vec::new()),
        "PutObject" | "HeadBucket" | "CreateBucket" => (200, Vec::new()),
        "GetBucketPolicy" => (200, as_bytes(&output["Policy"])),
        "DeleteObject"
        | "DeleteBucket"
        | "PutBucketPolicy"
        | "DeleteBucketPolicy"
        | "DeletePublicAccessBlock" => (204, Vec::new()),
        put if put.starts_with("Put") => (200, Vec::new()),
        _ => (200, xml::document(root(operation), output).into_bytes()),
    };
    WireAnswer { status, content_type, headers, body }
}

fn status_of_object(output: &Value) -> u16 {
    if output["ContentRange"].is_null() { 200 } else { 206 }
}

/// An answer to HEAD has no body, whatever it says.
fn write_error(operation: &str, error: &ApiError, request_id: &str) -> WireAnswer {
    let mut document = json!({"Code": error.code, "Message": error.message});
    let is_header = |name: &str| ANSWERED.iter().any(|(member, _)| *member == name);
    for (name, value) in error.members.iter().filter(|(name, _)| !is_header(name)) {
        document[name] = value.clone();
    }
    document["RequestId"] = request_id.into();
    document["HostId"] = host_id(request_id).into();
    let body = if operation.starts_with("Head") || error.status == 304 {
        Vec::new()
    } else {
        xml::bare_document("Error", &document).into_bytes()
    };
    let headers = headers(&error.members.clone().into(), request_id);
    WireAnswer { status: error.status, content_type: "application/xml", headers, body }
}

fn headers(output: &Value, request_id: &str) -> Vec<(String, String)> {
    let mut headers = vec![
        ("x-amz-request-id".to_owned(), request_id.to_owned()),
        ("x-amz-id-2".to_owned(), host_id(request_id)),
    ];
    for (member, header) in ANSWERED {
        match &output[*member] {
            Value::String(text) => headers.push(((*header).to_owned(), text.clone())),
            one @ (Value::Bool(_) | Value::Number(_)) => {
                headers.push(((*header).to_owned(), one.to_string()));
            }
            _ => {}
        }
    }
    let own = output["Metadata"].as_object().into_iter().flatten();
    headers.extend(own.filter_map(|(name, value)| {
        Some((format!("{METADATA}{name}"), value.as_str()?.to_owned()))
    }));
    headers
}

/// What S3 names its own machine by, in support cases.
fn host_id(request_id: &str) -> String {
    format!("simulated-{request_id}")
}

/// The name of the element that an operation's output is written as.
fn root(operation: &str) -> &'static str {
    match operation {
        "ListBuckets" => "ListAllMyBucketsResult",
        "ListObjectVersions" => "ListVersionsResult",
        "DeleteObjects" => "DeleteResult",
        "GetBucketVersioning" => "VersioningConfiguration",
        "GetBucketEncryption" => "ServerSideEncryptionConfiguration",
        "GetPublicAccessBlock" => "PublicAccessBlockConfiguration",
        "GetBucketPolicyStatus" => "PolicyStatus",
        "GetBucketLocation" => "LocationConstraint",
        _ => "ListBucketResult",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, host: &str, target: &str) -> Request {
        let headers = [("host".to_owned(), host.to_owned())].into();
        let (method, target) = (method.to_owned(), target.to_owned());
        Request { method, target, headers, body: bytes::Bytes::new() }
    }

    #[test]
    fn a_bucket_is_in_the_host_or_in_the_path() {
        for (host, target) in [
            ("acme.s3.eu-west-1.amazonaws.com", "/a/b%20c?x-id=GetObject"),
            ("s3.eu-west-1.amazonaws.com", "/acme/a/b%20c"),
            ("127.0.0.1:4566", "/acme/a/b%20c"),
            ("acme.localhost:4566", "/a/b%20c"),
        ] {
            let (operation, members) = read(&request("GET", host, target)).unwrap();
            assert_eq!(operation, "GetObject", "{host}");
            assert_eq!((&members["Bucket"], &members["Key"]), (&json!("acme"), &json!("a/b c")));
        }
    }

    #[test]
    fn a_parameter_has_the_name_of_its_member() {
        assert_eq!(member_name("continuation-token"), "ContinuationToken");
    }

    #[test]
    fn the_endpoints_region_is_in_the_host() {
        for (host, region) in [
            ("acme.s3.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("s3.dualstack.eu-west-1.amazonaws.com:443", Some("eu-west-1")),
            ("acme.s3-eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("s3.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("acme.s3.amazonaws.com", None),
            ("127.0.0.1:4566", None),
        ] {
            assert_eq!(region_of_host(host), region, "{host}");
        }
    }

    #[test]
    fn a_body_that_no_document_is_asked_of_is_not_read_as_one() {
        let mut part = request("PUT", "localhost", "/acme/key?partNumber=1&uploadId=u");
        part.body = bytes::Bytes::from_static(b"bytes");
        assert_eq!(read(&part).unwrap().0, "UploadPart");
        let empty = request("PUT", "localhost", "/acme?publicAccessBlock");
        assert_eq!(read(&empty).unwrap_err().code, "MissingRequestBodyError");
        assert_eq!(read(&request("PUT", "localhost", "/acme")).unwrap().0, "CreateBucket");
    }

    #[test]
    fn a_body_that_is_not_what_its_checksum_says_is_refused() {
        let mut put = request("PUT", "localhost", "/acme/key");
        put.body = bytes::Bytes::from_static(b"123456789");
        put.headers.insert(checksum::HEADER.into(), "y/Q5Jg==".into());
        assert_eq!(read(&put).unwrap().1["Body"], "123456789");
        put.body = bytes::Bytes::from_static(b"123456780");
        assert_eq!(read(&put).unwrap_err().code, "BadDigest");
    }

    #[test]
    fn chunks_are_put_together_and_their_trailer_read() {
        let mut put = request("PUT", "localhost", "/acme/key");
        let sha = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
        put.headers.insert("x-amz-content-sha256".into(), sha.into());
        let body = "5\r\n12345\r\n4\r\n6789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n";
        put.body = bytes::Bytes::from_static(body.as_bytes());
        let (_, members) = read(&put).unwrap();
        assert_eq!(
            (&members["Body"], &members["ChecksumCRC32"]),
            (&json!("123456789"), &json!("y/Q5Jg=="))
        );
    }
}
