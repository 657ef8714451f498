//! No more calls than AWS answers: a token bucket for each family of operations (aws-behaviour 27).
//!
//! The rule: a run never throttles itself. All clones of an [`super::Aws`] share the buckets, so
//! several stacks at once do not throttle each other either; callers of one family are let through
//! in the order in which they came. What others in the account take is not known: when AWS
//! throttles, the family's bucket counts as empty.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Pace;

/// How much of what AWS documents is used: what is left is for clocks that differ.
const USED: f64 = 0.9;

/// Operations that share a bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Family {
    name: &'static str,
    /// How many calls may come at once.
    burst: f64,
    /// How many a second in the long run.
    rate: f64,
}

const fn family(name: &'static str, burst: f64, rate: f64) -> Family {
    Family { name, burst, rate }
}

/// Lets calls through as fast as AWS takes them.
#[derive(Debug)]
pub(super) struct Limiter {
    pace: Pace,
    /// When each family's bucket will be full again.
    full_at: Mutex<BTreeMap<&'static str, Instant>>,
}

impl Limiter {
    pub fn new(pace: Pace) -> Self {
        Self { pace, full_at: Mutex::default() }
    }

    /// Waits until `operation` (`ec2:CreateVpc`) may be called.
    pub async fn admit(&self, operation: &str) {
        let now = Instant::now();
        let turns = families(operation).map(|family| self.take_token(family, now));
        let turn = turns.max().unwrap_or(now);
        if turn > now {
            tokio::time::sleep_until(turn).await;
        }
    }

    /// Takes in that AWS has throttled `operation`: the bucket is empty.
    pub fn is_empty_for(&self, operation: &str) {
        let now = Instant::now();
        for family in families(operation) {
            let empty = now + self.refill(family, family.burst * USED);
            let mut all = self.all();
            let full_at = all.entry(family.name).or_insert(now);
            *full_at = empty.max(*full_at);
        }
    }

    /// Takes a family's next token, and gives the moment at which it is there.
    fn take_token(&self, family: Family, now: Instant) -> Instant {
        let spare = self.refill(family, (family.burst * USED - 1.0).max(0.0));
        let mut all = self.all();
        let full_at = all.entry(family.name).or_insert(now);
        let turn = (*full_at).max(now).checked_sub(spare).unwrap_or(now).max(now);
        *full_at = (*full_at).max(now) + self.refill(family, 1.0);
        turn
    }

    /// How long so many tokens take to come back.
    fn refill(&self, family: Family, tokens: f64) -> Duration {
        self.pace.scaled(Duration::from_secs_f64(tokens / (family.rate * USED)))
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<&'static str, Instant>> {
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The families that an operation counts in.
fn families(operation: &str) -> impl Iterator<Item = Family> + use<> {
    let (service, name) = operation.split_once(':').unwrap_or((operation, ""));
    let reads = ["Describe", "Get", "List"].iter().any(|verb| name.starts_with(verb));
    let (own, whole) = match service {
        "ec2" => (Some(of_ec2(name, reads)), None),
        "elasticloadbalancing" => (Some(of_elb(name, reads)), Some(family("elb", 40.0, 10.0))),
        "ecs" => (Some(of_ecs(name, reads)), None),
        // Nothing is published: modest figures, which a stack of one service does not feel.
        "iam" if name == "GetAccountAuthorizationDetails" => {
            (Some(family("iam listing", 10.0, 2.0)), None)
        }
        "iam" => (Some(family("iam", 40.0, 10.0)), None),
        "logs" => (Some(family("logs", 20.0, 5.0)), None),
        "application-autoscaling" => (Some(family("autoscaling", 20.0, 5.0)), None),
        "scheduler" => (Some(family("scheduler", 20.0, 5.0)), None),
        "sns" => (Some(family("sns", 20.0, 5.0)), None),
        "cloudwatch" => (Some(family("cloudwatch", 20.0, 3.0)), None),
        "servicequotas" => (Some(family("quotas", 5.0, 5.0)), None),
        // Two a second for each account and region ("LookupEvents" in CloudTrail's API reference).
        "cloudtrail" => (Some(family("cloudtrail lookups", 2.0, 2.0)), None),
        _ => (None, None),
    };
    own.into_iter().chain(whole)
}

fn of_ec2(name: &str, reads: bool) -> Family {
    match name {
        "CreateNatGateway" | "DeleteNatGateway" => family("ec2 NAT gateways", 10.0, 1.0),
        "CreateTags" | "DeleteTags" => family("ec2 tags", 100.0, 10.0),
        "AuthorizeSecurityGroupIngress" | "RevokeSecurityGroupIngress" => {
            family("ec2 ingress rules", 50.0, 5.0)
        }
        _ if reads => family("ec2 reads", 100.0, 20.0),
        _ => family("ec2 writes", 50.0, 5.0),
    }
}

fn of_elb(name: &str, reads: bool) -> Family {
    match name {
        "CreateLoadBalancer" | "SetSubnets" => family("elb load balancers", 10.0, 0.2),
        _ if reads => family("elb reads", 40.0, 10.0),
        _ => family("elb writes", 20.0, 3.0),
    }
}

fn of_ecs(name: &str, reads: bool) -> Family {
    match name {
        "RegisterTaskDefinition" | "DeregisterTaskDefinition" => {
            family("ecs task definitions", 20.0, 1.0)
        }
        "DeleteTaskDefinitions" => family("ecs deletions of task definitions", 5.0, 1.0),
        "TagResource" | "UntagResource" => family("ecs tags", 20.0, 10.0),
        "ListTagsForResource" => family("ecs lists of tags", 50.0, 20.0),
        _ if name.contains("Cluster") && reads => family("ecs cluster reads", 50.0, 20.0),
        _ if name.contains("Cluster") => family("ecs cluster writes", 20.0, 1.0),
        _ if name.contains("ServiceDeployment") || name.contains("ServiceRevision") => {
            family("ecs deployments", 50.0, 20.0)
        }
        _ if reads => family("ecs reads", 100.0, 20.0),
        _ => family("ecs writes", 50.0, 5.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: &str = "elasticloadbalancing:CreateLoadBalancer";

    /// The seconds after which so many calls that come at once are let through.
    async fn turns(limiter: &Limiter, operation: &str, calls: usize) -> Vec<f64> {
        let start = Instant::now();
        let calls = (0..calls).map(|_| async {
            limiter.admit(operation).await;
            start.elapsed().as_secs_f64().round()
        });
        futures::future::join_all(calls).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_through_at_once_and_the_rest_as_tokens_come_back() {
        let limiter = Limiter::new(Pace::REAL);
        let expected = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 6.0, 11.0];
        assert_eq!(turns(&limiter, SLOW, 11).await, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_come_back_while_nobody_calls() {
        let limiter = Limiter::new(Pace::REAL);
        turns(&limiter, SLOW, 9).await;
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(turns(&limiter, SLOW, 9).await, [0.0; 9]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_family_does_not_wait_for_another() {
        let limiter = Limiter::new(Pace::REAL);
        turns(&limiter, "ecs:RegisterTaskDefinition", 30).await;
        assert_eq!(turns(&limiter, "ecs:UpdateService", 1).await, [0.0]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_aws_throttles_waits_for_a_token() {
        let limiter = Limiter::new(Pace::REAL);
        limiter.is_empty_for(SLOW);
        assert_eq!(turns(&limiter, SLOW, 2).await, [6.0, 11.0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_scaled_down_simulation_has_faster_buckets() {
        let limiter = Limiter::new(Pace::faster_by(10.0));
        limiter.is_empty_for("ecs:CreateCluster");
        let start = Instant::now();
        limiter.admit("ecs:CreateCluster").await;
        assert!(start.elapsed() < Duration::from_millis(150));
    }
}
