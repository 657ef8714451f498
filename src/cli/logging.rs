//! The log: to standard error, as text or as JSON lines, as loud as was asked for.

use tracing_subscriber::EnvFilter;

use super::arguments::Global;

/// Starts the log. `PROVISION_LOG` overrides how loud it is.
pub fn start(global: &Global) {
    let level = match global.verbose {
        0 => "provision=warn",
        1 => "provision=info",
        2 => "provision=debug",
        _ => "debug",
    };
    let level = if global.quiet { "provision=error" } else { level };
    let filter = EnvFilter::try_from_env("PROVISION_LOG").unwrap_or_else(|_| level.into());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let log = log.with_ansi(console::colors_enabled_stderr());
    if global.json {
        log.json().init();
    } else {
        log.without_time().init();
    }
}
