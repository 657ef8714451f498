//! What the kinds of EC2 share: tags, filters, and its way of being late.

use std::future::Future;
use std::time::Duration;

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};

use super::{Identity, Readiness};
use crate::aws::{Aws, AwsError, Operation, OwnershipTags, Patience, Tags};

/// How long something that was just made may stay unknown to the next call (aws-behaviour 24.3).
const VISIBLE_WITHIN: Duration = Duration::from_mins(5);

/// A network that was just made may not be found yet (aws-behaviour 1.c).
pub const VPC_JUST_MADE: Patience =
    Patience::until_seen(&["InvalidVpcID.NotFound"], VISIBLE_WITHIN, "the network was just made");

/// [`VPC_JUST_MADE`], for operations that refer to nothing else.
pub const VISIBLE_VPC: &[Patience] = &[VPC_JUST_MADE];

/// A subnet that was just made may not be found yet (aws-behaviour 3.c).
pub const SUBNET_JUST_MADE: Patience =
    Patience::until_seen(&["InvalidSubnetID.NotFound"], VISIBLE_WITHIN, "the subnet was just made");

/// An internet gateway that was just made may not be found yet (aws-behaviour 2.c, 6.c).
pub const GATEWAY_JUST_MADE: Patience = Patience::until_seen(
    &[
        "InvalidInternetGatewayID.NotFound",
        "InvalidInternetGateway.NotFound",
        "InvalidGatewayID.NotFound",
    ],
    VISIBLE_WITHIN,
    "the internet gateway was just made",
);

/// An address that was just allocated may not be found yet, by any of its names (aws-behaviour
/// 4.c).
pub const ADDRESS_JUST_MADE: Patience = Patience::until_seen(
    &["InvalidElasticIpID.NotFound", "InvalidAllocationID.NotFound", "InvalidAddress.NotFound"],
    VISIBLE_WITHIN,
    "the address was just allocated",
);

/// A NAT gateway that was just made may not be found yet (aws-behaviour 5.c, 6.c).
pub const NAT_JUST_MADE: Patience = Patience::until_seen(
    &["InvalidNatGatewayID.NotFound", "NatGatewayNotFound"],
    VISIBLE_WITHIN,
    "the NAT gateway was just made",
);

/// A route table that was just made may not be found yet (aws-behaviour 6.c).
pub const TABLE_JUST_MADE: Patience = Patience::until_seen(
    &["InvalidRouteTableID.NotFound"],
    VISIBLE_WITHIN,
    "the route table was just made",
);

/// A security group that was just made may not be found yet (aws-behaviour 7.c).
pub const GROUP_JUST_MADE: Patience = Patience::until_seen(
    &["InvalidGroup.NotFound", "InvalidSecurityGroupID.NotFound"],
    VISIBLE_WITHIN,
    "the security group was just made",
);

/// Anything of EC2 that was just made, for what takes any (aws-behaviour 24.3).
const JUST_MADE: &[Patience] = &[
    VPC_JUST_MADE,
    SUBNET_JUST_MADE,
    GATEWAY_JUST_MADE,
    ADDRESS_JUST_MADE,
    NAT_JUST_MADE,
    TABLE_JUST_MADE,
    GROUP_JUST_MADE,
];

/// The tag that carries the token of the creation which made a thing. It tells what a creation
/// left half made from what it was to replace, where AWS itself takes no token.
const TOKEN: &str = "provision:token";

/// The identity's tags, and its token as one of them.
pub fn tags_with_token(identity: &Identity) -> Tags {
    let token = (TOKEN.to_owned(), identity.token.clone());
    identity.tags.clone().into_iter().chain([token]).collect()
}

/// Whether `tags` say that this very creation made their bearer, rather than one before it.
pub fn carry_token(tags: &[Tag], identity: &Identity) -> bool {
    tags.iter().any(|tag| tag.key() == Some(TOKEN) && tag.value() == Some(&identity.token))
}

/// Tags for a create call.
pub fn tag_specification(kind: ResourceType, tags: &Tags) -> TagSpecification {
    TagSpecification::builder().resource_type(kind).set_tags(Some(to_tags(tags))).build()
}

fn to_tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// The tags of an answer, without AWS's own and without a creation's token.
pub fn tags(tags: &[Tag]) -> Tags {
    let pairs = tags.iter().filter_map(|tag| Some((tag.key()?.into(), tag.value()?.into())));
    pairs.filter(|(key, _): &(String, String)| !key.starts_with("aws:") && key != TOKEN).collect()
}

/// A filter by name and values.
pub fn filter(name: &str, values: impl IntoIterator<Item = String>) -> Filter {
    Filter::builder().name(name).set_values(Some(values.into_iter().collect())).build()
}

/// Filters that match what carries the ownership tags among `tags`.
pub fn ownership_filters(tags: &Tags) -> Vec<Filter> {
    [OwnershipTags::STACK, OwnershipTags::ENVIRONMENT, OwnershipTags::ADDRESS]
        .into_iter()
        .map(|key| filter(&format!("tag:{key}"), tags.get(key).cloned()))
        .collect()
}

/// How many values a filter takes; AWS refuses more with `FilterLimitExceeded`.
pub const VALUES_A_FILTER: usize = 200;

/// What is called by any of `ids` under the filter `name`: so many a call as one filter takes, all
/// calls side by side.
pub async fn by_ids<T, F, Fut>(
    name: &str,
    ids: impl IntoIterator<Item = String>,
    describe: F,
) -> Result<Vec<T>, AwsError>
where
    F: Fn(Filter) -> Fut,
    Fut: Future<Output = Result<Vec<T>, AwsError>>,
{
    let ids: Vec<String> = ids.into_iter().collect();
    let some = ids.chunks(VALUES_A_FILTER);
    let calls = some.map(|some| describe(filter(name, some.iter().cloned())));
    Ok(futures::future::try_join_all(calls).await?.into_iter().flatten().collect())
}

/// `available` is ready, `failed` has failed, anything else is on its way.
pub fn available(state: Option<&str>) -> Readiness {
    match state.unwrap_or_default() {
        "available" => Readiness::Ready,
        "failed" => Readiness::Failed("AWS reports it as failed".into()),
        other => Readiness::Pending(other.to_owned()),
    }
}

/// Sets and removes tags of anything in EC2.
pub async fn update_tags(
    aws: &Aws,
    id: &str,
    (set, removed): &(Tags, Vec<String>),
) -> Result<(), AwsError> {
    const CREATE: Operation = Operation::patient("ec2:CreateTags", JUST_MADE);
    const DELETE: Operation = Operation::patient("ec2:DeleteTags", JUST_MADE);
    if !set.is_empty() {
        let tags = to_tags(set);
        let send = || aws.ec2().create_tags().resources(id).set_tags(Some(tags.clone())).send();
        aws.call(CREATE, send).await?;
    }
    if !removed.is_empty() {
        let tags: Vec<Tag> = removed.iter().map(|key| Tag::builder().key(key).build()).collect();
        let send = || aws.ec2().delete_tags().resources(id).set_tags(Some(tags.clone())).send();
        aws.call(DELETE, send).await?;
    }
    Ok(())
}
