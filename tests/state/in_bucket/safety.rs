//! Buckets in which a state is not safe.

use super::*;
use provision::simulated_aws::faults::{Faults, Refusals};
use provision::simulated_aws::wire::ApiError;

const PUBLIC: &str =
    r#"{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}]}"#;

async fn exposure(world: &World) -> Option<Exposure> {
    match world.store().inspect().await {
        Err(StoreError::Exposed { exposure, .. }) => Some(exposure),
        other => {
            other.unwrap();
            None
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_others_could_read_is_refused() {
    let world = World::new();
    assert_eq!(world.store().inspect().await.unwrap(), []);
    world.ask("DeletePublicAccessBlock", json!({}));
    let said = exposure(&world).await.unwrap().to_string();
    assert_eq!(said, "it does not block public access");
    world.ask("PutBucketPolicy", json!({"Body": PUBLIC}));
    assert_eq!(exposure(&world).await, Some(Exposure::Policy));
    world.ask("DeleteBucketPolicy", json!({}));
    let document =
        json!({"BlockPublicAcls": "true", "IgnorePublicAcls": "true", "BlockPublicPolicy": "true"});
    world.ask("PutPublicAccessBlock", json!({"Document": document}));
    assert_eq!(exposure(&world).await, Some(Exposure::Unblocked(vec!["RestrictPublicBuckets"])));
}

#[tokio::test(start_paused = true)]
async fn a_bucket_without_versions_is_a_caution() {
    let world = World::new();
    world.ask("PutBucketVersioning", json!({"Document": {"Status": "Suspended"}}));
    assert_eq!(world.store().inspect().await.unwrap(), [Caution::Unversioned]);
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_looked_at_is_told_and_no_reason_to_stop() {
    let world = World::new();
    let denied = ApiError::new("AccessDenied", "Access Denied").with_status(403);
    let refusals = Refusals::always("GetPublicAccessBlock", denied);
    Faults::new(&world.endpoint, 1).with(refusals).begin();
    let cautions = world.store().inspect().await.unwrap();
    assert_eq!(cautions, [Caution::Unseen("s3:GetBucketPublicAccessBlock")]);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_is_not_there_is_an_error() {
    let world = World::new();
    world.ask("DeleteBucket", json!({}));
    let refused = world.store().inspect().await.unwrap_err();
    let StoreError::Bucket { source, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(source.code(), Some("NoSuchBucket"));
}

/// The code is what the hint about the region goes by.
#[tokio::test(start_paused = true)]
async fn a_bucket_that_is_in_another_region_is_an_error_and_not_an_absent_state() {
    let world = World::new();
    let store = Bucket::new(world.aws_of("MACHINE", "us-east-1"), world.store().place().clone());
    for refused in [
        store.inspect().await.map(drop).unwrap_err(),
        store.lock(STACK, ENVIRONMENT, &holder(1)).await.map(drop).unwrap_err(),
    ] {
        let StoreError::Bucket { source, .. } = refused else { panic!("{refused:?}") };
        assert_eq!(source.code(), Some("PermanentRedirect"));
    }
    assert_eq!(world.keys(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_asked_for_with_every_put() {
    let world = World::new();
    let place =
        BucketPlace { kms_key: Some("alias/state".into()), ..world.store().place().clone() };
    let store = Bucket::new(world.aws("MACHINE"), place);
    let lock = store.lock(STACK, ENVIRONMENT, &holder(1)).await.unwrap();
    lock.begin(new_state()).await.unwrap().finish().await.unwrap();
    let calls = world.endpoint.calls();
    let puts = calls.iter().filter(|call| call.operation == "PutObject");
    assert!(puts.clone().count() > 4);
    for put in puts {
        assert_eq!(put.request["ServerSideEncryption"], "aws:kms");
        assert_eq!(put.request["SSEKMSKeyId"], "alias/state");
        assert!(put.request["ChecksumCRC32"].is_string());
    }
}
