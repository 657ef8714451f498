//! Any text as `provision.toml`: a configuration or an error that points at it, never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use provision::config::{Config, Overrides, Source};

fuzz_target!(|text: &str| {
    let source = Source { path: "provision.toml".into(), text: text.into() };
    let overrides = Overrides { environment: "dev".into(), ..Overrides::default() };
    match Config::load(&source, &overrides) {
        Ok(config) => drop(config.warnings()),
        Err(errors) => drop(errors.to_string()),
    }
});
