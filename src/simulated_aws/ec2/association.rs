//! Which route table serves which subnet (aws-behaviour 6).
//!
//! A subnet has at most one association of its own; without one, its VPC's main table serves it,
//! which no list shows.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::describe::{find, find_mut};
use super::route::RouteTable;
use super::subnet::Subnet;
use super::{Ec2, done, error};
use crate::simulated_aws::clock::Moment;
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::wire::{Answer, ApiError, Parameters};

/// How long an association is `associating`.
const ASSOCIATING: Duration = Duration::from_secs(1);

/// The bond of a route table to a subnet, or to the VPC as its main table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Association {
    pub id: String,
    /// None for the VPC's main table.
    pub subnet: Option<String>,
    /// When it stops being `associating`.
    pub associated: Moment,
}

impl Association {
    fn new(cloud: &mut Cloud, subnet: Option<String>) -> Self {
        Self { id: cloud.fresh_id("rtbassoc"), subnet, associated: cloud.now.after(ASSOCIATING) }
    }

    /// A new VPC's association with its main table.
    pub(super) fn main(cloud: &mut Cloud) -> Self {
        Self::new(cloud, None)
    }

    pub(super) fn is_main(&self) -> bool {
        self.subnet.is_none()
    }

    pub(super) fn show(&self, table: &str, now: Moment) -> Value {
        json!({
            "routeTableAssociationId": self.id,
            "routeTableId": table,
            "subnetId": self.subnet,
            "main": self.is_main(),
            "associationState": self.state(now),
        })
    }

    fn state(&self, now: Moment) -> Value {
        let state = if now < self.associated { "associating" } else { "associated" };
        json!({"state": state})
    }
}

pub(super) fn associate(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let table = table_to_associate(&cloud.ec2, request.required("RouteTableId")?)?;
    let subnet: &Subnet = find(&cloud.ec2, request.required("SubnetId")?)?;
    if table.vpc != subnet.vpc {
        let message = format!(
            "route table {} and subnet {} belong to different networks",
            table.id, subnet.id
        );
        return Err(error::invalid_value(message));
    }
    let taken = |other: &Association| other.subnet.as_ref() == Some(&subnet.id);
    if cloud.ec2.route_tables.values().flat_map(|table| &table.associations).any(taken) {
        return Err(ApiError::new(
            "Resource.AlreadyAssociated",
            format!(
                "the specified association for route table {} conflicts with an existing association",
                table.id
            ),
        ));
    }
    let (table, subnet) = (table.id.clone(), subnet.id.clone());
    let association = Association::new(cloud, Some(subnet));
    let answer = json!({
        "associationId": association.id,
        "associationState": association.state(cloud.now),
    });
    find_mut::<RouteTable>(&mut cloud.ec2, &table)?.associations.push(association);
    Ok(answer)
}

/// The table, whose absence this operation spells in its own way (aws-behaviour 24.7).
fn table_to_associate<'e>(ec2: &'e Ec2, id: &str) -> Result<&'e RouteTable, ApiError> {
    find::<RouteTable>(ec2, id).map_err(|mut error| {
        error.code = error.code.replace("RouteTableID", "RouteTableId");
        error
    })
}

/// Puts another table in an association's place: under a new id.
pub(super) fn replace(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let id = request.required("AssociationId")?;
    let table: &RouteTable = find(&cloud.ec2, request.required("RouteTableId")?)?;
    let (present, association) = existing(&cloud.ec2, id)?;
    if present.vpc != table.vpc {
        let message =
            format!("route tables {} and {} belong to different networks", present.id, table.id);
        return Err(error::invalid_value(message));
    }
    let (table, subnet) = (table.id.clone(), association.subnet.clone());
    let association = Association::new(cloud, subnet);
    let answer = json!({
        "newAssociationId": association.id,
        "associationState": association.state(cloud.now),
    });
    forget(&mut cloud.ec2, |other| other.id == id);
    find_mut::<RouteTable>(&mut cloud.ec2, &table)?.associations.push(association);
    Ok(answer)
}

pub(super) fn disassociate(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let id = request.required("AssociationId")?;
    let (_, association) = existing(&cloud.ec2, id)?;
    if association.is_main() {
        let message = format!("cannot disassociate the main route table association {id}");
        return Err(error::invalid_value(message));
    }
    forget(&mut cloud.ec2, |other| other.id == id);
    Ok(done())
}

/// The association with this id, and its table.
fn existing<'e>(ec2: &'e Ec2, id: &str) -> Result<(&'e RouteTable, &'e Association), ApiError> {
    let all = ec2
        .route_tables
        .values()
        .flat_map(|table| table.associations.iter().map(move |association| (table, association)));
    all.into_iter().find(|(_, association)| association.id == id).ok_or_else(|| {
        let message = format!("The association ID '{id}' does not exist");
        ApiError::new("InvalidAssociationID.NotFound", message)
    })
}

/// Removes the association of a subnet that is being deleted.
pub(super) fn forget_subnet(ec2: &mut Ec2, subnet: &str) {
    forget(ec2, |other| other.subnet.as_deref() == Some(subnet));
}

fn forget(ec2: &mut Ec2, gone: impl Fn(&Association) -> bool) {
    for table in ec2.route_tables.values_mut() {
        table.associations.retain(|association| !gone(association));
    }
}
