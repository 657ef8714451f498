//! Where the state is kept, as it is written.

use super::*;

fn keeping(lines: &str) -> String {
    format!("{SMALLEST}[state]\n{lines}\n")
}

#[test]
fn a_bucket_is_enough_and_an_environment_may_have_its_own() {
    let text = keeping("bucket = \"acme-state\"\nprefix = \"team-a/\"\nregion = \"us-east-1\"");
    let text = format!(
        "{text}[env.prod.state]\nbucket = \"acme-prod-state\"\nkms_key = \"alias/state\"\n"
    );
    let (dev, prod) = (
        load(&text).state,
        load_with(&text, &Overrides { environment: "prod".into(), ..overrides() }).unwrap().state,
    );
    assert_eq!((dev.bucket.as_deref(), dev.kms_key), (Some("acme-state"), None));
    assert_eq!(prod.bucket.as_deref(), Some("acme-prod-state"));
    assert_eq!((prod.prefix, prod.region), (dev.prefix, dev.region));
    assert_eq!(prod.kms_key.as_deref(), Some("alias/state"));
    assert_eq!(load(SMALLEST).state, State::default());
}

#[test]
fn what_s3_takes_for_no_bucket_is_told() {
    for (name, complaint) in [
        ("Acme", "it contains `A`"),
        ("ab", "it has 2 characters"),
        ("acme-", "neither a letter nor a digit"),
        ("a..b", "two dots in a row"),
        ("10.0.0.1", "it is an address"),
        ("acme-s3alias", "`-s3alias`"),
        ("xn--acme", "`xn--`"),
    ] {
        let said = errors(&keeping(&format!("bucket = \"{name}\"")));
        assert!(said.contains(complaint), "{name}: {said}");
    }
}

#[test]
fn a_prefix_is_the_same_wherever_it_is_shown() {
    for (prefix, complaint) in [
        ("/a", "has an empty part"),
        ("a//b", "has an empty part"),
        ("a/../b", "can't contain `..` as a part"),
        ("a b", "can't contain ` `"),
    ] {
        let said = errors(&keeping(&format!("bucket = \"acme\"\nprefix = \"{prefix}\"")));
        assert!(said.contains(complaint), "{prefix}: {said}");
    }
}

#[test]
fn keys_of_kms_are_told_from_what_is_none() {
    let with = |key: &str| keeping(&format!("bucket = \"acme\"\nkms_key = \"{key}\""));
    for key in [
        "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws-cn:kms:cn-north-1:123456789012:alias/state",
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        "mrk-1234abcd12ab34cd56ef1234567890ab",
        "alias/state",
    ] {
        assert_eq!(load(&with(key)).state.kms_key.as_deref(), Some(key));
    }
    for key in ["state", "arn:aws:s3:::acme", "arn:aws:kms:eu-west-1::key/1", "alias/"] {
        assert!(errors(&with(key)).contains("is no KMS key"), "{key}");
    }
}

#[test]
fn a_region_is_one_of_aws_and_nothing_is_said_of_a_bucket_that_is_not_there() {
    let said = errors(&keeping("bucket = \"acme\"\nregion = \"eu-west-9\""));
    assert!(said.contains("there is no AWS region `eu-west-9`"), "{said}");
    let said = errors(&keeping("prefix = \"a\""));
    assert!(said.contains("`state.prefix` says something of a bucket"), "{said}");
}
