//! What a listener or rule does with a request: forward it, answer it, or send it elsewhere.
//!
//! Both ways of naming a single target group come to the same, and are shown both (aws-behaviour
//! 16.f). Actions that authenticate users are not known.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::cloud::Cloud;
use super::super::wire::{ApiError, Parameters};
use super::limits::within;
use super::load_balancer::LoadBalancer;
use super::target_group;
use super::validate::{invalid, misfit, missing, number, one_of, required};

/// What is done with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    pub kind: ActionKind,
    order: Option<i64>,
}

/// The kinds of action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    Forward { groups: Vec<WeightedGroup>, sticky_s: Option<i64> },
    FixedResponse { status: u16, content_type: Option<String>, body: Option<String> },
    Redirect(Redirect),
}

/// A target group with its share of the requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightedGroup {
    pub arn: String,
    pub weight: i64,
}

/// Where a request is sent; `#{host}` and the like stand for what it came with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    pub status: u16,
    pub protocol: String,
    pub port: String,
    pub host: String,
    pub path: String,
    pub query: String,
}

impl Action {
    /// The target groups that it forwards to.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        let groups: &[WeightedGroup] = match &self.kind {
            ActionKind::Forward { groups, .. } => groups,
            ActionKind::FixedResponse { .. } | ActionKind::Redirect(_) => &[],
        };
        groups.iter().map(|group| group.arn.as_str())
    }

    pub fn forwards_to(&self, target_group: &str) -> bool {
        self.groups().any(|arn| arn == target_group)
    }

    /// The action as the answers show it.
    pub fn shown(&self) -> Value {
        match &self.kind {
            ActionKind::Forward { groups, sticky_s } => self.shown_forward(groups, *sticky_s),
            ActionKind::FixedResponse { status, content_type, body } => json!({
                "Type": "fixed-response",
                "Order": self.order,
                "FixedResponseConfig": {
                    "StatusCode": status.to_string(),
                    "ContentType": content_type,
                    "MessageBody": body,
                },
            }),
            ActionKind::Redirect(redirect) => json!({
                "Type": "redirect",
                "Order": self.order,
                "RedirectConfig": {
                    "StatusCode": format!("HTTP_{}", redirect.status),
                    "Protocol": redirect.protocol,
                    "Port": redirect.port,
                    "Host": redirect.host,
                    "Path": redirect.path,
                    "Query": redirect.query,
                },
            }),
        }
    }

    fn shown_forward(&self, groups: &[WeightedGroup], sticky_s: Option<i64>) -> Value {
        let shown = groups.iter();
        let shown = shown.map(|group| json!({"TargetGroupArn": group.arn, "Weight": group.weight}));
        let only = match groups {
            [only] => Some(&only.arn),
            _ => None,
        };
        json!({
            "Type": "forward",
            "Order": self.order,
            "TargetGroupArn": only,
            "ForwardConfig": {
                "TargetGroups": shown.collect::<Vec<_>>(),
                "TargetGroupStickinessConfig": {
                    "Enabled": sticky_s.is_some(),
                    "DurationSeconds": sticky_s,
                },
            },
        })
    }
}

/// Reads the one action that member `name` of a request asks for.
///
/// An action that ends a request's way comes last and once, so without authentication there is
/// exactly one.
pub fn read(request: Parameters<'_>, name: &str) -> Result<Action, ApiError> {
    let mut actions = request.structures(name);
    let action = actions.next().ok_or_else(|| missing(name))?;
    if actions.next().is_some() {
        return Err(ApiError::new(
            "InvalidLoadBalancerAction",
            "Only one action of type forward, redirect or fixed-response can be specified",
        ));
    }
    let known = one_of(action, "Type", &["forward", "redirect", "fixed-response"])?;
    let kind = match known.ok_or_else(|| missing("Type"))? {
        "redirect" => redirect(action.structure("RedirectConfig"))?,
        "fixed-response" => fixed_response(action.structure("FixedResponseConfig"))?,
        _ => forward(action)?,
    };
    Ok(Action { kind, order: number(action, "Order", 1..=50_000)? })
}

fn forward(action: Parameters<'_>) -> Result<ActionKind, ApiError> {
    let config = action.structure("ForwardConfig");
    let mut groups =
        config.structures("TargetGroups").map(weighted).collect::<Result<Vec<_>, _>>()?;
    if let [only] = groups.as_mut_slice() {
        only.weight = 1;
    }
    match (action.text("TargetGroupArn"), groups.as_slice()) {
        (None, []) => return Err(invalid("A target group ARN must be specified")),
        (Some(arn), []) => groups.push(WeightedGroup { arn: arn.to_owned(), weight: 1 }),
        (Some(arn), [only]) if only.arn == arn => {}
        (Some(_), _) => {
            return Err(invalid(
                "A target group ARN and a forward config must name the same single target group",
            ));
        }
        (None, _) => {}
    }
    let stickiness = config.structure("TargetGroupStickinessConfig");
    let duration = number(stickiness, "DurationSeconds", 1..=604_800)?;
    let sticky = stickiness.flag("Enabled") == Some(true);
    Ok(ActionKind::Forward { groups, sticky_s: duration.filter(|_| sticky) })
}

fn weighted(group: Parameters<'_>) -> Result<WeightedGroup, ApiError> {
    let arn = required(group, "TargetGroupArn")?.to_owned();
    Ok(WeightedGroup { arn, weight: number(group, "Weight", 0..=999)?.unwrap_or(1) })
}

fn fixed_response(config: Parameters<'_>) -> Result<ActionKind, ApiError> {
    let status = config.integer("StatusCode").and_then(|status| u16::try_from(status).ok());
    let status = status.filter(|status| matches!(status, 200..=299 | 400..=599));
    let types =
        &["text/plain", "text/css", "text/html", "application/javascript", "application/json"];
    Ok(ActionKind::FixedResponse {
        status: status.ok_or_else(|| invalid("The status code must be 2XX, 4XX or 5XX"))?,
        content_type: one_of(config, "ContentType", types)?.map(str::to_owned),
        body: config.text("MessageBody").map(str::to_owned),
    })
}

fn redirect(config: Parameters<'_>) -> Result<ActionKind, ApiError> {
    let status = one_of(config, "StatusCode", &["HTTP_301", "HTTP_302"])?;
    let status = status.ok_or_else(|| missing("StatusCode"))?;
    let part = |name: &str, default: &str| config.text(name).unwrap_or(default).to_owned();
    let redirect = Redirect {
        status: if status == "HTTP_301" { 301 } else { 302 },
        protocol: part("Protocol", "#{protocol}"),
        port: part("Port", "#{port}"),
        host: part("Host", "#{host}"),
        path: part("Path", "/#{path}"),
        query: part("Query", "#{query}"),
    };
    let unchanged = redirect.protocol == "#{protocol}"
        && redirect.port == "#{port}"
        && redirect.host == "#{host}"
        && redirect.path == "/#{path}";
    if unchanged {
        let code = "InvalidLoadBalancerAction";
        return Err(ApiError::new(code, "The redirect would lead back to itself"));
    }
    Ok(ActionKind::Redirect(redirect))
}

/// Refuses an action whose target groups the load balancer cannot forward to.
pub fn require_usable(
    cloud: &Cloud,
    balancer: &LoadBalancer,
    action: &Action,
) -> Result<(), ApiError> {
    let elb = &cloud.elb;
    for arn in action.groups() {
        let group = target_group::find(elb, arn)?;
        if group.vpc != balancer.vpc {
            return Err(misfit(format!(
                "The following target groups are not in the same VPC as the load balancer: {arn}"
            )));
        }
        if elb.server_of(arn).is_some_and(|server| server.arn != balancer.arn) {
            return Err(ApiError::new(
                "TargetGroupAssociationLimit",
                format!(
                    "The following target groups cannot be associated with more than one load \
                     balancer: {arn}"
                ),
            ));
        }
    }
    within(action.groups().count(), elb.quotas.target_groups_per_action, "TooManyTargetGroups")?;
    let mut used = elb.groups_of(&balancer.arn);
    used.extend(action.groups());
    let most = elb.quotas.target_groups_per_load_balancer;
    within(used.len(), most, "TooManyUniqueTargetGroupsPerLoadBalancer")
}
