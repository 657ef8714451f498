//! What to do about what went wrong: the only place that knows.

use std::collections::BTreeSet;

use crate::aws::{AwsError, Class};
use crate::deployment::DrawingError;
use crate::execute::recovery::RecoveryError;
use crate::import::ImportError;
use crate::plan::PlanError;
use crate::resource::Address;
use crate::resource::kind::KindError;
use crate::stack::PlacementError;
use crate::state::EditError;
use crate::state::store::{Copy, Exposure, StoreError};

use super::super::moving::MoveError;
use super::Failure;

impl Failure {
    /// What can be done about it, each in one sentence.
    pub(super) fn hints(&self) -> Vec<String> {
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
            Self::Unmeasured(_) => {
                vec!["who is told was told; the alarms know nothing of this check".into()]
            }
            #[cfg(feature = "simulated-aws")]
            Self::NoPort { .. } => vec!["give another one: `--port`; 0 takes any that is free".into()],
            Self::Unkept(_) => {
                vec!["the next check tells all of it again, until it can be written down".into()]
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
            Self::NotOverwritten(_) => {
                vec!["only a saved plan is written over: choose another name for it".into()]
            }
            Self::NoDirectory { directory, .. } => {
                vec![format!("make it: `mkdir -p {}`", directory.display())]
            }
            Self::NoSavedPlan { .. } => vec!["`provision plan --out FILE` writes one".into()],
            Self::OtherRegion { .. } => {
                vec!["leave `--region` out: the state says where the stack is. A stack of the same name in another region needs a state of its own (`--state-dir`, `-e ENV`)".into()]
            }
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

pub(super) fn drawing_hints(error: &DrawingError) -> Vec<String> {
    match error {
        DrawingError::Aws(error) | DrawingError::Kind(KindError::Aws(error)) => aws_hints(error),
        DrawingError::Elsewhere { .. } => {
            vec!["use the credentials and region that the stack was made with (`--profile`, `--region`)".into()]
        }
        DrawingError::Obstacles(obstacles) => {
            each_once(obstacles.iter().map(obstacle_hint).collect())
        }
        DrawingError::Placement(PlacementError::NoRoom { .. }) => vec![
            "take fewer zones, or another `network.cidr`: all that is in the network is then made anew".into(),
        ],
        DrawingError::Placement(_) => vec!["set `network.zones` in the file".into()],
        _ => vec![],
    }
}

/// The hints, each said once.
fn each_once(mut hints: Vec<String>) -> Vec<String> {
    let mut said = BTreeSet::new();
    hints.retain(|hint| said.insert(hint.clone()));
    hints
}

pub(super) fn obstacle_hint(obstacle: &PlanError) -> String {
    match obstacle {
        PlanError::Foreign { .. } => {
            "rename the stack (`name` or `-e ENV`), or remove what has the name".into()
        }
        PlanError::Elsewhere { address, recorded, .. } => {
            format!("if {address} is what {recorded} was: `provision state mv {recorded} {address}`")
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

pub(super) fn store_hints(error: &StoreError) -> Vec<String> {
    match error {
        StoreError::Held { .. } => vec![
            "wait until they are done, or let this wait for them: `--lock-timeout 5m`".into(),
        ],
        StoreError::Bucket { source, .. } => bucket_hints(source),
        StoreError::Exposed { bucket, exposure } => exposure_hints(bucket, exposure),
        StoreError::Lost { by: None } => vec![
            "it was taken away, or somebody had it and is done: `provision plan` shows what is left, the same command goes on from what is recorded".into(),
        ],
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
        StoreError::NoFile { .. } => vec!["name another file; for one of the state: move it away, or choose another `--state-dir`".into()],
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
        MoveError::OtherLineage { .. } | MoveError::Older { .. } | MoveError::Behind { .. } => vec![
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

pub(super) fn aws_hints(error: &AwsError) -> Vec<String> {
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
        Class::Credentials if error.is_expiry() => vec![
            "they have expired: log in again (`aws sso login`), or set new ones (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN)".into(),
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
