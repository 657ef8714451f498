//! XML answers of the two query protocols.

use quick_xml::escape::escape;
use serde_json::Value;

use super::{ApiError, Protocol};

const EC2_NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

/// Writes an operation's output.
pub(super) fn output(
    protocol: Protocol,
    operation: &str,
    output: &Value,
    request_id: &str,
) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    match protocol {
        Protocol::Query(namespace) => {
            xml.push_str(&format!("<{operation}Response xmlns=\"{namespace}\">"));
            xml.push_str(&format!("<{operation}Result>"));
            members(&mut xml, output, "member");
            xml.push_str(&format!("</{operation}Result>"));
            xml.push_str(&format!(
                "<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
            ));
        }
        Protocol::Ec2Query
        | Protocol::Json
        | Protocol::Json10
        | Protocol::RestXml
        | Protocol::RestJson
        | Protocol::Cbor => {
            xml.push_str(&format!("<{operation}Response xmlns=\"{EC2_NAMESPACE}\">"));
            xml.push_str(&format!("<requestId>{request_id}</requestId>"));
            members(&mut xml, output, "item");
        }
    }
    xml.push_str(&format!("</{operation}Response>"));
    xml
}

/// Writes an error.
pub(super) fn error(protocol: Protocol, error: &ApiError, request_id: &str) -> String {
    let code = escape(&error.code);
    let message = escape(&error.message);
    match protocol {
        Protocol::Query(namespace) => {
            let at_fault = if error.status < 500 { "Sender" } else { "Receiver" };
            format!(
                "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{at_fault}</Type>\
                 <Code>{code}</Code><Message>{message}</Message></Error>\
                 <RequestId>{request_id}</RequestId></ErrorResponse>"
            )
        }
        Protocol::Ec2Query
        | Protocol::Json
        | Protocol::Json10
        | Protocol::RestXml
        | Protocol::RestJson
        | Protocol::Cbor => format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>\
             <Code>{code}</Code><Message>{message}</Message></Error></Errors>\
             <RequestID>{request_id}</RequestID></Response>"
        ),
    }
}

fn members(xml: &mut String, value: &Value, item: &str) {
    match value {
        Value::Null => {}
        Value::Object(object) => {
            for (name, member) in object {
                element(xml, name, member, item);
            }
        }
        Value::Array(items) => {
            for member in items {
                element(xml, item, member, item);
            }
        }
        Value::String(text) => xml.push_str(&escape(text.as_str())),
        Value::Bool(_) | Value::Number(_) => xml.push_str(&value.to_string()),
    }
}

fn element(xml: &mut String, name: &str, value: &Value, item: &str) {
    if value.is_null() {
        return;
    }
    // The members of a map stand one after the other, each as an entry.
    if let ("entry", Value::Array(entries)) = (name, value) {
        for entry in entries {
            element(xml, name, entry, item);
        }
        return;
    }
    xml.push_str(&format!("<{name}>"));
    members(xml, value, item);
    xml.push_str(&format!("</{name}>"));
}
