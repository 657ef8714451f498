//! How the program reaches AWS: with the user's own settings, or inside itself.

use std::path::Path;
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use crate::aws::{Aws, Pace};
use crate::state::store::Holder;
use crate::verify::Way;

use super::arguments::Global;
use super::failure::Failure;

/// AWS: the real one, or the one inside the program.
#[derive(Debug)]
pub struct Cloud {
    pub aws: Aws,
    /// How its load balancers are reached; `None` where somebody put something in AWS's place.
    pub way: Option<Way>,
}

/// How long AWS may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long AWS may take to answer a call.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// How long an instance's metadata may take to answer: it is on the same machine.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);

/// Reaches AWS in a region.
pub async fn connect(global: &Global, directory: &Path, region: &str) -> Result<Cloud, Failure> {
    tracing::info!(region, profile = global.profile, local = global.local, "reaching AWS");
    #[cfg(feature = "simulated-aws")]
    if global.local {
        return local(global, directory, region);
    }
    #[cfg(not(feature = "simulated-aws"))]
    if global.local {
        return Err(Failure::NoSimulation { directory: directory.to_owned() });
    }
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ANSWER_TIMEOUT)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .timeout_config(timeouts)
        // Calls are repeated in `Aws::call` alone: the SDK would repeat a create whose answer was
        // lost, and make a second one (aws-behaviour 23).
        .retry_config(RetryConfig::disabled());
    if let Some(profile) = &global.profile {
        loader = loader.profile_name(profile);
    }
    loader = loader.credentials_provider(credentials(global, region).await);
    let aws = Aws::new(&loader.load().await, pace(global))?;
    Ok(Cloud { aws, way: (!something_stands_in()).then_some(Way::Internet) })
}

/// The region that the user has chosen for all that they do: by `--region`, environment or profile.
pub async fn usual_region(global: &Global) -> Option<String> {
    if let Some(region) = &global.region {
        return Some(region.clone());
    }
    let mut of_profile = ProfileFileRegionProvider::builder();
    if let Some(profile) = &global.profile {
        of_profile = of_profile.profile_name(profile);
    }
    let of_environment = EnvironmentVariableRegionProvider::new();
    let chain = RegionProviderChain::first_try(of_environment).or_else(of_profile.build());
    chain.region().await.map(|region| region.to_string())
}

/// The credentials of the profile that was asked for, or what is found where credentials usually are.
///
/// Whoever says `--profile` means it, whatever keys the environment holds, as with the AWS CLI. The
/// SDK's own chain would take those first, and with them perhaps another account.
async fn credentials(global: &Global, region: &str) -> SharedCredentialsProvider {
    let region = Region::new(region.to_owned());
    match &global.profile {
        Some(profile) => {
            let config = ProviderConfig::without_region().with_region(Some(region));
            let provider = ProfileFileCredentialsProvider::builder();
            let provider = provider.configure(&config).profile_name(profile).build();
            SharedCredentialsProvider::new(OfProfile { profile: profile.clone(), provider })
        }
        None => SharedCredentialsProvider::new(usual_credentials(region).await),
    }
}

/// The credentials of a profile; an error names it.
#[derive(Debug)]
struct OfProfile {
    profile: String,
    provider: ProfileFileCredentialsProvider,
}

impl ProvideCredentials for OfProfile {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let name = |error| match error {
            CredentialsError::CredentialsNotLoaded(_) => CredentialsError::not_loaded(format!(
                "the profile `{}` is not there, or names none",
                self.profile
            )),
            other => other,
        };
        let provide = async move { self.provider.provide_credentials().await.map_err(name) };
        future::ProvideCredentials::new(provide)
    }
}

/// Where credentials usually are. Outside of AWS nothing answers at the address of the instance's
/// metadata, and whoever has no credentials is not to wait long to be told so.
async fn usual_credentials(region: Region) -> DefaultCredentialsChain {
    let metadata = aws_config::imds::Client::builder()
        .connect_timeout(METADATA_TIMEOUT)
        .read_timeout(METADATA_TIMEOUT)
        .max_attempts(1)
        .build();
    DefaultCredentialsChain::builder().region(region).imds_client(metadata).build().await
}

/// Waits are real, but for an endpoint that somebody put in AWS's place and runs faster.
fn pace(global: &Global) -> Pace {
    if something_stands_in() { Pace::faster_by(global.time_scale) } else { Pace::REAL }
}

/// Whether calls go to an endpoint that is not AWS's own.
fn something_stands_in() -> bool {
    std::env::vars_os().any(|(name, value)| name == "AWS_ENDPOINT_URL" && !value.is_empty())
}

#[cfg(feature = "simulated-aws")]
fn local(global: &Global, directory: &Path, region: &str) -> Result<Cloud, Failure> {
    use crate::simulated_aws::connector::Connector;
    use crate::simulated_aws::elb::targets::answer_through;
    use aws_credential_types::Credentials;
    use std::sync::Arc;

    let endpoint = crate::simulated_aws::store::open(
        directory,
        region,
        global.time_scale,
        jiff::Timestamp::now,
    )?;
    let endpoint = Arc::new(endpoint);
    let credentials = Credentials::new("AKIASIMULATED", "simulated", None, None, "simulated");
    let config = aws_types::SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .sleep_impl(aws_smithy_async::rt::sleep::SharedAsyncSleep::new(
            aws_smithy_async::rt::sleep::TokioSleep::new(),
        ))
        .http_client(Connector::new(Arc::clone(&endpoint)))
        .build();
    let aws = Aws::new(&config, Pace::faster_by(global.time_scale))?;
    let answer: crate::verify::Inside = Arc::new(move |authority, path| {
        endpoint.with_cloud(|cloud| answer_through(cloud, authority, path))
    });
    Ok(Cloud { aws, way: Some(Way::Inside(answer)) })
}

/// Who the lock will say is at work.
pub fn holder(command: &str) -> Holder {
    let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(std::env::var_os);
    Holder {
        host: gethostname::gethostname().to_string_lossy().into_owned(),
        process: std::process::id(),
        user: user.map_or_else(|| "somebody".into(), |user| user.to_string_lossy().into_owned()),
        since: jiff::Timestamp::now(),
        command: command.to_owned(),
    }
}
