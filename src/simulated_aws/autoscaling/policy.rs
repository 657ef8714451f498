//! Scaling policies that hold a metric at a value.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::clock::Moment;
use super::super::cloud::Cloud;
use super::super::wire::{Answer, ApiError, Parameters};
use super::page::page;
use super::scalable_target::{
    ScalableTarget, ServiceName, is_asked_for, missing, namespace, registered, subject,
    with_identity,
};
use super::{invalid, required, seconds};

const TARGET_TRACKING: &str = "TargetTrackingScaling";
const CONFIGURATION: &str = "TargetTrackingScalingPolicyConfiguration";
/// How many policies a target may have (aws-behaviour 28).
const MOST_POLICIES: usize = 50;
const METRICS: &[&str] = &[
    "ECSServiceAverageCPUUtilization",
    "ECSServiceAverageMemoryUtilization",
    "ALBRequestCountPerTarget",
];

/// A target tracking policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Policy {
    pub arn: String,
    /// As it was sent: AWS adds nothing to it.
    configuration: Value,
    alarms: Vec<Alarm>,
    created: Moment,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Alarm {
    name: String,
    arn: String,
}

impl Policy {
    fn metric(&self) -> Metric<'_> {
        metric_of(Parameters::new(&self.configuration))
    }

    fn shown_alarms(&self) -> Vec<Value> {
        let alarms = self.alarms.iter();
        alarms.map(|alarm| json!({"AlarmName": alarm.name, "AlarmARN": alarm.arn})).collect()
    }
}

/// What a policy follows; no two policies of a target may follow the same.
type Metric<'a> = (Option<&'a Value>, Option<&'a Value>);

fn metric_of(configuration: Parameters<'_>) -> Metric<'_> {
    (
        configuration.value("PredefinedMetricSpecification"),
        configuration.value("CustomizedMetricSpecification"),
    )
}

/// Makes a policy, or changes the one of that name. Without a scalable target there is none.
pub fn put(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let service = subject(request)?;
    let name = required(request, "PolicyName")?;
    let target = registered(&mut cloud.autoscaling, &service)?.clone();
    let policy = match target.policies.get(name) {
        Some(present) => changed(cloud, &target, name, present, request)?,
        None => fresh(cloud, &target, name, request)?,
    };
    let answer = json!({"PolicyARN": policy.arn, "Alarms": policy.shown_alarms()});
    registered(&mut cloud.autoscaling, &service)?.policies.insert(name.to_owned(), policy);
    Ok(answer)
}

fn changed(
    cloud: &mut Cloud,
    target: &ScalableTarget,
    name: &str,
    present: &Policy,
    request: Parameters<'_>,
) -> Result<Policy, ApiError> {
    if request.text("PolicyType").is_some_and(|kind| kind != TARGET_TRACKING) {
        return Err(invalid("The type of a policy cannot be changed"));
    }
    let mut policy = present.clone();
    if request.has(CONFIGURATION) {
        policy.configuration = configuration(target, name, request)?;
        policy.alarms = alarms(cloud, &target.service, &policy.configuration);
    }
    Ok(policy)
}

fn fresh(
    cloud: &mut Cloud,
    target: &ScalableTarget,
    name: &str,
    request: Parameters<'_>,
) -> Result<Policy, ApiError> {
    if name.len() > 256 || name.contains(['|', ':', '/']) {
        return Err(invalid(format!("The policy name '{name}' is not valid")));
    }
    if request.text("PolicyType") != Some(TARGET_TRACKING) {
        return Err(invalid(format!("PolicyType must be {TARGET_TRACKING}")));
    }
    let configuration = configuration(target, name, request)?;
    if target.policies.len() >= MOST_POLICIES {
        return Err(ApiError::new("LimitExceededException", "Too many scaling policies"));
    }
    let id = cloud.fresh_uuid();
    let resource = target.service.resource_id();
    let arn = format!("scalingPolicy:{id}:resource/ecs/{resource}:policyName/{name}");
    Ok(Policy {
        arn: cloud.arn("autoscaling", &arn),
        alarms: alarms(cloud, &target.service, &configuration),
        configuration,
        created: cloud.now,
    })
}

/// Reads what a policy is to do, checked.
fn configuration(
    target: &ScalableTarget,
    name: &str,
    request: Parameters<'_>,
) -> Result<Value, ApiError> {
    let value = request
        .value(CONFIGURATION)
        .ok_or_else(|| invalid(format!("{CONFIGURATION} is missing")))?;
    let configuration = Parameters::new(value);
    if configuration.number("TargetValue").is_none_or(|target| target <= 0.0) {
        return Err(invalid("TargetValue must be greater than zero"));
    }
    for cooldown in ["ScaleInCooldown", "ScaleOutCooldown"] {
        if configuration.integer(cooldown).is_some_and(|seconds| seconds < 0) {
            return Err(invalid(format!("{cooldown} must not be negative")));
        }
    }
    match metric_of(configuration) {
        (Some(predefined), None) => require_known(Parameters::new(predefined))?,
        (None, Some(_)) => {}
        _ => return Err(invalid("Exactly one metric specification must be given")),
    }
    let mut others = target.policies.iter().filter(|(other, _)| other.as_str() != name);
    if others.any(|(_, other)| other.metric() == metric_of(configuration)) {
        return Err(invalid(
            "Only one TargetTrackingScaling policy for a given metric specification is allowed.",
        ));
    }
    Ok(value.clone())
}

fn require_known(metric: Parameters<'_>) -> Result<(), ApiError> {
    let kind = required(metric, "PredefinedMetricType")?;
    if !METRICS.contains(&kind) {
        return Err(invalid(format!("The metric '{kind}' is not one of {}", METRICS.join(", "))));
    }
    if (kind == "ALBRequestCountPerTarget") != metric.has("ResourceLabel") {
        return Err(invalid("ResourceLabel goes with ALBRequestCountPerTarget, and with it alone"));
    }
    Ok(())
}

/// The alarms that AWS sets up for a policy: a high one, and a low one unless it never scales in.
fn alarms(cloud: &mut Cloud, service: &ServiceName, configuration: &Value) -> Vec<Alarm> {
    let grows_only = Parameters::new(configuration).flag("DisableScaleIn") == Some(true);
    let kinds: &[&str] = if grows_only { &["AlarmHigh"] } else { &["AlarmHigh", "AlarmLow"] };
    let resource = service.resource_id();
    let alarm = |kind: &&str| {
        let name = format!("TargetTracking-{resource}-{kind}-{}", cloud.fresh_uuid());
        Alarm { arn: cloud.arn("cloudwatch", &format!("alarm:{name}")), name }
    };
    kinds.iter().map(alarm).collect()
}

pub fn describe(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    namespace(request)?;
    let names = request.texts("PolicyNames");
    let ids: Vec<String> = request.text("ResourceId").map(str::to_owned).into_iter().collect();
    let targets = cloud.autoscaling.targets.values();
    let chosen = targets.filter(|target| is_asked_for(request, &ids, &target.service));
    let shown = chosen.flat_map(|target| {
        let policies = target.policies.iter();
        let asked = policies.filter(|(name, _)| names.is_empty() || names.contains(*name));
        asked.map(|(name, policy)| {
            (format!("{} {name}", target.service.resource_id()), shown(cloud, target, name, policy))
        })
    });
    page(request, "ScalingPolicies", shown)
}

fn shown(cloud: &Cloud, target: &ScalableTarget, name: &str, policy: &Policy) -> Value {
    let shown = json!({
        "PolicyARN": policy.arn,
        "PolicyName": name,
        "PolicyType": TARGET_TRACKING,
        CONFIGURATION: policy.configuration,
        "Alarms": policy.shown_alarms(),
        "CreationTime": seconds(cloud, policy.created),
    });
    with_identity(&target.service, shown)
}

pub fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let service = subject(request)?;
    let name = required(request, "PolicyName")?;
    let target = registered(&mut cloud.autoscaling, &service)?;
    let deleted = target.policies.remove(name);
    deleted.ok_or_else(|| missing(format!("No scaling policy found with name {name}")))?;
    Ok(json!({}))
}
