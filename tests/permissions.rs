//! The policy in `docs/iam-policy.json` allows what the program does, and nothing
//! besides; `docs/state-policy.json` what it does in a bucket that holds its state.

use std::collections::BTreeSet;
use std::path::Path;

use provision::preflight::first_use::Linked;
use serde_json::Value;

const SERVICES: &[&str] = &[
    "ec2",
    "ecs",
    "iam",
    "logs",
    "elasticloadbalancing",
    "application-autoscaling",
    "s3",
    "secretsmanager",
    "servicequotas",
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
];

fn policy() -> Value {
    read("docs/iam-policy.json")
}

fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let text = std::fs::read_to_string(path).expect("the policy can be read");
    serde_json::from_str(&text).expect("the policy is JSON")
}

/// What the policy of the program allows, and that of a state in a bucket.
fn documented() -> BTreeSet<String> {
    let (policy, of_state) = (policy(), read("docs/state-policy.json"));
    let statements = of_state["Statement"].as_array().expect("a list of statements");
    let statements = std::iter::once(&policy["Statement"][0]).chain(statements);
    let actions = statements.flat_map(|one| one["Action"].as_array().expect("a list of actions"));
    actions.filter_map(|action| action.as_str().map(str::to_owned)).collect()
}

/// All string literals in the sources that are the name of an operation.
fn used(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in directory.read_dir().expect("the sources can be listed") {
        let path = entry.expect("the sources can be listed").path();
        if path.is_dir() {
            if !path.ends_with("simulated_aws") {
                used(&path, found);
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
    used(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut called);
    let allowed = documented();
    let missing: Vec<_> = called.difference(&allowed).collect();
    let idle: Vec<_> = allowed.difference(&called).collect();
    assert!(missing.is_empty(), "docs/iam-policy.json does not allow {missing:?}");
    assert!(idle.is_empty(), "docs/iam-policy.json allows {idle:?}, which nothing calls");
}

#[test]
fn roles_are_made_for_no_service_but_those_that_a_stack_uses() {
    let policy = policy();
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
