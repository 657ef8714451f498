//! Reads that lag behind: what is not seen is looked for again before it is believed to be missing.

use std::future::Future;
use std::time::Duration;

use super::Aws;

/// The pauses between looks for something that may have just been made: half a minute in all
/// (aws-behaviour 22, 23).
const PAUSES: [Duration; 4] = [
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
];

impl Aws {
    /// Looks again and again, until what is seen is `enough` or half a minute has passed; gives
    /// what was seen last.
    ///
    /// # Errors
    ///
    /// The first look that fails.
    pub async fn patiently<T, E, Fut>(
        &self,
        look: impl Fn() -> Fut,
        enough: impl Fn(&T) -> bool,
    ) -> Result<T, E>
    where
        Fut: Future<Output = Result<T, E>>,
    {
        let mut seen = look().await?;
        for pause in PAUSES {
            if enough(&seen) {
                break;
            }
            self.pause(pause).await;
            seen = look().await?;
        }
        Ok(seen)
    }
}
