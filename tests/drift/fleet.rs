//! Many stacks in one look: what it takes, what it finds, and what hides nothing.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]
#![expect(clippy::cast_precision_loss, reason = "counts of calls are small")]

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use provision::config::Config;
use provision::drift::Drift;
use provision::fleet::{Against, Check, Checked, Files, Survey};
use provision::observe::Depth;
use provision::resource::Readiness;
use provision::simulated_aws::endpoint::{Call, Verdict};
use provision::simulated_aws::faults::{Buckets, Fault, Faults, Refusals, Scene};
use provision::simulated_aws::wire::ApiError;
use serde_json::{Value, json};

use crate::harness::ask;
use crate::harness::fleet::{Fleet, Taken, least_seconds};
use crate::world::lines;

async fn check(fleet: &Fleet, depth: Depth) -> Taken<Checked> {
    held_against(fleet, Files::default(), depth).await
}

async fn held_against(fleet: &Fleet, files: Files, depth: Depth) -> Taken<Checked> {
    let today = jiff::civil::date(2026, 1, 1);
    fleet.look_at(&Check { files: &files, today, depth }).await
}

/// What was found of each stack, or the error.
fn found(taken: &Taken<Checked>) -> BTreeMap<&str, Result<&Drift, String>> {
    taken
        .lines
        .iter()
        .map(|line| {
            let outcome = line.outcome.as_ref().map(|seen| &seen.drift);
            (line.name.stack.as_str(), outcome.map_err(ToString::to_string))
        })
        .collect()
}

fn assert_settled(found: &BTreeMap<&str, Result<&Drift, String>>, stacks: &[usize]) {
    for number in stacks {
        let drift = found[Fleet::name(*number).as_str()].as_ref().unwrap();
        assert_eq!(lines(drift), [""; 0], "{number}");
    }
}

/// Somebody else's doing.
fn outside(fleet: &Fleet, service: &str, operation: &str, request: &Value) {
    fleet.endpoint.with_cloud(|cloud| ask(cloud, service, operation, request)).unwrap();
}

/// How many stacks are a fleet: a thousand, which take minutes to simulate, where PROVISION_MATRIX
/// is `full`.
#[expect(clippy::disallowed_methods, reason = "how much to try is for whoever runs the tests")]
fn size() -> usize {
    if std::env::var("PROVISION_MATRIX").is_ok_and(|matrix| matrix == "full") { 1000 } else { 300 }
}

#[tokio::test(start_paused = true)]
async fn settled_stacks_take_seven_calls_each_as_fast_as_aws_gives_them() {
    let size = size();
    let fleet = Fleet::of(size, "").await;
    let buckets = Buckets::new(1.0);
    let refused = buckets.refused();
    Faults::new(&fleet.endpoint, 1).with(buckets).begin();
    let taken = check(&fleet, Depth::Shared).await;
    let found = found(&taken);
    assert_eq!(found.len(), size);
    assert_settled(&found, &(0..size).collect::<Vec<_>>());
    let (each, least) = (taken.calls.len() as f64 / size as f64, least_seconds(&taken.calls));
    println!("{each} calls each, {:.1} s, at least {least:.1} s", taken.seconds);
    assert!(each <= 7.0, "{each} calls each: {:?}", counts(&taken.calls));
    assert!(taken.seconds <= 1.2 * least, "{} s, and {least} s would do", taken.seconds);
    assert_eq!(refused.load(Ordering::Relaxed), 0, "the look throttled itself");
}

fn counts(calls: &[Call]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for call in calls {
        *counts.entry(call.operation.as_str()).or_default() += 1;
    }
    counts
}

#[tokio::test(start_paused = true)]
async fn what_differs_in_one_stack_is_found_there_and_nowhere_else() {
    let fleet = Fleet::of(5, "").await;
    let group = fleet.output(1, "security_group.app", "id");
    let open = json!({"GroupId": group, "IpPermissions": [
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
    ]});
    outside(&fleet, "ec2", "AuthorizeSecurityGroupIngress", &open);
    let role = fleet.output(3, "role.app-task", "name");
    let policy = json!({"RoleName": role, "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"});
    outside(&fleet, "iam", "AttachRolePolicy", &policy);
    let taken = check(&fleet, Depth::Shared).await;
    let found = found(&taken);
    assert_settled(&found, &[0, 2, 4]);
    let critical = |number: usize, place: &str| {
        let drift = found[Fleet::name(number).as_str()].as_ref().unwrap();
        let lines = lines(drift);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with(&format!("critical {place}")), "{lines:?}");
    };
    critical(1, "security_group.app ingress[");
    critical(3, "role.app-task managed_policies[");
}

#[tokio::test(start_paused = true)]
async fn a_state_that_can_not_be_read_hides_no_other() {
    let fleet = Fleet::of(4, "").await;
    let damaged = fleet.directory().snapshot_path(&Fleet::name(0), "dev");
    std::fs::write(damaged, "{ not a state").unwrap();
    let mut elsewhere = fleet.states[1].clone();
    elsewhere.account = "999999999999".into();
    fleet.record(&elsewhere);
    let mut far = fleet.states[2].clone();
    far.region = "ap-south-1".into();
    fleet.record(&far);
    let taken = check(&fleet, Depth::Shared).await;
    let found = found(&taken);
    let error = |number: usize| found[Fleet::name(number).as_str()].as_ref().unwrap_err();
    assert!(error(0).contains("is damaged"), "{}", error(0));
    assert!(error(1).contains("account 999999999999"), "{}", error(1));
    assert!(error(2).contains("no way to ap-south-1"), "{}", error(2));
    assert_settled(&found, &[3]);
}

/// While somebody is at work, what they change would look like drift.
#[tokio::test(start_paused = true)]
async fn a_stack_on_which_somebody_is_at_work_is_not_judged() {
    let fleet = Fleet::of(3, "").await;
    let lock = fleet.lock(&fleet.states[1]);
    let taken = check(&fleet, Depth::Shared).await;
    let found = self::found(&taken);
    let error = found[Fleet::name(1).as_str()].as_ref().unwrap_err();
    assert!(error.contains("somebody is at work on it"), "{error}");
    assert_settled(&found, &[0, 2]);
    let shown = fleet.look_at(&Survey).await;
    assert!(shown.lines.iter().all(|line| line.outcome.is_ok()), "and is shown all the same");
    drop(lock);
    assert_settled(&self::found(&check(&fleet, Depth::Shared).await), &[0, 1, 2]);
}

/// A record that no kind understands fails the read that all share.
#[tokio::test(start_paused = true)]
async fn a_state_that_makes_no_sense_hides_no_other() {
    let fleet = Fleet::of(7, "").await;
    let mut odd = fleet.states[4].clone();
    odd.resources.get_mut(&"vpc.main".parse().unwrap()).unwrap().outputs = json!({"no": "id"});
    fleet.record(&odd);
    let taken = check(&fleet, Depth::Shared).await;
    let found = found(&taken);
    assert_settled(&found, &[0, 1, 2, 3, 5, 6]);
    let error = found[Fleet::name(4).as_str()].as_ref().unwrap_err();
    assert!(error.contains("recorded of a vpc does not fit"), "{error}");
}

/// Refuses to tell of the services of one cluster.
#[derive(Debug)]
struct ClosedCluster(String);

impl Fault for ClosedCluster {
    fn before(&mut self, scene: &mut Scene<'_>) -> Verdict {
        let is_it = scene.call.request["cluster"].as_str() == Some(&self.0);
        if scene.call.operation != "DescribeServices" || !is_it {
            return Verdict::Pass;
        }
        let message = format!(
            "User: u is not authorized to perform: ecs:DescribeServices on resource: \
             arn:aws:ecs:us-east-1:123456789012:service/{0}/{0}",
            self.0
        );
        Verdict::Refuse(ApiError::new("AccessDeniedException", message))
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_denied_of_one_stack_is_told_of_that_one() {
    let fleet = Fleet::of(6, "").await;
    let closed = ClosedCluster(fleet.output(2, "cluster.main", "name"));
    Faults::new(&fleet.endpoint, 1).with(closed).begin();
    let taken = check(&fleet, Depth::Shared).await;
    let found = found(&taken);
    assert_settled(&found, &[0, 1, 3, 4, 5]);
    let error = found[Fleet::name(2).as_str()].as_ref().unwrap_err();
    assert!(error.contains("ecs:DescribeServices"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_denied_of_all_is_not_asked_for_each() {
    let fleet = Fleet::of(20, "").await;
    let denied = ApiError::new("UnauthorizedOperation", "You are not authorized").with_status(403);
    let refused = Refusals::always("DescribeVpcs", denied);
    Faults::new(&fleet.endpoint, 1).with(refused).begin();
    let taken = check(&fleet, Depth::Shared).await;
    assert!(found(&taken).values().all(|one| one.as_ref().is_err()));
    assert_eq!(counts(&taken.calls)["DescribeVpcs"], 1);
}

#[tokio::test(start_paused = true)]
async fn what_takes_a_call_for_each_is_seen_by_a_thorough_look_alone() {
    let fleet = Fleet::of(3, "").await;
    let listener = fleet.output(1, "listener.http", "arn");
    let rule = json!({
        "ListenerArn": listener, "Priority": 1,
        "Conditions": [{"Field": "path-pattern", "Values": ["/x"]}],
        "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
    });
    outside(&fleet, "elb", "CreateRule", &rule);
    let group = fleet.output(2, "log_group.app", "arn");
    let retagged = json!({"resourceArn": group, "tags": {"provision:stack": "other"}});
    outside(&fleet, "logs", "TagResource", &retagged);
    assert_settled(&found(&check(&fleet, Depth::Shared).await), &[0, 1, 2]);
    let taken = check(&fleet, Depth::Whole).await;
    let found = found(&taken);
    assert_settled(&found, &[0]);
    let one = lines(found[Fleet::name(1).as_str()].as_ref().unwrap());
    assert!(one.len() == 1 && one[0].contains(" rules["), "{one:?}");
    let other = lines(found[Fleet::name(2).as_str()].as_ref().unwrap());
    assert_eq!(other, ["medium log_group.app tags[provision:stack]"]);
    assert!(taken.calls.len() <= 3 * 40, "{}", taken.calls.len());
}

/// What the file wants is told where it is at hand; what it ignores is ignored.
#[tokio::test(start_paused = true)]
async fn a_stack_whose_file_is_there_is_held_against_it() {
    let fleet = Fleet::of(2, "").await;
    for number in [0, 1] {
        let name = fleet.output(number, "log_group.app", "name");
        let kept = json!({"logGroupName": name, "retentionInDays": 60});
        outside(&fleet, "logs", "PutRetentionPolicy", &kept);
    }
    let taken = held_against(&fleet, Files::from_iter([file(0)]), Depth::Shared).await;
    let against: Vec<Against> =
        taken.lines.iter().map(|line| line.outcome.as_ref().unwrap().against).collect();
    assert_eq!(against, [Against::File, Against::Applied]);
    let found = found(&taken);
    let [own, other] = [0, 1].map(|number| *found[Fleet::name(number).as_str()].as_ref().unwrap());
    assert_eq!(lines(own), ["pending notice target_group.app deregistration_delay_seconds"]);
    assert_eq!(own.ignored.len(), 1);
    assert_eq!(lines(other), ["low log_group.app retention_days"]);
}

/// The file of a stack that ignores how long logs are kept, and wants another delay.
fn file(number: usize) -> Config {
    let name = Fleet::name(number);
    crate::harness::load(
        format!(
            "name = \"{name}\"\nregion = \"us-east-1\"\n[services.app]\n\
             image = \"ghcr.io/acme/{name}:1\"\nderegistration_delay_seconds = 7\n\
             [drift]\nignore = [{{ address = \"log_group.*\", property = \"retention_days\" }}]\n"
        ),
        vec![],
    )
}

/// aws-behaviour 13.g: another revision that says the same is no drift, with a file or without.
#[tokio::test(start_paused = true)]
async fn another_revision_is_compared_by_what_it_says() {
    let fleet = Fleet::of(2, "").await;
    for (number, image) in [(0, None), (1, Some("ghcr.io/acme/other:2"))] {
        let arn = fleet.output(number, "task_definition.app", "arn");
        let asked = json!({"taskDefinition": arn});
        let cluster = fleet.output(number, "cluster.main", "name");
        let service = fleet.output(number, "service.app", "name");
        fleet.endpoint.with_cloud(|cloud| {
            let shown = ask(cloud, "ecs", "DescribeTaskDefinition", &asked).unwrap();
            let mut copy = shown["taskDefinition"].clone();
            if let Some(image) = image {
                copy["containerDefinitions"][0]["image"] = image.into();
            }
            let made = ask(cloud, "ecs", "RegisterTaskDefinition", &copy).unwrap();
            let update = json!({"cluster": cluster, "service": service,
                "taskDefinition": made["taskDefinition"]["taskDefinitionArn"]});
            ask(cloud, "ecs", "UpdateService", &update).unwrap();
        });
    }
    tokio::time::sleep(std::time::Duration::from_mins(10)).await;
    let taken = check(&fleet, Depth::Shared).await;
    let found = found(&taken);
    assert_settled(&found, &[0]);
    let drift = found[Fleet::name(1).as_str()].as_ref().unwrap();
    assert_eq!(lines(drift), ["high service.app task_definition"]);
    assert!(drift.findings[0].details[0].contains("other:2"), "{:?}", drift.findings[0].details);
}

#[tokio::test(start_paused = true)]
async fn how_many_stacks_are_is_told_by_what_is_worst_of_each() {
    let fleet = Fleet::of(3, "").await;
    let gateway = fleet.output(1, "nat_gateway.main", "id");
    outside(&fleet, "ec2", "DeleteNatGateway", &json!({"NatGatewayId": gateway}));
    let taken = fleet.look_at(&Survey).await;
    let amiss: Vec<_> =
        taken.lines.iter().map(|line| line.outcome.as_ref().unwrap().amiss.clone()).collect();
    assert_eq!(amiss[0], []);
    assert_eq!(amiss[2], []);
    let [(address, Readiness::Leaving(_))] = amiss[1].as_slice() else { panic!("{amiss:?}") };
    assert_eq!(address.to_string(), "nat_gateway.main");
    let url = taken.lines[0].outcome.as_ref().unwrap().url.as_deref().unwrap();
    assert!(url.starts_with("http://s0000-dev"), "{url}");
}
