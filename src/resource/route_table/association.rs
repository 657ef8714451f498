//! Which subnets follow a table. A subnet follows one table at a time (aws-behaviour 6.b).

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ec2::types::{
    self, RouteTableAssociation as Association, RouteTableAssociationStateCode as State,
};

use super::{RouteTableId, describe};
use crate::aws::{Aws, AwsError, Operation, gone_is_done};
use crate::resource::ec2::{self, SUBNET_JUST_MADE, TABLE_JUST_MADE};
use crate::resource::subnet::SubnetId;
use crate::resource::{Input, Readiness};

/// The subnets that follow a table, and the ids of their associations.
///
/// A subnet that follows the main table since it has no other is not among them, as AWS lists
/// none of those (aws-behaviour 6.f2); nor is what is going, or has failed.
pub fn ids(table: &types::RouteTable) -> Vec<(SubnetId, String)> {
    let associations = table.associations().iter();
    let standing = associations.filter(|association| {
        !matches!(
            state(association),
            Some(State::Disassociating | State::Disassociated | State::Failed)
        )
    });
    standing
        .filter_map(|association| {
            let id = association.route_table_association_id()?;
            Some((association.subnet_id()?.into(), id.to_owned()))
        })
        .collect()
}

/// The subnets that follow a table.
pub fn subnets(table: &types::RouteTable) -> BTreeSet<Input<SubnetId>> {
    ids(table).into_iter().map(|(subnet, _)| subnet.into()).collect()
}

/// Ready when every association stands.
pub fn readiness(table: &types::RouteTable) -> Readiness {
    for association in table.associations() {
        match state(association) {
            Some(State::Associating) => return Readiness::Pending("associating".to_owned()),
            Some(State::Failed) => return Readiness::Failed(failure(association)),
            _ => {}
        }
    }
    Readiness::Ready
}

fn state(association: &Association) -> Option<&State> {
    association.association_state()?.state()
}

fn failure(association: &Association) -> String {
    let said = association.association_state().and_then(|state| state.status_message());
    let subnet = association.subnet_id().unwrap_or("a subnet");
    format!("{subnet} could not be associated: {}", said.unwrap_or("AWS gives no reason"))
}

/// How often it is looked what a subnet follows that AWS says follows something, and the pause in
/// between: the association itself may not be seen yet (aws-behaviour 0.1.1).
const LOOKS: u32 = 8;
const PAUSE: Duration = Duration::from_secs(1);

/// Makes a subnet follow `table`, whichever it follows now.
pub async fn add(aws: &Aws, table: &RouteTableId, subnet: &SubnetId) -> Result<(), AwsError> {
    for _ in 1..LOOKS {
        match follow(aws, table, subnet).await {
            Err(error) if error.has_code("Resource.AlreadyAssociated") => {
                aws.pace().sleep(PAUSE).await;
            }
            other => return other,
        }
    }
    follow(aws, table, subnet).await
}

async fn follow(aws: &Aws, table: &RouteTableId, subnet: &SubnetId) -> Result<(), AwsError> {
    let taken = match associate(aws, table, subnet).await {
        Err(error) if error.has_code("Resource.AlreadyAssociated") => error,
        other => return other,
    };
    let filters = vec![ec2::filter("association.subnet-id", [subnet.0.clone()])];
    let followed = describe(aws, filters).await?;
    let Some(current) = followed.iter().find(|other| follows(other, subnet)) else {
        return Err(taken);
    };
    if current.route_table_id() == Some(table.as_str()) {
        return Ok(());
    }
    let id = ids(current).into_iter().find(|(other, _)| other == subnet).map(|(_, id)| id);
    match replace(aws, table, &id.unwrap_or_default()).await {
        // The other table let go of it meanwhile.
        Err(error) if error.is_gone() => associate(aws, table, subnet).await,
        other => other,
    }
}

fn follows(table: &types::RouteTable, subnet: &SubnetId) -> bool {
    ids(table).iter().any(|(other, _)| other == subnet)
}

async fn associate(aws: &Aws, table: &RouteTableId, subnet: &SubnetId) -> Result<(), AwsError> {
    const ASSOCIATE: Operation =
        Operation::patient("ec2:AssociateRouteTable", &[TABLE_JUST_MADE, SUBNET_JUST_MADE]);
    let send = || {
        let request = aws.ec2().associate_route_table().route_table_id(table.as_str());
        request.subnet_id(subnet.as_str()).send()
    };
    aws.call(ASSOCIATE, send).await.map(drop)
}

async fn replace(aws: &Aws, table: &RouteTableId, association: &str) -> Result<(), AwsError> {
    const REPLACE: Operation =
        Operation::patient("ec2:ReplaceRouteTableAssociation", &[TABLE_JUST_MADE]);
    let send = || {
        let request = aws.ec2().replace_route_table_association().association_id(association);
        request.route_table_id(table.as_str()).send()
    };
    aws.call(REPLACE, send).await.map(drop)
}

/// Removes an association; one that has moved to another table since has another id and stays.
pub async fn remove(aws: &Aws, association: &str) -> Result<(), AwsError> {
    const DISASSOCIATE: Operation = Operation::new("ec2:DisassociateRouteTable");
    let send = || aws.ec2().disassociate_route_table().association_id(association).send();
    gone_is_done(aws.call(DISASSOCIATE, send).await.map(drop))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::RouteTableAssociationState;

    use super::*;

    fn table(state: State) -> types::RouteTable {
        let main = Association::builder().route_table_association_id("rtbassoc-0").main(true);
        let state = RouteTableAssociationState::builder().state(state).status_message("no room");
        let own = Association::builder()
            .route_table_association_id("rtbassoc-1")
            .subnet_id("subnet-1")
            .association_state(state.build());
        types::RouteTable::builder().associations(main.build()).associations(own.build()).build()
    }

    #[test]
    fn the_main_association_is_no_subnets() {
        let subnets = subnets(&table(State::Associated));
        assert_eq!(subnets, BTreeSet::from([SubnetId("subnet-1".into()).into()]));
    }

    #[test]
    fn an_association_that_goes_or_failed_does_not_count() {
        assert!(subnets(&table(State::Disassociating)).is_empty());
        assert!(subnets(&table(State::Failed)).is_empty());
    }

    #[test]
    fn a_table_is_ready_when_its_associations_stand() {
        assert_eq!(readiness(&table(State::Associated)), Readiness::Ready);
        assert_eq!(readiness(&table(State::Associating)), Readiness::Pending("associating".into()));
        let failed = Readiness::Failed("subnet-1 could not be associated: no room".into());
        assert_eq!(readiness(&table(State::Failed)), failed);
    }
}
