//! Requests that have come to the wrong place.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_endpoint_of_another_region_sends_on_to_the_buckets() {
    let (endpoint, _) = world();
    let elsewhere = client(&endpoint, "us-east-1", false);
    let sent_on = elsewhere.get_object().bucket(BUCKET).key("k").send().await.unwrap_err();
    assert_eq!(sent_on.code(), Some("PermanentRedirect"));
    let response = sent_on.raw_response().unwrap();
    assert_eq!(response.status().as_u16(), 301);
    assert_eq!(response.headers().get("x-amz-bucket-region"), Some("eu-west-1"));
    let body = std::str::from_utf8(response.body().bytes().unwrap()).unwrap();
    let there = "<Endpoint>acme-state.s3.eu-west-1.amazonaws.com</Endpoint>";
    assert!(body.contains(there), "{body}");
    let none = elsewhere.list_objects_v2().bucket("nobodys").send().await;
    assert_eq!(code(none), "NoSuchBucket");
}

#[tokio::test(start_paused = true)]
async fn a_signature_for_another_region_than_the_endpoints_is_malformed() {
    let (endpoint, _) = world();
    for host in ["s3.eu-west-1.amazonaws.com", "s3.amazonaws.com", "localhost:4566"] {
        let mut request = raw::request("GET", "/acme-state/k");
        request.headers.insert("host".into(), host.into());
        let signature = raw::signature("us-east-1");
        request.headers.insert("authorization".into(), signature);
        let answer = endpoint.answer(&request).await.unwrap().answer;
        let body = String::from_utf8(answer.body).unwrap();
        assert_eq!(answer.status, 400, "{host}: {body}");
        assert!(body.contains("<Code>AuthorizationHeaderMalformed</Code>"), "{host}: {body}");
        assert!(body.contains("<Region>eu-west-1</Region>"), "{host}: {body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_is_not_the_expected_owners_is_not_touched() {
    let (_, client) = world();
    put(&client, "k", "1").await;
    let delete = || client.delete_object().bucket(BUCKET).key("k");
    let refused = delete().expected_bucket_owner("999999999999").send().await;
    assert_eq!(code(refused), "AccessDenied");
    assert_eq!(read(&client, "k").await.as_deref(), Some("1"));
    delete().expected_bucket_owner("123456789012").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_bucket_has_a_name_that_hosts_may_have() {
    let (endpoint, _) = world();
    let by_path = client(&endpoint, "eu-west-1", true);
    let refused = by_path.create_bucket().bucket("Acme_State").send().await;
    assert_eq!(code(refused), "InvalidBucketName");
}
