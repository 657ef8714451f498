//! References to container images: `registry/repository:tag@digest`.
//!
//! The grammar is that of the OCI distribution specification and its reference implementation.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A reference to a container image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The registry's host, with its port if it has one; `None` for Docker Hub.
    pub registry: Option<String>,
    /// The repository's path: `library/nginx`.
    pub repository: String,
    /// The tag.
    pub tag: Option<String>,
    /// The digest: `sha256:…`.
    pub digest: Option<String>,
}

/// Why a text is not a reference to an image.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ReferenceError {
    #[error("it is empty")]
    Empty,
    #[error("it is longer than 255 characters")]
    TooLong,
    #[error("it is a URL; leave out `{0}`")]
    Url(String),
    #[error("`{0}` is not a registry's host")]
    Registry(String),
    #[error("a repository is written in lowercase: `{0}`")]
    Uppercase(String),
    #[error(
        "`{0}` is not a part of a repository's path: lowercase letters and digits, with `.`, `_`, `__` or hyphens between them"
    )]
    Repository(String),
    #[error(
        "`{0}` is not a tag: up to 128 letters, digits, `_`, `.` and `-`, the first not `.` or `-`"
    )]
    Tag(String),
    #[error("`{0}` is not a digest: `sha256:` and 64 digits of 0-9 and a-f")]
    Digest(String),
}

/// The longest reference that ECS takes.
const LONGEST: usize = 255;

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        check_whole(text)?;
        let (named, digest) = cut(text, text.find('@'));
        let tag_at = named.rfind(':').filter(|colon| !named[*colon..].contains('/'));
        let (name, tag) = cut(named, tag_at);
        let (registry, repository) = split_registry(name);
        check(registry, is_registry, ReferenceError::Registry)?;
        check(tag, is_tag, ReferenceError::Tag)?;
        check(digest, is_digest, ReferenceError::Digest)?;
        check_repository(repository)?;
        Ok(Self {
            registry: registry.map(Into::into),
            repository: repository.into(),
            tag: tag.map(Into::into),
            digest: digest.map(Into::into),
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(registry) = &self.registry {
            write!(f, "{registry}/")?;
        }
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

fn check_whole(text: &str) -> Result<(), ReferenceError> {
    if text.is_empty() {
        return Err(ReferenceError::Empty);
    }
    if text.len() > LONGEST {
        return Err(ReferenceError::TooLong);
    }
    match text.find("://") {
        Some(end) => Err(ReferenceError::Url(text[..end + 3].into())),
        None => Ok(()),
    }
}

/// What stands before and after a separator of one byte.
fn cut(text: &str, at: Option<usize>) -> (&str, Option<&str>) {
    at.map_or((text, None), |at| (&text[..at], Some(&text[at + 1..])))
}

/// The first part of a name is a registry if it could not be a repository of Docker Hub: it has a
/// dot, a port or an uppercase letter, or is `localhost`.
fn split_registry(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((first, rest)) if looks_like_host(first) => (Some(first), rest),
        _ => (None, name),
    }
}

fn looks_like_host(part: &str) -> bool {
    part == "localhost" || part.contains(['.', ':']) || part.contains(char::is_uppercase)
}

fn check(
    part: Option<&str>,
    valid: fn(&str) -> bool,
    error: fn(String) -> ReferenceError,
) -> Result<(), ReferenceError> {
    match part {
        Some(part) if !valid(part) => Err(error(part.into())),
        _ => Ok(()),
    }
}

fn is_registry(host: &str) -> bool {
    let port_at = host.rfind(':').filter(|colon| !host[*colon..].contains(']'));
    let (name, port) = cut(host, port_at);
    let bracketed = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let named = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name.split('.').all(is_host_label),
    };
    named && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn is_host_label(label: &str) -> bool {
    let characters = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    !label.is_empty() && characters && !label.starts_with('-') && !label.ends_with('-')
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let first = tag.bytes().next().is_some_and(word);
    first && tag.len() <= 128 && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    hex.len() == length && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn check_repository(repository: &str) -> Result<(), ReferenceError> {
    for part in repository.split('/') {
        if part.contains(char::is_uppercase) && is_path_part(&part.to_lowercase()) {
            return Err(ReferenceError::Uppercase(part.into()));
        }
        if !is_path_part(part) {
            return Err(ReferenceError::Repository(part.into()));
        }
    }
    Ok(())
}

/// Runs of letters and digits, joined by one dot, one or two underscores, or hyphens.
fn is_path_part(part: &str) -> bool {
    let inner = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9');
    let ends = part.bytes().next().is_some_and(inner) && part.bytes().last().is_some_and(inner);
    let separators = part.split(|c: char| c.is_ascii() && inner(c as u8));
    ends && separators.filter(|run| !run.is_empty()).all(is_separator)
}

fn is_separator(run: &str) -> bool {
    matches!(run, "." | "_" | "__") || run.bytes().all(|b| b == b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> (Option<String>, String, Option<String>, Option<String>) {
        let reference: Reference = text.parse().unwrap();
        (reference.registry, reference.repository, reference.tag, reference.digest)
    }

    #[test]
    fn a_reference_has_four_parts_of_which_three_may_be_missing() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(parsed("nginx"), (None, "nginx".into(), None, None));
        assert_eq!(
            parsed("library/nginx:1.27"),
            (None, "library/nginx".into(), some("1.27"), None)
        );
        assert_eq!(
            parsed(&format!("localhost:5000/a/b__c:v1@{digest}")),
            (some("localhost:5000"), "a/b__c".into(), some("v1"), Some(digest))
        );
        assert_eq!(
            parsed("123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop"),
            (some("123456789012.dkr.ecr.eu-west-1.amazonaws.com"), "shop".into(), None, None)
        );
        assert_eq!(parsed("[::1]:5000/shop:a").0, some("[::1]:5000"));
    }

    #[test]
    fn malformed_references_are_refused() {
        for text in [
            "",
            "Nginx",
            "a b",
            "nginx:",
            "nginx:.x",
            "nginx@sha256:12",
            "a//b",
            "/a",
            "a/",
            "a..b",
            "a___b",
            "-a",
            "https://ghcr.io/a",
            "ghcr.io:99999/a",
            "gh_cr.io/a",
            "a@b@c",
            "ä",
            ":x",
            "localhost/",
            "a:b:c",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_reference_or_an_error(text in any::<String>()) {
            let _ = text.parse::<Reference>();
        }

        #[test]
        fn a_reference_reads_back(
            text in "([a-z]{1,8}\\.io(:[1-9][0-9]{1,3})?/)?[a-z0-9]{1,5}(--[a-z0-9]{1,5})?(/[a-z]{1,5}){0,2}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,8})?(@sha256:[0-9a-f]{64})?"
        ) {
            prop_assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
        }
    }
}
