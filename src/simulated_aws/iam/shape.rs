//! How roles look in answers.

use jiff::Unit;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Role, tag_list};
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::cloud::Cloud;

/// All that RFC 3986 does not call unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A document as every answer carries it (aws-behaviour 9.f).
pub(super) fn url_encoded(document: &str) -> String {
    utf8_percent_encode(document, RESERVED).to_string()
}

/// A time in whole seconds, as IAM keeps them.
pub(super) fn time(cloud: &Cloud, moment: Moment) -> String {
    let time = cloud.timestamp(moment);
    time.round(Unit::Second).unwrap_or(time).to_string()
}

/// A role in full, as `GetRole` shows it.
pub(super) fn role(cloud: &Cloud, role: &Role) -> Value {
    let mut shown = listed_role(cloud, role);
    shown["PermissionsBoundary"] = boundary(role);
    shown["Tags"] = shown_tags(role);
    shown["RoleLastUsed"] = json!({});
    shown
}

/// A role as `ListRoles` shows it: without tags and boundary (aws-behaviour 9.a).
pub(super) fn listed_role(cloud: &Cloud, role: &Role) -> Value {
    json!({
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": time(cloud, role.created),
        "AssumeRolePolicyDocument": url_encoded(&role.trust),
        "Description": role.description,
        "MaxSessionDuration": role.max_session_s,
    })
}

pub(super) fn boundary(role: &Role) -> Value {
    role.boundary.as_ref().map_or(
        Value::Null,
        |arn| json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}),
    )
}

/// No tags are no list, rather than an empty one.
pub(super) fn shown_tags(role: &Role) -> Value {
    if role.tags.is_empty() { Value::Null } else { tag_list(&role.tags) }
}
