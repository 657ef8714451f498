//! The roles that AWS's own services work with.

use provision::preflight::first_use::{Linked, make};
use provision::preflight::{Check, Weight};
use provision::simulated_aws::faults::{Faults, Refusals};
use provision::simulated_aws::wire::ApiError;
use serde_json::json;

use crate::harness::{World, config};
use crate::looked;

const SCALED: &str = "services.app.autoscaling.min = 2\nservices.app.autoscaling.max = 4\n\
                      services.app.autoscaling.cpu = 60";

#[tokio::test(start_paused = true)]
async fn an_account_that_is_new_to_a_service_gets_its_role_first() {
    let world = World::new();
    let preflight = looked(&world, "").await;
    assert_eq!(preflight.missing, [Linked::Ecs, Linked::Elb]);
    assert_eq!(preflight.findings.len(), 1);
    assert_eq!(preflight.findings[0].weight, Weight::Note);
    assert!(preflight.findings[0].explanation.contains("AWSServiceRoleForECS"));
    assert_eq!(looked(&world, SCALED).await.missing.len(), 3);

    assert_eq!(make(&world.aws, &preflight.missing).await, []);
    let asked = json!({"RoleName": "AWSServiceRoleForElasticLoadBalancing"});
    world.ask("iam", "GetRole", &asked);
    assert_eq!(looked(&world, "").await.findings, []);
}

#[tokio::test(start_paused = true)]
async fn a_role_that_somebody_else_has_just_made_is_there() {
    let world = World::new();
    let missing = looked(&world, "").await.missing;
    let asked = json!({"AWSServiceName": "ecs.amazonaws.com"});
    world.ask("iam", "CreateServiceLinkedRole", &asked);
    assert_eq!(make(&world.aws, &missing).await, []);
}

#[tokio::test(start_paused = true)]
async fn whoever_may_not_make_it_is_told_and_goes_on() {
    let world = World::new();
    let denied = ApiError::new("AccessDenied", "not authorized").with_status(403);
    let refusals = Refusals::always("CreateServiceLinkedRole", denied);
    Faults::new(&world.endpoint, 7).with(refusals).begin();
    let missing = looked(&world, "").await.missing;
    let findings = make(&world.aws, &missing).await;
    assert_eq!(findings.len(), 2);
    assert_eq!(
        (findings[0].weight, findings[0].check),
        (Weight::Doubtful, Check::ServiceLinkedRole)
    );
    assert!(findings[0].remedies[0].contains("--aws-service-name ecs.amazonaws.com"));
}

#[tokio::test(start_paused = true)]
async fn removal_leaves_them() {
    let mut world = World::new();
    let missing = looked(&world, "").await.missing;
    make(&world.aws, &missing).await;
    world.up(&config("")).await;
    world.down().await;
    world.ask("iam", "GetRole", &json!({"RoleName": "AWSServiceRoleForECS"}));
}
