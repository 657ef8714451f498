//! How many processors of Fargate are in use: AWS keeps no figure of it that could be asked for
//! here, so the tasks are counted, and no more of them than a few calls show.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{LaunchType, Task};

use super::super::evidence::{Limit, Seen, Used};
use super::super::needs::Needs;
use super::super::quota::Scarce;
use super::{pages, seen};
use crate::aws::{Aws, AwsError, Operation, unless_gone};

const CLUSTERS: Operation = Operation::new("ecs:ListClusters");
const LIST: Operation = Operation::new("ecs:ListTasks");
const DESCRIBE: Operation = Operation::new("ecs:DescribeTasks");

/// In how many clusters tasks are counted.
const MOST_CLUSTERS: usize = 10;
/// How many pages of tasks are read of each, of 100 tasks.
const PAGES: usize = 3;
/// Where the account may have so many times what is needed, nobody counts.
const PLENTY: f64 = 100.0;

/// Whether it is processors that are scarce.
pub(super) fn are(scarce: Scarce) -> bool {
    matches!(scarce, Scarce::Vcpus | Scarce::SpotVcpus)
}

/// The processors in use, of those that may run out.
pub(super) async fn used(
    aws: &Aws,
    needs: &Needs,
    limits: &BTreeMap<Scarce, Seen<Limit>>,
) -> Vec<(Scarce, Seen<Used>)> {
    let may_run_out = |scarce: &Scarce| {
        let needed = needs.more.get(scarce).copied().unwrap_or_default()
            + needs.later.get(scarce).copied().unwrap_or_default();
        let limit = limits.get(scarce).and_then(|limit| limit.as_ref().ok());
        needed > 0.0 && limit.is_some_and(|limit| needed * PLENTY > limit.value)
    };
    let scarce: Vec<Scarce> =
        [Scarce::Vcpus, Scarce::SpotVcpus].into_iter().filter(may_run_out).collect();
    if scarce.is_empty() {
        return Vec::new();
    }
    let counted = seen(LIST.name, count(aws)).await;
    let of = |scarce: Scarce| {
        let used = counted.clone().map(|counted| counted.get(&scarce).copied().unwrap_or_default());
        (scarce, used)
    };
    scarce.into_iter().map(of).collect()
}

async fn count(aws: &Aws) -> Result<BTreeMap<Scarce, Used>, AwsError> {
    let output = aws.call(CLUSTERS, || aws.ecs().list_clusters().send()).await?;
    let clusters = output.cluster_arns.unwrap_or_default();
    let mut at_least = output.next_token.is_some() || clusters.len() > MOST_CLUSTERS;
    let asked = clusters.iter().take(MOST_CLUSTERS).map(|cluster| tasks(aws, cluster));
    let mut used: BTreeMap<Scarce, Used> = BTreeMap::new();
    for (tasks, more) in futures::future::try_join_all(asked).await? {
        at_least |= more;
        for task in &tasks {
            used.entry(scarce(task)).or_default().count += vcpus(task);
        }
    }
    for scarce in [Scarce::Vcpus, Scarce::SpotVcpus] {
        used.entry(scarce).or_default().at_least = at_least;
    }
    Ok(used)
}

/// A cluster's tasks on Fargate, and whether there are more. One that has gone has none.
async fn tasks(aws: &Aws, cluster: &str) -> Result<(Vec<Task>, bool), AwsError> {
    let listed = pages(PAGES, |token| async move {
        let request = aws.ecs().list_tasks().cluster(cluster).launch_type(LaunchType::Fargate);
        let request = request.set_next_token(token);
        let page = aws.call(LIST, || request.clone().send()).await?;
        Ok((page.task_arns.unwrap_or_default(), page.next_token))
    });
    let Some((arns, more)) = unless_gone(listed.await)? else { return Ok((Vec::new(), false)) };
    let mut tasks = Vec::new();
    for some in arns.chunks(100) {
        let request = aws.ecs().describe_tasks().cluster(cluster);
        let request = request.set_tasks(Some(some.to_vec()));
        let output = aws.call(DESCRIBE, || request.clone().send()).await?;
        tasks.extend(output.tasks.unwrap_or_default());
    }
    Ok((tasks, more))
}

fn scarce(task: &Task) -> Scarce {
    let is_spot = task.capacity_provider_name() == Some("FARGATE_SPOT");
    if is_spot { Scarce::SpotVcpus } else { Scarce::Vcpus }
}

fn vcpus(task: &Task) -> f64 {
    task.cpu().and_then(|units| units.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}
