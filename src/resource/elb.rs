//! What the kinds of load balancing share: tags, numbers, whose something is, and what passes.

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::Tag;

use super::{Change, Found, Identity, Live, Readiness, Resource};
use crate::aws::{Aws, AwsError, Class, Operation, Patience, Tags, elb_tags, is_owned};

/// How many ARNs one call takes (aws-behaviour 21).
pub const AT_ONCE: usize = 20;

/// How long something that was just made may not be found yet (aws-behaviour 24.3).
const VISIBLE_WITHIN: Duration = Duration::from_mins(2);

/// How long the name of something that was deleted stays taken (aws-behaviour 14.b).
pub const NAME_FREE_WITHIN: Duration = Duration::from_mins(2);

/// A load balancer that was just made may not be found yet (aws-behaviour 14.c).
pub const VISIBLE_BALANCER: Patience = Patience::until_seen(
    &["LoadBalancerNotFound"],
    VISIBLE_WITHIN,
    "the load balancer was just made",
);

/// A target group that was just made may not be found yet (aws-behaviour 15.c).
pub const VISIBLE_GROUP: Patience = Patience::until_seen(
    &["TargetGroupNotFound"],
    VISIBLE_WITHIN,
    "the target group was just made",
);

/// A listener that was just made may not be found yet (aws-behaviour 16.c).
pub const VISIBLE_LISTENER: Patience =
    Patience::until_seen(&["ListenerNotFound"], VISIBLE_WITHIN, "the listener was just made");

/// Something that was just removed may still count as its user (aws-behaviour 24.6).
pub const RELEASED: Patience =
    Patience::with(&["ResourceInUse"], Duration::from_mins(2), "what used it was just removed");

/// How often a create's answer is checked for this stack's tags, and the pause in between: tags may
/// be seen later than what carries them (aws-behaviour 0.1, 1).
const OWNERSHIP_CHECKS: u32 = 5;
const OWNERSHIP_PAUSE: Duration = Duration::from_secs(1);

/// Tags for a create call.
pub fn to_tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// A number as the wire has it; specs hold none beyond its range.
pub fn to_wire(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A number from the wire, where there are none below zero.
pub fn from_wire(number: Option<i32>) -> u32 {
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
}

/// A port from the wire.
pub fn port(number: Option<i32>) -> u16 {
    number.and_then(|number| u16::try_from(number).ok()).unwrap_or_default()
}

/// What metrics call a load balancer: what stands behind `loadbalancer/` in its ARN; or a target
/// group: the ARN's last part.
pub fn full_name(arn: &str) -> String {
    let name = arn.rsplit(':').next().unwrap_or(arn);
    name.strip_prefix("loadbalancer/").unwrap_or(name).to_owned()
}

/// What was found, with its tags. What AWS lists and has no tags of yet counts as not found: whose
/// it is can't be told, and the create that follows will ask again (aws-behaviour 0.1.1).
pub async fn found<O>(aws: &Aws, arn: &str, outputs: O) -> Result<Option<Found<O>>, AwsError> {
    let tags = elb_tags(aws, &[arn.to_owned()]).await?.remove(arn);
    Ok(tags.map(|tags| Found { outputs, tags }))
}

/// What a create amounts to, when AWS may have answered with one that was there before: equal ones
/// as a success, others as an error (aws-behaviour 14.b, 15.b, 16.b). One of this stack's own is
/// taken, and made into what is wanted.
///
/// # Errors
///
/// The create's own, and that the one which was there is a stranger's.
pub async fn made<R: Resource>(
    aws: &Aws,
    create: Operation,
    wanted: &R,
    identity: &Identity,
    what: &str,
    answer: Result<Made<R::Outputs>, AwsError>,
) -> Result<R::Outputs, AwsError> {
    let error = match answer {
        Ok(made) if carries_our_tags(aws, &made.arn, identity).await? => return Ok(made.outputs),
        Ok(_) => return Err(AwsError::foreign(create, what)),
        Err(error) => error,
    };
    if error.class() != Class::AlreadyExists {
        return Err(error);
    }
    match wanted.find(aws, identity).await? {
        Some(found) if is_owned(&found.tags, &identity.tags) => {
            wanted.update(aws, identity, &everything(wanted, found)).await
        }
        Some(_) => Err(AwsError::foreign(create, what)),
        None => Err(error),
    }
}

/// The change that makes what was found into what is wanted, as far as AWS can change it.
fn everything<R: Resource>(wanted: &R, found: Found<R::Outputs>) -> Change<R> {
    let spec = serde_json::to_value(wanted).expect("a spec is a structure with named fields");
    let fields = spec.as_object().into_iter().flat_map(|members| members.keys().cloned());
    let fields = fields.filter(|field| !R::FIXED.contains(&field.as_str()));
    let fields = fields.chain(["tags".to_owned()]).collect();
    let Found { outputs, tags } = found;
    let from = Live { spec: wanted.clone(), outputs, tags, readiness: Readiness::Ready };
    Change { from, fields }
}

/// What a create answered with.
pub struct Made<O> {
    /// Its ARN.
    pub arn: String,
    /// What is recorded of it.
    pub outputs: O,
}

/// Whether what a create answered with is this stack's. One that is not to be seen yet was made
/// just now, and so is.
async fn carries_our_tags(aws: &Aws, arn: &str, identity: &Identity) -> Result<bool, AwsError> {
    for check in 1..=OWNERSHIP_CHECKS {
        let tags = elb_tags(aws, &[arn.to_owned()]).await?;
        if tags.get(arn).is_none_or(|tags| is_owned(tags, &identity.tags)) {
            return Ok(true);
        }
        if check < OWNERSHIP_CHECKS {
            aws.pace().sleep(OWNERSHIP_PAUSE).await;
        }
    }
    Ok(false)
}

/// Sets and removes tags of anything in load balancing.
pub async fn update_tags(
    aws: &Aws,
    arn: &str,
    (set, removed): &(Tags, Vec<String>),
) -> Result<(), AwsError> {
    const VISIBLE: &[Patience] = &[VISIBLE_BALANCER, VISIBLE_GROUP, VISIBLE_LISTENER];
    const ADD: Operation = Operation::patient("elasticloadbalancing:AddTags", VISIBLE);
    const REMOVE: Operation = Operation::patient("elasticloadbalancing:RemoveTags", VISIBLE);
    if !set.is_empty() {
        let tags = to_tags(set);
        let send = || aws.elb().add_tags().resource_arns(arn).set_tags(Some(tags.clone())).send();
        aws.call(ADD, send).await?;
    }
    if !removed.is_empty() {
        let send = || {
            let request = aws.elb().remove_tags().resource_arns(arn);
            request.set_tag_keys(Some(removed.clone())).send()
        };
        aws.call(REMOVE, send).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_call_things_by_the_end_of_their_arns() {
        let arn = "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/shop/50dc6c495c0c9188";
        assert_eq!(full_name(arn), "app/shop/50dc6c495c0c9188");
        let arn = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/shop/73e2d6bc24d8a067";
        assert_eq!(full_name(arn), "targetgroup/shop/73e2d6bc24d8a067");
    }
}
