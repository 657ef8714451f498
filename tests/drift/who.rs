//! Who changed it, and when: what the simulated CloudTrail tells, and what it does not.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::sync::Arc;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ec2::types::{IpPermission, IpRange, Tag};
use aws_types::SdkConfig;
use aws_types::region::Region;
use provision::aws::{Aws, Pace};
use provision::drift::{Class, Deed, Drift, Who, field_of};
use provision::simulated_aws::clock::{Clock, Moment};
use provision::simulated_aws::cloud::Cloud;
use provision::simulated_aws::connector::Connector;
use provision::simulated_aws::endpoint::{Call, Endpoint};
use provision::simulated_aws::faults::{Buckets, Faults, Refusals};
use provision::simulated_aws::sts::Caller;
use provision::simulated_aws::wire::ApiError;
use provision::trail::{self, LONGEST, MOST_CALLS};
use tokio::time::Instant;

use crate::changes::{CHANGES, Change, make};
use crate::harness::{World, load};
use crate::world::{check, fix, full};

/// How long it takes at most until the simulated CloudTrail tells of a call.
const TOLD_WITHIN: Duration = Duration::from_mins(8);

/// The clients of somebody who has a key to the account.
fn stranger(world: &World, caller: Caller) -> SdkConfig {
    let region = world.endpoint.with_cloud(|cloud| cloud.region.clone());
    let key = format!("AKIA{}", caller.name().to_uppercase());
    world.endpoint.with_cloud(|cloud| cloud.sts.furnish(&key, caller));
    let credentials = Credentials::new(key, "secret", None, None, "simulated");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .retry_config(RetryConfig::disabled())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(Connector::new(Arc::clone(&world.endpoint)))
        .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
        .build()
}

fn alice(world: &World) -> SdkConfig {
    stranger(world, Caller::User("alice".into()))
}

fn bob(world: &World) -> SdkConfig {
    stranger(world, Caller::Role { role: "Admin".into(), session: "bob".into() })
}

async fn cut_retention(config: &SdkConfig, days: i32) {
    let logs = aws_sdk_cloudwatchlogs::Client::new(config);
    let request = logs.put_retention_policy().log_group_name("/ecs/shop-dev");
    request.retention_in_days(days).send().await.unwrap();
}

async fn open_port(config: &SdkConfig, group: &str, port: i32) {
    let anywhere = IpRange::builder().cidr_ip("0.0.0.0/0").build();
    let permission = IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(port)
        .to_port(port)
        .ip_ranges(anywhere)
        .build();
    let ec2 = aws_sdk_ec2::Client::new(config);
    let request = ec2.authorize_security_group_ingress().group_id(group);
    request.ip_permissions(permission).send().await.unwrap();
}

async fn reword_role(config: &SdkConfig) {
    let iam = aws_sdk_iam::Client::new(config);
    let request = iam.update_role().role_name("shop-dev-task").description("mine");
    request.send().await.unwrap();
}

/// A check with CloudTrail's answers, and what is said once for all.
async fn told(world: &World) -> (Drift, Option<String>) {
    let mut drift = check(world, &full()).await;
    let note = trail::tell(&world.aws, &world.memory.state, &mut drift).await;
    (drift, note)
}

/// Who did what, a line for each finding.
fn deeds(drift: &Drift) -> Vec<String> {
    let by = |deed: &Deed| format!("{} {}", deed.by, deed.event);
    let line = |who: &Option<Who>| match who {
        Some(Who::Known { calls }) => calls.iter().map(by).collect::<Vec<_>>().join(", "),
        Some(other) => format!("{other:?}"),
        None => "nobody asked".into(),
    };
    drift.findings.iter().map(|one| format!("{}: {}", one.address, line(&one.who))).collect()
}

fn lookups(world: &World) -> usize {
    world.endpoint.calls().iter().filter(|call| call.operation == "LookupEvents").count()
}

async fn made() -> World {
    let mut world = World::new();
    world.up(&full()).await;
    world
}

#[tokio::test(start_paused = true)]
async fn an_outside_change_is_told_with_who_and_when() {
    let world = made().await;
    let balancer = world.output("security_group.balancer", "id");
    tokio::time::sleep(Duration::from_hours(3)).await;
    let began = world.endpoint.with_cloud(|cloud| cloud.timestamp(cloud.now));
    cut_retention(&alice(&world), 1).await;
    open_port(&bob(&world), &balancer, 22).await;
    reword_role(&stranger(&world, Caller::Service("config.amazonaws.com".into()))).await;
    tokio::time::sleep(TOLD_WITHIN).await;
    let (drift, note) = told(&world).await;
    assert_eq!(
        deeds(&drift),
        [
            "security_group.balancer: bob (role Admin) AuthorizeSecurityGroupIngress",
            "log_group.app: alice PutRetentionPolicy",
            "role.app-task: AWS (config.amazonaws.com) UpdateRole",
        ]
    );
    assert_eq!(note, None);
    let Some(Who::Known { calls }) = &drift.findings[1].who else { panic!("{drift:?}") };
    let late = calls[0].at.duration_since(began);
    assert!((0..2).contains(&late.as_secs()), "{late:?} after it was made");
    assert_eq!(calls[0].from.as_deref(), Some("203.0.113.10"));
    assert!(calls[0].agent.as_deref().unwrap().starts_with("aws-sdk-rust/"));
}

/// The events of IAM are in another region than the stack.
#[tokio::test(start_paused = true)]
async fn whoever_changed_a_role_is_found_from_every_region() {
    let region = "eu-west-1";
    let mut world = World::new();
    let cloud = Cloud::new(region, "2026-01-01T00:00:00Z".parse().unwrap(), 7);
    let clock = Clock::starting_at(Moment::default(), 1.0);
    world.endpoint = Arc::new(Endpoint::new(cloud, clock));
    let own = stranger(&world, Caller::User("deployer".into()));
    world.aws = Aws::new(&own, Pace::REAL).unwrap();
    world.memory.state.region = region.into();
    let text = "name = \"shop\"\nregion = \"eu-west-1\"\n[services.app]\nimage = \"nginx:1\"\n";
    let config = load(text.into(), vec![]);
    world.up(&config).await;
    reword_role(&alice(&world)).await;
    tokio::time::sleep(TOLD_WITHIN).await;
    let mut drift = check(&world, &config).await;
    trail::tell(&world.aws, &world.memory.state, &mut drift).await;
    assert_eq!(deeds(&drift), ["role.app-task: alice UpdateRole"]);
    let asked = world.endpoint.calls();
    let asked = asked.iter().filter(|call| call.operation == "LookupEvents");
    assert!(asked.into_iter().all(|call| call.region == "us-east-1"));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_moments_ago_is_not_known_yet_and_is_later() {
    let world = made().await;
    cut_retention(&alice(&world), 1).await;
    assert_eq!(deeds(&told(&world).await.0), ["log_group.app: NotKnownYet"]);
    tokio::time::sleep(TOLD_WITHIN).await;
    assert_eq!(deeds(&told(&world).await.0), ["log_group.app: alice PutRetentionPolicy"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_named_whose_change_was_since_undone() {
    let mut world = made().await;
    cut_retention(&alice(&world), 1).await;
    fix(&mut world, &full()).await;
    tokio::time::sleep(TOLD_WITHIN).await;
    cut_retention(&bob(&world), 3).await;
    assert_eq!(deeds(&told(&world).await.0), ["log_group.app: NotKnownYet"], "alice's was undone");
    tokio::time::sleep(TOLD_WITHIN).await;
    let bobs = ["log_group.app: bob (role Admin) PutRetentionPolicy"];
    assert_eq!(deeds(&told(&world).await.0), bobs);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_named_for_something_else_about_the_same_resource() {
    let world = made().await;
    let group = world.output("security_group.balancer", "id");
    open_port(&bob(&world), &group, 22).await;
    let ec2 = aws_sdk_ec2::Client::new(&alice(&world));
    let tag = Tag::builder().key("seen").value("1").build();
    ec2.create_tags().resources(&group).tags(tag).send().await.unwrap();
    open_port(&alice(&world), &world.output("security_group.app", "id"), 23).await;
    tokio::time::sleep(TOLD_WITHIN).await;
    assert_eq!(
        deeds(&told(&world).await.0),
        [
            "security_group.app: alice AuthorizeSecurityGroupIngress",
            "security_group.balancer: bob (role Admin) AuthorizeSecurityGroupIngress",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn of_two_rules_each_has_whoever_added_it() {
    let world = made().await;
    let group = world.output("security_group.balancer", "id");
    open_port(&bob(&world), &group, 22).await;
    open_port(&alice(&world), &group, 23).await;
    tokio::time::sleep(TOLD_WITHIN).await;
    assert_eq!(
        deeds(&told(&world).await.0),
        [
            "security_group.balancer: bob (role Admin) AuthorizeSecurityGroupIngress",
            "security_group.balancer: alice AuthorizeSecurityGroupIngress",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_refused_is_nobodys_deed() {
    let world = made().await;
    cut_retention(&alice(&world), 1).await;
    let logs = aws_sdk_cloudwatchlogs::Client::new(&bob(&world));
    let request = logs.put_retention_policy().log_group_name("/ecs/shop-dev").retention_in_days(2);
    request.send().await.unwrap_err();
    tokio::time::sleep(TOLD_WITHIN).await;
    assert_eq!(deeds(&told(&world).await.0), ["log_group.app: alice PutRetentionPolicy"]);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_ask_is_told_so_once() {
    let world = made().await;
    cut_retention(&alice(&world), 1).await;
    reword_role(&bob(&world)).await;
    tokio::time::sleep(TOLD_WITHIN).await;
    let denied = ApiError::new("AccessDeniedException", "not authorized to perform that");
    Faults::new(&world.endpoint, 1).with(Refusals::always("LookupEvents", denied)).begin();
    let (drift, note) = told(&world).await;
    assert_eq!(deeds(&drift), ["log_group.app: NotReadable", "role.app-task: NotReadable"]);
    let note = note.unwrap();
    assert!(note.contains("these credentials may not read CloudTrail"), "{note}");
    assert!(note.contains("cloudtrail:LookupEvents"), "{note}");
    assert_eq!(lookups(&world), 1, "it is not asked again");
}

#[tokio::test(start_paused = true)]
async fn a_check_that_finds_nothing_asks_nothing() {
    let world = made().await;
    let (drift, note) = told(&world).await;
    assert_eq!((drift.findings.len(), note, lookups(&world)), (0, None, 0));
}

/// Whether nothing more can be changed afterwards of what a change is about: it is gone, or its
/// requests go elsewhere.
fn goes_last(change: &Change) -> bool {
    change.class == Class::Missing || change.address == "listener.http"
}

/// Changes everything that can be changed, by calls that CloudTrail does not tell of yet.
async fn sabotaged() -> World {
    let world = made().await;
    for change in CHANGES.iter().filter(|change| !goes_last(change)) {
        make(&world, change).await;
    }
    world
}

#[tokio::test(start_paused = true)]
async fn much_drift_is_asked_for_a_bounded_number_of_times_the_worst_first() {
    let world = sabotaged().await;
    let buckets = Buckets::new(1.0);
    let refused = buckets.refused();
    Faults::new(&world.endpoint, 1).with(buckets).begin();
    let (drift, note) = told(&world).await;
    assert!(drift.findings.len() > MOST_CALLS, "{}", drift.findings.len());
    assert_eq!(lookups(&world), MOST_CALLS);
    assert_eq!(refused.load(std::sync::atomic::Ordering::Relaxed), 0, "it throttled itself");
    let asked = |who: &Option<Who>| *who != Some(Who::NotAsked);
    let answers: Vec<bool> = drift.findings.iter().map(|one| asked(&one.who)).collect();
    assert!(answers[0] && !answers[answers.len() - 1], "{answers:?}");
    let unasked = answers.iter().filter(|asked| !**asked).count();
    assert!(note.unwrap().contains(&format!("who made {unasked} of the changes was not asked")));
}

#[tokio::test(start_paused = true)]
async fn a_cloudtrail_that_others_use_up_is_waited_for_a_bounded_time() {
    let world = sabotaged().await;
    let mut drift = check(&world, &full()).await;
    Faults::new(&world.endpoint, 1).with(Buckets::new(0.01)).begin();
    let began = Instant::now();
    let note = trail::tell(&world.aws, &world.memory.state, &mut drift).await;
    assert!(began.elapsed() <= LONGEST, "{:?}", began.elapsed());
    assert!(note.unwrap().contains("was not asked any more"));
}

/// The table of calls is right of everything that can be changed: each change is made by a call
/// that stands beside its property.
#[tokio::test(start_paused = true)]
async fn every_change_is_made_by_a_call_that_is_looked_for() {
    let world = made().await;
    let mut wrong = Vec::new();
    let mut changes: Vec<_> = CHANGES.iter().collect();
    changes.sort_by_key(|change| goes_last(change));
    for change in changes {
        let before = world.endpoint.calls().len();
        make(&world, change).await;
        let calls = world.endpoint.calls().split_off(before);
        let made = calls.into_iter().filter(Call::is_mutating).map(|call| call.operation);
        let made: Vec<String> = made.collect();
        let kind = change.address.parse::<provision::resource::Address>().unwrap().kind();
        let known = trail::writes(kind, field_of(change.property));
        if !made.iter().any(|call| known.contains(&call.as_str())) {
            wrong.push(format!("{} {}: {made:?}", change.address, change.property));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
