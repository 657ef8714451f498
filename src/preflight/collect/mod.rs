//! Asks AWS how the account stands: the only part of preflight that touches the world.
//!
//! Everything is asked at once. What is refused, or not answered soon, is left as unseen: a check
//! before a run must neither fail it nor hold it up.

mod limits;
mod processors;
mod roles;
mod secrets;
mod used;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use futures::future::{join, join_all, join4};

use super::evidence::{Evidence, Limit, Seen, Unseen};
use super::needs::Needs;
use super::quota::Scarce;
use crate::aws::{Aws, AwsError, Class};

/// How long one question may take, with all its repetitions. It is real time: where AWS is
/// simulated faster, an answer takes no less.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long after it something that is not found is looked for once more.
const AGAIN: Duration = Duration::from_secs(3);

/// Looks at everything that `needs` names, and at nothing else.
pub async fn collect(aws: &Aws, needs: &Needs) -> Evidence {
    let account = aws.account().await.unwrap_or_default().to_owned();
    let counted = needs.more.keys().filter(|scarce| !processors::are(**scarce));
    let counts =
        join_all(counted.map(|scarce| async { (*scarce, used::of(aws, *scarce, needs).await) }));
    let limits = limits(aws, needs);
    let processors = async {
        let limits = limits.await;
        let processors = processors::used(aws, needs, &limits).await;
        (limits, processors)
    };
    let ((limits, processors), (counts, gateways), secrets, linked) = Box::pin(join4(
        processors,
        join(counts, used::gateways(aws, needs)),
        secrets::look(aws, &account, needs),
        roles::look(aws, needs),
    ))
    .await;
    let counts = counts.into_iter().filter_map(|(scarce, seen)| Some((scarce, seen?)));
    let used = counts.chain(processors).collect();
    Evidence { account, limits, used, gateways, secrets, linked }
}

async fn limits(aws: &Aws, needs: &Needs) -> BTreeMap<Scarce, Seen<Limit>> {
    let scarce = needs.more.keys().chain(needs.later.keys());
    let scarce: BTreeSet<Scarce> = scarce.copied().collect();
    let asked =
        scarce.into_iter().map(|scarce| async move { (scarce, limits::of(aws, scarce).await) });
    join_all(asked).await.into_iter().collect()
}

/// What a question brought: its answer, or why there is none.
async fn seen<T>(
    operation: &'static str,
    question: impl Future<Output = Result<T, AwsError>>,
) -> Seen<T> {
    match tokio::time::timeout(PATIENCE, question).await {
        Ok(answer) => answer.map_err(|error| unseen(&error)),
        Err(_) => Err(Unseen { operation, is_denied: false, said: "no answer in time".into() }),
    }
}

fn unseen(error: &AwsError) -> Unseen {
    tracing::debug!(%error, "left out of the checks before the run");
    let said = error.code().map_or_else(|| error.message().to_owned(), str::to_owned);
    Unseen { operation: error.operation(), is_denied: error.class() == Class::Denied, said }
}

/// Reads pages until there are no more or `most` have been read; `page` takes a token and gives
/// items and the next token. Says whether there were more.
async fn pages<T, F, Fut>(most: usize, page: F) -> Result<(Vec<T>, bool), AwsError>
where
    F: Fn(Option<String>) -> Fut,
    Fut: Future<Output = Result<(Vec<T>, Option<String>), AwsError>>,
{
    let (mut items, mut token) = (Vec::new(), None);
    for _ in 0..most {
        let (some, next) = page(token).await?;
        items.extend(some);
        token = next.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok((items, false));
        }
    }
    Ok((items, true))
}
