//! `drift --all` and `status --all`: every stack that has a state here.
//!
//! The rule: what is wrong with one stack is one line, and the exit code 1.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::config::{Config, Overrides, Source};
use crate::drift::{Drift, Finding, Severity};
use crate::fleet::{Check, Checked, Files, Line, Look as Looking, Progress, Survey, look_at_all};
use crate::observe::Depth;
use crate::report::drift::{junit, markdown, sarif};
use crate::report::fleet::{
    Row, Told, document_of_check, document_of_status, draw_check, draw_status, worst_first,
};
use crate::report::human::{Look, Values};
use crate::report::json;

use super::context::Context;
use super::drift::DRIFTED;
use super::failure::{self, Failure};
use super::formats::{self, Format};

#[derive(Debug, Args)]
pub struct FleetOptions {
    /// Every stack that has a state here, of every environment, in a line each.
    #[arg(long, conflicts_with_all = ["fix", "stack", "image", "set", "every", "tell", "who"])]
    pub all: bool,
    /// With `--all`: where the stacks' files are, at whatever depth.
    #[arg(long, value_name = "DIR", requires = "all")]
    pub files: Option<PathBuf>,
    /// With `--all`: look at what takes a call for each resource too.
    #[arg(long, requires = "all")]
    pub thorough: bool,
}

/// What the file of a stack is called below a directory of many.
const FILE: &str = super::arguments::FILE;

/// `drift --all`.
pub async fn check(
    context: &Context,
    options: &FleetOptions,
    format: Format,
    fail_on: Severity,
) -> Result<ExitCode, Failure> {
    let files = configurations(context, options.files.as_deref()).await?;
    let depth = if options.thorough { Depth::Whole } else { Depth::Shared };
    let check = Check { files: &files, today: jiff::Zoned::now().date(), depth };
    let rows = look(context, &check).await?;
    context.print(&drawn(context, format, &rows, depth, fail_on));
    if !matches!(format, Format::Table | Format::Json) {
        tell_of_unknown(&rows);
    }
    let mut seen = rows.iter().filter_map(|row| row.outcome.as_ref().ok());
    let has_drifted = seen.any(|seen| seen.drift.has_drifted(fail_on));
    Ok(code(context, &rows, if has_drifted { DRIFTED } else { 0 }))
}

/// A check in a format. What could not be looked at is in the first two alone.
fn drawn(
    context: &Context,
    format: Format,
    rows: &[Row<Checked>],
    depth: Depth,
    least: Severity,
) -> String {
    let checked = worst_first(rows);
    let drifts: Vec<&Drift> = checked.iter().map(|checked| &checked.drift).collect();
    let place = |drift: &Drift, _: &Finding| {
        let path = context.snapshot_path(&drift.stack, &drift.environment);
        formats::place(&path, None)
    };
    match format {
        Format::Table => draw_check(rows, depth, Look::stdout(Values::Hidden)),
        Format::Json => json::document(&document_of_check(rows, depth)),
        Format::Sarif => json::document(&sarif::log(&drifts, &place)),
        Format::Junit => {
            junit::document(&checked.into_iter().map(suite).collect::<Vec<_>>(), least)
        }
        Format::Markdown => markdown::document(&drifts, markdown::LONGEST),
    }
}

/// A stack as a suite of JUnit's.
fn suite(checked: &Checked) -> junit::Checked<'_> {
    junit::Checked { drift: &checked.drift, addresses: checked.addresses.iter().collect() }
}

/// Tells of what could not be looked at where the format has no place for it.
fn tell_of_unknown<T>(rows: &[Row<T>]) {
    for row in rows {
        if let Err(told) = &row.outcome {
            failure::write(&failure::told(&format!("{}: {}", row.name, told.error), &[]));
        }
    }
}

/// `status --all`.
pub async fn status(context: &Context) -> Result<ExitCode, Failure> {
    let rows = look(context, &Survey).await?;
    if context.global.json {
        context.print(&json::document(&document_of_status(&rows)));
    } else {
        context.print(&draw_status(&rows, Look::stdout(Values::Hidden)));
    }
    Ok(code(context, &rows, 0))
}

async fn look<L: Looking>(context: &Context, look: &L) -> Result<Vec<Row<L::Seen>>, Failure> {
    let connect = async |region: &str| {
        let cloud = context.connect(region).await;
        cloud.map(|cloud| cloud.aws).map_err(|failure| failure.text())
    };
    let tell = |Progress { done, of }: Progress| {
        context.tell(&format!("{done} of {of} stacks looked at"));
    };
    let store = context.store().await?;
    let lines = look_at_all(store, connect, look, tell).await?;
    if lines.is_empty() {
        return Err(Failure::NoStacks(store.to_string()));
    }
    Ok(lines.into_iter().map(row).collect())
}

fn row<T>(line: Line<T>) -> Row<T> {
    let outcome = line.outcome.map_err(|trouble| {
        let (error, hints) = failure::of_one(&trouble);
        Told { error, hints }
    });
    let place = line.place.map(|place| (place.account, place.region));
    Row { name: line.name, place, outcome }
}

/// The exit code: 1 if anything could not be looked at. What to do about that is told once.
fn code<T>(context: &Context, rows: &[Row<T>], otherwise: u8) -> ExitCode {
    let troubles: Vec<&Told> = rows.iter().filter_map(|row| row.outcome.as_ref().err()).collect();
    let hints: BTreeSet<&String> = troubles.iter().flat_map(|told| &told.hints).collect();
    context.hint(hints);
    if troubles.is_empty() { ExitCode::from(otherwise) } else { ExitCode::FAILURE }
}

/// The configurations that are at hand: those below a directory, or the one file. One that can't be
/// used is told of, and its stack is held against what was last applied.
async fn configurations(context: &Context, below: Option<&Path>) -> Result<Files, Failure> {
    let paths = match below {
        Some(directory) => found_below(directory)?,
        None => vec![context.global.file.clone()],
    };
    let environments =
        context.store().await?.stacks().await?.into_iter().map(|name| name.environment);
    let environments: BTreeSet<String> = environments.collect();
    let mut configs = Vec::new();
    for path in paths.iter().filter(|path| path.exists()) {
        match environments.iter().map(|one| load(path, one)).collect::<Result<Vec<_>, _>>() {
            Ok(some) => configs.extend(some),
            Err(failure) => {
                let text = failure.text();
                context.warn(&[format!("{} is left out: {text}", path.display())]);
            }
        }
    }
    Ok(configs.into_iter().collect())
}

fn load(path: &Path, environment: &str) -> Result<Config, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| Failure::Unreadable { path: path.to_owned(), source })?;
    let source = Source { path: path.to_owned(), text };
    let overrides = Overrides { environment: environment.to_owned(), ..Overrides::default() };
    Ok(Config::load(&source, &overrides)?)
}

/// All files of stacks below a directory, without those in hidden directories.
fn found_below(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |source| Failure::Unreadable { path: directory.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        // What a link leads to may lead back here.
        if entry.file_type().map_err(unreadable)?.is_dir() {
            if !name.to_string_lossy().starts_with('.') {
                found.extend(found_below(&entry.path())?);
            }
        } else if name == FILE {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}
