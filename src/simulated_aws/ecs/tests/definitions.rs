use super::*;

#[test]
fn revisions_are_never_used_twice() {
    let mut world = World::new();
    for revision in 1..=2 {
        let made = world.done("RegisterTaskDefinition", definition());
        assert_eq!(made["taskDefinition"]["revision"], revision);
        let name = format!("app:{revision}");
        world.done("DeregisterTaskDefinition", json!({"taskDefinition": name}));
        world.done("DeleteTaskDefinitions", json!({"taskDefinitions": [name]}));
        world.wait(120);
        let gone = world.refused("DescribeTaskDefinition", json!({"taskDefinition": name}));
        assert_eq!(gone.1, "Unable to describe task definition.");
    }
}

#[test]
fn defaults_are_filled_in_and_sizes_rewritten() {
    let mut world = World::new();
    let mut request = definition();
    request["cpu"] = json!("1 vCPU");
    request["memory"] = json!("2GB");
    request["executionRoleArn"] = json!("execution");
    request["containerDefinitions"][0]["environment"] =
        json!([{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]);
    request["containerDefinitions"][0]["healthCheck"] = json!({"command": ["CMD", "true"]});
    let made = world.done("RegisterTaskDefinition", request)["taskDefinition"].take();
    assert_eq!((&made["cpu"], &made["memory"]), (&json!("1024"), &json!("2048")));
    assert_eq!(made["executionRoleArn"], ROLE);
    let container = &made["containerDefinitions"][0];
    assert_eq!(container["essential"], true);
    assert_eq!(container["cpu"], 0);
    assert_eq!(container["mountPoints"], json!([]));
    let mapping = json!([{"containerPort": 8000, "hostPort": 8000, "protocol": "tcp"}]);
    assert_eq!(container["portMappings"], mapping);
    assert_eq!(container["environment"][0]["name"], "A");
    assert_eq!(container["healthCheck"]["retries"], 3);
}

#[test]
fn what_fargate_cannot_run_is_refused() {
    let mut world = World::new();
    let cases = [
        ("/memory", json!("4096"), "No Fargate configuration exists"),
        ("/cpu", json!("300"), "No Fargate configuration exists"),
        ("/networkMode", json!("bridge"), "only supports network mode"),
        ("/executionRoleArn", json!(""), "execution role ARN to support log driver awslogs"),
        ("/containerDefinitions", json!([]), "Container list cannot be empty"),
        ("/containerDefinitions/0/name", json!("my app"), "Container.name"),
        ("/containerDefinitions/0/image", json!(""), "Container.image"),
        ("/containerDefinitions/0/portMappings/0/hostPort", json!(80), "must match"),
    ];
    for (path, value, fragment) in cases {
        let mut request = definition();
        request["containerDefinitions"][0]["portMappings"][0]["hostPort"] = json!(8000);
        *request.pointer_mut(path).unwrap() = value;
        let (_, message) = world.refused("RegisterTaskDefinition", request);
        assert!(message.contains(fragment), "{path}: {message}");
    }
}

#[test]
fn only_inactive_revisions_are_deleted() {
    let mut world = World::ready();
    let answer =
        world.done("DeleteTaskDefinitions", json!({"taskDefinitions": ["app:1", "app:9"]}));
    assert_eq!(answer["taskDefinitions"], json!([]));
    assert!(text(&answer["failures"][0]["reason"]).contains("still in ACTIVE status"));
    assert_eq!(answer["failures"][1]["reason"], "MISSING");
}

#[test]
fn a_family_is_listed_page_by_page() {
    let mut world = World::new();
    for _ in 0..3 {
        world.done("RegisterTaskDefinition", definition());
    }
    let first = json!({"familyPrefix": "app", "sort": "DESC", "maxResults": 2});
    let first = world.done("ListTaskDefinitions", first);
    assert!(text(&first["taskDefinitionArns"][0]).ends_with("app:3"));
    let rest = json!({
        "familyPrefix": "app", "sort": "DESC", "maxResults": 2, "nextToken": first["nextToken"],
    });
    let rest = world.done("ListTaskDefinitions", rest);
    assert_eq!(rest["taskDefinitionArns"].as_array().unwrap().len(), 1);
    assert!(rest["nextToken"].is_null());
}

#[test]
fn a_revision_in_use_outlives_its_deletion() {
    let mut world = World::steady();
    world.done("DeregisterTaskDefinition", json!({"taskDefinition": "app:1"}));
    world.done("DeleteTaskDefinitions", json!({"taskDefinitions": ["app:1"]}));
    world.wait(600);
    let seen = world.done("DescribeTaskDefinition", json!({"taskDefinition": "app:1"}));
    assert_eq!(seen["taskDefinition"]["status"], "DELETE_IN_PROGRESS");
    // Scaling goes on with it, a new deployment does not (aws-behaviour 13.d).
    world.update(json!({"desiredCount": 3}));
    world.wait(200);
    assert_eq!(world.look()["runningCount"], 3);
    let force = json!({"cluster": "main", "service": "app", "forceNewDeployment": true});
    assert_eq!(world.refused("UpdateService", force).0, "ClientException");
}
