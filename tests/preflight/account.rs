//! The account and the region.

use std::sync::Arc;

use aws_config::retry::RetryConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use provision::aws::{Aws, Class, Pace};
use provision::simulated_aws::clock::{Clock, Moment};
use provision::simulated_aws::connector::Connector;
use provision::simulated_aws::faults::{Faults, Refusals};
use provision::simulated_aws::wire::ApiError;
use provision::simulated_aws::{Cloud, Endpoint};

/// Clients in `region`, where the first `refused` questions for the identity are answered as in a
/// region that is not enabled.
fn aws(region: &'static str, refused: usize) -> (Arc<Endpoint>, Aws) {
    let cloud = Cloud::new(region, "2026-01-01T00:00:00Z".parse().unwrap(), 7);
    let endpoint = Arc::new(Endpoint::new(cloud, Clock::starting_at(Moment::default(), 1.0)));
    let message = "The security token included in the request is invalid.";
    let error = ApiError::new("InvalidClientTokenId", message).with_status(403);
    Faults::new(&endpoint, 7).with(Refusals::first(refused, "GetCallerIdentity", error)).begin();
    let credentials = Credentials::new("AKIASIMULATED", "secret", None, None, "simulated");
    let config = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .http_client(Connector::new(Arc::clone(&endpoint)))
        .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
        .build();
    (endpoint, Aws::new(&config, Pace::REAL).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_region_that_is_not_enabled_is_told_from_credentials_that_do_not_hold() {
    let (_endpoint, aws) = aws("af-south-1", 1);
    let error = aws.account().await.unwrap_err();
    assert_eq!(error.class(), Class::Unavailable);
    assert_eq!(error.message(), "account 123456789012 has not enabled the region af-south-1");
}

#[tokio::test(start_paused = true)]
async fn credentials_that_hold_nowhere_are_told_as_aws_tells_it() {
    for (region, asked) in [("af-south-1", 2), ("us-east-1", 1), ("cn-north-1", 1)] {
        let (endpoint, aws) = aws(region, 2);
        let error = aws.account().await.unwrap_err();
        assert_eq!(error.code(), Some("InvalidClientTokenId"), "{region}");
        assert_eq!(endpoint.calls().len(), asked, "{region}");
    }
}
