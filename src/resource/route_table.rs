//! A route table: where packets of its subnets go.
//!
//! Table, routes and associations are one resource: the table owns both collections whole.

mod association;
mod route;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_ec2::types::{self, Filter, ResourceType};
use serde::{Deserialize, Serialize};

use super::ec2::{self, VISIBLE_VPC};
use super::internet_gateway::InternetGatewayId;
use super::nat_gateway::NatGatewayId;
use super::reference::text_newtypes;
use super::subnet::SubnetId;
use super::vpc::VpcId;
use super::{
    Change, Found, Handle, Identity, Input, Inspection, Kind, Live, Member, Place, Resource, Sought,
};
use crate::aws::{Aws, AwsError, Operation, Patience, gone_is_done, pages};

text_newtypes! {
    /// `rtb-0123456789abcdef0`.
    RouteTableId,
}

/// What is wanted of a route table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteTable {
    /// The network that it belongs to.
    pub vpc: Input<VpcId>,
    /// Targets by destination, a CIDR without host bits: `0.0.0.0/0`.
    pub routes: BTreeMap<String, RouteTarget>,
    /// The subnets that follow it.
    pub subnets: BTreeSet<Input<SubnetId>>,
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteTarget {
    /// To the internet, both ways.
    InternetGateway(Input<InternetGatewayId>),
    /// To the internet, from inside only.
    NatGateway(Input<NatGatewayId>),
    /// To something that no stack declares, by its id: only ever read.
    Other(String),
}

/// What is known of a route table once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its id.
    pub id: RouteTableId,
}

impl Handle<RouteTable> {
    /// The table's id.
    pub fn id(&self) -> Input<RouteTableId> {
        self.output("id")
    }
}

impl Resource for RouteTable {
    type Outputs = Outputs;

    const KIND: Kind = Kind::RouteTable;
    const TYPE_NAME: &'static str = "AWS::EC2::RouteTable";
    const MADE_BY: &'static str = "ec2:CreateRouteTable";
    const READS: &'static [&'static str] = &["ec2:DescribeRouteTables"];
    const FIXED: &'static [&'static str] = &["vpc"];
    const OWNED: &'static [&'static str] = &["routes", "subnets"];
    const WHOLE: &'static [&'static str] = &["routes.*"];
    const READY_WITHIN: Duration = Duration::from_mins(5);

    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        let id = self.make(aws, identity).await?;
        route::settle(aws, &id, &BTreeMap::new(), &self.routes).await?;
        for subnet in &self.subnets {
            association::add(aws, &id, subnet.get()).await?;
        }
        Ok(Outputs { id })
    }

    async fn find(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let Some(vpc) = self.vpc.known() else { return Ok(None) };
        let mut filters = ec2::ownership_filters(&identity.tags);
        filters.push(ec2::filter("vpc-id", [vpc.0.clone()]));
        let found = describe(aws, filters).await?.into_iter().next();
        Ok(found.map(|table| Found {
            outputs: Outputs { id: RouteTableId(super::text(table.route_table_id())) },
            tags: ec2::tags(table.tags()),
        }))
    }

    fn locate(id: &str, _place: &Place) -> Option<Outputs> {
        id.starts_with("rtb-").then(|| Outputs { id: id.into() })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let ids = sought.iter().map(|table| table.outputs.id.0.clone());
        let tables = ec2::by_ids("route-table-id", ids, |ids| describe(aws, vec![ids])).await?;
        let one = |sought: &Sought<Self>| {
            let id = &sought.outputs.id;
            let table = tables.iter().find(|table| table.route_table_id() == Some(id.as_str()))?;
            Some(Live {
                spec: Self {
                    vpc: VpcId(super::text(table.vpc_id())).into(),
                    routes: route::routes(table),
                    subnets: association::subnets(table),
                },
                outputs: Outputs { id: id.clone() },
                tags: ec2::tags(table.tags()),
                readiness: association::readiness(table),
            })
        };
        Ok(sought.iter().map(one).collect())
    }

    async fn inspect(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Inspection>, AwsError> {
        let ids = sought.iter().map(|table| table.outputs.id.0.clone());
        let tables = ec2::by_ids("route-table-id", ids, |ids| describe(aws, vec![ids])).await?;
        let one = |sought: &Sought<Self>| {
            let id = Some(sought.outputs.id.as_str());
            let table = tables.iter().find(|table| table.route_table_id() == id);
            let associations = table.map(association::ids).unwrap_or_default().into_iter();
            let members = associations.map(|(subnet, id)| Member {
                collection: "subnets",
                value: subnet.0.into(),
                id,
            });
            Inspection { members: members.collect(), ..Inspection::default() }
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
        if change.touches("routes") {
            route::settle(aws, id, &from.routes, &self.routes).await?;
        }
        if change.touches("subnets") {
            for subnet in self.subnets.difference(&from.subnets) {
                association::add(aws, id, subnet.get()).await?;
            }
            let surplus = from.subnets.difference(&self.subnets).map(|subnet| subnet.get().clone());
            remove_associations(aws, id, Some(&surplus.collect())).await?;
        }
        ec2::update_tags(aws, id.as_str(), &change.tags(&identity.tags)).await?;
        Ok(change.from.outputs.clone())
    }

    /// A subnet that leaves the stack follows the table until nothing is left in it.
    fn widened(&self, applied: &Self, live: &Self) -> Self {
        let still = applied.subnets.intersection(&live.subnets);
        Self { subnets: self.subnets.iter().chain(still).cloned().collect(), ..self.clone() }
    }

    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        const DELETE: Operation = Operation::patient(
            "ec2:DeleteRouteTable",
            &[Patience::with(
                &["DependencyViolation"],
                Duration::from_mins(2),
                "its associations were just removed (aws-behaviour 6.e)",
            )],
        );
        let id = &gone.outputs.id;
        remove_associations(aws, id, None).await?;
        let send = || aws.ec2().delete_route_table().route_table_id(id.as_str()).send();
        gone_is_done(aws.call(DELETE, send).await.map(drop))
    }
}

impl RouteTable {
    async fn make(&self, aws: &Aws, identity: &Identity) -> Result<RouteTableId, AwsError> {
        const CREATE: Operation = Operation::patient("ec2:CreateRouteTable", VISIBLE_VPC);
        let tags = ec2::tag_specification(ResourceType::RouteTable, &identity.tags);
        let send = || {
            let request = aws.ec2().create_route_table().vpc_id(self.vpc.get().as_str());
            request.client_token(&identity.token).tag_specifications(tags.clone()).send()
        };
        let made = aws.call(CREATE, send).await?.route_table;
        let id = made.and_then(|table| table.route_table_id);
        id.map(RouteTableId).ok_or_else(|| AwsError::incomplete(CREATE, "routeTableId"))
    }
}

/// Lets go of the given subnets, or of all. The ids of associations are read anew, as they change
/// with every move of a subnet between tables (aws-behaviour 6.f).
async fn remove_associations(
    aws: &Aws,
    table: &RouteTableId,
    only: Option<&BTreeSet<SubnetId>>,
) -> Result<(), AwsError> {
    if only.is_some_and(BTreeSet::is_empty) {
        return Ok(());
    }
    let live = describe(aws, vec![ec2::filter("route-table-id", [table.0.clone()])]).await?;
    for (subnet, id) in live.iter().flat_map(association::ids) {
        if only.is_none_or(|only| only.contains(&subnet)) {
            association::remove(aws, &id).await?;
        }
    }
    Ok(())
}

async fn describe(aws: &Aws, filters: Vec<Filter>) -> Result<Vec<types::RouteTable>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeRouteTables");
    pages(|token| {
        let filters = filters.clone();
        async move {
            let request = aws.ec2().describe_route_tables().set_filters(Some(filters));
            let send = || request.clone().max_results(100).set_next_token(token.clone()).send();
            let page = aws.call(DESCRIBE, send).await?;
            Ok((page.route_tables.unwrap_or_default(), page.next_token))
        }
    })
    .await
}
