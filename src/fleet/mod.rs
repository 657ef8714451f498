//! All stacks of a place, looked at in one go.
//!
//! Stacks of one account and region are read together: a call that takes many ids takes those of
//! many stacks. What such a look finds out is up to the [`Look`]: [`Check`] finds drift,
//! [`Survey`] how they are.
//!
//! The rules: what is wrong with one stack is told of that one, and hides no other. And no more is
//! held at once than some batches of stacks, however many there are: what is kept of each is what
//! was found.

mod apart;
mod check;
mod declared;
mod survey;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream;
use thiserror::Error;

use crate::aws::Aws;
use crate::deployment::{DrawingError, check_is_in, settled};
use crate::resource::Address;
use crate::state::State;
use crate::state::store::{StackName, Store, StoreError};

pub use check::{Against, Check, Checked};
pub use declared::Files;
pub use survey::{Condition, Survey, gravity};

/// How many stacks are read together: ten and more of each kind's calls are full (aws-behaviour 21).
const BATCH: usize = 100;

/// How many batches of one account and region are under way at once. While one waits for its last
/// answers, the other keeps the token buckets empty (aws-behaviour 27).
const BATCHES: usize = 2;

/// How many accounts and regions are looked at at once.
const PLACES: usize = 4;

/// How many states are read at once for where they are.
const READ_AT_ONCE: usize = 16;

/// What is to be found out about stacks.
pub trait Look {
    /// What is kept of one stack.
    type Seen;

    /// Whether it says nothing of a stack on which somebody is at work.
    const IS_UNDISTURBED: bool;

    /// Looks at stacks of one account and region; in their order.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with any of them, or with the account.
    fn look(
        &self,
        aws: &Aws,
        stacks: &[Recorded],
    ) -> impl Future<Output = Result<Vec<Self::Seen>, DrawingError>>;
}

/// A stack as it is recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The state, with everything settled that an interrupted run left in doubt.
    pub state: State,
    /// What was in doubt.
    pub in_doubt: Vec<Address>,
    /// The state as it was read.
    pub read: State,
}

/// Where stacks are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The twelve digits of the account.
    pub account: String,
    /// `eu-west-1`.
    pub region: String,
}

/// What came of the look at one stack.
#[derive(Clone, Debug)]
pub struct Line<T> {
    /// Which stack.
    pub name: StackName,
    /// Where it is; none where its state can't be read.
    pub place: Option<Place>,
    /// What was seen, or why nothing was.
    pub outcome: Result<T, Arc<Trouble>>,
}

/// Why a stack was not looked at.
#[derive(Debug, Error)]
pub enum Trouble {
    /// Its state can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody is at work on it, or was while it was looked at.
    #[error("somebody is at work on it: what changes now would look like drift")]
    Disturbed,
    /// There is no way to its account or region.
    #[error("{0}")]
    Connection(String),
    /// It, or its account, can't be read.
    #[error(transparent)]
    Look(#[from] DrawingError),
}

/// How far a look is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many stacks have been looked at.
    pub done: usize,
    /// How many there are.
    pub of: usize,
}

/// Looks at every stack that has a state in `store`, and tells how far it is after each batch.
///
/// `connect` gives AWS in a region. A state of which nothing is left is no stack.
///
/// # Errors
///
/// When the states can't even be listed.
pub async fn look_at_all<L: Look>(
    store: &Store,
    connect: impl AsyncFn(&str) -> Result<Aws, String>,
    look: &L,
    tell: impl Fn(Progress),
) -> Result<Vec<Line<L::Seen>>, StoreError> {
    let Census { places, unreadable } = census(store).await?;
    let (of, done) = (places.values().map(Vec::len).sum(), AtomicUsize::new(0));
    let tell = |looked: usize| {
        let done = done.fetch_add(looked, Ordering::Relaxed) + looked;
        tell(Progress { done, of });
    };
    let (connect, tell) = (&connect, &tell);
    let looks = stream::iter(places).map(|(place, names)| async move {
        match reach(connect, &place).await {
            Ok(aws) => Scope { store, aws, place, look }.look_at(&names, tell).await,
            Err(trouble) => all_in_trouble(names, &place, trouble),
        }
    });
    let looked: Vec<_> = looks.buffer_unordered(PLACES).collect().await;
    let unreadable = unreadable.into_iter().map(|(name, error)| Line {
        name,
        place: None,
        outcome: Err(Arc::new(error.into())),
    });
    Ok(unreadable.chain(looked.into_iter().flatten()).collect())
}

/// Which stacks there are, and where.
struct Census {
    places: BTreeMap<Place, Vec<StackName>>,
    unreadable: Vec<(StackName, StoreError)>,
}

/// Reads every state for where it is, and keeps none.
async fn census(store: &Store) -> Result<Census, StoreError> {
    let names = stream::iter(store.stacks().await?);
    let read = names.map(async |name| {
        let state = store.load(&name.stack, &name.environment).await;
        let state = state.map(|state| state.filter(|state| !is_taken_down(state)));
        let place = |state: State| Place { account: state.account, region: state.region };
        (name, state.map(|state| state.map(place)))
    });
    let read: Vec<_> = read.buffered(READ_AT_ONCE).collect().await;
    let mut census = Census { places: BTreeMap::new(), unreadable: Vec::new() };
    for (name, place) in read {
        match place {
            Ok(Some(place)) => census.places.entry(place).or_default().push(name),
            Ok(None) => {}
            Err(error) => census.unreadable.push((name, error)),
        }
    }
    Ok(census)
}

fn is_taken_down(state: &State) -> bool {
    state.is_empty() && state.in_doubt.is_empty()
}

/// AWS at a place, if the credentials are for it.
async fn reach(
    connect: impl AsyncFn(&str) -> Result<Aws, String>,
    place: &Place,
) -> Result<Aws, Trouble> {
    let aws = connect(&place.region).await.map_err(Trouble::Connection)?;
    check_is_in(&aws, &place.account, &place.region).await?;
    Ok(aws)
}

fn all_in_trouble<T>(names: Vec<StackName>, place: &Place, trouble: Trouble) -> Vec<Line<T>> {
    let trouble = Arc::new(trouble);
    let line = |name| Line { name, place: Some(place.clone()), outcome: Err(Arc::clone(&trouble)) };
    names.into_iter().map(line).collect()
}

/// One account and region.
struct Scope<'a, L> {
    store: &'a Store,
    aws: Aws,
    place: Place,
    look: &'a L,
}

impl<L: Look> Scope<'_, L> {
    async fn look_at(self, names: &[StackName], tell: impl Fn(usize)) -> Vec<Line<L::Seen>> {
        let apart = apart::Apart::new(&self.aws, self.look);
        let (scope, apart, tell) = (&self, &apart, &tell);
        let batches = stream::iter(names.chunks(BATCH)).map(|names| async move {
            let lines = scope.batch(names, apart).await;
            tell(names.len());
            lines
        });
        let lines: Vec<_> = batches.buffered(BATCHES).collect().await;
        lines.into_iter().flatten().collect()
    }

    async fn batch(&self, names: &[StackName], apart: &apart::Apart<'_, L>) -> Vec<Line<L::Seen>> {
        let loaded = join_all(names.iter().map(|name| self.load(name))).await;
        let (mut lines, mut loaded_names, mut stacks) = (Vec::new(), Vec::new(), Vec::new());
        for (name, loaded) in names.iter().zip(loaded) {
            match loaded {
                Ok(Some(stack)) => {
                    loaded_names.push(name);
                    stacks.push(stack);
                }
                Ok(None) => {}
                Err(trouble) => lines.push(self.line(name, Err(Arc::new(trouble)))),
            }
        }
        let outcomes = apart.look_at(&stacks).await;
        for (name, (stack, outcome)) in loaded_names.into_iter().zip(stacks.iter().zip(outcomes)) {
            let outcome = match self.disturbance(name, stack).await {
                Some(trouble) => Err(Arc::new(trouble)),
                None => outcome,
            };
            lines.push(self.line(name, outcome));
        }
        lines
    }

    /// Reads a state once more, as it is now; `None` if the stack was taken down meanwhile.
    async fn load(&self, name: &StackName) -> Result<Option<Recorded>, Trouble> {
        let state = self.store.load(&name.stack, &name.environment).await?;
        let Some(state) = state.filter(|state| !is_taken_down(state)) else { return Ok(None) };
        let in_doubt = state.in_doubt.keys().cloned().collect();
        let read = state.clone();
        let state = settled(&self.aws, state).await?;
        Ok(Some(Recorded { state, in_doubt, read }))
    }

    /// What speaks against a look at a stack that has been made.
    async fn disturbance(&self, name: &StackName, stack: &Recorded) -> Option<Trouble> {
        if !L::IS_UNDISTURBED {
            return None;
        }
        match self.store.is_undisturbed(name, Some(&stack.read)).await {
            Ok(true) => None,
            Ok(false) => Some(Trouble::Disturbed),
            Err(error) => Some(error.into()),
        }
    }

    fn line(&self, name: &StackName, outcome: Result<L::Seen, Arc<Trouble>>) -> Line<L::Seen> {
        Line { name: name.clone(), place: Some(self.place.clone()), outcome }
    }
}
