//! What versioning keeps: "Using versioning in S3 buckets" in the user guide.

use super::*;

async fn keep(client: &Client, status: BucketVersioningStatus) {
    let status = VersioningConfiguration::builder().status(status).build();
    let put = client.put_bucket_versioning().bucket(BUCKET);
    put.versioning_configuration(status).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn old_versions_are_kept_and_listed() {
    let (_, client) = world();
    for body in ["1", "2"] {
        put(&client, "k", body).await;
    }
    client.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
    let list = client.list_object_versions().bucket(BUCKET).send().await.unwrap();
    assert_eq!((list.versions().len(), list.delete_markers().len()), (2, 1));
    assert_eq!(list.delete_markers()[0].is_latest, Some(true));
    let oldest = list.versions()[1].version_id().unwrap();
    let read = client.get_object().bucket(BUCKET).key("k").version_id(oldest).send().await.unwrap();
    assert_eq!(read.body.collect().await.unwrap().to_vec(), b"1");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_without_versions_forgets() {
    let (_, client) = world();
    keep(&client, BucketVersioningStatus::Suspended).await;
    let got = client.get_bucket_versioning().bucket(BUCKET).send().await.unwrap();
    assert_eq!(got.status, Some(BucketVersioningStatus::Suspended));
    put(&client, "k", "1").await;
    put(&client, "k", "2").await;
    let list = client.list_object_versions().bucket(BUCKET).send().await.unwrap();
    assert_eq!(list.versions().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_while_versioning_is_suspended_hides_what_was_kept() {
    let (_, client) = world();
    put(&client, "k", "kept").await;
    keep(&client, BucketVersioningStatus::Suspended).await;
    let fresh = client.put_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!(fresh.version_id(), None);
    let head = client.head_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!(head.version_id(), Some("null"));
    for _ in 0..2 {
        let gone = client.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
        assert_eq!((gone.version_id(), gone.delete_marker()), (Some("null"), Some(true)));
    }
    assert_eq!(read(&client, "k").await, None);
    let list = client.list_object_versions().bucket(BUCKET).send().await.unwrap();
    assert_eq!((list.versions().len(), list.delete_markers().len()), (1, 1));
    let delete = client.delete_object().bucket(BUCKET).key("k").version_id("null");
    assert_eq!(delete.send().await.unwrap().delete_marker(), Some(true));
    assert_eq!(read(&client, "k").await.as_deref(), Some("kept"));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_marked_as_deleted_where_versions_are_kept() {
    let (_, client) = world();
    let gone = client.delete_object().bucket(BUCKET).key("never").send().await.unwrap();
    assert_eq!(gone.delete_marker(), Some(true));
    let list = client.list_object_versions().bucket(BUCKET).send().await.unwrap();
    assert_eq!(list.delete_markers()[0].version_id(), gone.version_id());
    let kept = client.delete_bucket().bucket(BUCKET).send().await;
    assert_eq!(code(kept), "BucketNotEmpty");
}

#[tokio::test(start_paused = true)]
async fn a_mark_can_be_deleted_and_not_be_read() {
    let (_, client) = world();
    put(&client, "k", "1").await;
    let gone = client.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
    let mark = gone.version_id().unwrap();
    let get = || client.get_object().bucket(BUCKET).key("k");
    let header = |name: &str, refused: &aws_smithy_runtime_api::http::Response| {
        refused.headers().get(name).map(str::to_owned)
    };
    let refused = get().version_id(mark).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("MethodNotAllowed"));
    let response = refused.raw_response().unwrap();
    assert_eq!(response.status().as_u16(), 405);
    assert_eq!(header("allow", response).as_deref(), Some("DELETE"));
    assert!(header("last-modified", response).is_some());
    let absent = get().send().await.unwrap_err();
    assert_eq!(absent.code(), Some("NoSuchKey"));
    let response = absent.raw_response().unwrap();
    assert_eq!(header("x-amz-delete-marker", response).as_deref(), Some("true"));
    assert_eq!(code(get().version_id("none").send().await), "NoSuchVersion");
}

#[tokio::test(start_paused = true)]
async fn deleted_together_each_says_which_mark_it_left_or_was() {
    let (_, client) = world();
    let many = |object: aws_sdk_s3::types::builders::ObjectIdentifierBuilder| {
        let delete = Delete::builder().objects(object.key("k").build().unwrap());
        client.delete_objects().bucket(BUCKET).delete(delete.build().unwrap()).send()
    };
    let hidden = many(ObjectIdentifier::builder()).await.unwrap();
    let mark = hidden.deleted()[0].delete_marker_version_id().unwrap();
    assert_eq!(hidden.deleted()[0].version_id(), None);
    let shown = many(ObjectIdentifier::builder().version_id(mark)).await.unwrap();
    assert_eq!(shown.deleted()[0].delete_marker(), Some(true));
    assert_eq!(shown.deleted()[0].delete_marker_version_id(), Some(mark));
    let list = client.list_object_versions().bucket(BUCKET).send().await.unwrap();
    assert_eq!(list.delete_markers().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn versioning_is_told_what_it_is_to_be() {
    let (_, client) = world();
    let nothing = VersioningConfiguration::builder().build();
    let put = client.put_bucket_versioning().bucket(BUCKET).versioning_configuration(nothing);
    assert_eq!(code(put.send().await), "IllegalVersioningConfigurationException");
    let got = client.get_bucket_versioning().bucket(BUCKET).send().await.unwrap();
    assert_eq!(got.status, Some(BucketVersioningStatus::Enabled));
}
