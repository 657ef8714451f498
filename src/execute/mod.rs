//! Carries a plan out: starts what can start, writes down what happens, tells what it sees.
//!
//! One loop decides and is the only writer of journal and events; the calls themselves run beside
//! it. The rules of the journal are kept here: an intent is on disk before AWS hears of it, and
//! an outcome before anything that depends on it starts.
//!
//! A failure starts nothing behind it and lets what runs finish. There is no rollback of
//! infrastructure: run again, and it goes on.

mod inspection;
mod leg;
mod look;
mod operation;
mod poller;
pub mod recovery;
mod removal;
pub mod schedule;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use operation::StepError;

use self::inspection::{Ending, Inspector, Looked};
use self::operation::{Outcome, Step};
use self::poller::{Answered, Poller, Watched};
use self::schedule::{Task, schedule};
use crate::aws::Aws;
use crate::diagnose::Finding;
use crate::event::{Event, Verb};
use crate::graph::Until;
use crate::plan::{Plan, Planned};
use crate::resource::reference::resolve;
use crate::resource::{Address, Kind, LiveValue, Readiness, SoughtValue};
use crate::state::store::{Recorder, StoreError};
use crate::state::{Entry, Intent, physical_id};

/// How a plan is to be carried out.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether services are waited for until they run steadily.
    pub wait_for_services: bool,
    /// What is done about a deployment that can't succeed.
    pub hopeless: Hopeless,
    /// The longest that the whole run may wait; `None` for as long as each resource may.
    pub timeout: Option<Duration>,
    /// Turns true when nothing new is to be started.
    pub stop: watch::Receiver<bool>,
}

/// What is done about a deployment that was found unable to succeed, while AWS still tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hopeless {
    /// The wait ends at once.
    GiveUp,
    /// It is waited for until AWS gives up too.
    WaitOn,
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Summary {
    /// What was done.
    pub done: Vec<(Address, Verb)>,
    /// What failed, and how.
    pub failed: Vec<(Address, Verb, Failure)>,
    /// What was not attempted, and because of what.
    pub skipped: Vec<(Address, Verb, Address)>,
    /// What was not started since the run was stopped.
    pub left: Vec<(Address, Verb)>,
}

/// Why something failed.
#[derive(Debug, Error)]
pub enum Failure {
    /// The step itself.
    #[error(transparent)]
    Step(#[from] StepError),
    /// It exists, and will not work.
    #[error("{0}")]
    Broken(String),
    /// The deployment of a service failed, or can't succeed.
    #[error("{reason}")]
    Deployment {
        /// What AWS says of the deployment, or why it can't succeed.
        reason: String,
        /// What was found, the most fundamental first.
        findings: Vec<Finding>,
    },
    /// It was waited for as long as it may be waited for.
    #[error("it was still {status} after {} s", waited.as_secs())]
    TimedOut {
        /// AWS's last word.
        status: String,
        /// For how long it was waited.
        waited: Duration,
        /// What was found to keep it from working.
        findings: Vec<Finding>,
    },
}

impl Summary {
    /// Whether all of the plan was carried out.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.skipped.is_empty() && self.left.is_empty()
    }
}

/// Carries `plan` out, writing to `recorder` and telling `events`.
///
/// # Errors
///
/// [`StoreError`] when something could not be written down. The run stops there: what is under
/// way is left to itself, and the journal says that it is in doubt.
pub async fn execute<R: Recorder>(
    aws: &Aws,
    plan: &Plan,
    recorder: &mut R,
    events: &mpsc::UnboundedSender<Event>,
    options: Options,
) -> Result<Summary, StoreError> {
    let aws = &aws.standing_on(standing(plan));
    let tasks = schedule(plan);
    let progress = tasks.iter().map(|_| Progress::Waiting).collect();
    let mut run = Run {
        aws,
        plan,
        tasks,
        progress,
        recorder,
        events,
        poller: Poller::new(aws.clone()),
        inspector: Inspector::new(aws.clone()),
        steps: JoinSet::new(),
        summary: Summary::default(),
        deadline: options.timeout.map(|timeout| Instant::now() + aws.pace().scaled(timeout)),
        options,
        retries: mpsc::unbounded_channel(),
    };
    run.until_done().await?;
    Ok(run.summary)
}

/// What was there and worked before the run: where it is not found, it is gone.
fn standing(plan: &Plan) -> impl Iterator<Item = String> + '_ {
    let present = plan.resources.iter().filter_map(|planned| planned.present.as_ref());
    let standing = present.filter(|present| present.record.ready && present.live.is_some());
    standing.map(|present| present.record.id.clone())
}

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

struct Run<'a, R> {
    aws: &'a Aws,
    plan: &'a Plan,
    tasks: Vec<Task>,
    progress: Vec<Progress>,
    recorder: &'a mut R,
    events: &'a mpsc::UnboundedSender<Event>,
    poller: Poller,
    inspector: Inspector,
    steps: JoinSet<(usize, Result<Outcome, StepError>)>,
    summary: Summary,
    deadline: Option<Instant>,
    options: Options,
    retries: (mpsc::UnboundedSender<Event>, mpsc::UnboundedReceiver<Event>),
}

impl<R: Recorder> Run<'_, R> {
    async fn until_done(&mut self) -> Result<(), StoreError> {
        let mut is_told = false;
        loop {
            if !self.is_stopping() {
                self.start_what_can()?;
            } else if !is_told {
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
        Ok(())
    }

    fn is_stopping(&self) -> bool {
        *self.options.stop.borrow()
    }

    /// Waits for the next thing to happen, and takes it in.
    async fn next(&mut self) -> Result<(), StoreError> {
        let stopping = self.is_stopping();
        tokio::select! {
            biased;
            Some(retry) = self.retries.1.recv() => self.tell(retry),
            Some(joined) = self.steps.join_next() => {
                let (place, outcome) = joined.expect("a step does not panic");
                self.stepped(place, outcome)?;
            }
            answered = self.poller.next(), if !stopping && !self.poller.is_idle() => {
                self.polled(answered)?;
            }
            looked = self.inspector.next(), if !stopping => self.looked(looked)?,
            () = asked_to_stop(&mut self.options.stop), if !stopping => (),
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

    /// Starts every task that waits for nothing any more, the longest chains first.
    fn start_what_can(&mut self) -> Result<(), StoreError> {
        let mut startable: Vec<usize> =
            (0..self.tasks.len()).filter(|place| self.can_start(*place)).collect();
        startable.sort_by_key(|place| std::cmp::Reverse(self.tasks[*place].urgency));
        startable.into_iter().try_for_each(|place| self.start(place))
    }

    fn can_start(&self, place: usize) -> bool {
        self.progress[place] == Progress::Waiting
            && self.tasks[place].waits.iter().all(|(other, until)| match until {
                Until::Exists => {
                    matches!(self.progress[*other], Progress::Exists | Progress::Ready)
                }
                Until::Ready => self.progress[*other] == Progress::Ready,
            })
    }

    fn start(&mut self, place: usize) -> Result<(), StoreError> {
        let (address, verb) = (self.address(place), self.tasks[place].verb);
        self.tell(Event::Started { address: address.clone(), verb });
        self.progress[place] = Progress::Running;
        if verb == Verb::Await {
            self.confirm(place)?;
            self.progress[place] = Progress::Exists;
            self.watch(place);
            return Ok(());
        }
        let step = self.step(place);
        self.write_intent(place, &step)?;
        let aws = self.aws_of(&address);
        let tell = self.retries.0.clone();
        self.steps.spawn(async move {
            let outcome = operation::perform(&aws, &address, step, &tell).await;
            (place, outcome)
        });
        Ok(())
    }

    /// Writes down that a resource is as it is wanted, where an interrupted run could not.
    fn confirm(&mut self, place: usize) -> Result<(), StoreError> {
        let planned = self.planned(place);
        let (Some(present), Some(desired)) = (&planned.present, &planned.desired) else {
            return Ok(());
        };
        let (false, Some(live)) = (present.record.configured, &present.live) else {
            return Ok(());
        };
        let (address, spec) = (planned.address.clone(), desired.spec.clone());
        self.recorder.record(Entry::Confirmed { address, spec, outputs: live.outputs.clone() })
    }

    /// Clients that tell of every repetition under the address's name.
    fn aws_of(&self, address: &Address) -> Aws {
        let (sender, address) = (self.retries.0.clone(), address.clone());
        self.aws.telling(Arc::new(move |retry| {
            let _ = sender.send(Event::Retrying {
                address: address.clone(),
                attempt: retry.attempt,
                code: retry.code,
                because: retry.because.to_owned(),
                pause: retry.pause,
            });
        }))
    }

    fn write_intent(&mut self, place: usize, step: &Step) -> Result<(), StoreError> {
        let planned = self.planned(place);
        let address = planned.address.clone();
        let verb = self.tasks[place].verb;
        let generation = self.generation(place);
        let mut needs: BTreeSet<Address> =
            planned.desired.iter().flat_map(|desired| desired.needs.keys().cloned()).collect();
        let (spec, identity) = match step {
            Step::Create { spec, identity, .. } | Step::Update { spec, identity, .. } => {
                (spec.clone(), identity.clone())
            }
            Step::Delete { .. } => {
                let present = planned.present.as_ref().expect("what is removed was recorded");
                (Value::Null, present.record.identity.clone())
            }
        };
        let verb = match verb {
            Verb::Widen => {
                // What it refers to besides is needed until the update that follows.
                let before = planned.present.iter().flat_map(|present| &present.record.needs);
                needs.extend(before.cloned());
                Verb::Update
            }
            verb => verb,
        };
        let intent = Intent { verb, generation, identity, spec, needs, unfound: false };
        self.recorder.record(Entry::Begin { address, intent })
    }

    /// The generation that a task is about: the old one's for a removal, the wanted one otherwise.
    fn generation(&self, place: usize) -> u32 {
        let planned = self.planned(place);
        let present = planned.present.as_ref().map(|present| present.record.generation);
        let desired = planned.desired.as_ref().map(|desired| desired.generation);
        let generation = match self.tasks[place].verb {
            Verb::Delete => present,
            Verb::Create | Verb::Update | Verb::Widen | Verb::Await => desired.or(present),
        };
        generation.unwrap_or_default()
    }

    fn step(&self, place: usize) -> Step {
        let planned = self.planned(place);
        match (self.tasks[place].verb, &planned.desired, &planned.present) {
            (Verb::Create, Some(desired), _) => {
                let state = self.recorder.state();
                Step::Create {
                    spec: self.resolved(planned.address.kind(), &desired.spec),
                    identity: desired.identity.clone(),
                    others: state.others_at(&planned.address, desired.generation),
                    in_doubt: state.in_doubt.contains_key(&planned.address),
                }
            }
            (verb @ (Verb::Update | Verb::Widen), Some(desired), Some(present)) => {
                let resolved = |spec: &Value| self.resolved(planned.address.kind(), spec);
                let leg = leg::of(verb, planned, desired, present, resolved);
                let identity = desired.identity.clone();
                Step::Update { spec: leg.to, identity, from: Box::new(leg.from), fields: leg.fields }
            }
            (_, _, Some(present)) => Step::Delete { gone: present.sought(&planned.address) },
            _ => unreachable!("a plan's entry has what its action needs"),
        }
    }

    /// The spec with every reference replaced: what it refers to has been made.
    fn resolved(&self, kind: Kind, spec: &Value) -> Value {
        let resources = &self.recorder.state().resources;
        let spec = resolve(spec, &|reference| {
            resources.get(&reference.address)?.outputs.get(&reference.output).cloned()
        });
        kind.canonical(&spec).unwrap_or(spec)
    }

    /// Takes in what came of a step.
    fn stepped(
        &mut self,
        place: usize,
        outcome: Result<Outcome, StepError>,
    ) -> Result<(), StoreError> {
        let address = self.address(place);
        match outcome {
            Ok(Outcome::Made(outputs)) => self.made(place, outputs, true)?,
            Ok(Outcome::Found(outputs)) => self.made(place, outputs, false)?,
            Ok(Outcome::Removed) if address.kind().facts().lingers => {
                self.progress[place] = Progress::Exists;
                self.watch(place);
            }
            Ok(Outcome::Removed) => self.ready(place)?,
            Err(error) => {
                if let Some(entry) = after_failure(self.tasks[place].verb, &error, address) {
                    self.recorder.record(entry)?;
                }
                self.fail(place, error.into());
            }
        }
        Ok(())
    }

    fn made(&mut self, place: usize, outputs: Value, configured: bool) -> Result<(), StoreError> {
        let (address, id) = (self.address(place), physical_id(&outputs));
        self.recorder.record(Entry::Made { address: address.clone(), outputs, configured })?;
        self.progress[place] = Progress::Exists;
        self.tell(Event::Exists { address, id });
        self.watch(place);
        Ok(())
    }

    /// Has the poller look at a resource until it works, or is gone.
    fn watch(&mut self, place: usize) {
        let planned = self.planned(place);
        let address = planned.address.clone();
        let facts = address.kind().facts();
        let verb = self.tasks[place].verb;
        let may_leave = !self.options.wait_for_services && !self.is_awaited(place);
        if may_leave && verb != Verb::Delete && facts.converges {
            self.progress[place] = Progress::Ready;
            self.finish(place);
            return;
        }
        let sought = match (verb, &planned.present) {
            (Verb::Delete, Some(present)) => present.sought(&address),
            // What an earlier run left unfinished may have been taken further by others since.
            (Verb::Await, Some(present)) if present.live.is_some() => present.sought_live(&address),
            _ => self.recorded(&address),
        };
        if verb != Verb::Delete {
            self.inspector.begin(place, &sought);
        }
        let within = if verb == Verb::Delete { facts.gone_within } else { facts.ready_within };
        let within = self.aws.pace().scaled(within);
        let deadline = Instant::now() + within;
        let deadline = self.deadline.map_or(deadline, |whole| whole.min(deadline));
        let wanted = if verb == Verb::Delete { Readiness::Absent } else { Readiness::Ready };
        let since = Instant::now();
        self.poller.watch(Watched { place, sought, wanted, since, deadline, failing: None });
    }

    /// Whether something is to go once this works: what the tasks of before still use.
    fn is_awaited(&self, place: usize) -> bool {
        self.tasks.iter().any(|task| task.waits.contains(&(place, Until::Ready)))
    }

    fn recorded(&self, address: &Address) -> SoughtValue {
        let record = self.recorder.state().resources.get(address);
        let record = record.expect("what was made is recorded");
        SoughtValue {
            address: address.clone(),
            outputs: record.outputs.clone(),
            applied: record.applied.clone(),
        }
    }

    /// Takes in what the poller saw.
    fn polled(&mut self, answered: Vec<Answered>) -> Result<(), StoreError> {
        for Answered { watched, seen } in answered {
            let place = watched.place;
            if self.inspector.is_ending(place) || self.progress[place] == Progress::Over {
                continue;
            }
            let waited = self.aws.pace().unscaled(watched.since.elapsed());
            match seen {
                Ok(readiness) if readiness == watched.wanted => self.ready(place)?,
                Ok(Readiness::Failed(why)) if watched.wanted == Readiness::Ready => {
                    self.end_badly(place, Ending::Failed(why));
                }
                Ok(Readiness::Leaving(status)) if watched.wanted == Readiness::Ready => {
                    self.fail(place, Failure::Broken(format!("somebody deleted it: {status}")));
                }
                Ok(readiness) => {
                    let status = status(&readiness);
                    if Instant::now() >= watched.deadline {
                        self.end_badly(place, Ending::TimedOut { status, waited });
                    } else {
                        let address = self.address(place);
                        self.tell(Event::Waiting { address, status, waited });
                        self.poller.watch(watched);
                        self.inspector.remind(place);
                    }
                }
                Err(error) => self.fail(place, StepError::from(error).into()),
            }
        }
        Ok(())
    }

    /// A wait ends badly: at once, or when it has been looked at once more.
    fn end_badly(&mut self, place: usize, ending: Ending) {
        if let Some(ending) = self.inspector.end(place, ending) {
            self.fail(place, failure(ending, Vec::new()));
        }
    }

    /// Takes in what a closer look at a deployment has shown.
    fn looked(&mut self, looked: Looked) -> Result<(), StoreError> {
        let Looked { place, rollout, findings, news, ending, live } = looked;
        let address = self.address(place);
        if let Some(rollout) = rollout.filter(|rollout| !rollout.revision.is_empty()) {
            self.tell(Event::Rollout { address: address.clone(), rollout });
        }
        for finding in news {
            let finding = Box::new(finding);
            self.tell(Event::Cause { address: address.clone(), finding });
        }
        if let Some(ending) = ending {
            self.record_what_runs(address, live)?;
            self.fail(place, failure(ending, findings));
        } else if self.options.hopeless == Hopeless::GiveUp
            && findings.iter().any(Finding::is_lasting)
        {
            self.poller.forget(place);
            self.end_badly(place, Ending::Hopeless);
        }
        Ok(())
    }

    /// After a deployment that failed, the earlier revision may be running again: the state says
    /// so, and the next plan sees the difference.
    fn record_what_runs(
        &mut self,
        address: Address,
        live: Option<LiveValue>,
    ) -> Result<(), StoreError> {
        let record = self.recorder.state().resources.get(&address);
        match (record, live) {
            (Some(record), Some(live))
                if record.applied != live.spec || record.outputs != live.outputs =>
            {
                let LiveValue { spec, outputs, .. } = live;
                self.recorder.record(Entry::Seen { address, spec, outputs })
            }
            _ => Ok(()),
        }
    }

    /// A task has reached its end.
    fn ready(&mut self, place: usize) -> Result<(), StoreError> {
        let address = self.address(place);
        let entry = if self.tasks[place].verb == Verb::Delete {
            Entry::Unmade { address, generation: self.generation(place) }
        } else {
            Entry::Ready { address }
        };
        self.recorder.record(entry)?;
        self.inspector.forget(place);
        self.progress[place] = Progress::Ready;
        self.finish(place);
        Ok(())
    }

    fn finish(&mut self, place: usize) {
        let (address, verb) = (self.address(place), self.tasks[place].verb);
        self.tell(Event::Finished { address: address.clone(), verb });
        self.summary.done.push((address, verb));
    }

    /// A task has failed: nothing behind it is started.
    fn fail(&mut self, place: usize, failure: Failure) {
        let (address, verb) = (self.address(place), self.tasks[place].verb);
        let error = failure.to_string();
        self.inspector.forget(place);
        self.tell(Event::Failed { address: address.clone(), verb, error });
        self.summary.failed.push((address.clone(), verb, failure));
        // What only needed it to exist has what it needs.
        let existed = self.progress[place] == Progress::Exists;
        self.progress[place] = Progress::Over;
        self.skip_behind(place, &address, existed);
    }

    fn skip_behind(&mut self, place: usize, because_of: &Address, existed: bool) {
        let behind: Vec<usize> = (0..self.tasks.len())
            .filter(|other| self.progress[*other] == Progress::Waiting)
            .filter(|other| {
                self.tasks[*other].waits.iter().any(|(awaited, until)| {
                    *awaited == place && !(existed && *until == Until::Exists)
                })
            })
            .collect();
        for other in behind {
            if self.progress[other] != Progress::Waiting {
                continue;
            }
            self.progress[other] = Progress::Over;
            let (address, verb) = (self.address(other), self.tasks[other].verb);
            let because_of = because_of.clone();
            self.tell(Event::Skipped {
                address: address.clone(),
                verb,
                because_of: because_of.clone(),
            });
            self.summary.skipped.push((address, verb, because_of.clone()));
            self.skip_behind(other, &because_of, false);
        }
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

/// What is written down of a step that failed; nothing where it stays in doubt.
fn after_failure(verb: Verb, error: &StepError, address: Address) -> Option<Entry> {
    match verb {
        Verb::Create => error.made_nothing(&address).then_some(Entry::Untouched { address }),
        // Some of it may be done.
        Verb::Update | Verb::Widen => error.is_refusal().then_some(Entry::Unresolved { address }),
        Verb::Delete | Verb::Await => error.is_refusal().then_some(Entry::Untouched { address }),
    }
}

fn failure(ending: Ending, findings: Vec<Finding>) -> Failure {
    match ending {
        Ending::Failed(reason) if findings.is_empty() => Failure::Broken(reason),
        Ending::Failed(reason) => Failure::Deployment { reason, findings },
        Ending::Hopeless => {
            let lasting = findings.iter().find(|finding| finding.is_lasting());
            let title = lasting.map_or("what was found lasts", |finding| &finding.title);
            Failure::Deployment { reason: format!("waiting does not help: {title}"), findings }
        }
        Ending::TimedOut { status, waited } => Failure::TimedOut { status, waited, findings },
    }
}

fn status(readiness: &Readiness) -> String {
    match readiness {
        Readiness::Ready => "still there".into(),
        Readiness::Pending(status) | Readiness::Leaving(status) => status.clone(),
        Readiness::Failed(why) => why.clone(),
        Readiness::Absent => "not visible yet".into(),
    }
}
