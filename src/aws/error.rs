//! What AWS refused and why: operation, code, message, request id, and a class to act on.
//!
//! Codes are matched as they are on the wire, never by the SDK's types: EC2 models no errors at
//! all, and the other services' types spell them otherwise (aws-behaviour 24).

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;

use super::operation::Operation;

/// A call that failed.
#[derive(Clone, Debug)]
pub struct AwsError(Box<Details>);

/// What is known of it: apart, so that results stay small.
#[derive(Clone, Debug)]
struct Details {
    operation: &'static str,
    class: Class,
    code: Option<String>,
    message: String,
    request_id: Option<String>,
    /// Whether an attempt before the one that failed was not answered.
    after_silence: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What can be done about an error (aws-behaviour 24).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Too many calls: the SDK has asked again already (24.1).
    Throttled,
    /// No answer, or one that does not say whether it was done (24.2).
    UnknownOutcome,
    /// The name or the range is taken (24.4).
    AlreadyExists,
    /// It is not there, which for a delete is success (24.5).
    Gone,
    /// Something still needs it (24.6).
    InUse,
    /// The account may not have more of it (24.8).
    Quota,
    /// The caller may not do this (24.8).
    Denied,
    /// The account may not use the region, or the service (24.8).
    Unavailable,
    /// There are no credentials, or they no longer hold (24.8).
    Credentials,
    /// Asking again will not help (24.8).
    Permanent,
}

impl AwsError {
    /// The operation that failed, `ec2:CreateVpc`.
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// What can be done about it.
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// The code on the wire; none where AWS gave no answer.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// AWS's own words.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What AWS's support asks for.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Whether it says that the thing is not there.
    pub fn is_gone(&self) -> bool {
        self.0.class == Class::Gone
    }

    /// Whether it is certain that nothing was done: AWS has answered, and answered every attempt
    /// before this one too. A refusal says nothing of an attempt whose answer was lost.
    pub fn is_refusal(&self) -> bool {
        self.0.class != Class::UnknownOutcome && !self.0.after_silence
    }

    /// The same error, of a call that had been made before without an answer.
    #[must_use]
    pub(super) fn after_silence(mut self) -> Self {
        self.0.after_silence = true;
        self
    }

    /// Whether the credentials held once and no longer do: others may.
    pub fn is_expiry(&self) -> bool {
        let expired = ["ExpiredToken", "ExpiredTokenException", "RequestExpired"];
        expired.iter().any(|code| self.has_code(code))
    }

    /// Whether the code is `code`, without regard to case.
    pub fn has_code(&self, code: &str) -> bool {
        self.code().is_some_and(|own| own.eq_ignore_ascii_case(code))
    }

    /// An answer that lacks a member which AWS documents as always present.
    pub fn incomplete(operation: Operation, member: &str) -> Self {
        Self::own(operation, Class::UnknownOutcome, format!("the answer has no {member}"))
    }

    /// Something of that name exists and does not belong to this stack.
    pub fn foreign(operation: Operation, what: &str) -> Self {
        let message = format!("{what} exists already and does not carry this stack's tags");
        Self::own(operation, Class::AlreadyExists, message)
    }

    /// Credentials that hold elsewhere, and not in this region.
    pub fn region_disabled(operation: Operation, account: &str, region: &str) -> Self {
        let message = format!("account {account} has not enabled the region {region}");
        Self::own(operation, Class::Unavailable, message)
    }

    /// An error in an answer that AWS gave as a success, such as a list of failures.
    pub fn reported(operation: Operation, code: &str, message: &str) -> Self {
        let class = classify(operation.name, code, message);
        let mut error = Self::own(operation, class, message.to_owned());
        error.0.code = Some(code.to_owned());
        error
    }

    fn own(operation: Operation, class: Class, message: String) -> Self {
        let operation = operation.name;
        Self(Box::new(Details {
            operation,
            class,
            code: None,
            message,
            request_id: None,
            after_silence: false,
            source: None,
        }))
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.operation())?;
        if let Some(code) = self.code() {
            write!(formatter, "{code}: ")?;
        }
        formatter.write_str(self.message())?;
        match self.request_id() {
            Some(id) => write!(formatter, " (request {id})"),
            None => Ok(()),
        }
    }
}

impl StdError for AwsError {
    /// Nothing where AWS gave an answer: it has been said whole, and the SDK would say it again.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        if self.0.code.is_some() {
            return None;
        }
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl<E> From<(Operation, SdkError<E, HttpResponse>)> for AwsError
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    fn from((operation, error): (Operation, SdkError<E, HttpResponse>)) -> Self {
        let request_id = error
            .raw_response()
            .and_then(|response| response.headers().request_id())
            .map(str::to_owned);
        let code = error.code().map(str::to_owned);
        let status = error.raw_response().map(|response| response.status().as_u16());
        let message = match error.message() {
            Some(message) => message.to_owned(),
            None => innermost(&error),
        };
        let class = match (&code, &error) {
            (_, SdkError::ConstructionFailure(_)) => construction_class(&message),
            (Some(code), _) => classify(operation.name, code, &message),
            (None, SdkError::DispatchFailure(_)) => dispatch_class(&error),
            (None, _) => Class::UnknownOutcome,
        };
        // An answer of 500 and above says nothing of whether the deed was done (24.2).
        let class = match (class, status) {
            (Class::Permanent, Some(500..)) => Class::UnknownOutcome,
            (class, _) => class,
        };
        let source = Some(Arc::new(error) as _);
        let operation = operation.name;
        Self(Box::new(Details {
            operation,
            class,
            code,
            message,
            request_id,
            after_silence: false,
            source,
        }))
    }
}

fn construction_class(message: &str) -> Class {
    if message.to_lowercase().contains("credential") {
        Class::Credentials
    } else {
        Class::Permanent
    }
}

fn dispatch_class(error: &(dyn StdError + 'static)) -> Class {
    let said = chain(error).map(|link| link.to_string().to_lowercase());
    for link in said {
        if link.contains("credential") || link.contains("identity") || link.contains("sso") {
            return Class::Credentials;
        }
    }
    Class::UnknownOutcome
}

/// The words of the innermost cause: where an SDK error says what really happened.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    chain(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let link = next?;
        next = link.source();
        Some(link)
    })
}

/// Judges an error by its code on the wire.
fn classify(operation: &str, code: &str, message: &str) -> Class {
    let lower = message.to_lowercase();
    // The text tells more than the code: a service behind this one may be the one that is asked too
    // much, and `LimitExceededException` is else a quota (24.1).
    if is_throttle(code) || lower.contains("rate exceeded") {
        return Class::Throttled;
    }
    // Both mean "still attached" on an address: the code of the second lies (4.e).
    if operation == "ec2:ReleaseAddress" && matches!(code, "AuthFailure" | "InvalidIPAddress.InUse")
    {
        return Class::InUse;
    }
    if is_gone(code) {
        return Class::Gone;
    }
    match code {
        "InternalError"
        | "InternalFailure"
        | "ServiceFailure"
        | "ServerException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "Unavailable"
        | "InternalServiceException"
        | "InternalServerException"
        | "InternalServiceFault"
        | "RequestTimeout" => Class::UnknownOutcome,
        "InvalidGroup.Duplicate"
        | "InvalidPermission.Duplicate"
        | "InvalidSubnet.Conflict"
        | "RouteAlreadyExists"
        | "Resource.AlreadyAssociated"
        | "EntityAlreadyExists"
        | "ResourceAlreadyExistsException"
        | "RepositoryAlreadyExistsException"
        | "ResourceExistsException"
        | "DuplicateLoadBalancerName"
        | "DuplicateTargetGroupName"
        | "DuplicateListener"
        | "PriorityInUse" => Class::AlreadyExists,
        "DependencyViolation"
        | "InvalidGroup.InUse"
        | "InvalidIPAddress.InUse"
        | "ResourceInUse"
        | "ResourceInUseException"
        | "UpdateInProgressException"
        | "DeleteConflict" => Class::InUse,
        _ if code.starts_with("ClusterContains") => Class::InUse,
        "InvalidParameterException" if lower.contains("not idempotent") => Class::AlreadyExists,
        // A service-linked role: AWS's own answer to the second one (10).
        "InvalidInput" if lower.contains("has been taken") => Class::AlreadyExists,
        "InvalidParameterException"
            if lower.contains("deployments are active") || lower.contains("still draining") =>
        {
            Class::InUse
        }
        "InvalidClientTokenId"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "AuthFailure"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "RequestExpired"
        | "IncompleteSignature"
        | "MissingAuthenticationToken" => Class::Credentials,
        "UnauthorizedOperation"
        | "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedException" => Class::Denied,
        "OptInRequired" => Class::Unavailable,
        _ if is_quota(code) => Class::Quota,
        _ => Class::Permanent,
    }
}

fn is_throttle(code: &str) -> bool {
    matches!(
        code,
        "RequestLimitExceeded"
            | "EC2ThrottledException"
            | "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "TooManyRequestsException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "SlowDown"
            | "PriorRequestNotComplete"
            | "BandwidthLimitExceeded"
            | "ProvisionedThroughputExceededException"
            | "TransactionInProgressException"
            | "ConcurrentMutationLimitExceeded"
    )
}

fn is_gone(code: &str) -> bool {
    let code = code.to_lowercase();
    (code.starts_with("invalid") && code.ends_with(".notfound"))
        || matches!(
            code.as_str(),
            "natgatewaynotfound"
                | "gateway.notattached"
                | "nosuchentity"
                | "clusternotfoundexception"
                | "servicenotfoundexception"
                | "servicenotactiveexception"
                | "loadbalancernotfound"
                | "targetgroupnotfound"
                | "listenernotfound"
                | "rulenotfound"
                | "objectnotfoundexception"
                | "resourcenotfoundexception"
                | "resourcenotfound"
                | "notfound"
                | "repositorynotfoundexception"
        )
}

fn is_quota(code: &str) -> bool {
    code.ends_with("LimitExceeded")
        || code.ends_with("LimitExceededException")
        || code.starts_with("TooMany")
        || code == "LimitExceeded"
}
