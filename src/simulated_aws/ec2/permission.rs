//! Granting and taking back what a security group lets through, a batch at a time: one bad rule
//! refuses the whole batch (aws-behaviour 7.a).

use serde_json::json;

use super::describe::{Listed, find};
use super::group::{self, SecurityGroup};
use super::rule::{self, Direction, Peer, Rule, Traffic};
use super::{Ec2, done, error, tags};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// A rule that a request describes.
struct Draft {
    traffic: Traffic,
    peer: Peer,
    description: Option<String>,
}

/// Adds the rules of a request.
pub(super) fn authorize(
    cloud: &mut Cloud,
    direction: Direction,
    request: Parameters<'_>,
) -> Answer {
    let tags = tags::requested(request, Rule::KIND)?;
    let group = group::of_request(&cloud.ec2, request)?.clone();
    let mut added: Vec<Rule> = Vec::new();
    for draft in drafts(&cloud.ec2, &group, request)? {
        let mut rule = Rule::new(cloud, &group.id, direction, draft.traffic, draft.peer);
        rule.description = draft.description;
        if added.iter().chain(cloud.ec2.rules.values()).any(|other| other.is_same(&rule)) {
            return Err(duplicate());
        }
        added.push(rule);
    }
    check_quota(&cloud.ec2, &group.id, direction, &added)?;
    for rule in &added {
        tags::put(cloud, &rule.id, tags.clone());
        rule::insert(cloud, rule.clone());
    }
    let shown: Vec<_> = added.iter().map(|rule| rule.show(cloud)).collect();
    Ok(json!({"return": true, Rule::SET: shown}))
}

fn duplicate() -> ApiError {
    ApiError::new("InvalidPermission.Duplicate", "the specified rule already exists")
}

/// Counts per direction and address family (aws-behaviour 28).
fn check_quota(
    ec2: &Ec2,
    group: &str,
    direction: Direction,
    added: &[Rule],
) -> Result<(), ApiError> {
    let quota = ec2.quotas.rules_per_group;
    let (v4, v6) = rule::family_counts(rule::of_group(ec2, group, direction).chain(added));
    if v4 > quota || v6 > quota {
        let code = "RulesPerSecurityGroupLimitExceeded";
        return Err(error::over_quota(code, "rules per security group", quota));
    }
    Ok(())
}

/// All rules that a request describes: each peer of each permission makes one.
fn drafts(
    ec2: &Ec2,
    group: &SecurityGroup,
    request: Parameters<'_>,
) -> Result<Vec<Draft>, ApiError> {
    if !request.has("IpPermissions") {
        return Ok(vec![only_draft(request)?]);
    }
    let permissions = request.structures("IpPermissions");
    let drafts: Result<Vec<_>, _> =
        permissions.map(|permission| drafts_of(ec2, group, permission)).collect();
    Ok(drafts?.into_iter().flatten().collect())
}

/// The one rule of the older form, which has protocol, ports and block in the request itself.
fn only_draft(request: Parameters<'_>) -> Result<Draft, ApiError> {
    if !request.has("IpProtocol") {
        let message = "The request must contain the parameter ipPermissions";
        return Err(error::missing(message));
    }
    Ok(Draft {
        traffic: Traffic::of_request(request)?,
        peer: Peer::ipv4(request.required("CidrIp")?)?,
        description: None,
    })
}

fn drafts_of(
    ec2: &Ec2,
    group: &SecurityGroup,
    permission: Parameters<'_>,
) -> Result<Vec<Draft>, ApiError> {
    let traffic = Traffic::of_request(permission)?;
    let mut drafts = Vec::new();
    let mut add = |peer: Parameters<'_>, read: Result<Peer, ApiError>| {
        let description = description_of(peer)?;
        drafts.push(Draft { traffic: traffic.clone(), peer: read?, description });
        Ok::<(), ApiError>(())
    };
    for range in permission.structures("IpRanges") {
        add(range, range.required("CidrIp").and_then(Peer::ipv4))?;
    }
    for range in permission.structures("Ipv6Ranges") {
        add(range, range.required("CidrIpv6").and_then(Peer::ipv6))?;
    }
    for list in permission.structures("PrefixListIds") {
        let id = list.required("PrefixListId").map(|id| Peer::PrefixList(id.to_owned()));
        add(list, id)?;
    }
    for pair in permission.structures("Groups") {
        add(pair, pair.required("GroupId").and_then(|id| Peer::group(ec2, group, id)))?;
    }
    if drafts.is_empty() {
        let message = "A permission needs at least one source or destination";
        return Err(error::missing(message));
    }
    Ok(drafts)
}

/// The description that a peer of a permission, or a rule, comes with.
fn description_of(request: Parameters<'_>) -> Result<Option<String>, ApiError> {
    let description = request.text("Description");
    group::check_text("Description", description.unwrap_or_default())?;
    Ok(description.map(str::to_owned))
}

/// Takes rules away, by id or as described.
pub(super) fn revoke(cloud: &mut Cloud, direction: Direction, request: Parameters<'_>) -> Answer {
    let group = group::of_request(&cloud.ec2, request)?.clone();
    let ids = if request.has("SecurityGroupRuleId") {
        ids_to_revoke(&cloud.ec2, &group.id, direction, request)?
    } else {
        described_to_revoke(&cloud.ec2, &group, direction, request)?
    };
    let mut revoked = Vec::new();
    for id in ids {
        cloud.ec2.tags.remove(&id);
        revoked.extend(cloud.ec2.rules.remove(&id).map(|rule| rule.show_revoked()));
    }
    Ok(json!({"return": true, "revokedSecurityGroupRuleSet": revoked}))
}

fn ids_to_revoke(
    ec2: &Ec2,
    group: &str,
    direction: Direction,
    request: Parameters<'_>,
) -> Result<Vec<String>, ApiError> {
    let ids = request.texts("SecurityGroupRuleId");
    for id in &ids {
        let rule: &Rule = find(ec2, id)?;
        if rule.group != group || rule.direction != direction {
            return Err(error::not_found::<Rule>(id));
        }
    }
    Ok(ids)
}

fn described_to_revoke(
    ec2: &Ec2,
    group: &SecurityGroup,
    direction: Direction,
    request: Parameters<'_>,
) -> Result<Vec<String>, ApiError> {
    let find = |draft: Draft| {
        let is_meant = |rule: &&Rule| rule.traffic == draft.traffic && rule.peer == draft.peer;
        let found = rule::of_group(ec2, &group.id, direction).find(is_meant);
        found.map(|rule| rule.id.clone()).ok_or_else(|| {
            let message = "The specified rule does not exist in this security group.";
            ApiError::new("InvalidPermission.NotFound", message)
        })
    };
    drafts(ec2, group, request)?.into_iter().map(find).collect()
}

/// Changes rules in place, by id: all of them, or none.
pub(super) fn modify(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let group = group::of_request(&cloud.ec2, request)?.clone();
    let changed: Result<Vec<Rule>, ApiError> = request
        .structures("SecurityGroupRule")
        .map(|change| changed(&cloud.ec2, &group, change))
        .collect();
    let changed = changed?;
    if changed.is_empty() {
        let message = "The request must contain the parameter SecurityGroupRules";
        return Err(error::missing(message));
    }
    let mut ec2 = cloud.ec2.clone();
    for rule in changed {
        if ec2.rules.values().any(|other| other.id != rule.id && other.is_same(&rule)) {
            return Err(duplicate());
        }
        ec2.rules.insert(rule.id.clone(), rule);
    }
    cloud.ec2 = ec2;
    Ok(done())
}

/// A rule as a change leaves it.
fn changed(ec2: &Ec2, group: &SecurityGroup, change: Parameters<'_>) -> Result<Rule, ApiError> {
    let id = change.required("SecurityGroupRuleId")?;
    let rule: &Rule = find(ec2, id)?;
    if rule.group != group.id {
        return Err(error::not_found::<Rule>(id));
    }
    let new = change.structure("SecurityGroupRule");
    Ok(Rule {
        traffic: Traffic::of_request(new)?,
        peer: only_peer(ec2, group, new)?,
        description: description_of(new)?,
        ..rule.clone()
    })
}

fn only_peer(ec2: &Ec2, group: &SecurityGroup, rule: Parameters<'_>) -> Result<Peer, ApiError> {
    let names = ["CidrIpv4", "CidrIpv6", "PrefixListId", "ReferencedGroupId"];
    let mut given = names.iter().filter_map(|name| Some((*name, rule.text(name)?)));
    let (name, value) = given.next().ok_or_else(|| error::missing("A rule needs a peer"))?;
    if given.next().is_some() {
        return Err(error::invalid_combination("A rule takes exactly one peer"));
    }
    match name {
        "CidrIpv4" => Peer::ipv4(value),
        "CidrIpv6" => Peer::ipv6(value),
        "PrefixListId" => Ok(Peer::PrefixList(value.to_owned())),
        _ => Peer::group(ec2, group, value),
    }
}
