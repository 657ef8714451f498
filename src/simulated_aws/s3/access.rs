//! Who may look: what is kept from the public, and a bucket's policy ("The meaning of public" in the
//! user guide of S3).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::name;
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// What is kept from the public.
#[expect(clippy::struct_excessive_bools, reason = "they are S3's four switches")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Block {
    #[serde(rename = "BlockPublicAcls")]
    new_acls: bool,
    #[serde(rename = "IgnorePublicAcls")]
    all_acls: bool,
    #[serde(rename = "BlockPublicPolicy")]
    new_policy: bool,
    #[serde(rename = "RestrictPublicBuckets")]
    all_policies: bool,
}

impl Block {
    pub fn all() -> Self {
        Self { new_acls: true, all_acls: true, new_policy: true, all_policies: true }
    }
}

pub(super) fn block(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let block = cloud.s3.bucket(name(request))?.block;
    block.map(|block| json!(block)).ok_or_else(|| {
        let message = "The public access block configuration was not found";
        ApiError::new("NoSuchPublicAccessBlockConfiguration", message).with_status(404)
    })
}

pub(super) fn put_block(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let document = request.structure("Document");
    let flag = |name: &str| document.flag(name).unwrap_or_default();
    cloud.s3.bucket_mut(name(request))?.block = Some(Block {
        new_acls: flag("BlockPublicAcls"),
        all_acls: flag("IgnorePublicAcls"),
        new_policy: flag("BlockPublicPolicy"),
        all_policies: flag("RestrictPublicBuckets"),
    });
    Ok(Value::Null)
}

pub(super) fn delete_block(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    cloud.s3.bucket_mut(name(request))?.block = None;
    Ok(Value::Null)
}

pub(super) fn policy(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let policy = cloud.s3.bucket(name(request))?.policy.clone();
    policy.map(|policy| json!({"Policy": policy})).ok_or_else(no_policy)
}

/// A public policy is refused where public policies are blocked.
pub(super) fn put_policy(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let bucket = cloud.s3.bucket_mut(name(request))?;
    let policy = request.text("Body").unwrap_or_default();
    if !policy.starts_with('{') || serde_json::from_str::<Value>(policy).is_err() {
        let message = "Policies must be valid JSON and the first byte must be '{'";
        return Err(ApiError::new("MalformedPolicy", message));
    }
    if bucket.block.is_some_and(|block| block.new_policy) && is_public(policy) {
        let message = "User is not authorized to perform: s3:PutBucketPolicy because public \
                       policies are prevented by the BlockPublicPolicy setting in S3 Block Public \
                       Access.";
        return Err(ApiError::new("AccessDenied", message).with_status(403));
    }
    bucket.policy = Some(policy.to_owned());
    Ok(Value::Null)
}

pub(super) fn delete_policy(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    cloud.s3.bucket_mut(name(request))?.policy = None;
    Ok(Value::Null)
}

pub(super) fn policy_status(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let policy = cloud.s3.bucket(name(request))?.policy.as_deref();
    policy.map(|policy| json!({"IsPublic": is_public(policy)})).ok_or_else(no_policy)
}

/// Whether a policy lets everybody in: what S3 calls public, but for conditions, which count as
/// narrowing here whatever they say.
fn is_public(policy: &str) -> bool {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let statements = match &policy["Statement"] {
        Value::Array(statements) => statements.clone(),
        one => vec![one.clone()],
    };
    let is_everybody = |who: &Value| match &who["AWS"] {
        Value::Array(several) => several.iter().any(|one| one == "*"),
        one => *one == "*" || who == "*",
    };
    statements.iter().any(|statement| {
        statement["Effect"] == "Allow"
            && statement["Condition"].is_null()
            && is_everybody(&statement["Principal"])
    })
}

fn no_policy() -> ApiError {
    ApiError::new("NoSuchBucketPolicy", "The bucket policy does not exist").with_status(404)
}
