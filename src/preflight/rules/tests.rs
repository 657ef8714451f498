//! The rules at the edges that an account seldom stands at.

use std::collections::BTreeMap;

use super::super::evidence::{Evidence, Limit, Source, Unseen, Used};
use super::super::finding::{Finding, Weight};
use super::super::needs::Needs;
use super::super::quota::Scarce;
use super::judge;

fn needs(scarce: Scarce, more: f64) -> Needs {
    let more = BTreeMap::from([(scarce, more)]);
    Needs { region: "eu-west-1".into(), more, ..Needs::default() }
}

fn evidence(scarce: Scarce, limit: f64, source: Source, used: Used) -> Evidence {
    let limits = BTreeMap::from([(scarce, Ok(Limit { value: limit, source }))]);
    Evidence { limits, used: BTreeMap::from([(scarce, Ok(used))]), ..Evidence::default() }
}

fn used(count: f64) -> Used {
    Used { count, ..Used::default() }
}

fn weights(findings: &[Finding]) -> Vec<Weight> {
    findings.iter().map(|finding| finding.weight).collect()
}

#[test]
fn what_just_fits_fits() {
    let needs = needs(Scarce::Addresses, 2.0);
    let fits = evidence(Scarce::Addresses, 5.0, Source::Applied, used(3.0));
    assert_eq!(judge(&needs, &fits), []);
    let does_not = evidence(Scarce::Addresses, 5.0, Source::Applied, used(4.0));
    assert_eq!(weights(&judge(&needs, &does_not)), [Weight::Certain]);
}

#[test]
fn more_than_an_applied_quota_is_no_room_either() {
    let evidence = evidence(Scarce::Vpcs, 5.0, Source::Applied, used(9.0));
    assert_eq!(weights(&judge(&needs(Scarce::Vpcs, 1.0), &evidence)), [Weight::Certain]);
}

#[test]
fn what_is_on_its_way_out_may_make_room() {
    let leaving = Used { count: 5.0, leaving: 2.0, at_least: false };
    let evidence = evidence(Scarce::Vpcs, 5.0, Source::Applied, leaving);
    let findings = judge(&needs(Scarce::Vpcs, 1.0), &evidence);
    assert_eq!(weights(&findings), [Weight::Doubtful]);
    assert!(findings[0].explanation.contains("2 of them are being deleted, and count until gone"));
}

#[test]
fn processors_beyond_the_quota_are_certain_and_those_in_use_by_others_are_not() {
    let alone = evidence(Scarce::Vcpus, 6.0, Source::Applied, used(0.0));
    assert_eq!(weights(&judge(&needs(Scarce::Vcpus, 8.0), &alone)), [Weight::Certain]);
    let at_least = Used { count: 5.0, leaving: 0.0, at_least: true };
    let shared = evidence(Scarce::Vcpus, 6.0, Source::Applied, at_least);
    let findings = judge(&needs(Scarce::Vcpus, 2.0), &shared);
    assert_eq!(weights(&findings), [Weight::Doubtful]);
    assert!(findings[0].explanation.starts_with("At least 5 of 6 Fargate vCPUs"));
}

#[test]
fn without_any_figure_nothing_is_claimed() {
    let unseen = Unseen {
        operation: "servicequotas:GetServiceQuota",
        is_denied: true,
        said: "AccessDeniedException".into(),
    };
    let mut evidence = evidence(Scarce::Vcpus, 6.0, Source::Applied, used(0.0));
    evidence.limits.insert(Scarce::Vcpus, Err(unseen));
    let findings = judge(&needs(Scarce::Vcpus, 8.0), &evidence);
    assert_eq!(weights(&findings), [Weight::Note], "Fargate has no documented figure");
}
