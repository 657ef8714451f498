//! `provision state pull`, `push` and `migrate`: a state as a file, and from one place to another.
//!
//! The rule: no state is written over one that it does not continue, and a state is never in use in
//! two places.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use thiserror::Error;

use crate::state::State;
use crate::state::store::{
    Passage, SnapshotFault, Store, parse_snapshot, render_snapshot, write_private,
};

use super::ask;
use super::connect::holder;
use super::context::{Context, StackName};
use super::failure::Failure;
use super::locking::{Locking, give_back_when_interrupted, lock};

#[derive(Debug, Args)]
pub struct PullOptions {
    /// Where to; standard output without it.
    #[arg(value_name = "FILE")]
    pub into: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct PushOptions {
    /// What `state pull` has written.
    #[arg(value_name = "FILE")]
    pub pushed: PathBuf,
    /// Even if it does not continue what is there.
    #[arg(long)]
    pub force: bool,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub locking: Locking,
}

#[derive(Debug, Args)]
pub struct MigrateOptions {
    /// Where the state is now: a directory, or `s3://BUCKET/PREFIX`.
    #[arg(long, value_name = "PLACE")]
    pub from: PathBuf,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub locking: Locking,
}

/// A state that is not put where it was to go.
#[derive(Debug, Error)]
pub enum MoveError {
    #[error("{} is no state: {what}", path.display())]
    NoState { path: PathBuf, what: String },
    #[error("{} is the state of {found}, not of {expected}", path.display())]
    OtherStack { path: PathBuf, found: String, expected: String },
    #[error("{} is no continuation of the state that is there: they were begun apart", path.display())]
    OtherLineage { path: PathBuf },
    #[error("{} has serial {pushed}, and the state that is there has serial {present}", path.display())]
    Older { path: PathBuf, pushed: u64, present: u64 },
    #[error("{} has serial {serial} as the state that is there, which has changed since", path.display())]
    Behind { path: PathBuf, serial: u64 },
    #[error("the state is in {place} already")]
    SamePlace { place: String },
    #[error("there is another state of {stack}-{environment} in {place}")]
    Occupied { stack: String, environment: String, place: String },
}

/// Writes the state, with what its journal says, as the snapshot that it would be.
pub async fn pull(context: &Context, options: &PullOptions) -> Result<ExitCode, Failure> {
    let name = context.stack_name().await?;
    let state = context.existing_state(&name).await?;
    let text = render_snapshot(&state);
    match &options.into {
        Some(file) => write_private(file, text.as_bytes())?,
        None => context.print(&text),
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts a state from a file in its place.
pub async fn push(context: &Context, options: &PushOptions) -> Result<ExitCode, Failure> {
    let name = context.stack_name().await?;
    let pushed = read(&options.pushed, &name)?;
    let lock = lock(context, &name, "state push", options.locking).await?;
    let present = match context.state(&name).await {
        Err(Failure::Store(error)) if error.is_damage() && options.force => None,
        settled => settled?,
    };
    if !options.force {
        guard(&options.pushed, &pushed, present.as_ref())?;
    }
    context.tell(&format!(
        "The state of {}-{} becomes that of {}, with {} resources where {} are recorded.",
        name.stack,
        name.environment,
        options.pushed.display(),
        pushed.resources.len(),
        present.map_or(0, |present| present.resources.len()),
    ));
    if !options.yes && !context.global.local {
        ask::confirm("Put it there? Only `yes` is a yes:", "yes")?;
    }
    lock.lay_aside().await?;
    let state = lock.begin(pushed).await?.finish().await?;
    context.tell(&format!(
        "It is there, as serial {}. What was there is among the copies.",
        state.serial
    ));
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path, name: &StackName) -> Result<State, Failure> {
    let text = std::fs::read(path)
        .map_err(|source| Failure::Unreadable { path: path.to_owned(), source })?;
    let state = parse_snapshot(&text).map_err(|fault| {
        let what = match fault {
            SnapshotFault::Newer(format) => {
                format!("its format {format} is newer than this version's")
            }
            SnapshotFault::Damaged(what) => what,
        };
        MoveError::NoState { path: path.to_owned(), what }
    })?;
    if state.stack == name.stack && state.environment == name.environment {
        return Ok(state);
    }
    let found = format!("{} in {}", state.stack, state.environment);
    let expected = format!("{} in {}", name.stack, name.environment);
    Err(MoveError::OtherStack { path: path.to_owned(), found, expected }.into())
}

/// Whether a state continues what is there.
fn guard(path: &Path, pushed: &State, present: Option<&State>) -> Result<(), MoveError> {
    let Some(present) = present else { return Ok(()) };
    if pushed.lineage != present.lineage {
        return Err(MoveError::OtherLineage { path: path.to_owned() });
    }
    if pushed.serial < present.serial {
        let (pushed, present) = (pushed.serial, present.serial);
        return Err(MoveError::Older { path: path.to_owned(), pushed, present });
    }
    // What a journal says of the state that is there has no serial of its own.
    if pushed.serial == present.serial && pushed != present {
        return Err(MoveError::Behind { path: path.to_owned(), serial: present.serial });
    }
    Ok(())
}

/// Brings the state here from where it is.
pub async fn migrate(context: &Context, options: &MigrateOptions) -> Result<ExitCode, Failure> {
    let name = context.stack_name().await?;
    let (from, to) = (context.named(&options.from), context.place()?);
    if from.to_string() == to.to_string() {
        return Err(MoveError::SamePlace { place: to.to_string() }.into());
    }
    let source = from.open(&context.global).await?;
    let moved = bring(context, options, &name, &source).await;
    source.close().await;
    moved
}

async fn bring(
    context: &Context,
    options: &MigrateOptions,
    name: &StackName,
    source: &Store,
) -> Result<ExitCode, Failure> {
    let StackName { stack, environment } = name;
    let target = lock(context, name, "state migrate", options.locking).await?;
    let left = source.lock(stack, environment, &holder("state migrate")).await?;
    give_back_when_interrupted(context, source)?;
    let place = context.store().await?.to_string();
    let state = source.load(stack, environment).await?;
    let state =
        state.ok_or_else(|| Failure::NoState { name: name.clone(), place: source.to_string() })?;
    let present = context.state(name).await?;
    let Some(passage) = Passage::of(&state, present.as_ref()) else {
        let (stack, environment) = (stack.clone(), environment.clone());
        return Err(MoveError::Occupied { stack, environment, place }.into());
    };
    let count = present.as_ref().unwrap_or(&state).resources.len();
    let of = format!("The state of {stack}-{environment}, {count} resources,");
    context.tell(&match passage {
        Passage::Whole => format!("{of} goes from {source} to {place}."),
        Passage::Rest => format!("{of} is in {place} already, and goes from {source}."),
    });
    if !options.yes {
        ask::confirm("Move it? Only `yes` is a yes:", "yes")?;
    }
    passage.go(state, target, left).await?;
    context.tell(&format!("It is in {place}. Its copies are still in {source}."));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(lineage: &str, serial: u64) -> State {
        let state = State::new("web", "dev", "000000000000", "eu-west-1");
        State { lineage: lineage.into(), serial, ..state }
    }

    #[test]
    fn only_what_continues_a_state_takes_its_place() {
        let path = Path::new("state.json");
        let present = state("a", 5);
        assert!(guard(path, &state("b", 1), None).is_ok());
        assert!(guard(path, &state("a", 5), Some(&present)).is_ok());
        let older = guard(path, &state("a", 4), Some(&present));
        assert!(matches!(older, Err(MoveError::Older { pushed: 4, present: 5, .. })));
        let other = guard(path, &state("b", 9), Some(&present));
        assert!(matches!(other, Err(MoveError::OtherLineage { .. })));
        let since = State { protected: true, ..present };
        let behind = guard(path, &state("a", 5), Some(&since));
        assert!(matches!(behind, Err(MoveError::Behind { serial: 5, .. })));
    }
}
