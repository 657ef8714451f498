//! One event of CloudTrail's: who made the call, what it was about, and whether it was provision.

use aws_sdk_cloudtrail::types::Event as Told;
use jiff::Timestamp;
use serde_json::Value;

use crate::aws::APP_NAME;
use crate::drift::Deed;

/// A call that succeeded and may have changed something.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub deed: Deed,
    /// Whether provision made it, whoever ran it.
    pub is_own: bool,
    /// All the texts in what was asked and answered.
    texts: Vec<String>,
}

impl Event {
    /// The event as AWS gives it; `None` for one that changed nothing, or lacks what all have.
    pub fn read(told: &Told) -> Option<Self> {
        let whole: Value = serde_json::from_str(told.cloud_trail_event()?).ok()?;
        if told.read_only() == Some("true") || whole["errorCode"].is_string() {
            return None;
        }
        let named = told.resources().iter().filter_map(|one| one.resource_name.clone());
        let mut texts: Vec<String> = named.collect();
        collect(&whole["requestParameters"], &mut texts);
        collect(&whole["responseElements"], &mut texts);
        let text = |name: &str| whole[name].as_str().map(str::to_owned);
        let agent = text("userAgent");
        let deed = Deed {
            by: by(&whole["userIdentity"], told.username()),
            at: Timestamp::from_second(told.event_time()?.secs()).ok()?,
            event: told.event_name()?.to_owned(),
            from: text("sourceIPAddress"),
            agent: agent.clone(),
            event_id: told.event_id()?.to_owned(),
        };
        let is_own = agent.is_some_and(|agent| is_own(&agent));
        Some(Self { deed, is_own, texts })
    }

    /// Whether the call was about something of that name: its id, its ARN, or the end of its ARN.
    pub fn is_about(&self, name: &str) -> bool {
        let ends_in = |text: &str| {
            let rest = text.strip_suffix(name);
            text.starts_with("arn:") && rest.is_some_and(|rest| rest.ends_with(['/', ':']))
        };
        !name.is_empty() && self.texts.iter().any(|text| text == name || ends_in(text))
    }
}

/// Whether a program calls itself provision, as this one does in every request.
fn is_own(agent: &str) -> bool {
    let own = format!("app/{APP_NAME}");
    agent.split_whitespace().any(|word| word.trim_matches(['[', ']']) == own)
}

/// Who made a call ("CloudTrail userIdentity element" in the CloudTrail User Guide).
fn by(identity: &Value, username: Option<&str>) -> String {
    let text = |name: &str| identity[name].as_str();
    if let Some(host) = text("invokedBy").filter(|_| text("type") != Some("Root")) {
        return format!("AWS ({host})");
    }
    let session = text("arn").and_then(|arn| arn.rsplit('/').next());
    let role = identity["sessionContext"]["sessionIssuer"]["userName"].as_str();
    match (text("type"), role) {
        (Some("Root"), _) => "the root user".into(),
        (Some("AssumedRole"), Some(role)) => {
            format!("{} (role {role})", username.or(session).unwrap_or("somebody"))
        }
        _ => text("userName").or(username).or(session).unwrap_or("somebody").to_owned(),
    }
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(members) => members.values().for_each(|member| collect(member, texts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::DateTime;
    use serde_json::json;

    use super::*;

    fn told(whole: &Value) -> Told {
        Told::builder()
            .event_id("e")
            .event_name("PutRetentionPolicy")
            .event_time(DateTime::from_secs(1_767_225_600))
            .read_only("false")
            .username("bob")
            .cloud_trail_event(whole.to_string())
            .build()
    }

    fn name(identity: &Value) -> String {
        Event::read(&told(&json!({ "userIdentity": identity }))).unwrap().deed.by
    }

    #[test]
    fn people_roles_and_services_are_told_apart() {
        assert_eq!(name(&json!({"type": "IAMUser", "userName": "alice"})), "alice");
        let issuer = json!({"sessionIssuer": {"userName": "Admin"}});
        let role = json!({"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/Admin/bob",
            "sessionContext": issuer});
        assert_eq!(name(&role), "bob (role Admin)");
        assert_eq!(name(&json!({"type": "Root", "arn": "arn:aws:iam::1:root"})), "the root user");
        let service = json!({"type": "AWSService", "invokedBy": "ecs.amazonaws.com"});
        assert_eq!(name(&service), "AWS (ecs.amazonaws.com)");
        assert_eq!(name(&json!({"type": "WebIdentityUser"})), "bob");
    }

    #[test]
    fn what_was_refused_and_what_only_read_is_no_deed() {
        let refused = json!({"errorCode": "AccessDenied"});
        assert!(Event::read(&told(&refused)).is_none());
        let mut read = told(&json!({}));
        read.read_only = Some("true".into());
        assert!(Event::read(&read).is_none());
    }

    #[test]
    fn a_call_is_about_what_it_names_and_nothing_that_only_looks_so() {
        let asked = json!({"requestParameters": {"groups": [{"arn": "arn:aws:x:::role/shop"}]},
            "responseElements": {"rule": "sgr-1"}});
        let event = Event::read(&told(&asked)).unwrap();
        assert!(event.is_about("shop") && event.is_about("sgr-1"));
        assert!(!event.is_about("hop") && !event.is_about("sgr-12") && !event.is_about(""));
    }

    #[test]
    fn a_program_is_known_by_its_own_word_alone() {
        assert!(is_own("aws-sdk-rust/1.3 os/linux app/provision"));
        assert!(is_own("[aws-sdk-rust/1.3 app/provision]"));
        assert!(!is_own("aws-cli/2 app/provisioner"));
        assert!(!is_own("provision"));
    }
}
