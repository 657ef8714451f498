//! Checks for drift that come again and again: what has changed since the last one, told once.
//!
//! [`Watch`] makes a check, takes what it saw into its [`Memory`], and tells each [`Listener`] what
//! is news to it; once, or every so often until it is asked to stop. A check and the telling of it
//! are two things: a listener that does not answer keeps no check from being made, and what it did
//! not hear is news to it still.
//!
//! The rules: two checks never run at once; a check that fails is told as what it found would be,
//! and ends nothing; what was told is written down before anything else is told; what others tell
//! who watch the same is not told again. The world comes in through [`World`] and [`Keeper`] alone,
//! and time is tokio's.

pub mod alone;
pub mod ledger;
pub mod memory;
pub mod message;
pub mod metrics;
mod notes;
pub mod rhythm;
#[cfg(test)]
mod tests;
pub mod topic;
pub mod undisturbed;
pub mod webhook;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

pub use alone::check_alone;
pub use ledger::{Item, Ledger, News};
pub use memory::{Memory, MemoryError};
pub use message::Message;
pub use rhythm::Rhythm;
pub use topic::Topic;
pub use undisturbed::undisturbed;
pub use webhook::Webhook;

use self::notes::{Event, Notes};
use crate::drift::{Drift, Severity};

/// How long listeners have to answer once the watch is asked to stop.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// Somebody who is told what is news.
pub trait Listener: Send + Sync + std::fmt::Debug {
    /// By what it is remembered what it was told.
    fn name(&self) -> &'static str;

    /// Tells it. An error says, in words, why it may not have heard.
    fn hear<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), String>>;
}

/// Those who are told.
pub type Listeners = Vec<Arc<dyn Listener>>;

/// What a watch does to the world.
pub trait World {
    /// Makes one check, from reading the state on. An error says in words what went wrong.
    fn check(&mut self) -> impl Future<Output = Result<Drift, String>>;

    /// Reads the configuration anew, and gives those who are to be told from now on.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words; the one before then stays in force.
    fn reread(&mut self) -> Result<Listeners, String>;

    /// What time it is.
    fn now(&self) -> Timestamp;

    /// Shows what happened to whoever watches.
    fn show(&mut self, shown: &Shown<'_>);

    /// Puts what a check found where it is measured, if it is anywhere.
    fn measure(&mut self, _drift: &Drift) -> impl Future<Output = Result<(), String>> {
        std::future::ready(Ok(()))
    }
}

/// Where a watch writes down what is to be remembered; apart from its [`World`], since what was told
/// is written down while a check goes on, too.
pub trait Keeper {
    /// What is remembered by now; `None` if nobody else has written since this last recalled or kept
    /// it.
    fn recall(&mut self) -> impl Future<Output = Result<Option<Memory>, String>>;

    /// Writes down what is to be remembered. `false` says that somebody else has written since this
    /// last recalled or kept it: theirs still stands.
    fn keep(&mut self, memory: &Memory) -> impl Future<Output = Result<bool, String>>;
}

/// What whoever watches is shown.
#[derive(Debug)]
pub enum Shown<'a> {
    /// A check has ended.
    Checked {
        /// When.
        at: Timestamp,
        /// What it found, or why it failed.
        outcome: &'a Result<Drift, String>,
        /// What of that was not shown before.
        news: &'a News,
    },
    /// A listener has heard.
    Told {
        /// Which.
        listener: &'static str,
        /// What.
        message: &'a Message,
    },
    /// A listener has not heard, and is told with the next check.
    Untold {
        /// Which.
        listener: &'static str,
        /// Why.
        why: &'a str,
    },
    /// What a check found could not be measured.
    Unmeasured(&'a str),
    /// The configuration was read anew.
    Reread,
    /// The configuration could not be read anew: the one before stays in force.
    NotReread(&'a str),
    /// What was told could not be written down: it may be told again.
    NotKept(&'a str),
}

/// What a watch is asked from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// To come to an end.
    Stop,
    /// To read the configuration anew.
    Reread,
}

/// What came of a single check.
#[derive(Debug)]
pub struct Outcome {
    /// What it found, or why it failed.
    pub checked: Result<Drift, String>,
    /// Whom it could not be told, and why.
    pub untold: Vec<(&'static str, String)>,
    /// Why it could not be measured, if it could not.
    pub unmeasured: Option<String>,
    /// Why what was told could not be written down, if it could not: it is told again.
    pub unkept: Option<String>,
}

/// Checks, and the telling of them.
#[derive(Debug)]
pub struct Watch<W, K> {
    world: W,
    notes: Notes<K>,
    listeners: Listeners,
    least: Severity,
    /// Who is being told, and until when it was claimed.
    telling: BTreeMap<&'static str, Timestamp>,
    /// What whoever watches has seen; not remembered, since the next one has not.
    shown: Ledger,
    /// Why what happened last could not be written down, if it could not.
    unkept: Option<String>,
}

/// What a listener was told, and whether it heard.
type Telling = (&'static str, Message, Result<(), String>);

/// What comes next in a watch.
enum Turn {
    Check,
    Asked(Request),
    Told(Box<Telling>),
}

impl<W: World, K: Keeper> Watch<W, K> {
    /// A watch that goes on from what `memory` says. Findings that matter less than `least` are not
    /// told.
    pub fn new(world: W, keeper: K, memory: Memory, listeners: Listeners, least: Severity) -> Self {
        let notes = Notes::new(memory, keeper);
        let (telling, shown) = (BTreeMap::new(), Ledger::default());
        Self { world, notes, listeners, least, telling, shown, unkept: None }
    }

    /// Makes one check, and tells what is news; waits until it is told, or can't be.
    pub async fn once(&mut self) -> Outcome {
        let checked = self.world.check().await;
        let mut tellings = JoinSet::new();
        self.take_in(&checked, &mut tellings).await;
        let unmeasured = self.measure(&checked).await;
        let mut untold = Vec::new();
        while let Some(told) = tellings.join_next().await {
            let told = told.expect("a listener does not panic");
            if let (listener, _, Err(why)) = &told {
                untold.push((*listener, why.clone()));
            }
            self.settle(told).await;
        }
        Outcome { checked, untold, unmeasured, unkept: self.unkept.take() }
    }

    /// Makes checks in a rhythm until it is asked to stop.
    ///
    /// A check that is under way then is given up, which changes nothing; a telling has
    /// a few seconds to end.
    pub async fn run(mut self, mut rhythm: Rhythm, mut requests: mpsc::Receiver<Request>) {
        let mut tellings = JoinSet::new();
        loop {
            let turn = tokio::select! {
                asked = requests.recv() => Turn::Asked(asked.unwrap_or(Request::Stop)),
                Some(told) = tellings.join_next() => {
                    Turn::Told(Box::new(told.expect("a listener does not panic")))
                }
                () = sleep_until(rhythm.next()) => Turn::Check,
            };
            match turn {
                Turn::Asked(Request::Stop) => break,
                Turn::Asked(Request::Reread) => self.reread(),
                Turn::Told(told) => self.settle(*told).await,
                Turn::Check => {
                    let Some(checked) = self.check(&mut requests, &mut tellings).await else {
                        break;
                    };
                    self.take_in(&checked, &mut tellings).await;
                    self.measure(&checked).await;
                    rhythm.advance();
                }
            }
        }
        self.end(tellings).await;
    }

    /// Makes a check; `None` when it was asked to stop meanwhile. What is told meanwhile is written
    /// down at once, and shown afterwards.
    async fn check(
        &mut self,
        requests: &mut mpsc::Receiver<Request>,
        tellings: &mut JoinSet<Telling>,
    ) -> Option<Result<Drift, String>> {
        let (mut is_to_reread, mut told) = (false, Vec::new());
        let checked = {
            let mut check = std::pin::pin!(self.world.check());
            loop {
                tokio::select! {
                    checked = &mut check => break Some(checked),
                    Some(telling) = tellings.join_next() => {
                        let telling = telling.expect("a listener does not panic");
                        let kept = write_down(&mut self.notes, &mut self.telling, &telling).await;
                        told.push((telling, kept));
                    }
                    asked = requests.recv() => match asked {
                        Some(Request::Reread) => is_to_reread = true,
                        Some(Request::Stop) | None => break None,
                    },
                }
            }
        };
        for (telling, kept) in told {
            self.show_told(&telling, kept);
        }
        if is_to_reread {
            self.reread();
        }
        checked
    }

    fn reread(&mut self) {
        match self.world.reread() {
            Ok(listeners) => {
                self.listeners = listeners;
                self.world.show(&Shown::Reread);
            }
            Err(why) => self.world.show(&Shown::NotReread(&why)),
        }
    }

    /// Takes in a check, shows it, writes it down, and begins to tell every listener that nobody
    /// tells already.
    async fn take_in(&mut self, checked: &Result<Drift, String>, tellings: &mut JoinSet<Telling>) {
        let at = self.world.now();
        memory::take_into(&mut self.shown, checked, self.least, at);
        let news = self.shown.news();
        self.world.show(&Shown::Checked { at, outcome: checked, news: &news });
        self.shown.told(&news);
        if self.listeners.is_empty() {
            return;
        }
        let names = self.listeners.iter().map(|listener| listener.name());
        let is_idle = |name: &&str| !self.telling.contains_key(name);
        self.note(Event::Checked {
            outcome: checked.clone(),
            at,
            least: self.least,
            listeners: names.clone().collect(),
            idle: names.filter(is_idle).collect(),
        })
        .await;
        self.tell(at, tellings);
    }

    /// Begins to tell every listener that was claimed at a check.
    fn tell(&mut self, at: Timestamp, tellings: &mut JoinSet<Telling>) {
        let (until, memory) = (notes::until(at), &self.notes.memory);
        for listener in &self.listeners {
            let name = listener.name();
            if !memory.ledgers.get(name).is_some_and(|ledger| ledger.is_claimed(until)) {
                continue;
            }
            let Some(message) = Message::of(memory, name, at) else { continue };
            self.telling.insert(name, until);
            let listener = Arc::clone(listener);
            tellings.spawn(async move {
                let heard = listener.hear(&message).await;
                (listener.name(), message, heard)
            });
        }
    }

    /// Measures what a check found; gives why it could not be.
    async fn measure(&mut self, checked: &Result<Drift, String>) -> Option<String> {
        let why = self.world.measure(checked.as_ref().ok()?).await.err()?;
        self.world.show(&Shown::Unmeasured(&why));
        Some(why)
    }

    /// Writes down what came of a telling, and shows it.
    async fn settle(&mut self, telling: Telling) {
        let kept = write_down(&mut self.notes, &mut self.telling, &telling).await;
        self.show_told(&telling, kept);
    }

    fn show_told(&mut self, (listener, message, heard): &Telling, kept: Result<(), String>) {
        self.world.show(&match heard {
            Ok(()) => Shown::Told { listener, message },
            Err(why) => Shown::Untold { listener, why },
        });
        self.show_kept(kept);
    }

    async fn note(&mut self, event: Event) {
        let kept = self.notes.take(event).await;
        self.show_kept(kept);
    }

    fn show_kept(&mut self, kept: Result<(), String>) {
        self.unkept = kept.err();
        if let Some(why) = &self.unkept {
            self.world.show(&Shown::NotKept(why));
        }
    }

    async fn end(&mut self, mut tellings: JoinSet<Telling>) {
        let deadline = tokio::time::Instant::now() + LAST_ANSWERS;
        while let Ok(Some(told)) = tokio::time::timeout_at(deadline, tellings.join_next()).await {
            self.settle(told.expect("a listener does not panic")).await;
        }
        tellings.shutdown().await;
        for (listener, until) in std::mem::take(&mut self.telling) {
            self.note(Event::Untold { listener, until }).await;
        }
    }
}

/// Writes down what came of a telling: nobody is kept from it any longer.
async fn write_down<K: Keeper>(
    notes: &mut Notes<K>,
    telling: &mut BTreeMap<&'static str, Timestamp>,
    (listener, message, heard): &Telling,
) -> Result<(), String> {
    let until = telling.remove(listener).expect("only who is being told answers");
    let news = || message.news.clone();
    let event = match heard {
        Ok(()) => Event::Told { listener, news: news(), until },
        Err(_) => Event::Untold { listener, until },
    };
    notes.take(event).await
}
