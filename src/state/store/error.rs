//! What can be wrong with a state, or with the place where it is kept.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::bucket::Exposure;
use super::holder::Holder;
use super::salvage::Copy;
use crate::aws::AwsError;
use crate::state::FORMAT;
use crate::state::journal::Damage;

/// A state that could not be read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The disk refused.
    #[error("{action} {}", path.display())]
    Disk {
        /// What was tried: `reading`.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// S3 refused, or did not answer.
    #[error("{action} {}", path.display())]
    Bucket {
        /// What was tried: `reading`.
        action: &'static str,
        /// On which object, as `s3://bucket/key`.
        path: PathBuf,
        /// What AWS says.
        source: AwsError,
    },
    /// Others could read what is in the bucket.
    #[error("no state is kept in the bucket {bucket}: {exposure}")]
    Exposed {
        /// The bucket's name.
        bucket: String,
        /// Why they could.
        exposure: Exposure,
    },
    /// Somebody else has taken over: what was being done was not begun any further.
    #[error("the lock on this stack was lost{}", by.as_ref().map(|by| format!(" to {by}")).unwrap_or_default())]
    Lost {
        /// Who has, if they are still there.
        by: Option<Holder>,
    },
    /// What lies where the lease should be is none.
    #[error("{} is no lock of provision", path.display())]
    NoLease {
        /// The object.
        path: PathBuf,
    },
    /// A file of the state is a symbolic link, or was swapped for one while it was opened.
    #[error("{} is a symbolic link: no file of a state is reached through one", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// The snapshot is not what was written.
    #[error("the state {} is damaged: {what}", path.display())]
    DamagedSnapshot {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
        /// The newest older copy that checks.
        last_good: Option<Copy>,
    },
    /// The journal is not what was written.
    #[error("the journal {} is damaged", path.display())]
    DamagedJournal {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Damage,
        /// The newest copy of the snapshot that checks.
        last_good: Option<Copy>,
    },
    /// The journal belongs to another snapshot.
    #[error(
        "the journal {} follows serial {found} of lineage {found_lineage}, but the state beside it \
         is serial {expected} of lineage {expected_lineage}", path.display()
    )]
    ForeignJournal {
        /// The file.
        path: PathBuf,
        /// The serial that it follows.
        found: u64,
        /// The lineage that it follows.
        found_lineage: String,
        /// The snapshot's serial.
        expected: u64,
        /// The snapshot's lineage.
        expected_lineage: String,
        /// The newest copy of the snapshot that checks.
        last_good: Option<Copy>,
    },
    /// There is a journal and no snapshot.
    #[error("there is a journal {} and no state beside it", path.display())]
    MissingSnapshot {
        /// The journal.
        path: PathBuf,
        /// The newest copy that checks.
        last_good: Option<Copy>,
    },
    /// A newer version wrote it.
    #[error("the state {} has format {format}, and this version knows formats up to {FORMAT}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format that it has.
        format: u64,
    },
    /// It is another stack's.
    #[error("the state {} is of {found}, not of {expected}", path.display())]
    OtherStack {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// Something else is where a file of the state should be: a directory, a pipe, a device.
    #[error("{} is there and is no file", path.display())]
    NoFile {
        /// What is there.
        path: PathBuf,
    },
    /// Somebody else is at work.
    #[error("somebody is at work on this stack: {}", holder.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string))]
    Held {
        /// Who, if the lock says.
        holder: Option<Holder>,
    },
    /// No kept snapshot will do.
    #[error("there is no good copy of the state{}", serial.map(|serial| format!(" with serial {serial}")).unwrap_or_default())]
    NoCopy {
        /// The serial that was asked for, if one was.
        serial: Option<u64>,
        /// Those that there are.
        known: Vec<u64>,
    },
    /// An earlier write failed half way: what follows it would not be read back.
    #[error("the journal {} is not written any further, since an earlier write to it failed", path.display())]
    Broken {
        /// The journal.
        path: PathBuf,
    },
}

impl StoreError {
    /// Whether the state is there and can't be trusted: what a restoration mends.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::DamagedSnapshot { .. }
            | Self::DamagedJournal { .. }
            | Self::ForeignJournal { .. }
            | Self::MissingSnapshot { .. } => true,
            Self::Disk { .. }
            | Self::Bucket { .. }
            | Self::Exposed { .. }
            | Self::Lost { .. }
            | Self::NoLease { .. }
            | Self::Link { .. }
            | Self::Newer { .. }
            | Self::OtherStack { .. }
            | Self::NoFile { .. }
            | Self::Held { .. }
            | Self::NoCopy { .. }
            | Self::Broken { .. } => false,
        }
    }

    /// The same damage, knowing the newest copy that checks.
    #[must_use]
    pub(super) fn knowing(mut self, newest: Option<Copy>) -> Self {
        if let Self::DamagedSnapshot { last_good, .. }
        | Self::DamagedJournal { last_good, .. }
        | Self::ForeignJournal { last_good, .. }
        | Self::MissingSnapshot { last_good, .. } = &mut self
        {
            *last_good = newest;
        }
        self
    }
}

/// Makes an error of what the disk said to an action on a file.
pub(super) fn disk(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Disk { action, path, source }
}
