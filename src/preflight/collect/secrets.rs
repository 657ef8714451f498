//! Whether the secrets and parameters that tasks ask for are there. Only what describes them is
//! read: no operation here gives a value.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_ssm::types::{ParameterMetadata, ParameterStringFilter};

use super::super::evidence::{Secret, Seen};
use super::super::needs::Needs;
use super::{pages, seen};
use crate::aws::{Aws, AwsError, Operation, unless_gone};

const SECRET: Operation = Operation::new("secretsmanager:DescribeSecret");
const PARAMETERS: Operation = Operation::new("ssm:DescribeParameters");

/// The stage of a secret that is read when none is named.
const CURRENT: &str = "AWSCURRENT";
/// The keys that every account has for secrets and parameters, which need no permission.
const OWN_KEYS: &[&str] = &["alias/aws/secretsmanager", "alias/aws/ssm"];
/// How many names a filter takes.
const NAMES: usize = 50;
/// The most pages of parameters that are read for one filter: pages may be empty.
const PAGES: usize = 20;

/// An ARN of a secret or parameter in its parts.
#[derive(Clone, Copy, Debug)]
struct Arn<'a> {
    service: &'a str,
    region: &'a str,
    account: &'a str,
    resource: &'a str,
}

impl<'a> Arn<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':').skip(2);
        let (service, region) = (parts.next()?, parts.next()?);
        let (account, resource) = (parts.next()?, parts.next()?);
        Some(Self { service, region, account, resource })
    }
}

/// Looks at every secret and parameter.
pub(super) async fn look(
    aws: &Aws,
    account: &str,
    needs: &Needs,
) -> BTreeMap<String, Seen<Secret>> {
    let arns = needs.secrets.keys().filter_map(|text| Some((text.as_str(), Arn::read(text)?)));
    let is_here = |arn: &Arn<'_>| arn.account == account && arn.region == aws.region();
    let (here, elsewhere): (Vec<_>, Vec<_>) = arns.partition(|(_, arn)| is_here(arn));
    let (parameters, secrets): (Vec<_>, Vec<_>) =
        here.into_iter().partition(|(_, arn)| arn.service == "ssm");
    let secrets = secrets.into_iter().map(|(text, _)| async move {
        (text.to_owned(), seen(SECRET.name, secret(aws, text)).await)
    });
    let groups = parameters.chunks(NAMES / 2).map(|some| parameters_of(aws, some));
    let (secrets, parameters) = futures::future::join(
        futures::future::join_all(secrets),
        futures::future::join_all(groups),
    )
    .await;
    let elsewhere = elsewhere.into_iter().map(|(text, _)| (text.to_owned(), Ok(Secret::Elsewhere)));
    elsewhere.chain(secrets).chain(parameters.into_iter().flatten()).collect()
}

/// One that is not found is looked for again: it may have been made moments ago (aws-behaviour 20).
async fn secret(aws: &Aws, declared: &str) -> Result<Secret, AwsError> {
    let parts: Vec<&str> = declared.split(':').collect();
    let arn = parts[..parts.len().min(7)].join(":");
    let look = || async {
        let send = || aws.secrets_manager().describe_secret().secret_id(&arn).send();
        unless_gone(aws.call(SECRET, send).await)
    };
    let mut found = look().await?;
    if found.is_none() {
        aws.pace().sleep(super::AGAIN).await;
        found = look().await?;
    }
    let Some(found) = found else { return Ok(Secret::Missing) };
    Ok(standing(&found, &parts))
}

fn standing(found: &DescribeSecretOutput, parts: &[&str]) -> Secret {
    if found.deleted_date().is_some() {
        return Secret::Leaving;
    }
    let named = |at: usize| parts.get(at).copied().filter(|part| !part.is_empty());
    let versions = found.version_ids_to_stages();
    let staged = |stage: &str| {
        let mut stages = versions.into_iter().flat_map(|versions| versions.values().flatten());
        stages.any(|one| one == stage)
    };
    let (wanted, has_value) = match (named(9), named(8).unwrap_or(CURRENT)) {
        (Some(id), _) => (id, versions.is_some_and(|versions| versions.contains_key(id))),
        (None, stage) => (stage, staged(stage)),
    };
    if !has_value {
        return Secret::Empty { wanted: wanted.to_owned() };
    }
    Secret::Present { key: own_key(found.kms_key_id()) }
}

/// The key, if it is not the one that every account has.
fn own_key(key: Option<&str>) -> Option<String> {
    key.filter(|key| !OWN_KEYS.iter().any(|own| key.ends_with(own))).map(str::to_owned)
}

async fn parameters_of(aws: &Aws, some: &[(&str, Arn<'_>)]) -> Vec<(String, Seen<Secret>)> {
    let sought: Vec<String> = some.iter().flat_map(|(_, arn)| names(arn.resource)).collect();
    let found = seen(PARAMETERS.name, describe(aws, sought)).await;
    let standing = |arn: &Arn<'_>, found: &[ParameterMetadata]| {
        let names = names(arn.resource);
        let is_it = |one: &&ParameterMetadata| names.iter().any(|name| one.name() == Some(name));
        match found.iter().find(is_it) {
            Some(one) => Secret::Present { key: own_key(one.key_id()) },
            None => Secret::Missing,
        }
    };
    some.iter()
        .map(|(text, arn)| {
            let seen = found.as_ref().map(|found| standing(arn, found)).map_err(Clone::clone);
            ((*text).to_owned(), seen)
        })
        .collect()
}

/// What a parameter of that ARN may be called: `parameter/a` is the ARN of `a` and of `/a`.
fn names(resource: &str) -> Vec<String> {
    let path = resource.strip_prefix("parameter").unwrap_or(resource);
    let bare = path.trim_start_matches('/');
    let mut names = vec![path.to_owned()];
    if !bare.contains('/') {
        names.push(bare.to_owned());
    }
    names
}

async fn describe(aws: &Aws, names: Vec<String>) -> Result<Vec<ParameterMetadata>, AwsError> {
    let filter = ParameterStringFilter::builder().key("Name").option("Equals");
    let filter = filter.set_values(Some(names)).build();
    let filter = filter.map_err(|_| AwsError::incomplete(PARAMETERS, "Key"))?;
    let read = pages(PAGES, |token| {
        let request = aws.ssm().describe_parameters().parameter_filters(filter.clone());
        let request = request.max_results(50).set_next_token(token);
        async move {
            let page = aws.call(PARAMETERS, || request.clone().send()).await?;
            Ok((page.parameters.unwrap_or_default(), page.next_token))
        }
    });
    Ok(read.await?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_without_a_hierarchy_has_two_names() {
        assert_eq!(names("parameter/token"), ["/token", "token"]);
        assert_eq!(names("parameter/shop/token"), ["/shop/token"]);
    }

    #[test]
    fn the_keys_of_every_account_need_no_permission() {
        assert_eq!(own_key(Some("alias/aws/ssm")), None);
        let whole = "arn:aws:kms:eu-west-1:123456789012:alias/aws/secretsmanager";
        assert_eq!(own_key(Some(whole)), None);
        assert_eq!(own_key(Some("alias/shop")), Some("alias/shop".to_owned()));
    }
}
