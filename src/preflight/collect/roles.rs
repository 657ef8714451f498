//! Whether the roles of AWS's own services are there.

use std::collections::BTreeMap;

use super::super::evidence::Seen;
use super::super::first_use::Linked;
use super::super::needs::Needs;
use super::seen;
use crate::aws::{Aws, AwsError, Operation, unless_gone};

const GET: Operation = Operation::new("iam:GetRole");

pub(super) async fn look(aws: &Aws, needs: &Needs) -> BTreeMap<Linked, Seen<bool>> {
    let asked = needs
        .linked
        .iter()
        .map(|linked| async { (*linked, seen(GET.name, is_there(aws, *linked)).await) });
    futures::future::join_all(asked).await.into_iter().collect()
}

async fn is_there(aws: &Aws, linked: Linked) -> Result<bool, AwsError> {
    let send = || aws.iam().get_role().role_name(linked.role()).send();
    Ok(unless_gone(aws.call(GET, send).await)?.is_some())
}
