//! What went wrong, for the user: what happened, where, what to do; and the exit code.

mod hints;

use std::error::Error as StdError;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use miette::{GraphicalReportHandler, GraphicalTheme};
use serde_json::{Value, json};
use thiserror::Error;

use crate::aftermath::Leftover;
use crate::aws::{AwsError, Class, NoRegion};
use crate::config::{ConfigError, ConfigErrors};
use crate::deployment::DrawingError;
use crate::drift::Group;
use crate::execute::recovery::RecoveryError;
use crate::execute::{Failure as Cause, StepError};
use crate::fleet::Trouble;
use crate::import::ImportError;
use crate::plan::{PlanError, Protected};
use crate::preflight::Finding;
use crate::report::{Paint, clean, findings, json, preflight};
use crate::resource::Address;
use crate::resource::kind::KindError;
use crate::state::EditError;
use crate::state::store::{Copy, Holder, StoreError};

use super::context::StackName;
use super::moving::MoveError;
use super::printing;
use hints::{aws_hints, drawing_hints, obstacle_hint, store_hints};

/// The exit code of an interrupted program, as shells count it.
pub const INTERRUPTED: u8 = 130;

/// Why a command failed.
#[derive(Debug, Error)]
pub enum Failure {
    #[error("{} can't be read", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} can't be written", path.display())]
    NotWritable { path: PathBuf, source: io::Error },
    #[error("there is no {}", .0.display())]
    NoFile(PathBuf),
    #[error("{} is there already", .0.display())]
    FileExists(PathBuf),
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    #[error("`{0}` is not a KEY=VALUE")]
    NotAPair(String),
    #[error("which stack? there is no {}, and {place} holds {} of environment {environment}", file.display(), listed(stacks))]
    WhichStack { file: PathBuf, place: String, environment: String, stacks: Vec<String> },
    #[error("there is no state of {}-{} in {place}", name.stack, name.environment)]
    NoState { name: StackName, place: String },
    #[error(transparent)]
    Moving(#[from] MoveError),
    #[error("with `--local` states are kept in a directory, not in {0}")]
    LocalBucket(String),
    #[error("`s3://{name}` names no bucket: {complaint}")]
    BucketName { name: String, complaint: String },
    #[error("the lock of {0} can't be taken away: it ends with its process")]
    Unbreakable(Holder),
    #[error("the state of {}-{} is gone, but the stack was never taken down", name.stack, name.environment)]
    LostState { name: StackName, copy: Copy },
    #[error("there is no stack in {0}")]
    NoStacks(String),
    #[error("there is no output `{name}`")]
    NoOutput { name: String, known: Vec<String> },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Region(#[from] NoRegion),
    #[error("this stack is in region {of}, and `--region` says {asked}")]
    OtherRegion { of: String, asked: String },
    #[error("not all of the output could be written")]
    Unwritten(#[source] &'static io::Error),
    #[error(transparent)]
    Aws(#[from] AwsError),
    #[error(transparent)]
    Kind(#[from] KindError),
    #[error(transparent)]
    Drawing(#[from] DrawingError),
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    #[error(transparent)]
    Edit(#[from] EditError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Protected(#[from] Protected),
    #[error("this stack is protected: nothing of environment {environment} is removed")]
    KeptFromRemoval { environment: String },
    #[error("this has to be confirmed, and there is no terminal to ask on")]
    NobodyToAsk,
    #[error("this would undo what somebody else has changed: {}; nothing was done", undone(.0))]
    WouldUndo(Vec<Group>),
    #[error("all was removed, but AWS shows {} again", left_behind(.0))]
    LeftBehind(Vec<Leftover>),
    #[error("this would end halfway, since {}: nothing was done", titles(.0))]
    Preflight(Vec<Finding>),
    #[error("nothing was done")]
    Declined,
    #[error("{} is no saved plan", path.display())]
    NoSavedPlan { path: PathBuf, source: serde_json::Error },
    #[error("{} is there, and is no saved plan", .0.display())]
    NotOverwritten(PathBuf),
    #[error("{} can't be written: there is no directory {}", path.display(), directory.display())]
    NoDirectory { path: PathBuf, directory: PathBuf },
    #[error("the saved plan {} no longer fits", path.display())]
    Moved { path: PathBuf, moved: Vec<String> },
    #[error("the check failed: {0}")]
    Check(String),
    #[error("`--job` works without a file, so it has to be told which stack it checks")]
    JobWithoutStack,
    #[error("what the check was given of the file (PROVISION_DRIFT) can't be read: {0}")]
    Settings(serde_json::Error),
    #[error("there is nobody to tell: the file names no webhook")]
    NobodyToTell,
    #[error("the {listener} was not told: {why}")]
    Untold { listener: &'static str, why: String },
    #[error("what was found could not be measured: {0}")]
    Unmeasured(String),
    #[cfg(feature = "simulated-aws")]
    #[error("the port {port} of 127.0.0.1 can't be listened at: {source}")]
    NoPort { port: u16, source: io::Error },
    #[error("what was told could not be written down: {0}")]
    Unkept(String),
    #[error("`{key}` is to come from the environment variable {name}, which is not set")]
    NoVariable { name: String, key: &'static str },
    #[error("{} was not written by `provision schedule`: it is left as it is", .0.display())]
    NotWritten(PathBuf),
    #[error("{} can't be part of a schedule: {why}", path.display())]
    Unschedulable { path: PathBuf, why: &'static str },
    #[error("the state is in a directory of this machine, where {0} does not come")]
    StateOutOfReach(&'static str),
    #[error("`{key}` is needed for {of}")]
    Needed { key: &'static str, of: &'static str },
    #[error("`{program}` did not do it: {why}")]
    Tool { program: String, why: String },
    #[error(transparent)]
    Webhook(#[from] crate::watch::webhook::NoAddress),
    #[cfg(feature = "simulated-aws")]
    #[error(transparent)]
    Simulation(#[from] crate::simulated_aws::store::StoreError),
    #[cfg(not(feature = "simulated-aws"))]
    #[error("this build has no AWS inside ({} is not used)", directory.display())]
    NoSimulation { directory: PathBuf },
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn listed(stacks: &[String]) -> String {
    if stacks.is_empty() { "no state".into() } else { format!("states of {}", stacks.join(", ")) }
}

/// What others have changed: `listener.http port, role.app-task trust`.
fn undone(groups: &[Group]) -> String {
    let findings = groups.iter().flat_map(|group| &group.findings);
    let named = findings.map(|finding| format!("{} {}", finding.address, finding.property));
    named.collect::<Vec<_>>().join(", ")
}

/// What is certain of a look before a run, in one sentence.
fn titles(findings: &[Finding]) -> String {
    let certain = findings.iter().filter(|finding| finding.is_certain());
    crate::report::listed(&certain.map(|finding| finding.title.as_str()).collect::<Vec<_>>())
}

/// The same where the findings have just been shown.
fn halfway(findings: &[Finding]) -> String {
    match findings.iter().filter(|finding| finding.is_certain()).count() {
        1 => "this would end halfway: nothing was done".into(),
        several => format!("this would end halfway for {several} reasons: nothing was done"),
    }
}

fn left_behind(left: &[Leftover]) -> String {
    left.iter().map(|one| format!("{} ({})", one.address, one.id)).collect::<Vec<_>>().join(", ")
}

impl Failure {
    /// Tells what failed, and gives the exit code.
    pub fn report(&self, as_json: bool) -> ExitCode {
        let text = match self {
            other if as_json => format!("{}\n", json::line(&other.json())),
            Self::Config(errors) => pointed(errors),
            Self::Preflight(findings) => {
                let drawn = preflight::findings(findings, preflight::Look::stderr());
                format!("{drawn}\n{}", told(&halfway(findings), &self.hints()))
            }
            other => told_each(&other.texts(), &other.hints()),
        };
        write(&text);
        ExitCode::FAILURE
    }

    /// What went wrong: a sentence for each thing that stands in the way by itself.
    fn texts(&self) -> Vec<String> {
        match self.obstacles() {
            Some(obstacles) => obstacles.iter().map(|obstacle| said(obstacle)).collect(),
            None => vec![self.text()],
        }
    }

    /// What stands in the way of any plan, if it is that.
    fn obstacles(&self) -> Option<&[PlanError]> {
        match self {
            Self::Drawing(DrawingError::Obstacles(obstacles))
            | Self::Import(ImportError::Drawing(DrawingError::Obstacles(obstacles))) => {
                Some(obstacles)
            }
            _ => None,
        }
    }

    /// What went wrong, in one sentence.
    pub fn text(&self) -> String {
        match self {
            Self::Aws(error) | Self::Drawing(DrawingError::Aws(error))
                if error.class() == Class::Credentials && error.code().is_none() =>
            {
                no_credentials(error)
            }
            other => said(other),
        }
    }

    /// The failure for machines: one object, on standard error.
    fn json(&self) -> Value {
        let details: Vec<Value> = match self {
            Self::Config(errors) => errors.errors().iter().map(config_error).collect(),
            Self::Preflight(findings) => findings.iter().map(|finding| json!(finding)).collect(),
            Self::WouldUndo(groups) => groups.iter().map(|group| json!(group)).collect(),
            other => other.obstacles().unwrap_or_default().iter().map(obstacle).collect(),
        };
        json!({ "error": self.text(), "hints": self.hints(), "details": details, "exit_code": 1 })
    }
}

/// Why one stack of many was not looked at: what happened, and what to do.
pub fn of_one(trouble: &Trouble) -> (String, Vec<String>) {
    let hints = match trouble {
        Trouble::Store(error) => store_hints(error),
        Trouble::Connection(_) => vec![],
        Trouble::Disturbed => vec!["look at it again when they are done".into()],
        Trouble::Look(error) => drawing_hints(error),
    };
    (said(trouble), hints)
}

/// One of several things that stand in the way.
fn obstacle(error: &PlanError) -> Value {
    json!({ "error": said(error), "hint": obstacle_hint(error) })
}

fn config_error(error: &ConfigError) -> Value {
    let (line, column) = error.position();
    json!({
        "error": error.message(),
        "hint": error.advice(),
        "in": error.source_name(),
        "line": line,
        "column": column,
    })
}

/// Writes to standard error. A reader that has gone away is no failure.
pub fn write(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// An error with its hints, for people.
pub fn told(error: &str, hints: &[String]) -> String {
    told_each(&[error.to_owned()], hints)
}

/// Errors with their hints, for people.
fn told_each(errors: &[String], hints: &[String]) -> String {
    let paint = Paint::stderr();
    let mut text = String::new();
    for error in errors {
        text.push_str(&format!("{} {error}\n", paint.red("error:")));
    }
    for hint in hints {
        text.push_str(&format!("{} {hint}\n", paint.cyan("hint:")));
    }
    text
}

/// Configuration errors with the lines that they are about.
fn pointed(errors: &ConfigErrors) -> String {
    let theme = if console::colors_enabled_stderr() {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let width = usize::from(console::Term::stderr().size().1).clamp(40, 120);
    // An ARN or the name of a region that is broken at a hyphen can't be copied.
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(width)
        .with_word_separator(textwrap::WordSeparator::AsciiSpace)
        .with_word_splitter(textwrap::WordSplitter::NoHyphenation)
        .with_break_words(false);
    let mut text = String::new();
    for error in errors.errors() {
        // Writing into a string does not fail.
        let _ = handler.render_report(&mut text, error);
    }
    let paint = Paint::stderr();
    text.push_str(&format!("{} {errors}: nothing was done\n", paint.red("error:")));
    text
}

/// That the metadata of an instance does not answer is no news outside of AWS.
fn no_credentials(error: &AwsError) -> String {
    let message = error.message();
    if message.contains("IMDS") || message.contains("imds") {
        return "no AWS credentials were found".into();
    }
    format!("no AWS credentials were found: {}", clean(message))
}

/// An error and its causes, each said once.
pub fn said(error: &dyn StdError) -> String {
    let mut text = clean(&error.to_string()).into_owned();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = clean(&cause.to_string()).into_owned();
        if !text.contains(&more) {
            text.push_str(&format!(": {more}"));
        }
        next = cause.source();
    }
    text
}

/// Why one resource of a run failed, with what to do.
pub fn explain(address: &Address, cause: &Cause) -> String {
    let hints = match cause {
        Cause::Step(StepError::Kind(KindError::Aws(error))) => aws_hints(error),
        Cause::Step(StepError::Foreign { .. }) => {
            vec!["rename the stack, or remove what has the name".into()]
        }
        Cause::Step(StepError::Blocked { .. }) => vec![
            "it is not this stack's: have its owner remove it, then run `provision down` again"
                .into(),
        ],
        Cause::TimedOut { .. } => {
            vec!["`provision status` shows how it is now; a run again goes on waiting".into()]
        }
        Cause::Deployment { .. } => {
            vec!["`provision up` again tries once more, as soon as the cause is mended".into()]
        }
        Cause::Broken(_) | Cause::Step(_) => vec![],
    };
    let mut text = told(&format!("{address}: {}", said(cause)), &hints);
    if let Cause::Deployment { findings, .. } | Cause::TimedOut { findings, .. } = cause {
        text.push_str(&findings::findings(findings, Paint::stderr()));
    }
    text
}

/// Tells of wrong usage. Help and version are no failures.
pub fn usage(error: &clap::Error) -> ExitCode {
    if let Err(failure) = printing::usage(error) {
        return failure.report(false);
    }
    if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_obstacle_is_said_by_itself_and_what_to_do_once() {
        let taken = |address: &str, id: &str| PlanError::Foreign {
            address: address.parse().unwrap(),
            id: id.into(),
        };
        let obstacles = vec![taken("cluster.main", "x-dev"), taken("role.app-task", "x-dev-task")];
        let failure = Failure::from(DrawingError::Obstacles(obstacles));
        assert_eq!(failure.texts().len(), 2);
        assert_eq!(failure.hints().len(), 1);
        let json = failure.json();
        assert_eq!(json["details"].as_array().unwrap().len(), 2);
        assert!(!failure.text().contains('\u{fffd}'), "{}", failure.text());
        let told = told_each(&failure.texts(), &failure.hints());
        assert_eq!(told.lines().count(), 3, "{told}");
    }
}
