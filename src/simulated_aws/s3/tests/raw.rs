//! Requests as they come, of all operations that there are.

use super::*;
use crate::simulated_aws::wire::{Request, WireAnswer};

/// The header that signs for a region.
pub(super) fn signature(region: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIASIMULATED/20260101/{region}/s3/aws4_request, Signature=0"
    )
}

pub(super) fn request(method: &str, target: &str) -> Request {
    let headers =
        [("host", "localhost:4566".to_owned()), ("authorization", signature("eu-west-1"))];
    let headers = headers.map(|(name, value)| (name.to_owned(), value));
    let (method, target) = (method.to_owned(), target.to_owned());
    Request { method, target, headers: headers.into(), ..Request::default() }
}

async fn answered(endpoint: &Endpoint, request: &Request) -> WireAnswer {
    endpoint.answer(request).await.unwrap().answer
}

fn says(answer: &WireAnswer, code: &str) -> bool {
    String::from_utf8_lossy(&answer.body).contains(&format!("<Code>{code}</Code>"))
}

#[tokio::test(start_paused = true)]
async fn what_is_meant_for_a_part_of_it_leaves_an_object_as_it_is() {
    let (endpoint, client) = world();
    put(&client, "k", "kept").await;
    for (method, query) in [
        ("DELETE", "tagging"),
        ("DELETE", "uploadId=u"),
        ("PUT", "tagging"),
        ("PUT", "acl"),
        ("PUT", "retention"),
        ("PUT", "partNumber=1&uploadId=u"),
        ("POST", "uploads"),
        ("GET", "acl"),
        ("GET", "partNumber=1"),
    ] {
        let mut request = request(method, &format!("/{BUCKET}/k?{query}"));
        request.body = bytes::Bytes::from_static(b"something else");
        let answer = answered(&endpoint, &request).await;
        assert_eq!(answer.status, 501, "{method} ?{query}");
        assert!(says(&answer, "NotImplemented"), "{method} ?{query}");
    }
    assert_eq!(read(&client, "k").await.as_deref(), Some("kept"));
}

#[tokio::test(start_paused = true)]
async fn what_is_meant_for_a_part_of_it_leaves_a_bucket_as_it_is() {
    let (endpoint, client) = world();
    for (method, query) in
        [("DELETE", "lifecycle"), ("DELETE", "tagging"), ("DELETE", "cors"), ("PUT", "tagging")]
    {
        let request = request(method, &format!("/{BUCKET}?{query}"));
        let answer = answered(&endpoint, &request).await;
        assert!(says(&answer, "NotImplemented"), "{method} ?{query}");
    }
    client.head_bucket().bucket(BUCKET).send().await.unwrap();
    let answer = answered(&endpoint, &request("DELETE", &format!("/{BUCKET}?versioning"))).await;
    assert_eq!((answer.status, says(&answer, "MethodNotAllowed")), (405, true));
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_refused_and_not_an_empty_object() {
    let (_, client) = world();
    put(&client, "k", "kept").await;
    let source = format!("{BUCKET}/k");
    let copy = client.copy_object().bucket(BUCKET).key("new").copy_source(source).send().await;
    assert_eq!(code(copy), "NotImplemented");
    assert_eq!(read(&client, "new").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_part_of_an_object_is_read_by_its_bytes() {
    let (_, client) = world();
    put(&client, "k", "0123456789").await;
    let get = |range| client.get_object().bucket(BUCKET).key("k").range(range).send();
    let part = get("bytes=2-4").await.unwrap();
    assert_eq!(part.content_range(), Some("bytes 2-4/10"));
    assert_eq!(part.content_length(), Some(3));
    assert_eq!(part.body.collect().await.unwrap().to_vec(), b"234");
    assert_eq!(code(get("bytes=10-").await), "InvalidRange");
}

#[tokio::test(start_paused = true)]
async fn a_page_has_a_number_of_keys() {
    let (endpoint, _) = world();
    let list = |most: &str| request("GET", &format!("/{BUCKET}?list-type=2&max-keys={most}"));
    let refused = answered(&endpoint, &list("many")).await;
    assert_eq!((refused.status, says(&refused, "InvalidArgument")), (400, true));
    assert_eq!(answered(&endpoint, &list("")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_version_has_an_id() {
    let (endpoint, client) = world();
    put(&client, "k", "kept").await;
    let delete = request("DELETE", &format!("/{BUCKET}/k?versionId="));
    assert!(says(&answered(&endpoint, &delete).await, "InvalidArgument"));
    assert_eq!(read(&client, "k").await.as_deref(), Some("kept"));
}
