//! A scalable target: the bounds between which a service's count is moved.

use std::collections::HashMap;

use aws_sdk_applicationautoscaling::types::{
    ScalableTarget as Described, ScalingPolicy, ScheduledAction,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::autoscaling::{self, BUSY, DIMENSION, NAMESPACE};
use super::service::ScalingId;
use super::{
    Change, Extra, Found, Identity, Input, Inspection, Kind, Live, Place, Readiness, Replacement,
    Resource, Sought, Standing, Tagging, elb, scaling_policy,
};
use crate::aws::{Aws, AwsError, Operation, Tags, gone_is_done, is_owned, pages, unless_gone};

/// What is wanted of a scalable target: the desired count of one service, between two bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScalableTarget {
    /// The service whose count it is.
    pub service: Input<ScalingId>,
    /// The fewest tasks.
    pub minimum: u32,
    /// The most tasks.
    pub maximum: u32,
}

/// What is known of a scalable target once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// The service whose count it is: what AWS knows it by.
    pub service: ScalingId,
    /// Its ARN, which its tags hang on; targets made before there were any have none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub arn: Option<String>,
}

const REGISTER: Operation = Operation::patient(
    "application-autoscaling:RegisterScalableTarget",
    &[autoscaling::ROLE_KNOWN, autoscaling::VISIBLE_SERVICE, BUSY],
);

/// How many services one DescribeScalableTargets names: as many as a page of it holds.
const AT_ONCE: usize = 50;
const PAGE: i32 = 50;

/// The collection of what moves the bounds at certain times.
const ACTIONS: &str = "scheduled_actions";

impl Resource for ScalableTarget {
    type Outputs = Outputs;

    const KIND: Kind = Kind::ScalableTarget;
    const TYPE_NAME: &'static str = "AWS::ApplicationAutoScaling::ScalableTarget";
    const MADE_BY: &'static str = "application-autoscaling:RegisterScalableTarget";
    const READS: &'static [&'static str] = &[
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScalingPolicies",
        "application-autoscaling:DescribeScheduledActions",
        "application-autoscaling:ListTagsForResource",
    ];
    const FIXED: &'static [&'static str] = &["service"];
    /// A service made anew may have the name of the old one, and a name is all that a target is
    /// known by: deregistering the old one last would take the new one away.
    const REPLACEMENT: Replacement = Replacement::OldFirst;
    const KEY: &'static [&'static str] = &["service"];
    /// They take a call for each target.
    const TAGGING: Tagging = Tagging::Recorded;

    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        match self.register(aws, Some(&identity.tags)).await {
            // Tags are taken on the first registration only (aws-behaviour 18.b).
            Err(error) if is_registered_already(&error) => self.adopt(aws, identity).await,
            answer => answer,
        }
    }

    async fn find(
        &self,
        aws: &Aws,
        _identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let Some(service) = self.service.known() else { return Ok(None) };
        let look = || async {
            let described = describe(aws, vec![service.0.clone()]).await?;
            let Some(outputs) = described.first().map(outputs) else { return Ok(None) };
            let tags = tags(aws, outputs.arn.as_deref()).await?;
            Ok::<_, AwsError>(Some((outputs, tags)))
        };
        // Its tags are another call, which may not know yet what was just registered.
        let is_whole = |found: &Option<(Outputs, Option<Tags>)>| {
            found.as_ref().is_none_or(|(_, tags)| tags.is_some())
        };
        let found = aws.patiently(look, is_whole).await?;
        Ok(found.map(|(outputs, tags)| Found { outputs, tags: tags.unwrap_or_default() }))
    }

    fn locate(id: &str, _place: &Place) -> Option<Outputs> {
        // AWS knows it by the service: `service/cluster/name`.
        let service =
            (id.starts_with("service/") && id.split('/').count() == 3).then(|| id.into())?;
        Some(Outputs { service, arn: None })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let services = sought.iter().map(|target| target.outputs.service.0.clone());
        let described = describe(aws, services.collect()).await?;
        let live = sought.iter().map(|sought| {
            let id = sought.outputs.service.as_str();
            let target = described.iter().find(|one| one.resource_id() == id).cloned();
            let applied = sought.applied.clone();
            async move {
                let Some(target) = target else { return Ok(None) };
                let spec = unscheduled(aws, spec(&target), applied).await?;
                let outputs = outputs(&target);
                Ok(Some(Live { spec, outputs, tags: Tags::new(), readiness: Readiness::Ready }))
            }
        });
        try_join_all(live).await
    }

    /// What moves the count, and what moves the bounds.
    async fn inspect_each(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Inspection>, AwsError> {
        let services: Vec<String> =
            sought.iter().map(|target| target.outputs.service.0.clone()).collect();
        let actions = services.iter().map(|service| scheduled_actions(aws, service));
        let (policies, actions) = futures::try_join!(
            scaling_policy::of_services(aws, &services),
            try_join_all(actions),
        )?;
        let one = |(service, actions): (&String, Vec<ScheduledAction>)| {
            let policies = policies.iter().filter(|policy| policy.resource_id() == service);
            let extras = policies.map(policy_extra).chain(actions.iter().map(action_extra));
            Inspection { extras: extras.collect(), ..Inspection::default() }
        };
        Ok(services.iter().zip(actions).map(one).collect())
    }

    async fn remove_extra(aws: &Aws, of: &Sought<Self>, extra: &Extra) -> Result<(), AwsError> {
        let service = of.outputs.service.as_str();
        if extra.collection == ACTIONS {
            remove_action(aws, service, name_after(&extra.id, ":scheduledActionName/")).await
        } else {
            scaling_policy::remove(aws, service, name_after(&extra.id, ":policyName/")).await
        }
    }

    async fn update(
        &self,
        aws: &Aws,
        identity: &Identity,
        change: &Change<Self>,
    ) -> Result<Outputs, AwsError> {
        let outputs = change.from.outputs.clone();
        if change.touches("minimum") || change.touches("maximum") {
            self.register(aws, None).await?;
        }
        if let Some(arn) = &outputs.arn {
            update_tags(aws, arn, &change.tags(&identity.tags)).await?;
        }
        Ok(outputs)
    }

    /// Its policies go with it (aws-behaviour 18.a).
    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        remove(aws, gone.outputs.service.as_str()).await
    }
}

/// Removes the scalable target of a service, whoever made it.
pub(super) async fn remove(aws: &Aws, service: &str) -> Result<(), AwsError> {
    const DEREGISTER: Operation =
        Operation::patient("application-autoscaling:DeregisterScalableTarget", &[BUSY]);
    let send = || {
        let request = aws.autoscaling().deregister_scalable_target();
        let request = request.service_namespace(NAMESPACE).scalable_dimension(DIMENSION);
        request.resource_id(service).send()
    };
    gone_is_done(aws.call(DEREGISTER, send).await.map(drop))
}

/// The name in an ARN, behind `key`: what AWS wants to hear of what is to be deleted. Who made it may
/// stand behind it.
fn name_after<'a>(arn: &'a str, key: &str) -> &'a str {
    let name = arn.split_once(key).map_or(arn, |(_, name)| name);
    name.split_once(":createdBy/").map_or(name, |(name, _)| name)
}

async fn remove_action(aws: &Aws, service: &str, name: &str) -> Result<(), AwsError> {
    const DELETE: Operation =
        Operation::patient("application-autoscaling:DeleteScheduledAction", &[BUSY]);
    let send = || {
        let request = aws.autoscaling().delete_scheduled_action();
        let request = request.service_namespace(NAMESPACE).scalable_dimension(DIMENSION);
        request.resource_id(service).scheduled_action_name(name).send()
    };
    gone_is_done(aws.call(DELETE, send).await.map(drop))
}

impl ScalableTarget {
    /// Registers it, or gives the registered one these bounds.
    async fn register(&self, aws: &Aws, tags: Option<&Tags>) -> Result<Outputs, AwsError> {
        let service = self.service.get();
        let tags: Option<HashMap<_, _>> = tags.map(|tags| tags.clone().into_iter().collect());
        let send = || {
            let request = aws.autoscaling().register_scalable_target();
            let request = request.service_namespace(NAMESPACE).scalable_dimension(DIMENSION);
            let request = request.resource_id(service.as_str()).set_tags(tags.clone());
            request
                .min_capacity(elb::to_wire(self.minimum))
                .max_capacity(elb::to_wire(self.maximum))
                .send()
        };
        let arn = aws.call(REGISTER, send).await?.scalable_target_arn;
        Ok(Outputs { service: service.clone(), arn })
    }

    /// Gives one that is registered already these bounds, if it is this stack's.
    async fn adopt(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        match self.find(aws, identity).await? {
            Some(found) if !is_owned(&found.tags, &identity.tags) => {
                let what = format!("the scalable target of {}", self.service.get());
                Err(AwsError::foreign(REGISTER, &what))
            }
            _ => self.register(aws, None).await,
        }
    }
}

fn is_registered_already(error: &AwsError) -> bool {
    error.has_code("ValidationException") && error.message().contains("already exists")
}

fn policy_extra(policy: &ScalingPolicy) -> Extra {
    Extra {
        collection: "policies",
        id: policy.policy_arn().to_owned(),
        what: format!("scaling policy {}", policy.policy_name()),
        standing: Standing::Part,
    }
}

fn action_extra(action: &ScheduledAction) -> Extra {
    let name = action.scheduled_action_name();
    Extra {
        collection: ACTIONS,
        id: action.scheduled_action_arn().to_owned(),
        what: format!("scheduled action {name}, {}", action.schedule()),
        standing: Standing::Part,
    }
}

pub(super) async fn describe(aws: &Aws, services: Vec<String>) -> Result<Vec<Described>, AwsError> {
    let some = services.chunks(AT_ONCE).map(<[String]>::to_vec);
    let found = try_join_all(some.map(|services| describe_some(aws, services))).await?;
    Ok(found.into_iter().flatten().collect())
}

async fn describe_some(aws: &Aws, services: Vec<String>) -> Result<Vec<Described>, AwsError> {
    const DESCRIBE: Operation =
        Operation::patient("application-autoscaling:DescribeScalableTargets", &[BUSY]);
    pages(|token| {
        let services = services.clone();
        async move {
            let request = aws.autoscaling().describe_scalable_targets().max_results(PAGE);
            let request = request.service_namespace(NAMESPACE).scalable_dimension(DIMENSION);
            let request = request.set_resource_ids(Some(services)).set_next_token(token);
            let send = || request.clone().send();
            let page = aws.call(DESCRIBE, send).await?;
            Ok((page.scalable_targets.unwrap_or_default(), page.next_token))
        }
    })
    .await
}

/// The tags of one, `None` where there is none; a target that has no ARN has no tags either.
async fn tags(aws: &Aws, arn: Option<&str>) -> Result<Option<Tags>, AwsError> {
    const LIST: Operation = Operation::new("application-autoscaling:ListTagsForResource");
    let Some(arn) = arn else { return Ok(Some(Tags::new())) };
    let send = || aws.autoscaling().list_tags_for_resource().resource_arn(arn).send();
    let Some(output) = unless_gone(aws.call(LIST, send).await)? else { return Ok(None) };
    let tags = output.tags.unwrap_or_default();
    Ok(Some(tags.into_iter().filter(|(key, _)| !key.starts_with("aws:")).collect()))
}

async fn update_tags(
    aws: &Aws,
    arn: &str,
    (set, removed): &(Tags, Vec<String>),
) -> Result<(), AwsError> {
    const TAG: Operation = Operation::new("application-autoscaling:TagResource");
    const UNTAG: Operation = Operation::new("application-autoscaling:UntagResource");
    if !set.is_empty() {
        let tags: HashMap<_, _> = set.clone().into_iter().collect();
        let send = || {
            let request = aws.autoscaling().tag_resource().resource_arn(arn);
            request.set_tags(Some(tags.clone())).send()
        };
        aws.call(TAG, send).await?;
    }
    if !removed.is_empty() {
        let send = || {
            let request = aws.autoscaling().untag_resource().resource_arn(arn);
            request.set_tag_keys(Some(removed.clone())).send()
        };
        aws.call(UNTAG, send).await?;
    }
    Ok(())
}

/// The live spec; with the bounds that were applied where scheduled actions move them, which is
/// what those are for (aws-behaviour 18.g, 26).
async fn unscheduled(
    aws: &Aws,
    live: ScalableTarget,
    applied: Option<ScalableTarget>,
) -> Result<ScalableTarget, AwsError> {
    match applied {
        Some(applied) if applied != live && is_scheduled(aws, live.service.get()).await? => {
            Ok(ScalableTarget { minimum: applied.minimum, maximum: applied.maximum, ..live })
        }
        _ => Ok(live),
    }
}

async fn is_scheduled(aws: &Aws, service: &ScalingId) -> Result<bool, AwsError> {
    Ok(!scheduled_actions(aws, service.as_str()).await?.is_empty())
}

async fn scheduled_actions(aws: &Aws, service: &str) -> Result<Vec<ScheduledAction>, AwsError> {
    const DESCRIBE: Operation =
        Operation::patient("application-autoscaling:DescribeScheduledActions", &[BUSY]);
    let request = aws.autoscaling().describe_scheduled_actions().resource_id(service);
    let request = request.service_namespace(NAMESPACE).scalable_dimension(DIMENSION);
    pages(|token| {
        let request = request.clone().set_next_token(token);
        async move {
            let page = aws.call(DESCRIBE, || request.clone().send()).await?;
            Ok((page.scheduled_actions.unwrap_or_default(), page.next_token))
        }
    })
    .await
}

fn outputs(target: &Described) -> Outputs {
    Outputs {
        service: ScalingId::from(target.resource_id()),
        arn: target.scalable_target_arn().map(str::to_owned),
    }
}

fn spec(target: &Described) -> ScalableTarget {
    ScalableTarget {
        service: ScalingId::from(target.resource_id()).into(),
        minimum: elb::from_wire(Some(target.min_capacity())),
        maximum: elb::from_wire(Some(target.max_capacity())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_from_what_stands_around_it_in_an_arn() {
        let arn = "arn:aws:autoscaling:r:1:scalingPolicy:0:resource/ecs/service/c/s:policyName/a/b";
        assert_eq!(name_after(arn, ":policyName/"), "a/b");
        let arn = format!("{arn}:createdBy/0a1b");
        assert_eq!(name_after(&arn, ":policyName/"), "a/b");
    }

    #[test]
    fn tags_on_what_is_registered_already_are_told_from_a_bad_request() {
        let error = |message| AwsError::reported(REGISTER, "ValidationException", message);
        let refused = "Scalable target already exists. To update tags, use the TagResource API";
        assert!(is_registered_already(&error(refused)));
        assert!(!is_registered_already(&error("Maximum capacity must be at least minimum")));
    }

    #[test]
    fn a_registration_waits_for_the_service_and_not_for_a_bad_request() {
        let patient = |message| {
            let error = AwsError::reported(REGISTER, "ValidationException", message);
            REGISTER.patience_with(&error).is_some()
        };
        assert!(patient("ECS service doesn't exist: service/shop/web"));
        assert!(patient("Unable to assume IAM role: arn:aws:iam::1:role/x"));
        assert!(!patient("Maximum capacity must be at least minimum capacity"));
    }
}
