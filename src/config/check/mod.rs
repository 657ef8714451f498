//! What a configuration must fulfil beyond its types.
//!
//! The rule: every check is made, whatever the others find; each says what is wrong, where, and
//! what to do.

mod arn;
mod drift;
mod names;
mod network;
mod policy;
mod report;
mod scaling;
mod service;
mod state;
mod timeouts;
mod warnings;

use super::error::ConfigError;
use super::model::Config;
use super::region;
use super::suggest::nearest;
use super::tree::{Node, Path};

use report::Report;
pub use state::bucket_complaint;
pub(super) use warnings::warnings;

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
        service::check(service, &config.region, report);
        scaling::check(service, report);
        report.leave();
    }
}
