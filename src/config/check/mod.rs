//! What a configuration must fulfil beyond its types.
//!
//! The rule: every check is made, whatever the others find; each says what is wrong, where, and
//! what to do.

mod drift;
mod names;
mod network;
mod policy;
mod report;
mod scaling;
mod service;
mod state;
mod timeouts;

use super::error::ConfigError;
use super::image::Reference;
use super::model::{Config, Nat};
use super::region;
use super::suggest::nearest;
use super::tree::{Node, Path};

use report::Report;
pub use state::bucket_complaint;

/// Checks a configuration that was read from `tree`, leaving out what hangs on a poisoned path.
pub(super) fn check(config: &Config, tree: &Node, poisoned: Vec<Path>) -> Vec<ConfigError> {
    let mut report = Report::new(tree, poisoned);
    names::check(config, &mut report);
    check_region(config, &mut report);
    network::check(config, &mut report);
    check_services(config, &mut report);
    drift::check(config, &mut report);
    state::check(config, &mut report);
    timeouts::check(config, &mut report);
    report.into_errors()
}

fn check_region(config: &Config, report: &mut Report<'_>) {
    if region::exists(&config.region) {
        return;
    }
    let message = format!("there is no AWS region `{}`", config.region);
    report.wrong(&["region"], message, region_advice(&config.region));
}

/// The regions of the same area, or else the nearest, or else all.
fn region_advice(name: &str) -> String {
    let area = |name: &str| name.rsplit_once('-').map(|(area, _)| area.to_owned());
    let alike = region::REGIONS.into_iter().filter(|known| area(known) == area(name));
    let alike = alike.collect::<Vec<_>>().join(", ");
    match nearest(name, region::REGIONS) {
        _ if !alike.is_empty() => format!("its neighbours are {alike}"),
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the regions are {}", region::REGIONS.join(", ")),
    }
}

fn check_services(config: &Config, report: &mut Report<'_>) {
    match config.services.keys().nth(1) {
        None if config.services.is_empty() => report.wrong(
            &["services"],
            "there is no service to run",
            "add one: `[services.app]`, and below it `image = \"…\"`",
        ),
        None => {}
        Some(second) => report.wrong_key(
            "services",
            second,
            "a stack can't hold more than one service yet",
            "keep one here, and give the others files of their own for now",
        ),
    }
    for (name, service) in &config.services {
        report.enter(&["services", name]);
        service::check(service, report);
        scaling::check(service, report);
        report.leave();
    }
}

/// What is allowed, and yet probably not meant.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if config.network.nat == Nat::None && !config.services.is_empty() {
        warnings.push(
            "with `network.nat = \"none\"` tasks reach nothing outside the network: unless it has VPC \
             endpoints for the registry, S3 and CloudWatch Logs, they can't even pull their image"
                .into(),
        );
    }
    for (name, service) in &config.services {
        if moves(&service.image) {
            warnings.push(format!(
                "`services.{name}.image` has no tag of its own: what `latest` means changes between two \
                 deployments; a version or a digest does not"
            ));
        }
        if service.ingress.is_empty() {
            warnings
                .push(format!("`services.{name}.ingress` is empty: nobody reaches the service"));
        }
        if service.execute_command && service.read_only_root {
            warnings.push(format!(
                "`services.{name}.execute_command` needs a root file system that can be written, and \
                 `read_only_root` forbids it"
            ));
        }
    }
    warnings
}

/// Whether an image's name means another image tomorrow.
fn moves(image: &str) -> bool {
    let reference = image.parse::<Reference>();
    reference.is_ok_and(|r| r.digest.is_none() && r.tag.is_none_or(|tag| tag == "latest"))
}
