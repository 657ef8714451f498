//! The policy in `docs/iam-policy.json` allows what the program does, and nothing
//! besides; `docs/iam-policy-state.json` what it does in a bucket that holds its state.

use std::collections::BTreeSet;
use std::path::Path;

use provision::preflight::first_use::Linked;
use serde_json::Value;

const SERVICES: &[&str] = &[
    "ec2",
    "cloudwatch",
    "ecs",
    "iam",
    "logs",
    "elasticloadbalancing",
    "application-autoscaling",
    "cloudtrail",
    "s3",
    "secretsmanager",
    "scheduler",
    "servicequotas",
    "sns",
    "ssm",
    "sts",
];

/// Named in sources, but for AWS or for tasks to do, or allowed apart, under a condition.
const NOT_CALLED: &[&str] = &[
    "sts:AssumeRole",
    "iam:PassRole",
    "iam:CreateServiceLinkedRole",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameters",
    // What the check in the account does with a role of its own.
    "ecs:RunTask",
    "iam:PassedToService",
    "sns:Publish",
];

/// What nobody has to allow: a policy of its own, and the only source that calls what is in it.
const OPTIONAL: (&str, &str) = ("docs/iam-policy-who.json", "src/trail");

/// What only a state in a bucket needs: the calls of one service.
const OF_STATE: (&str, &str) = ("docs/iam-policy-state.json", "s3:");

fn policy(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = std::fs::read_to_string(path).expect("the policy can be read");
    serde_json::from_str(&text).expect("the policy is JSON")
}

fn documented(path: &str) -> BTreeSet<String> {
    let policy = policy(path);
    let statements = policy["Statement"].as_array().expect("a list of statements");
    // The program's own has conditions behind its first statement.
    let first = if path == OF_STATE.0 { statements.len() } else { 1 };
    let lists = statements.iter().take(first).map(|one| &one["Action"]);
    let actions = lists.flat_map(|list| list.as_array().expect("a list of actions"));
    actions.filter_map(|action| action.as_str().map(str::to_owned)).collect()
}

/// All string literals in the sources that are the name of an operation, but for those in the
/// directories that are left out.
fn used(directory: &Path, left_out: &[&str], found: &mut BTreeSet<String>) {
    for entry in directory.read_dir().expect("the sources can be listed") {
        let path = entry.expect("the sources can be listed").path();
        if path.is_dir() {
            if !left_out.iter().any(|name| path.ends_with(name)) {
                used(&path, left_out, found);
            }
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a source can be read");
        let code = text.split("\n#[cfg(test)]").next().unwrap_or_default();
        found.extend(code.split('"').filter(|literal| is_operation(literal)).map(str::to_owned));
    }
}

fn is_operation(literal: &str) -> bool {
    let Some((service, name)) = literal.split_once(':') else { return false };
    SERVICES.contains(&service)
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric())
        && !NOT_CALLED.contains(&literal)
}

#[test]
fn the_documented_policy_allows_exactly_what_is_called() {
    let mut called = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    used(&root.join("src"), &["simulated_aws", OPTIONAL.1], &mut called);
    let of_state: BTreeSet<_> =
        called.extract_if(.., |operation| operation.starts_with(OF_STATE.1)).collect();
    assert_eq!(of_state, documented(OF_STATE.0));
    let allowed = documented("docs/iam-policy.json");
    let missing: Vec<_> = called.difference(&allowed).collect();
    let idle: Vec<_> = allowed.difference(&called).collect();
    assert!(missing.is_empty(), "docs/iam-policy.json does not allow {missing:?}");
    assert!(idle.is_empty(), "docs/iam-policy.json allows {idle:?}, which nothing calls");
}

#[test]
fn what_nobody_has_to_allow_is_a_policy_of_its_own() {
    let mut called = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    used(&root.join(OPTIONAL.1), &[], &mut called);
    assert!(!called.is_empty());
    assert_eq!(called, documented(OPTIONAL.0));
    assert!(called.is_disjoint(&documented("docs/iam-policy.json")));
}

#[test]
fn roles_are_made_for_no_service_but_those_that_a_stack_uses() {
    let policy = policy("docs/iam-policy.json");
    let statements = policy["Statement"].as_array().expect("a list of statements");
    let about = |statement: &&Value| statement["Action"] == "iam:CreateServiceLinkedRole";
    let mut allowing = statements.iter().filter(about);
    let statement = allowing.next().expect("a statement allows it");
    assert!(allowing.next().is_none());
    let services = &statement["Condition"]["StringEquals"]["iam:AWSServiceName"];
    let allowed: BTreeSet<&str> =
        services.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert_eq!(allowed, Linked::ALL.iter().map(|linked| linked.service()).collect());
}
