//! The account's listing of its roles: all of them with all their policies.
//!
//! It gives in a call what is otherwise a call a role and a call a policy, but it also gives every
//! other role of the account, up to a thousand a page and often fewer (aws-behaviour 9.a, 31.20).
//! The rule: it is an economy, and no need. Whoever may not list, or finds a role on no page that
//! was looked at, asks for that role by itself.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::{EntityType, Role, RoleDetail};
use futures::future::try_join_all;

use super::calls;
use crate::aws::{Aws, AwsError, Class, Operation};

/// Roles by name: each as it is, and with what hangs on it.
pub type Listed = BTreeMap<String, (Role, RoleDetail)>;

/// Roles, and what hangs on them, by name.
type Answers = (BTreeMap<String, Role>, BTreeMap<String, RoleDetail>);

/// The most that a page holds.
const PAGE: i32 = 1000;

/// A few roles: each asked for by itself, beside one page of the listing. It takes no longer than
/// one call, whatever the size of the account.
pub async fn few(aws: &Aws, sought: &BTreeSet<&str>) -> Result<Listed, AwsError> {
    let roles = async {
        let roles = try_join_all(sought.iter().map(|name| calls::get(aws, name))).await?;
        Ok(roles.into_iter().flatten().map(|role| (role.role_name().to_owned(), role)).collect())
    };
    unless_denied(futures::try_join!(roles, details(aws, sought, 1)))
}

/// Many roles: page after page until all are found.
pub async fn many(aws: &Aws, sought: &BTreeSet<&str>) -> Result<Listed, AwsError> {
    unless_denied(futures::try_join!(roles(aws, sought), details(aws, sought, usize::MAX)))
}

/// What both answers show; nothing where one is refused, which a policy of few permissions does.
fn unless_denied(answer: Result<Answers, AwsError>) -> Result<Listed, AwsError> {
    let (roles, mut details) = match answer {
        Err(error) if error.class() == Class::Denied => {
            tracing::debug!(%error, "reading roles one by one");
            return Ok(Listed::new());
        }
        answer => answer?,
    };
    let both = roles.into_iter().filter_map(|(name, role)| {
        let detail = details.remove(&name)?;
        Some((name, (role, detail)))
    });
    Ok(both.collect())
}

/// What hangs on roles, from at most so many pages.
async fn details(
    aws: &Aws,
    sought: &BTreeSet<&str>,
    pages: usize,
) -> Result<BTreeMap<String, RoleDetail>, AwsError> {
    const GET: Operation = Operation::new("iam:GetAccountAuthorizationDetails");
    let mut found = BTreeMap::new();
    let mut marker = None;
    for _ in 0..pages {
        let request = aws.iam().get_account_authorization_details().filter(EntityType::Role);
        let request = request.max_items(PAGE).set_marker(marker);
        let page = aws.call(GET, || request.clone().send()).await?;
        let details = page.role_detail_list.unwrap_or_default().into_iter();
        let named = details.filter_map(|detail| Some((detail.role_name.clone()?, detail)));
        found.extend(named.filter(|(name, _)| sought.contains(name.as_str())));
        marker = page.marker.filter(|_| page.is_truncated && found.len() < sought.len());
        if marker.is_none() {
            break;
        }
    }
    Ok(found)
}

/// The roles themselves.
async fn roles(aws: &Aws, sought: &BTreeSet<&str>) -> Result<BTreeMap<String, Role>, AwsError> {
    const LIST: Operation = Operation::new("iam:ListRoles");
    let mut found = BTreeMap::new();
    let mut marker = None;
    loop {
        let request = aws.iam().list_roles().max_items(PAGE).set_marker(marker);
        let page = aws.call(LIST, || request.clone().send()).await?;
        let named = page.roles.into_iter().map(|role| (role.role_name().to_owned(), role));
        found.extend(named.filter(|(name, _)| sought.contains(name.as_str())));
        marker = page.marker.filter(|_| page.is_truncated && found.len() < sought.len());
        if marker.is_none() {
            return Ok(found);
        }
    }
}
