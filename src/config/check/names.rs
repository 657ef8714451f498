//! Names and tags.

use std::collections::BTreeMap;

use super::Report;
use crate::config::model::Config;

/// The longest name of a stack or a service. Names made from it are cut where AWS wants them
/// shorter.
const LONGEST_NAME: usize = 64;

/// The longest name of an environment.
const LONGEST_ENVIRONMENT: usize = 32;

/// How many tags AWS gives a resource (50), less those that mark it as the stack's own and its name.
const MOST_TAGS: usize = 45;

const LONGEST_TAG_KEY: usize = 128;
const LONGEST_TAG_VALUE: usize = 256;

pub(super) fn check(config: &Config, report: &mut Report<'_>) {
    check_name(config, report);
    check_environment(config, report);
    for name in config.services.keys() {
        if let Some(complaint) = complaint(name, LONGEST_NAME) {
            let message = format!("a service can't be named `{name}`: {complaint}");
            report.wrong_key("services", name, message, RULE);
        }
        if let Some((_, whose)) = RESERVED_FOR_PARTS.iter().find(|(reserved, _)| reserved == name) {
            let message = format!("a service can't be named `{name}`: so the parts of {whose} are");
            report.wrong_key("services", name, message, "name the service otherwise");
        }
    }
    check_tags(&config.tags, report);
}

/// The names under which a stack has resources of the kinds that a service has too, and whose those
/// are. They are kept free also where a stack does not have them yet.
const RESERVED_FOR_PARTS: [(&str, &str); 2] =
    [("balancer", "the load balancer"), ("drift", "the check for drift in the account")];

const RULE: &str =
    "lowercase letters, digits and hyphens, beginning with a letter and not ending with a hyphen";

fn check_name(config: &Config, report: &mut Report<'_>) {
    let name = &config.name;
    if let Some(complaint) = complaint(name, LONGEST_NAME) {
        report.wrong(&["name"], format!("the stack can't be named `{name}`: {complaint}"), RULE);
    }
    for (reserved, whose) in [("internal", "load balancers"), ("sg", "security groups")] {
        let begins =
            name.strip_prefix(reserved).is_some_and(|end| end.is_empty() || end.starts_with('-'));
        if begins {
            let message = format!(
                "the stack can't be named `{name}`: AWS keeps names of {whose} that begin with `{reserved}-` for itself"
            );
            report.wrong(&["name"], message, "let the name begin with another word");
        }
    }
}

fn check_environment(config: &Config, report: &mut Report<'_>) {
    let environment = &config.environment;
    if let Some(complaint) = complaint(environment, LONGEST_ENVIRONMENT) {
        let message = format!("an environment can't be named `{environment}`: {complaint}");
        report.wrong_argument("-e", environment, message, RULE.into());
    }
}

/// What is wrong with a name, if anything.
fn complaint(name: &str, longest: usize) -> Option<String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() {
        return Some("it is empty".into());
    }
    if name.chars().count() > longest {
        return Some(format!("it is longer than {longest} characters"));
    }
    if let Some(odd) = name.chars().find(|c| !allowed(*c)) {
        return Some(format!("it contains `{}`", odd.escape_debug()));
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some("it does not begin with a letter".into());
    }
    name.ends_with('-').then(|| "it ends with a hyphen".into())
}

fn check_tags(tags: &BTreeMap<String, String>, report: &mut Report<'_>) {
    if tags.len() > MOST_TAGS {
        let message = format!("{} tags are more than the {MOST_TAGS} that fit", tags.len());
        report.wrong(&["tags"], message, "AWS allows 50 a resource, of which the stack needs 5");
    }
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (key, value) in tags {
        check_tag(key, value, report);
        if let Some(other) = seen.insert(key.to_lowercase(), key) {
            let message = format!("the tags `{other}` and `{key}` differ in case alone");
            report.wrong_key("tags", key, message, "IAM takes them for the same: keep one");
        }
    }
}

fn check_tag(key: &str, value: &str, report: &mut Report<'_>) {
    let reserved = ["aws:", "provision:"];
    let lower = key.to_lowercase();
    if let Some(prefix) = reserved.iter().find(|prefix| lower.starts_with(**prefix)) {
        let message = format!("the tag `{key}` begins with `{prefix}`, which is reserved");
        report.wrong_key("tags", key, message, "choose another key");
    }
    if key.is_empty() || key.chars().count() > LONGEST_TAG_KEY {
        let message = format!("a tag's key has 1 to {LONGEST_TAG_KEY} characters");
        report.wrong_key("tags", key, message, "choose another key");
    }
    if let Some(odd) = key.chars().find(|c| !is_for_tags(*c)) {
        let message = format!("a tag's key can't contain `{}`", odd.escape_debug());
        report.wrong_key("tags", key, message, TAG_CHARACTERS);
    }
    if value.chars().count() > LONGEST_TAG_VALUE {
        let message = format!("a tag's value has up to {LONGEST_TAG_VALUE} characters");
        report.wrong_entry("tags", key, message, "shorten it");
    }
    if let Some(odd) = value.chars().find(|c| !is_for_tags(*c)) {
        let message = format!("a tag's value can't contain `{}`", odd.escape_debug());
        report.wrong_entry("tags", key, message, TAG_CHARACTERS);
    }
}

const TAG_CHARACTERS: &str = "letters, digits, spaces and _ . : / = + - @";

/// The characters that every service takes in tags.
fn is_for_tags(c: char) -> bool {
    c.is_alphanumeric() || " _.:/=+-@".contains(c)
}
