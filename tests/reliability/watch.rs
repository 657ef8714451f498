//! What every death in a run would leave behind, from one run in which nobody dies.
//!
//! A process that dies leaves an account and files. Both can be had at every point of a run without
//! ending it: they are copied, and with the calls that are under way lost or carried out in the
//! copy. `what_is_noted_is_what_a_death_leaves` holds that against runs that are really ended.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use provision::simulated_aws::clock::Moment;
use provision::simulated_aws::endpoint::{Call, Endpoint, Interference, Verdict, dispatch};
use provision::simulated_aws::wire::Answer;

use crate::death::Death;
use crate::world::{InFlight, Remains, files_of, journal_name};

/// How long a call is under way before it takes effect in the simulated AWS.
const WAY: Duration = Duration::from_millis(40);

/// Hears of every death that a run could have died, and can have what it would have left.
pub type Heir = Box<dyn FnMut(Death, &dyn Fn() -> Remains) + Send>;

/// Stands beside a run, and tells an heir of every point at which it could have died.
#[derive(Clone)]
pub struct Watch(Arc<Inner>);

struct Inner {
    endpoint: Weak<Endpoint>,
    directory: PathBuf,
    /// The calls that have reached the cloud, by their numbers.
    arrived: Mutex<BTreeSet<usize>>,
    heir: Mutex<Heir>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Watch")
    }
}

impl Watch {
    pub fn new(endpoint: &Arc<Endpoint>, directory: &Path, heir: Heir) -> Self {
        Self(Arc::new(Inner {
            endpoint: Arc::downgrade(endpoint),
            directory: directory.to_owned(),
            arrived: Mutex::default(),
            heir: Mutex::new(heir),
        }))
    }

    /// A run is about to write its nth entry: it could die before, or in the middle of the line.
    pub fn before_write(&self, number: usize) {
        self.0.note(|in_flight| Death::BeforeWrite(number, in_flight), None);
    }

    /// A run has written its nth entry.
    pub fn after_write(&self, number: usize) {
        self.0.note(|in_flight| Death::InWrite(number, HALF, in_flight), Some(HALF));
        self.0.note(|in_flight| Death::AfterWrite(number, in_flight), None);
    }
}

/// How many bytes of a record reach the disk when a run dies in the middle of it.
const HALF: usize = 60;

impl Inner {
    /// Tells the heir of a death, and in both its ways where calls are under way.
    ///
    /// With `torn`, so many bytes of the journal's last record are all that there is of it.
    fn note(&self, death: impl Fn(InFlight) -> Death, torn: Option<usize>) {
        let endpoint = self.endpoint.upgrade().unwrap();
        let mut heir = self.heir.lock().unwrap();
        heir(death(InFlight::Lost), &|| self.remains(&endpoint, &[], torn));
        let calls = self.under_way(&endpoint);
        if !calls.is_empty() {
            heir(death(InFlight::CarriedOut), &|| self.remains(&endpoint, &calls, torn));
        }
    }

    /// What is left when these calls are carried out yet.
    fn remains(&self, endpoint: &Endpoint, calls: &[Call], torn: Option<usize>) -> Remains {
        let mut cloud = endpoint.with_cloud(|cloud| cloud.clone());
        for call in calls {
            cloud.settle(call.arrived.after(WAY));
            // What AWS says to it nobody hears.
            let _ = dispatch(&mut cloud, call);
        }
        let mut files = files_of(&self.directory);
        if let Some((journal, bytes)) = files.get_mut(&journal_name()).zip(torn) {
            let last = journal[..journal.len() - 1].iter().rposition(|byte| *byte == b'\n');
            let length = journal.len() - 1;
            journal.truncate((last.unwrap() + 1 + bytes).min(length));
        }
        Remains { cloud, files }
    }

    /// The calls that were made and have not reached the cloud yet.
    fn under_way(&self, endpoint: &Endpoint) -> Vec<Call> {
        let arrived = self.arrived.lock().unwrap();
        let calls = endpoint.calls().into_iter().zip(1..);
        calls.filter(|(_, number)| !arrived.contains(number)).map(|(call, _)| call).collect()
    }
}

impl Interference for Watch {
    fn before(&self, number: usize, _: &Call) -> Verdict {
        self.0.arrived.lock().unwrap().insert(number);
        self.0.note(|in_flight| Death::BeforeCall(number, in_flight), None);
        Verdict::Pass
    }

    fn after(&self, number: usize, _: &Call, _: &Answer) -> Verdict {
        self.0.note(|in_flight| Death::AfterCall(number, in_flight), None);
        Verdict::Pass
    }
}

impl Remains {
    /// What tells these remains from any others, but for the hour.
    pub fn fingerprint(&self) -> u64 {
        let mut cloud = self.cloud.clone();
        cloud.now = Moment::default();
        let mut hasher = DefaultHasher::new();
        serde_json::to_vec(&cloud).unwrap().hash(&mut hasher);
        self.files.hash(&mut hasher);
        hasher.finish()
    }
}
