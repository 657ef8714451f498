//! Buckets and objects through the SDK's own client: every request is serialised and signed, every
//! answer parsed. What no SDK sends is sent as it is.

mod lists;
mod place;
mod raw;
mod versions;

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::RequestId as _;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketVersioningStatus, Delete, ObjectIdentifier, ServerSideEncryption, VersioningConfiguration,
};
use aws_types::SdkConfig;
use aws_types::region::Region;
use serde_json::json;

use crate::simulated_aws::clock::{Clock, Moment};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::connector::Connector;
use crate::simulated_aws::endpoint::Endpoint;
use crate::simulated_aws::wire::Parameters;

const BUCKET: &str = "acme-state";

fn world() -> (Arc<Endpoint>, Client) {
    let epoch = "2026-01-01T00:00:00Z".parse().unwrap();
    let mut cloud = Cloud::new("eu-west-1", epoch, 7);
    cloud.s3.furnish(BUCKET);
    let clock = Clock::starting_at(Moment::default(), 1.0);
    let endpoint = Arc::new(Endpoint::new(cloud, clock));
    let client = client(&endpoint, "eu-west-1", false);
    (endpoint, client)
}

fn client(endpoint: &Arc<Endpoint>, region: &'static str, by_path: bool) -> Client {
    let credentials = Credentials::new("AKIASIMULATED", "secret", None, None, "simulated");
    let config = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .http_client(Connector::new(Arc::clone(endpoint)))
        .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
        .build();
    let config = aws_sdk_s3::config::Builder::from(&config).force_path_style(by_path).build();
    Client::from_conf(config)
}

async fn put(client: &Client, key: &str, body: &str) -> String {
    let body = ByteStream::from(body.as_bytes().to_vec());
    let put = client.put_object().bucket(BUCKET).key(key).body(body).send().await.unwrap();
    put.e_tag.unwrap()
}

async fn read(client: &Client, key: &str) -> Option<String> {
    let read = client.get_object().bucket(BUCKET).key(key).send().await.ok()?;
    let body = read.body.collect().await.unwrap().into_bytes();
    Some(String::from_utf8(body.to_vec()).unwrap())
}

fn code<T: std::fmt::Debug, E: ProvideErrorMetadata>(result: Result<T, E>) -> String {
    result.unwrap_err().code().unwrap_or("none").to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_object_is_read_as_it_was_put_by_host_and_by_path() {
    let (endpoint, by_host) = world();
    let by_path = client(&endpoint, "eu-west-1", true);
    let etag = put(&by_host, "a b/ü.json", "{\"é\": \"<&>\"}").await;
    let read = by_path.get_object().bucket(BUCKET).key("a b/ü.json").send().await.unwrap();
    assert_eq!(read.e_tag.as_deref(), Some(etag.as_str()));
    assert_eq!(read.server_side_encryption, Some(ServerSideEncryption::Aes256));
    assert!(read.checksum_crc32.is_some(), "the SDK's checksum is kept");
    let body = read.body.collect().await.unwrap().into_bytes();
    assert_eq!(&body[..], "{\"é\": \"<&>\"}".as_bytes());
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_text_survive() {
    let (_, client) = world();
    let bytes = vec![0_u8, 255, 128, 10];
    let body = ByteStream::from(bytes.clone());
    client.put_object().bucket(BUCKET).key("k").body(body).send().await.unwrap();
    let read = client.get_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!(read.body.collect().await.unwrap().to_vec(), bytes);
}

#[tokio::test(start_paused = true)]
async fn conditions_on_a_put_hold_or_are_refused() {
    let (_, client) = world();
    let create = || client.put_object().bucket(BUCKET).key("k").if_none_match("*");
    create().send().await.unwrap();
    let refused = create().send().await.unwrap_err();
    assert_eq!(refused.code(), Some("PreconditionFailed"));
    assert!(refused.request_id().is_some());
    let known = put(&client, "k", "1").await;
    let update = |key: &str, etag: &str| client.put_object().bucket(BUCKET).key(key).if_match(etag);
    let next = update("k", &known).body(ByteStream::from_static(b"2")).send().await.unwrap();
    assert_eq!(code(update("k", &known).send().await), "PreconditionFailed");
    update("k", next.e_tag().unwrap()).send().await.unwrap();
    assert_eq!(code(update("other", &known).send().await), "NoSuchKey");
    client.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
    create().send().await.unwrap();
}

/// S3 takes ETags without their quotes too, and `*` for any.
#[tokio::test(start_paused = true)]
async fn a_condition_names_an_etag_with_its_quotes_or_without_or_any() {
    let (_, client) = world();
    let etag = put(&client, "k", "1").await;
    let bare = etag.trim_matches('"');
    let get = || client.get_object().bucket(BUCKET).key("k");
    for any in [etag.as_str(), bare, "*"] {
        get().if_match(any).send().await.unwrap();
        let unchanged = get().if_none_match(any).send().await.unwrap_err();
        assert_eq!(unchanged.raw_response().unwrap().status().as_u16(), 304, "{any}");
    }
    assert_eq!(code(get().if_match("other").send().await), "PreconditionFailed");
    client.put_object().bucket(BUCKET).key("k").if_match(bare).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_deletion_may_ask_that_nothing_has_changed() {
    let (_, client) = world();
    let known = put(&client, "k", "1").await;
    put(&client, "k", "2").await;
    let delete = |etag: &str| client.delete_object().bucket(BUCKET).key("k").if_match(etag).send();
    assert_eq!(code(delete(&known).await), "PreconditionFailed");
    assert_eq!(read(&client, "k").await.as_deref(), Some("2"));
    let known = put(&client, "k", "3").await;
    delete(&known).await.unwrap();
    assert_eq!(read(&client, "k").await, None);
    client.delete_object().bucket(BUCKET).key("never").send().await.unwrap();
    let of_version = client.delete_object().bucket(BUCKET).key("k").version_id("v").if_match("*");
    assert_eq!(code(of_version.send().await), "NotImplemented");
}

#[tokio::test(start_paused = true)]
async fn many_are_deleted_at_once() {
    let (_, client) = world();
    put(&client, "a&b", "").await;
    let known = put(&client, "c", "1").await;
    put(&client, "c", "2").await;
    let object = |key: &str| ObjectIdentifier::builder().key(key);
    let delete = Delete::builder()
        .objects(object("a&b").build().unwrap())
        .objects(object("c").e_tag(known).build().unwrap())
        .build()
        .unwrap();
    let done = client.delete_objects().bucket(BUCKET).delete(delete).send().await.unwrap();
    assert_eq!(done.deleted()[0].key(), Some("a&b"));
    assert_eq!(done.errors()[0].code(), Some("PreconditionFailed"));
}

#[tokio::test(start_paused = true)]
async fn a_bucket_tells_where_it_is() {
    let (endpoint, client) = world();
    let elsewhere = super::tests::client(&endpoint, "us-east-1", false);
    let location = elsewhere.get_bucket_location().bucket(BUCKET).send().await.unwrap();
    assert_eq!(location.location_constraint.unwrap().as_str(), "eu-west-1");
    let head = client.head_bucket().bucket(BUCKET).send().await.unwrap();
    assert_eq!(head.bucket_region.as_deref(), Some("eu-west-1"));
    assert!(
        client
            .head_bucket()
            .bucket("nobodys")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_not_found()
    );
    let refused = client.list_objects_v2().bucket("nobodys").send().await;
    assert_eq!(code(refused), "NoSuchBucket");
}

#[tokio::test(start_paused = true)]
async fn a_new_bucket_is_encrypted_and_nobody_elses_to_see() {
    let (_, client) = world();
    let new = client.create_bucket().bucket("acme-new").create_bucket_configuration(
        aws_sdk_s3::types::CreateBucketConfiguration::builder()
            .location_constraint(aws_sdk_s3::types::BucketLocationConstraint::EuWest1)
            .build(),
    );
    new.clone().send().await.unwrap();
    assert_eq!(code(new.send().await), "BucketAlreadyOwnedByYou");
    let block = client.get_public_access_block().bucket("acme-new").send().await.unwrap();
    assert_eq!(
        block.public_access_block_configuration.unwrap().restrict_public_buckets,
        Some(true)
    );
    let encryption = client.get_bucket_encryption().bucket("acme-new").send().await.unwrap();
    let rules = encryption.server_side_encryption_configuration.unwrap();
    let rule = rules.rules()[0].apply_server_side_encryption_by_default().unwrap();
    assert_eq!(*rule.sse_algorithm(), ServerSideEncryption::Aes256);
    assert_eq!(
        client.get_bucket_versioning().bucket("acme-new").send().await.unwrap().status,
        None
    );
    let status = client.get_bucket_policy_status().bucket("acme-new").send().await;
    assert_eq!(code(status), "NoSuchBucketPolicy");
}

#[tokio::test(start_paused = true)]
async fn a_policy_for_everybody_is_public_and_can_be_blocked() {
    let (endpoint, client) = world();
    let policy =
        json!({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}]});
    let put = || client.put_bucket_policy().bucket(BUCKET).policy(policy.to_string()).send();
    assert_eq!(code(put().await), "AccessDenied");
    client.delete_public_access_block().bucket(BUCKET).send().await.unwrap();
    let block = client.get_public_access_block().bucket(BUCKET).send().await;
    assert_eq!(code(block), "NoSuchPublicAccessBlockConfiguration");
    put().await.unwrap();
    let status = client.get_bucket_policy_status().bucket(BUCKET).send().await.unwrap();
    assert_eq!(status.policy_status.unwrap().is_public, Some(true));
    let malformed = client.put_bucket_policy().bucket(BUCKET).policy("{Statement}").send().await;
    assert_eq!(code(malformed), "MalformedPolicy");
    let narrow = json!({"Statement": {"Effect": "Allow", "Principal": {"AWS": "123456789012"}}});
    endpoint.with_cloud(|cloud| {
        let request = json!({"Bucket": BUCKET, "Body": narrow.to_string()});
        super::answer(cloud, "PutBucketPolicy", Parameters::new(&request)).unwrap();
    });
    let status = client.get_bucket_policy_status().bucket(BUCKET).send().await.unwrap();
    assert_eq!(status.policy_status.unwrap().is_public, Some(false));
    let among = json!({"Statement": {"Effect": "Allow", "Principal": {"AWS": ["*", "1"]}}});
    client.put_bucket_policy().bucket(BUCKET).policy(among.to_string()).send().await.unwrap();
    let status = client.get_bucket_policy_status().bucket(BUCKET).send().await.unwrap();
    assert_eq!(status.policy_status.unwrap().is_public, Some(true));
}

#[tokio::test(start_paused = true)]
async fn an_object_tells_its_key_and_when_it_was_put() {
    let (_, client) = world();
    tokio::time::sleep(Duration::from_secs(90)).await;
    client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .metadata("writer", "me")
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id("alias/state")
        .send()
        .await
        .unwrap();
    let head = client.head_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!(head.content_length, Some(0));
    assert_eq!(head.ssekms_key_id.as_deref(), Some("alias/state"));
    assert_eq!(head.metadata.unwrap()["writer"], "me");
    let modified = head.last_modified.unwrap();
    assert_eq!(modified.secs() - 1_767_225_600, 90);
    let none = client.head_object().bucket(BUCKET).key("none").send().await;
    assert!(none.unwrap_err().into_service_error().is_not_found());
}
