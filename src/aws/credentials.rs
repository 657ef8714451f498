//! Credentials that are asked for again when AWS says that they have expired.
//!
//! The SDK asks its provider again when the date on the credentials has passed. Where they carry
//! no date, or AWS's clock or its mind is another, only AWS's answer tells (aws-behaviour 24.8).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::future::ProvideCredentials as Future;
use aws_credential_types::provider::{ProvideCredentials, Result, SharedCredentialsProvider};
use tokio::time::Instant;

/// How long credentials without a date are kept before their provider is asked again, as the
/// SDK keeps them.
const KEPT: Duration = Duration::from_mins(15);

/// How long before the date on them credentials are renewed.
const BEFORE_EXPIRY: Duration = Duration::from_secs(10);

/// A provider that keeps what another gave until it expires, by its date or by AWS's word.
#[derive(Debug)]
pub(super) struct Renewing {
    provider: SharedCredentialsProvider,
    kept: Mutex<Option<(Credentials, Instant)>>,
    asking: tokio::sync::Mutex<()>,
}

impl Renewing {
    pub fn new(provider: SharedCredentialsProvider) -> Self {
        Self { provider, kept: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    /// Takes in that AWS no longer accepts what is kept: the provider is asked again.
    pub fn expired(&self) {
        *self.kept() = None;
    }

    fn kept(&self) -> MutexGuard<'_, Option<(Credentials, Instant)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn valid(&self) -> Option<Credentials> {
        let kept = self.kept();
        let (credentials, until) = kept.as_ref()?;
        (Instant::now() < *until).then(|| credentials.clone())
    }

    async fn provide(&self) -> Result {
        if let Some(credentials) = self.valid() {
            return Ok(credentials);
        }
        // Many calls at once ask but once.
        let _asking = self.asking.lock().await;
        if let Some(credentials) = self.valid() {
            return Ok(credentials);
        }
        let credentials = self.provider.provide_credentials().await?;
        *self.kept() = Some((credentials.clone(), Instant::now() + lifetime(&credentials)));
        Ok(credentials)
    }
}

/// How long credentials may be used.
fn lifetime(credentials: &Credentials) -> Duration {
    let left = credentials.expiry().map(|expiry| {
        expiry.elapsed().map_or_else(
            |yet_to_come| yet_to_come.duration().saturating_sub(BEFORE_EXPIRY),
            |_past| Duration::ZERO,
        )
    });
    left.unwrap_or(KEPT)
}

impl ProvideCredentials for Renewing {
    fn provide_credentials<'a>(&'a self) -> Future<'a>
    where
        Self: 'a,
    {
        Future::new(self.provide())
    }
}
