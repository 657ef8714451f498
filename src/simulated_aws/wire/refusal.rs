//! What is said to requests that no room of a service understands: in the words of the protocol that
//! they come in, which has to be guessed where nothing says for which service they are.

use super::{ApiError, Protocol, Request};

/// What AWS query calls an operation that a service does not have, and so all rooms do.
const UNKNOWN_OPERATION: &str = "InvalidAction";

/// The version of EC2's interface, which tells its forms from those of other services.
const VERSION_OF_EC2: &str = "Version=2016-11-15";

/// The protocol that a request looks like it is in.
pub fn guessed(request: &Request) -> Protocol {
    let media_type = request.header("content-type");
    if request.header("smithy-protocol") == "rpc-v2-cbor" {
        Protocol::Cbor
    } else if media_type.starts_with("application/x-amz-json-1.0") {
        Protocol::Json10
    } else if !request.header("x-amz-target").is_empty() {
        Protocol::Json
    } else if media_type.starts_with("application/x-www-form-urlencoded") {
        let form = String::from_utf8_lossy(&request.body);
        if form.contains(VERSION_OF_EC2) { Protocol::Ec2Query } else { Protocol::Query("") }
    } else if media_type.starts_with("application/json") {
        Protocol::RestJson
    } else {
        Protocol::RestXml
    }
}

/// The answer to a request that nobody has signed. S3 takes it for one of the public.
pub fn not_signed(protocol: Protocol) -> ApiError {
    let message = "Request is missing Authentication Token";
    match protocol {
        Protocol::RestXml => ApiError::new("AccessDenied", "Access Denied").with_status(403),
        Protocol::Json | Protocol::Json10 | Protocol::Cbor => {
            ApiError::new("MissingAuthenticationTokenException", message)
        }
        Protocol::Ec2Query | Protocol::Query(_) | Protocol::RestJson => {
            ApiError::new("MissingAuthenticationToken", message).with_status(403)
        }
    }
}

/// The answer to a request for a service that is not simulated.
pub fn unknown_service(name: &str) -> ApiError {
    ApiError::new("UnknownService", format!("The simulated AWS has no service {name}."))
        .with_status(404)
}

/// The answer of a room to an operation that it does not know.
#[must_use]
pub fn unknown_operation(operation: &str) -> ApiError {
    ApiError::new(UNKNOWN_OPERATION, format!("The simulated AWS does not answer {operation}."))
}

/// An error as a protocol names it: an operation that is not known has a name of its own in most.
pub fn in_words_of(protocol: Protocol, mut error: ApiError) -> ApiError {
    let (code, status) = match protocol {
        _ if error.code != UNKNOWN_OPERATION => return error,
        Protocol::Ec2Query | Protocol::Query(_) => return error,
        Protocol::RestXml => ("NotImplemented", 501),
        Protocol::RestJson => ("UnknownOperationException", 404),
        Protocol::Json | Protocol::Json10 | Protocol::Cbor => ("UnknownOperationException", 400),
    };
    code.clone_into(&mut error.code);
    error.with_status(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)], body: &str) -> Request {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let body = body.to_owned().into();
        Request { headers: headers.collect(), body, ..Request::default() }
    }

    #[test]
    fn the_protocol_is_told_from_headers_and_body() {
        let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        let version = "Action=DescribeVpcs&Version=2016-11-15";
        for (headers, body, expected) in [
            (&[("x-amz-target", "A.ListClusters")][..], "{}", Protocol::Json),
            (&[("content-type", "application/x-amz-json-1.0")], "{}", Protocol::Json10),
            (&[("smithy-protocol", "rpc-v2-cbor")], "", Protocol::Cbor),
            (&[("content-type", "application/json")], "{}", Protocol::RestJson),
            (&[form], version, Protocol::Ec2Query),
            (&[form], "Action=GetCallerIdentity&Version=2011-06-15", Protocol::Query("")),
            (&[], "", Protocol::RestXml),
        ] {
            assert_eq!(guessed(&request(headers, body)), expected, "{headers:?}");
        }
    }

    #[test]
    fn an_unknown_operation_is_called_what_the_protocol_calls_it() {
        let named = |protocol| {
            let error = in_words_of(protocol, unknown_operation("Frob"));
            (error.code, error.status)
        };
        assert_eq!(named(Protocol::Ec2Query), ("InvalidAction".into(), 400));
        assert_eq!(named(Protocol::Json), ("UnknownOperationException".into(), 400));
        assert_eq!(named(Protocol::RestXml), ("NotImplemented".into(), 501));
        let other = ApiError::new("AccessDenied", "No.");
        assert_eq!(in_words_of(Protocol::Json, other.clone()), other);
    }
}
