//! Everything that one simulated account holds in one region, and the passing of its time.
//!
//! The cloud does nothing by itself: whoever asks it first lets time pass with [`Cloud::settle`],
//! which lets every change fall due in order, each at its own moment. So equal seeds and equal
//! requests at equal moments give equal clouds, however often they were looked at in between.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::Moment;
use super::cloudwatch::CloudWatch;
use super::scheduler::Scheduler;
use super::sns::Sns;
use super::{autoscaling::Autoscaling, ec2::Ec2, ecs::Ecs, elb::Elb, iam::Iam, logs::Logs};
use super::{cloudtrail::CloudTrail, s3::S3, secretsmanager::SecretsManager};
use super::{servicequotas::ServiceQuotas, ssm::Ssm, sts::Sts};

/// The account that every simulated cloud belongs to.
pub const ACCOUNT: &str = "123456789012";

/// One account in one region.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cloud {
    /// The region, `eu-west-1` for example.
    pub region: String,
    /// The wall-clock time of [`Moment`] zero, which answers show as timestamps.
    pub epoch: Timestamp,
    /// The moment that the cloud has settled to.
    pub now: Moment,
    /// Networks, addresses, gateways and security groups.
    pub ec2: Ec2,
    /// Roles and their policies.
    pub iam: Iam,
    /// Log groups, their streams and lines.
    pub logs: Logs,
    /// Load balancers, listeners and target groups.
    pub elb: Elb,
    /// Clusters, task definitions, services and tasks.
    pub ecs: Ecs,
    /// What moves the counts of services.
    pub autoscaling: Autoscaling,
    /// Secrets, without their values.
    #[serde(default)]
    pub secretsmanager: SecretsManager,
    /// Parameters, without their values.
    #[serde(default)]
    pub ssm: Ssm,
    /// Schedules.
    #[serde(default)]
    pub scheduler: Scheduler,
    /// Topics, and what was published to them.
    #[serde(default)]
    pub sns: Sns,
    /// Metrics and alarms.
    #[serde(default)]
    pub cloudwatch: CloudWatch,
    /// What the account is told of its quotas.
    #[serde(default)]
    pub servicequotas: ServiceQuotas,
    /// Whose the keys are.
    #[serde(default)]
    pub sts: Sts,
    /// Which calls have changed something.
    #[serde(default)]
    pub cloudtrail: CloudTrail,
    /// Buckets and objects.
    #[serde(default)]
    pub s3: S3,
    /// The state of the random generator behind ids and small differences in duration.
    seed: u64,
}

impl Cloud {
    /// An empty account in `region`: no more than AWS puts into every new one.
    #[must_use]
    pub fn new(region: &str, epoch: Timestamp, seed: u64) -> Self {
        Self {
            region: region.to_owned(),
            epoch,
            now: Moment::default(),
            ec2: Ec2::default(),
            iam: Iam::default(),
            logs: Logs::default(),
            elb: Elb::default(),
            ecs: Ecs::default(),
            autoscaling: Autoscaling::default(),
            secretsmanager: SecretsManager::default(),
            ssm: Ssm::default(),
            scheduler: Scheduler::default(),
            sns: Sns::default(),
            cloudwatch: CloudWatch::default(),
            servicequotas: ServiceQuotas::default(),
            sts: Sts::default(),
            cloudtrail: CloudTrail::default(),
            s3: S3::default(),
            seed,
        }
    }

    /// Lets time pass up to `now`: what falls due happens in order, each at its own moment.
    ///
    /// A clock that shows an earlier moment than the cloud has reached changes nothing.
    pub fn settle(&mut self, now: Moment) {
        while let Some(due) = self.next_due().filter(|due| *due <= now) {
            self.now = self.now.max(due);
            super::ec2::pass(self);
            super::elb::pass(self);
            super::ecs::pass(self);
            super::autoscaling::pass(self);
            super::scheduler::pass(self);
            super::cloudwatch::pass(self);
        }
        self.now = self.now.max(now);
    }

    /// The same as [`Cloud::settle`] for one that has been settled, and that nobody has touched
    /// since: where nothing falls due, nothing is looked through.
    pub fn settle_untouched(&mut self, now: Moment) {
        if self.next_by_time().is_some_and(|due| due <= now) {
            return self.settle(now);
        }
        self.now = self.now.max(now);
    }

    /// The next moment at which something changes by itself.
    fn next_due(&self) -> Option<Moment> {
        let touched = super::elb::is_touched(self) || super::ecs::is_touched(self);
        self.next_by_time().into_iter().chain(touched.then_some(self.now)).min()
    }

    /// The next moment at which something falls due.
    fn next_by_time(&self) -> Option<Moment> {
        [
            super::ec2::next_due(self),
            super::elb::next_due(self),
            super::ecs::next_due(self),
            super::autoscaling::next_due(self),
            super::scheduler::next_due(self),
            super::cloudwatch::next_due(self),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The partition that the region belongs to: `aws`, `aws-cn` or `aws-us-gov`.
    #[must_use]
    pub fn partition(&self) -> &'static str {
        match self.region.split('-').take(2).collect::<Vec<_>>()[..] {
            ["cn", _] => "aws-cn",
            ["us", "gov"] => "aws-us-gov",
            ["eusc", _] => "aws-eusc",
            ["us", "iso"] => "aws-iso",
            ["us", "isob"] => "aws-iso-b",
            ["eu", "isoe"] => "aws-iso-e",
            ["us", "isof"] => "aws-iso-f",
            _ => "aws",
        }
    }

    /// The ARN of something regional: `arn:aws:ecs:eu-west-1:123456789012:cluster/main`.
    #[must_use]
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{ACCOUNT}:{resource}", self.partition(), self.region)
    }

    /// A fresh EC2 id: `vpc-` and 17 hexadecimal digits, the first of them a zero as in real ones.
    pub fn fresh_id(&mut self, prefix: &str) -> String {
        format!("{prefix}-0{}", self.fresh_hex(16))
    }

    /// Fresh hexadecimal digits, as ARNs of load balancers and tasks end in.
    pub fn fresh_hex(&mut self, digits: usize) -> String {
        let mut random = self.random();
        (0..digits).map(|_| char::from_digit(random.u32(0..16), 16).unwrap_or('0')).collect()
    }

    /// Fresh hexadecimal digits in the groups of a UUID.
    pub fn fresh_uuid(&mut self) -> String {
        let digits = self.fresh_hex(32);
        [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
    }

    /// A random generator whose next draw depends on the seed and all earlier draws alone.
    pub fn random(&mut self) -> fastrand::Rng {
        let mut random = fastrand::Rng::with_seed(self.seed);
        self.seed = random.u64(..);
        random
    }

    /// The wall-clock time of `moment`.
    #[must_use]
    pub fn timestamp(&self, moment: Moment) -> Timestamp {
        let offset = jiff::SignedDuration::from_millis(i64::try_from(moment.0).unwrap_or(i64::MAX));
        self.epoch.saturating_add(offset).unwrap_or(Timestamp::MAX)
    }
}
