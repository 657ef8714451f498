//! Secrets Manager, as far as to say that a secret is there (aws-behaviour 20).
//!
//! No value is kept: a secret is its name, its key, and which stages have a version.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::clock::Moment;
use super::cloud::{ACCOUNT, Cloud};
use super::endpoint::unknown_operation;
use super::wire::{Answer, ApiError, Parameters};

/// How long a deleted secret can be restored, unless the deletion says otherwise.
const RECOVERY_DAYS: i64 = 30;

/// The stage of the version that is read when none is named.
pub const CURRENT: &str = "AWSCURRENT";

/// What the account holds here, by name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretsManager {
    /// Its secrets, with those that are scheduled for deletion.
    pub secrets: BTreeMap<String, Secret>,
}

/// A secret, without its value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Secret {
    /// Its ARN, which ends in a hyphen and six characters that AWS chooses.
    pub arn: String,
    /// The key that it is encrypted with; `None` for the account's own, `aws/secretsmanager`.
    pub key: Option<String>,
    /// The stages of each version, by its id; empty before a value was put.
    pub versions: BTreeMap<String, BTreeSet<String>>,
    /// When it is to be gone, once it was deleted.
    pub deleted: Option<Moment>,
    created: Moment,
}

impl SecretsManager {
    /// Puts a secret with a value where its ARN says that it is, as one that was always there:
    /// when it is made by `CreateSecret`, AWS chooses the end of its ARN.
    pub fn furnish(&mut self, arn: &str) {
        let resource = arn.splitn(7, ':').nth(6).unwrap_or(arn);
        let name = resource.rsplit_once('-').map_or(resource, |(name, _)| name);
        let versions = BTreeMap::from([("1".repeat(32), BTreeSet::from([CURRENT.to_owned()]))]);
        let created = Moment::default();
        let secret = Secret { arn: arn.to_owned(), key: None, versions, deleted: None, created };
        self.secrets.insert(name.to_owned(), secret);
    }
}

/// Answers an operation.
pub fn answer(cloud: &mut Cloud, operation: &str, request: Parameters<'_>) -> Answer {
    let now = cloud.now;
    let lasts = |secret: &Secret| secret.deleted.is_none_or(|gone| gone > now);
    cloud.secretsmanager.secrets.retain(|_, secret| lasts(secret));
    match operation {
        "CreateSecret" => create(cloud, request),
        "DescribeSecret" => describe(cloud, request),
        "DeleteSecret" => delete(cloud, request),
        "RestoreSecret" => restore(cloud, request),
        _ => Err(unknown_operation(operation)),
    }
}

/// Whether a task that names the secret in `value_from` gets a value: the ARN, and behind it the
/// parts that choose a key, a stage and a version. Secrets of other accounts are taken on trust.
#[must_use]
pub fn has_value(cloud: &Cloud, value_from: &str) -> bool {
    let parts: Vec<&str> = value_from.split(':').collect();
    if parts.get(4) != Some(&ACCOUNT) || parts.get(3) != Some(&cloud.region.as_str()) {
        return true;
    }
    let arn = parts[..parts.len().min(7)].join(":");
    let named = |at: usize| parts.get(at).copied().filter(|part| !part.is_empty());
    let stage = named(8).unwrap_or(CURRENT);
    let mut secrets = cloud.secretsmanager.secrets.values();
    secrets.any(|secret| {
        is_called(secret, &arn)
            && secret.deleted.is_none()
            && match named(9) {
                Some(version) => secret.versions.contains_key(version),
                None => secret.versions.values().any(|stages| stages.contains(stage)),
            }
    })
}

/// A name is taken until the secret is gone, also while it can be restored (aws-behaviour 20).
fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = required(request, "Name")?;
    match cloud.secretsmanager.secrets.get(name) {
        Some(there) if there.deleted.is_some() => {
            return Err(ApiError::new(
                "InvalidRequestException",
                "You can't create this secret because a secret with this name is already \
                 scheduled for deletion.",
            ));
        }
        Some(_) => {
            let message = format!("The operation failed because the secret {name} already exists.");
            return Err(ApiError::new("ResourceExistsException", message));
        }
        None => {}
    }
    let ending = cloud.fresh_hex(6);
    let arn = cloud.arn("secretsmanager", &format!("secret:{name}-{ending}"));
    let mut versions = BTreeMap::new();
    let has_value = request.has("SecretString") || request.has("SecretBinary");
    if has_value {
        let token = request.text("ClientRequestToken").map(str::to_owned);
        let id = token.unwrap_or_else(|| cloud.fresh_hex(32));
        versions.insert(id, BTreeSet::from([CURRENT.to_owned()]));
    }
    let key = request.text("KmsKeyId").map(str::to_owned);
    let answer = json!({"ARN": arn, "Name": name, "VersionId": versions.keys().next()});
    let secret = Secret { arn, key, versions, deleted: None, created: cloud.now };
    cloud.secretsmanager.secrets.insert(name.to_owned(), secret);
    Ok(answer)
}

fn describe(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let (name, secret) = find(cloud, request)?;
    Ok(json!({
        "ARN": secret.arn,
        "Name": name,
        "KmsKeyId": secret.key,
        "CreatedDate": seconds(cloud, secret.created),
        "DeletedDate": secret.deleted.map(|gone| seconds(cloud, gone)),
        "VersionIdsToStages": secret.versions,
    }))
}

fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let (name, secret) =
        find(cloud, request).map(|(name, found)| (name.to_owned(), found.clone()))?;
    let at_once = request.flag("ForceDeleteWithoutRecovery") == Some(true);
    let days = request.integer("RecoveryWindowInDays").unwrap_or(RECOVERY_DAYS);
    let days = u64::try_from(days).ok().filter(|days| (7..=30).contains(days));
    let days = days.ok_or_else(|| {
        ApiError::new(
            "InvalidParameterException",
            "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
        )
    })?;
    let answer =
        json!({"ARN": secret.arn, "Name": name, "DeletionDate": seconds(cloud, cloud.now)});
    if at_once {
        cloud.secretsmanager.secrets.remove(&name);
    } else if let Some(secret) = cloud.secretsmanager.secrets.get_mut(&name) {
        secret.deleted = Some(cloud.now.after(Duration::from_secs(days * 24 * 60 * 60)));
    }
    Ok(answer)
}

fn restore(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = find(cloud, request)?.0.to_owned();
    let secret = cloud.secretsmanager.secrets.get_mut(&name).ok_or_else(not_found)?;
    secret.deleted = None;
    Ok(json!({"ARN": secret.arn, "Name": name}))
}

/// By name or ARN. One of another account is not shown to this one.
fn find<'c>(cloud: &'c Cloud, request: Parameters<'_>) -> Result<(&'c str, &'c Secret), ApiError> {
    let id = required(request, "SecretId")?;
    if id.starts_with("arn:") && id.split(':').nth(4) != Some(ACCOUNT) {
        let message = format!(
            "User: arn:{}:iam::{ACCOUNT}:user/simulated is not authorized to perform: \
             secretsmanager:DescribeSecret on resource: {id} because no resource-based policy \
             allows the secretsmanager:DescribeSecret action",
            cloud.partition()
        );
        return Err(ApiError::new("AccessDeniedException", message));
    }
    let mut secrets = cloud.secretsmanager.secrets.iter();
    let found = secrets.find(|(name, secret)| *name == id || is_called(secret, id));
    found.map(|(name, secret)| (name.as_str(), secret)).ok_or_else(not_found)
}

/// Whether an ARN is the secret's, with or without the characters that AWS has put at its end.
fn is_called(secret: &Secret, arn: &str) -> bool {
    secret.arn == arn || secret.arn.rsplit_once('-').is_some_and(|(start, _)| start == arn)
}

fn required<'a>(request: Parameters<'a>, name: &str) -> Result<&'a str, ApiError> {
    let given = request.text(name).filter(|text| !text.is_empty());
    given.ok_or_else(|| {
        let message = format!("You must provide a value for the {name} parameter.");
        ApiError::new("InvalidParameterException", message)
    })
}

fn not_found() -> ApiError {
    ApiError::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

fn seconds(cloud: &Cloud, moment: Moment) -> Value {
    cloud.timestamp(moment).as_duration().as_secs_f64().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud() -> Cloud {
        Cloud::new("eu-west-1", "2026-01-01T00:00:00Z".parse().unwrap(), 7)
    }

    fn ask(cloud: &mut Cloud, operation: &str, request: &Value) -> Answer {
        answer(cloud, operation, Parameters::new(request))
    }

    fn made(cloud: &mut Cloud, request: &Value) -> String {
        let made = ask(cloud, "CreateSecret", request).unwrap();
        made["ARN"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_secret_is_found_by_name_and_by_arn_with_and_without_its_ending() {
        let mut cloud = cloud();
        let arn = made(&mut cloud, &json!({"Name": "shop/key", "SecretString": "s"}));
        let bare = arn.rsplit_once('-').unwrap().0.to_owned();
        for id in [arn.clone(), bare.clone(), "shop/key".to_owned()] {
            let found = ask(&mut cloud, "DescribeSecret", &json!({"SecretId": id})).unwrap();
            assert_eq!(found["ARN"], arn);
            assert!(!found.to_string().contains("SecretString"));
        }
        assert!(has_value(&cloud, &bare));
        assert!(has_value(&cloud, &format!("{arn}:password::")));
        assert!(!has_value(&cloud, &format!("{arn}::AWSPREVIOUS:")));
    }

    #[test]
    fn a_deleted_secret_can_be_restored_and_keeps_its_name_until_it_is_gone() {
        let mut cloud = cloud();
        let arn = made(&mut cloud, &json!({"Name": "key", "SecretString": "s"}));
        ask(&mut cloud, "DeleteSecret", &json!({"SecretId": "key"})).unwrap();
        let found = ask(&mut cloud, "DescribeSecret", &json!({"SecretId": arn})).unwrap();
        assert!(found["DeletedDate"].is_number());
        assert!(!has_value(&cloud, &arn));
        let taken = ask(&mut cloud, "CreateSecret", &json!({"Name": "key"})).unwrap_err();
        assert_eq!(taken.code, "InvalidRequestException");
        ask(&mut cloud, "RestoreSecret", &json!({"SecretId": "key"})).unwrap();
        assert!(has_value(&cloud, &arn));
        ask(&mut cloud, "DeleteSecret", &json!({"SecretId": "key"})).unwrap();
        cloud.now = cloud.now.after(Duration::from_hours(24 * 31));
        let gone = ask(&mut cloud, "DescribeSecret", &json!({"SecretId": arn})).unwrap_err();
        assert_eq!(gone.code, "ResourceNotFoundException");
    }

    #[test]
    fn a_secret_without_a_value_has_no_version() {
        let mut cloud = cloud();
        let arn = made(&mut cloud, &json!({"Name": "empty"}));
        let found = ask(&mut cloud, "DescribeSecret", &json!({"SecretId": arn})).unwrap();
        assert_eq!(found["VersionIdsToStages"], json!({}));
        assert!(!has_value(&cloud, &arn));
    }

    #[test]
    fn the_secrets_of_other_accounts_are_not_shown() {
        let arn = "arn:aws:secretsmanager:eu-west-1:999999999999:secret:key-AbCdEf";
        let denied = ask(&mut cloud(), "DescribeSecret", &json!({"SecretId": arn})).unwrap_err();
        assert_eq!(denied.code, "AccessDeniedException");
    }
}
