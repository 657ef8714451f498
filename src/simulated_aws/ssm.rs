//! The parameters of Systems Manager, as far as to say that one is there. No value is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::clock::Moment;
use super::cloud::{ACCOUNT, Cloud};
use super::endpoint::unknown_operation;
use super::marker;
use super::wire::{Answer, ApiError, Parameters};

/// The most parameters on a page.
const LARGEST_PAGE: usize = 50;

/// The most values of a filter.
const LARGEST_FILTER: usize = 50;

/// The account's own key for parameters.
const OWN_KEY: &str = "alias/aws/ssm";

/// What the account holds here, by name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ssm {
    /// Its parameters.
    pub parameters: BTreeMap<String, Parameter>,
}

/// A parameter, without its value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Parameter {
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    /// The key that a secure one is encrypted with.
    pub key: Option<String>,
    version: u64,
    modified: Moment,
}

impl Ssm {
    /// Puts a secure parameter where nobody had to ask for it.
    pub fn furnish(&mut self, name: &str) {
        let (kind, key) = ("SecureString".to_owned(), Some(OWN_KEY.to_owned()));
        let parameter = Parameter { kind, key, version: 1, modified: Moment::default() };
        self.parameters.insert(name.to_owned(), parameter);
    }
}

/// Answers an operation.
pub fn answer(cloud: &mut Cloud, operation: &str, request: Parameters<'_>) -> Answer {
    match operation {
        "PutParameter" => put(cloud, request),
        "DescribeParameters" => describe(cloud, request),
        "DeleteParameter" => delete(cloud, request),
        _ => Err(unknown_operation(operation)),
    }
}

/// Whether a task that names the parameter by its ARN gets a value. Those of other accounts are
/// taken on trust.
#[must_use]
pub fn has_value(cloud: &Cloud, arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, _, _, region, account, resource] = parts[..] else { return false };
    if account != ACCOUNT || region != cloud.region {
        return true;
    }
    let name = resource.strip_prefix("parameter").unwrap_or(resource);
    let parameters = &cloud.ssm.parameters;
    parameters.contains_key(name) || parameters.contains_key(name.trim_start_matches('/'))
}

fn put(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = required(request, "Name")?.to_owned();
    required(request, "Value")?;
    if name.trim_start_matches('/').contains('/') && !name.starts_with('/') {
        return Err(invalid("Parameter name must be a fully qualified name."));
    }
    let there = cloud.ssm.parameters.get(&name);
    if there.is_some() && request.flag("Overwrite") != Some(true) {
        let message = "The parameter already exists. To overwrite this value, set the overwrite \
                       option in the request to true.";
        return Err(ApiError::new("ParameterAlreadyExists", message));
    }
    let version = there.map_or(1, |there| there.version + 1);
    let kind = request.text("Type").or(there.map(|there| there.kind.as_str()));
    let kind = kind.ok_or_else(|| invalid("A parameter type is required."))?.to_owned();
    let key = (kind == "SecureString").then(|| request.text("KeyId").unwrap_or(OWN_KEY).to_owned());
    let parameter = Parameter { kind, key, version, modified: cloud.now };
    cloud.ssm.parameters.insert(name, parameter);
    Ok(json!({"Version": version, "Tier": "Standard"}))
}

fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = required(request, "Name")?;
    match cloud.ssm.parameters.remove(name) {
        Some(_) => Ok(json!({})),
        None => Err(ApiError::new("ParameterNotFound", "")),
    }
}

/// What matches no filter is left out; no name is an error for not being there.
fn describe(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let mut names: Option<Vec<String>> = None;
    for filter in request.structures("ParameterFilters") {
        let values = filter.texts("Values");
        let equals = filter.text("Option").is_none_or(|option| option == "Equals");
        if filter.text("Key") != Some("Name") || !equals {
            let message = "Only the filter Name with the option Equals is known here.";
            return Err(ApiError::new("InvalidFilterKey", message));
        }
        if values.is_empty() || values.len() > LARGEST_FILTER {
            return Err(ApiError::new("InvalidFilterValue", "A filter has 1 to 50 values."));
        }
        names.get_or_insert_default().extend(values);
    }
    let after = request.text("NextToken").and_then(marker::read).unwrap_or_default();
    let size = page_size(request)?;
    let is_sought = |name: &String| names.as_ref().is_none_or(|names| names.contains(name));
    let mut rest = cloud
        .ssm
        .parameters
        .iter()
        .filter(|(name, _)| is_sought(name) && **name > after)
        .peekable();
    let shown: Vec<_> = rest.by_ref().take(size).collect();
    let next = rest.peek().and(shown.last()).map(|(name, _)| marker::write(name));
    let shown: Vec<Value> = shown.into_iter().map(|(name, one)| show(cloud, name, one)).collect();
    Ok(json!({"Parameters": shown, "NextToken": next}))
}

fn page_size(request: Parameters<'_>) -> Result<usize, ApiError> {
    let Some(asked) = request.integer("MaxResults") else { return Ok(10) };
    let size = usize::try_from(asked).ok().filter(|size| (1..=LARGEST_PAGE).contains(size));
    size.ok_or_else(|| invalid("MaxResults must be between 1 and 50."))
}

fn show(cloud: &Cloud, name: &str, parameter: &Parameter) -> Value {
    let separator = if name.starts_with('/') { "" } else { "/" };
    json!({
        "Name": name,
        "ARN": cloud.arn("ssm", &format!("parameter{separator}{name}")),
        "Type": parameter.kind,
        "KeyId": parameter.key,
        "Version": parameter.version,
        "Tier": "Standard",
        "DataType": "text",
        "LastModifiedDate": cloud.timestamp(parameter.modified).as_duration().as_secs_f64(),
    })
}

fn required<'a>(request: Parameters<'a>, name: &str) -> Result<&'a str, ApiError> {
    let given = request.text(name).filter(|text| !text.is_empty());
    given.ok_or_else(|| invalid(&format!("{name} is required.")))
}

fn invalid(message: &str) -> ApiError {
    ApiError::new("ValidationException", message)
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

    fn put(cloud: &mut Cloud, name: &str) {
        let asked = json!({"Name": name, "Value": "hush", "Type": "SecureString"});
        ask(cloud, "PutParameter", &asked).unwrap();
    }

    fn names(page: &Value) -> Vec<&str> {
        let shown = page["Parameters"].as_array().unwrap();
        shown.iter().map(|one| one["Name"].as_str().unwrap()).collect()
    }

    #[test]
    fn those_that_are_there_are_described_without_their_values() {
        let mut cloud = cloud();
        put(&mut cloud, "/shop/key");
        let names_asked = json!(["/shop/key", "/shop/other"]);
        let asked = json!({"ParameterFilters": [{"Key": "Name", "Values": names_asked}]});
        let found = ask(&mut cloud, "DescribeParameters", &asked).unwrap();
        assert_eq!(names(&found), ["/shop/key"]);
        assert_eq!(found["Parameters"][0]["KeyId"], OWN_KEY);
        assert!(!found.to_string().contains("hush"));
    }

    #[test]
    fn a_name_with_and_without_its_slash_has_one_arn() {
        let mut cloud = cloud();
        put(&mut cloud, "token");
        let arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/token";
        assert!(has_value(&cloud, arn));
        let found = ask(&mut cloud, "DescribeParameters", &json!({})).unwrap();
        assert_eq!(found["Parameters"][0]["ARN"], arn);
        assert!(!has_value(&cloud, "arn:aws:ssm:eu-west-1:123456789012:parameter/other"));
        assert!(has_value(&cloud, "arn:aws:ssm:eu-west-1:999999999999:parameter/other"));
    }

    #[test]
    fn a_list_comes_in_pages_of_ten() {
        let mut cloud = cloud();
        for number in 10..21 {
            put(&mut cloud, &format!("p{number}"));
        }
        let first = ask(&mut cloud, "DescribeParameters", &json!({})).unwrap();
        assert_eq!(names(&first).len(), 10);
        let asked = json!({"NextToken": first["NextToken"]});
        assert_eq!(names(&ask(&mut cloud, "DescribeParameters", &asked).unwrap()), ["p20"]);
    }

    #[test]
    fn a_parameter_is_not_overwritten_unless_asked_to_be() {
        let mut cloud = cloud();
        put(&mut cloud, "key");
        let again = json!({"Name": "key", "Value": "other", "Type": "String"});
        let refused = ask(&mut cloud, "PutParameter", &again).unwrap_err();
        assert_eq!(refused.code, "ParameterAlreadyExists");
        ask(&mut cloud, "DeleteParameter", &json!({"Name": "key"})).unwrap();
        assert!(ask(&mut cloud, "PutParameter", &again).is_ok());
    }
}
