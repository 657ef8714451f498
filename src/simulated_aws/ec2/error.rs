//! Errors that more than one resource answers with.

use super::describe::Listed;
use crate::simulated_aws::wire::ApiError;

/// Nothing of this kind has this id.
pub(super) fn not_found<T: Listed>(id: &str) -> ApiError {
    ApiError::new(T::NOT_FOUND, format!("The {} '{id}' does not exist", T::NOUN))
}

/// The id can't be one of this kind.
pub(super) fn malformed<T: Listed>(id: &str) -> ApiError {
    let expected = T::ID_PREFIX;
    ApiError::new(T::MALFORMED, format!("Invalid id: \"{id}\" (expecting \"{expected}-...\")"))
}

/// Something else still needs it (aws-behaviour 24.6).
pub(super) fn dependency(message: impl Into<String>) -> ApiError {
    ApiError::new("DependencyViolation", message)
}

/// A value outside what the parameter takes.
pub(super) fn invalid_value(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterValue", message)
}

/// Parameters that exclude each other.
pub(super) fn invalid_combination(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterCombination", message)
}

/// A parameter that must be there, or one of several.
pub(super) fn missing(message: impl Into<String>) -> ApiError {
    ApiError::new("MissingParameter", message)
}

/// A quota is used up; `code` ends in `LimitExceeded`.
pub(super) fn over_quota(code: &str, what: &str, quota: usize) -> ApiError {
    ApiError::new(code, format!("The maximum number of {what} has been reached ({quota})."))
}
