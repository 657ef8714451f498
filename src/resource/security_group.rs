//! A security group: who may talk to its members, and to whom they may talk.
//!
//! The group owns its rules whole. They are compared without their ids, as AWS groups and spells
//! them, and what differs is changed rule by rule: nothing is ever revoked to be added again.

mod rule;
mod rules;

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ec2::types::{self, Filter, ResourceType};
use serde::{Deserialize, Serialize};

use super::blockers::{self, Blocker};
use super::ec2::{self, VISIBLE_VPC};
use super::reference::text_newtypes;
use super::vpc::VpcId;
use super::{
    Change, Found, Handle, Identity, Input, Inspection, Kind, Live, Member, Naming, Place,
    Readiness, Resource, Sought,
};
use crate::aws::{Aws, AwsError, Operation, Patience, gone_is_done, is_owned, pages};

pub use rule::{NotAProtocol, Peer, Protocol, Rule};
use rules::Direction;

text_newtypes! {
    /// `sg-0123456789abcdef0`.
    SecurityGroupId,
}

/// What is wanted of a security group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// The network that it belongs to.
    pub vpc: Input<VpcId>,
    /// What it is for; AWS wants one.
    pub description: String,
    /// Who may talk to its members.
    pub ingress: BTreeSet<Rule>,
    /// To whom its members may talk.
    pub egress: BTreeSet<Rule>,
}

/// What is known of a security group once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its id.
    pub id: SecurityGroupId,
    /// Its name.
    pub name: String,
}

impl Handle<SecurityGroup> {
    /// The group's id.
    pub fn id(&self) -> Input<SecurityGroupId> {
        self.output("id")
    }
}

impl Resource for SecurityGroup {
    type Outputs = Outputs;

    const KIND: Kind = Kind::SecurityGroup;
    const TYPE_NAME: &'static str = "AWS::EC2::SecurityGroup";
    const MADE_BY: &'static str = "ec2:CreateSecurityGroup";
    const READS: &'static [&'static str] =
        &["ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups"];
    const FIXED: &'static [&'static str] = &["vpc", "description"];
    const OWNED: &'static [&'static str] = &["ingress", "egress"];
    const NAMING: Option<Naming> = Some(Naming { longest: 255, prefix: "" });
    const GONE_WITHIN: Duration = Duration::from_mins(15);

    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        let (id, held) = match self.make(aws, identity).await {
            Ok(id) => (id, Rules { ingress: BTreeSet::new(), egress: new_groups_egress() }),
            Err(error) if error.has_code("InvalidGroup.Duplicate") => {
                self.adopt(aws, identity, error).await?
            }
            Err(error) => return Err(error),
        };
        rules::settle(aws, &id, Direction::Ingress, &held.ingress, &self.ingress).await?;
        rules::settle(aws, &id, Direction::Egress, &held.egress, &self.egress).await?;
        Ok(Outputs { id, name: identity.name.clone() })
    }

    async fn find(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let found = self.namesake(aws, identity).await?;
        Ok(found.map(|group| Found {
            outputs: Outputs { id: id_of(&group), name: super::text(group.group_name()) },
            tags: ec2::tags(group.tags()),
        }))
    }

    fn locate(id: &str, _place: &Place) -> Option<Outputs> {
        id.starts_with("sg-").then(|| Outputs { id: id.into(), name: String::new() })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let ids = sought.iter().map(|group| group.outputs.id.0.clone());
        let groups = ec2::by_ids("group-id", ids, |ids| describe(aws, vec![ids])).await?;
        let one = |sought: &Sought<Self>| {
            let id = &sought.outputs.id;
            let group = groups.iter().find(|group| group.group_id() == Some(id.as_str()))?;
            let held = Rules::of(group);
            Some(Live {
                spec: Self {
                    vpc: VpcId(super::text(group.vpc_id())).into(),
                    description: super::text(group.description()),
                    ingress: held.ingress,
                    egress: held.egress,
                },
                outputs: Outputs { id: id.clone(), name: super::text(group.group_name()) },
                tags: ec2::tags(group.tags()),
                readiness: Readiness::Ready,
            })
        };
        Ok(sought.iter().map(one).collect())
    }

    async fn inspect(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Inspection>, AwsError> {
        let groups: Vec<&SecurityGroupId> = sought.iter().map(|group| &group.outputs.id).collect();
        let rows = rules::rows(aws, groups).await?;
        let one = |sought: &Sought<Self>| {
            let id = sought.outputs.id.as_str();
            let own = rows.iter().filter(|row| row.group_id() == Some(id));
            Inspection { members: own.filter_map(member).collect(), ..Inspection::default() }
        };
        Ok(sought.iter().map(one).collect())
    }

    async fn update(
        &self,
        aws: &Aws,
        identity: &Identity,
        change: &Change<Self>,
    ) -> Result<Outputs, AwsError> {
        let (id, from) = (&change.from.outputs.id, &change.from.spec);
        if change.touches("ingress") {
            rules::settle(aws, id, Direction::Ingress, &from.ingress, &self.ingress).await?;
        }
        if change.touches("egress") {
            rules::settle(aws, id, Direction::Egress, &from.egress, &self.egress).await?;
        }
        ec2::update_tags(aws, id.as_str(), &change.tags(&identity.tags)).await?;
        Ok(change.from.outputs.clone())
    }

    fn widened(&self, applied: &Self, live: &Self) -> Self {
        Self {
            ingress: rules::widened(&self.ingress, &applied.ingress, &live.ingress),
            egress: rules::widened(&self.egress, &applied.egress, &live.egress),
            ..self.clone()
        }
    }

    async fn blockers(aws: &Aws, gone: &Sought<Self>) -> Result<Vec<Blocker>, AwsError> {
        let id = gone.outputs.id.0.clone();
        let (mut blockers, groups) = futures::try_join!(
            blockers::interfaces(aws, ec2::filter("group-id", [id.clone()])),
            blockers::referring_groups(aws, &id),
        )?;
        blockers.extend(groups);
        Ok(blockers)
    }

    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        const DELETE: Operation = Operation::patient(
            "ec2:DeleteSecurityGroup",
            &[Patience::with(
                &["DependencyViolation", "InvalidGroup.InUse"],
                Duration::from_mins(15),
                "network interfaces of its members are still going away (aws-behaviour 7.e)",
            )],
        );
        let send = || aws.ec2().delete_security_group().group_id(gone.outputs.id.as_str()).send();
        gone_is_done(aws.call(DELETE, send).await.map(drop))
    }
}

/// A rule by the id that it has by itself.
fn member(row: &types::SecurityGroupRule) -> Option<Member> {
    let value = serde_json::to_value(Rule::from_row(row)?).ok()?;
    let collection = if row.is_egress() == Some(true) { "egress" } else { "ingress" };
    Some(Member { collection, value, id: row.security_group_rule_id()?.to_owned() })
}

/// The rules that a group holds.
struct Rules {
    ingress: BTreeSet<Rule>,
    egress: BTreeSet<Rule>,
}

impl Rules {
    fn of(group: &types::SecurityGroup) -> Self {
        Self {
            ingress: rule::from_permissions(group.ip_permissions()),
            egress: rule::from_permissions(group.ip_permissions_egress()),
        }
    }
}

/// What every new group lets out: everything (aws-behaviour 7.f). The second such rule, for IPv6,
/// comes with networks that have IPv6, which no [`super::vpc::Vpc`] has.
fn new_groups_egress() -> BTreeSet<Rule> {
    let everywhere = Peer::Cidr(ipnet::Ipv4Net::default());
    let everything = Rule {
        protocol: Protocol::All,
        from_port: None,
        to_port: None,
        peer: everywhere,
        description: None,
    };
    BTreeSet::from([everything])
}

const CREATE: Operation = Operation::patient("ec2:CreateSecurityGroup", VISIBLE_VPC);

impl SecurityGroup {
    async fn make(&self, aws: &Aws, identity: &Identity) -> Result<SecurityGroupId, AwsError> {
        let tags = ec2::tag_specification(ResourceType::SecurityGroup, &identity.tags);
        let send = || {
            let request = aws.ec2().create_security_group().vpc_id(self.vpc.get().as_str());
            let request = request.group_name(&identity.name).description(&self.description);
            request.tag_specifications(tags.clone()).send()
        };
        let id = aws.call(CREATE, send).await?.group_id;
        id.map(SecurityGroupId).ok_or_else(|| AwsError::incomplete(CREATE, "groupId"))
    }

    /// The group that has the name already, if it is this very one; and what it holds.
    async fn adopt(
        &self,
        aws: &Aws,
        identity: &Identity,
        taken: AwsError,
    ) -> Result<(SecurityGroupId, Rules), AwsError> {
        let Some(group) = self.namesake(aws, identity).await? else { return Err(taken) };
        if !is_owned(&ec2::tags(group.tags()), &identity.tags) {
            let what = format!("the security group \"{}\"", identity.name);
            return Err(AwsError::foreign(CREATE, &what));
        }
        // The one that is being replaced: neither can its description be changed.
        if group.description() != Some(&self.description) {
            return Err(taken);
        }
        Ok((id_of(&group), Rules::of(&group)))
    }

    /// The group of that name in the network, whoever's it is; none in one that is yet to be made.
    async fn namesake(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> Result<Option<types::SecurityGroup>, AwsError> {
        let Some(vpc) = self.vpc.known() else { return Ok(None) };
        let filters = vec![
            ec2::filter("vpc-id", [vpc.0.clone()]),
            ec2::filter("group-name", [identity.name.clone()]),
        ];
        Ok(describe(aws, filters).await?.into_iter().next())
    }
}

fn id_of(group: &types::SecurityGroup) -> SecurityGroupId {
    SecurityGroupId(super::text(group.group_id()))
}

async fn describe(aws: &Aws, filters: Vec<Filter>) -> Result<Vec<types::SecurityGroup>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeSecurityGroups");
    pages(|token| {
        let filters = filters.clone();
        async move {
            let request = aws.ec2().describe_security_groups().set_filters(Some(filters));
            let send = || request.clone().max_results(1000).set_next_token(token.clone()).send();
            let page = aws.call(DESCRIBE, send).await?;
            Ok((page.security_groups.unwrap_or_default(), page.next_token))
        }
    })
    .await
}
