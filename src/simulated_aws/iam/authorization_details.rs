//! All roles with all that hangs on them, in one call.

use serde_json::{Value, json};

use super::{Role, attachments, page, shape};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, Parameters};

/// Users, groups and policies of the customer's own are none; those of AWS are left out.
pub(super) fn get(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let filter = request.texts("Filter");
    let with_roles = filter.is_empty() || filter.iter().any(|kind| kind == "Role");
    let roles = cloud.iam.roles.iter().filter(|_| with_roles);
    let items = roles.map(|(key, role)| (key.clone(), detail(cloud, role))).collect();
    let mut answer = page::page(request, "RoleDetailList", items)?;
    for empty in ["UserDetailList", "GroupDetailList", "Policies"] {
        answer[empty] = json!([]);
    }
    Ok(answer)
}

fn detail(cloud: &Cloud, role: &Role) -> Value {
    let inline = role.inline.iter().map(|(name, document)| {
        json!({"PolicyName": name, "PolicyDocument": shape::url_encoded(document)})
    });
    json!({
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": shape::time(cloud, role.created),
        "AssumeRolePolicyDocument": shape::url_encoded(&role.trust),
        "InstanceProfileList": [],
        "RolePolicyList": inline.collect::<Value>(),
        "AttachedManagedPolicies":
            role.attached.iter().map(|arn| attachments::shown(arn)).collect::<Value>(),
        "PermissionsBoundary": shape::boundary(role),
        "Tags": super::tag_list(&role.tags),
        "RoleLastUsed": {},
    })
}
