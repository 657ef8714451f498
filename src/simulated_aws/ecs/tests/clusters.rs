use super::*;

fn described(world: &mut World) -> Value {
    let include = ["SETTINGS", "TAGS", "ATTACHMENTS"];
    world.done("DescribeClusters", json!({"clusters": ["main"], "include": include}))
}

#[test]
fn a_cluster_made_twice_stays_the_first() {
    let mut world = World::new();
    let tags = json!([{"key": "owner", "value": "me"}]);
    world.done("CreateCluster", json!({"clusterName": "main", "tags": tags}));
    assert_eq!(described(&mut world)["clusters"][0]["tags"], json!([]));
}

#[test]
fn tags_and_settings_are_shown_only_on_request() {
    let mut world = World::new();
    let bare = world.done("DescribeClusters", json!({"clusters": ["main"]}));
    assert!(bare["clusters"][0]["settings"].is_null() && bare["clusters"][0]["tags"].is_null());
    let full = described(&mut world);
    assert_eq!(full["clusters"][0]["settings"][0]["value"], "disabled");
}

#[test]
fn a_cluster_that_never_was_is_missing_and_a_deleted_one_inactive() {
    let mut world = World::new();
    world.done("DeleteCluster", json!({"cluster": "main"}));
    let seen = world.done("DescribeClusters", json!({"clusters": ["main", "other"]}));
    assert_eq!(seen["clusters"][0]["status"], "INACTIVE");
    assert_eq!(seen["failures"][0]["reason"], "MISSING");
    world.wait(3700);
    assert_eq!(described(&mut world)["failures"][0]["reason"], "MISSING");
}

#[test]
fn capacity_providers_are_replaced_whole_and_need_a_moment() {
    let mut world = World::new();
    let strategy = json!([{"capacityProvider": "FARGATE_SPOT"}]);
    let request = json!({
        "cluster": "main",
        "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "defaultCapacityProviderStrategy": strategy,
    });
    let answer = world.done("PutClusterCapacityProviders", request.clone());
    assert_eq!(answer["cluster"]["attachmentsStatus"], "UPDATE_IN_PROGRESS");
    let (code, _) = world.refused("PutClusterCapacityProviders", request);
    assert_eq!(code, "UpdateInProgressException");
    world.wait(5);
    let cluster = described(&mut world)["clusters"][0].take();
    assert_eq!(cluster["attachmentsStatus"], "UPDATE_COMPLETE");
    let filled = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]);
    assert_eq!(cluster["defaultCapacityProviderStrategy"], filled);
}

#[test]
fn a_cluster_with_a_service_cannot_be_deleted_while_it_drains() {
    let mut world = World::steady();
    let request = json!({"cluster": "main"});
    let services = "ClusterContainsServicesException";
    assert_eq!(world.refused("DeleteCluster", request.clone()).0, services);
    world.done("DeleteService", json!({"cluster": "main", "service": "app", "force": true}));
    assert_eq!(world.refused("DeleteCluster", request.clone()).0, services);
    world.wait(400);
    world.done("DeleteCluster", request);
}

#[test]
fn insights_are_switched_and_wrong_values_refused() {
    let mut world = World::new();
    let set = |value: &str| {
        let setting = json!({"name": "containerInsights", "value": value});
        json!({"cluster": "main", "settings": [setting]})
    };
    world.done("UpdateClusterSettings", set("enhanced"));
    assert_eq!(described(&mut world)["clusters"][0]["settings"][0]["value"], "enhanced");
    assert_eq!(world.refused("UpdateCluster", set("on")).0, "InvalidParameterException");
}
