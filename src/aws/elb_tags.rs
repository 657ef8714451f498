//! Tags of load balancers, target groups and listeners, which AWS gives apart from the rest.
//!
//! The rule: callers that ask in the same turn of a task share their calls, and none suffers from
//! another's ARN that is missing. A plan reads the three kinds side by side, so they do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared, join_all};

use super::missing::present_of_some;
use super::{Aws, AwsError, Operation, Tags};

/// How many ARNs one DescribeTags takes (aws-behaviour 21).
const AT_ONCE: usize = 20;

/// What a round found, by ARN. What is missing is not in it; an error reaches only those whose ARNs
/// were in the call that failed.
type Found = Arc<BTreeMap<String, Result<Tags, AwsError>>>;

/// The asking for the ARNs of all who came together. It is shared rather than one caller's own, so
/// that it goes on when that caller is dropped.
type Round = BoxFuture<'static, Found>;

/// The round that still takes ARNs, if there is one.
#[derive(Default)]
pub(super) struct TagRounds(Mutex<OpenRound>);

/// It is held weakly: a round that everybody has left is over.
#[derive(Default)]
struct OpenRound {
    arns: BTreeSet<String>,
    round: Option<WeakShared<Round>>,
}

impl TagRounds {
    fn open(&self) -> MutexGuard<'_, OpenRound> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the open round, or opens one.
    fn join(&self, aws: &Aws, arns: &[String]) -> Shared<Round> {
        let mut open = self.open();
        let joined = open.round.as_ref().and_then(WeakShared::upgrade);
        let round = joined.unwrap_or_else(|| {
            let round = ask_together(aws.clone()).boxed().shared();
            *open = OpenRound { arns: BTreeSet::new(), round: round.downgrade() };
            round
        });
        open.arns.extend(arns.iter().cloned());
        round
    }

    /// Closes the open round, and gives what it is to ask for.
    fn close(&self) -> Vec<String> {
        std::mem::take(&mut *self.open()).arns.into_iter().collect()
    }
}

/// The tags of load balancers, target groups and listeners, by ARN, without AWS's own; what is
/// missing is not in it.
pub async fn elb_tags(aws: &Aws, arns: &[String]) -> Result<BTreeMap<String, Tags>, AwsError> {
    if arns.is_empty() {
        return Ok(BTreeMap::new());
    }
    let round = aws.clients.elb_tag_rounds.join(aws, arns);
    // Whoever asks beside this caller is polled before it is polled again: no time is to pass, which
    // would be too short on a busy machine and too long on any other.
    tokio::task::yield_now().await;
    let found = round.await;
    let own = arns.iter().filter_map(|arn| Some((arn.clone(), found.get(arn)?.clone())));
    own.map(|(arn, tags)| Ok((arn, tags?))).collect()
}

async fn ask_together(aws: Aws) -> Found {
    let arns = aws.clients.elb_tag_rounds.close();
    let some = arns.chunks(AT_ONCE).map(|some| ask_for_some(&aws, some.to_vec()));
    Arc::new(join_all(some).await.into_iter().flatten().collect())
}

async fn ask_for_some(aws: &Aws, arns: Vec<String>) -> Vec<(String, Result<Tags, AwsError>)> {
    let describe = |arns: Vec<String>| describe(aws, arns);
    match present_of_some(arns.clone(), &describe).await {
        Ok(found) => found.into_iter().map(|(arn, tags)| (arn, Ok(tags))).collect(),
        Err(error) => arns.into_iter().map(|arn| (arn, Err(error.clone()))).collect(),
    }
}

async fn describe(aws: &Aws, arns: Vec<String>) -> Result<Vec<(String, Tags)>, AwsError> {
    const DESCRIBE: Operation = Operation::new("elasticloadbalancing:DescribeTags");
    let send = || aws.elb().describe_tags().set_resource_arns(Some(arns.clone())).send();
    let described = aws.call(DESCRIBE, send).await?.tag_descriptions.unwrap_or_default();
    Ok(described
        .into_iter()
        .map(|description| {
            let pairs = description.tags().iter();
            let pairs = pairs.filter_map(|tag| Some((tag.key()?.into(), tag.value()?.into())));
            let tags = pairs.filter(|(key, _): &(String, String)| !key.starts_with("aws:"));
            let tags = tags.collect();
            (description.resource_arn.unwrap_or_default(), tags)
        })
        .collect())
}
