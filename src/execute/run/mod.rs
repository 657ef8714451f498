//! The loop: what is under way, what happens next, and who is told.
//!
//! `start` begins what waits for nothing any more; `intake` takes in what came of it. Both change
//! the run only here, one thing after the other.

mod intake;
mod leg;
mod needs;
mod start;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::halt::Halt;
use super::inspection::Inspector;
use super::limits::draining;
use super::operation::Outcome;
use super::poller::Poller;
use super::schedule::{Task, schedule};
use super::{Options, StepError, Summary};
use crate::aws::Aws;
use crate::event::{Event, Verb};
use crate::plan::{Plan, Planned};
use crate::resource::Address;
use crate::state::store::{Recorder, StoreError};

/// How far a task has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// It has not been started.
    Waiting,
    /// AWS has been asked.
    Running,
    /// AWS has done it, and it is waited for until it works, or is gone.
    Exists,
    /// It works, or is gone.
    Ready,
    /// It failed, or was skipped.
    Over,
}

/// A plan that is being carried out.
pub struct Run<'a, R> {
    aws: Aws,
    plan: &'a Plan,
    tasks: Vec<Task>,
    progress: Vec<Progress>,
    recorder: &'a mut R,
    events: &'a mpsc::UnboundedSender<Event>,
    poller: Poller,
    inspector: Inspector,
    steps: JoinSet<(usize, Result<Outcome, StepError>)>,
    summary: Summary,
    halt: Halt,
    options: Options,
    /// How long old tasks may go on working.
    draining: Duration,
    retries: (mpsc::UnboundedSender<Event>, mpsc::UnboundedReceiver<Event>),
}

impl<'a, R: Recorder> Run<'a, R> {
    /// A run in which nothing has been started.
    pub fn new(
        aws: &Aws,
        plan: &'a Plan,
        recorder: &'a mut R,
        events: &'a mpsc::UnboundedSender<Event>,
        options: Options,
    ) -> Self {
        let aws = aws.standing_on(standing(plan));
        let tasks = schedule(plan);
        Self {
            plan,
            progress: tasks.iter().map(|_| Progress::Waiting).collect(),
            tasks,
            recorder,
            events,
            poller: Poller::new(aws.clone()),
            inspector: Inspector::new(aws.clone()),
            steps: JoinSet::new(),
            summary: Summary::default(),
            halt: Halt::new(options.timeout.map(|timeout| aws.pace().scaled(timeout))),
            options,
            draining: draining(plan),
            retries: mpsc::unbounded_channel(),
            aws,
        }
    }

    /// Starts what can be started and takes in what happens, until there is nothing left to do.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when something could not be written down.
    pub async fn finish_all(mut self) -> Result<Summary, StoreError> {
        self.record_needs().await?;
        let mut is_told = false;
        loop {
            if !self.is_halted() {
                self.start_what_can().await?;
            } else if self.is_stopping() && !is_told {
                self.tell(Event::Stopping);
                is_told = true;
            }
            let is_waiting = !self.poller.is_idle() || !self.inspector.is_idle();
            if self.steps.is_empty() && (!is_waiting || self.is_stopping()) {
                break;
            }
            self.next().await?;
        }
        self.leave_the_rest();
        if self.summary.is_complete() {
            self.forget_needs().await?;
        }
        Ok(self.summary)
    }

    fn is_stopping(&self) -> bool {
        *self.options.stop.borrow()
    }

    /// Whether nothing new is to be started; what is under way hears of it.
    fn is_halted(&mut self) -> bool {
        if self.is_stopping() {
            self.halt.call();
        }
        self.halt.is_called()
    }

    /// Waits for the next thing to happen, and takes it in.
    async fn next(&mut self) -> Result<(), StoreError> {
        let stopping = self.is_stopping();
        tokio::select! {
            biased;
            Some(retry) = self.retries.1.recv() => self.tell(retry),
            Some(joined) = self.steps.join_next() => {
                let others = std::iter::from_fn(|| self.steps.try_join_next());
                let joined: Vec<_> = std::iter::once(joined).chain(others).collect();
                let ended = joined.into_iter().map(|step| step.expect("a step does not panic"));
                self.stepped(ended.collect()).await?;
            }
            answered = self.poller.next(), if !stopping && !self.poller.is_idle() => {
                self.polled(answered).await?;
            }
            looked = self.inspector.next(), if !stopping => self.looked(looked).await?,
            () = asked_to_stop(&mut self.options.stop), if !stopping => (),
            () = self.halt.time_is_up() => self.summary.is_overdue = true,
        }
        Ok(())
    }

    fn tell(&self, event: Event) {
        // Nobody listening is no reason to stop.
        let _ = self.events.send(event);
    }

    fn planned(&self, place: usize) -> &Planned {
        &self.plan.resources[self.tasks[place].planned]
    }

    fn address(&self, place: usize) -> Address {
        self.planned(place).address.clone()
    }

    /// Clients that tell of every repetition under the address's name.
    fn aws_of(&self, address: &Address, verb: Verb) -> Aws {
        let aws = match self.options.limits.removal(address.kind(), verb) {
            Some(bound) => self.aws.bearing_use_for(bound),
            None => self.aws.clone(),
        };
        let (sender, address) = (self.retries.0.clone(), address.clone());
        aws.telling(Arc::new(move |retry| {
            let _ = sender.send(Event::Retrying {
                address: address.clone(),
                attempt: retry.attempt,
                code: retry.code,
                because: retry.because.to_owned(),
                pause: retry.pause,
            });
        }))
    }

    /// A task is left where it stands: AWS has refused for the time being, and is asked no more.
    fn give_up(&mut self, place: usize) {
        self.progress[place] = Progress::Over;
        let given_up = (self.address(place), self.tasks[place].verb);
        self.summary.given_up.push(given_up);
    }

    /// What was never started, since the run was stopped.
    fn leave_the_rest(&mut self) {
        for place in 0..self.tasks.len() {
            if matches!(self.progress[place], Progress::Waiting | Progress::Exists) {
                let left = (self.address(place), self.tasks[place].verb);
                self.summary.left.push(left);
            }
        }
    }
}

/// Waits until the run is to stop: for ever, once nobody is left to say so.
async fn asked_to_stop(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// What was there and worked before the run: where it is not found, it is gone.
fn standing(plan: &Plan) -> impl Iterator<Item = String> + '_ {
    let present = plan.resources.iter().filter_map(|planned| planned.present.as_ref());
    let standing = present.filter(|present| present.record.ready && present.live.is_some());
    standing.map(|present| present.record.id.clone())
}
