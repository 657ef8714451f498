//! Making a group's rules what they are to be, without closing what is to stay open.

use std::collections::BTreeSet;
use std::future::Future;

use aws_sdk_ec2::types::{IpPermission, SecurityGroupRule, SecurityGroupRuleUpdate};

use super::{Rule, SecurityGroupId};
use crate::aws::{Aws, AwsError, Operation, pages};
use crate::resource::ec2::{self, GROUP_JUST_MADE};

/// Which way packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the members.
    Ingress,
    /// From the members.
    Egress,
}

/// What makes one set of rules into another.
#[derive(Debug, Default, PartialEq)]
struct Changes {
    missing: Vec<Rule>,
    surplus: Vec<Rule>,
    /// Rules that stay, with another description.
    reworded: Vec<Rule>,
}

impl Changes {
    fn between(held: &BTreeSet<Rule>, wanted: &BTreeSet<Rule>) -> Self {
        let openings = |rules: &BTreeSet<Rule>| -> BTreeSet<Rule> {
            rules.iter().map(Rule::opening).collect()
        };
        let (open, to_open) = (openings(held), openings(wanted));
        let differing = wanted.difference(held).cloned();
        let (reworded, missing) = differing.partition(|rule| open.contains(&rule.opening()));
        Self { missing, surplus: open.difference(&to_open).cloned().collect(), reworded }
    }
}

/// The rules that are `wanted`, and of those that were `applied` and are `live` the others.
pub fn widened(
    wanted: &BTreeSet<Rule>,
    applied: &BTreeSet<Rule>,
    live: &BTreeSet<Rule>,
) -> BTreeSet<Rule> {
    let openings =
        |rules: &BTreeSet<Rule>| -> BTreeSet<Rule> { rules.iter().map(Rule::opening).collect() };
    let (wanted_openings, own) = (openings(wanted), openings(applied));
    let kept = live
        .iter()
        .filter(|rule| own.contains(&rule.opening()) && !wanted_openings.contains(&rule.opening()));
    wanted.iter().chain(kept).cloned().collect()
}

/// Makes the rules that a group `held` in one direction into those that are `wanted`.
///
/// What is missing is added before what is surplus is revoked, so that nothing is shut meanwhile;
/// the other way round only where the group is full (aws-behaviour 7.f2).
pub async fn settle(
    aws: &Aws,
    group: &SecurityGroupId,
    direction: Direction,
    held: &BTreeSet<Rule>,
    wanted: &BTreeSet<Rule>,
) -> Result<(), AwsError> {
    let changes = Changes::between(held, wanted);
    let full = match authorize(aws, group, direction, &changes.missing).await {
        Err(error) if is_full(&error) && !changes.surplus.is_empty() => true,
        other => other.map(|()| false)?,
    };
    revoke(aws, group, direction, &changes.surplus).await?;
    if full {
        authorize(aws, group, direction, &changes.missing).await?;
    }
    reword(aws, group, direction, &changes.reworded).await
}

fn is_full(error: &AwsError) -> bool {
    error.has_code("RulesPerSecurityGroupLimitExceeded")
}

async fn authorize(
    aws: &Aws,
    group: &SecurityGroupId,
    direction: Direction,
    rules: &[Rule],
) -> Result<(), AwsError> {
    const INGRESS: Operation =
        Operation::patient("ec2:AuthorizeSecurityGroupIngress", &[GROUP_JUST_MADE]);
    const EGRESS: Operation =
        Operation::patient("ec2:AuthorizeSecurityGroupEgress", &[GROUP_JUST_MADE]);
    let permissions = rules.iter().map(Rule::permission).collect();
    together_or_singly(permissions, "InvalidPermission.Duplicate", |permissions| async move {
        let permissions = Some(permissions);
        let (client, id) = (aws.ec2(), group.as_str());
        match direction {
            Direction::Ingress => {
                let request = client.authorize_security_group_ingress().group_id(id);
                let request = request.set_ip_permissions(permissions);
                aws.call(INGRESS, || request.clone().send()).await.map(drop)
            }
            Direction::Egress => {
                let request = client.authorize_security_group_egress().group_id(id);
                let request = request.set_ip_permissions(permissions);
                aws.call(EGRESS, || request.clone().send()).await.map(drop)
            }
        }
    })
    .await
}

async fn revoke(
    aws: &Aws,
    group: &SecurityGroupId,
    direction: Direction,
    rules: &[Rule],
) -> Result<(), AwsError> {
    const INGRESS: Operation =
        Operation::patient("ec2:RevokeSecurityGroupIngress", &[GROUP_JUST_MADE]);
    const EGRESS: Operation =
        Operation::patient("ec2:RevokeSecurityGroupEgress", &[GROUP_JUST_MADE]);
    let permissions = rules.iter().map(Rule::permission).collect();
    together_or_singly(permissions, "InvalidPermission.NotFound", |permissions| async move {
        let permissions = Some(permissions);
        let (client, id) = (aws.ec2(), group.as_str());
        match direction {
            Direction::Ingress => {
                let request = client.revoke_security_group_ingress().group_id(id);
                let request = request.set_ip_permissions(permissions);
                aws.call(INGRESS, || request.clone().send()).await.map(drop)
            }
            Direction::Egress => {
                let request = client.revoke_security_group_egress().group_id(id);
                let request = request.set_ip_permissions(permissions);
                aws.call(EGRESS, || request.clone().send()).await.map(drop)
            }
        }
    })
    .await
}

/// Sends all at once, and one by one if that fails with `harmless`, which says of a single one
/// that it is done already: a batch is all or nothing (aws-behaviour 7.a, 7.b).
async fn together_or_singly<F, Fut>(
    permissions: Vec<IpPermission>,
    harmless: &str,
    send: F,
) -> Result<(), AwsError>
where
    F: Fn(Vec<IpPermission>) -> Fut,
    Fut: Future<Output = Result<(), AwsError>>,
{
    if permissions.is_empty() {
        return Ok(());
    }
    match send(permissions.clone()).await {
        Err(error) if error.has_code(harmless) => {}
        other => return other,
    }
    for permission in permissions {
        match send(vec![permission]).await {
            Err(error) if error.has_code(harmless) => {}
            other => other?,
        }
    }
    Ok(())
}

/// Gives rules the description that they are declared with, in place (aws-behaviour 7.f).
async fn reword(
    aws: &Aws,
    group: &SecurityGroupId,
    direction: Direction,
    rules: &[Rule],
) -> Result<(), AwsError> {
    const MODIFY: Operation =
        Operation::patient("ec2:ModifySecurityGroupRules", &[GROUP_JUST_MADE]);
    if rules.is_empty() {
        return Ok(());
    }
    let rows = rows(aws, [group]).await?;
    let updates: Vec<_> = rules.iter().filter_map(|rule| update(&rows, direction, rule)).collect();
    if updates.is_empty() {
        return Ok(());
    }
    let send = || {
        let request = aws.ec2().modify_security_group_rules().group_id(group.as_str());
        request.set_security_group_rules(Some(updates.clone())).send()
    };
    aws.call(MODIFY, send).await.map(drop)
}

fn update(
    rows: &[SecurityGroupRule],
    direction: Direction,
    rule: &Rule,
) -> Option<SecurityGroupRuleUpdate> {
    let egress = direction == Direction::Egress;
    let row = rows
        .iter()
        .filter(|row| row.is_egress() == Some(egress))
        .find(|row| Rule::from_row(row).is_some_and(|live| live.opening() == rule.opening()))?;
    let update = SecurityGroupRuleUpdate::builder().security_group_rule(rule.request());
    Some(update.security_group_rule_id(row.security_group_rule_id()?).build())
}

/// The rules of some groups, each with the id that it has by itself.
pub async fn rows(
    aws: &Aws,
    groups: impl IntoIterator<Item = &SecurityGroupId>,
) -> Result<Vec<SecurityGroupRule>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeSecurityGroupRules");
    let ids = groups.into_iter().map(|group| group.0.clone());
    ec2::by_ids("group-id", ids, |ids| async move {
        let request = aws.ec2().describe_security_group_rules().filters(ids).max_results(1000);
        pages(|token| {
            let request = request.clone().set_next_token(token);
            async move {
                let page = aws.call(DESCRIBE, || request.clone().send()).await?;
                Ok((page.security_group_rules.unwrap_or_default(), page.next_token))
            }
        })
        .await
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::super::{Peer, Protocol};
    use super::*;

    fn rule(port: u16, description: Option<&str>) -> Rule {
        Rule {
            protocol: Protocol::Tcp,
            from_port: Some(port),
            to_port: Some(port),
            peer: Peer::Cidr("0.0.0.0/0".parse().unwrap()),
            description: description.map(Into::into),
        }
    }

    #[test]
    fn a_rule_that_only_says_something_else_is_neither_added_nor_revoked() {
        let held = BTreeSet::from([rule(80, None), rule(22, Some("debugging"))]);
        let wanted = BTreeSet::from([rule(80, Some("web")), rule(443, None)]);
        let expected = Changes {
            missing: vec![rule(443, None)],
            surplus: vec![rule(22, None)],
            reworded: vec![rule(80, Some("web"))],
        };
        assert_eq!(Changes::between(&held, &wanted), expected);
    }

    #[test]
    fn of_what_goes_only_what_is_the_stacks_own_stays_for_a_while() {
        let (old, foreign) = (rule(8000, Some("requests")), rule(22, Some("debugging")));
        let wanted = BTreeSet::from([rule(9000, Some("requests"))]);
        let live = BTreeSet::from([old.clone(), foreign]);
        let applied = BTreeSet::from([rule(8000, None), rule(7000, None)]);
        let both = BTreeSet::from([rule(9000, Some("requests")), old]);
        assert_eq!(widened(&wanted, &applied, &live), both);
    }

    #[test]
    fn equal_rules_need_no_change() {
        let rules = BTreeSet::from([rule(80, Some("web"))]);
        assert_eq!(Changes::between(&rules, &rules), Changes::default());
    }
}
