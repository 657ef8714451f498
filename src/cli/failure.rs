//! What went wrong, for the user: what happened, where, what to do; and the exit code.

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
use crate::state::store::{Copy, Exposure, Holder, StoreError};
use crate::watch::MemoryError;

use super::context::StackName;
use super::moving::MoveError;

/// The exit code of an interrupted program, as shells count it.
pub const INTERRUPTED: u8 = 130;

/// Why a command failed.
#[derive(Debug, Error)]
pub enum Failure {
    #[error("{} can't be read", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
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
    #[error("the plan has to be confirmed, and there is no terminal to ask on")]
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
    #[error("`{key}` is to come from the environment variable {name}, which is not set")]
    NoVariable { name: String, key: &'static str },
    #[error("{} was not written by `provision schedule`: it is left as it is", .0.display())]
    NotWritten(PathBuf),
    #[error("the state is in a directory of this machine, where {0} does not come")]
    StateOutOfReach(&'static str),
    #[error("`{key}` is needed for {of}")]
    Needed { key: &'static str, of: &'static str },
    #[error("`{program}` did not do it: {why}")]
    Tool { program: String, why: String },
    #[error(transparent)]
    Memory(#[from] MemoryError),
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
            other => told(&other.text(), &other.hints()),
        };
        write(&text);
        ExitCode::FAILURE
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
            _ => vec![],
        };
        json!({ "error": self.text(), "hints": self.hints(), "details": details, "exit_code": 1 })
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoFile(_) => vec![
                "write one with `provision init`, or name another with `-f FILE`".into(),
            ],
            Self::FileExists(_) => vec!["`--force` writes over it".into()],
            Self::WhichStack { .. } => vec!["name it with `--stack NAME`, or its file with `-f`".into()],
            Self::NoState { .. } => vec![
                "`-e ENV` chooses the environment, `--state-dir` or `[state]` in the file where states are kept; `provision up` makes one".into(),
            ],
            Self::LostState { copy, .. } => {
                let mut hints = restoration(Some(copy));
                hints.push("`provision recover` finds what was made since by its tags".into());
                hints
            }
            Self::Moving(error) => moving_hints(error),
            Self::BucketName { .. } => {
                vec!["name it, and a prefix if you like: `s3://acme-states/team-a`".into()]
            }
            Self::LocalBucket(_) => vec!["leave `--state-dir` out, or name a directory".into()],
            Self::Unbreakable(holder) => vec![format!(
                "end process {} on {}, or wait for it: `--lock-timeout 5m`",
                holder.process, holder.host
            )],
            Self::NoStacks(_) => {
                vec!["`--state-dir` says where states are kept; those of `--local` lie apart".into()]
            }
            Self::NoOutput { known, .. } => vec![format!("there are: {}", known.join(", "))],
            Self::LeftBehind(_) => {
                vec!["something still writes to it: look at it in the console, and delete it there".into()]
            }
            Self::JobWithoutStack => {
                vec!["name it: `provision --stack NAME -e ENV drift --job`".into()]
            }
            Self::NobodyToTell => {
                vec!["set `drift.webhook` in the file: docs/drift-schedule.md shows how".into()]
            }
            Self::NotWritten(_) => vec!["move it away, or take out what it does by hand".into()],
            Self::StateOutOfReach(_) => {
                vec!["keep it in S3: `[state]` with `bucket = \"…\"` in the file".into()]
            }
            Self::Tool { .. } => {
                vec!["`--show` prints what is written, to put it in place by hand".into()]
            }
            Self::Untold { .. } => vec!["the next check tells what this one could not".into()],
            Self::Memory(MemoryError::Damaged(_)) => vec![
                "remove the file `….drift.json` beside the state: all that is there is then told once more".into(),
            ],
            Self::Memory(MemoryError::Newer(_)) => {
                vec!["use the version of provision that wrote it".into()]
            }
            Self::Preflight(_) => {
                vec!["`up --no-preflight` goes on all the same, if AWS is known to allow it".into()]
            }
            Self::WouldUndo(_) => vec![
                "`--revert-drift` puts it back; `--accept-drift` leaves it, and takes it for applied".into(),
                "on a terminal, `up` without `--yes` asks about each; `[drift] ignore` in the file leaves it for good".into(),
            ],
            Self::NobodyToAsk => vec!["`--yes` confirms it".into()],
            Self::Moved { moved, .. } => {
                let mut hints = moved.clone();
                hints.push("plan again, look at it, and run `up` with the new plan".into());
                hints
            }
            Self::NoSavedPlan { .. } => vec!["`provision plan --out FILE` writes one".into()],
            Self::Region(_) => vec!["set `region` in the file, or give `--region`".into()],
            Self::NotAPair(_) => vec!["for example `--set network.nat=none`".into()],
            Self::Aws(error) | Self::Kind(KindError::Aws(error)) => aws_hints(error),
            Self::Drawing(error) => drawing_hints(error),
            Self::Recovery(RecoveryError::Look { source: KindError::Aws(error), .. }) => {
                aws_hints(error)
            }
            Self::Store(error) => store_hints(error),
            #[cfg(feature = "simulated-aws")]
            Self::Simulation(crate::simulated_aws::store::StoreError::Damaged { .. }) => {
                vec!["it is the AWS inside the program: remove its directory, and the states in it, to begin anew".into()]
            }
            Self::Edit(error) => edit_hints(error),
            Self::Import(error) => import_hints(error),
            Self::Protected(_) | Self::KeptFromRemoval { .. } => {
                vec!["`provision unprotect` lifts the protection; take `protect = true` out of the file too".into()]
            }
            _ => vec![],
        }
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
    let paint = Paint::stderr();
    let mut text = format!("{} {error}\n", paint.red("error:"));
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
    let handler = GraphicalReportHandler::new_themed(theme).with_width(width);
    let mut text = String::new();
    for error in errors.errors() {
        // Writing into a string does not fail.
        let _ = handler.render_report(&mut text, error);
    }
    let paint = Paint::stderr();
    text.push_str(&format!("{} {errors}: nothing was done\n", paint.red("error:")));
    text
}

fn drawing_hints(error: &DrawingError) -> Vec<String> {
    match error {
        DrawingError::Aws(error) | DrawingError::Kind(KindError::Aws(error)) => aws_hints(error),
        DrawingError::Elsewhere { .. } => {
            vec!["use the credentials and region that the stack was made with (`--profile`, `--region`)".into()]
        }
        DrawingError::Obstacles(obstacles) => obstacles.iter().map(obstacle_hint).collect(),
        DrawingError::Placement(_) => vec!["set `network.zones` in the file".into()],
        _ => vec![],
    }
}

fn obstacle_hint(obstacle: &PlanError) -> String {
    match obstacle {
        PlanError::Foreign { .. } => {
            "rename the stack (`name` or `-e ENV`), or remove what has the name".into()
        }
        PlanError::LostState { .. } => {
            "use the state that made them (`--state-dir`); if it is lost, `provision recover` writes it anew from what is there. While somebody is at work, wait for them"
                .into()
        }
    }
}

fn edit_hints(error: &EditError) -> Vec<String> {
    match error {
        EditError::Unknown { known, .. } => vec![format!("there are: {}", addresses(known))],
        EditError::Taken { .. } => vec!["`provision state forget` makes place".into()],
        EditError::InDoubt { .. } => {
            vec!["the next `up` or `down` finds out what came of it".into()]
        }
        EditError::OtherKind { .. } => vec![],
    }
}

fn import_hints(error: &ImportError) -> Vec<String> {
    match error {
        ImportError::Undeclared { known, .. } if !known.is_empty() => {
            vec![format!("there are: {}", addresses(known))]
        }
        ImportError::Undeclared { .. } => vec!["`provision graph` shows what the stack has".into()],
        ImportError::Recorded { .. } => vec!["`provision state forget` makes place".into()],
        ImportError::Elsewhere { .. } => vec!["`provision state mv` moves it".into()],
        ImportError::InDoubt { .. } => vec!["the next `up` or `down` finds out what came of it".into()],
        ImportError::NoId { .. } => {
            vec!["docs/state-commands.md lists what identifies each kind".into()]
        }
        ImportError::NotThere { .. } => vec!["check `--profile` and `--region`".into()],
        ImportError::Owned { .. } => {
            vec!["let it go there first: `provision state forget`, and remove its tags `provision:…`".into()]
        }
        ImportError::Replaced { .. } => vec![
            "take in what it belongs to first, its network for example, or change the file to what is there".into(),
        ],
        ImportError::Drawing(error) => drawing_hints(error),
    }
}

fn addresses(addresses: &[Address]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn store_hints(error: &StoreError) -> Vec<String> {
    match error {
        StoreError::Held { .. } => vec![
            "wait until they are done, or let this wait for them: `--lock-timeout 5m`".into(),
        ],
        StoreError::Bucket { source, .. } => bucket_hints(source),
        StoreError::Exposed { bucket, exposure } => exposure_hints(bucket, exposure),
        StoreError::Lost { .. } => vec![
            "they go on from what is recorded; when they are done, `provision plan` shows what is left".into(),
        ],
        StoreError::NoLease { .. } => {
            vec!["`provision state unlock` removes it, once nobody is at work".into()]
        }
        StoreError::Newer { .. } => vec!["use the version of provision that wrote it".into()],
        StoreError::DamagedSnapshot { last_good, .. }
        | StoreError::DamagedJournal { last_good, .. }
        | StoreError::ForeignJournal { last_good, .. }
        | StoreError::MissingSnapshot { last_good, .. } => restoration(last_good.as_ref()),
        StoreError::OtherStack { .. } => {
            vec!["give the file the name of its own stack, or choose another `--state-dir`".into()]
        }
        StoreError::NoCopy { known, .. } if !known.is_empty() => {
            vec![format!("there are: {}", known.iter().map(u64::to_string).collect::<Vec<_>>().join(", "))]
        }
        StoreError::NoCopy { .. } => {
            vec!["`provision recover` finds the stack's resources in AWS, and writes its state anew".into()]
        }
        StoreError::NoFile { .. } => vec!["move it away, or choose another `--state-dir`".into()],
        StoreError::Link { .. } => vec!["put the file itself there, or choose another `--state-dir`".into()],
        StoreError::Disk { .. } | StoreError::Broken { .. } => vec![
            "make room, or make the directory writable, and run the same again: it goes on from what is recorded".into(),
        ],
    }
}

fn moving_hints(error: &MoveError) -> Vec<String> {
    match error {
        MoveError::NoState { .. } => vec!["`provision state pull FILE` writes one".into()],
        MoveError::OtherStack { .. } => {
            vec!["name its stack with `--stack` and `-e`, or its file with `-f`".into()]
        }
        MoveError::OtherLineage { .. } | MoveError::Older { .. } => vec![
            "look at both (`state pull`, `state list`); `--force` puts it there all the same".into(),
        ],
        MoveError::SamePlace { .. } => {
            vec!["`[state]` in the file, or `--state-dir`, says where it is to be".into()]
        }
        MoveError::Occupied { .. } => vec![
            "look at both: `state list`, here and with `--state-dir`; `provision down` removes the stack that is not meant".into(),
        ],
    }
}

/// What can be done about what S3 says of the bucket that holds the state.
fn bucket_hints(error: &AwsError) -> Vec<String> {
    match error.code() {
        Some("NoSuchBucket") => vec![
            "make it: `aws s3api create-bucket --bucket NAME --region REGION --create-bucket-configuration LocationConstraint=REGION`, in us-east-1 without the configuration".into(),
            "and let it keep old versions: `aws s3api put-bucket-versioning --bucket NAME --versioning-configuration Status=Enabled`".into(),
        ],
        Some("AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException") => {
            vec!["the bucket is in another region: say which with `region` in `[state]`".into()]
        }
        _ => aws_hints(error),
    }
}

fn exposure_hints(bucket: &str, exposure: &Exposure) -> Vec<String> {
    vec![match exposure {
        Exposure::Unblocked(_) => format!(
            "block it: `aws s3api put-public-access-block --bucket {bucket} --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true`"
        ),
        Exposure::Policy => format!(
            "take the statement with the principal `*` out of it: `aws s3api get-bucket-policy --bucket {bucket}`"
        ),
    }]
}

/// How a damaged state is mended.
fn restoration(last_good: Option<&Copy>) -> Vec<String> {
    match last_good {
        Some(copy) => vec![
            format!("the last good copy is {} (serial {})", copy.path.display(), copy.serial),
            "`provision state restore` restores what can be had of it, and says how much that is".into(),
        ],
        None => vec![
            "there is no good copy: `provision recover` finds the stack's resources in AWS, and writes its state anew".into(),
        ],
    }
}

/// What ELB says to accounts that AWS has not looked at yet, whatever they may do.
const NO_BALANCERS_YET: &str = "does not support creating load balancers";

fn aws_hints(error: &AwsError) -> Vec<String> {
    if error.message().contains(NO_BALANCERS_YET) {
        return vec![
            "AWS keeps load balancers from some new accounts: open a case with AWS Support (\"Account and billing\"), which costs nothing".into(),
        ];
    }
    match error.class() {
        Class::Unavailable => vec![
            "enable the region for the account (console, Account, AWS Regions), which takes minutes to hours, or choose another `region`".into(),
            "an account that is new may have to wait for AWS, up to a day".into(),
        ],
        Class::Credentials => vec![
            "AWS could not tell who you are: log in (`aws sso login`), choose a `--profile`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".into(),
            "to try without an account, add `--local`".into(),
        ],
        Class::Denied => vec![format!("allow `{}` for this user or role", error.operation())],
        Class::Quota => vec!["ask AWS for a higher quota (Service Quotas), or remove what is not used".into()],
        Class::Throttled => vec!["AWS is answering too many calls of this account: try again".into()],
        Class::UnknownOutcome if error.code().is_none() => {
            vec!["check the network, and that the region exists".into()]
        }
        _ => vec![],
    }
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
fn said(error: &dyn StdError) -> String {
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
    let _ = error.print();
    if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
