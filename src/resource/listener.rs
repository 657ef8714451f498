//! A listener: a port of the load balancer, and the target group that its requests go to.

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, ForwardActionConfig, Listener as Described, ProtocolEnum, Rule,
    TargetGroupTuple,
};
use serde::{Deserialize, Serialize};

use super::elb::{self, Made};
use super::load_balancer::LoadBalancerArn;
use super::reference::text_newtypes;
use super::target_group::TargetGroupArn;
use super::{
    Change, Extra, Found, Handle, Identity, Input, Inspection, Kind, Live, Place, Readiness,
    Replacement, Resource, Sought, Standing,
};
use crate::aws::{
    Aws, AwsError, Operation, Patience, elb_tags, gone_is_done, pages, present, unless_gone,
};

text_newtypes! {
    /// `arn:aws:elasticloadbalancing:…:listener/app/<name>/<balancer's id>/<id>`.
    ListenerArn,
}

/// What is wanted of a listener: HTTP, all of it forwarded to one target group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listener {
    /// The load balancer whose port it is.
    pub load_balancer: Input<LoadBalancerArn>,
    /// The port.
    pub port: u16,
    /// Where requests go.
    pub target_group: Input<TargetGroupArn>,
}

/// What is known of a listener once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its ARN.
    pub arn: ListenerArn,
}

impl Handle<Listener> {
    /// The listener's ARN.
    pub fn arn(&self) -> Input<ListenerArn> {
        self.output("arn")
    }
}

const DESCRIBE: Operation = Operation::new("elasticloadbalancing:DescribeListeners");

const CREATE: Operation = Operation::patient(
    "elasticloadbalancing:CreateListener",
    &[
        elb::VISIBLE_BALANCER,
        elb::VISIBLE_GROUP,
        Patience::with(
            &["TargetGroupAssociationLimit"],
            Duration::from_mins(2),
            "the listener of before was just removed",
        ),
    ],
);

impl Resource for Listener {
    type Outputs = Outputs;

    const KIND: Kind = Kind::Listener;
    const TYPE_NAME: &'static str = "AWS::ElasticLoadBalancingV2::Listener";
    const MADE_BY: &'static str = "elasticloadbalancing:CreateListener";
    const READS: &'static [&'static str] = &[
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTags",
    ];
    const FIXED: &'static [&'static str] = &["load_balancer"];
    /// A target group belongs to one load balancer at a time (API reference, CreateListener). Where
    /// the whole network moves, the group is another one, and the old listener serves until then.
    const REPLACEMENT: Replacement = Replacement::Sharing("target_group");
    const ADOPTS: bool = true;

    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        let what = format!("a listener on port {}", self.port);
        let answer = self.send_create(aws, identity).await;
        elb::made(aws, CREATE, self, identity, &what, answer).await
    }

    /// By the port: a load balancer has one listener on each. One that is still to be made has none.
    async fn find(
        &self,
        aws: &Aws,
        _identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let Some(balancer) = self.load_balancer.known() else { return Ok(None) };
        let described = of_balancer(aws, balancer.as_str()).await?;
        let on_port = described.iter().find(|one| elb::port(one.port()) == self.port);
        let Some(outputs) = on_port.map(outputs) else { return Ok(None) };
        let arn = outputs.arn.0.clone();
        elb::found(aws, &arn, outputs).await
    }

    fn locate(id: &str, _place: &Place) -> Option<Outputs> {
        id.contains(":listener/app/").then(|| Outputs { arn: id.into() })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let arns: Vec<String> = sought.iter().map(|one| one.outputs.arn.0.clone()).collect();
        let (described, mut tags) =
            futures::try_join!(describe(aws, arns.clone()), elb_tags(aws, &arns))?;
        let live = arns.iter().map(|arn| {
            let listener = described.iter().find(|one| one.listener_arn() == Some(arn))?;
            Some(Live {
                spec: spec(listener),
                outputs: outputs(listener),
                tags: tags.remove(arn).unwrap_or_default(),
                readiness: Readiness::Ready,
            })
        });
        Ok(live.collect())
    }

    /// The rules that come before its own action.
    async fn inspect_each(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Inspection>, AwsError> {
        let one = |sought: &Sought<Self>| {
            let arn = sought.outputs.arn.0.clone();
            async move {
                let rules = rules(aws, &arn).await?;
                let extras = rules.iter().map(|rule| Extra {
                    collection: "rules",
                    id: super::text(rule.rule_arn()),
                    what: format!("rule of priority {}", super::text(rule.priority())),
                    standing: Standing::Part,
                });
                Ok(Inspection { extras: extras.collect(), ..Inspection::default() })
            }
        };
        futures::future::try_join_all(sought.iter().map(one)).await
    }

    async fn remove_extra(aws: &Aws, _of: &Sought<Self>, extra: &Extra) -> Result<(), AwsError> {
        const DELETE: Operation = Operation::new("elasticloadbalancing:DeleteRule");
        let send = || aws.elb().delete_rule().rule_arn(&extra.id).send();
        gone_is_done(aws.call(DELETE, send).await.map(drop))
    }

    async fn update(
        &self,
        aws: &Aws,
        identity: &Identity,
        change: &Change<Self>,
    ) -> Result<Outputs, AwsError> {
        let outputs = change.from.outputs.clone();
        if change.touches("port") || change.touches("target_group") {
            self.modify(aws, change).await?;
        }
        elb::update_tags(aws, outputs.arn.as_str(), &change.tags(&identity.tags)).await?;
        Ok(outputs)
    }

    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        remove(aws, gone.outputs.arn.as_str()).await
    }
}

/// Removes a listener, whoever made it.
pub(super) async fn remove(aws: &Aws, arn: &str) -> Result<(), AwsError> {
    const DELETE: Operation =
        Operation::patient("elasticloadbalancing:DeleteListener", &[elb::RELEASED]);
    let send = || aws.elb().delete_listener().listener_arn(arn).send();
    gone_is_done(aws.call(DELETE, send).await.map(drop))
}

impl Listener {
    async fn send_create(&self, aws: &Aws, identity: &Identity) -> Result<Made<Outputs>, AwsError> {
        let send = || {
            let request = aws.elb().create_listener();
            request
                .load_balancer_arn(self.load_balancer.get().as_str())
                .protocol(ProtocolEnum::Http)
                .port(self.port.into())
                .default_actions(self.forward())
                .set_tags(Some(elb::to_tags(&identity.tags)))
                .send()
        };
        let made = aws.call(CREATE, send).await?.listeners.unwrap_or_default();
        let made = made.first().map(outputs);
        let outputs = made.ok_or_else(|| AwsError::incomplete(CREATE, "listener"))?;
        Ok(Made { arn: outputs.arn.0.clone(), outputs })
    }

    /// Where requests go, the protocol is sent too: a listener that was given another one reads as
    /// if they went elsewhere.
    async fn modify(&self, aws: &Aws, change: &Change<Self>) -> Result<(), AwsError> {
        const MODIFY: Operation = Operation::patient(
            "elasticloadbalancing:ModifyListener",
            &[elb::VISIBLE_GROUP, elb::VISIBLE_LISTENER],
        );
        let port = change.touches("port").then(|| self.port.into());
        let action = change.touches("target_group").then(|| self.forward());
        let protocol = action.is_some().then_some(ProtocolEnum::Http);
        let send = || {
            let request = aws.elb().modify_listener();
            let request = request.listener_arn(change.from.outputs.arn.as_str()).set_port(port);
            let request = request.set_protocol(protocol.clone());
            request.set_default_actions(action.clone().map(|action| vec![action])).send()
        };
        aws.call(MODIFY, send).await.map(drop)
    }

    fn forward(&self) -> Action {
        let group = self.target_group.get().as_str();
        Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(group).build()
    }
}

/// All listeners of a load balancer; none of one that is gone. A page holds 400, and a load balancer
/// has no more than 50 (aws-behaviour 21, 28).
pub(super) async fn of_balancer(aws: &Aws, arn: &str) -> Result<Vec<Described>, AwsError> {
    let send = || aws.elb().describe_listeners().load_balancer_arn(arn).send();
    let described = unless_gone(aws.call(DESCRIBE, send).await)?;
    Ok(described.and_then(|output| output.listeners).unwrap_or_default())
}

/// `HTTPS on port 443`.
pub(super) fn words(listener: &Described) -> String {
    let protocol = listener.protocol().map_or("HTTP", ProtocolEnum::as_str);
    format!("{protocol} on port {}", elb::port(listener.port()))
}

/// The rules of a listener without the one that stands for its own action; none of one that is gone.
async fn rules(aws: &Aws, arn: &str) -> Result<Vec<Rule>, AwsError> {
    const RULES: Operation = Operation::new("elasticloadbalancing:DescribeRules");
    let found = pages(|marker| async move {
        let request = aws.elb().describe_rules().listener_arn(arn).set_marker(marker);
        let page = unless_gone(aws.call(RULES, || request.clone().send()).await)?;
        Ok(page.map(|page| (page.rules.unwrap_or_default(), page.next_marker)).unwrap_or_default())
    })
    .await?;
    Ok(found.into_iter().filter(|rule| rule.is_default() != Some(true)).collect())
}

async fn describe(aws: &Aws, arns: Vec<String>) -> Result<Vec<Described>, AwsError> {
    present(arns, elb::AT_ONCE, |arns: Vec<String>| async move {
        let request = aws.elb().describe_listeners().set_listener_arns(Some(arns));
        let send = || request.clone().send();
        Ok(aws.call(DESCRIBE, send).await?.listeners.unwrap_or_default())
    })
    .await
}

fn outputs(listener: &Described) -> Outputs {
    Outputs { arn: ListenerArn(super::text(listener.listener_arn())) }
}

fn spec(listener: &Described) -> Listener {
    Listener {
        load_balancer: Input::Known(LoadBalancerArn(super::text(listener.load_balancer_arn()))),
        port: elb::port(listener.port()),
        target_group: Input::Known(destination(listener)),
    }
}

/// Where requests go: the target group if they all go to one in plain HTTP; otherwise something
/// that equals no target group and says what happens instead.
fn destination(listener: &Described) -> TargetGroupArn {
    let elsewhere = |what: String| TargetGroupArn(format!("other: {what}"));
    match listener.protocol() {
        Some(ProtocolEnum::Http) | None => {}
        Some(protocol) => return elsewhere(protocol.as_str().to_owned()),
    }
    let mut actions: Vec<&Action> = listener.default_actions().iter().collect();
    actions.sort_by_key(|action| action.order());
    match actions.as_slice() {
        [action] if action.r#type() == Some(&ActionTypeEnum::Forward) => {
            forwarded_to(action).unwrap_or_else(elsewhere)
        }
        actions => {
            elsewhere(actions.iter().map(|action| word(action)).collect::<Vec<_>>().join(", "))
        }
    }
}

fn word(action: &Action) -> &str {
    action.r#type().map_or("nothing", ActionTypeEnum::as_str)
}

/// AWS says a single group twice, by itself and as a list of one, or only as a list
/// (aws-behaviour 16.f, 16.g); groups of weight zero get nothing.
///
/// # Errors
///
/// The groups and weights, when there are several.
fn forwarded_to(action: &Action) -> Result<TargetGroupArn, String> {
    let listed = action.forward_config().map(ForwardActionConfig::target_groups);
    let listed = listed.unwrap_or_default();
    let weight = |group: &TargetGroupTuple| group.weight().unwrap_or(1);
    let weighed: Vec<_> = listed.iter().filter(|group| weight(group) > 0).collect();
    match (weighed.as_slice(), listed, action.target_group_arn()) {
        (&[only], ..) | ([], [only], _) => Ok(TargetGroupArn(super::text(only.target_group_arn()))),
        ([], [], Some(group)) => Ok(TargetGroupArn::from(group)),
        ([], ..) => Err("forward to nothing".into()),
        (several, ..) => {
            let arn = |group: &TargetGroupTuple| super::text(group.target_group_arn());
            let some = several.iter().map(|group| format!("{} of {}", weight(group), arn(group)));
            Err(format!("forward {}", some.collect::<Vec<_>>().join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forward(groups: &[(&str, i32)], scalar: Option<&str>) -> Action {
        let tuple = |(arn, weight): &(&str, i32)| {
            TargetGroupTuple::builder().target_group_arn(*arn).weight(*weight).build()
        };
        let groups = groups.iter().map(tuple).collect();
        Action::builder()
            .r#type(ActionTypeEnum::Forward)
            .set_target_group_arn(scalar.map(Into::into))
            .forward_config(ForwardActionConfig::builder().set_target_groups(Some(groups)).build())
            .build()
    }

    fn destination_of(actions: Vec<Action>) -> String {
        let listener = Described::builder().protocol(ProtocolEnum::Http);
        destination(&listener.set_default_actions(Some(actions)).build()).0
    }

    #[test]
    fn one_group_is_the_same_however_aws_says_it() {
        let scalar = Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn("blue");
        assert_eq!(destination_of(vec![scalar.build()]), "blue");
        assert_eq!(destination_of(vec![forward(&[("blue", 1)], Some("blue"))]), "blue");
        assert_eq!(destination_of(vec![forward(&[("blue", 100)], None)]), "blue");
        assert_eq!(destination_of(vec![forward(&[("green", 0), ("blue", 1)], None)]), "blue");
    }

    #[test]
    fn several_groups_equal_none() {
        let shared = forward(&[("blue", 9), ("green", 1)], None);
        assert_eq!(destination_of(vec![shared]), "other: forward 9 of blue, 1 of green");
    }

    #[test]
    fn a_foreign_action_is_told() {
        let fixed = Action::builder().r#type(ActionTypeEnum::FixedResponse).build();
        assert_eq!(destination_of(vec![fixed]), "other: fixed-response");
    }

    #[test]
    fn actions_are_told_in_their_order() {
        let action = |kind, order| Action::builder().r#type(kind).order(order).build();
        let actions =
            vec![action(ActionTypeEnum::Forward, 2), action(ActionTypeEnum::AuthenticateOidc, 1)];
        assert_eq!(destination_of(actions), "other: authenticate-oidc, forward");
    }

    #[test]
    fn another_protocol_is_told() {
        let listener = Described::builder().protocol(ProtocolEnum::Https).build();
        assert_eq!(destination(&listener).0, "other: HTTPS");
    }
}
