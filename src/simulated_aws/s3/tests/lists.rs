//! Lists of objects and of versions, and their pages.

use super::*;

#[tokio::test(start_paused = true)]
async fn lists_come_in_pages_and_by_what_keys_begin_with() {
    let (_, client) = world();
    for number in 0..5 {
        put(&client, &format!("a/{number}"), "").await;
    }
    put(&client, "b", "").await;
    let (mut keys, mut token, mut pages) = (Vec::new(), None, 0);
    loop {
        let page =
            client.list_objects_v2().bucket(BUCKET).max_keys(2).set_continuation_token(token);
        let page = page.send().await.unwrap();
        keys.extend(page.contents().iter().filter_map(|object| object.key().map(str::to_owned)));
        pages += 1;
        token = page.next_continuation_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!((keys.len(), pages), (6, 3));
    assert!(keys.is_sorted());
    let by_folder = client.list_objects_v2().bucket(BUCKET).delimiter("/").send().await.unwrap();
    assert_eq!(by_folder.common_prefixes()[0].prefix(), Some("a/"));
    assert_eq!(by_folder.contents().len(), 1);
    let within = client.list_objects_v2().bucket(BUCKET).prefix("a/").start_after("a/2");
    assert_eq!(within.send().await.unwrap().contents().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_page_of_none_is_all_there_is_and_one_of_no_number_is_refused() {
    let (_, client) = world();
    put(&client, "a", "").await;
    let page = |size| client.list_objects_v2().bucket(BUCKET).max_keys(size).send();
    let none = page(0).await.unwrap();
    assert_eq!((none.key_count, none.is_truncated), (Some(0), Some(false)));
    let refused = page(-1).await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidArgument"));
    let versions = |size| client.list_object_versions().bucket(BUCKET).max_keys(size).send();
    assert_eq!(versions(0).await.unwrap().is_truncated, Some(false));
    assert_eq!(code(versions(-1).await), "InvalidArgument");
}
