//! After everything was removed: asks for all of it once more, service by service.
//!
//! Some things come back by themselves: a log group that tasks still flushed into is there again
//! without anybody having made it (aws-behaviour 11.e). What is back is removed again, a few times;
//! what stays is told.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::try_join_all;

use crate::aws::{Aws, Tags, is_owned};
use crate::plan::{Action, Plan};
use crate::resource::kind::KindError;
use crate::resource::{Address, Kind, LiveValue, SoughtValue};

/// How often what is back is removed again.
const ROUNDS: u32 = 3;

/// How long a flush may come late.
const PAUSE: Duration = Duration::from_secs(10);

/// Something that is there although it was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Where it stood.
    pub address: Address,
    /// What AWS calls it.
    pub id: String,
}

/// Asks for everything that `removed` took away, and removes again what has come back.
///
/// Gives what is still there at the end.
///
/// # Errors
///
/// The first read or delete that fails.
pub async fn clear(aws: &Aws, removed: &Plan) -> Result<Vec<Leftover>, KindError> {
    let gone = gone(removed);
    let mut left = still_there(aws, &gone).await?;
    for _ in 0..ROUNDS {
        if left.is_empty() {
            break;
        }
        try_join_all(left.iter().map(|one| one.address.kind().delete(aws, one))).await?;
        aws.pace().sleep(PAUSE).await;
        left = still_there(aws, &gone).await?;
    }
    let leftover = |one: SoughtValue| Leftover {
        id: crate::state::physical_id(&one.outputs),
        address: one.address,
    };
    Ok(left.into_iter().map(leftover).collect())
}

/// Everything that the plan removed, by kind: one read each.
fn gone(plan: &Plan) -> BTreeMap<Kind, Vec<(SoughtValue, Tags)>> {
    let mut gone: BTreeMap<Kind, Vec<(SoughtValue, Tags)>> = BTreeMap::new();
    for planned in plan.resources.iter().filter(|planned| planned.action == Action::Delete) {
        if let Some(present) = &planned.present {
            let sought = present.sought(&planned.address);
            let tags = present.record.identity.tags.clone();
            gone.entry(planned.address.kind()).or_default().push((sought, tags));
        }
    }
    gone
}

async fn still_there(
    aws: &Aws,
    gone: &BTreeMap<Kind, Vec<(SoughtValue, Tags)>>,
) -> Result<Vec<SoughtValue>, KindError> {
    let reads = gone.iter().map(|(kind, gone)| async move {
        let sought: Vec<SoughtValue> = gone.iter().map(|(sought, _)| sought.clone()).collect();
        let live = kind.read(aws, &sought).await?;
        let is_left = |(_, tags, live): &(_, &Tags, Option<LiveValue>)| {
            live.as_ref().is_some_and(|live| is_ours(*kind, &live.tags, tags))
        };
        let pairs = gone.iter().zip(live).map(|((sought, tags), live)| (sought, tags, live));
        let left = pairs.filter(is_left).map(|(sought, ..)| sought.clone());
        Ok::<_, KindError>(left.collect::<Vec<_>>())
    });
    Ok(try_join_all(reads).await?.into_iter().flatten().collect())
}

/// Whether what is there is what was removed: names are free at once, and somebody else may have
/// taken one. What comes back by itself comes without tags.
fn is_ours(kind: Kind, live: &Tags, removed: &Tags) -> bool {
    is_owned(live, removed) || (kind.facts().returns && live.is_empty())
}
