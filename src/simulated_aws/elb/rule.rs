//! Rules of listeners: conditions in an order of priority, each with an action (aws-behaviour 16).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::cloud::Cloud;
use super::super::wire::{Answer, ApiError, Parameters};
use super::action::{self, Action};
use super::condition::{self, Condition};
use super::limits::room_for_one_more;
use super::listener::{self, Listener};
use super::page::page;
use super::validate::{invalid, missing, number, required};
use super::{Elb, load_balancer, tags, targets};

/// A rule, other than the default one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rule {
    pub arn: String,
    pub listener: String,
    /// From 1 to 50000; the lowest is asked first.
    pub priority: i64,
    pub conditions: Vec<Condition>,
    pub action: Action,
}

/// Whether there is a rule with an ARN, be it a default one.
pub fn exists(elb: &Elb, arn: &str) -> bool {
    elb.rules.contains_key(arn) || default_of(elb, arn).is_some()
}

/// The listener whose default rule has an ARN.
fn default_of<'a>(elb: &'a Elb, arn: &str) -> Option<&'a Listener> {
    elb.listeners.values().find(|listener| listener.default_rule == arn)
}

/// The rule with an ARN, which must not be a default one.
fn changeable<'a>(elb: &'a Elb, arn: &str) -> Result<&'a Rule, ApiError> {
    if default_of(elb, arn).is_some() {
        let message = format!("Default rule '{arn}' cannot be modified or deleted");
        return Err(ApiError::new("OperationNotPermitted", message));
    }
    elb.rules.get(arn).ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::new("RuleNotFound", "One or more rules not found")
}

fn in_use(priority: i64) -> ApiError {
    ApiError::new("PriorityInUse", format!("Priority '{priority}' is currently in use"))
}

pub fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let tags = tags::read(request)?;
    let listener = listener::named(&cloud.elb, request)?.clone();
    let priority = priority(request)?;
    let conditions = condition::read(request)?;
    let action = action::read(request, "Actions")?;
    let elb = &cloud.elb;
    let balancer = load_balancer::find(elb, &listener.load_balancer)?;
    action::require_usable(cloud, balancer, &action)?;
    if elb.rules_of(&listener.arn).any(|rule| rule.priority == priority) {
        return Err(in_use(priority));
    }
    let count = elb.listeners_of(&balancer.arn).map(|other| elb.rules_of(&other.arn).count());
    room_for_one_more(count.sum(), elb.quotas.rules_per_load_balancer, "TooManyRules")?;
    let parent = listener.arn.replacen(":listener/", ":listener-rule/", 1);
    let arn = format!("{parent}/{}", cloud.fresh_hex(16));
    let rule = Rule { arn, listener: listener.arn, priority, conditions, action };
    let answer = json!({"Rules": [shown(&rule)]});
    cloud.elb.tags.insert(rule.arn.clone(), tags);
    cloud.elb.rules.insert(rule.arn.clone(), rule);
    targets::follow_use(cloud);
    Ok(answer)
}

fn priority(request: Parameters<'_>) -> Result<i64, ApiError> {
    number(request, "Priority", 1..=50_000)?.ok_or_else(|| missing("Priority"))
}

pub fn describe(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let elb = &cloud.elb;
    let arns = request.texts("RuleArns");
    let mut chosen = match request.text("ListenerArn") {
        Some(_) if !arns.is_empty() => {
            return Err(invalid("A listener ARN and rule ARNs cannot be specified together"));
        }
        Some(arn) => {
            let listener = listener::find(elb, arn)?;
            let rules = elb.rules_of(&listener.arn).map(keyed);
            rules.chain([default_keyed(listener)]).collect()
        }
        None if arns.is_empty() => {
            return Err(invalid("A listener ARN or rule ARNs must be specified"));
        }
        None => arns.iter().map(|arn| by_arn(elb, arn)).collect::<Result<Vec<_>, _>>()?,
    };
    chosen.sort_by(|one, other| one.0.cmp(&other.0));
    page(request, "Rules", chosen)
}

fn by_arn(elb: &Elb, arn: &str) -> Result<(String, Value), ApiError> {
    let ordinary = elb.rules.get(arn).map(keyed);
    ordinary.or_else(|| default_of(elb, arn).map(default_keyed)).ok_or_else(not_found)
}

/// A rule by a key that sorts by priority.
fn keyed(rule: &Rule) -> (String, Value) {
    (format!("{:05} {}", rule.priority, rule.arn), shown(rule))
}

/// The default rule by a key that comes after all others.
fn default_keyed(listener: &Listener) -> (String, Value) {
    let shown = json!({
        "RuleArn": listener.default_rule,
        "Priority": "default",
        "Conditions": [],
        "Actions": [listener.action.shown()],
        "IsDefault": true,
    });
    (format!("default {}", listener.default_rule), shown)
}

/// Replaces conditions or actions; what the request leaves out stays.
pub fn modify(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let mut rule = changeable(&cloud.elb, required(request, "RuleArn")?)?.clone();
    if request.structures("Conditions").next().is_some() {
        rule.conditions = condition::read(request)?;
    }
    if request.structures("Actions").next().is_some() {
        rule.action = action::read(request, "Actions")?;
        let listener = listener::find(&cloud.elb, &rule.listener)?;
        let balancer = load_balancer::find(&cloud.elb, &listener.load_balancer)?;
        action::require_usable(cloud, balancer, &rule.action)?;
    }
    let answer = json!({"Rules": [shown(&rule)]});
    cloud.elb.rules.insert(rule.arn.clone(), rule);
    targets::follow_use(cloud);
    Ok(answer)
}

pub fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let arn = changeable(&cloud.elb, required(request, "RuleArn")?)?.arn.clone();
    cloud.elb.rules.remove(&arn);
    cloud.elb.tags.remove(&arn);
    targets::follow_use(cloud);
    Ok(json!({}))
}

/// Gives rules of one listener other priorities, all at once, so that two can change places.
pub fn set_priorities(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let mut wanted = BTreeMap::new();
    for pair in request.structures("RulePriorities") {
        let rule = changeable(&cloud.elb, required(pair, "RuleArn")?)?;
        wanted.insert(rule.arn.clone(), priority(pair)?);
    }
    let mut rules = cloud.elb.rules.clone();
    for (arn, priority) in &wanted {
        rules.get_mut(arn).ok_or_else(not_found)?.priority = *priority;
    }
    for rule in wanted.keys().filter_map(|arn| rules.get(arn)) {
        let alike =
            |other: &&Rule| other.listener == rule.listener && other.priority == rule.priority;
        if rules.values().filter(alike).count() > 1 {
            return Err(in_use(rule.priority));
        }
    }
    let changed: Vec<Value> = wanted.keys().filter_map(|arn| rules.get(arn)).map(shown).collect();
    cloud.elb.rules = rules;
    Ok(json!({"Rules": changed}))
}

fn shown(rule: &Rule) -> Value {
    json!({
        "RuleArn": rule.arn,
        "Priority": rule.priority.to_string(),
        "Conditions": rule.conditions.iter().map(Condition::shown).collect::<Vec<_>>(),
        "Actions": [rule.action.shown()],
        "IsDefault": false,
    })
}
