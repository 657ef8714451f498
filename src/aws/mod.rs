//! AWS as the rest of the program sees it: clients, one door for every call, errors with a class.
//!
//! The rule: no call leaves except through [`Aws::call`], which paces it, repeats it where the
//! operation says that patience pays, and turns the SDK's error into an [`AwsError`].

mod credentials;
mod elb_tags;
mod error;
mod halt;
mod limiter;
mod missing;
mod operation;
mod pace;
mod pages;
mod partition;
mod tags;
mod visible;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_types::SdkConfig;
use aws_types::app_name::AppName;
use tokio::sync::OnceCell;

use credentials::Renewing;
use halt::Halt;
use limiter::Limiter;

pub use elb_tags::elb_tags;
pub use error::{AwsError, Class};
pub use halt::Parked;
pub use missing::{gone_is_done, present, unless_gone};
pub use operation::{Operation, Patience};
pub use pace::Pace;
pub use pages::pages;
pub use partition::{domain_of, home_of, partition_of};
pub use tags::{OwnershipTags, Tags, is_owned};

/// How long something that stood before this run may seem to be missing: an earlier run may have
/// made it moments ago, and copies of AWS's knowledge differ (aws-behaviour 0.1.1).
const STANDING: Duration = Duration::from_secs(20);

/// What this program calls itself in every request, by which CloudTrail's history tells its calls
/// from those of others.
pub const APP_NAME: &str = "provision";

/// A region that every account of the partition `aws` has.
const HOME: &str = "us-east-1";

const WHO_AM_I: Operation = Operation::new("sts:GetCallerIdentity");

/// Something worth telling while a call is repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Which attempt failed, from 1.
    pub attempt: u32,
    /// The code that it failed with.
    pub code: String,
    /// Why that passes by itself.
    pub because: &'static str,
    /// How long until the next, at AWS's own pace.
    pub pause: Duration,
}

/// Called with every repetition of a call.
pub type OnRetry = Arc<dyn Fn(Retry) + Send + Sync>;

/// The clients of one account and region.
#[derive(Clone)]
pub struct Aws {
    clients: Arc<Clients>,
    pace: Pace,
    on_retry: Option<OnRetry>,
    standing: Arc<BTreeSet<String>>,
    halt: Option<Halt>,
    in_use_for: Option<Duration>,
    keeps_to_own: bool,
}

struct Clients {
    ec2: aws_sdk_ec2::Client,
    ecs: aws_sdk_ecs::Client,
    elb: aws_sdk_elasticloadbalancingv2::Client,
    iam: aws_sdk_iam::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    autoscaling: aws_sdk_applicationautoscaling::Client,
    sts: aws_sdk_sts::Client,
    sts_at_home: aws_sdk_sts::Client,
    secrets_manager: aws_sdk_secretsmanager::Client,
    service_quotas: aws_sdk_servicequotas::Client,
    ssm: aws_sdk_ssm::Client,
    cloudtrail: aws_sdk_cloudtrail::Client,
    cloudtrail_at_home: aws_sdk_cloudtrail::Client,
    s3: aws_sdk_s3::Client,
    scheduler: aws_sdk_scheduler::Client,
    sns: aws_sdk_sns::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    region: String,
    account: OnceCell<String>,
    elb_tag_rounds: elb_tags::TagRounds,
    limiter: Limiter,
    credentials: Option<Arc<Renewing>>,
}

impl std::fmt::Debug for Aws {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Aws").field("region", &self.clients.region).finish_non_exhaustive()
    }
}

impl Aws {
    /// Clients made from `config`, which must name a region; waits go at `pace`.
    ///
    /// # Errors
    ///
    /// [`NoRegion`] when it names none.
    pub fn new(config: &SdkConfig, pace: Pace) -> Result<Self, NoRegion> {
        let region = config.region().ok_or(NoRegion)?.to_string();
        let (config, credentials) = renewing(config);
        let config = &named(config);
        let clients = Clients {
            ec2: aws_sdk_ec2::Client::new(config),
            ecs: aws_sdk_ecs::Client::new(config),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            autoscaling: aws_sdk_applicationautoscaling::Client::new(config),
            sts: aws_sdk_sts::Client::new(config),
            sts_at_home: sts_at_home(config),
            secrets_manager: aws_sdk_secretsmanager::Client::new(config),
            service_quotas: aws_sdk_servicequotas::Client::new(config),
            ssm: aws_sdk_ssm::Client::new(config),
            cloudtrail: aws_sdk_cloudtrail::Client::new(config),
            cloudtrail_at_home: cloudtrail_at_home(config, &region),
            s3: s3(config),
            scheduler: aws_sdk_scheduler::Client::new(config),
            sns: aws_sdk_sns::Client::new(config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(config),
            region,
            account: OnceCell::new(),
            elb_tag_rounds: elb_tags::TagRounds::default(),
            limiter: Limiter::new(pace),
            credentials,
        };
        let (on_retry, standing, halt, in_use_for) = (None, Arc::default(), None, None);
        let (clients, keeps_to_own) = (Arc::new(clients), false);
        Ok(Self { clients, pace, on_retry, standing, halt, in_use_for, keeps_to_own })
    }

    /// The same clients, knowing that `ids` were there before: where one of them is not found, it
    /// is gone, and not merely not to be seen yet.
    #[must_use]
    pub fn standing_on(&self, ids: impl IntoIterator<Item = String>) -> Self {
        Self { standing: Arc::new(ids.into_iter().collect()), ..self.clone() }
    }

    /// The same clients, waiting for as long as `bound` says until something is no longer in use,
    /// whatever an operation's own patience with that is.
    #[must_use]
    pub fn bearing_use_for(&self, bound: Duration) -> Self {
        Self { in_use_for: Some(bound), ..self.clone() }
    }

    /// The same clients, not listing what belongs to others, even where that saves calls: for those
    /// who may not, and whose tries would be seen.
    #[must_use]
    pub fn keeping_to_own(&self) -> Self {
        Self { keeps_to_own: true, ..self.clone() }
    }

    /// Whether nothing is listed that belongs to others.
    pub fn keeps_to_own(&self) -> bool {
        self.keeps_to_own
    }

    /// The same clients, telling `on_retry` of every repetition.
    #[must_use]
    pub fn telling(&self, on_retry: OnRetry) -> Self {
        Self { on_retry: Some(on_retry), ..self.clone() }
    }

    /// The same clients, telling `on_retry` as well as whom they tell already.
    #[must_use]
    pub fn telling_also(&self, on_retry: OnRetry) -> Self {
        let Some(already) = self.on_retry.clone() else { return self.telling(on_retry) };
        self.telling(Arc::new(move |retry: Retry| {
            already(retry.clone());
            on_retry(retry);
        }))
    }

    /// The client of EC2.
    pub fn ec2(&self) -> &aws_sdk_ec2::Client {
        &self.clients.ec2
    }

    /// The client of ECS.
    pub fn ecs(&self) -> &aws_sdk_ecs::Client {
        &self.clients.ecs
    }

    /// The client of Elastic Load Balancing.
    pub fn elb(&self) -> &aws_sdk_elasticloadbalancingv2::Client {
        &self.clients.elb
    }

    /// The client of IAM.
    pub fn iam(&self) -> &aws_sdk_iam::Client {
        &self.clients.iam
    }

    /// The client of CloudWatch Logs.
    pub fn logs(&self) -> &aws_sdk_cloudwatchlogs::Client {
        &self.clients.logs
    }

    /// The client of Application Auto Scaling.
    pub fn autoscaling(&self) -> &aws_sdk_applicationautoscaling::Client {
        &self.clients.autoscaling
    }

    /// The client of Secrets Manager.
    pub fn secrets_manager(&self) -> &aws_sdk_secretsmanager::Client {
        &self.clients.secrets_manager
    }

    /// The client of Service Quotas.
    pub fn service_quotas(&self) -> &aws_sdk_servicequotas::Client {
        &self.clients.service_quotas
    }

    /// The client of Systems Manager.
    pub fn ssm(&self) -> &aws_sdk_ssm::Client {
        &self.clients.ssm
    }

    /// The client of CloudTrail.
    pub fn cloudtrail(&self) -> &aws_sdk_cloudtrail::Client {
        &self.clients.cloudtrail
    }

    /// The client of CloudTrail in the region that has the events of services without one, such as
    /// IAM.
    pub fn cloudtrail_at_home(&self) -> &aws_sdk_cloudtrail::Client {
        &self.clients.cloudtrail_at_home
    }

    /// The client of S3.
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        &self.clients.s3
    }

    /// The client of EventBridge Scheduler.
    pub fn scheduler(&self) -> &aws_sdk_scheduler::Client {
        &self.clients.scheduler
    }

    /// The client of SNS.
    pub fn sns(&self) -> &aws_sdk_sns::Client {
        &self.clients.sns
    }

    /// The client of CloudWatch.
    pub fn cloudwatch(&self) -> &aws_sdk_cloudwatch::Client {
        &self.clients.cloudwatch
    }

    /// The region's name, `eu-west-1`.
    pub fn region(&self) -> &str {
        &self.clients.region
    }

    /// The partition of the region, as ARNs name it: `aws`, `aws-cn`.
    pub fn partition(&self) -> &'static str {
        partition_of(self.region())
    }

    /// How fast waits go.
    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    /// The twelve digits of the account that the credentials belong to; asked once.
    ///
    /// # Errors
    ///
    /// Whatever AWS says. A region that the account has not enabled says that it does not know the
    /// credentials: where they hold elsewhere, the error tells that instead.
    pub async fn account(&self) -> Result<&str, AwsError> {
        let ask = || async {
            let refused = match self.account_by(&self.clients.sts).await {
                Err(error) if error.class() == Class::Credentials => error,
                other => return other,
            };
            if refused.code().is_none() || refused.is_expiry() || !self.has_other_regions() {
                return Err(refused);
            }
            match self.account_by(&self.clients.sts_at_home).await {
                Ok(account) => Err(AwsError::region_disabled(WHO_AM_I, &account, self.region())),
                Err(_) => Err(refused),
            }
        };
        Ok(self.clients.account.get_or_try_init(ask).await?)
    }

    async fn account_by(&self, sts: &aws_sdk_sts::Client) -> Result<String, AwsError> {
        let identity = self.call(WHO_AM_I, || sts.get_caller_identity().send()).await?;
        identity.account.ok_or_else(|| AwsError::incomplete(WHO_AM_I, "account"))
    }

    fn has_other_regions(&self) -> bool {
        self.partition() == "aws" && self.region() != HOME
    }

    /// Makes a call, and makes it again while it fails with a code that `operation` is patient
    /// with and its bound has not passed.
    ///
    /// # Errors
    ///
    /// The last attempt's error.
    pub async fn call<T, E, R, F, Fut>(&self, operation: Operation, send: F) -> Result<T, AwsError>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, SdkError<E, R>>>,
        AwsError: From<(Operation, SdkError<E, R>)>,
    {
        let mut attempt = 1;
        let (mut renewed, mut was_silent) = (false, false);
        let started = tokio::time::Instant::now();
        loop {
            self.unless_halted(self.clients.limiter.admit(operation.name), None).await;
            tracing::debug!(operation = operation.name, attempt, "calling");
            let error = match send().await {
                Ok(output) => return Ok(output),
                Err(error) => AwsError::from((operation, error)),
            };
            let error = if was_silent { error.after_silence() } else { error };
            was_silent |= error.class() == Class::UnknownOutcome;
            if error.class() == Class::Throttled {
                self.clients.limiter.is_empty_for(operation.name);
            }
            if error.is_expiry() && !std::mem::replace(&mut renewed, true) && self.renew() {
                continue;
            }
            let Some(patience) = operation.patience_with(&error) else { return Err(error) };
            let waited = self.pace.unscaled(started.elapsed());
            let unscaled = patience.pause(attempt, waited);
            let pause = self.pace.scaled(unscaled);
            if started.elapsed() + pause > self.pace.scaled(self.bound(patience, &error)) {
                return Err(error);
            }
            tracing::debug!(operation = operation.name, %error, because = patience.because, "again");
            self.tell(attempt, &error, patience.reason(), unscaled);
            self.unless_halted(tokio::time::sleep(pause), Some(&error)).await;
            attempt += 1;
        }
    }

    /// Has the provider asked for other credentials; false where there is none to ask.
    fn renew(&self) -> bool {
        let provider = self.clients.credentials.as_ref();
        provider.inspect(|provider| provider.expired()).is_some()
    }

    /// How long to go on asking. What stood before this run is not waited for as what was just
    /// made is.
    fn bound(&self, patience: &Patience, error: &AwsError) -> Duration {
        let stood = || self.standing.iter().any(|id| error.message().contains(id.as_str()));
        match self.in_use_for {
            Some(bound) if error.class() == Class::InUse => bound,
            _ if patience.until_seen && stood() => patience.bound.min(STANDING),
            _ => patience.bound,
        }
    }

    fn tell(&self, attempt: u32, error: &AwsError, because: &'static str, pause: Duration) {
        if let Some(on_retry) = &self.on_retry {
            let code = error.code().unwrap_or("no answer").to_owned();
            on_retry(Retry { attempt, code, because, pause });
        }
    }
}

/// The configuration with its credentials provider wrapped into one that asks again when AWS says
/// that they have expired. The SDK's own cache is left out: it goes by their date alone.
fn renewing(config: &SdkConfig) -> (SdkConfig, Option<Arc<Renewing>>) {
    let Some(provider) = config.credentials_provider() else { return (config.clone(), None) };
    let renewing = Arc::new(Renewing::new(provider));
    let provider: Arc<dyn ProvideCredentials> = Arc::<Renewing>::clone(&renewing);
    let config = config
        .to_builder()
        .credentials_provider(SharedCredentialsProvider::new(provider))
        .identity_cache(IdentityCache::no_cache())
        .build();
    (config, Some(renewing))
}

/// The configuration with the name that the program gives itself, whatever name it was given.
fn named(config: SdkConfig) -> SdkConfig {
    let name = AppName::new(APP_NAME).expect("the name is made of letters");
    config.into_builder().app_name(name).build()
}

/// CloudTrail in the region where the partition's services without a region are.
fn cloudtrail_at_home(config: &SdkConfig, region: &str) -> aws_sdk_cloudtrail::Client {
    let region = aws_types::region::Region::new(partition::home_of(region));
    let config = aws_sdk_cloudtrail::config::Builder::from(config).region(region).build();
    aws_sdk_cloudtrail::Client::from_conf(config)
}

/// S3, by paths where somebody stands in for it: a name before theirs need not lead to them.
fn s3(config: &SdkConfig) -> aws_sdk_s3::Client {
    let by_path = config.endpoint_url().is_some();
    let config = aws_sdk_s3::config::Builder::from(config).force_path_style(by_path).build();
    aws_sdk_s3::Client::from_conf(config)
}

/// STS in a region that every account has.
fn sts_at_home(config: &SdkConfig) -> aws_sdk_sts::Client {
    let region = aws_types::region::Region::new(HOME);
    let config = aws_sdk_sts::config::Builder::from(config).region(region).build();
    aws_sdk_sts::Client::from_conf(config)
}

/// No region was given, by flag, file, environment or profile.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no region is set")]
pub struct NoRegion;
