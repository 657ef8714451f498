//! Looks closer at deployments that are waited for: how far they are, and why they do not get on.
//!
//! Beside the poller, which asks only whether a service works yet. A wait that ends badly is
//! looked at once more, so that its failure names the cause, and the state what runs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::aws::Aws;
use crate::diagnose::{Cause, Collector, Finding, Rollout, judge};
use crate::resource::{LiveValue, SoughtValue};

/// From one look at a deployment to the next.
const PAUSE: Duration = Duration::from_secs(10);

/// How a wait ends that ends badly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// AWS says that the deployment has failed.
    Failed(String),
    /// It can't succeed, whatever AWS still tries.
    Hopeless,
    /// It took too long.
    TimedOut { status: String, waited: Duration },
}

/// What a look has shown.
#[derive(Debug)]
pub(super) struct Looked {
    /// Whose task it was for.
    pub place: usize,
    /// Nothing when AWS did not answer, or does not show the service yet.
    pub rollout: Option<Rollout>,
    /// What keeps the service from coming up.
    pub findings: Vec<Finding>,
    /// Those that were not told before.
    pub news: Vec<Finding>,
    /// How the wait ends; `None` while it goes on.
    pub ending: Option<Ending>,
    /// What the service is, when the wait ends.
    pub live: Option<LiveValue>,
}

/// Looks at deployments.
#[derive(Debug)]
pub(super) struct Inspector {
    aws: Aws,
    waits: BTreeMap<usize, Wait>,
    under_way: JoinSet<Look>,
}

#[derive(Debug)]
struct Wait {
    sought: SoughtValue,
    /// `None` while a look is under way.
    collector: Option<Collector>,
    looked: Instant,
    /// What the look before found, and what has been told.
    earlier: BTreeSet<Cause>,
    told: BTreeSet<Cause>,
    ending: Option<Ending>,
    /// Whether something has changed that the service stands on since the latest look began.
    starts_over: bool,
}

#[derive(Debug)]
struct Look {
    place: usize,
    collector: Collector,
    is_last: bool,
    rollout: Option<Rollout>,
    findings: Vec<Finding>,
    live: Option<LiveValue>,
}

impl Inspector {
    pub fn new(aws: Aws) -> Self {
        Self { aws, waits: BTreeMap::new(), under_way: JoinSet::new() }
    }

    /// Begins to look at what is waited for, if it is something to look closer at.
    pub fn begin(&mut self, place: usize, sought: &SoughtValue) {
        let Some(collector) = Collector::of(&self.aws, sought) else { return };
        let wait = Wait {
            sought: sought.clone(),
            collector: Some(collector),
            looked: Instant::now(),
            earlier: BTreeSet::new(),
            told: BTreeSet::new(),
            ending: None,
            starts_over: false,
        };
        self.waits.insert(place, wait);
    }

    /// Looks again, if it is time.
    pub fn remind(&mut self, place: usize) {
        let pause = self.aws.pace().scaled(PAUSE);
        if self.waits.get(&place).is_some_and(|wait| wait.looked.elapsed() >= pause) {
            self.look(place, false);
        }
    }

    /// Has what was seen so far count no more, since something has changed that may have caused it.
    pub fn start_over(&mut self, place: usize) {
        if let Some(wait) = self.waits.get_mut(&place) {
            wait.starts_over = true;
        }
    }

    /// Has a wait end: it is looked at once more. Gives the ending back when there is nothing to
    /// look at.
    pub fn end(&mut self, place: usize, ending: Ending) -> Option<Ending> {
        let Some(wait) = self.waits.get_mut(&place) else { return Some(ending) };
        wait.ending.get_or_insert(ending);
        self.look(place, true);
        None
    }

    /// Stops looking at what works, or is not waited for any more.
    pub fn forget(&mut self, place: usize) {
        self.waits.remove(&place);
    }

    /// Whether a wait is about to end.
    pub fn is_ending(&self, place: usize) -> bool {
        self.waits.get(&place).is_some_and(|wait| wait.ending.is_some())
    }

    /// Whether no wait is about to end.
    pub fn is_idle(&self) -> bool {
        self.waits.values().all(|wait| wait.ending.is_none())
    }

    /// Waits for the next look to be done. May be dropped and called again at any time.
    pub async fn next(&mut self) -> Looked {
        loop {
            let Some(joined) = self.under_way.join_next().await else {
                return std::future::pending().await;
            };
            let look = joined.expect("a look does not panic");
            if let Some(looked) = self.take_in(look) {
                return looked;
            }
        }
    }

    /// Nothing for a wait that is over, or that ended while it was looked at.
    fn take_in(&mut self, look: Look) -> Option<Looked> {
        let Look { place, collector, is_last, rollout, mut findings, live } = look;
        let wait = self.waits.get_mut(&place)?;
        wait.collector = Some(collector);
        if wait.ending.is_some() && !is_last {
            self.look(place, true);
            return None;
        }
        if wait.starts_over && !is_last {
            findings.clear();
        }
        let news = wait.news(&findings, is_last);
        let ending = wait.ending.clone();
        if is_last {
            self.waits.remove(&place);
        }
        Some(Looked { place, rollout, findings, news, ending, live })
    }

    fn look(&mut self, place: usize, is_last: bool) {
        let Some(wait) = self.waits.get_mut(&place) else { return };
        let Some(mut collector) = wait.collector.take() else { return };
        wait.looked = Instant::now();
        if std::mem::take(&mut wait.starts_over) {
            collector.start_over();
        }
        let (aws, sought) = (self.aws.clone(), wait.sought.clone());
        self.under_way.spawn(async move {
            let seen = collector.look().await;
            let seen = seen.inspect_err(|error| tracing::debug!(%error, "the look failed")).ok();
            let live = if is_last { live(&aws, sought).await } else { None };
            let (rollout, findings) = match seen {
                Some((evidence, rollout)) => (Some(rollout), judge(&evidence)),
                None => (None, Vec::new()),
            };
            Look { place, collector, is_last, rollout, findings, live }
        });
    }
}

impl Wait {
    /// What is to be told: what was not told yet, and lasts, was seen before, or ends the wait. A
    /// check that fails once while a task is starting is none of these.
    fn news(&mut self, findings: &[Finding], is_last: bool) -> Vec<Finding> {
        let earlier = std::mem::take(&mut self.earlier);
        self.earlier = findings.iter().map(|finding| finding.cause).collect();
        let is_proven = |finding: &&Finding| {
            is_last || finding.is_lasting() || earlier.contains(&finding.cause)
        };
        let proven = findings.iter().filter(is_proven);
        proven.filter(|finding| self.told.insert(finding.cause)).cloned().collect()
    }
}

/// What is there now; nothing when it can't be read.
async fn live(aws: &Aws, sought: SoughtValue) -> Option<LiveValue> {
    let kind = sought.address.kind();
    let read = kind.read(aws, &[sought]).await;
    read.inspect_err(|error| tracing::warn!(%error, "what runs now could not be read"))
        .ok()?
        .pop()
        .flatten()
}
