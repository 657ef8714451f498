//! The cloud in a file, between two runs of the program and for several programs at once.
//!
//! The file is always whole: it is written beside its place and then moved there. Whoever handles a
//! request holds a lock from before reading until after writing, so no program's change is lost to
//! another's. Time goes on while no program runs.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use thiserror::Error;

use super::clock::{Clock, Moment};
use super::cloud::Cloud;
use super::endpoint::{Endpoint, Hold, KeepError, Keeper, Kept};

/// The version of the file that this program writes.
const VERSION: u32 = 1;

/// How much of the cloud's time passes at most while no program runs.
///
/// Everything that ends has ended by then. What goes on for ever, as a service does whose tasks
/// fail, would have to be gone through step by step.
const LONGEST_ABSENCE: Duration = Duration::from_hours(24);

/// Why a cloud can't be kept in a file, or not be read from it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// No name of a region, so no name for a file either.
    #[error("`{0}` is not the name of a region")]
    Region(String),
    /// Time must pass.
    #[error("time can't pass {0} times as fast")]
    Scale(f64),
    /// The directory can't be made.
    #[error("can't make {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Nobody else can be kept out.
    #[error("can't lock {}", path.display())]
    Lock {
        /// The file that serves as lock.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file can't be read.
    #[error("can't read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file can't be written.
    #[error("can't write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What the file holds is no cloud.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where and why it can't be understood.
        source: serde_json::Error,
    },
    /// The file is from a newer program.
    #[error("{} is of version {version}, newer than {VERSION}, which this program knows", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version that it says it is of.
        version: u32,
    },
}

/// Opens the cloud of a region that is kept in `directory`, or makes one there.
///
/// In one second, `scale` seconds of the cloud's time pass, also since it was last kept. `wall`
/// tells the time of day.
///
/// # Errors
///
/// [`StoreError`]; nothing that was kept is changed then.
pub fn open(
    directory: &Path,
    region: &str,
    scale: f64,
    wall: impl Fn() -> Timestamp + Send + Sync + 'static,
) -> Result<Endpoint, StoreError> {
    if region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        return Err(StoreError::Region(region.to_owned()));
    }
    if !(scale.is_finite() && scale > 0.0) {
        return Err(StoreError::Scale(scale));
    }
    let store = Store::new(directory, region, scale, Wall(Box::new(wall)))?;
    let kept = store.load_or_make(region)?;
    Ok(Endpoint::new(kept.cloud, Clock::starting_at(kept.now, scale)).kept_by(store))
}

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct Document<C> {
    version: u32,
    saved_at: Timestamp,
    cloud: C,
}

/// What is read first, whatever else may have changed.
#[derive(Deserialize)]
struct Header {
    version: u32,
}

/// The file of one cloud.
#[derive(Debug)]
struct Store {
    path: PathBuf,
    lock_path: PathBuf,
    lock: File,
    scale: f64,
    wall: Wall,
    /// The file's bytes when it was last read or written here, if it was: they tell whether
    /// another program has changed it since.
    seen: Mutex<Option<Vec<u8>>>,
}

struct Wall(Box<dyn Fn() -> Timestamp + Send + Sync>);

impl fmt::Debug for Wall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Wall")
    }
}

impl Store {
    fn new(directory: &Path, region: &str, scale: f64, wall: Wall) -> Result<Self, StoreError> {
        make_directory(directory)
            .map_err(|source| StoreError::Directory { path: directory.to_owned(), source })?;
        let lock_path = directory.join(format!("{region}.lock"));
        let lock = open_lock(&lock_path)
            .map_err(|source| StoreError::Lock { path: lock_path.clone(), source })?;
        let path = directory.join(format!("{region}.json"));
        Ok(Self { path, lock_path, lock, scale, wall, seen: Mutex::default() })
    }

    fn load_or_make(&self, region: &str) -> Result<Kept, StoreError> {
        let mut held = self.lock()?;
        if let Some(kept) = held.read_newer()? {
            return Ok(kept);
        }
        let epoch = (self.wall.0)();
        let cloud = Cloud::new(region, epoch, epoch.as_microsecond().unsigned_abs());
        held.write(&cloud)?;
        Ok(Kept { cloud, now: Moment::default() })
    }

    fn lock(&self) -> Result<Held<'_>, StoreError> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.lock
            .lock()
            .map_err(|source| StoreError::Lock { path: self.lock_path.clone(), source })?;
        Ok(Held { store: self, seen })
    }

    fn parse(&self, bytes: &[u8]) -> Result<Kept, StoreError> {
        let Header { version } = self.parse_as(bytes)?;
        if version > VERSION {
            return Err(StoreError::Newer { path: self.path.clone(), version });
        }
        let document: Document<Cloud> = self.parse_as(bytes)?;
        let absence = self.time_since(document.saved_at);
        let now = document.cloud.now.after(absence);
        Ok(Kept { cloud: document.cloud, now })
    }

    fn parse_as<T: for<'a> Deserialize<'a>>(&self, bytes: &[u8]) -> Result<T, StoreError> {
        serde_json::from_slice(bytes)
            .map_err(|source| StoreError::Damaged { path: self.path.clone(), source })
    }

    /// How much of the cloud's time has passed since; none if the time of day was set back.
    fn time_since(&self, saved_at: Timestamp) -> Duration {
        let passed = (self.wall.0)().duration_since(saved_at);
        let scaled_s =
            (passed.as_secs_f64() * self.scale).clamp(0.0, LONGEST_ABSENCE.as_secs_f64());
        Duration::from_secs_f64(scaled_s)
    }
}

impl Keeper for Store {
    fn hold(&self) -> Result<Box<dyn Hold + '_>, KeepError> {
        Ok(Box::new(self.lock()?))
    }
}

/// The store while its lock is held.
struct Held<'a> {
    store: &'a Store,
    seen: MutexGuard<'a, Option<Vec<u8>>>,
}

impl Hold for Held<'_> {
    fn newer(&mut self) -> Result<Option<Kept>, KeepError> {
        Ok(self.read_newer()?)
    }

    fn keep(&mut self, cloud: &Cloud) -> Result<(), KeepError> {
        Ok(self.write(cloud)?)
    }
}

impl Held<'_> {
    /// A file that is gone is no news: the cloud that is known here will be put there again.
    fn read_newer(&mut self) -> Result<Option<Kept>, StoreError> {
        let bytes = match fs::read(&self.store.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(StoreError::Read { path: self.store.path.clone(), source });
            }
        };
        if self.seen.as_ref() == Some(&bytes) {
            return Ok(None);
        }
        let kept = self.store.parse(&bytes)?;
        *self.seen = Some(bytes);
        Ok(Some(kept))
    }

    fn write(&mut self, cloud: &Cloud) -> Result<(), StoreError> {
        let saved_at = (self.store.wall.0)();
        let document = Document { version: VERSION, saved_at, cloud };
        let bytes = serde_json::to_vec(&document).map_err(io::Error::from);
        let written = bytes.and_then(|bytes| replace(&self.store.path, &bytes).map(|()| bytes));
        let written = written
            .map_err(|source| StoreError::Write { path: self.store.path.clone(), source })?;
        *self.seen = Some(written);
        Ok(())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.store.lock.unlock() {
            tracing::error!("can't unlock {}: {error}", self.store.lock_path.display());
        }
    }
}

/// Puts new content in a file's place: it holds all of the old one or all of the new one,
/// whenever the program or the machine stops.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_directory(directory)
}

/// Makes a directory that nobody but its owner enters.
fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Opens the file that serves as lock. It is beside the cloud's own, which is a new file every time.
fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.create(true).truncate(false).write(true).open(path)
}

/// Makes a rename last; where directories can't be opened, the system sees to it.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use serde_json::json;

    use super::*;
    use crate::simulated_aws::logs::{self, log_group_exists};
    use crate::simulated_aws::wire::Parameters;

    const REGION: &str = "eu-west-1";

    /// A directory of its own, and a time of day that the test sets.
    struct Room {
        directory: tempfile::TempDir,
        second: Arc<AtomicI64>,
    }

    impl Room {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            Self { directory, second: Arc::new(AtomicI64::new(1_767_225_600)) }
        }

        fn path(&self) -> PathBuf {
            self.directory.path().join("clouds")
        }

        fn file(&self) -> PathBuf {
            self.path().join("eu-west-1.json")
        }

        fn try_open(&self, scale: f64) -> Result<Endpoint, StoreError> {
            let second = Arc::clone(&self.second);
            let wall = move || Timestamp::from_second(second.load(Ordering::Relaxed)).unwrap();
            open(&self.path(), REGION, scale, wall)
        }

        fn open(&self, scale: f64) -> Endpoint {
            self.try_open(scale).unwrap()
        }

        fn pass(&self, seconds: i64) {
            self.second.fetch_add(seconds, Ordering::Relaxed);
        }
    }

    fn create_group(endpoint: &Endpoint, name: &str) {
        let request = json!({"logGroupName": name});
        let create =
            |cloud: &mut Cloud| logs::answer(cloud, "CreateLogGroup", Parameters::new(&request));
        endpoint.with_cloud(create).unwrap();
    }

    fn has_group(endpoint: &Endpoint, name: &str) -> bool {
        endpoint.with_cloud(|cloud| log_group_exists(cloud, name))
    }

    fn now(endpoint: &Endpoint) -> Moment {
        endpoint.with_cloud(|cloud| cloud.now)
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_run_finds_the_cloud_again() {
        let room = Room::new();
        create_group(&room.open(1.0), "g");
        assert!(has_group(&room.open(1.0), "g"));
    }

    #[tokio::test(start_paused = true)]
    async fn time_goes_on_while_nobody_runs() {
        let room = Room::new();
        let endpoint = room.open(30.0);
        tokio::time::advance(Duration::from_secs(2)).await;
        room.pass(2);
        assert_eq!(now(&endpoint), Moment(60_000));
        drop(endpoint);
        room.pass(10);
        assert_eq!(now(&room.open(30.0)), Moment(360_000));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_a_day_passes_in_between() {
        let room = Room::new();
        drop(room.open(1000.0));
        room.pass(30 * 24 * 3600);
        assert_eq!(now(&room.open(1000.0)), Moment(24 * 3600 * 1000));
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_was_seen_to_pass_has_passed_for_the_next_run_too() {
        let room = Room::new();
        let endpoint = room.open(1000.0);
        create_group(&endpoint, "g");
        tokio::time::advance(Duration::from_secs(5)).await;
        room.pass(5);
        drop(endpoint);
        room.pass(1);
        assert_eq!(now(&room.open(1.0)), Moment(5_001_000));
    }

    #[tokio::test(start_paused = true)]
    async fn two_programs_see_each_others_changes() {
        let room = Room::new();
        let (one, other) = (room.open(1.0), room.open(1.0));
        create_group(&one, "from-one");
        assert!(has_group(&other, "from-one"));
        create_group(&other, "from-other");
        assert!(has_group(&one, "from-other"));
        assert!(has_group(&one, "from-one"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_program_catches_up_with_a_fast_one() {
        let room = Room::new();
        let (slow, fast) = (room.open(1.0), room.open(100.0));
        tokio::time::advance(Duration::from_secs(3)).await;
        room.pass(3);
        assert_eq!(now(&slow), Moment(3_000));
        assert_eq!(now(&fast), Moment(300_000));
        assert_eq!(now(&slow), Moment(300_000));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(now(&slow), Moment(301_000));
    }

    #[test]
    fn many_programs_at_once_lose_nothing() {
        let room = Room::new();
        std::thread::scope(|scope| {
            for program in 0..4 {
                let endpoint = room.open(1.0);
                scope.spawn(move || {
                    (0..10).for_each(|n| create_group(&endpoint, &format!("{program}-{n}")));
                });
            }
        });
        let endpoint = room.open(1.0);
        for program in 0..4 {
            assert!((0..10).all(|n| has_group(&endpoint, &format!("{program}-{n}"))));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_no_cloud_is_refused_and_left_alone() {
        let room = Room::new();
        drop(room.open(1.0));
        for content in ["", "{\"version\": 1, \"saved_at\": \"2026-01-01T00:00:00Z\"}"] {
            fs::write(room.file(), content).unwrap();
            assert!(matches!(room.try_open(1.0), Err(StoreError::Damaged { .. })));
            assert_eq!(fs::read_to_string(room.file()).unwrap(), content);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_from_a_newer_program_is_refused() {
        let room = Room::new();
        drop(room.open(1.0));
        fs::write(room.file(), "{\"version\": 2, \"clouds\": []}").unwrap();
        assert!(matches!(room.try_open(1.0), Err(StoreError::Newer { version: 2, .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn a_region_is_no_path_and_time_must_pass() {
        let room = Room::new();
        let wall = || Timestamp::UNIX_EPOCH;
        let refused = open(&room.path(), "../elsewhere", 1.0, wall);
        assert!(matches!(refused, Err(StoreError::Region(_))));
        assert!(matches!(room.try_open(0.0), Err(StoreError::Scale(_))));
        assert!(matches!(room.try_open(f64::NAN), Err(StoreError::Scale(_))));
    }

    #[cfg(unix)]
    #[tokio::test(start_paused = true)]
    async fn nobody_else_may_read_the_cloud() {
        use std::os::unix::fs::PermissionsExt;
        let room = Room::new();
        create_group(&room.open(1.0), "g");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&room.path()), 0o700);
        assert_eq!(mode(&room.file()), 0o600);
        assert_eq!(mode(&room.path().join("eu-west-1.lock")), 0o600);
    }
}
