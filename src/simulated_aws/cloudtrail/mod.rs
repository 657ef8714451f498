//! CloudTrail's event history: who made which call that changed something, and when.
//!
//! The catalogue has no section of it. The source is the CloudTrail User Guide ("Working with
//! CloudTrail event history", "CloudTrail record contents") and the API reference of `LookupEvents`:
//!
//! - management events alone, of the region in which the call was made; those of IAM are in one
//!   region of the partition, whatever the caller's;
//! - they can be looked up some minutes after the call, five on average, and for 90 days;
//! - what is secret in a request is left out of its event;
//! - a refused call is an event too, with its error.
//!
//! The rule: an event is made where a call is carried out, for every call alike, also for one that a
//! service makes with a role that it was given; nobody writes one by hand. Calls that only read, which the real history has too, are left out, and no more events
//! are kept than [`MOST_EVENTS`].

mod event;
mod lookup;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::clock::Moment;
use super::cloud::Cloud;
use super::endpoint::{Call, unknown_operation};
use super::sts::{self, Caller};
use super::wire::{Answer, Service};

use event::Event;

/// How many events are kept: the newest. The real history knows of no such bound; this one is kept
/// in a file that is written with every change.
const MOST_EVENTS: usize = 1000;

/// How long an event can be looked up.
const KEPT: Duration = Duration::from_hours(90 * 24);

/// How long it takes at least until an event can be looked up.
const SOONEST: Duration = Duration::from_mins(3);

/// How much longer it may take, by which the average is that of the User Guide: five minutes.
const SPREAD_S: u64 = 240;

/// What stands in the place of a secret.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// The key of a service of AWS that has taken on a role.
const DELEGATES_KEY: &str = "ASIASIMULATEDSERVICE";

/// Members of requests that no event has.
const SECRETS: &[(Service, &str)] = &[
    (Service::SecretsManager, "SecretString"),
    (Service::SecretsManager, "SecretBinary"),
    (Service::Ssm, "Value"),
    (Service::Ecs, "environment"),
];

/// Operations that are data events, of which the history has none.
const DATA_EVENTS: &[&str] = &[
    "PutLogEvents",
    "PutMetricData",
    "Publish",
    "PutObject",
    "CopyObject",
    "DeleteObject",
    "DeleteObjects",
];

/// The event history of the account, as the region has it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CloudTrail {
    /// The oldest first.
    events: VecDeque<Event>,
    /// How many there ever were.
    count: u64,
}

/// Answers an operation.
pub fn answer(cloud: &mut Cloud, call: &Call) -> Answer {
    match call.operation.as_str() {
        "LookupEvents" => lookup::look_up(cloud, call),
        other => Err(unknown_operation(other)),
    }
}

/// Takes a call into the history that was carried out, or refused.
pub fn record(cloud: &mut Cloud, call: &Call, answer: &Answer) {
    let caller = sts::caller(cloud, &call.access_key);
    record_of(cloud, caller, call, answer);
}

/// The same for a call that a service of AWS makes for whoever gave it a role.
pub fn record_delegate(
    cloud: &mut Cloud,
    caller: Caller,
    service: Service,
    operation: &str,
    request: Value,
    answer: &Answer,
) {
    let call = Call {
        service,
        operation: operation.to_owned(),
        request,
        arrived: cloud.now,
        access_key: DELEGATES_KEY.to_owned(),
        region: cloud.region.clone(),
        user_agent: caller.address().unwrap_or_default().to_owned(),
    };
    record_of(cloud, caller, &call, answer);
}

fn record_of(cloud: &mut Cloud, caller: Caller, call: &Call, answer: &Answer) {
    if !call.is_mutating() || DATA_EVENTS.contains(&call.operation.as_str()) {
        return;
    }
    let number = cloud.cloudtrail.count;
    let (response, error) = match answer {
        Ok(output) => (without_secrets(call.service, output), None),
        Err(error) => (Value::Null, Some((error.code.clone(), error.message.clone()))),
    };
    let region = if call.service == Service::Iam { home(cloud) } else { &cloud.region };
    let event = Event {
        number,
        at: cloud.now,
        known_at: cloud.now.after(delay(number)),
        region: region.to_owned(),
        source: source(call.service).to_owned(),
        name: call.operation.clone(),
        access_key: call.access_key.clone(),
        caller,
        user_agent: call.user_agent.clone(),
        request: without_secrets(call.service, &call.request),
        response,
        error,
    };
    let history = &mut cloud.cloudtrail;
    history.count += 1;
    history.events.push_back(event);
    let (now, kept) = (cloud.now, KEPT);
    let is_past = |event: &Event| now.since(event.at) > kept;
    while history.events.len() > MOST_EVENTS || history.events.front().is_some_and(is_past) {
        history.events.pop_front();
    }
}

/// How long it takes until an event can be looked up: it differs from one to the next.
fn delay(number: u64) -> Duration {
    SOONEST + Duration::from_secs(number.wrapping_mul(97) % SPREAD_S)
}

/// The region that has the events of services without one.
fn home(cloud: &Cloud) -> &'static str {
    match cloud.partition() {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        _ => "us-east-1",
    }
}

/// What an event calls the service.
fn source(service: Service) -> &'static str {
    match service {
        Service::Ec2 => "ec2.amazonaws.com",
        Service::Iam => "iam.amazonaws.com",
        Service::Sts => "sts.amazonaws.com",
        Service::Elb => "elasticloadbalancing.amazonaws.com",
        Service::Ecs => "ecs.amazonaws.com",
        Service::Logs => "logs.amazonaws.com",
        Service::Autoscaling => "autoscaling.amazonaws.com",
        Service::SecretsManager => "secretsmanager.amazonaws.com",
        Service::ServiceQuotas => "servicequotas.amazonaws.com",
        Service::Ssm => "ssm.amazonaws.com",
        Service::CloudTrail => "cloudtrail.amazonaws.com",
        Service::S3 => "s3.amazonaws.com",
        Service::Scheduler => "scheduler.amazonaws.com",
        Service::Sns => "sns.amazonaws.com",
        Service::CloudWatch => "monitoring.amazonaws.com",
    }
}

/// A request or an answer as its event has it: names begin small, and secrets are left out.
fn without_secrets(service: Service, value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(name, member)| {
                !member.is_null() && !matches!(name.as_str(), "Action" | "Version")
            })
            .map(|(name, member)| {
                let is_secret = SECRETS.contains(&(service, name.as_str()));
                let member =
                    if is_secret { json!(HIDDEN) } else { without_secrets(service, member) };
                (uncapitalized(name), member)
            })
            .collect(),
        Value::Array(items) => items.iter().map(|item| without_secrets(service, item)).collect(),
        other => other.clone(),
    }
}

fn uncapitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

impl CloudTrail {
    /// The events that can be looked up in a region, the newest first.
    fn known(&self, region: &str, now: Moment) -> impl Iterator<Item = &Event> {
        let is_known = move |event: &&Event| event.known_at <= now && now.since(event.at) <= KEPT;
        let events = self.events.iter().rev();
        events.filter(move |event| event.region == region).filter(is_known)
    }
}
