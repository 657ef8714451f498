//! Scalable targets: the bounds within which a service's desired count may move.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::clock::Moment;
use super::super::cloud::{ACCOUNT, Cloud};
use super::super::cloudtrail;
use super::super::ecs::api;
use super::super::sts::Caller;
use super::super::wire::{Answer, ApiError, Parameters, Service};
use super::page::page;
use super::policy::Policy;
use super::scheduled_action::ScheduledAction;
use super::{Autoscaling, invalid, required, seconds, tags};

const NAMESPACE: &str = "ecs";
const DIMENSION: &str = "ecs:service:DesiredCount";
/// How many ECS targets an account may have (aws-behaviour 28).
const MOST_TARGETS: usize = 3000;

/// A service whose desired count may be moved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScalableTarget {
    pub service: ServiceName,
    pub arn: String,
    pub least: i64,
    pub most: i64,
    suspended: Suspended,
    created: Moment,
    pub tags: BTreeMap<String, String>,
    /// By name.
    pub policies: BTreeMap<String, Policy>,
    /// By name.
    pub actions: BTreeMap<String, ScheduledAction>,
    /// When the service's count is next moved into the bounds.
    pub enforced: Option<Moment>,
}

/// A service by the names in its resource id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceName {
    pub cluster: String,
    pub service: String,
}

impl ServiceName {
    /// `service/main/app`.
    pub fn resource_id(&self) -> String {
        format!("service/{}/{}", self.cluster, self.service)
    }
}

/// Which kinds of scaling stand still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Suspended {
    inward: bool,
    outward: bool,
    scheduled: bool,
}

impl Suspended {
    fn merged(self, state: Parameters<'_>) -> Self {
        Self {
            inward: state.flag("DynamicScalingInSuspended").unwrap_or(self.inward),
            outward: state.flag("DynamicScalingOutSuspended").unwrap_or(self.outward),
            scheduled: state.flag("ScheduledScalingSuspended").unwrap_or(self.scheduled),
        }
    }

    fn shown(self) -> Value {
        json!({
            "DynamicScalingInSuspended": self.inward,
            "DynamicScalingOutSuspended": self.outward,
            "ScheduledScalingSuspended": self.scheduled,
        })
    }
}

impl ScalableTarget {
    /// Whether scheduled actions pass it by.
    pub fn is_unscheduled(&self) -> bool {
        self.suspended.scheduled
    }
}

/// The service that a request is about. Only the desired count of ECS services can be scaled here.
pub fn subject(request: Parameters<'_>) -> Result<ServiceName, ApiError> {
    namespace(request)?;
    let dimension = required(request, "ScalableDimension")?;
    let id = required(request, "ResourceId")?;
    let parts: Vec<&str> = id.split('/').collect();
    match parts.as_slice() {
        ["service", cluster, service]
            if dimension == DIMENSION && !cluster.is_empty() && !service.is_empty() =>
        {
            Ok(ServiceName { cluster: (*cluster).to_owned(), service: (*service).to_owned() })
        }
        _ => Err(invalid("Unsupported service namespace, resource type or scalable dimension")),
    }
}

/// Checks that a request is about ECS.
pub fn namespace(request: Parameters<'_>) -> Result<(), ApiError> {
    if required(request, "ServiceNamespace")? == NAMESPACE {
        return Ok(());
    }
    Err(invalid("Unsupported service namespace, resource type or scalable dimension"))
}

/// The registered target that a request is about.
pub fn registered<'a>(
    autoscaling: &'a mut Autoscaling,
    service: &ServiceName,
) -> Result<&'a mut ScalableTarget, ApiError> {
    let id = service.resource_id();
    autoscaling.targets.get_mut(&id).ok_or_else(|| {
        missing(format!(
            "No scalable target registered for service namespace: {NAMESPACE}, resource ID: {id}, \
             scalable dimension: {DIMENSION}"
        ))
    })
}

/// The error for something that is not there.
pub fn missing(message: impl Into<String>) -> ApiError {
    ApiError::new("ObjectNotFoundException", message)
}

/// The members by which everything about a service names it.
pub fn identity(service: &ServiceName) -> Value {
    json!({
        "ServiceNamespace": NAMESPACE,
        "ResourceId": service.resource_id(),
        "ScalableDimension": DIMENSION,
    })
}

/// `shown` with the members that name a service.
pub fn with_identity(service: &ServiceName, mut shown: Value) -> Value {
    if let (Value::Object(all), Value::Object(identity)) = (&mut shown, identity(service)) {
        all.extend(identity);
    }
    shown
}

/// Whether a listing asks for this service.
pub fn is_asked_for(request: Parameters<'_>, ids: &[String], service: &ServiceName) -> bool {
    let dimension = request.text("ScalableDimension").is_none_or(|asked| asked == DIMENSION);
    dimension && (ids.is_empty() || ids.contains(&service.resource_id()))
}

/// Registers a service, or changes what the request names of a registered one.
///
/// A role is taken and forgotten: for ECS it is always the service-linked one (aws-behaviour 18.f).
pub fn register(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let service = subject(request)?;
    let id = service.resource_id();
    let present = cloud.autoscaling.targets.get(&id).cloned();
    if present.is_some() && request.has("Tags") {
        return Err(invalid(format!(
            "Scalable target {id} already exists. To update tags on an existing scalable target, \
             use the TagResource API."
        )));
    }
    if !api::service_exists(cloud, &service.cluster, &service.service) {
        return Err(invalid(format!("ECS service doesn't exist: {id}")));
    }
    let mut target = match present {
        Some(present) => present,
        None => fresh(cloud, service, request)?,
    };
    (target.least, target.most) = bounds(request, Some((target.least, target.most)))?;
    target.suspended = target.suspended.merged(request.structure("SuspendedState"));
    target.enforced = Some(soon(cloud));
    let answer = json!({"ScalableTargetARN": target.arn});
    cloud.autoscaling.targets.insert(id, target);
    Ok(answer)
}

fn fresh(
    cloud: &mut Cloud,
    service: ServiceName,
    request: Parameters<'_>,
) -> Result<ScalableTarget, ApiError> {
    let (least, most) = bounds(request, None)?;
    let tags = tags::read(request)?;
    if cloud.autoscaling.targets.len() >= MOST_TARGETS {
        return Err(ApiError::new("LimitExceededException", "Too many scalable targets"));
    }
    let id = cloud.fresh_hex(32);
    Ok(ScalableTarget {
        service,
        arn: cloud.arn("application-autoscaling", &format!("scalable-target/0ec5{id}")),
        least,
        most,
        suspended: Suspended::default(),
        created: cloud.now,
        tags,
        policies: BTreeMap::new(),
        actions: BTreeMap::new(),
        enforced: None,
    })
}

/// The bounds of a request; what it leaves out stays, and must be there for a new target.
pub fn bounds(
    request: Parameters<'_>,
    present: Option<(i64, i64)>,
) -> Result<(i64, i64), ApiError> {
    let least = request.integer("MinCapacity").or(present.map(|bounds| bounds.0));
    let most = request.integer("MaxCapacity").or(present.map(|bounds| bounds.1));
    match (least, most) {
        (Some(least), Some(most)) if least < 0 || most < 0 => {
            Err(invalid("Minimum and maximum capacity must not be negative"))
        }
        (Some(least), Some(most)) if least > most => {
            Err(invalid("Maximum capacity cannot be less than minimum capacity"))
        }
        (Some(least), Some(most)) => Ok((least, most)),
        _ => Err(invalid("Minimum and maximum capacity must be given for a new scalable target")),
    }
}

/// When a change of bounds shows in the service: 5 to 60 seconds from now (aws-behaviour 18.d).
pub fn soon(cloud: &mut Cloud) -> Moment {
    let pause = Duration::from_millis(cloud.random().u64(5_000..=60_000));
    cloud.now.after(pause)
}

/// Moves the desired count of services into bounds that have changed.
pub fn enforce_due(cloud: &mut Cloud) {
    let now = cloud.now;
    let mut due = Vec::new();
    for target in cloud.autoscaling.targets.values_mut() {
        if target.enforced.take_if(|enforced| *enforced <= now).is_some() {
            due.push((target.service.clone(), target.least, target.most));
        }
    }
    for (ServiceName { cluster, service }, least, most) in due {
        let Some(count) = api::desired_count(cloud, &cluster, &service) else { continue };
        let within = count.clamp(least, most);
        if within != count {
            api::set_desired_count(cloud, &cluster, &service, within);
            let asked = json!({"cluster": cluster, "service": service, "desiredCount": within});
            let done = Ok(Value::Null);
            cloudtrail::record_delegate(
                cloud,
                itself(),
                Service::Ecs,
                "UpdateService",
                asked,
                &done,
            );
        }
    }
}

/// Who moves counts, as CloudTrail has it: the role that the service has in every account.
fn itself() -> Caller {
    Caller::Delegate {
        role: "AWSServiceRoleForApplicationAutoScaling_ECSService".into(),
        session: "AutoScaling-UpdateDesiredCapacity".into(),
        service: "ecs.application-autoscaling.amazonaws.com".into(),
    }
}

pub fn describe(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    namespace(request)?;
    let ids = request.texts("ResourceIds");
    let targets = cloud.autoscaling.targets.iter();
    let chosen = targets.filter(|(_, target)| is_asked_for(request, &ids, &target.service));
    let shown = chosen.map(|(id, target)| (id.clone(), shown(cloud, target)));
    page(request, "ScalableTargets", shown)
}

fn shown(cloud: &Cloud, target: &ScalableTarget) -> Value {
    let shown = json!({
        "ScalableTargetARN": target.arn,
        "MinCapacity": target.least,
        "MaxCapacity": target.most,
        "RoleARN": service_linked_role(cloud),
        "CreationTime": seconds(cloud, target.created),
        "SuspendedState": target.suspended.shown(),
    });
    with_identity(&target.service, shown)
}

fn service_linked_role(cloud: &Cloud) -> String {
    format!(
        "arn:{}:iam::{ACCOUNT}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/\
         AWSServiceRoleForApplicationAutoScaling_ECSService",
        cloud.partition()
    )
}

/// Deregisters a service; its policies and scheduled actions go with it (aws-behaviour 18.a).
pub fn deregister(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let service = subject(request)?;
    registered(&mut cloud.autoscaling, &service)?;
    cloud.autoscaling.targets.remove(&service.resource_id());
    Ok(json!({}))
}
