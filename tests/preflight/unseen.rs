//! What can't be read is said, and stops nothing.

use std::time::Duration;

use provision::preflight::{Check, Weight};
use provision::simulated_aws::endpoint::Verdict;
use provision::simulated_aws::faults::{Fault, Faults, Refusals, Scene};
use provision::simulated_aws::wire::{ApiError, Service};
use serde_json::json;
use tokio::time::Instant;

use crate::harness::World;
use crate::{found, looked, titles};

const SECRET: &str =
    "services.app.secrets.KEY = arn:aws:secretsmanager:us-east-1:123456789012:secret:no-x1y2z3";

fn denied(code: &str) -> ApiError {
    ApiError::new(code, "not authorized to perform this").with_status(403)
}

fn refuse(world: &World, operations: &[(&'static str, &str)]) {
    let faults = Faults::new(&world.endpoint, 7);
    let each = operations.iter();
    each.fold(faults, |faults, (name, code)| faults.with(Refusals::always(name, denied(code))))
        .begin();
}

#[tokio::test(start_paused = true)]
async fn lack_of_permission_is_one_note_that_names_what_to_allow() {
    let world = World::new();
    let operations = [
        ("DescribeSecret", "AccessDeniedException"),
        ("DescribeAddresses", "UnauthorizedOperation"),
        ("DescribeLoadBalancers", "AccessDenied"),
    ];
    let plan = world.plan(&crate::harness::config(SECRET)).await;
    refuse(&world, &operations);
    let findings = provision::preflight::look(&world.aws, &plan).await.findings;
    let unseen: Vec<_> = findings.iter().filter(|finding| finding.check == Check::Unseen).collect();
    assert_eq!(unseen.len(), 1, "{findings:#?}");
    assert_eq!(unseen[0].weight, Weight::Note);
    assert_eq!(unseen[0].title, "not everything was checked, for lack of permission");
    assert!(unseen[0].explanation.contains("Elastic IP addresses in use"));
    assert_eq!(
        unseen[0].remedies,
        ["to have it checked, allow `ec2:DescribeAddresses`, \
          `elasticloadbalancing:DescribeLoadBalancers`, `secretsmanager:DescribeSecret`"]
    );
    assert!(!findings.iter().any(|finding| finding.weight < Weight::Note));
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_not_told_is_taken_from_the_documents_and_only_warned_of() {
    let world = World::new();
    for _ in 0..5 {
        world.ask("ec2", "CreateVpc", &json!({"CidrBlock": "10.9.0.0/16"}));
    }
    refuse(&world, &[("GetServiceQuota", "AccessDeniedException")]);
    let findings = found(&world, "").await;
    assert_eq!(findings[0].weight, Weight::Doubtful);
    assert!(findings[0].explanation.contains("could not be read: 5 is what AWS gives a new one"));
    assert_eq!(titles(&findings[1..]).len(), 1);
}

#[derive(Debug)]
struct Silent(Service);

impl Fault for Silent {
    fn before(&mut self, scene: &mut Scene<'_>) -> Verdict {
        if scene.call.service == self.0 { Verdict::Silence } else { Verdict::Pass }
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_answer_holds_nothing_up() {
    let world = World::new();
    Faults::new(&world.endpoint, 7).with(Silent(Service::ServiceQuotas)).begin();
    let began = Instant::now();
    let preflight = looked(&world, "").await;
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    let last = preflight.findings.last().map(|finding| finding.title.as_str());
    assert_eq!(last, Some("not everything was checked, since AWS did not tell"));
    assert!(!preflight.is_certain_to_fail());
}
