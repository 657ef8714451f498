//! Reading parameters as Elastic Load Balancing does: what is wrong is a `ValidationError`.

use std::ops::RangeInclusive;

use super::super::wire::{ApiError, Parameters};

/// A `ValidationError`, which most refusals of this service are.
pub fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationError", message)
}

/// An `InvalidConfigurationRequest`: each value is well, but they do not fit together.
pub fn misfit(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidConfigurationRequest", message)
}

/// A text that must be there.
pub fn required<'a>(request: Parameters<'a>, name: &str) -> Result<&'a str, ApiError> {
    request.text(name).filter(|text| !text.is_empty()).ok_or_else(|| missing(name))
}

/// The error for a member that must be there.
pub fn missing(name: &str) -> ApiError {
    invalid(format!(
        "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
        member(name)
    ))
}

/// A whole number within bounds, if it is there.
pub fn number(
    request: Parameters<'_>,
    name: &str,
    bounds: RangeInclusive<i64>,
) -> Result<Option<i64>, ApiError> {
    if !request.has(name) {
        return Ok(None);
    }
    let value = request.integer(name).filter(|value| bounds.contains(value));
    value.map(Some).ok_or_else(|| {
        invalid(format!("{name} must be between {} and {}", bounds.start(), bounds.end()))
    })
}

/// A text that must be one of a few, if it is there.
pub fn one_of<'a>(
    request: Parameters<'a>,
    name: &str,
    known: &[&str],
) -> Result<Option<&'a str>, ApiError> {
    match request.text(name) {
        Some(text) if !known.contains(&text) => Err(invalid(format!(
            "1 validation error detected: Value '{text}' at '{}' failed to satisfy constraint: \
             Member must satisfy enum value set: [{}]",
            member(name),
            known.join(", ")
        ))),
        text => Ok(text),
    }
}

/// A port number that must be there.
pub fn port(request: Parameters<'_>, name: &str) -> Result<u16, ApiError> {
    optional_port(request, name)?.ok_or_else(|| invalid(format!("A {name} must be specified")))
}

/// A port number.
pub fn optional_port(request: Parameters<'_>, name: &str) -> Result<Option<u16>, ApiError> {
    let port = number(request, name, 1..=65535)?;
    Ok(port.and_then(|port| u16::try_from(port).ok()))
}

/// The name of a load balancer or target group (aws-behaviour 29).
pub fn resource_name<'a>(request: Parameters<'a>, what: &str) -> Result<&'a str, ApiError> {
    let name = required(request, "Name")?;
    let refuse = |rule: &str| Err(invalid(format!("The {what} name '{name}' {rule}")));
    if name.len() > 32 {
        return refuse("cannot be longer than '32' characters");
    }
    if !name.chars().all(|character| character.is_ascii_alphanumeric() || character == '-') {
        return refuse(
            "can only contain characters that are alphanumeric characters and hyphens(-)",
        );
    }
    if name.starts_with('-') || name.ends_with('-') {
        return refuse("cannot begin or end with '-'");
    }
    Ok(name)
}

/// How AWS writes a member's name in its messages: `loadBalancerArn`.
fn member(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}
