//! Where the state is kept: names that S3 and KMS accept.

use std::net::Ipv4Addr;

use super::report::Report;
use super::{region, region_advice};
use crate::config::model::Config;
use crate::config::state::State;

/// How S3 names buckets ("General purpose bucket naming rules" in its user guide).
const BUCKET_RULE: &str = "3 to 63 lowercase letters, digits, hyphens and dots, beginning and ending with a letter or a digit";

/// What names of buckets must not begin with, since AWS keeps it for itself.
const RESERVED_BEGINNINGS: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];

/// What names of buckets must not end with: names of other things end so.
const RESERVED_ENDINGS: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];

/// The longest prefix. S3 allows keys of 1,024 bytes, of which the state's own names need up to 160.
const LONGEST_PREFIX: usize = 512;

pub(super) fn check(config: &Config, report: &mut Report<'_>) {
    let State { bucket, prefix, region, kms_key } = &config.state;
    if let Some(name) = bucket {
        check_bucket(name, report);
    } else {
        let others = [("prefix", prefix), ("region", region), ("kms_key", kms_key)];
        for (key, _) in others.into_iter().filter(|(_, value)| value.is_some()) {
            report.wrong(
                &[&format!("state.{key}")],
                format!("`state.{key}` says something of a bucket, and there is none"),
                "add `bucket = \"…\"` to `[state]`",
            );
        }
    }
    if let Some(complaint) = prefix.as_deref().and_then(prefix_complaint) {
        let message = format!("`state.prefix` {complaint}");
        report.wrong(&["state.prefix"], message, "for example `prefix = \"team-a/shop\"`");
    }
    if let Some(name) = region.as_deref().filter(|name| !region::exists(name)) {
        let message = format!("there is no AWS region `{name}`");
        report.wrong(&["state.region"], message, region_advice(name));
    }
    if let Some(key) = kms_key.as_deref().filter(|key| !is_key(key)) {
        report.wrong(
            &["state.kms_key"],
            format!("`{key}` is no KMS key"),
            "an ARN (`arn:aws:kms:…:key/…`), an id, or an alias (`alias/state`)",
        );
    }
}

fn check_bucket(name: &str, report: &mut Report<'_>) {
    if let Some(complaint) = bucket_complaint(name) {
        let message = format!("a bucket can't be named `{name}`: {complaint}");
        report.wrong(&["state.bucket"], message, BUCKET_RULE);
    }
}

/// What is wrong with the name of a bucket, if anything.
pub fn bucket_complaint(name: &str) -> Option<String> {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    if let Some(odd) = name.chars().find(|c| !is_allowed(*c)) {
        return Some(format!("it contains `{}`", odd.escape_debug()));
    }
    if !(3..=63).contains(&name.len()) {
        return Some(format!("it has {} characters", name.len()));
    }
    if name.starts_with(['-', '.']) || name.ends_with(['-', '.']) {
        return Some("it begins or ends with neither a letter nor a digit".into());
    }
    if name.contains("..") {
        return Some("it has two dots in a row".into());
    }
    if name.parse::<Ipv4Addr>().is_ok() {
        return Some("it is an address".into());
    }
    let beginning = RESERVED_BEGINNINGS.iter().find(|word| name.starts_with(**word));
    let ending = RESERVED_ENDINGS.iter().find(|word| name.ends_with(**word));
    let reserved = beginning.or(ending)?;
    Some(format!("AWS keeps names with `{reserved}` for other things"))
}

/// What is wrong with a prefix, if anything: it is to be the same wherever keys are shown as paths.
fn prefix_complaint(prefix: &str) -> Option<String> {
    // What S3's user guide calls safe characters, and the slash.
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "!-_.*'()/".contains(c);
    if let Some(odd) = prefix.chars().find(|c| !is_allowed(*c)) {
        return Some(format!("can't contain `{}`", odd.escape_debug()));
    }
    if prefix.len() > LONGEST_PREFIX {
        return Some(format!("is longer than {LONGEST_PREFIX} characters"));
    }
    let parts = prefix.strip_suffix('/').unwrap_or(prefix).split('/');
    parts.into_iter().find_map(|part| match part {
        "" => Some("has an empty part: it neither begins with `/` nor has two in a row".into()),
        "." | ".." => Some(format!("can't contain `{part}` as a part")),
        _ => None,
    })
}

/// Whether this can name a KMS key. Aliases of AWS's own keys are left to AWS.
fn is_key(key: &str) -> bool {
    let is_id = |id: &str| {
        !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || "-/_:".contains(c))
    };
    if key.starts_with("arn:") {
        let parts: Vec<&str> = key.splitn(6, ':').collect();
        let [_, partition, "kms", region, account, resource] = parts[..] else { return false };
        let resource = resource.strip_prefix("key/").or(resource.strip_prefix("alias/"));
        return [partition, region, account].iter().all(|part| !part.is_empty())
            && resource.is_some_and(is_id);
    }
    match key.strip_prefix("alias/") {
        Some(name) => is_id(name),
        None => key.len() >= 32 && is_id(key) && !key.contains(['/', ':', '_']),
    }
}
