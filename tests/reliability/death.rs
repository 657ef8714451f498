//! How a run dies: at one of its calls, or at one of its writes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use provision::simulated_aws::endpoint::{Call, Endpoint, Interference, Verdict};
use provision::simulated_aws::wire::Answer;
use provision::state::store::{DirectoryWriter, Recorder, StoreError};
use provision::state::{Entry, State};
use tokio::sync::Notify;

use crate::watch::Watch;
use crate::world::{ENVIRONMENT, InFlight, STACK};

/// When a run dies, if it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// Not at all.
    Never,
    /// When its nth call, from 1, has reached AWS and not been carried out.
    BeforeCall(usize, InFlight),
    /// When its nth call has been carried out and not answered.
    AfterCall(usize, InFlight),
    /// Before its nth write, from 1.
    BeforeWrite(usize, InFlight),
    /// After its nth write.
    AfterWrite(usize, InFlight),
    /// In its nth write, of which so many bytes reach the disk.
    InWrite(usize, usize, InFlight),
}

impl Death {
    pub fn in_flight(&self) -> InFlight {
        match self {
            Self::BeforeCall(_, in_flight)
            | Self::AfterCall(_, in_flight)
            | Self::BeforeWrite(_, in_flight)
            | Self::AfterWrite(_, in_flight)
            | Self::InWrite(_, _, in_flight) => *in_flight,
            Self::Never => InFlight::Lost,
        }
    }

    /// Has death stand between caller and cloud; tells of it when it strikes.
    pub fn stand_between(&self, endpoint: &Arc<Endpoint>) -> Arc<Notify> {
        let struck = Arc::new(Notify::new());
        if let Self::BeforeCall(number, in_flight) | Self::AfterCall(number, in_flight) = *self {
            endpoint.interfere(Some(Box::new(Reaper {
                number: endpoint.calls().len() + number,
                before: matches!(self, Self::BeforeCall(..)),
                in_flight,
                endpoint: Arc::downgrade(endpoint),
                last: OnceLock::new(),
                struck: Arc::clone(&struck),
            })));
        }
        struck
    }
}

#[derive(Debug)]
struct Reaper {
    number: usize,
    before: bool,
    in_flight: InFlight,
    endpoint: Weak<Endpoint>,
    /// The number of the last call that was made before death struck.
    last: OnceLock<usize>,
    struck: Arc<Notify>,
}

impl Reaper {
    fn strike(&self) -> Verdict {
        let made = self.endpoint.upgrade().map_or(0, |endpoint| endpoint.calls().len());
        self.last.get_or_init(|| made);
        self.struck.notify_one();
        Verdict::Silence
    }
}

impl Interference for Reaper {
    fn before(&self, number: usize, _: &Call) -> Verdict {
        if self.before && number == self.number {
            return self.strike();
        }
        // What else the caller does in the very moment of its death it does no more.
        let is_lost = |last: &usize| self.in_flight == InFlight::Lost || number > *last;
        if self.last.get().is_some_and(is_lost) { Verdict::Silence } else { Verdict::Pass }
    }

    fn after(&self, number: usize, _: &Call, _: &Answer) -> Verdict {
        if self.before || number != self.number { Verdict::Pass } else { self.strike() }
    }
}

/// Writes a state until the run dies.
pub struct Mortal<'a> {
    writer: &'a mut DirectoryWriter,
    death: Death,
    journal: PathBuf,
    count: &'a mut usize,
    watch: Option<&'a Watch>,
    dead: bool,
}

impl<'a> Mortal<'a> {
    pub fn new(
        writer: &'a mut DirectoryWriter,
        death: &Death,
        directory: &Path,
        count: &'a mut usize,
        watch: Option<&'a Watch>,
    ) -> Self {
        let journal = directory.join(format!("{STACK}-{ENVIRONMENT}.journal"));
        Self { writer, death: *death, journal, count, watch, dead: false }
    }

    pub fn is_dead(&self) -> bool {
        self.dead
    }

    fn die(&mut self) -> Result<(), StoreError> {
        self.dead = true;
        let source = std::io::Error::other("the run is dead");
        Err(StoreError::Disk { action: "writing", path: self.journal.clone(), source })
    }

    fn length(&self) -> u64 {
        std::fs::metadata(&self.journal).unwrap().len()
    }

    /// Writes all of an entry, and takes back what did not reach the disk.
    fn write_part(&mut self, entry: Entry, bytes: usize) -> Result<(), StoreError> {
        let before = self.length();
        self.writer.write(vec![entry])?;
        let part = (self.length() - before - 1).min(bytes as u64);
        let journal = std::fs::OpenOptions::new().write(true).open(&self.journal).unwrap();
        journal.set_len(before + part).unwrap();
        self.die()
    }
}

impl Recorder for Mortal<'_> {
    fn state(&self) -> &State {
        self.writer.state()
    }

    async fn record_all(&mut self, entries: Vec<Entry>) -> Result<(), StoreError> {
        entries.into_iter().try_for_each(|entry| self.write(entry))
    }
}

impl Mortal<'_> {
    /// Writes an entry: what waits together is torn between any two of its lines, and in each.
    fn write(&mut self, entry: Entry) -> Result<(), StoreError> {
        *self.count += 1;
        let now = *self.count;
        if let Some(watch) = self.watch {
            watch.before_write(now);
            self.writer.write(vec![entry])?;
            watch.after_write(now);
            return Ok(());
        }
        match self.death {
            Death::BeforeWrite(number, _) if number == now => self.die(),
            Death::InWrite(number, bytes, _) if number == now => self.write_part(entry, bytes),
            Death::AfterWrite(number, _) if number == now => {
                self.writer.write(vec![entry])?;
                self.die()
            }
            _ => self.writer.write(vec![entry]),
        }
    }
}

/// How long after a death the next run begins.
pub const MOURNING: Duration = Duration::from_secs(1);
