//! The Simple Notification Service, as far as standard topics with tags go; what is published is kept.
//!
//! What a topic's subscribers get, nobody here does: there are none. Behaviour is that of the API
//! reference of SNS, by operation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::clock::Moment;
use super::cloud::{ACCOUNT, Cloud};
use super::endpoint::unknown_operation;
use super::marker;
use super::wire::{Answer, ApiError, Parameters};

/// The longest name of a topic.
const LONGEST_NAME: usize = 256;
/// The most tags of a topic.
const MOST_TAGS: usize = 50;
/// How many topics a list shows at once.
const PAGE: usize = 100;
/// The one attribute of a topic that can be set here.
const DISPLAY_NAME: &str = "DisplayName";
/// The longest subject, in characters, and the largest message with its attributes, in bytes.
const LONGEST_SUBJECT: usize = 100;
const LARGEST_MESSAGE: usize = 256 * 1024;

/// What the account holds here.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sns {
    /// Topics by their names.
    topics: BTreeMap<String, Topic>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Topic {
    attributes: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
    published: Vec<Published>,
}

/// A message that was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// When.
    pub at: Moment,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub message: String,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
}

impl Sns {
    /// What was published to a topic, the first first; nothing for a topic that is not there.
    #[must_use]
    pub fn published(&self, name: &str) -> &[Published] {
        self.topics.get(name).map_or(&[], |topic| &topic.published)
    }
}

/// Publishes something of AWS's own, such as an alarm; lost where the topic is gone.
pub fn publish_from_within(cloud: &mut Cloud, arn: &str, subject: &str, message: &str) {
    let published = Published {
        at: cloud.now,
        subject: subject.to_owned(),
        message: message.to_owned(),
        attributes: BTreeMap::new(),
    };
    if let Some(topic) = name_of(cloud, arn).and_then(|name| cloud.sns.topics.get_mut(&name)) {
        topic.published.push(published);
    }
}

/// Answers an operation.
pub fn answer(cloud: &mut Cloud, operation: &str, request: Parameters<'_>) -> Answer {
    match operation {
        "CreateTopic" => create(cloud, request),
        "DeleteTopic" => delete(cloud, request),
        "GetTopicAttributes" => attributes(cloud, request),
        "SetTopicAttributes" => set_attribute(cloud, request),
        "ListTopics" => list(cloud, request),
        "ListTagsForResource" => Ok(json!({"Tags": shown_tags(&tagged(cloud, request)?.tags)})),
        "TagResource" => tag(cloud, request),
        "UntagResource" => {
            let keys = request.texts("TagKeys");
            tagged(cloud, request)?.tags.retain(|key, _| !keys.contains(key));
            Ok(json!({}))
        }
        "Publish" => publish(cloud, request),
        _ => Err(unknown_operation(operation)),
    }
}

/// One of the same name is answered with, unless it lacks something of what is asked: what it has
/// besides is no hindrance.
fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = request.text("Name").unwrap_or_default().to_owned();
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_allowed) {
        return Err(invalid("Invalid parameter: Topic Name"));
    }
    let (wanted, tags) = (read_attributes(request)?, read_tags(request)?);
    let arn = cloud.arn("sns", &name);
    if let Some(there) = cloud.sns.topics.get(&name) {
        let lacks = |present: &BTreeMap<String, String>, asked: &BTreeMap<String, String>| {
            asked.iter().any(|(key, value)| present.get(key) != Some(value))
        };
        if lacks(&there.attributes, &wanted) {
            let reason = "Invalid parameter: Attributes Reason: Topic already exists with different attributes";
            return Err(invalid(reason));
        }
        if lacks(&there.tags, &tags) {
            let reason = "Invalid parameter: Tags Reason: Topic already exists with different tags";
            return Err(invalid(reason));
        }
        return Ok(json!({"TopicArn": arn}));
    }
    let attributes: BTreeMap<String, String> =
        [(DISPLAY_NAME.to_owned(), String::new())].into_iter().chain(wanted).collect();
    cloud.sns.topics.insert(name, Topic { attributes, tags, published: vec![] });
    Ok(json!({"TopicArn": arn}))
}

/// What is gone already is no error.
fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    if let Some(name) = name_of(cloud, required(request, "TopicArn")?) {
        cloud.sns.topics.remove(&name);
    }
    Ok(json!({}))
}

fn attributes(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let arn = required(request, "TopicArn")?.to_owned();
    let topic = topic(cloud, &arn)?;
    let own = [
        ("Policy", policy(&arn)),
        ("TopicArn", arn),
        ("Owner", ACCOUNT.to_owned()),
        // Nobody can subscribe here.
        ("SubscriptionsConfirmed", "0".to_owned()),
        ("SubscriptionsDeleted", "0".to_owned()),
        ("SubscriptionsPending", "0".to_owned()),
    ];
    let own = own.into_iter().map(|(key, value)| (key.to_owned(), value));
    let all = own.chain(topic.attributes.clone());
    let entries: Vec<Value> = all.map(|(key, value)| json!({"key": key, "value": value})).collect();
    Ok(json!({"Attributes": {"entry": entries}}))
}

/// The policy that a topic has as long as nobody has given it another: the account may use it.
fn policy(arn: &str) -> String {
    const ALLOWED: [&str; 8] = [
        "SNS:GetTopicAttributes",
        "SNS:SetTopicAttributes",
        "SNS:AddPermission",
        "SNS:RemovePermission",
        "SNS:DeleteTopic",
        "SNS:Subscribe",
        "SNS:ListSubscriptionsByTopic",
        "SNS:Publish",
    ];
    let own = json!({
        "Sid": "__default_statement_ID", "Effect": "Allow", "Principal": {"AWS": "*"},
        "Action": ALLOWED, "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": ACCOUNT}},
    });
    let whole = json!({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [own]});
    whole.to_string()
}

fn set_attribute(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let name = required(request, "AttributeName")?.to_owned();
    if name != DISPLAY_NAME {
        return Err(invalid("Invalid parameter: AttributeName: only DisplayName is known here"));
    }
    let value = request.text("AttributeValue").unwrap_or_default().to_owned();
    topic(cloud, required(request, "TopicArn")?)?.attributes.insert(name, value);
    Ok(json!({}))
}

/// In pages of a hundred, in the order of names.
fn list(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let after = marker::place(request.text("NextToken"));
    let after = after.ok_or_else(|| invalid("Invalid parameter: NextToken"))?;
    let (page, next) = marker::page(cloud.sns.topics.iter(), &after, PAGE);
    let topics = page.iter().map(|(name, _)| json!({"TopicArn": cloud.arn("sns", name)}));
    Ok(json!({"Topics": topics.collect::<Vec<_>>(), "NextToken": next}))
}

fn tag(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let tags = read_tags(request)?;
    let topic = tagged(cloud, request)?;
    let mut merged = topic.tags.clone();
    merged.extend(tags);
    if merged.len() > MOST_TAGS {
        let message = "Could not complete request: tag quota of per resource exceeded";
        return Err(ApiError::new("TagLimitExceeded", message));
    }
    topic.tags = merged;
    Ok(json!({}))
}

fn publish(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let message = required(request, "Message")?.to_owned();
    let subject = request.text("Subject").unwrap_or_default().to_owned();
    if subject.chars().count() > LONGEST_SUBJECT || subject.chars().any(char::is_control) {
        return Err(invalid("Invalid parameter: Subject"));
    }
    if message.len() + size_of_attributes(request) > LARGEST_MESSAGE {
        return Err(invalid("Invalid parameter: Message too long"));
    }
    let attributes = message_attributes(request);
    let at = cloud.now;
    let id = cloud.fresh_uuid();
    let topic = topic(cloud, required(request, "TopicArn")?)?;
    topic.published.push(Published { at, subject, message, attributes });
    Ok(json!({"MessageId": id}))
}

/// What a message's attributes add to its size, in bytes: names, types and values (developer guide,
/// "Amazon SNS message attributes").
fn size_of_attributes(request: Parameters<'_>) -> usize {
    let entries = request.structure("MessageAttributes");
    let size = |text: Option<&str>| text.map_or(0, str::len);
    let of = |entry: Parameters<'_>| {
        let value = entry.structure("Value");
        let parts = ["DataType", "StringValue", "BinaryValue"].map(|part| size(value.text(part)));
        size(entry.text("Name")) + parts.iter().sum::<usize>()
    };
    entries.structures("entry").map(of).sum()
}

fn message_attributes(request: Parameters<'_>) -> BTreeMap<String, String> {
    let entries = request.structure("MessageAttributes");
    let one = |entry: Parameters<'_>| {
        let value = entry.structure("Value").text("StringValue")?.to_owned();
        Some((entry.text("Name")?.to_owned(), value))
    };
    entries.structures("entry").filter_map(one).collect()
}

fn read_attributes(request: Parameters<'_>) -> Result<BTreeMap<String, String>, ApiError> {
    let mut attributes = BTreeMap::new();
    for entry in request.structure("Attributes").structures("entry") {
        let key = required(entry, "key")?;
        if key != DISPLAY_NAME {
            return Err(invalid("Invalid parameter: Attributes: only DisplayName is known here"));
        }
        attributes.insert(key.to_owned(), entry.text("value").unwrap_or_default().to_owned());
    }
    Ok(attributes)
}

fn read_tags(request: Parameters<'_>) -> Result<BTreeMap<String, String>, ApiError> {
    let mut tags = BTreeMap::new();
    for tag in request.structures("Tags") {
        let key = tag.text("Key").unwrap_or_default();
        let value = tag.text("Value").unwrap_or_default();
        let is_long = key.chars().count() > 128 || value.chars().count() > 256;
        if key.is_empty() || is_long || key.starts_with("aws:") {
            return Err(invalid("Invalid parameter: Tags"));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    Ok(tags)
}

fn shown_tags(tags: &BTreeMap<String, String>) -> Vec<Value> {
    let one = |(key, value): (&String, &String)| {
        let tag =
            [("Key", key), ("Value", value)].map(|(name, text)| (name.to_owned(), json!(text)));
        Value::Object(Map::from_iter(tag))
    };
    tags.iter().map(one).collect()
}

fn name_of(cloud: &Cloud, arn: &str) -> Option<String> {
    arn.strip_prefix(&cloud.arn("sns", "")).map(str::to_owned)
}

fn topic<'a>(cloud: &'a mut Cloud, arn: &str) -> Result<&'a mut Topic, ApiError> {
    let name = name_of(cloud, arn).ok_or_else(|| invalid("Invalid parameter: TopicArn"))?;
    let topic = cloud.sns.topics.get_mut(&name);
    topic.ok_or_else(|| ApiError::new("NotFound", "Topic does not exist").with_status(404))
}

/// The tag operations say otherwise that a topic is not there.
fn tagged<'a>(cloud: &'a mut Cloud, request: Parameters<'_>) -> Result<&'a mut Topic, ApiError> {
    let arn = required(request, "ResourceArn")?;
    let topic = topic(cloud, arn);
    topic.map_err(|_| ApiError::new("ResourceNotFound", "Resource does not exist").with_status(404))
}

fn required<'a>(request: Parameters<'a>, name: &str) -> Result<&'a str, ApiError> {
    let text = request.text(name).filter(|text| !text.is_empty());
    text.ok_or_else(|| invalid(&format!("Invalid parameter: {name}")))
}

fn invalid(message: &str) -> ApiError {
    ApiError::new("InvalidParameter", message)
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

    const ARN: &str = "arn:aws:sns:eu-west-1:123456789012:shop";

    #[test]
    fn a_topic_that_is_there_is_answered_with_unless_it_lacks_something() {
        let mut cloud = cloud();
        let tags = json!([{"Key": "team", "Value": "a"}, {"Key": "cost", "Value": "1"}]);
        let asked = json!({"Name": "shop", "Tags": tags});
        assert_eq!(ask(&mut cloud, "CreateTopic", &asked).unwrap()["TopicArn"], ARN);
        assert!(ask(&mut cloud, "CreateTopic", &asked).is_ok());
        for tags in [json!([]), json!([{"Key": "team", "Value": "a"}])] {
            let fewer = json!({"Name": "shop", "Tags": tags});
            assert_eq!(ask(&mut cloud, "CreateTopic", &fewer).unwrap()["TopicArn"], ARN);
        }
        for (key, value) in [("team", "b"), ("owner", "a")] {
            let other = json!({"Name": "shop", "Tags": [{"Key": key, "Value": value}]});
            let refused = ask(&mut cloud, "CreateTopic", &other).unwrap_err();
            assert!(refused.message.contains("different tags"), "{key} {value}");
        }
        let tags = ask(&mut cloud, "ListTagsForResource", &json!({"ResourceArn": ARN})).unwrap();
        assert_eq!(tags["Tags"].as_array().unwrap().len(), 2);
        let named = json!({"Attributes": {"entry": [{"key": "DisplayName", "value": "x"}]}, "Name": "shop", "Tags": tags});
        let refused = ask(&mut cloud, "CreateTopic", &named).unwrap_err();
        assert!(refused.message.contains("different attributes"));
    }

    #[test]
    fn topics_are_listed_a_hundred_at_once() {
        let mut cloud = cloud();
        for number in 0..=PAGE {
            let asked = json!({"Name": format!("shop-{number:03}")});
            ask(&mut cloud, "CreateTopic", &asked).unwrap();
        }
        let first = ask(&mut cloud, "ListTopics", &json!({})).unwrap();
        assert_eq!(first["Topics"].as_array().unwrap().len(), PAGE);
        let rest = ask(&mut cloud, "ListTopics", &json!({"NextToken": first["NextToken"]}));
        let arn = format!("{ARN}-100");
        assert_eq!(rest.unwrap(), json!({"Topics": [{"TopicArn": arn}], "NextToken": null}));
    }

    #[test]
    fn what_is_gone_is_gone_for_everybody_but_delete() {
        let mut cloud = cloud();
        assert!(ask(&mut cloud, "DeleteTopic", &json!({"TopicArn": ARN})).is_ok());
        let attributes = ask(&mut cloud, "GetTopicAttributes", &json!({"TopicArn": ARN}));
        assert_eq!(attributes.unwrap_err().code, "NotFound");
        let tags = ask(&mut cloud, "ListTagsForResource", &json!({"ResourceArn": ARN}));
        assert_eq!(tags.unwrap_err().code, "ResourceNotFound");
    }

    #[test]
    fn attributes_that_nobody_here_heeds_are_refused() {
        let mut cloud = cloud();
        let fifo = json!({"entry": [{"key": "FifoTopic", "value": "true"}]});
        let asked = json!({"Name": "shop", "Attributes": fifo});
        assert_eq!(ask(&mut cloud, "CreateTopic", &asked).unwrap_err().code, "InvalidParameter");
        let odd = json!({"NextToken": "odd"});
        assert_eq!(ask(&mut cloud, "ListTopics", &odd).unwrap_err().code, "InvalidParameter");
    }

    #[test]
    fn what_is_published_is_kept_unless_it_breaks_a_bound() {
        let mut cloud = cloud();
        ask(&mut cloud, "CreateTopic", &json!({"Name": "shop"})).unwrap();
        let asked = json!({"TopicArn": ARN, "Subject": "naïve drift", "Message": "all of it"});
        let id = ask(&mut cloud, "Publish", &asked).unwrap()["MessageId"].take();
        assert_eq!(
            id.as_str().unwrap().split('-').map(str::len).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12]
        );
        assert_eq!(cloud.sns.published("shop")[0].message, "all of it");
        let value = json!({"DataType": "String", "StringValue": "v".repeat(LARGEST_MESSAGE)});
        let large = json!({"entry": [{"Name": "n", "Value": value}]});
        for (member, value) in [
            ("Subject", json!("two\nlines")),
            ("Subject", json!("s".repeat(101))),
            ("Message", json!("m".repeat(LARGEST_MESSAGE + 1))),
            ("MessageAttributes", large),
        ] {
            let mut odd = asked.clone();
            odd[member] = value;
            let refused = ask(&mut cloud, "Publish", &odd).unwrap_err();
            assert_eq!(refused.code, "InvalidParameter", "{member}");
        }
    }
}
