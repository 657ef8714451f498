//! The wire: what a request says in any of seven protocols, and how an answer is written in it.
//!
//! The rooms of the services see none of it: they take [`Parameters`] and give a
//! [`serde_json::Value`] with the member names of the service, or an [`ApiError`].
//!
//! | protocol | services | request | answer |
//! |---|---|---|---|
//! | EC2 query | EC2 | form, lists as `Name.1` | XML, lists as `<nameSet><item>` |
//! | AWS query | ELB, IAM, SNS, STS, CloudWatch too | form, lists as `Name.member.1` | XML, lists as `<Name><member>` |
//! | AWS JSON 1.1 | ECS, Logs, Application Auto Scaling, Secrets Manager, Service Quotas, SSM, CloudTrail | JSON, operation in `X-Amz-Target` | JSON |
//! | REST-JSON | EventBridge Scheduler | method, path, query, JSON | JSON |
//! | RPC v2, CBOR | CloudWatch | path, CBOR | CBOR |
//! | AWS JSON 1.0 | CloudWatch too | JSON, operation in `X-Amz-Target` | JSON |
//! | REST-XML | S3 | method, path, query, headers | headers, XML with flat lists, bytes |

mod cbor;
mod form;
pub mod hex;
mod json;
mod parameters;
pub(super) mod refusal;
mod request;
pub(super) mod rest;
mod rest_json;
mod xml;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

pub use form::parse_form;
pub use parameters::Parameters;
pub use request::Request;

/// The services that the simulated AWS answers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// EC2, of which only the network is.
    Ec2,
    /// Identity and Access Management.
    Iam,
    /// The Security Token Service, which says who asks.
    Sts,
    /// Elastic Load Balancing, version 2.
    Elb,
    /// The Elastic Container Service.
    Ecs,
    /// CloudWatch Logs.
    Logs,
    /// Application Auto Scaling.
    Autoscaling,
    /// Secrets Manager.
    SecretsManager,
    /// Service Quotas.
    ServiceQuotas,
    /// The parameters of Systems Manager.
    Ssm,
    /// CloudTrail, of which only the event history is.
    CloudTrail,
    /// The Simple Storage Service.
    S3,
    /// EventBridge Scheduler.
    Scheduler,
    /// The Simple Notification Service.
    Sns,
    /// CloudWatch.
    CloudWatch,
}

/// How a service writes its requests and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A form in, XML out, with lists as `<item>`.
    Ec2Query,
    /// A form in, XML out, with lists as `<member>`. With the XML namespace that answers carry.
    Query(&'static str),
    /// AWS JSON 1.1.
    Json,
    /// AWS JSON 1.0, of services that were once asked in AWS query.
    Json10,
    /// The operation in method and path, XML in and out, as S3 has it.
    RestXml,
    /// The operation in method and path, JSON in and out.
    RestJson,
    /// The operation at the end of the path, CBOR in and out.
    Cbor,
}

impl Service {
    /// The service by the name that requests are signed for.
    #[must_use]
    pub fn from_signing_name(name: &str) -> Option<Self> {
        Some(match name {
            "ec2" => Self::Ec2,
            "iam" => Self::Iam,
            "sts" => Self::Sts,
            "elasticloadbalancing" => Self::Elb,
            "ecs" => Self::Ecs,
            "logs" => Self::Logs,
            "application-autoscaling" => Self::Autoscaling,
            "secretsmanager" => Self::SecretsManager,
            "servicequotas" => Self::ServiceQuotas,
            "ssm" => Self::Ssm,
            "cloudtrail" => Self::CloudTrail,
            "s3" => Self::S3,
            "scheduler" => Self::Scheduler,
            "sns" => Self::Sns,
            "monitoring" => Self::CloudWatch,
            _ => return None,
        })
    }

    /// The protocol that a request to the service is in: SDKs choose among those of CloudWatch.
    #[must_use]
    pub fn protocol_of(self, request: &Request) -> Protocol {
        let is_form =
            request.header("content-type").starts_with("application/x-www-form-urlencoded");
        match self {
            Self::CloudWatch if !request.header("x-amz-target").is_empty() => Protocol::Json10,
            Self::CloudWatch if is_form => {
                Protocol::Query("http://monitoring.amazonaws.com/doc/2010-08-01/")
            }
            _ => self.protocol(),
        }
    }

    /// The protocol that the service speaks.
    #[must_use]
    pub fn protocol(self) -> Protocol {
        match self {
            Self::Ec2 => Protocol::Ec2Query,
            Self::Iam => Protocol::Query("https://iam.amazonaws.com/doc/2010-05-08/"),
            Self::Sts => Protocol::Query("https://sts.amazonaws.com/doc/2011-06-15/"),
            Self::Elb => {
                Protocol::Query("http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/")
            }
            Self::Ecs
            | Self::Logs
            | Self::Autoscaling
            | Self::SecretsManager
            | Self::ServiceQuotas
            | Self::Ssm
            | Self::CloudTrail => Protocol::Json,
            Self::S3 => Protocol::RestXml,
            Self::Scheduler => Protocol::RestJson,
            Self::Sns => Protocol::Query("http://sns.amazonaws.com/doc/2010-03-31/"),
            Self::CloudWatch => Protocol::Cbor,
        }
    }
}

/// The only member of what stands for a moment in the answers of a room of several protocols.
const MOMENT: &str = "Seconds";

/// An error that AWS answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The status of the HTTP answer.
    pub status: u16,
    /// The code on the wire: `InvalidVpcID.NotFound`, `ClusterNotFoundException`.
    pub code: String,
    /// What AWS says to people.
    pub message: String,
    /// What it says besides, by member name, where the protocol has a place for it, as REST-XML has.
    pub members: Map<String, Value>,
}

impl ApiError {
    /// An error with status 400, which most are.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.into(), message: message.into(), members: Map::new() }
    }

    /// The same error with another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same error with a member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }
}

/// What a room answers: the operation's output by member name, `Value::Null` members left out.
pub type Answer = Result<Value, ApiError>;

/// An answer in the bytes of its protocol.
#[derive(Clone, Debug)]
pub struct WireAnswer {
    /// The status of the HTTP answer.
    pub status: u16,
    /// The header of that name, unless `headers` has it.
    pub content_type: &'static str,
    /// The other headers.
    pub headers: Vec<(String, String)>,
    /// All of the body.
    pub body: Vec<u8>,
}

/// Reads an operation and its members out of a request in a protocol.
///
/// # Errors
///
/// What AWS answers to a request that can't be read.
pub fn read(protocol: Protocol, request: &Request) -> Result<(String, Value), ApiError> {
    match protocol {
        Protocol::Json | Protocol::Json10 => {
            let target = request.header("x-amz-target");
            let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
            Ok((operation, json::read(&request.body)?.into()))
        }
        Protocol::Ec2Query | Protocol::Query(_) => {
            let form = parse_form(&request.body);
            Ok((form["Action"].as_str().unwrap_or_default().to_owned(), form))
        }
        Protocol::RestXml => rest::read(request),
        Protocol::RestJson => rest_json::read(request),
        Protocol::Cbor => cbor::read(request),
    }
}

/// Writes an operation's answer in a protocol.
#[must_use]
pub fn write(protocol: Protocol, operation: &str, answer: &Answer, request_id: &str) -> WireAnswer {
    let headers = vec![("x-amzn-requestid".to_owned(), request_id.to_owned())];
    match protocol {
        Protocol::RestXml => rest::write(operation, answer, request_id),
        Protocol::RestJson => rest_json::write(answer, headers),
        Protocol::Cbor => cbor::write(answer, headers),
        Protocol::Json => json::write(answer, headers),
        Protocol::Json10 => json::write_10(answer, headers),
        Protocol::Ec2Query | Protocol::Query(_) => {
            let (status, body) = match answer {
                Ok(output) => {
                    let output = with_moments(output.clone(), &in_words);
                    (200, xml::output(protocol, operation, &output, request_id))
                }
                Err(error) => (error.status, xml::error(protocol, error, request_id)),
            };
            let content_type = "text/xml;charset=UTF-8";
            WireAnswer { status, content_type, headers, body: body.into_bytes() }
        }
    }
}

/// Writes each moment, `{"Seconds": …}`, as a protocol does.
fn with_moments(value: Value, write: &dyn Fn(Value) -> Value) -> Value {
    match value {
        Value::Object(mut members) if members.len() == 1 && members.contains_key(MOMENT) => {
            write(members.remove(MOMENT).unwrap_or_default())
        }
        Value::Object(members) => {
            members.into_iter().map(|(name, member)| (name, with_moments(member, write))).collect()
        }
        Value::Array(items) => items.into_iter().map(|item| with_moments(item, write)).collect(),
        other => other,
    }
}

/// A moment as XML has it: `2026-01-01T00:00:00.000Z`.
fn in_words(seconds: Value) -> Value {
    let since_1970 =
        seconds.as_f64().and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok());
    let moment = since_1970.and_then(|since| Timestamp::from_duration(since).ok());
    moment.map_or(seconds, |moment| moment.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string().into())
}

/// The header in which an error has its code of AWS query, and whose fault it is.
fn query_error(error: &ApiError) -> (String, String) {
    let fault = if error.status < 500 { "Sender" } else { "Receiver" };
    ("x-amzn-query-error".into(), format!("{};{fault}", error.code))
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, member)| !member.is_null())
            .map(|(name, member)| (name.clone(), without_nulls(member)))
            .collect(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cloudwatch_is_asked_in_json_where_a_target_says_so_and_in_forms() {
        let target = "GraniteServiceVersion20100801.DescribeAlarms";
        let headers = [("x-amz-target".to_owned(), target.to_owned())].into();
        let request = Request { headers, ..Request::default() };
        assert_eq!(Service::CloudWatch.protocol_of(&request), Protocol::Json10);
        assert_eq!(Service::Ecs.protocol_of(&request), Protocol::Json);
        assert_eq!(Service::CloudWatch.protocol_of(&Request::default()), Protocol::Cbor);
        let form = "application/x-www-form-urlencoded; charset=utf-8".to_owned();
        let headers = [("content-type".to_owned(), form)].into();
        let protocol = Service::CloudWatch.protocol_of(&Request { headers, ..Request::default() });
        let answer = json!({"Alarms": [{"Updated": {"Seconds": 1.5}}]});
        let answer = write(protocol, "DescribeAlarms", &Ok(answer), "id").body;
        let xml = String::from_utf8(answer).unwrap();
        let alarms =
            "<Alarms><member><Updated>1970-01-01T00:00:01.500Z</Updated></member></Alarms>";
        assert!(xml.contains(alarms), "{xml}");
        let alarm = json!({"Alarms": [{"Updated": {"Seconds": 1.5}, "Period": 60}]});
        let answer = write(Protocol::Json10, "DescribeAlarms", &Ok(alarm), "id");
        assert_eq!(answer.body, br#"{"Alarms":[{"Period":60,"Updated":1.5}]}"#);
        let error = ApiError::new("ResourceNotFound", "None.").with_status(404);
        let answer = write(Protocol::Json10, "DeleteAlarms", &Err(error), "id");
        let code = ("x-amzn-query-error".to_owned(), "ResourceNotFound;Sender".to_owned());
        assert!(answer.headers.contains(&code));
        assert_eq!((answer.status, answer.content_type), (404, "application/x-amz-json-1.0"));
    }
}
