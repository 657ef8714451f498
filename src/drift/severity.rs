//! How much a difference matters, by rules, each with its reason.
//!
//! The rule: the first rule of the table that applies decides. Nothing is asked: what a difference
//! is and where it is says all.

use ipnet::IpNet;
use serde_json::Value;

use super::Class;
use super::Severity::{self, Critical, High, Low, Medium, Notice};
use super::compare::Difference;
use crate::aws::OwnershipTags;
use crate::plan::diff::TAGS;
use crate::resource::Kind;

/// Fewer fixed bits than this are no network of somebody's, but a part of the internet.
const WIDEST: u8 = 8;
/// The same for IPv6, whose part in use is a `/3`.
const WIDEST_6: u8 = 16;

/// What a difference is judged by.
struct Rule {
    /// Of which kind; `None` for all.
    kind: Option<Kind>,
    /// In which field or collection; empty for the resource as a whole, `*` for any.
    field: &'static str,
    when: fn(&Difference) -> bool,
    severity: Severity,
    reason: &'static str,
}

/// Judges a difference of a resource of `kind`; gives the reason in words.
pub fn judge(kind: Kind, difference: &Difference) -> (Severity, &'static str) {
    match difference.class {
        Class::Unapplied => return (Notice, "the file wants it so, and the next `up` makes it so"),
        Class::Agreed => return (Notice, "the file says the same by now"),
        _ => {}
    }
    let applies = |rule: &&Rule| {
        rule.kind.is_none_or(|of| of == kind)
            && (rule.field == "*" || rule.field == difference.field())
            && (rule.when)(difference)
    };
    let rule = RULES.iter().find(applies);
    rule.map_or((Medium, OTHERWISE), |rule| (rule.severity, rule.reason))
}

/// The reason where no rule says more.
const OTHERWISE: &str = "the stack runs otherwise than it was set to";

const fn rule(
    kind: Kind,
    field: &'static str,
    when: fn(&Difference) -> bool,
    severity: Severity,
    reason: &'static str,
) -> Rule {
    Rule { kind: Some(kind), field, when, severity, reason }
}

const fn of_any_kind(
    field: &'static str,
    when: fn(&Difference) -> bool,
    severity: Severity,
    reason: &'static str,
) -> Rule {
    Rule { kind: None, field, when, severity, reason }
}

const RULES: &[Rule] = &[
    // The resource itself.
    rule(Kind::LogGroup, "", is_missing, Critical, "its logs were deleted with it"),
    of_any_kind("", is_missing, High, "the stack is without it"),
    // Who may talk to whom.
    rule(Kind::SecurityGroup, "ingress", is_reworded, Low, "only its description is another"),
    rule(Kind::SecurityGroup, "egress", is_reworded, Low, "only its description is another"),
    rule(Kind::SecurityGroup, "ingress", is_missing, High, "what was let in is refused"),
    rule(Kind::SecurityGroup, "ingress", opens_the_world, Critical, "it is open to the internet"),
    rule(Kind::SecurityGroup, "ingress", always, High, "it lets in somebody who was not named"),
    rule(Kind::SecurityGroup, "egress", is_missing, High, "what runs can't reach what it could"),
    rule(Kind::SecurityGroup, "egress", always, Medium, "it lets more out than was named"),
    // Who may do what.
    rule(Kind::Role, "trust", always, Critical, "others may take the role on"),
    rule(Kind::Role, "managed_policies", is_missing, High, "what runs has lost rights"),
    rule(Kind::Role, "managed_policies", always, Critical, "the role was given more rights"),
    rule(Kind::Role, "inline_policies", is_missing, High, "what runs has lost rights"),
    rule(Kind::Role, "inline_policies", always, Critical, "the role was given other rights"),
    rule(Kind::Role, "description", always, Low, "it only says what the role is for"),
    // What was seen and said.
    rule(Kind::LogGroup, "retention_days", is_cut, Critical, "logs are deleted sooner than wanted"),
    rule(Kind::LogGroup, "retention_days", always, Low, "logs are kept, and paid for, longer"),
    rule(
        Kind::Cluster,
        "container_insights",
        always,
        Low,
        "more or less is measured, and paid for",
    ),
    // Who looks for drift, and who is told.
    rule(Kind::Schedule, "enabled", always, High, "nobody looks for drift any more, or again"),
    rule(Kind::Schedule, "expression", always, High, "drift is looked for at other times"),
    rule(Kind::Schedule, "timing", always, High, "drift is looked for at other times, or no more"),
    rule(Kind::Schedule, "input", always, Critical, "it starts something else"),
    rule(Kind::Schedule, "task_definition", always, Critical, "it starts something else"),
    rule(Kind::Schedule, "role", always, Critical, "what it starts is started with other rights"),
    rule(Kind::Schedule, "cluster", always, High, "it starts its task elsewhere"),
    rule(Kind::Alarm, "enabled", always, High, "it tells nobody any more, or again"),
    rule(Kind::Alarm, "tells", always, High, "somebody is no longer told, or somebody else is"),
    rule(Kind::Alarm, "metric", always, High, "it looks at something else"),
    rule(Kind::Alarm, "limit", always, High, "it goes off at something else"),
    rule(Kind::Alarm, "description", always, Low, "it only says what the alarm means"),
    rule(Kind::Topic, "display_name", always, Low, "it only says whom its mails are from"),
    // The way in.
    rule(
        Kind::LoadBalancer,
        "security_groups",
        always,
        Critical,
        "others may reach the load balancer",
    ),
    rule(
        Kind::LoadBalancer,
        "deletion_protection",
        is_off,
        High,
        "AWS no longer refuses to delete it",
    ),
    rule(Kind::LoadBalancer, "deletion_protection", always, Low, "`down` has to lift it first"),
    rule(
        Kind::LoadBalancer,
        "listeners",
        always,
        High,
        "it takes requests on a port that was not named",
    ),
    rule(Kind::Listener, "*", is_not_tag, High, "requests go elsewhere, or come in elsewhere"),
    // What runs.
    rule(Kind::Service, "task_definition", always, High, "the service runs something else"),
    rule(Kind::Service, "count", runs_nothing, High, "nothing runs"),
    rule(Kind::Service, "security_groups", always, High, "others may reach the tasks"),
    rule(Kind::Service, "target_group", always, High, "requests reach other tasks, or none"),
    rule(Kind::Service, "container", always, High, "requests reach another container, or none"),
    rule(Kind::Service, "port", always, High, "requests reach another port, or none"),
    rule(Kind::Service, "execute_command", is_on, High, "shells can be opened in its containers"),
    rule(Kind::Service, "propagate_tags", always, Medium, "its tasks can't be told by their tags"),
    rule(Kind::Service, "scalable_targets", always, Medium, "something else moves its count"),
    rule(Kind::ScalableTarget, "policies", always, Medium, "something else moves the count"),
    rule(
        Kind::ScalableTarget,
        "scheduled_actions",
        always,
        Medium,
        "something else moves the bounds",
    ),
    // The ways through the network.
    rule(
        Kind::Vpc,
        "guests",
        always,
        Notice,
        "somebody put it into the stack's network; `down` will not remove it",
    ),
    rule(
        Kind::Vpc,
        "cidr_blocks",
        always,
        Medium,
        "the network has more addresses than were planned",
    ),
    rule(Kind::Vpc, "dns_support", is_off, High, "names are not resolved inside the network"),
    rule(
        Kind::Subnet,
        "public_addresses",
        is_on,
        High,
        "what starts in it is given an address on the internet",
    ),
    rule(
        Kind::InternetGateway,
        "vpc",
        always,
        High,
        "the network has lost its way to the internet",
    ),
    rule(
        Kind::RouteTable,
        "routes",
        is_extra_default,
        High,
        "there is a way out that was not named",
    ),
    rule(Kind::RouteTable, "routes", is_extra, Medium, "packets take a way that was not named"),
    rule(Kind::RouteTable, "routes", always, High, "packets take another way, or none"),
    rule(Kind::RouteTable, "subnets", is_extra, Medium, "a subnet follows it that should not"),
    rule(Kind::RouteTable, "subnets", always, High, "a subnet has lost its ways"),
    // What something is called.
    of_any_kind(
        TAGS,
        is_ownership,
        Medium,
        "it no longer says whose it is: `recover` and `down` go by it",
    ),
    of_any_kind(TAGS, always, Low, "nothing that runs is touched"),
];

fn always(_: &Difference) -> bool {
    true
}

fn is_missing(difference: &Difference) -> bool {
    difference.class == Class::Missing
}

fn is_extra(difference: &Difference) -> bool {
    difference.class == Class::Extra
}

fn is_not_tag(difference: &Difference) -> bool {
    difference.field() != TAGS
}

fn is_on(difference: &Difference) -> bool {
    difference.live == Value::Bool(true)
}

fn is_off(difference: &Difference) -> bool {
    difference.live == Value::Bool(false)
}

/// A rule that is there on both sides differs in its description: all else would make it another.
fn is_reworded(difference: &Difference) -> bool {
    !difference.applied.is_null() && !difference.live.is_null()
}

fn opens_the_world(difference: &Difference) -> bool {
    let peer = difference.live["peer"].as_object();
    let blocks = peer.into_iter().flatten().filter_map(|(_, peer)| peer.as_str()?.parse().ok());
    blocks.into_iter().any(|block| match block {
        IpNet::V4(block) => block.prefix_len() < WIDEST,
        IpNet::V6(block) => block.prefix_len() < WIDEST_6,
    })
}

/// Whether logs are kept for fewer days; null is for ever.
fn is_cut(difference: &Difference) -> bool {
    match (difference.applied.as_u64(), difference.live.as_u64()) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(applied), Some(live)) => live < applied,
    }
}

fn runs_nothing(difference: &Difference) -> bool {
    difference.live == 0
}

fn is_extra_default(difference: &Difference) -> bool {
    let routes = ["routes[0.0.0.0/0]", "routes[::/0]"];
    is_extra(difference) && routes.contains(&difference.property.as_str())
}

fn is_ownership(difference: &Difference) -> bool {
    [OwnershipTags::STACK, OwnershipTags::ENVIRONMENT, OwnershipTags::ADDRESS]
        .iter()
        .any(|key| difference.property == format!("{TAGS}[{key}]"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(kind: Kind, property: &str, class: Class, [applied, live]: [Value; 2]) -> Severity {
        let declared = applied.clone();
        let difference = Difference { property: property.into(), class, declared, applied, live };
        judge(kind, &difference).0
    }

    fn rule_for(peer: &Value) -> [Value; 2] {
        [Value::Null, json!({"protocol": "tcp", "from_port": 22, "to_port": 22, "peer": peer})]
    }

    #[test]
    fn a_group_that_is_open_to_the_internet_is_critical_in_all_spellings() {
        let judged =
            |peer: Value| judged(Kind::SecurityGroup, "ingress[x]", Class::Extra, rule_for(&peer));
        assert_eq!(judged(json!({"cidr": "0.0.0.0/0"})), Critical);
        assert_eq!(judged(json!({"cidr": "128.0.0.0/1"})), Critical);
        assert_eq!(judged(json!({"cidr6": "::/0"})), Critical);
        assert_eq!(judged(json!({"cidr6": "2000::/3"})), Critical);
        assert_eq!(judged(json!({"cidr": "10.0.0.0/8"})), High);
        assert_eq!(judged(json!({"group": "sg-1"})), High);
    }

    #[test]
    fn a_role_is_critical_when_it_may_do_more_and_high_when_it_may_do_less() {
        let judged = |property, class| judged(Kind::Role, property, class, [json!(1), json!(2)]);
        assert_eq!(judged("trust", Class::Outside), Critical);
        assert_eq!(judged("managed_policies[a]", Class::Extra), Critical);
        assert_eq!(judged("inline_policies[a]", Class::Outside), Critical);
        assert_eq!(judged("managed_policies[a]", Class::Missing), High);
    }

    #[test]
    fn logs_that_go_sooner_are_critical_and_those_that_stay_longer_are_not() {
        let judged = |applied: Value, live: Value| {
            judged(Kind::LogGroup, "retention_days", Class::Outside, [applied, live])
        };
        assert_eq!(judged(json!(30), json!(7)), Critical);
        assert_eq!(judged(Value::Null, json!(365)), Critical);
        assert_eq!(judged(json!(30), json!(90)), Low);
        assert_eq!(judged(json!(30), Value::Null), Low);
    }

    #[test]
    fn what_the_file_wants_is_a_notice_however_grave_it_is() {
        let class = judged(Kind::Role, "trust", Class::Unapplied, [json!(1), json!(1)]);
        assert_eq!(class, Notice);
    }

    #[test]
    fn a_missing_resource_is_high_and_missing_logs_are_critical() {
        let gone = |kind| judged(kind, "", Class::Missing, [json!("id"), Value::Null]);
        assert_eq!(gone(Kind::Listener), High);
        assert_eq!(gone(Kind::LogGroup), Critical);
    }

    #[test]
    fn what_no_rule_knows_is_medium() {
        let change = [json!(5), json!(6)];
        let path = "health_check.interval_seconds";
        assert_eq!(judged(Kind::TargetGroup, path, Class::Outside, change), Medium);
    }

    #[test]
    fn the_stacks_own_tags_weigh_more_than_others() {
        let judged =
            |property| judged(Kind::Vpc, property, Class::Missing, [json!("a"), Value::Null]);
        assert_eq!(judged("tags[provision:stack]"), Medium);
        assert_eq!(judged("tags[team]"), Low);
    }
}
