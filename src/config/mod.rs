//! From `provision.toml` to [`Config`]: every layer, every default, every check.
//!
//! The layers, each laid over those before: the file, its `[env.NAME]` table for the environment
//! at hand, the region from outside, `--set`, and `--image`.
//!
//! The rule: nothing here knows AWS's interfaces, only what it accepts; and whoever holds a
//! [`Config`] need not check anything again.

mod check;
mod drift;
mod error;
mod extract;
pub mod fargate;
mod gaps;
pub mod image;
mod layers;
mod lines;
mod model;
pub mod region;
mod schema;
mod service;
mod state;
pub mod subnets;
mod suggest;
mod template;
pub mod timeouts;
mod tree;
mod typed;
mod values;
pub mod when;
pub mod written;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use miette::NamedSource;

pub use check::bucket_complaint;
pub use drift::{Drift, FROM_ENVIRONMENT, Ignore, WebhookFormat, is_webhook};
pub use error::{ConfigError, ConfigErrors};
pub use lines::Lines;
pub use model::{Cluster, Config, Insights, Nat, Network, Zones};
pub use schema::schema;
pub use service::{
    Architecture, Autoscaling, ContainerHealthCheck, Deployment, HealthCheck, ImageOwner,
    SHELL_POLICY, Service, Spot, TaskPolicies,
};
pub use state::State;
pub use template::{Guess, template};
pub use timeouts::Timeout;

use self::tree::{Node, Text};

/// A configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its path, as errors are to name it.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// What comes from outside the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The environment.
    pub environment: String,
    /// The region, from the command line or the process's environment.
    pub region: Option<String>,
    /// Images, from `--image`.
    pub images: Vec<ImageOverride>,
    /// Paths of keys and their values, from `--set`; later ones win.
    pub set: Vec<(String, String)>,
}

/// An image to run instead of the file's: `REF` or `NAME=REF`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageOverride {
    /// The service; `None` for the only one.
    pub service: Option<String>,
    /// The image.
    pub image: String,
}

impl FromStr for ImageOverride {
    type Err = std::convert::Infallible;

    /// Splits at the first `=`, which no reference to an image contains.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once('=') {
            Some((service, image)) => Self { service: Some(service.into()), image: image.into() },
            None => Self { service: None, image: text.into() },
        })
    }
}

impl Config {
    /// Reads, merges and checks a configuration.
    ///
    /// All that is wrong is found at once, except that a text which is not TOML is not read
    /// further.
    pub fn load(source: &Source, overrides: &Overrides) -> Result<Self, ConfigErrors> {
        let name = source.path.display().to_string();
        let text: Text = Arc::new(NamedSource::new(&name, source.text.clone()));
        load(&text, overrides).map_err(|errors| ConfigErrors::new(name, errors))
    }

    /// What is allowed, and yet probably not meant.
    pub fn warnings(&self) -> Vec<String> {
        check::warnings(self)
    }
}

fn load(text: &Text, overrides: &Overrides) -> Result<Config, Vec<ConfigError>> {
    let file = tree::parse(text).map_err(|error| vec![error])?;
    let mut errors = Vec::new();
    let layers = layers::merge(file, overrides, &mut errors);
    let extracted = extract::extract(&layers.chosen);
    errors.extend(extracted.errors);
    errors.extend(layers.others.iter().flat_map(misfits));
    let Some(mut config) = extracted.config else { return Err(errors) };
    config.environment.clone_from(&overrides.environment);
    settle_counts(&mut config, &layers.chosen);
    errors.extend(check::check(&config, &layers.chosen, extracted.poisoned));
    if errors.is_empty() { Ok(config) } else { Err(errors) }
}

/// What does not fit in the layers of an environment that is not at hand, so that it is not found
/// out only when it is. What is missing there may yet come from outside.
fn misfits(environment: &Node) -> Vec<ConfigError> {
    let errors = extract::extract(environment).errors;
    errors.into_iter().filter(|error| !error.message().ends_with("is missing")).collect()
}

/// Brings a number of tasks that nobody wrote within the bounds of autoscaling.
fn settle_counts(config: &mut Config, tree: &Node) {
    for (name, service) in &mut config.services {
        let written = tree.at(&["services", name.as_str(), "count"]).is_some();
        if let (false, Some(scaling)) = (written, &service.autoscaling) {
            service.count = service.count.min(scaling.max).max(scaling.min);
        }
    }
}
