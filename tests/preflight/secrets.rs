//! Secrets and parameters.

use provision::preflight::Weight::{Certain, Doubtful, Note};
use serde_json::json;

use crate::harness::World;
use crate::{found, titles};

const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-a1b2c3";
const PARAMETER: &str = "arn:aws:ssm:us-east-1:123456789012:parameter";

/// A service with a variable that is filled from there.
fn filled_from(arn: &str) -> String {
    format!("services.app.secrets.KEY = {arn}")
}

#[tokio::test(start_paused = true)]
async fn secrets_and_parameters_that_are_there_are_fine() {
    let world = World::new();
    for arn in [SECRET, &format!("{SECRET}:user::"), &format!("{PARAMETER}/shop/key")] {
        assert_eq!(titles(&found(&world, &filled_from(arn)).await), [], "{arn}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_operation_that_gives_a_value_is_called() {
    let world = World::new();
    found(&world, &filled_from(SECRET)).await;
    found(&world, &filled_from(&format!("{PARAMETER}/key"))).await;
    let calls = world.endpoint.calls();
    let called = |name: &str| calls.iter().any(|call| call.operation == name);
    assert!(called("DescribeSecret") && called("DescribeParameters"));
    for operation in ["GetSecretValue", "BatchGetSecretValue", "GetParameter", "GetParameters"] {
        assert!(!called(operation), "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_does_not_exist_is_named_with_its_variable() {
    let world = World::new();
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/none-x1y2z3";
    let findings = found(&world, &filled_from(arn)).await;
    assert_eq!(titles(&findings), [(Certain, "the secret shop/none-x1y2z3 does not exist")]);
    assert!(findings[0].explanation.starts_with("`services.app.secrets.KEY` takes its value"));
    assert!(findings[0].remedies[0].contains("create-secret --name shop/none --secret-string"));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_was_made_a_moment_ago_is_found() {
    let mut world = World::new();
    let endpoint = std::sync::Arc::clone(&world.endpoint);
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:late-x1y2z3";
    tokio::spawn(async move {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        endpoint.with_cloud(|cloud| cloud.secretsmanager.furnish(arn));
    });
    world.waiting = false;
    assert_eq!(titles(&found(&world, &filled_from(arn)).await), []);
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_does_not_exist_is_named() {
    let world = World::new();
    let findings = found(&world, &filled_from(&format!("{PARAMETER}/shop/none"))).await;
    assert_eq!(titles(&findings), [(Certain, "the parameter /shop/none does not exist")]);
    assert!(findings[0].remedies[0].contains("put-parameter --name /shop/none"));
}

#[tokio::test(start_paused = true)]
async fn a_parameter_may_be_called_without_its_slash() {
    let world = World::new();
    world.endpoint.with_cloud(|cloud| cloud.ssm.furnish("token"));
    assert_eq!(titles(&found(&world, &filled_from(&format!("{PARAMETER}/token"))).await), []);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_scheduled_for_deletion_can_be_restored() {
    let world = World::new();
    world.ask("secretsmanager", "DeleteSecret", &json!({"SecretId": SECRET}));
    let findings = found(&world, &filled_from(SECRET)).await;
    assert_eq!(titles(&findings), [(Certain, "the secret db-a1b2c3 is scheduled for deletion")]);
    assert!(findings[0].remedies[0].contains(&format!("restore-secret --secret-id {SECRET}")));
    world.ask("secretsmanager", "RestoreSecret", &json!({"SecretId": SECRET}));
    assert_eq!(titles(&found(&world, &filled_from(SECRET)).await), []);
}

#[tokio::test(start_paused = true)]
async fn a_secret_without_a_value_of_the_stage_is_as_good_as_none() {
    let world = World::new();
    let findings = found(&world, &filled_from(&format!("{SECRET}::AWSPREVIOUS:"))).await;
    assert_eq!(titles(&findings), [(Certain, "the secret db-a1b2c3 has no value AWSPREVIOUS")]);
    let made = world.ask("secretsmanager", "CreateSecret", &json!({"Name": "empty"}));
    let arn = made["ARN"].as_str().unwrap_or_default();
    let findings = found(&world, &filled_from(arn)).await;
    assert!(findings[0].title.ends_with("has no value AWSCURRENT"), "{:?}", findings[0]);
}

#[tokio::test(start_paused = true)]
async fn a_key_of_its_own_may_be_closed_to_the_execution_role() {
    let world = World::new();
    let request = json!({"Name": "locked", "SecretString": "s", "KmsKeyId": "alias/shop"});
    let made = world.ask("secretsmanager", "CreateSecret", &request);
    let arn = made["ARN"].as_str().unwrap_or_default();
    let findings = found(&world, &filled_from(arn)).await;
    assert_eq!(findings[0].weight, Doubtful);
    assert!(findings[0].title.ends_with("is encrypted with a key of its own"));
    assert!(findings[0].explanation.contains("alias/shop"));
}

#[tokio::test(start_paused = true)]
async fn secrets_of_other_accounts_and_regions_are_only_mentioned() {
    let world = World::new();
    let arn = "arn:aws:secretsmanager:eu-west-1:999999999999:secret:theirs-x1y2z3";
    let findings = found(&world, &filled_from(arn)).await;
    let title = "secrets of other accounts or regions were not looked at";
    assert_eq!(titles(&findings), [(Note, title)]);
    assert_eq!(findings[0].explanation, arn);
}
