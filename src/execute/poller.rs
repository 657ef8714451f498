//! Looks at everything that is waited for: one read a kind, whatever the number, again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::aws::{Aws, Class};
use crate::resource::kind::KindError;
use crate::resource::{Kind, Readiness, SoughtValue};

/// The pause before the first look at something that was just made.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// What part of the wait so far a pause is: so late at most is the end of a wait noticed, relative
/// to its length.
const PART: u32 = 30;

/// How long a failure must be seen until it is believed: a copy of AWS's knowledge that is behind
/// shows what was before the change that is waited for (aws-behaviour 0.1.2).
const BELIEVED_AFTER: Duration = Duration::from_secs(10);

/// Something that is waited for.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    /// Whose task it is.
    pub place: usize,
    /// What is looked at.
    pub sought: SoughtValue,
    /// What it is waited for to be.
    pub wanted: Readiness,
    /// Since when.
    pub since: Instant,
    /// Until when at the longest.
    pub deadline: Instant,
    /// Since when it has been seen to have failed, without a look that saw otherwise.
    pub failing: Option<(Instant, Readiness)>,
}

impl Watched {
    /// What a look says, with a failure that is not believed yet as one more thing to wait for.
    fn judge(&mut self, seen: Readiness, believed_after: Duration) -> Readiness {
        let Readiness::Failed(why) = &seen else {
            self.failing = None;
            return seen;
        };
        let (since, first) = self.failing.get_or_insert_with(|| (Instant::now(), seen.clone()));
        // What was said first says most: a deployment that failed is soon listed no more.
        if since.elapsed() >= believed_after {
            first.clone()
        } else {
            Readiness::Pending(why.clone())
        }
    }
}

/// What was seen of something that is waited for. It is no longer watched.
#[derive(Debug)]
pub(super) struct Answered {
    pub watched: Watched,
    pub seen: Result<Readiness, KindError>,
}

/// One look at all of a kind that wait, and what was seen.
type Look = (Kind, Vec<Watched>, Result<Vec<Readiness>, KindError>);

/// Looks at what it is told to watch.
#[derive(Debug)]
pub(super) struct Poller {
    aws: Aws,
    /// What waits for its kind's next look.
    watched: BTreeMap<Kind, Vec<Watched>>,
    /// The looks under way, at most one a kind.
    under_way: JoinSet<Look>,
    busy: BTreeSet<Kind>,
}

impl Poller {
    pub fn new(aws: Aws) -> Self {
        Self { aws, watched: BTreeMap::new(), under_way: JoinSet::new(), busy: BTreeSet::new() }
    }

    /// Whether nothing is watched.
    pub fn is_idle(&self) -> bool {
        self.watched.values().all(Vec::is_empty) && self.under_way.is_empty()
    }

    pub fn watch(&mut self, watched: Watched) {
        self.watched.entry(watched.sought.address.kind()).or_default().push(watched);
    }

    /// Watches something no longer. A look at it that is under way is still answered.
    pub fn forget(&mut self, place: usize) {
        self.watched.values_mut().for_each(|watched| watched.retain(|one| one.place != place));
    }

    /// Waits for the next look to be answered. May be dropped and called again at any time.
    pub async fn next(&mut self) -> Vec<Answered> {
        self.look();
        let Some(joined) = self.under_way.join_next().await else {
            return std::future::pending().await;
        };
        let (kind, watched, seen) = joined.expect("a look does not panic");
        self.busy.remove(&kind);
        match seen {
            Ok(seen) => {
                let believed_after = self.aws.pace().scaled(BELIEVED_AFTER);
                let pairs = watched.into_iter().zip(seen);
                let judged = pairs.map(|(mut watched, seen)| {
                    let seen = watched.judge(seen, believed_after);
                    Answered { watched, seen: Ok(seen) }
                });
                judged.collect()
            }
            Err(error) => self.unanswered(watched, error),
        }
    }

    /// A look that failed: one that may pass is repeated, any other is told to the first that
    /// waits, and the others are looked at again.
    fn unanswered(&mut self, watched: Vec<Watched>, error: KindError) -> Vec<Answered> {
        let passes = matches!(
            &error,
            KindError::Aws(error)
                if matches!(error.class(), Class::Throttled | Class::UnknownOutcome)
        );
        let mut watched = watched.into_iter();
        if passes {
            let pending = |watched| Answered {
                watched,
                seen: Ok(Readiness::Pending(format!("not answering: {error}"))),
            };
            return watched.map(pending).collect();
        }
        let first = watched.next();
        watched.for_each(|other| self.watch(other));
        first.map(|watched| Answered { watched, seen: Err(error) }).into_iter().collect()
    }

    /// Starts a look for every kind that has something to look at and none under way.
    fn look(&mut self) {
        let kinds: Vec<Kind> = self
            .watched
            .iter()
            .filter(|(kind, watched)| !watched.is_empty() && !self.busy.contains(kind))
            .map(|(kind, _)| *kind)
            .collect();
        for kind in kinds {
            let watched = self.watched.remove(&kind).unwrap_or_default();
            self.busy.insert(kind);
            let pause = self.pause(&watched);
            let aws = self.aws.clone();
            self.under_way.spawn(async move {
                tokio::time::sleep(pause).await;
                let sought: Vec<SoughtValue> =
                    watched.iter().map(|watched| watched.sought.clone()).collect();
                let seen = kind.poll(&aws, &sought).await;
                (kind, watched, seen)
            });
        }
    }

    /// The pause before a kind's next look: short for what was just made, growing with the wait
    /// of the one that has waited least.
    fn pause(&self, watched: &[Watched]) -> Duration {
        let pace = self.aws.pace();
        let waited = watched.iter().map(|watched| watched.since.elapsed()).min();
        let waited = pace.unscaled(waited.unwrap_or_default());
        pace.scaled((waited / PART).clamp(FIRST_PAUSE, LONGEST_PAUSE))
    }
}
