//! In which formats a check for drift is printed.

use std::path::Path;

use clap::ValueEnum;

use crate::config::{Config, Lines};
use crate::drift::{Drift, Finding, Severity};
use crate::report::drift::sarif::Place;
use crate::report::drift::{document, draw, junit, markdown, sarif};
use crate::report::human::{Look, Values};
use crate::report::json;
use crate::stack::key_of;
use crate::state::State;

use super::context::Context;

/// A format of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For code hosts: SARIF 2.1.0.
    Sarif,
    /// For CI: JUnit's XML.
    Junit,
    /// For a pull request or a chat.
    Markdown,
}

/// A check in a format. Findings that matter less than `least` fail no case of JUnit's.
pub fn drawn(
    context: &Context,
    format: Format,
    (config, state): (&Config, &State),
    drift: &Drift,
    least: Severity,
) -> String {
    match format {
        Format::Table => draw(drift, Look::stdout(Values::Hidden)),
        Format::Json => json::document(&document(drift)),
        Format::Sarif => {
            let places = Places::of(context, config);
            json::document(&sarif::log(&[drift], &|drift, finding| {
                places.of_finding(drift, finding)
            }))
        }
        Format::Junit => {
            let addresses = state.resources.keys().collect();
            junit::document(&[junit::Checked { drift, addresses }], least)
        }
        Format::Markdown => markdown::document(&[drift], markdown::LONGEST),
    }
}

/// Where findings are shown: in the line of the file that the property comes from, or in the state.
struct Places<'a> {
    context: &'a Context,
    config: &'a Config,
    /// The file's lines; `None` where it can't be read any more.
    lines: Option<Lines>,
}

impl<'a> Places<'a> {
    fn of(context: &'a Context, config: &'a Config) -> Self {
        let source = context.source().ok();
        let lines = source.and_then(|source| Lines::of(&source, &config.environment));
        Self { context, config, lines }
    }

    fn of_finding(&self, drift: &Drift, finding: &Finding) -> Place {
        let key = key_of(&finding.address, &finding.property, self.config);
        let line = self.lines.as_ref().and_then(|lines| lines.line_of(&key));
        let path = match line {
            Some(_) => self.context.global.file.clone(),
            None => self.context.snapshot_path(&drift.stack, &drift.environment),
        };
        place(&path, line)
    }
}

/// A line of a file, with its path as code hosts write paths. What is in a bucket has none.
pub fn place(path: &Path, line: Option<usize>) -> Place {
    if path.starts_with("s3:") {
        return Place { path: path.to_string_lossy().into_owned(), line };
    }
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    let path = parts.join("/");
    Place { path: path.replacen("//", "/", 1), line }
}
